"""A person falls over the edge of the wall.

Two ways to see it, each with its own thresholds:
- *drop*: the track's feet, on the promenade or foreshore a moment ago, are now over water or wall and sink faster
  than anyone climbs;
- *vanish*: the track ends at the edge, and within moments something the size of a head appears in the water there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from geofence.position import Enu
from vision.alert import AlertKind
from vision.rules.finding import Finding
from vision.scene import WALL, WATER
from vision.track import Sighting, Track


@dataclass(frozen=True, slots=True)
class FallConfig:
    min_drop_m: float = 1.3
    min_drop_mps: float = 1.6
    max_drop_m: float = 9.0
    slack_m: float = 1.2
    within_s: float = 1.7  # from the last step on the ground
    min_body_m: float = 0.7  # what drops must have a body's length at least once
    run_up_s: float = 1.6
    max_run_mps: float = 4.0
    stumble_m: float = 1.0
    edge_m: float = 2.0  # a track that ends nearer than this to the crest may have fallen
    vanish_s: float = 2.5  # the head must show within
    vanish_along_m: float = 4.0
    vanish_out_m: float = 5.0
    min_steady_s: float = 1.0


@dataclass(frozen=True, slots=True)
class _Vanished:
    track: Track
    at_s: float


class FallRule:
    def __init__(self, config: FallConfig) -> None:
        self._config = config
        self._told: set[int] = set()

    def step(self, tracks: Sequence[Track], now_s: float) -> list[Finding]:
        findings: list[Finding] = []
        alive = {track.id for track in tracks}
        self._told &= alive
        for track in tracks:
            if track.id in self._told or track.missing_s(now_s) > 0 or track.on_foot:
                continue
            finding = self._drop(track, now_s) or self._vanish(track, tracks, now_s)
            if finding is not None:
                self._told.add(track.id)
                findings.append(finding)
        return findings

    def _drop(self, track: Track, now_s: float) -> Finding | None:
        config, stood = self._config, track.last_on_foot
        if stood is None or not track.confirmed or not track.was_person or now_s - stood.at_s > config.within_s:
            return None
        if self._flew(track, stood):
            return None
        falling = [seen for seen in track.history if seen.at_s > stood.at_s]
        if len(falling) < 2 or not _over_water(falling):
            return None
        now = falling[-1].detection
        dropped_m = (now.foot[1] - stood.detection.foot[1]) / stood.detection.px_per_m
        speed_mps = dropped_m / (now_s - stood.at_s)
        body_m = max(seen.detection.h / stood.detection.px_per_m for seen in falling)
        # Nobody falls faster than gravity takes him; a blob that "drops" further was somebody else.
        furthest_m = config.slack_m + 4.905 * (now_s - stood.at_s) ** 2
        if dropped_m > min(furthest_m, config.max_drop_m):
            return None
        if dropped_m < config.min_drop_m or speed_mps < config.min_drop_mps or body_m < config.min_body_m:
            return None
        reason = f"dropped {dropped_m:.1f} m past the edge in {now_s - stood.at_s:.1f} s"
        details = {
            "seen": "drop",
            "dropped_m": round(dropped_m, 2),
            "speed_mps": round(speed_mps, 2),
            "min_drop_m": config.min_drop_m,
            "min_drop_mps": config.min_drop_mps,
            "reason": reason,
        }
        place, sigma_m = self._left_the_edge(track, stood)
        return Finding(AlertKind.FALL, place, sigma_m, track.id, 0.9, details)

    def _flew(self, track: Track, stood: Sighting) -> bool:
        """It came faster than anyone runs: a gull in front of the wall."""
        since_s, code = stood.at_s - self._config.run_up_s, stood.detection.code
        before = [s for s in track.history if since_s <= s.at_s <= stood.at_s and s.detection.code == code]
        span_s = stood.at_s - before[0].at_s if before else 0.0
        if not before or self._grew(before[0], stood, span_s):
            return False
        gone_m = stood.detection.position.distance_m(before[0].detection.position)
        return gone_m > self._config.max_run_mps * span_s + 2.0 * stood.detection.sigma_m

    def _grew(self, first: Sighting, last: Sighting, span_s: float) -> bool:
        """Its box became longer below while its head stayed: legs that came into sight move nobody."""
        a, b = first.detection, last.detection
        walked_px = self._config.max_run_mps * span_s * b.px_per_m + 2.0
        aside = abs(b.foot[0] - a.foot[0]) <= walked_px
        return aside and abs(b.y - a.y) <= 2.0 + 0.25 * abs(b.foot[1] - a.foot[1])

    def _left_the_edge(self, track: Track, stood: Sighting) -> tuple[Enu, float]:
        """Where the feet last were on the ground. One foot point is a poor witness: the last step is hidden by the
        railing or drawn out by the stumble, so what it differs from the way so far counts as error.
        """
        detection = stood.detection
        parted_m = detection.position.distance_m(stood.position)
        middle = Enu(
            (detection.position.east_m + stood.position.east_m) / 2,
            (detection.position.north_m + stood.position.north_m) / 2,
        )
        return middle, math.hypot(detection.sigma_m, parted_m / 2 + self._config.stumble_m)

    def _vanish(self, track: Track, tracks: Sequence[Track], now_s: float) -> Finding | None:
        """`track` is new on the water; somebody else's track ended at the edge beside it."""
        config = self._config
        if track.was_person or not track.confirmed:
            return None
        for other in tracks:
            stood = other.last_on_foot
            gone_before = other is not track and other.confirmed and other.was_person and stood is not None
            if not gone_before or stood is None or other.missing_s(now_s) == 0 or other.casualty:
                continue
            between_s = track.born_s - stood.at_s
            steady = stood.at_s - other.born_s >= config.min_steady_s
            if not steady or not -0.3 <= between_s <= config.vanish_s:
                continue
            if not -config.edge_m < stood.detection.crest_offset_m < config.edge_m:
                continue
            away = track.position - stood.detection.position
            if away.length_m > config.vanish_along_m + config.vanish_out_m + track.detection.sigma_m:
                continue
            details = {
                "seen": "vanish",
                "from_track": other.id,
                "between_s": round(between_s, 2),
                "reason": f"left the edge and showed in the water {max(between_s, 0):.1f} s later",
            }
            place, sigma_m = self._left_the_edge(other, stood)
            return Finding(AlertKind.FALL, place, sigma_m, track.id, 0.75, details)
        return None


def _over_water(sightings: Sequence[Sighting]) -> bool:
    return all(seen.detection.code in {WATER, WALL} for seen in sightings)
