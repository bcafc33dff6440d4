"""The thresholds of the camera's health. Times in seconds; sizes as shares, so that any picture size is alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SightConfig:
    references: bool = True  # whether the picture is held against how it looked before
    look_every_s: float = 3.0
    settle_s: float = 8.0  # from the first picture to the first reference

    knock_share: float = 0.0032  # of the picture's width: 2 px of 640, 2 to 3 m at 100 m for a camera 10 m up
    knock_rotation_deg: float = 0.5
    knock_begin_s: float = 9.0
    knock_end_s: float = 15.0
    strange_s: float = 300.0  # nothing of the reference is found again, though the picture is sharp
    relight_s: float = 600.0  # at least so long between two references for changing light

    dirty_blur: float = 0.45  # fine over coarse gradient energy, against the reference
    dirty_spot: float = 0.15  # a tile's gradient energy against its reference
    dirty_share: float = 0.3  # of the tiles
    dirty_begin_s: float = 120.0
    dirty_end_s: float = 60.0
    veil: float = 0.04  # all tiles' gradient energy against the reference: a fifth of the contrast
    veil_begin_s: float = 300.0

    dark_level: float = 45.0  # grey levels
    dark_signal: float = 14.0  # grey levels between the dark and the bright parts of the land
    dark_signal_to_noise: float = 3.0
    dark_begin_s: float = 20.0
    dark_end_s: float = 15.0

    white_level: int = 250
    blinded_share: float = 0.3  # of what is watched
    glare_share: float = 0.05  # of the whole picture, with the contrast of the land gone
    glare_energy: float = 0.12
    blinded_begin_s: float = 10.0
    blinded_end_s: float = 15.0

    covered_spread: float = 25.0  # grey levels between the dark and the bright parts of the picture
    covered_of_usual: float = 0.25
    covered_energy: float = 0.03
    covered_begin_s: float = 6.0
    covered_end_s: float = 6.0

    loop_window_s: float = 10.0
    loop_memory_s: float = 300.0
    loop_share: float = 0.8
    loop_distinct: int = 8
