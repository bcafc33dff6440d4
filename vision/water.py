"""What stands out on water: darker or brighter than the water right beside it, by more than the waves are.

The empty scene alone does not help there, for waves never stand still; their contrast with their neighbourhood does:
hair, faces and clothes are darker than silt-laden water, crests and foam are brighter. The threshold follows the
waves' own contrast, so it rises when the bore has passed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision.background import Gray


@dataclass(frozen=True, slots=True)
class WaterConfig:
    neighbourhood_px: tuple[int, int] = (17, 9)  # wide and low, as waves are
    dark_factor: float = 6.0  # of the waves' own deviation
    dark_floor: int = 20  # grey levels
    bright_factor: float = 9.0
    bright_floor: int = 34
    ceiling: int = 70
    measure_every: int = 5  # frames
    sample_step: int = 5


class WaterContrast:
    """Keeps the waves' deviation; `split` gives the two masks of what stands out."""

    def __init__(self, config: WaterConfig) -> None:
        self._config = config
        self._frame = 0
        self._deviation = 4.0

    def split(self, gray: Gray, water: Gray) -> tuple[Gray, Gray]:
        """255 where water is covered by something dark, and where by something bright."""
        config = self._config
        around = cv2.blur(gray, config.neighbourhood_px)
        darker = cv2.subtract(around, gray)
        brighter = cv2.subtract(gray, around)
        if self._frame % config.measure_every == 0:
            self._measure(darker, brighter, water)
        self._frame += 1
        dark = _above(darker, self._deviation * config.dark_factor, config.dark_floor, config.ceiling)
        bright = _above(brighter, self._deviation * config.bright_factor, config.bright_floor, config.ceiling)
        return cv2.bitwise_and(dark, water), cv2.bitwise_and(bright, water)  # type: ignore[return-value]

    def _measure(self, darker: cv2.typing.MatLike, brighter: cv2.typing.MatLike, water: Gray) -> None:
        step = self._config.sample_step
        wet = water[::step, ::step] > 0
        if np.count_nonzero(wet) < 20:
            return
        contrast = darker[::step, ::step][wet].astype(np.float32) + brighter[::step, ::step][wet]
        self._deviation = 0.7 * self._deviation + 0.3 * max(float(contrast.mean()) * 1.25, 1.0)


def _above(values: cv2.typing.MatLike, level: float, floor: int, ceiling: int) -> cv2.typing.MatLike:
    return cv2.threshold(values, min(max(level, floor), ceiling), 255, cv2.THRESH_BINARY)[1]
