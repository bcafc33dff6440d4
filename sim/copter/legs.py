"""The legs between waypoints of a mission: straight ones, and curves (`spline`).

A leg that goes on to another waypoint does not stop: it cuts the corner on an arc that passes within WPNAV_RADIUS,
as fast as the acceleration allows there. A straight leg climbs along its line, so a steep one is flown slower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.copter import navigation
from sim.copter.physics import Horizontal, Vertical
from sim.copter.places import Spot
from sim.copter.spline import ZERO, Pace, Spline, Vector, between
from sim.copter.vehicle import Vehicle

_FLAT_M = 2.0  # shorter ones are climbed where they are
_HEIGHT_GAIN = 1.0  # 1/s
_BRAKING = 0.8  # of WPNAV_ACCEL, as the body brakes
_STOPPED_BY = 0.05
_STRAIGHT_RAD = math.radians(0.5)
_SHARPEST_M = 0.05
_HALF_TURN_RAD = math.radians(170.0)
_STANDS_MPS = 0.6  # slow enough to count as arrived where a leg stops
_TURNS_LATE_S = 0.35  # the body follows a changed velocity so much later


@dataclass(frozen=True, slots=True)
class Onward:
    """Where the mission goes after this leg without a stop."""

    target: Spot
    is_spline: bool


@dataclass(frozen=True, slots=True)
class Corner:
    """The arc from one straight leg into the next."""

    speed_mps: float
    radius_m: float
    begins_m: float  # before the waypoint
    angle_rad: float  # clockwise is positive

    @property
    def half_at_m(self) -> float:
        """How far before the waypoint, along the leg, the middle of the arc is."""
        return self.begins_m - self.radius_m * math.sin(abs(self.angle_rad) / 2.0)


@dataclass(slots=True)
class Leg:
    start: Spot
    end: Spot
    onward: Onward | None
    curve: Spline | None = None
    corner: Corner | None = None
    at_s: float = 0.0

    @property
    def passes(self) -> bool:
        return self.curve.passes if self.curve is not None else self.onward is not None

    @property
    def leaving(self) -> Vector:
        """The velocity that a curve after this leg begins with; none when the leg stops."""
        if not self.passes:
            return ZERO
        return self.curve.arrive if self.curve is not None else between(self.start, self.end)


def straight(vehicle: Vehicle, start: Spot, end: Spot, onward: Onward | None, speed_mps: float) -> Leg:
    leg = Leg(start, end, onward)
    if onward is not None:
        accel = vehicle.parameters["WPNAV_ACCEL"] / 100.0
        leg.corner = _corner(leg, onward, accel, vehicle.parameters["WPNAV_RADIUS"] / 100.0, speed_mps)
    return leg


def curved(vehicle: Vehicle, last: Leg | None, start: Spot, end: Spot, onward: Onward | None) -> Leg:
    """`start` is where the last leg ended; its velocity is kept when it did not stop."""
    leave = last.leaving if last is not None else ZERO
    arrive = ZERO
    if onward is not None:
        arrive = between(start if onward.is_spline else end, onward.target)
    body = vehicle.body
    size = math.hypot(*leave)
    along = (leave[0] * body.east_mps + leave[1] * body.north_mps + leave[2] * body.up_mps) / size if size else 0.0
    return Leg(start, end, onward, Spline(start, end, leave, arrive, max(0.0, along)), at_s=vehicle.now_s)


def fly(vehicle: Vehicle, leg: Leg, speed_mps: float) -> bool:
    """One step along it; True at its end."""
    if leg.curve is not None:
        return _fly_curve(vehicle, leg, leg.curve, speed_mps)
    east, north, up = between(leg.start, leg.end)
    flat_m = math.hypot(east, north)
    radius_m = vehicle.parameters["WPNAV_RADIUS"] / 100.0
    off = between(vehicle.here, leg.end)
    near = math.hypot(*off) <= radius_m
    if flat_m < _FLAT_M:
        navigation.go_to(vehicle, leg.end, speed_mps)
        return near and (leg.passes or _stands(vehicle))
    unit_east, unit_north = east / flat_m, north / flat_m
    ahead_m = off[0] * unit_east + off[1] * unit_north
    pace = _pace(vehicle, speed_mps)
    steep_mps = (pace.climb_mps if up > 0 else pace.sink_mps) * flat_m / abs(up) if up else math.inf
    level_mps = min(speed_mps, steep_mps)
    corner = leg.corner if abs(off[2]) <= radius_m else None  # first it must be as high as the waypoint
    past_m = 0.0
    if corner is not None:
        accel = _BRAKING * vehicle.parameters["WPNAV_ACCEL"] / 100.0
        past_m = _braking_m(min(corner.speed_mps, level_mps), accel) - corner.begins_m
    aim = Spot(leg.end.east_m + unit_east * past_m, leg.end.north_m + unit_north * past_m, leg.end.amsl_m)
    navigation.go_to(vehicle, aim, level_mps)
    if corner is not None:
        _round(vehicle, corner, ahead_m, (unit_east, unit_north))
    flown = min(1.0, max(0.0, 1.0 - ahead_m / flat_m))
    _climb_along(vehicle, leg.start.amsl_m + flown * up, level_mps * up / flat_m if 0.0 < flown < 1.0 else 0.0, pace)
    if corner is None:
        return near and not leg.passes and _stands(vehicle)
    if corner.speed_mps < _STANDS_MPS:
        return near and _stands(vehicle)
    return ahead_m <= max(0.0, corner.half_at_m)


def _round(vehicle: Vehicle, corner: Corner, ahead_m: float, way: tuple[float, float]) -> None:
    """On the arc it is flown by velocity, turned as far as its place there says."""
    into_m = corner.begins_m - ahead_m + corner.speed_mps * _TURNS_LATE_S
    if into_m <= 0.0 or corner.angle_rad == 0.0:
        return
    turned = math.copysign(math.asin(min(1.0, into_m / corner.radius_m)), corner.angle_rad)
    if abs(turned) > abs(corner.angle_rad):
        turned = corner.angle_rad
    demand = vehicle.demand
    demand.horizontal = Horizontal.VELOCITY
    demand.east = corner.speed_mps * (way[0] * math.cos(turned) + way[1] * math.sin(turned))
    demand.north = corner.speed_mps * (way[1] * math.cos(turned) - way[0] * math.sin(turned))


def _stands(vehicle: Vehicle) -> bool:
    return math.hypot(vehicle.body.speed_mps, vehicle.body.up_mps) < _STANDS_MPS


def _fly_curve(vehicle: Vehicle, leg: Leg, curve: Spline, speed_mps: float) -> bool:
    pace = _pace(vehicle, speed_mps)
    point = curve.advance(vehicle.now_s - leg.at_s, pace)
    leg.at_s = vehicle.now_s
    east, north, up = point.velocity
    navigation.go_to(vehicle, point.place, speed_mps, look=False)
    demand = vehicle.demand
    demand.with_east, demand.with_north = east, north
    if math.hypot(east, north) > _STOPPED_BY and vehicle.parameters["WP_YAW_BEHAVIOR"] != 0:
        vehicle.hold_yaw_rad = demand.yaw_rad = math.atan2(east, north) % math.tau
    _climb_along(vehicle, point.place.amsl_m, up, pace)
    near = math.hypot(*between(vehicle.here, leg.end)) <= vehicle.parameters["WPNAV_RADIUS"] / 100.0
    return curve.flown and (curve.passes or near)


def _climb_along(vehicle: Vehicle, amsl_m: float, up_mps: float, pace: Pace) -> None:
    demand = vehicle.demand
    demand.vertical = Vertical.RATE
    demand.up = min(pace.climb_mps, max(-pace.sink_mps, up_mps + _HEIGHT_GAIN * (amsl_m - vehicle.amsl_m)))


def _pace(vehicle: Vehicle, speed_mps: float) -> Pace:
    parameters, demand = vehicle.parameters, vehicle.demand
    accel, accel_up = parameters["WPNAV_ACCEL"] / 100.0, parameters["WPNAV_ACCEL_Z"] / 100.0
    return Pace(speed_mps, demand.climb_mps, demand.sink_mps, accel, accel_up)


def _corner(leg: Leg, onward: Onward, accel: float, radius_m: float, speed_mps: float) -> Corner:
    """The arc passes the waypoint at its radius, and takes no more than half of either leg."""
    came, goes = between(leg.start, leg.end), between(leg.end, onward.target)
    came_m, goes_m = math.hypot(came[0], came[1]), math.hypot(goes[0], goes[1])
    angle = 0.0
    if came_m > 0.0 and goes_m > 0.0 and not onward.is_spline:  # a curve begins in the direction of the leg
        angle = math.remainder(math.atan2(goes[0], goes[1]) - math.atan2(came[0], came[1]), math.tau)
    half = abs(angle) / 2.0
    if goes_m == 0.0 or abs(angle) > _HALF_TURN_RAD:  # back the way it came: stops as well as turns
        return Corner(0.0, 1.0, 0.0, 0.0)
    if half < _STRAIGHT_RAD:
        return Corner(speed_mps, 1.0, 0.0, 0.0)
    arc_m = radius_m * math.cos(half) / (1.0 - math.cos(half))
    arc_m = min(arc_m, min(came_m, goes_m) / 2.0 / math.tan(half))
    fastest = min(speed_mps, math.sqrt(accel * arc_m))
    arc_m = max(_SHARPEST_M, fastest * fastest / accel)
    return Corner(fastest, arc_m, arc_m * math.tan(half), angle)


def _braking_m(speed_mps: float, accel: float) -> float:
    """How far it needs to stop from there, the inverse of `physics.braking_speed`."""
    if speed_mps <= accel:
        return speed_mps
    return accel / 2.0 + speed_mps * speed_mps / (2.0 * accel)
