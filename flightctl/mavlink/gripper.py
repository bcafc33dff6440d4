"""Gripper: lets go of what hook i holds, and says so only when the servo has moved.

MAVLink guide: https://mavlink.io/en/services/gripper.html. An autopilot accepts DO_GRIPPER when its gripper is
enabled, whether or not anything moves; so the acknowledgement counts for nothing here. Hook i (from 1) drives
servo output 8 + i: 1900 µs holds, 1100 µs has let go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import mavlink

HOOKS = 6
_FIRST_CHANNEL = 9
HELD_US = 1900
RELEASED_US = 1100
_TOLERANCE_US = 60
CONFIRM_S = 3.0  # from acceptance until the servo output must have moved


class HookState(StrEnum):
    HELD = "held"
    RELEASED = "released"
    MOVING = "moving"
    NONE = "none"  # the output carries no signal: no hook there, or a gripper enabled without a reboot


@dataclass(frozen=True, slots=True)
class Release:
    """A confirmed release."""

    hook: int
    at_s: float  # loop time at which the servo was seen open
    servo_us: int  # 0 where no servo output shows it
    already: bool  # it was open before it was asked
    seen: bool = True  # False: only the autopilot's final acknowledgement says so


def hook_state(servo_us: int) -> HookState:
    if servo_us == 0:
        return HookState.NONE
    if abs(servo_us - RELEASED_US) <= _TOLERANCE_US:
        return HookState.RELEASED
    return HookState.HELD if abs(servo_us - HELD_US) <= _TOLERANCE_US else HookState.MOVING


def hooks_of(message: mavlink.MAVLink_servo_output_raw_message) -> tuple[int, ...]:
    """The servo outputs of hooks 1 to 6, microseconds."""
    return (
        message.servo9_raw,
        message.servo10_raw,
        message.servo11_raw,
        message.servo12_raw,
        message.servo13_raw,
        message.servo14_raw,
    )


def release_command(hook: int) -> Command:
    return Command(mavlink.MAV_CMD_DO_GRIPPER, (hook, mavlink.GRIPPER_ACTION_RELEASE))


def grab_command(hook: int) -> Command:
    return Command(mavlink.MAV_CMD_DO_GRIPPER, (hook, mavlink.GRIPPER_ACTION_GRAB))
