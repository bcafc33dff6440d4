"""AUTO: flies the mission item by item.

    not started ──MISSION_START or mode AUTO in the air──► item ──done──► next item ... ──► complete (hovers)
                                                            ▲  │
                                            continue ───────┘  └── pause (DO_PAUSE_CONTINUE): hovers

DO items and conditions before a navigation item run while it is flown (`mission_actions`).
"""

from __future__ import annotations

import math
from datetime import timedelta

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import circle, legs, mission_actions, navigation, payload_place
from sim.copter.places import Spot
from sim.copter.plans import ABSOLUTE_FRAMES, NAV_COMMANDS, PlanItem
from sim.copter.vehicle import AutoState, Severity, Vehicle

_MAX_JUMPS_AT_ONCE = 50
_AT_HEIGHT_M = 0.3
_LEG_COMMANDS = {
    mavlink.MAV_CMD_NAV_WAYPOINT,
    mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT,
    mavlink.MAV_CMD_NAV_LOITER_TIME,
    mavlink.MAV_CMD_NAV_LOITER_UNLIM,
    mavlink.MAV_CMD_NAV_LOITER_TO_ALT,
}
_PASSED_INTO = {*_LEG_COMMANDS, mavlink.MAV_CMD_NAV_PAYLOAD_PLACE} - {mavlink.MAV_CMD_NAV_LOITER_TO_ALT}
_AT_PRESENT_HEIGHT = {mavlink.MAV_CMD_NAV_LAND, mavlink.MAV_CMD_NAV_PAYLOAD_PLACE}
_WITHOUT_STOP = {mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT}
_SAID_WHEN_REACHED = {*_WITHOUT_STOP, mavlink.MAV_CMD_NAV_LOITER_TIME}


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
    _from_here(vehicle, max(1, index))


def jump_to(vehicle: Vehicle, index: int) -> None:
    """DO_SET_MISSION_CURRENT: flown at once unless the mission was complete."""
    vehicle.plans.mission.current = index
    if vehicle.auto.started and not vehicle.auto.complete:
        _from_here(vehicle, max(1, index))


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
    demand = vehicle.demand
    demand.climb_mps = auto.climb_mps or demand.climb_mps
    demand.sink_mps = auto.sink_mps or demand.sink_mps
    reached: list[int] = []
    if _fly_item(vehicle, auto, item):
        if item.command in _SAID_WHEN_REACHED:
            vehicle.say(Severity.INFO, f"Reached command #{auto.index}")
        reached.append(auto.index)
        _advance(vehicle, auto.index + 1)
    fresh = bool(reached)
    mission_actions.run(vehicle, reached.append)
    if auto.turn is not None:
        vehicle.hold_yaw_rad = demand.yaw_rad = auto.turn.step(vehicle.now_s)
    if fresh and len(reached) > 1:
        reached = reached[1:]  # ARDUCOPTER.md: the DO item that follows at once is reported in its place
    for index in reached:
        auto.last_reached = index
        vehicle.emit(mavlink.MAVLink_mission_item_reached_message(index))


def _item(vehicle: Vehicle) -> PlanItem | None:
    items = vehicle.plans.mission.items
    index = vehicle.auto.index
    return items[index] if 0 < index < len(items) else None


def _fly_item(vehicle: Vehicle, auto: AutoState, item: PlanItem) -> bool:
    """One step of a navigation item; True when it is done."""
    waited_s = vehicle.now_s - auto.item_since_s
    target = auto.target or vehicle.here
    speed_mps = vehicle.speed_mps(auto.speed_mps)
    match item.command:
        case mavlink.MAV_CMD_NAV_TAKEOFF:
            return navigation.take_off(vehicle, target, auto.item_since_s)
        case mavlink.MAV_CMD_NAV_LAND:
            away = math.hypot(vehicle.east_m - target.east_m, vehicle.north_m - target.north_m)
            if away > vehicle.parameters["WPNAV_RADIUS"] / 100.0 and not auto.reached_s:
                navigation.go_to(vehicle, target, speed_mps)
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
            return circle.fly(vehicle, auto.circle, speed_mps)
        case mavlink.MAV_CMD_NAV_PAYLOAD_PLACE:
            return auto.placing is None or payload_place.fly(vehicle, auto.placing, speed_mps)
        case mavlink.MAV_CMD_NAV_DELAY:
            navigation.hold_here(vehicle)
            return waited_s >= auto.delay_s
        case _:
            there = auto.leg is None or legs.fly(vehicle, auto.leg, speed_mps)
    if auto.reached_s is None:
        if not there:
            return False
        auto.reached_s = vehicle.now_s
    if item.command == mavlink.MAV_CMD_NAV_LOITER_UNLIM:
        return False
    if item.command == mavlink.MAV_CMD_NAV_LOITER_TO_ALT:
        return abs(vehicle.amsl_m - target.amsl_m) < _AT_HEIGHT_M
    return vehicle.now_s - auto.reached_s >= item.params[0]


def _from_here(vehicle: Vehicle, index: int) -> None:
    """Begins an item out of turn: whatever was flown to counts no longer."""
    vehicle.auto.target = vehicle.auto.leg = None
    _advance(vehicle, index)


