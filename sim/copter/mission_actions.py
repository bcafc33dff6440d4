"""What a mission does beside flying: DO items and the conditions that hold them back.

They run with the navigation item they come before, one after the other; a condition makes those behind it wait.
When that item is done first, what has not run yet is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter.fence import FenceType
from sim.copter.gripper import OUTPUTS
from sim.copter.plans import ABSOLUTE_FRAMES, TAKEN_IN_SILENCE, PlanItem
from sim.copter.turns import turn_of
from sim.copter.vehicle import AutoState, Severity, Vehicle

CONDITIONS = {
    mavlink.MAV_CMD_CONDITION_DELAY,
    mavlink.MAV_CMD_CONDITION_DISTANCE,
    mavlink.MAV_CMD_CONDITION_YAW,
}
_NOT_REPORTED = {  # carried out by the mission library itself, which says nothing of them
    mavlink.MAV_CMD_DO_SET_SERVO,
    mavlink.MAV_CMD_DO_GRIPPER,
    mavlink.MAV_CMD_DO_FENCE_ENABLE,
} | (TAKEN_IN_SILENCE - {mavlink.MAV_CMD_DO_LAND_START})


def run(vehicle: Vehicle, report: Callable[[int], None]) -> None:
    """Whatever is due now; `report` gets the numbers of those that count as reached."""
    auto = vehicle.auto
    while auto.todo:
        index, item = auto.todo[0]
        if auto.doing != index:
            auto.doing, auto.doing_since_s = index, vehicle.now_s
            vehicle.say(Severity.INFO, f"Mission: {index} {name_of(item.command)}")
            _start(vehicle, item)
        if not _done(vehicle, auto, item):
            return
        auto.doing = 0
        auto.todo.pop(0)
        if item.command not in _NOT_REPORTED:
            report(index)


def _done(vehicle: Vehicle, auto: AutoState, item: PlanItem) -> bool:
    match item.command:
        case mavlink.MAV_CMD_CONDITION_DELAY:
            return vehicle.now_s - auto.doing_since_s > item.params[0]
        case mavlink.MAV_CMD_CONDITION_DISTANCE:
            target = auto.target or vehicle.here
            away_m = math.hypot(vehicle.east_m - target.east_m, vehicle.north_m - target.north_m)
            return away_m < max(0.0, item.params[0])
        case mavlink.MAV_CMD_CONDITION_YAW:
            return auto.turn is None or auto.turn.reached(vehicle.body.yaw_rad)
        case _:
            return True


def _start(vehicle: Vehicle, item: PlanItem) -> None:
    auto, params = vehicle.auto, item.params
    match item.command:
        case mavlink.MAV_CMD_DO_CHANGE_SPEED:
            _change_speed(auto, int(params[0]), params[1])
        case mavlink.MAV_CMD_DO_SET_SERVO:
            if 1 <= int(params[0]) <= OUTPUTS and vehicle.servos.free(int(params[0])):
                vehicle.servos.pwm[int(params[0]) - 1] = int(params[1])
        case mavlink.MAV_CMD_DO_GRIPPER:
            vehicle.gripper.command(int(params[0]), release=params[1] == 0, now_s=vehicle.now_s)
        case mavlink.MAV_CMD_DO_WINCH:
            text = vehicle.winch.command(params[1], params[2], params[3])
            if text:
                vehicle.say(Severity.INFO, text)
        case mavlink.MAV_CMD_CONDITION_YAW:
            auto.turn = turn_of(vehicle, params)
        case mavlink.MAV_CMD_DO_SET_ROI | mavlink.MAV_CMD_DO_SET_ROI_LOCATION:
            vehicle.look_at = vehicle.spot(item.point, vehicle.amsl_m) if item.has_point else None
        case mavlink.MAV_CMD_DO_SET_HOME:
            _set_home(vehicle, item)
        case mavlink.MAV_CMD_DO_SET_ROI_NONE:
            vehicle.look_at = None
        case mavlink.MAV_CMD_DO_FENCE_ENABLE:
            vehicle.fence.enable(FenceType(15), on=params[0] == 1)
        case _:
            pass


def _set_home(vehicle: Vehicle, item: PlanItem) -> None:
    if item.params[0] == 1 or not item.has_point:
        vehicle.set_home(vehicle.here)
        return
    above_m = 0.0 if item.frame in ABSOLUTE_FRAMES or vehicle.home is None else vehicle.home.amsl_m
    vehicle.set_home(vehicle.spot(item.point, above_m + item.z))


def _change_speed(auto: AutoState, kind: int, speed_mps: float) -> None:
    if speed_mps <= 0:
        return
    match kind:
        case mavlink.SPEED_TYPE_AIRSPEED | mavlink.SPEED_TYPE_GROUNDSPEED:
            auto.speed_mps = speed_mps
        case mavlink.SPEED_TYPE_CLIMB_SPEED:
            auto.climb_mps = speed_mps
        case mavlink.SPEED_TYPE_DESCENT_SPEED:
            auto.sink_mps = speed_mps
        case _:
            pass


def name_of(command: int) -> str:
    """As AP_Mission calls it in its texts."""
    return _NAMES.get(command, "?")


_NAMES = {
    mavlink.MAV_CMD_NAV_WAYPOINT: "WP",
    mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT: "SplineWP",
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: "RTL",
    mavlink.MAV_CMD_NAV_LOITER_UNLIM: "LoitUnlim",
    mavlink.MAV_CMD_NAV_LOITER_TIME: "LoitTime",
    mavlink.MAV_CMD_NAV_LOITER_TURNS: "LoitTurns",
    mavlink.MAV_CMD_NAV_TAKEOFF: "Takeoff",
    mavlink.MAV_CMD_NAV_LAND: "Land",
    mavlink.MAV_CMD_NAV_DELAY: "Delay",
    mavlink.MAV_CMD_NAV_PAYLOAD_PLACE: "PayloadPlace",
    mavlink.MAV_CMD_CONDITION_DELAY: "CondDelay",
    mavlink.MAV_CMD_CONDITION_DISTANCE: "CondDist",
    mavlink.MAV_CMD_CONDITION_YAW: "CondYaw",
    mavlink.MAV_CMD_DO_CHANGE_SPEED: "ChangeSpeed",
    mavlink.MAV_CMD_DO_SET_SERVO: "SetServo",
    mavlink.MAV_CMD_DO_SET_ROI: "SetROI",
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: "SetROI",
    mavlink.MAV_CMD_DO_SET_ROI_NONE: "SetROI",
    mavlink.MAV_CMD_DO_GRIPPER: "Gripper",
    mavlink.MAV_CMD_DO_WINCH: "Winch",
    mavlink.MAV_CMD_DO_FENCE_ENABLE: "FenceEnable",
    mavlink.MAV_CMD_DO_JUMP: "Jump",
    mavlink.MAV_CMD_NAV_LOITER_TO_ALT: "LoitAltitude",
    mavlink.MAV_CMD_DO_SET_HOME: "SetHome",
    mavlink.MAV_CMD_DO_LAND_START: "LandStart",
    mavlink.MAV_CMD_DO_SET_RELAY: "SetRelay",
    mavlink.MAV_CMD_DO_DIGICAM_CONFIGURE: "DigiCamCfg",
    mavlink.MAV_CMD_DO_DIGICAM_CONTROL: "DigiCamCtrl",
    mavlink.MAV_CMD_DO_MOUNT_CONTROL: "MountControl",
    mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST: "SetCamTrigDst",
}
