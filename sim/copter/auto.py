"""AUTO: flies the mission item by item.

    not started ──MISSION_START or mode AUTO in the air──► item ──done──► next item ... ──► complete (hovers)
                                                            ▲  │
                                            continue ───────┘  └── pause (DO_PAUSE_CONTINUE): hovers

DO items between two navigation items run when the first of the two is done.
"""

from __future__ import annotations

import math

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import circle, navigation
from sim.copter.fence import FenceType
from sim.copter.places import Spot
from sim.copter.plans import ABSOLUTE_FRAMES, NAV_COMMANDS, PlanItem
from sim.copter.vehicle import AutoState, Severity, Vehicle

_MAX_JUMPS_AT_ONCE = 50


def start(vehicle: Vehicle, first: int = 1) -> bool:
    """Begins at item `first`. False when it stands on the ground and no take-off comes first."""
    if vehicle.landed and not vehicle.plans.mission.starts_with_take_off:
        vehicle.say(Severity.WARNING, "Auto: Missing Takeoff Cmd")
        return False
    speed = vehicle.auto.speed_mps
    vehicle.auto = AutoState(started=True, speed_mps=speed)
    _advance(vehicle, max(1, first))
    return True


def restart_item(vehicle: Vehicle) -> None:
    """A new mission came while one was flown."""
    vehicle.say(Severity.NOTICE, "Auto mission changed, restarted command")
    index = min(vehicle.auto.index, vehicle.plans.mission.total)
    vehicle.auto.jumps.clear()
    _advance(vehicle, max(1, index))


def jump_to(vehicle: Vehicle, index: int) -> None:
    """DO_SET_MISSION_CURRENT: flown at once unless the mission was complete."""
    vehicle.plans.mission.current = index
    if vehicle.auto.started and not vehicle.auto.complete:
        _advance(vehicle, max(1, index))


def state(vehicle: Vehicle) -> int:
    """MISSION_STATE."""
    if not vehicle.plans.mission.total:
        return mavlink.MISSION_STATE_NO_MISSION
    if vehicle.auto.complete:
        return mavlink.MISSION_STATE_COMPLETE
    if vehicle.auto.paused:
        return mavlink.MISSION_STATE_PAUSED
    return mavlink.MISSION_STATE_ACTIVE if vehicle.auto.started else mavlink.MISSION_STATE_NOT_STARTED


def fly(vehicle: Vehicle) -> None:
    auto = vehicle.auto
    auto.landing = auto.returning = False
    if not auto.started and not vehicle.landed and vehicle.plans.mission.total:
        start(vehicle, vehicle.plans.mission.current or 1)  # AUTO chosen in the air
        auto = vehicle.auto
    item = _item(vehicle)
    if not auto.started or auto.complete or auto.paused or item is None:
        navigation.hold_here(vehicle)
        return
    if _fly_item(vehicle, auto, item):
        auto.last_reached = _told_as_reached(vehicle, auto.index)
        vehicle.emit(mavlink.MAVLink_mission_item_reached_message(auto.last_reached))
        _advance(vehicle, auto.index + 1)


def _told_as_reached(vehicle: Vehicle, index: int) -> int:
    """A DO item right behind is done in the same breath and overwrites the number (ARDUCOPTER.md)."""
    items = vehicle.plans.mission.items
    follows = items[index + 1].command if index + 1 < len(items) else mavlink.MAV_CMD_NAV_LAST
    return index + 1 if follows > mavlink.MAV_CMD_NAV_LAST and follows != mavlink.MAV_CMD_DO_JUMP else index


def _item(vehicle: Vehicle) -> PlanItem | None:
    items = vehicle.plans.mission.items
    index = vehicle.auto.index
    return items[index] if 0 < index < len(items) else None


def _fly_item(vehicle: Vehicle, auto: AutoState, item: PlanItem) -> bool:
    """One step of a navigation item; True when it is done."""
    waited_s = vehicle.now_s - auto.item_since_s
    target = auto.target or vehicle.here
    match item.command:
        case mavlink.MAV_CMD_NAV_TAKEOFF:
            return navigation.take_off(vehicle, target, auto.item_since_s)
        case mavlink.MAV_CMD_NAV_LAND:
            away = math.hypot(vehicle.east_m - target.east_m, vehicle.north_m - target.north_m)
            if away > vehicle.parameters["WPNAV_RADIUS"] / 100.0 and not auto.reached_s:
                navigation.go_to(vehicle, target, vehicle.speed_mps(auto.speed_mps))
                return False
            auto.reached_s = auto.reached_s or vehicle.now_s
            auto.landing = True
            navigation.land(vehicle, target)
            return False  # ends by disarming on the ground
        case mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
            auto.returning = True
            auto.landing = navigation.fly_return(vehicle)
            return False
        case mavlink.MAV_CMD_NAV_LOITER_TURNS:
            if auto.circle is None:
                auto.circle = circle.circle_of(vehicle, target, item.params[0], item.params[2])
            return circle.fly(vehicle, auto.circle, vehicle.speed_mps(auto.speed_mps))
        case mavlink.MAV_CMD_NAV_DELAY:
            navigation.hold_here(vehicle)
            return waited_s >= item.params[0]
        case _:
            navigation.go_to(vehicle, target, vehicle.speed_mps(auto.speed_mps))
    away = math.hypot(vehicle.east_m - target.east_m, vehicle.north_m - target.north_m)
    if auto.reached_s is None:
        if math.hypot(away, vehicle.amsl_m - target.amsl_m) > vehicle.parameters["WPNAV_RADIUS"] / 100.0:
            return False
        auto.reached_s = vehicle.now_s
    if item.command == mavlink.MAV_CMD_NAV_LOITER_UNLIM:
        return False
    return vehicle.now_s - auto.reached_s >= item.params[0]


