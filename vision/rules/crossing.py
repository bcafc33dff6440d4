"""Somebody who was on the promenade climbs over the seawall and stands beyond it.

Zone entry waits until the feet are in a zone; this rule speaks of the line itself, also where no zone lies behind it.
It is off until the site switches it on: where danger zones begin at the wall they say the same.

    ON LAND for steady_s ──feet beyond the crest──► BEYOND for beyond_s (told once) ──on land again──► ON LAND
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vision.alert import AlertKind
from vision.rules.finding import Finding
from vision.scene import FIRST_FORESHORE, LAND
from vision.track import Track


@dataclass(frozen=True, slots=True)
class CrossingConfig:
    on: bool = False
    steady_s: float = 1.0
    beyond_s: float = 0.8
    min_hits: int = 3


@dataclass(slots=True)
class _Side:
    land_since_s: float | None = None
    was_steady: bool = False
    beyond_since_s: float | None = None
    hits: int = 0
    told: bool = False


class CrossingRule:
    def __init__(self, config: CrossingConfig) -> None:
        self._config = config
        self._sides: dict[int, _Side] = {}

    def step(
        self, tracks: Sequence[Track], zones_of: Callable[[Track], tuple[str, ...]], now_s: float
    ) -> list[Finding]:
        """`zones_of` tells the zones that already count a track as inside: then this is no news."""
        if not self._config.on:
            return []
        alive = {track.id for track in tracks}
        self._sides = {key: side for key, side in self._sides.items() if key in alive}
        findings = [self._seen(track, zones_of, now_s) for track in tracks if track.missing_s(now_s) == 0.0]
        return [finding for finding in findings if finding is not None]

    def _seen(self, track: Track, zones_of: Callable[[Track], tuple[str, ...]], now_s: float) -> Finding | None:
        config = self._config
        side = self._sides.setdefault(track.id, _Side())
        if track.detection.code == LAND:
            side.land_since_s = now_s if side.land_since_s is None else side.land_since_s
            side.was_steady |= now_s - side.land_since_s >= config.steady_s
            side.beyond_since_s, side.hits, side.told = None, 0, False
            return None
        side.land_since_s = None
        if track.detection.code < FIRST_FORESHORE:
            return None  # in the air or in the water: falls are another rule's
        side.beyond_since_s = now_s if side.beyond_since_s is None else side.beyond_since_s
        side.hits += 1
        beyond_s = now_s - side.beyond_since_s
        known = side.told or not (side.was_steady and track.confirmed and track.was_person)
        if known or beyond_s < config.beyond_s or side.hits < config.min_hits:
            return None
        side.told = True
        if zones_of(track):
            return None
        details = {
            "seen": "crossed_seawall",
            "beyond_s": round(beyond_s, 2),
            "reason": f"climbed over the seawall and has been beyond it for {beyond_s:.1f} s "
            f"(threshold {config.beyond_s:.1f} s)",
        }
        return Finding(AlertKind.ZONE_ENTRY, track.position, track.sigma_m, track.id, 0.8, details)
