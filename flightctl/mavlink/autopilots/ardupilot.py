"""ArduCopter: mode numbers and what its readiness looks like."""

from __future__ import annotations

from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import mavlink

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


class ArduCopter:
    """ArduPilot for multicopters, 4.5 and later."""

    guided = "GUIDED"
    brake = "BRAKE"
    return_home = "RTL"
    land = "LAND"
    mission = "AUTO"
    preflight_parameters = ("FS_GCS_ENABLE", "FS_OPTIONS", "BATT_FS_LOW_ACT")

    def mode_name(self, custom_mode: int) -> str:
        return MODES.get(custom_mode, f"MODE_{custom_mode}")

    def set_mode(self, name: str) -> Command:
        number = _NUMBERS.get(name)
        if number is None:
            raise ValueError(f"ArduCopter has no mode {name!r}; it has {', '.join(sorted(_NUMBERS))}")
        return Command(mavlink.MAV_CMD_DO_SET_MODE, (mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, number))

    def estimates_position(self, ekf_flags: int) -> bool:
        """Horizontal position, absolute, and no longer the constant-position stand-in (0x33f when ready)."""
        return bool(ekf_flags & mavlink.EKF_POS_HORIZ_ABS) and not ekf_flags & mavlink.EKF_CONST_POS_MODE
