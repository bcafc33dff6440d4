"""What each flight mode asks of the body, once a step.

GUIDED, BRAKE, the return and the landing are here; AUTO picks among them from its mission item (`auto`).
"""

from __future__ import annotations

import math

from sim.copter import auto, precision, smart_return, sticks
from sim.copter.modes import RETURN_TRANSITIONS, Mode, ReturnPhase
from sim.copter.physics import Horizontal, Thrust, Vertical, braking_speed
from sim.copter.places import Spot
from sim.copter.vehicle import Guided, GuidedKind, Vehicle

SPOOL_UP_S = 2.6  # ARDUCOPTER.md: 12.2 s to 19 of 20 m; throttle ramps for two of them
_ARRIVED_M = 2.0
_LEVEL_M = 0.5
_RETURN_SETTLES_S = 5.0  # ARDUCOPTER.md: 40 s from 20 m over home, more than its phases add up to
_SETTLED_MPS = 0.3
_LOOK_AT_M = 4.0  # nearer targets do not turn the nose


def steer(vehicle: Vehicle) -> None:
    """Fills `vehicle.demand` for the mode it is in."""
    demand = vehicle.demand
    if not vehicle.armed:
        demand.thrust = Thrust.OFF
        return
    demand.thrust = Thrust.FAILED if vehicle.faults.motor_failed or vehicle.motor_lost else Thrust.FLYING
    demand.climb_mps = vehicle.parameters["WPNAV_SPEED_UP"] / 100.0
    demand.sink_mps = vehicle.parameters["WPNAV_SPEED_DN"] / 100.0
    demand.yaw_rad, demand.yaw_rate = vehicle.hold_yaw_rad, None
    demand.lean_east = demand.lean_north = 0.0
    match vehicle.mode:
        case Mode.GUIDED | Mode.AVOID_ADSB:
            _guided(vehicle)
        case Mode.AUTO:
            auto.fly(vehicle)
        case Mode.RTL:
            fly_return(vehicle)
        case Mode.SMART_RTL:
            smart_return.fly(vehicle)
        case Mode.LAND:
            land(vehicle, None)
        case Mode.BRAKE:
            hold_here(vehicle)
        case Mode.LOITER | Mode.POSHOLD:
            if not sticks.drive(vehicle):
                hold_here(vehicle)
            _stick_climb(vehicle)
        case Mode.ALT_HOLD:
            sticks.lean(vehicle)
            _stick_climb(vehicle)
        case Mode.STABILIZE:
            sticks.lean(vehicle)
            if vehicle.sticks.throttle_low(vehicle.now_s):
                demand.thrust = Thrust.IDLE
            else:
                _stick_climb(vehicle)
    if vehicle.look_at is not None and not vehicle.landed and not vehicle.mount.pans:
        _look(vehicle, vehicle.look_at)
    sticks.assist(vehicle)


def go_to(vehicle: Vehicle, target: Spot, speed_mps: float, *, look: bool = True) -> None:
    demand = vehicle.demand
    demand.horizontal = Horizontal.PLACE if vehicle.position_good else Horizontal.LEVEL
    demand.east, demand.north, demand.speed_mps = target.east_m, target.north_m, speed_mps
    demand.with_east = demand.with_north = 0.0
    demand.vertical, demand.up = Vertical.HEIGHT, target.amsl_m
    if look and vehicle.parameters["WP_YAW_BEHAVIOR"] != 0:
        off_east, off_north = target.east_m - vehicle.east_m, target.north_m - vehicle.north_m
        if math.hypot(off_east, off_north) > _LOOK_AT_M:
            vehicle.hold_yaw_rad = math.atan2(off_east, off_north) % math.tau
            demand.yaw_rad = vehicle.hold_yaw_rad


def _look(vehicle: Vehicle, at: Spot) -> None:
    """The region of interest goes before what the way would have the nose do."""
    east_m, north_m = at.east_m - vehicle.east_m, at.north_m - vehicle.north_m
    if math.hypot(east_m, north_m) > _LOOK_AT_M:
        vehicle.hold_yaw_rad = vehicle.demand.yaw_rad = math.atan2(east_m, north_m) % math.tau


def _go_to_guided(vehicle: Vehicle, guided: Guided, target: Spot) -> None:
    """A place given with a velocity moves on with it until the next one comes, or GUID_TIMEOUT is over."""
    age_s = vehicle.now_s - guided.at_s
    fresh = age_s <= vehicle.parameters["GUID_TIMEOUT"]
    on_s = min(age_s, vehicle.parameters["GUID_TIMEOUT"])
    moved = Spot(target.east_m + guided.east_mps * on_s, target.north_m + guided.north_mps * on_s, target.amsl_m)
    go_to(vehicle, moved, vehicle.speed_mps(guided.speed_mps), look=guided.yaw_rad is None)
    if fresh:
        vehicle.demand.with_east, vehicle.demand.with_north = guided.east_mps, guided.north_mps


def hold_here(vehicle: Vehicle) -> None:
    """Brakes, then holds the place where it came to rest."""
    demand = vehicle.demand
    if vehicle.hold is None:
        demand.horizontal = Horizontal.VELOCITY if vehicle.position_good else Horizontal.LEVEL
        demand.east = demand.north = 0.0
        demand.vertical, demand.up = Vertical.RATE, 0.0
        body = vehicle.body
        if vehicle.position_good and math.hypot(body.speed_mps, body.up_mps) < _SETTLED_MPS:
            vehicle.hold = vehicle.here
        return
    go_to(vehicle, vehicle.hold, vehicle.speed_mps(None), look=False)


