"""The parameter file that a SITL is started with: what its airframe needs to fly, and how a dock's drone is set up.

ArduCopter 4.7 renamed parameters and gave them metres; both names are written, and a binary passes over those
that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Without these the simulated quad is not taken for a calibrated one, or has no motors (ARDUCOPTER.md §3).
_AIRFRAME: dict[str, float] = {
    "FRAME_CLASS": 1,
    "FRAME_TYPE": 0,
    "FS_THR_ENABLE": 1,
    "BATT_MONITOR": 4,
    "MOT_BAT_VOLT_MIN": 9.6,
    "MOT_BAT_VOLT_MAX": 12.8,
    "MOT_THST_HOVER": 0.39,
    "MOT_THST_EXPO": 0.65,
    "ATC_RAT_YAW_P": 0.09,
    "ATC_RAT_YAW_I": 0.009,
    "SIM_BARO_RND": 0,
    "LOG_DISARMED": 0,
    **{f"COMPASS_OFS{n}_{axis}": v for n in ("", "2", "3") for axis, v in (("X", 5), ("Y", 13), ("Z", -18))},
    **{f"INS_ACC{n}OFFS_{axis}": 0.001 for n in ("", "2") for axis in "XYZ"},
    **{f"INS_ACC{n}SCAL_{axis}": 1.001 for n in ("", "2") for axis in "XYZ"},
    **{f"RC{n}_{end}": pwm for n in range(1, 9) for end, pwm in (("MIN", 1000), ("TRIM", 1500), ("MAX", 2000))},
}

_GRIPPER: dict[str, float] = {"GRIP_ENABLE": 1, "GRIP_TYPE": 1, "SERVO9_FUNCTION": 28}
"""A real ArduCopter has one gripper; every output with its function opens at once, so only hook 1 gets one."""

_RENAMED = {
    "RTL_ALT": ("RTL_ALT_M", 0.01),
    "RTL_SPEED": ("RTL_SPEED_MS", 0.01),
    "LAND_SPEED": ("LAND_SPD_MS", 0.01),
    "LAND_ALT_LOW": ("LAND_ALT_LOW_M", 0.01),
    "WPNAV_SPEED": ("WP_SPD", 0.01),
    "WPNAV_SPEED_UP": ("WP_SPD_UP", 0.01),
    "WPNAV_SPEED_DN": ("WP_SPD_DN", 0.01),
    "WPNAV_ACCEL": ("WP_ACC", 0.01),
    "WPNAV_RADIUS": ("WP_RADIUS_M", 0.01),
    "MAV_SYSID": ("SYSID_THISMAV", 1.0),
    "MAV_GCS_SYSID": ("SYSID_MYGCS", 1.0),
}


def defaults_text(system_id: int, hooks: int, values: Mapping[str, float]) -> str:
    """`values` win over what the airframe has."""
    table = _AIRFRAME | (_GRIPPER if hooks else {}) | {"MAV_SYSID": system_id} | dict(values)
    for name, (other, factor) in _RENAMED.items():
        if name in table:
            table[other] = table[name] * factor
    return "".join(f"{name} {value:g}\n" for name, value in sorted(table.items()))


def write_defaults(path: Path, system_id: int, hooks: int, values: Mapping[str, float]) -> None:
    path.write_text(defaults_text(system_id, hooks, values), encoding="utf-8")
