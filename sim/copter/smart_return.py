"""SMART_RTL: back along the way that was flown, point by point, and down where it was armed.

    stop ──► follow (last point first) ──first point left──► 2 m above it ──► land

Points are taken off the path as they are reached, so whoever leaves the mode in between can take it up again.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.copter import legs, navigation
from sim.copter.modes import ReturnPhase
from sim.copter.places import Spot
from sim.copter.vehicle import Vehicle

_ABOVE_FIRST_M = 2.0


@dataclass(slots=True)
class SmartReturn:
    leg: legs.Leg | None = None
    stopped: bool = False
    over: Spot | None = None  # where it lands


def fly(vehicle: Vehicle) -> None:
    back = vehicle.smart_return = vehicle.smart_return or SmartReturn()
    if vehicle.landed or back.over is not None:
        vehicle.return_phase = ReturnPhase.DESCEND
        navigation.land(vehicle, None if vehicle.landed else back.over)
        return
    vehicle.return_phase = ReturnPhase.RETURN
    if not back.stopped:
        navigation.hold_here(vehicle)
        if vehicle.hold is None:
            return
        back.stopped = True
        vehicle.return_path.clean()
    if back.leg is None:
        back.leg = _next_leg(vehicle, vehicle.hold or vehicle.here)
    keeps_heading = vehicle.parameters["WP_YAW_BEHAVIOR"] == 2  # along the way, but not home
    heading = vehicle.hold_yaw_rad
    reached = legs.fly(vehicle, back.leg, vehicle.speed_mps(None))
    if keeps_heading:
        vehicle.hold_yaw_rad = vehicle.demand.yaw_rad = heading
    if not reached:
        return
    points, end = vehicle.return_path.points, back.leg.end
    if len(points) <= 1:
        back.over = end
        return
    points.pop()
    back.leg = _next_leg(vehicle, end)


def _next_leg(vehicle: Vehicle, start: Spot) -> legs.Leg:
    points = vehicle.return_path.points
    onward = legs.Onward(_place(points, 2), is_spline=False) if len(points) > 1 else None
    return legs.straight(vehicle, start, _place(points, 1), onward, vehicle.speed_mps(None))


def _place(points: list[Spot], from_end: int) -> Spot:
    """The first point of all is flown to from two metres above."""
    point = points[-from_end]
    lift_m = _ABOVE_FIRST_M if from_end == len(points) else 0.0
    return Spot(point.east_m, point.north_m, point.amsl_m + lift_m)
