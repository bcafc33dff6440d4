"""Checks a plan against the site before anything flies: order, fences, heights, legs, battery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import shapely

from geofence.position import Enu, LatLon
from geofence.reach import Performance, transit_s
from geofence.windows import Conditions
from geofence.zones import Zone, ZoneKind, ZoneSet
from missions.plan import Drop, Hold, MissionPlan, ReturnHome, TakeOff, Watch, height_of, position_of

_PATCH_M = 0.5  # touching a fence by less is rounding in degrees


class PlanFault(StrEnum):
    ORDER = "order"
    KEEP_OUT = "keep_out"
    KEEP_IN = "keep_in"
    HEIGHT = "height"
    LEG = "leg"
    DROP_AREA = "drop_area"
    BATTERY = "battery"
    WIND = "wind"


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """One thing wrong with a plan; `item` is the index of the item it shows at, None for the whole."""

    item: int | None
    fault: PlanFault
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a flight may do, from the site's policy."""

    max_agl_m: float = 120.0  # true height; RIVER.md §4
    ground_amsl_m: float = 0.0  # the lowest surface flown over; heights are checked above it
    min_over_land_m: float = 10.0  # above home, while over anything but the river
    max_leg_m: float = 5000.0


def check(
    plan: MissionPlan,
    zones: ZoneSet,
    *,
    limits: Limits = Limits(),
    performance: Performance | None = None,
    battery_percent: float = 100.0,
    wind: Enu = Enu(0.0, 0.0),  # noqa: B008  frozen
    now: Conditions | None = None,
) -> list[PlanProblem]:
    """Every problem found; an empty list is a plan that may fly. Without `now` every zone's window counts as open."""
    problems: list[PlanProblem] = []
    problems += _order(plan)
    problems += _fences(plan, zones, limits, now)
    problems += _heights(plan, zones, limits)
    problems += _altitude_limits(plan, zones, now)
    problems += _drops(plan, zones, now)
    if performance is not None:
        problems += _energy(plan, zones.frame.to_enu, performance, battery_percent, wind)
    return sorted(problems, key=lambda problem: -1 if problem.item is None else problem.item)


def _order(plan: MissionPlan) -> list[PlanProblem]:
    problems: list[PlanProblem] = []
    last = len(plan.items) - 1
    if not isinstance(plan.items[0], TakeOff):
        problems.append(PlanProblem(0, PlanFault.ORDER, "the first item must be the take-off"))
    if not isinstance(plan.items[last], ReturnHome):
        problems.append(PlanProblem(last, PlanFault.ORDER, "the last item must be the return home"))
    for index, item in enumerate(plan.items):
        if isinstance(item, TakeOff) and index > 0:
            problems.append(PlanProblem(index, PlanFault.ORDER, "a second take-off"))
        if isinstance(item, ReturnHome) and index < last:
            problems.append(PlanProblem(index, PlanFault.ORDER, "nothing may follow the return home"))
    opened: set[int] = set()
    for index, item in enumerate(plan.items):
        if isinstance(item, Drop):
            if item.hook in opened:
                problems.append(PlanProblem(index, PlanFault.ORDER, f"hook {item.hook} has been opened already"))
            opened.add(item.hook)
    return problems


def _legs(plan: MissionPlan) -> list[tuple[int, LatLon, LatLon]]:
    """Each straight flight of the plan, with the item it belongs to."""
    legs: list[tuple[int, LatLon, LatLon]] = []
    at = plan.home
    for index, item in enumerate(plan.items):
        to = plan.home if isinstance(item, ReturnHome) else position_of(item)
        if to is not None:
            legs.append((index, at, to))
            at = to
    return legs


def _fences(plan: MissionPlan, zones: ZoneSet, limits: Limits, now: Conditions | None) -> list[PlanProblem]:
    problems: list[PlanProblem] = []
    keep_outs = [(z, shapely.buffer(z.polygon, -_PATCH_M)) for z in zones.barred(now)]
    keep_in = zones.keep_in()
    airspace = None if keep_in is None else shapely.buffer(keep_in, _PATCH_M)
    for index, start, end in _legs(plan):
        a, b = zones.frame.to_enu(start), zones.frame.to_enu(end)
        length = a.distance_m(b)
        leg = shapely.LineString([(a.east_m, a.north_m), (b.east_m, b.north_m)])
        if length > limits.max_leg_m:
            problems.append(
                PlanProblem(index, PlanFault.LEG, f"a leg of {length:.0f} m is longer than {limits.max_leg_m:.0f} m")
            )
        problems += [
            PlanProblem(index, PlanFault.KEEP_OUT, _crosses(zone))
            for zone, inner in keep_outs
            if shapely.intersects(inner, leg)
        ]
        if airspace is not None and not shapely.covers(airspace, leg):
            problems.append(PlanProblem(index, PlanFault.KEEP_IN, "the leg leaves the keep-in zone"))
    return problems


