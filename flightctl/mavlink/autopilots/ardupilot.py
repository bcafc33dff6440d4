"""ArduCopter: mode numbers, how it takes off and goes somewhere, what its failsafe parameters mean.

Names and values: https://ardupilot.org/copter/docs/parameters.html.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from flightctl.mavlink.autopilots.interface import ParameterRule
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.mission import Item
from flightctl.preflight_report import CheckId, Severity
from geofence.position import LatLon

MODES = {
    0: "STABILIZE",
    1: "ACRO",
    2: "ALT_HOLD",
    3: "AUTO",
    4: "GUIDED",
    5: "LOITER",
    6: "RTL",
    7: "CIRCLE",
    9: "LAND",
    11: "DRIFT",
    13: "SPORT",
    15: "AUTOTUNE",
    16: "POSHOLD",
    17: "BRAKE",
    18: "THROW",
    20: "GUIDED_NOGPS",
    21: "SMART_RTL",
    22: "FLOWHOLD",
    23: "FOLLOW",
    27: "AUTO_RTL",
}
_NUMBERS = {name: number for number, name in MODES.items()}
FS_OPTIONS_RELEASE_GRIPPER = 1 << 5
_FENCE_POLYGON = 4.0


def _is_zero(value: float) -> bool:
    return value == 0


def _opens_gripper(value: float) -> bool:
    return bool(int(value) & FS_OPTIONS_RELEASE_GRIPPER)


class ArduCopter:
    """ArduPilot for multicopters, 4.5 and later."""

    name = "ardupilot"
    guided = "GUIDED"
    brake = "BRAKE"
    return_home = "RTL"
    land = "LAND"
    mission = "AUTO"
    climbing = frozenset({"GUIDED"})
    coming_down = frozenset({"RTL", "LAND", "SMART_RTL", "AUTO_RTL"})
    place_refused = ()
    follows_set_points = True
    servos_show_hooks = True
    home_is_item_0 = True
    fence_by_command = True
    fence_on = {"FENCE_TYPE": _FENCE_POLYGON}  # noqa: RUF012  read only
    bytewise_parameters = False
    estimator_message = mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT
    rules = (
        ParameterRule(
            CheckId.GCS_FAILSAFE,
            ("FS_GCS_ENABLE",),
            _is_zero,
            Severity.BLOCK,
            "it flies on when the link is lost; set FS_GCS_ENABLE to 1 (return)",
        ),
        ParameterRule(
            CheckId.THROTTLE_FAILSAFE,
            ("FS_THR_ENABLE",),
            _is_zero,
            Severity.WARN,
            "a lost remote control is not noticed; set FS_THR_ENABLE to 1 (return)",
        ),
        ParameterRule(
            CheckId.BATTERY_FAILSAFE,
            ("BATT_FS_LOW_ACT", "BATT_FS_CRT_ACT"),
            _is_zero,
            Severity.WARN,
            "a low battery does not bring it home; set BATT_FS_LOW_ACT to 2 (return)",
        ),
        ParameterRule(
            CheckId.EKF_FAILSAFE,
            ("FS_EKF_ACTION",),
            _is_zero,
            Severity.WARN,
            "it flies on when its position estimate fails; set FS_EKF_ACTION to 1 (land)",
        ),
        ParameterRule(
            CheckId.GRIPPER_FAILSAFE,
            ("FS_OPTIONS",),
            _opens_gripper,
            Severity.BLOCK,
            "a failsafe would open the hook wherever it happens; clear bit 5 (value 32) of FS_OPTIONS",
        ),
    )
    preflight_parameters = tuple(name for rule in rules for name in rule.names)

    def mode_name(self, custom_mode: int) -> str:
        return MODES.get(custom_mode, f"MODE_{custom_mode}")

    def set_mode(self, name: str) -> Command:
        number = _NUMBERS.get(name)
        if number is None:
            raise ValueError(f"ArduCopter has no mode {name!r}; it has {', '.join(sorted(_NUMBERS))}")
        return Command(mavlink.MAV_CMD_DO_SET_MODE, (mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, number))

    def take_off(self, height_m: float, ground_amsl_m: float) -> Command:
        """It counts from where it stands."""
        del ground_amsl_m
        return Command(mavlink.MAV_CMD_NAV_TAKEOFF, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, height_m))

    def go_to(
        self,
        position: LatLon,
        height_m: float,
        *,
        home_amsl_m: float,
        speed_mps: float | None,
        yaw_deg: float | None,
    ) -> tuple[Command, ...]:
        del home_amsl_m
        reposition = (speed_mps if speed_mps is not None else -1.0, 0.0, 0.0, math.nan)
        commands = [Command(mavlink.MAV_CMD_DO_REPOSITION, reposition, position, height_m)]
        if speed_mps is not None:
            commands.insert(0, Command(mavlink.MAV_CMD_DO_CHANGE_SPEED, (1.0, speed_mps, -1.0)))
        if yaw_deg is not None:
            commands.append(Command(mavlink.MAV_CMD_CONDITION_YAW, (yaw_deg, 0.0, 0.0, 0.0)))
        return tuple(commands)

    def mission_items(self, items: Sequence[Item], here: LatLon | None) -> tuple[Item, ...]:
        """It takes them in any frame, and zero-zero for the spot it is over."""
        del here
        return tuple(items)

    def estimates_position(self, estimator_flags: int) -> bool:
        """Horizontal position, absolute, and no longer the constant-position stand-in (0x33f when ready)."""
        return bool(estimator_flags & mavlink.EKF_POS_HORIZ_ABS) and not estimator_flags & mavlink.EKF_CONST_POS_MODE

    def fence_kept(self, in_status: bool, parameters: dict[str, float | None]) -> bool:
        del parameters
        return in_status