def _advance(vehicle: Vehicle, index: int) -> None:
    """Begins the next navigation item from `index` on; the others before it run beside it."""
    auto, mission = vehicle.auto, vehicle.plans.mission
    auto.todo.clear()
    auto.doing = 0
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
            auto.todo.append((index, item))
        index += 1
    del auto.todo[1:]  # past the last navigation item only the first one runs, as in ArduPilot
    auto.complete = True
    vehicle.hold = None


def _begin(vehicle: Vehicle, index: int, item: PlanItem) -> None:
    auto = vehicle.auto
    last, previous = auto.leg, auto.target or vehicle.here
    auto.index = vehicle.plans.mission.current = index
    auto.item_since_s = vehicle.now_s
    auto.reached_s = None
    auto.circle = None
    auto.leg = None
    auto.complete = False
    if vehicle.parameters["WP_YAW_BEHAVIOR"] != 0:
        auto.turn = None
    auto.target = _target(vehicle, item, previous)
    vehicle.hold = None
    vehicle.say(Severity.INFO, f"Mission: {index} {mission_actions.name_of(item.command)}")
    if item.command in _LEG_COMMANDS:
        onward = _onward(vehicle, index, item, auto.target)
        if item.command == mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT:
            auto.leg = legs.curved(vehicle, last, previous, auto.target, onward)
        else:
            auto.leg = legs.straight(vehicle, previous, auto.target, onward, vehicle.speed_mps(auto.speed_mps))
    elif item.command == mavlink.MAV_CMD_NAV_PAYLOAD_PLACE:
        auto.placing = payload_place.Placing(auto.target, item.params[0])
    elif item.command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
        vehicle.begin_return()
    elif item.command == mavlink.MAV_CMD_NAV_DELAY:
        auto.delay_s = _delay_s(vehicle, item)
        vehicle.say(Severity.INFO, f"Delaying {int(auto.delay_s)} sec")


def _onward(vehicle: Vehicle, index: int, item: PlanItem, target: Spot) -> legs.Onward | None:
    """What a leg without a stop at its end leads into."""
    if item.params[0] > 0 or item.command not in _WITHOUT_STOP:
        return None
    following = _next_navigation(vehicle, index + 1)
    if following is None:
        return None
    if item.command != mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT and following.command not in _PASSED_INTO:
        return None
    then = _target(vehicle, following, target)
    if math.hypot(then.east_m - target.east_m, then.north_m - target.north_m, then.amsl_m - target.amsl_m) == 0.0:
        return None
    return legs.Onward(then, following.command == mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT)


def _next_navigation(vehicle: Vehicle, index: int) -> PlanItem | None:
    """The next navigation item from `index` on, through the jumps as they will be taken."""
    items = vehicle.plans.mission.items
    left: dict[int, int] = {}
    for _ in range(len(items) + _MAX_JUMPS_AT_ONCE):
        if not 0 < index < len(items):
            return None
        item = items[index]
        if item.command in NAV_COMMANDS:
            return item
        if item.command == mavlink.MAV_CMD_DO_JUMP:
            times = left.get(index, vehicle.auto.jumps.get(index, int(item.params[1])))
            if times != 0:
                left[index] = times - 1 if times > 0 else times
                index = int(item.params[0])
                continue
        index += 1
    return None


def _delay_s(vehicle: Vehicle, item: PlanItem) -> float:
    """NAV_DELAY: so many seconds, or until the next time it is so late by UTC (-1: any)."""
    seconds, hour, minute, second = item.params
    if seconds > 0:
        return seconds
    now = vehicle.utc()
    then = now.replace(
        hour=int(hour) % 24 if hour >= 0 else now.hour,
        minute=int(minute) % 60 if minute >= 0 else now.minute,
        second=int(second) % 60 if second >= 0 else now.second,
        microsecond=0,
    )
    day = timedelta(days=1)
    return max(0.0, (then - now) % day / timedelta(seconds=1))


def _target(vehicle: Vehicle, item: PlanItem, default: Spot) -> Spot:
    """Where an item leads; what it leaves at zero is as in `default`."""
    home = vehicle.home or vehicle.here
    height = item.z if item.frame in ABSOLUTE_FRAMES else home.amsl_m + item.z
    if item.command == mavlink.MAV_CMD_NAV_TAKEOFF:
        return Spot(vehicle.east_m, vehicle.north_m, height)
    if item.command in _AT_PRESENT_HEIGHT:
        here = vehicle.here if not item.has_point else vehicle.spot(item.point, vehicle.amsl_m)
        return Spot(here.east_m, here.north_m, vehicle.amsl_m)
    amsl_m = height if item.z else default.amsl_m
    if not item.has_point:
        return Spot(default.east_m, default.north_m, amsl_m)
    return vehicle.spot(item.point, amsl_m)


def taking_off(vehicle: Vehicle) -> bool:
    item = _item(vehicle)
    return vehicle.auto.started and item is not None and item.command == mavlink.MAV_CMD_NAV_TAKEOFF
