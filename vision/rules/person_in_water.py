"""A person is in the water.

Three ways to know, none of them by the look of one frame (VISION.md §1.6):
- *after a fall*: the fallen track is still seen floating a moment later;
- *taken*: somebody in a danger zone on the foreshore is gone, or is suddenly over water, while the water there rose;
- *drifting*: something of a head's size, steadily seen, neither standing still nor faster than the current.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vision.alert import AlertKind
from vision.detect import Shape
from vision.rules.finding import Finding
from vision.scene import WATER
from vision.track import Track


@dataclass(frozen=True, slots=True)
class PersonInWaterConfig:
    after_fall_s: float = 2.0
    taken_missing_s: float = 1.0
    drift_s: float = 5.0
    drift_min_hits_share: float = 0.75
    drift_max_crowded_share: float = 0.3  # a boat has parts; a swimmer is alone
    drift_min_m: float = 1.5
    drift_max_mps: float = 3.5  # an ebb; what goes faster flies
    drift_swift_mps: float = 7.0  # behind a bore
    drift_straightness: float = 0.7  # way made good over way gone
    max_size_m: float = 1.2
    min_aspect: float = 0.68  # height over width: a head stands out of the water, driftwood and foam lie on it
    swept_mps: float = 2.0  # one sigma of how fast the bore takes who is out of sight


class PersonInWaterRule:
    def __init__(self, config: PersonInWaterConfig) -> None:
        self._config = config
        self._told: set[int] = set()
        self._fallen_at_s: dict[int, float] = {}

    def note_fall(self, track_id: int, now_s: float) -> None:
        self._fallen_at_s[track_id] = now_s

    def step(
        self,
        tracks: Sequence[Track],
        in_zone: Callable[[Track], tuple[str, ...]],
        water_came: Callable[[Track], bool],
        now_s: float,
        *,
        swift: bool = False,
    ) -> list[Finding]:
        """`swift`: a front has passed, and the river runs as it does behind one."""
        alive = {track.id for track in tracks}
        self._told &= alive
        self._fallen_at_s = {key: at for key, at in self._fallen_at_s.items() if key in alive}
        findings: list[Finding] = []
        for track in tracks:
            if track.id in self._told:
                continue
            finding = (
                self._after_fall(track, now_s)
                or self._taken(track, in_zone(track), water_came, now_s)
                or self._drifting(track, now_s, swift=swift)
            )
            if finding is not None:
                self._told.add(track.id)
                findings.append(finding)
        return findings

    def _after_fall(self, track: Track, now_s: float) -> Finding | None:
        fell_at_s = self._fallen_at_s.get(track.id)
        if fell_at_s is None or track.missing_s(now_s) > 0 or track.on_foot:
            return None
        if now_s - fell_at_s < self._config.after_fall_s:
            return None
        details = {"seen": "after_fall", "reason": f"afloat {now_s - fell_at_s:.1f} s after a fall"}
        return _finding(track, 0.9, details)

    def _taken(
        self, track: Track, zones: tuple[str, ...], water_came: Callable[[Track], bool], now_s: float
    ) -> Finding | None:
        if not zones or not track.was_person or not water_came(track):
            return None
        missing_s = track.missing_s(now_s)
        if track.on_foot and missing_s < self._config.taken_missing_s:
            return None
        details = {
            "seen": "taken",
            "zone_id": zones[0],
            "missing_s": round(missing_s, 2),
            "reason": f"was in zone {zones[0]} when the water came and is not standing there any more",
        }
        stood = track.last_on_foot
        adrift_s = 0.0 if stood is None else now_s - stood.at_s
        return _finding(track, 0.8, details, self._config.swept_mps * adrift_s)

    def _drifting(self, track: Track, now_s: float, *, swift: bool) -> Finding | None:
        config = self._config
        if track.on_foot or track.missing_s(now_s) > 0 or track.detection.shape is not Shape.FLOATING:
            return None
        age_s = now_s - track.born_s
        if age_s < config.drift_s or track.id in self._fallen_at_s:
            return None
        seen = [s for s in track.history if s.detection.shape is Shape.FLOATING and s.detection.code == WATER]
        if len(seen) < 2:
            return None
        span_s = seen[-1].at_s - seen[0].at_s
        if span_s < 0.7 * config.drift_s or len(seen) < config.drift_min_hits_share * len(track.history):
            return None
        if sum(s.detection.crowded for s in seen) > config.drift_max_crowded_share * len(seen):
            return None
        sizes = [max(s.detection.w, s.detection.h) / s.detection.px_per_m for s in seen]
        if max(sizes) > config.max_size_m:
            return None
        if statistics.median(s.detection.h / s.detection.w for s in seen) < config.min_aspect:
            return None
        made_good = seen[-1].detection.position - seen[0].detection.position
        speed = made_good.length_m / span_s
        noise_m = 2.0 * track.detection.sigma_m
        if made_good.length_m < max(config.drift_min_m, noise_m) or speed > (
            config.drift_swift_mps if swift else config.drift_max_mps
        ):
            return None
        gone_m = sum(
            b.detection.position.distance_m(a.detection.position)
            for a, b in zip(seen[:-4:4], seen[4::4], strict=False)
        )
        if gone_m > 0 and made_good.length_m / gone_m < config.drift_straightness:
            return None
        details = {
            "seen": "drifting",
            "speed_mps": round(speed, 2),
            "size_m": round(max(sizes), 2),
            "seen_s": round(age_s, 1),
            "reason": f"head-sized, adrift at {speed:.1f} m/s for {age_s:.0f} s",
        }
        return _finding(track, 0.55, details)


def _finding(track: Track, confidence: float, details: Mapping[str, Any], unsure_m: float = 0.0) -> Finding:
    return Finding(
        AlertKind.PERSON_IN_WATER, track.position, track.sigma_m + 0.5 + unsure_m, track.id, confidence, dict(details)
    )
