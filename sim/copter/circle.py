"""LOITER_TURNS: round a point, as often as asked, with the nose to it.

ArduCopter's circle: CIRCLE_RATE sets the pace, held down to what WPNAV_ACCEL allows at that radius, and it begins at
the nearest point of the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.copter import navigation
from sim.copter.places import Spot
from sim.copter.vehicle import Vehicle

_ON_EDGE_M = 2.0
_SMALLEST_M = 1.0


@dataclass(slots=True)
class Circle:
    """One item being flown. Angles are clockwise from north."""

    centre: Spot
    radius_m: float
    clockwise: bool
    turns: float
    angle_rad: float | None = None  # of the point flown to; None on the way to the edge
    turned_rad: float = 0.0
    at_s: float = 0.0


def circle_of(vehicle: Vehicle, centre: Spot, turns: float, radius_m: float) -> Circle:
    """A radius of 0 is CIRCLE_RADIUS, a negative one turns the other way."""
    given_m = radius_m or vehicle.parameters["CIRCLE_RADIUS"] / 100.0
    clockwise = (given_m < 0) == (vehicle.parameters["CIRCLE_RATE"] < 0)
    return Circle(centre, max(_SMALLEST_M, abs(given_m)), clockwise, max(0.0, turns))


def fly(vehicle: Vehicle, circle: Circle, speed_mps: float) -> bool:
    """One step; True when all turns are done."""
    centre, radius_m = circle.centre, circle.radius_m
    east_m, north_m = vehicle.east_m - centre.east_m, vehicle.north_m - centre.north_m
    if circle.angle_rad is None:
        angle_rad = math.atan2(east_m, north_m) if math.hypot(east_m, north_m) > 0.1 else vehicle.body.yaw_rad
        edge = _point(circle, angle_rad)
        navigation.go_to(vehicle, edge, speed_mps)
        away_m = math.hypot(edge.east_m - vehicle.east_m, edge.north_m - vehicle.north_m)
        if math.hypot(away_m, vehicle.amsl_m - centre.amsl_m) > _ON_EDGE_M:
            return False
        circle.angle_rad, circle.at_s = angle_rad, vehicle.now_s
    pace = _pace_rad_s(vehicle, radius_m, speed_mps)
    step_rad = pace * (vehicle.now_s - circle.at_s)
    circle.at_s = vehicle.now_s
    circle.turned_rad += step_rad
    turn = 1.0 if circle.clockwise else -1.0
    circle.angle_rad = (circle.angle_rad + turn * step_rad) % math.tau
    navigation.go_to(vehicle, _point(circle, circle.angle_rad), speed_mps, look=False)
    demand = vehicle.demand
    demand.with_east = turn * pace * radius_m * math.cos(circle.angle_rad)
    demand.with_north = -turn * pace * radius_m * math.sin(circle.angle_rad)
    vehicle.hold_yaw_rad = demand.yaw_rad = math.atan2(-east_m, -north_m) % math.tau
    return circle.turned_rad >= circle.turns * math.tau


def _pace_rad_s(vehicle: Vehicle, radius_m: float, speed_mps: float) -> float:
    accel = vehicle.parameters["WPNAV_ACCEL"] / 100.0
    fastest_mps = min(speed_mps, math.sqrt(0.5 * accel * radius_m))
    return min(math.radians(abs(vehicle.parameters["CIRCLE_RATE"])), fastest_mps / radius_m)


def _point(circle: Circle, angle_rad: float) -> Spot:
    return Spot(
        circle.centre.east_m + circle.radius_m * math.sin(angle_rad),
        circle.centre.north_m + circle.radius_m * math.cos(angle_rad),
        circle.centre.amsl_m,
    )
