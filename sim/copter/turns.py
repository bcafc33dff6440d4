"""CONDITION_YAW: turns the nose to a heading at a rate, the way round that was asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.copter.vehicle import Vehicle

_REACHED_RAD = math.radians(2.0)


@dataclass(slots=True)
class Turn:
    yaw_rad: float  # asked for now
    left_rad: float  # clockwise is positive
    rate_radps: float
    at_s: float

    def step(self, now_s: float) -> float:
        """The heading to hold now."""
        most = self.rate_radps * (now_s - self.at_s)
        self.at_s = now_s
        part = min(most, max(-most, self.left_rad))
        self.left_rad -= part
        self.yaw_rad = (self.yaw_rad + part) % math.tau
        return self.yaw_rad

    def reached(self, yaw_rad: float) -> bool:
        end_rad = self.yaw_rad + self.left_rad
        return abs(self.left_rad) < _REACHED_RAD and abs(math.remainder(end_rad - yaw_rad, math.tau)) <= _REACHED_RAD


def turn_of(vehicle: Vehicle, params: tuple[float, float, float, float]) -> Turn:
    """Degrees, degrees a second, direction, and 1 for relative to the present heading."""
    angle_deg, rate_dps, direction, relative = params
    now_rad = vehicle.hold_yaw_rad
    if relative > 0:
        left_rad = math.radians(angle_deg) * (1.0 if direction >= 0 else -1.0)
    else:
        left_rad = math.remainder(math.radians(angle_deg) - now_rad, math.tau)
        if direction < 0 < left_rad:
            left_rad -= math.tau
        elif left_rad < 0 < direction:
            left_rad += math.tau
    fastest = max(5.0, vehicle.parameters["ATC_SLEW_YAW"] / 100.0)
    rate = min(fastest, rate_dps) if rate_dps > 0 else fastest
    return Turn(now_rad, left_rad, math.radians(rate), vehicle.now_s)
