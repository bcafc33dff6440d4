"""The bore's front, told once a passage: when it has been followed far enough for its speed to be worth telling.

A front that is lost, or reaches the camera, before that is told with the sigma that it has.
"""

from __future__ import annotations

from dataclasses import dataclass

from geofence.position import Enu
from vision.alert import AlertKind
from vision.front import Front
from vision.rules.finding import Finding


@dataclass(frozen=True, slots=True)
class BoreFrontConfig:
    good_run_m: float = 45.0
    good_sigma: float = 0.045  # of the speed, as a part of it
    wait_s: float = 12.0  # from when it was first seen
    lost_s: float = 2.5
    again_after_s: float = 900.0


class BoreFrontRule:
    """Call `step` with each picture's fronts, none or more; `told_at_s` is when the last was told."""

    def __init__(self, config: BoreFrontConfig) -> None:
        self._config = config
        self._best: Front | None = None
        self._first_s = 0.0
        self.told_at_s: float | None = None
        self.seen_at_s: float | None = None

    def step(self, fronts: list[Front], now_s: float) -> list[Finding]:
        config = self._config
        if fronts:
            self.seen_at_s = now_s
        if self.told_at_s is not None and 0.0 <= now_s - self.told_at_s < config.again_after_s:
            return []
        if fronts:
            newest = max(fronts, key=lambda front: front.onsets)
            if self._best is None or now_s - self._best.at_s > 4 * config.lost_s:
                self._first_s = now_s
            self._best = newest
        best = self._best
        if best is None:
            return []
        good = best.run_m >= config.good_run_m and best.speed_sigma_mps <= config.good_sigma * best.speed_mps
        over = now_s - best.at_s > config.lost_s or now_s - self._first_s > config.wait_s
        if not good and not over:
            return []
        self._best, self.told_at_s = None, now_s
        return [_finding(best, now_s)]


def _finding(front: Front, now_s: float) -> Finding:
    """Where it is now, a moment after it was last fitted."""
    ran_m = front.speed_mps * (now_s - front.at_s)
    # `passes_camera_in_s` counts along the river, and so does the way it has run since.
    details = {
        "speed_mps": round(front.speed_mps, 2),
        "speed_sigma_mps": round(front.speed_sigma_mps, 2),
        "heading_deg": round(front.heading_deg, 0) % 360.0,
        "heading_sigma_deg": round(front.heading_sigma_deg, 1),
        "passes_camera_in_s": round(front.passes_camera_in_s - (now_s - front.at_s), 1),
        "passes_camera_sigma_s": round(front.passes_camera_sigma_s, 1),
        "front_sigma_m": round(front.place_sigma_m, 1),
        "followed_m": round(front.run_m),
        "width_m": round(front.width_m),
        "reason": f"a front crosses the river at {front.speed_mps:.1f} m/s (sigma {front.speed_sigma_mps:.1f})",
    }
    place = front.place + Enu(front.travel.east_m * ran_m, front.travel.north_m * ran_m)
    sigma_m = max(front.place_sigma_m, 1.0)
    return Finding(AlertKind.BORE_FRONT, place, sigma_m, None, 0.9, details)
