"""How long a drone needs to a scene and what it costs: climb, transit against the wind, descent, home again.

Times and energy are for a multicopter under ArduCopter: it flies its legs at the commanded ground speed as
long as its airspeed allows, accelerates and brakes at a set rate, and lands slowly over the last metres.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from geofence.position import Enu


@dataclass(frozen=True, slots=True)
class Performance:
    cruise_mps: float  # ground speed asked for, and the airspeed it can hold
    climb_mps: float
    descent_mps: float
    max_wind_mps: float
    capacity_wh: float
    hover_w: float
    cruise_w: float
    reserve_percent: float
    acceleration_mps2: float = 2.5  # ARDUCOPTER: horizontal acceleration in missions
    landing_mps: float = 0.5  # below landing_height_m
    landing_height_m: float = 10.0


@dataclass(frozen=True, slots=True)
class Reach:
    """One flight out, the work on scene, and the way home. `refusal` says why it cannot be flown."""

    climb_s: float
    transit_s: float
    descent_s: float
    scene_s: float
    back_s: float
    out_wh: float
    scene_wh: float
    back_wh: float
    margin_percent: float  # left above the reserve, back in the dock
    refusal: str | None = None

    @property
    def out_s(self) -> float:
        """Lift-off until at the scene's height over the scene."""
        return self.climb_s + self.transit_s + self.descent_s

    @property
    def feasible(self) -> bool:
        return self.refusal is None


def reach(
    performance: Performance,
    route: Sequence[Enu],
    wind: Enu,
    *,
    transit_height_m: float,
    scene_height_m: float,
    scene_s: float,
    battery_percent: float = 100.0,
) -> Reach:
    """`route` from the dock to the scene; heights above the dock; `wind` is the way the air moves, m/s."""
    p = performance
    out_transit_s = transit_s(p, route, wind)
    back_transit_s = transit_s(p, tuple(reversed(route)), wind)
    climb_s = _vertical_s(transit_height_m, p.climb_mps)
    descent_s = _vertical_s(transit_height_m - scene_height_m, p.descent_mps)
    slow_m = min(p.landing_height_m, transit_height_m)
    landing_s = _vertical_s(transit_height_m - slow_m, p.descent_mps) + slow_m / p.landing_mps
    climb_back_s = _vertical_s(transit_height_m - scene_height_m, p.climb_mps)
    back_s = climb_back_s + back_transit_s + landing_s

    if wind.length_m > p.max_wind_mps:
        refusal = f"wind {wind.length_m:.1f} m/s is above the drone's limit of {p.max_wind_mps:g} m/s"
    elif math.isinf(out_transit_s) or math.isinf(back_transit_s):
        refusal = f"wind {wind.length_m:.1f} m/s leaves no headway at {p.cruise_mps:g} m/s"
    else:
        refusal = None
    if math.isinf(out_transit_s) or math.isinf(back_transit_s):
        return Reach(climb_s, out_transit_s, descent_s, scene_s, back_s, math.inf, 0.0, math.inf, -math.inf, refusal)

    climb_w = p.hover_w * 1.2  # climbing asks more than hovering; a fifth covers these rates
    out_wh = (climb_w * climb_s + p.cruise_w * out_transit_s + p.hover_w * descent_s) / 3600.0
    scene_wh = p.hover_w * scene_s / 3600.0
    back_wh = (climb_w * climb_back_s + p.cruise_w * back_transit_s + p.hover_w * landing_s) / 3600.0
    used_percent = 100.0 * (out_wh + scene_wh + back_wh) / p.capacity_wh
    margin = battery_percent - used_percent - p.reserve_percent
    if refusal is None and margin < 0:
        refusal = f"battery at {battery_percent:.0f} % would come home {-margin:.0f} % below its reserve"
    return Reach(climb_s, out_transit_s, descent_s, scene_s, back_s, out_wh, scene_wh, back_wh, margin, refusal)


def ground_speed_mps(airspeed_mps: float, course: Enu, wind: Enu) -> float:
    """Speed over ground on a course (unit vector) while correcting for drift; 0 when there is no headway."""
    along = wind.east_m * course.east_m + wind.north_m * course.north_m
    across = wind.east_m * course.north_m - wind.north_m * course.east_m
    if abs(across) >= airspeed_mps:
        return 0.0
    return max(0.0, math.sqrt(airspeed_mps**2 - across**2) + along)


def transit_s(performance: Performance, route: Sequence[Enu], wind: Enu) -> float:
    """Seconds along the route, standing start to standing stop; infinite when the wind allows no headway."""
    total = 0.0
    longest_mps = 0.0
    length = 0.0
    for start, end in itertools.pairwise(route):
        leg = end - start
        if leg.length_m < 0.01:
            continue
        speed = min(
            performance.cruise_mps, ground_speed_mps(performance.cruise_mps, leg.scaled(1 / leg.length_m), wind)
        )
        if speed < 0.5:
            return math.inf
        total += leg.length_m / speed
        length += leg.length_m
        longest_mps = max(longest_mps, speed)
    if length == 0.0:
        return 0.0
    if longest_mps**2 / performance.acceleration_mps2 > length:  # never reaches its speed
        return max(total, 2.0 * math.sqrt(length / performance.acceleration_mps2))
    return total + longest_mps / performance.acceleration_mps2


def _vertical_s(height_m: float, speed_mps: float) -> float:
    """A second for getting under way and stopping, where there is a way."""
    return 0.0 if abs(height_m) < 0.1 else abs(height_m) / speed_mps + 1.0
