"""PX4 for multicopters, 1.14 and later: where it differs from ArduCopter.

Modes are a main and a sub mode in the upper half of `custom_mode`. Heights in commands are above sea level. It flies
where it is told in AUTO.LOITER, entered by DO_REPOSITION itself; OFFBOARD is not used, for it turns into a failsafe
when our stream pauses. A mission has no home in it. Whole parameters travel byte by byte in the float. It has no
switch for the fence: GF_ACTION says what a breach does. https://docs.px4.io/main/en/advanced_config/parameter_reference
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from flightctl.mavlink.autopilots.interface import ParameterRule
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import TransferFailed
from flightctl.mavlink.mission import Item
from flightctl.preflight_report import CheckId, Severity
from geofence.position import LatLon

_AUTO = 4
_MODES = {
    (1, 0): "MANUAL",
    (2, 0): "ALTCTL",
    (3, 0): "POSCTL",
    (3, 1): "POSCTL.ORBIT",
    (3, 2): "POSCTL.SLOW",
    (_AUTO, 1): "AUTO.READY",
    (_AUTO, 2): "AUTO.TAKEOFF",
    (_AUTO, 3): "AUTO.LOITER",
    (_AUTO, 4): "AUTO.MISSION",
    (_AUTO, 5): "AUTO.RTL",
    (_AUTO, 6): "AUTO.LAND",
    (_AUTO, 8): "AUTO.FOLLOW",
    (_AUTO, 9): "AUTO.PRECLAND",
    (5, 0): "ACRO",
    (6, 0): "OFFBOARD",
    (7, 0): "STABILIZED",
    (10, 0): "TERMINATION",
}
_NUMBERS = {name: numbers for numbers, name in _MODES.items()}
_CHANGE_MODE = 1.0  # MAV_DO_REPOSITION_FLAGS_CHANGE_MODE: without it the command is refused
_GF_WARNS = 1.0  # GF_ACTION up to here only says something
_GF_RETURN = 3.0
_AT_A_PLACE = frozenset(
    {
        mavlink.MAV_CMD_NAV_TAKEOFF,
        mavlink.MAV_CMD_NAV_LAND,
        mavlink.MAV_CMD_NAV_LOITER_TIME,
        mavlink.MAV_CMD_NAV_WAYPOINT,
    }
)
_FALLS = frozenset({5.0, 6.0})  # terminate, disarm


def custom_mode(name: str) -> int:
    """As a heartbeat shows it. Raises KeyError."""
    main, sub = _NUMBERS[name]
    return main << 16 | sub << 24


def _is_zero(value: float) -> bool:
    return value == 0


def _no_way_home(value: float) -> bool:
    """Disabled, or it drops out of the air."""
    return value == 0 or value in _FALLS


class Px4:
    """PX4 for multicopters."""

    name = "px4"
    guided = "AUTO.LOITER"
    brake = "AUTO.LOITER"
    return_home = "AUTO.RTL"
    land = "AUTO.LAND"
    mission = "AUTO.MISSION"
    climbing = frozenset({"AUTO.TAKEOFF", "AUTO.LOITER"})
    coming_down = frozenset({"AUTO.RTL", "AUTO.LAND", "AUTO.PRECLAND"})
    place_refused = ("outside geofence",)  # its commander accepts what its navigator then leaves alone
    follows_set_points = False
    servos_show_hooks = False
    home_is_item_0 = False
    fence_by_command = False
    fence_on = {"GF_ACTION": _GF_RETURN}  # noqa: RUF012  read only
    bytewise_parameters = True
    estimator_message = mavlink.MAVLINK_MSG_ID_ESTIMATOR_STATUS
    rules = (
        ParameterRule(
            CheckId.GCS_FAILSAFE,
            ("NAV_DLL_ACT",),
            _no_way_home,
            Severity.BLOCK,
            "it flies on, or falls, when the link is lost; set NAV_DLL_ACT to 2 (return)",
        ),
        ParameterRule(
            CheckId.THROTTLE_FAILSAFE,
            ("NAV_RCL_ACT",),
            _no_way_home,
            Severity.WARN,
            "a lost remote control is not noticed, or makes it fall; set NAV_RCL_ACT to 2 (return)",
        ),
        ParameterRule(
            CheckId.BATTERY_FAILSAFE,
            ("COM_LOW_BAT_ACT",),
            _is_zero,
            Severity.WARN,
            "a low battery does not bring it home; set COM_LOW_BAT_ACT to 3 (return, then land)",
        ),
    )
    preflight_parameters = (*(name for rule in rules for name in rule.names), "GF_ACTION")

    def mode_name(self, custom_mode: int) -> str:
        main, sub = custom_mode >> 16 & 0xFF, custom_mode >> 24 & 0xFF
        return _MODES.get((main, sub), f"MODE_{main}.{sub}")

    def set_mode(self, name: str) -> Command:
        numbers = _NUMBERS.get(name)
        if numbers is None:
            raise ValueError(f"PX4 has no mode {name!r}; it has {', '.join(sorted(_NUMBERS))}")
        return Command(mavlink.MAV_CMD_DO_SET_MODE, (mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, *numbers))

    def take_off(self, height_m: float, ground_amsl_m: float) -> Command:
        """From where it stands; it keeps its heading."""
        up = (0.0, 0.0, 0.0, math.nan, math.nan, math.nan, ground_amsl_m + height_m)
        return Command(mavlink.MAV_CMD_NAV_TAKEOFF, up)

    def go_to(
        self,
        position: LatLon,
        height_m: float,
        *,
        home_amsl_m: float,
        speed_mps: float | None,
        yaw_deg: float | None,
    ) -> tuple[Command, ...]:
        yaw_rad = math.nan if yaw_deg is None else math.radians(yaw_deg)
        speed = -1.0 if speed_mps is None else speed_mps
        there = Command(
            mavlink.MAV_CMD_DO_REPOSITION,
            (speed, _CHANGE_MODE, 0.0, yaw_rad),
            position,
            home_amsl_m + height_m,
            frame=mavlink.MAV_FRAME_GLOBAL_INT,
        )
        return (there,)

    def mission_items(self, items: Sequence[Item], here: LatLon | None) -> tuple[Item, ...]:
        """Items without a place count only in MAV_FRAME_MISSION. A take-off or landing always has one: zero-zero is
        a place in the Atlantic, so it gets that of the item before, and the first that of the vehicle."""
        taken: list[Item] = []
        last = here
        for item in items:
            made = item
            if item.position is None and item.command in _AT_A_PLACE:
                if last is None:
                    raise TransferFailed("it has not said where it is, and a mission of PX4 begins at a place")
                made = replace(item, position=last)
            elif item.position is None:
                made = replace(item, frame=mavlink.MAV_FRAME_MISSION)
            last = made.position or last
            taken.append(made)
        return tuple(taken)

    def estimates_position(self, estimator_flags: int) -> bool:
        """Horizontal position, absolute, and not held constant for want of a measurement."""
        return (
            bool(estimator_flags & mavlink.ESTIMATOR_POS_HORIZ_ABS)
            and not estimator_flags & mavlink.ESTIMATOR_CONST_POS_MODE
        )

    def fence_kept(self, in_status: bool, parameters: dict[str, float | None]) -> bool:
        del in_status
        action = parameters.get("GF_ACTION")
        return action is not None and action > _GF_WARNS