def _advance(vehicle: Vehicle, index: int) -> None:
    """Runs DO items from `index` on and begins the next navigation item."""
    auto, mission = vehicle.auto, vehicle.plans.mission
    jumped = 0
    while 0 < index < len(mission.items):
        item = mission.items[index]
        if item.command in NAV_COMMANDS:
            _begin(vehicle, index, item)
            return
        if item.command == mavlink.MAV_CMD_DO_JUMP:
            left = auto.jumps.get(index, int(item.params[1]))
            if left != 0 and jumped < _MAX_JUMPS_AT_ONCE:
                auto.jumps[index] = left - 1 if left > 0 else left
                index = int(item.params[0])
                jumped += 1
                continue
        else:
            _do(vehicle, item)
        index += 1
    auto.complete = True
    vehicle.hold = None


def _begin(vehicle: Vehicle, index: int, item: PlanItem) -> None:
    auto = vehicle.auto
    auto.index = vehicle.plans.mission.current = index
    auto.item_since_s = vehicle.now_s
    auto.reached_s = None
    auto.circle = None
    auto.complete = False
    previous = auto.target or vehicle.here
    auto.target = _target(vehicle, item, previous)
    vehicle.hold = None
    if item.command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
        vehicle.begin_return()
    name = mavlink.enums["MAV_CMD"][item.command].name.removeprefix("MAV_CMD_NAV_").title().replace("_", " ")
    vehicle.say(Severity.INFO, f"Mission: {index} {name}")


def _target(vehicle: Vehicle, item: PlanItem, previous: Spot) -> Spot:
    home = vehicle.home or vehicle.here
    height = item.z if item.frame in ABSOLUTE_FRAMES else home.amsl_m + item.z
    if item.command == mavlink.MAV_CMD_NAV_TAKEOFF:
        return Spot(vehicle.east_m, vehicle.north_m, height)
    if not item.has_point:
        here = previous if item.command != mavlink.MAV_CMD_NAV_LAND else vehicle.here
        return Spot(here.east_m, here.north_m, height if item.z else vehicle.amsl_m)
    spot = vehicle.spot(item.point, height)
    if item.command == mavlink.MAV_CMD_NAV_LAND:
        return Spot(spot.east_m, spot.north_m, vehicle.amsl_m)
    return spot


def _do(vehicle: Vehicle, item: PlanItem) -> None:
    match item.command:
        case mavlink.MAV_CMD_DO_CHANGE_SPEED:
            if item.params[1] > 0:
                vehicle.auto.speed_mps = item.params[1]
        case mavlink.MAV_CMD_DO_SET_SERVO:
            if vehicle.servos.free(int(item.params[0])):
                vehicle.servos.pwm[int(item.params[0]) - 1] = int(item.params[1])
        case mavlink.MAV_CMD_DO_GRIPPER:
            vehicle.gripper.command(int(item.params[0]), release=item.params[1] == 0, now_s=vehicle.now_s)
        case mavlink.MAV_CMD_CONDITION_YAW:
            angle_rad = math.radians(item.params[0])
            if item.params[3] == 1:
                angle_rad = vehicle.body.yaw_rad + math.copysign(angle_rad, item.params[2] or 1.0)
            vehicle.hold_yaw_rad = angle_rad % math.tau
        case mavlink.MAV_CMD_DO_SET_ROI | mavlink.MAV_CMD_DO_SET_ROI_LOCATION:
            vehicle.look_at = vehicle.spot(item.point, vehicle.amsl_m) if item.has_point else None
        case mavlink.MAV_CMD_DO_SET_ROI_NONE:
            vehicle.look_at = None
        case mavlink.MAV_CMD_DO_FENCE_ENABLE:
            vehicle.fence.enable(FenceType(15), on=item.params[0] == 1)
        case _:
            pass


def taking_off(vehicle: Vehicle) -> bool:
    item = _item(vehicle)
    return vehicle.auto.started and item is not None and item.command == mavlink.MAV_CMD_NAV_TAKEOFF
