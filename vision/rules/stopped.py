"""Somebody in a danger zone has stopped moving: stuck in the mud, hurt, or waiting for the bore.

Told once for each stop, as one more entry about the same person; walking on ends the stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geofence.position import Enu
from vision.alert import AlertKind
from vision.rules.finding import Finding
from vision.track import Track


@dataclass(frozen=True, slots=True)
class StoppedConfig:
    still_s: float = 60.0  # 0 switches the rule off
    within_m: float = 1.5  # besides what the camera cannot tell apart there
    seen_share: float = 0.5  # of the pictures in which a person standing still must show


@dataclass(slots=True)
class _Stop:
    at: Enu
    since_s: float
    seen: int = 0
    looks: int = 0
    told: bool = False


class StoppedRule:
    def __init__(self, config: StoppedConfig) -> None:
        self._config = config
        self._stops: dict[int, _Stop] = {}

    def step(
        self, tracks: Sequence[Track], zones_of: Callable[[Track], tuple[str, ...]], now_s: float
    ) -> list[Finding]:
        if self._config.still_s <= 0:
            return []
        inside = {track.id: track for track in tracks if track.on_foot and track.was_person and zones_of(track)}
        self._stops = {key: stop for key, stop in self._stops.items() if key in inside}
        findings = [self._seen(track, zones_of(track)[0], now_s) for track in inside.values()]
        return [finding for finding in findings if finding is not None]

    def _seen(self, track: Track, zone_id: str, now_s: float) -> Finding | None:
        config = self._config
        stop = self._stops.get(track.id)
        reach_m = config.within_m + 2.0 * track.detection.sigma_m
        if stop is None or stop.at.distance_m(track.position) > reach_m:
            self._stops[track.id] = _Stop(track.position, now_s)
            return None
        stop.looks += 1
        stop.seen += track.missing_s(now_s) == 0.0
        still_s = now_s - stop.since_s
        if stop.told or still_s < config.still_s or stop.seen < config.seen_share * stop.looks:
            return None
        stop.told = True
        details = {
            "seen": "stopped",
            "zone_id": zone_id,
            "still_s": round(still_s, 1),
            "reason": f"has not moved in zone {zone_id} for {still_s:.0f} s (threshold {config.still_s:.0f} s)",
        }
        return Finding(AlertKind.ZONE_ENTRY, track.position, track.sigma_m, track.id, 0.8, details)