def _heights(plan: MissionPlan, zones: ZoneSet, limits: Limits) -> list[PlanProblem]:
    problems: list[PlanProblem] = []
    ceilings = [z.max_height_amsl_m for z in zones.of_kind(ZoneKind.KEEP_IN) if z.max_height_amsl_m is not None]
    ceiling = min([limits.ground_amsl_m + limits.max_agl_m, *ceilings])
    for index, item in enumerate(plan.items):
        height = height_of(item)
        if height is None:
            continue
        amsl = plan.amsl_m(height)
        if amsl > ceiling:
            problems.append(
                PlanProblem(
                    index, PlanFault.HEIGHT, f"{amsl:.0f} m above sea level is over the ceiling of {ceiling:.0f} m"
                )
            )
        if not isinstance(item, Drop | Watch) and height < limits.min_over_land_m:
            problems.append(
                PlanProblem(
                    index, PlanFault.HEIGHT, f"{height:.1f} m above home is below {limits.min_over_land_m:.0f} m"
                )
            )
        if amsl <= limits.ground_amsl_m:
            problems.append(
                PlanProblem(index, PlanFault.HEIGHT, f"{amsl:.1f} m above sea level is not above the ground")
            )
    return problems


def _crosses(zone: Zone) -> str:
    if zone.kind is ZoneKind.CLOSURE:
        return f"the leg crosses {zone.id}, closed by order {zone.approval}"
    return f"the leg crosses the keep-out zone {zone.id}"


def _altitude_limits(plan: MissionPlan, zones: ZoneSet, now: Conditions | None) -> list[PlanProblem]:
    """A leg is flown between the heights of its ends; the higher one counts over all of it."""
    limited = [z for z in zones.of_kind(ZoneKind.ALTITUDE_LIMIT) if now is None or zones.active(z, now)]
    problems: list[PlanProblem] = []
    height = 0.0
    legs = {index: (start, end) for index, start, end in _legs(plan)}
    for index, item in enumerate(plan.items):
        before, to = height, height_of(item)
        height = before if to is None else to
        leg = legs.get(index)
        if leg is None:
            continue
        a, b = (zones.frame.to_enu(point) for point in leg)
        line = shapely.LineString([(a.east_m, a.north_m), (b.east_m, b.north_m)])
        highest = plan.amsl_m(max(before, height))
        problems += [
            PlanProblem(
                index,
                PlanFault.HEIGHT,
                f"{highest:.0f} m above sea level is over the {zone.max_height_amsl_m:g} m allowed in {zone.id}",
            )
            for zone in limited
            if zone.max_height_amsl_m is not None
            and highest > zone.max_height_amsl_m
            and shapely.intersects(zone.polygon, line)
        ]
    return problems


def _drops(plan: MissionPlan, zones: ZoneSet, now: Conditions | None) -> list[PlanProblem]:
    problems: list[PlanProblem] = []
    for index, item in enumerate(plan.items):
        if not isinstance(item, Drop):
            continue
        point = zones.frame.to_enu(item.position)
        if not zones.containing(point, kinds=(ZoneKind.DROP_SAFE,)):
            problems.append(PlanProblem(index, PlanFault.DROP_AREA, "the drop is outside every drop-safe zone"))
        for zone in zones.containing(point, kinds=(ZoneKind.PROMENADE, ZoneKind.CROWD)):
            if zone.kind is ZoneKind.CROWD and now is not None and not zones.active(zone, now):
                continue
            problems.append(
                PlanProblem(index, PlanFault.DROP_AREA, f"the drop is over {zone.id}, where people stand")
            )
    return problems


def _energy(
    plan: MissionPlan, to_enu: Callable[[LatLon], Enu], performance: Performance, battery_percent: float, wind: Enu
) -> list[PlanProblem]:
    """Adds up the plan item by item; the fault stands at the item during which the reserve is reached."""
    if wind.length_m > performance.max_wind_mps:
        reason = f"wind {wind.length_m:.1f} m/s is above the drone's limit of {performance.max_wind_mps:g} m/s"
        return [PlanProblem(None, PlanFault.WIND, reason)]
    usable_wh = performance.capacity_wh * (battery_percent - performance.reserve_percent) / 100.0
    used_wh = 0.0
    at, height = to_enu(plan.home), 0.0
    for index, item in enumerate(plan.items):
        to_position = plan.home if isinstance(item, ReturnHome) else position_of(item)
        to = at if to_position is None else to_enu(to_position)
        to_height = height_of(item)
        if to_height is not None:
            rise = to_height - height
            rate = performance.climb_mps if rise > 0 else performance.descent_mps
            used_wh += performance.hover_w * (1.2 if rise > 0 else 1.0) * abs(rise) / rate / 3600.0
            height = to_height
        moving_s = transit_s(performance, (at, to), wind)
        used_wh += performance.cruise_w * moving_s / 3600.0
        if isinstance(item, Hold | Watch):
            used_wh += performance.hover_w * item.seconds / 3600.0
        if isinstance(item, ReturnHome):
            slow_m = min(performance.landing_height_m, max(height, 0.0))
            down_s = max(0.0, height - slow_m) / performance.descent_mps + slow_m / performance.landing_mps
            used_wh += performance.hover_w * down_s / 3600.0
        at = to
        if used_wh > usable_wh:
            reason = f"{used_wh:.0f} Wh by here, {usable_wh:.0f} Wh are there above the reserve"
            return [PlanProblem(index, PlanFault.BATTERY, reason)]
    return []