def take_off(vehicle: Vehicle, target: Spot, since_s: float) -> bool:
    """Straight up to the target's height; True once there."""
    if vehicle.landed and vehicle.now_s - since_s < SPOOL_UP_S:
        vehicle.demand.thrust = Thrust.IDLE
        return False
    go_to(vehicle, target, vehicle.speed_mps(None), look=False)
    return vehicle.amsl_m >= target.amsl_m - _LEVEL_M


def land(vehicle: Vehicle, over: Spot | None) -> None:
    """Down at WPNAV_SPEED_DN (or LAND_SPEED_HIGH) to LAND_ALT_LOW, then at LAND_SPEED to the ground."""
    demand = vehicle.demand
    beacon = precision.target(vehicle) if not vehicle.landed else None
    over = beacon or over
    if over is not None:
        go_to(vehicle, over, vehicle.speed_mps(None), look=False)
    else:
        hold_here(vehicle)
    parameters = vehicle.parameters
    fast_mps = (parameters["LAND_SPEED_HIGH"] or parameters["WPNAV_SPEED_DN"]) / 100.0
    above_low_m = max(0.0, vehicle.height_m - parameters["LAND_ALT_LOW"] / 100.0)
    sink_mps, _ = braking_speed(above_low_m, parameters["WPNAV_ACCEL_Z"] / 100.0, fast_mps)
    demand.vertical = Vertical.RATE
    sink_mps = max(parameters["LAND_SPEED"] / 100.0, sink_mps)
    demand.up = -(sink_mps if beacon is None else precision.sink_mps(vehicle, beacon, sink_mps))


def fly_return(vehicle: Vehicle) -> bool:
    """The phases of the return (drawn in `modes`); True in its final descent."""
    goal = vehicle.return_to or vehicle.here
    height = vehicle.return_height_amsl_m
    speed = vehicle.parameters["RTL_SPEED"] / 100.0 or vehicle.speed_mps(None)
    at_goal = Spot(goal.east_m, goal.north_m, height)
    if vehicle.landed:
        land(vehicle, None)
        return True
    match vehicle.return_phase:
        case ReturnPhase.CLIMB:
            if vehicle.hold is None:
                vehicle.hold = _stopping_spot(vehicle)
            go_to(vehicle, Spot(vehicle.hold.east_m, vehicle.hold.north_m, height), speed, look=False)
            done = vehicle.amsl_m >= height - _LEVEL_M
        case ReturnPhase.RETURN:
            go_to(vehicle, at_goal, speed, look=vehicle.parameters["WP_YAW_BEHAVIOR"] != 2)
            done = math.hypot(vehicle.east_m - goal.east_m, vehicle.north_m - goal.north_m) < _ARRIVED_M
        case ReturnPhase.LOITER:
            go_to(vehicle, at_goal, speed, look=False)
            vehicle.hold_yaw_rad = vehicle.home_yaw_rad
            waited_s = vehicle.now_s - vehicle.phase_since_s
            done = waited_s >= vehicle.parameters["RTL_LOIT_TIME"] / 1000.0 + _RETURN_SETTLES_S
        case ReturnPhase.DESCEND if vehicle.parameters["RTL_ALT_FINAL"] > 0 and not vehicle.failsafes.radio:
            final_m = vehicle.parameters["RTL_ALT_FINAL"] / 100.0
            go_to(
                vehicle, Spot(goal.east_m, goal.north_m, final_m + (vehicle.home or goal).amsl_m), speed, look=False
            )
            return False
        case ReturnPhase.DESCEND:
            land(vehicle, at_goal)
            return True
    following = RETURN_TRANSITIONS[vehicle.return_phase]
    if done and following is not None:
        vehicle.return_phase = following
        vehicle.phase_since_s = vehicle.now_s
    return False


def _stopping_spot(vehicle: Vehicle) -> Spot:
    body = vehicle.body
    accel = 0.8 * vehicle.parameters["WPNAV_ACCEL"] / 100.0
    run_s = body.speed_mps / (2.0 * accel)
    return Spot(vehicle.east_m + body.east_mps * run_s, vehicle.north_m + body.north_mps * run_s, vehicle.amsl_m)


def _guided(vehicle: Vehicle) -> None:
    guided, demand = vehicle.guided, vehicle.demand
    if guided.kind == GuidedKind.TAKE_OFF and guided.target is not None:
        if take_off(vehicle, guided.target, guided.at_s):
            guided.kind = GuidedKind.PLACE
            guided.yaw_rad = vehicle.hold_yaw_rad
        return
    if vehicle.landed:
        demand.thrust = Thrust.IDLE  # a target alone does not lift it
        return
    if guided.kind == GuidedKind.PLACE and guided.target is not None:
        _go_to_guided(vehicle, guided, guided.target)
    elif guided.kind == GuidedKind.VELOCITY:
        fresh = vehicle.now_s - guided.at_s <= vehicle.parameters["GUID_TIMEOUT"]
        demand.horizontal = Horizontal.VELOCITY
        demand.east = guided.east_mps if fresh else 0.0
        demand.north = guided.north_mps if fresh else 0.0
        demand.vertical, demand.up = Vertical.RATE, guided.up_mps if fresh else 0.0
        if fresh and guided.yaw_rate:
            vehicle.hold_yaw_rad = (vehicle.body.yaw_rad + guided.yaw_rate / 2.0) % math.tau
    else:
        hold_here(vehicle)
    if guided.turn is not None:
        vehicle.hold_yaw_rad = guided.turn.step(vehicle.now_s)
    elif guided.yaw_rad is not None:
        vehicle.hold_yaw_rad = guided.yaw_rad
    demand.yaw_rad = vehicle.hold_yaw_rad


def _stick_climb(vehicle: Vehicle) -> None:
    sticks.climb(vehicle)
    if vehicle.landed and vehicle.demand.up <= 0:
        vehicle.demand.thrust = Thrust.IDLE
