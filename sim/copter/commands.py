"""COMMAND_LONG and COMMAND_INT: one handler a command, each answering with its MAV_RESULT.

ACCEPTED means "begun": clients watch the telemetry for the end, as with the real autopilot.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import arming, auto, guided_targets
from sim.copter.fence import FenceType
from sim.copter.modes import Mode, ModeReason, mode_of_number
from sim.copter.places import Spot
from sim.copter.plans import HIGHEST_M
from sim.copter.streams import FASTEST_US, Link
from sim.copter.telemetry import BUILDERS
from sim.copter.turns import turn_of
from sim.copter.vehicle import BOOT_S, Guided, GuidedKind, Severity, Vehicle

ACCEPTED = mavlink.MAV_RESULT_ACCEPTED
REJECTED_FOR_NOW = mavlink.MAV_RESULT_TEMPORARILY_REJECTED
DENIED = mavlink.MAV_RESULT_DENIED
UNSUPPORTED = mavlink.MAV_RESULT_UNSUPPORTED
FAILED = mavlink.MAV_RESULT_FAILED

_CHANGE_MODE = 1  # MAV_DO_REPOSITION_FLAGS
_RELATIVE = 3
_RESET_PARAMETERS = 2  # PREFLIGHT_STORAGE


@dataclass(frozen=True, slots=True)
class Command:
    """Either message in one shape. `x` and `y` are degrees * 1e7 when `frame` is given."""

    number: int
    p1: float
    p2: float
    p3: float
    p4: float
    x: float
    y: float
    z: float
    frame: int | None  # None: it came as COMMAND_LONG

    @classmethod
    def of_long(cls, message: mavlink.MAVLink_command_long_message) -> Command:
        m = message
        return cls(m.command, m.param1, m.param2, m.param3, m.param4, m.param5, m.param6, m.param7, None)

    @classmethod
    def of_int(cls, message: mavlink.MAVLink_command_int_message) -> Command:
        m = message
        return cls(m.command, m.param1, m.param2, m.param3, m.param4, m.x, m.y, m.z, m.frame)


def execute(vehicle: Vehicle, link: Link, command: Command) -> int:
    """Runs it and says the MAV_RESULT; a handler never raises for what a client sent."""
    handler = _HANDLERS.get(command.number)
    if handler is None:
        return UNSUPPORTED
    if not all(map(math.isfinite, (command.p1, command.p2, command.p3))):
        return DENIED
    if math.isinf(command.p4):  # a NaN there means "no yaw given"
        return DENIED
    return handler(vehicle, link, command)


def execute_as_winch(vehicle: Vehicle, link: Link, command: Command) -> int:
    """What its own component does: the line, and its one message."""
    own = command.p1 == mavlink.MAVLINK_MSG_ID_WINCH_STATUS
    if command.number != mavlink.MAV_CMD_DO_WINCH and not (command.number in _ASKING and own):
        return UNSUPPORTED
    return execute(vehicle, link, command)


def change_mode(vehicle: Vehicle, mode: Mode) -> bool:
    if vehicle.now_s < BOOT_S:
        return True  # accepted, then overwritten by the mode switch
    return vehicle.set_mode(mode, ModeReason.COMMAND)


def _result(done: bool) -> int:
    return ACCEPTED if done else FAILED


def _arm(vehicle: Vehicle, link: Link, command: Command) -> int:
    forced = int(command.p2) == arming.FORCE
    if command.p1 == 1:
        return _result(arming.arm(vehicle, forced=forced))
    if command.p1 == 0:
        return _result(arming.disarm(vehicle, forced=forced))
    return UNSUPPORTED


def _prearm_checks(vehicle: Vehicle, link: Link, command: Command) -> int:
    if vehicle.armed:
        return REJECTED_FOR_NOW
    for reason in arming.checks(vehicle):
        vehicle.say(Severity.CRITICAL, f"PreArm: {reason}")
    return ACCEPTED


def _set_mode(vehicle: Vehicle, link: Link, command: Command) -> int:
    if not int(command.p1) & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
        return DENIED
    mode = mode_of_number(int(command.p2))
    return _result(mode is not None and change_mode(vehicle, mode))


def _take_off(vehicle: Vehicle, link: Link, command: Command) -> int:
    if command.frame is not None and command.frame != _RELATIVE:
        return DENIED
    height_m = command.z
    home = vehicle.home
    if not vehicle.armed or not vehicle.landed or vehicle.mode is not Mode.GUIDED or home is None:
        return FAILED
    if not max(0.0, vehicle.height_m) < height_m <= HIGHEST_M:
        return FAILED
    target = Spot(vehicle.east_m, vehicle.north_m, home.amsl_m + height_m)
    vehicle.guided = Guided(
        kind=GuidedKind.TAKE_OFF, target=target, at_s=vehicle.now_s, speed_mps=vehicle.guided.speed_mps
    )
    vehicle.heartbeat_asked = True
    return ACCEPTED


def _mode_command(mode: Mode) -> Callable[[Vehicle, Link, Command], int]:
    def handle(vehicle: Vehicle, link: Link, command: Command) -> int:
        return _result(change_mode(vehicle, mode))

    return handle


def _reposition(vehicle: Vehicle, link: Link, command: Command) -> int:
    if command.frame is None:
        return UNSUPPORTED
    may_change = bool(int(command.p2) & _CHANGE_MODE)
    if vehicle.mode is not Mode.GUIDED and not may_change:
        return DENIED
    target = guided_targets.target_of(vehicle, int(command.x), int(command.y), command.z, command.frame)
    if target is None:
        return DENIED
    if not vehicle.armed or not vehicle.position_good or not guided_targets.within_fence(vehicle, target):
        return FAILED
    if vehicle.mode is not Mode.GUIDED and not change_mode(vehicle, Mode.GUIDED):
        return FAILED
    if command.p1 > 0:
        vehicle.guided.speed_mps = command.p1
    return _result(guided_targets.fly_to(vehicle, target))


def _change_speed(vehicle: Vehicle, link: Link, command: Command) -> int:
    speed_mps = command.p2
    if speed_mps <= 0 or int(command.p1) not in (0, 1, 2, 3):
        return FAILED
    if int(command.p1) in (2, 3):
        name = "WPNAV_SPEED_UP" if int(command.p1) == 2 else "WPNAV_SPEED_DN"
        vehicle.parameters.set(name, speed_mps * 100.0)
        return ACCEPTED
    if vehicle.mode is Mode.AUTO:
        vehicle.auto.speed_mps = speed_mps
        return ACCEPTED
    if vehicle.mode is Mode.GUIDED:
        if vehicle.guided.kind != GuidedKind.VELOCITY:  # in velocity control it is accepted and lost
            vehicle.guided.speed_mps = speed_mps
        return ACCEPTED
    return FAILED


def _yaw(vehicle: Vehicle, link: Link, command: Command) -> int:
    if vehicle.mode not in (Mode.GUIDED, Mode.AUTO):
        return FAILED
    turn = turn_of(vehicle, (command.p1, command.p2, command.p3, command.p4))
    if vehicle.mode is Mode.AUTO:
        vehicle.auto.turn = turn
    else:
        vehicle.guided.turn = turn
        vehicle.guided.yaw_rad = (turn.yaw_rad + turn.left_rad) % math.tau
    return ACCEPTED


def _look_at(vehicle: Vehicle, link: Link, command: Command) -> int:
    """DO_SET_ROI_LOCATION and the older DO_SET_ROI; zero for a place looks ahead again."""
    if not (math.isfinite(command.x) and math.isfinite(command.y)):
        return DENIED
    scale = 1 if command.frame is not None else 10_000_000
    lat_e7, lon_e7 = round(command.x * scale), round(command.y * scale)
    if (lat_e7, lon_e7) == (0, 0):
        vehicle.look_at = None
        return ACCEPTED
    spot = guided_targets.target_of(vehicle, lat_e7, lon_e7, command.z, 3 if command.frame is None else command.frame)
    if spot is None:
        return DENIED
    vehicle.look_at = spot
    return ACCEPTED


def _look_ahead(vehicle: Vehicle, link: Link, command: Command) -> int:
    vehicle.look_at = None
    return ACCEPTED


def _gripper(vehicle: Vehicle, link: Link, command: Command) -> int:
    if int(command.p2) not in (0, 1):
        return DENIED
    done = vehicle.gripper.command(int(command.p1), release=int(command.p2) == 0, now_s=vehicle.now_s)
    return _result(done)


def _winch(vehicle: Vehicle, link: Link, command: Command) -> int:
    text = vehicle.winch.command(command.p2, command.p3, command.p4)
    if text:
        vehicle.say(Severity.INFO, text)
    return _result(text is not None)


def _servo(vehicle: Vehicle, link: Link, command: Command) -> int:
    channel, pwm = int(command.p1), int(command.p2)
    if not 1 <= channel <= 16 or not 500 <= pwm <= 2500:
        return FAILED
    if not vehicle.servos.free(channel):
        vehicle.say(Severity.WARNING, f"Channel {channel} is already in use")
        return FAILED
    vehicle.servos.pwm[channel - 1] = pwm
    return ACCEPTED


def _fence_enable(vehicle: Vehicle, link: Link, command: Command) -> int:
    kinds = FenceType(int(command.p2) & 15) if int(command.p2) else FenceType(15)
    match int(command.p1):
        case 0:
            return _result(vehicle.fence.enable(kinds, on=False))
        case 1:
            return _result(vehicle.fence.enable(kinds, on=True))
        case 2:
            return _result(vehicle.fence.enable(FenceType.HEIGHT_MIN, on=False))
        case _:
            return FAILED


def _mission_start(vehicle: Vehicle, link: Link, command: Command) -> int:
    if not vehicle.armed or not vehicle.plans.mission.total:
        change_mode(vehicle, Mode.AUTO)
        return ACCEPTED  # and nothing flies
    if vehicle.landed and not vehicle.plans.mission.starts_with_take_off:
        vehicle.say(Severity.WARNING, "Auto: Missing Takeoff Cmd")
        return FAILED
    if not change_mode(vehicle, Mode.AUTO):
        return FAILED
    first = vehicle.plans.mission.current if not vehicle.landed else 1
    return _result(auto.start(vehicle, first))


def _pause(vehicle: Vehicle, link: Link, command: Command) -> int:
    if vehicle.mode is not Mode.AUTO or not vehicle.auto.started or vehicle.auto.complete:
        return FAILED
    vehicle.auto.paused = command.p1 == 0
    vehicle.hold = None
    return ACCEPTED


def _set_current(vehicle: Vehicle, link: Link, command: Command) -> int:
    index = int(command.p1)
    if not 0 <= index <= vehicle.plans.mission.total:
        return FAILED
    auto.jump_to(vehicle, index)
    return ACCEPTED


def _set_home(vehicle: Vehicle, link: Link, command: Command) -> int:
    if command.p1 == 1:
        if not vehicle.position_good:
            return FAILED
        vehicle.set_home(vehicle.here)
        return ACCEPTED
    if command.frame is None:
        x, y = command.x * 1e7, command.y * 1e7
    else:
        x, y = command.x, command.y
    if not math.isfinite(x) or not math.isfinite(y):
        return DENIED
    spot = guided_targets.target_of(vehicle, int(x), int(y), command.z, command.frame or 0)
    if spot is None:
        return DENIED
    vehicle.set_home(spot)
    return ACCEPTED


def _get_home(vehicle: Vehicle, link: Link, command: Command) -> int:
    if vehicle.home is None:
        return FAILED
    link.send(vehicle.home_message())
    return ACCEPTED


def _reboot(vehicle: Vehicle, link: Link, command: Command) -> int:
    if int(command.p1) != 1:
        return UNSUPPORTED
    if vehicle.armed:
        return FAILED
    vehicle.reboot_asked = True
    return ACCEPTED


def _storage(vehicle: Vehicle, link: Link, command: Command) -> int:
    if int(command.p1) != _RESET_PARAMETERS:
        return UNSUPPORTED
    vehicle.parameters.erase()
    vehicle.say(Severity.WARNING, "All parameters reset, reboot board")
    return ACCEPTED


def _terminate(vehicle: Vehicle, link: Link, command: Command) -> int:
    if command.p1 < 1:
        return FAILED
    arming.disarm(vehicle, forced=True)
    return ACCEPTED


def _set_interval(vehicle: Vehicle, link: Link, command: Command) -> int:
    message_id, interval_us = int(command.p1), command.p2
    if message_id not in BUILDERS:
        vehicle.say(Severity.INFO, f"No ap_message for mavlink id ({message_id})")
        return DENIED
    if 0 < interval_us < FASTEST_US:
        vehicle.say(Severity.INFO, "Rate too fast for the main loop")
        return DENIED
    if interval_us == 0:
        link.set_default(message_id, vehicle.now_s)
    else:
        link.set_period(message_id, interval_us / 1e6 if interval_us > 0 else None, vehicle.now_s)
    return ACCEPTED


def _get_interval(vehicle: Vehicle, link: Link, command: Command) -> int:
    message_id = int(command.p1)
    if message_id not in BUILDERS:
        return FAILED
    link.send(mavlink.MAVLink_message_interval_message(message_id, link.interval_us(message_id)))
    return ACCEPTED


def _request_message(vehicle: Vehicle, link: Link, command: Command) -> int:
    builder = BUILDERS.get(int(command.p1))
    message = builder(vehicle) if builder is not None else None
    if message is None:
        return FAILED
    if isinstance(message, mavlink.MAVLink_winch_status_message):
        link.send_of_winch(message)
    else:
        link.send(message)
    return ACCEPTED


def send_banner(link: Link) -> None:
    for text in arming.BANNER:
        link.send(mavlink.MAVLink_statustext_message(Severity.INFO, text.encode(), 0, 0))


def _banner(vehicle: Vehicle, link: Link, command: Command) -> int:
    send_banner(link)
    return ACCEPTED


def _capabilities(vehicle: Vehicle, link: Link, command: Command) -> int:
    if command.p1 == 1:
        link.send(BUILDERS[148](vehicle) or vehicle.home_message())
    return ACCEPTED


_HANDLERS: dict[int, Callable[[Vehicle, Link, Command], int]] = {
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: _mode_command(Mode.RTL),
    mavlink.MAV_CMD_NAV_LAND: _mode_command(Mode.LAND),
    mavlink.MAV_CMD_NAV_LOITER_UNLIM: _mode_command(Mode.LOITER),
    mavlink.MAV_CMD_NAV_TAKEOFF: _take_off,
    mavlink.MAV_CMD_CONDITION_YAW: _yaw,
    mavlink.MAV_CMD_DO_SET_ROI: _look_at,
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: _look_at,
    mavlink.MAV_CMD_DO_SET_ROI_NONE: _look_ahead,
    mavlink.MAV_CMD_DO_SET_MODE: _set_mode,
    mavlink.MAV_CMD_DO_CHANGE_SPEED: _change_speed,
    mavlink.MAV_CMD_DO_SET_HOME: _set_home,
    mavlink.MAV_CMD_DO_SET_SERVO: _servo,
    mavlink.MAV_CMD_DO_FLIGHTTERMINATION: _terminate,
    mavlink.MAV_CMD_DO_SEND_BANNER: _banner,
    mavlink.MAV_CMD_DO_REPOSITION: _reposition,
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: _pause,
    mavlink.MAV_CMD_DO_FENCE_ENABLE: _fence_enable,
    mavlink.MAV_CMD_DO_GRIPPER: _gripper,
    mavlink.MAV_CMD_DO_WINCH: _winch,
    mavlink.MAV_CMD_DO_SET_MISSION_CURRENT: _set_current,
    mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN: _reboot,
    mavlink.MAV_CMD_PREFLIGHT_STORAGE: _storage,
    mavlink.MAV_CMD_MISSION_START: _mission_start,
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM: _arm,
    mavlink.MAV_CMD_RUN_PREARM_CHECKS: _prearm_checks,
    mavlink.MAV_CMD_GET_HOME_POSITION: _get_home,
    mavlink.MAV_CMD_GET_MESSAGE_INTERVAL: _get_interval,
    mavlink.MAV_CMD_SET_MESSAGE_INTERVAL: _set_interval,
    mavlink.MAV_CMD_REQUEST_MESSAGE: _request_message,
    mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES: _capabilities,
}

_ASKING = {
    mavlink.MAV_CMD_SET_MESSAGE_INTERVAL,
    mavlink.MAV_CMD_GET_MESSAGE_INTERVAL,
    mavlink.MAV_CMD_REQUEST_MESSAGE,
}
