"""Rising water: the level climbs faster than a tide does, or has climbed by a step, and no front was told before.

A line of foam is not needed: where the river is deep the bore passes as an unbroken swell, and a flood has no front
at all. A passing wave or the wake of a boat comes and goes within seconds; the ordinary tide rises by millimetres a
second at most. Neither is told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from geofence.position import Enu
from vision.alert import AlertKind
from vision.rules.finding import Finding
from vision.water_level import Level


@dataclass(frozen=True, slots=True)
class RisingWaterConfig:
    rate_mps: float = 0.004  # 14 m an hour; Qiantang's level behind the front rises by 1-2 mm/s
    rate_sigmas: float = 2.5
    rate_for_s: float = 8.0
    rise_m: float = 0.15  # that much must it have risen in any case
    step_m: float = 0.35
    step_within_s: float = 40.0
    step_for_s: float = 6.0  # the new level has held so long: a wave has gone by then
    rise_sigmas: float = 3.0
    line_sigmas: float = 3.0  # of the line itself: where a pixel is worth much, it may jump to another edge
    look_back_s: float = 120.0
    after_front_s: float = 300.0  # a front that was told explains it
    again_after_s: float = 900.0
    again_after_m: float = 1.0  # or when it has risen so much more


class RisingWaterRule:
    """Call `step` with each new level."""

    def __init__(self, config: RisingWaterConfig) -> None:
        self._config = config
        self._past: deque[Level] = deque()
        self._fast_since_s: float | None = None
        self._told: Level | None = None
        self._line_sigma_m = 0.0

    def step(self, level: Level, place: Enu, front_at_s: float | None, line_sigma_m: float = 0.0) -> list[Finding]:
        """`line_sigma_m` is of the line that was read, calibration included."""
        self._line_sigma_m = line_sigma_m
        config, past, now_s = self._config, self._past, level.at_s
        if past and now_s < past[-1].at_s:
            past.clear()
        past.append(level)
        while now_s - past[0].at_s > config.look_back_s:
            past.popleft()
        reason = self._fast(level) or self._step(now_s)
        if reason is None or (front_at_s is not None and abs(now_s - front_at_s) <= config.after_front_s):
            return []
        told = self._told
        again = told is None or now_s - told.at_s >= config.again_after_s or now_s < told.at_s
        if not (again or level.amsl_m - told.amsl_m >= config.again_after_m):  # type: ignore[union-attr]
            return []
        self._told = level
        lowest = min(past, key=lambda one: one.amsl_m)
        details = {
            "reason": reason,
            "level_amsl_m": round(level.amsl_m, 2),
            "level_sigma_m": round(level.sigma_m, 2),
            "rate_mps": round(level.rate_mps, 4),
            "rate_sigma_mps": round(level.rate_sigma_mps, 4),
            "rose_m": round(level.amsl_m - lowest.amsl_m, 2),
            "within_s": round(now_s - lowest.at_s),
        }
        return [Finding(AlertKind.RISING_WATER, place, 30.0, None, 0.9, details)]

    def _fast(self, level: Level) -> str | None:
        """Its rate is surely above the threshold, and has been for a while."""
        config = self._config
        surely = level.rate_mps - config.rate_sigmas * level.rate_sigma_mps > config.rate_mps
        if not surely:
            self._fast_since_s = None
            return None
        if self._fast_since_s is None or level.at_s < self._fast_since_s:
            self._fast_since_s = level.at_s
        lowest = min(self._past, key=lambda one: one.amsl_m)
        rose = level.amsl_m - lowest.amsl_m - config.rise_sigmas * np.hypot(level.sigma_m, lowest.sigma_m)
        if level.at_s - self._fast_since_s < config.rate_for_s or rose < 0.0:
            return None
        if level.amsl_m - lowest.amsl_m < max(config.rise_m, config.line_sigmas * self._line_sigma_m):
            return None
        rate, sigma = 1000 * level.rate_mps, 1000 * level.rate_sigma_mps
        return f"the water rises by {rate:.0f} mm/s (sigma {sigma:.0f}), faster than {1000 * config.rate_mps:g}"

    def _step(self, now_s: float) -> str | None:
        """All of the last seconds lies above all of the time before it."""
        config = self._config
        after = [one for one in self._past if now_s - one.at_s <= config.step_for_s]
        before = [one for one in self._past if config.step_for_s < now_s - one.at_s <= config.step_within_s]
        if len(after) < 3 or len(before) < 3 or now_s - after[0].at_s < 0.6 * config.step_for_s:
            return None
        low = float(np.median([one.amsl_m for one in before[:5]]))
        high = min(one.amsl_m for one in after)
        sigma = float(np.hypot(max(one.sigma_m for one in after), max(one.sigma_m for one in before)))
        if high - low < max(config.step_m, config.rise_sigmas * sigma, config.line_sigmas * self._line_sigma_m):
            return None
        return f"the water rose by {high - low:.1f} m within {now_s - before[0].at_s:.0f} s"
