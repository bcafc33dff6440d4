"""The parameters of the simulated copter, with ArduCopter 4.7's names, types and defaults.

Only names that change something here, or say something true about the vehicle that clients read when they connect,
are in the table: a name that is missing gets no answer, as on the real one. As there, a value is held to the range
of its type only, a fraction is cut off, and what was erased comes back with the next boot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

MAX_NAME_LENGTH = 16
FORMAT_VERSION = 120
"""With any other number stored, ArduCopter erases its parameters at the next boot."""


class ParameterType(IntEnum):
    """MAV_PARAM_TYPE, the ones ArduPilot uses."""

    INT8 = 2
    INT16 = 4
    INT32 = 6
    REAL32 = 9


_HELD_WITHIN = {"MAV_SYSID": (1, 255), "MAV_GCS_SYSID": (1, 255)}  # a system id is one byte
_I8, _I16, _I32, _F = ParameterType.INT8, ParameterType.INT16, ParameterType.INT32, ParameterType.REAL32

_DEFAULTS: dict[str, tuple[float, ParameterType]] = {
    "FORMAT_VERSION": (FORMAT_VERSION, _I16),
    # who is who
    "MAV_SYSID": (1, _I16),
    "MAV_GCS_SYSID": (255, _I16),
    # stream groups of the first port, messages a second; all off
    "MAV1_RAW_SENS": (0, _I16),
    "MAV1_EXT_STAT": (0, _I16),
    "MAV1_RC_CHAN": (0, _I16),
    "MAV1_POSITION": (0, _I16),
    "MAV1_EXTRA1": (0, _I16),
    "MAV1_EXTRA2": (0, _I16),
    "MAV1_EXTRA3": (0, _I16),
    # what is built in
    "AHRS_EKF_TYPE": (3, _I8),
    "EK3_ENABLE": (1, _I8),
    "GPS1_TYPE": (1, _I8),
    "COMPASS_ENABLE": (1, _I8),
    "COMPASS_USE": (1, _I8),
    "TERRAIN_ENABLE": (0, _I8),
    "LOG_BACKEND_TYPE": (0, _I8),
    "SCHED_LOOP_RATE": (400, _I16),
    "SERIAL0_PROTOCOL": (2, _I8),
    "SERIAL1_PROTOCOL": (2, _I8),
    "SERIAL2_PROTOCOL": (2, _I8),
    # frame and arming
    "FRAME_CLASS": (1, _I8),
    "FRAME_TYPE": (0, _I8),
    "ARMING_CHECK": (1, _I32),
    "DISARM_DELAY": (10, _I8),
    "MOT_SPOOL_TIME": (0.5, _F),
    # navigation
    "WPNAV_SPEED": (1000, _F),  # cm/s
    "WPNAV_SPEED_UP": (250, _F),
    "WPNAV_SPEED_DN": (150, _F),
    "WPNAV_ACCEL": (250, _F),
    "WPNAV_ACCEL_Z": (100, _F),
    "WPNAV_RADIUS": (200, _F),
    "PSC_JERK_XY": (5, _F),  # m/s^3
    "PSC_JERK_Z": (5, _F),
    "ATC_ANGLE_MAX": (30, _F),
    "ATC_SLEW_YAW": (6000, _F),  # cdeg/s
    "WP_YAW_BEHAVIOR": (2, _I8),
    "PILOT_SPEED_UP": (250, _I16),
    "PILOT_SPEED_DN": (0, _I16),
    "PILOT_Y_RATE": (202.5, _F),  # deg/s
    "THR_DZ": (100, _I16),  # PWM
    "RCMAP_ROLL": (1, _I8),
    "RCMAP_PITCH": (2, _I8),
    "RCMAP_THROTTLE": (3, _I8),
    "RCMAP_YAW": (4, _I8),
    "LOIT_SPEED": (1250, _F),  # cm/s
    "LAND_REPOSITION": (1, _I8),
    "RC_OVERRIDE_TIME": (3, _F),
    "FLTMODE_CH": (5, _I8),
    "FLTMODE1": (7, _I8),
    "FLTMODE2": (9, _I8),
    "FLTMODE3": (6, _I8),
    "FLTMODE4": (3, _I8),
    "FLTMODE5": (5, _I8),
    "FLTMODE6": (0, _I8),
    "GUID_TIMEOUT": (3, _F),
    "GUID_OPTIONS": (0, _I32),
    "AUTO_OPTIONS": (0, _I32),
    "MIS_TOTAL": (0, _I16),
    "MIS_OPTIONS": (0, _I16),
    # return and landing
    "RTL_ALT": (1500, _I32),  # cm
    "RTL_ALT_FINAL": (0, _I16),
    "RTL_CLIMB_MIN": (0, _I16),
    "RTL_CONE_SLOPE": (3, _F),
    "RTL_LOIT_TIME": (5000, _I32),  # ms
    "RTL_SPEED": (0, _I16),
    "RTL_OPTIONS": (0, _I32),
    "CIRCLE_RADIUS": (1000, _F),
    "CIRCLE_RATE": (20, _F),
    "LAND_SPEED": (50, _I16),
    "LAND_SPEED_HIGH": (0, _I16),
    "LAND_ALT_LOW": (1000, _I16),
    "RALLY_TOTAL": (0, _I8),
    "RALLY_LIMIT_KM": (0.3, _F),
    "RALLY_INCL_HOME": (1, _I8),
    "SRTL_ACCURACY": (2, _F),  # m
    "SRTL_POINTS": (300, _I16),
    # failsafes
    "FS_GCS_ENABLE": (0, _I8),
    "FS_GCS_TIMEOUT": (5, _F),
    "FS_THR_ENABLE": (1, _I8),
    "FS_THR_VALUE": (975, _I16),
    "FS_OPTIONS": (16, _I32),
    "FS_EKF_ACTION": (1, _I8),
    "FS_EKF_THRESH": (0.8, _F),
    "FS_CRASH_CHECK": (1, _I8),
    # battery; voltages are set from the pack's cells when the copter is built
    "BATT_MONITOR": (4, _I8),
    "BATT_CAPACITY": (3300, _I32),  # mAh
    "BATT_LOW_VOLT": (10.5, _F),
    "BATT_CRT_VOLT": (0, _F),
    "BATT_LOW_MAH": (0, _F),
    "BATT_CRT_MAH": (0, _F),
    "BATT_LOW_TIMER": (10, _I8),
    "BATT_FS_LOW_ACT": (0, _I8),
    "BATT_FS_CRT_ACT": (0, _I8),
    "BATT_FS_VOLTSRC": (0, _I8),
    "BATT_ARM_VOLT": (0, _F),
    # fence
    "FENCE_ENABLE": (0, _I8),
    "FENCE_TYPE": (7, _I8),
    "FENCE_ACTION": (1, _I8),
    "FENCE_ALT_MAX": (100, _F),
    "FENCE_ALT_MIN": (-10, _F),
    "FENCE_RADIUS": (150, _F),
    "FENCE_MARGIN": (2, _F),
    "FENCE_TOTAL": (0, _I8),
    # traffic
    "ADSB_TYPE": (0, _I8),
    "ADSB_LIST_MAX": (25, _I16),
    "ADSB_LIST_RADIUS": (2000, _I32),  # m
    "AVD_ENABLE": (0, _I8),
    "AVD_F_ACTION": (1, _I8),
    "AVD_W_ACTION": (1, _I8),
    "AVD_F_RCVRY": (2, _I8),
    "AVD_W_TIME": (30, _I8),  # s
    "AVD_F_TIME": (30, _I8),
    "AVD_W_DIST_XY": (300, _F),  # m
    "AVD_F_DIST_XY": (100, _I16),
    "AVD_W_DIST_Z": (300, _F),
    "AVD_F_DIST_Z": (100, _I16),
    "AVD_F_ALT_MIN": (0, _I16),
    # gripper
    "GRIP_ENABLE": (0, _I8),
    "GRIP_TYPE": (0, _I8),
    "GRIP_GRAB": (1900, _I16),
    "GRIP_RELEASE": (1100, _I16),
    "GRIP_NEUTRAL": (1500, _I16),
    "GRIP_REGRAB": (0, _F),
    "GRIP_AUTOCLOSE": (0, _F),
    # gimbal
    "MNT1_TYPE": (0, _I8),
    "MNT1_ROLL_MIN": (-30, _F),
    "MNT1_ROLL_MAX": (30, _F),
    "MNT1_PITCH_MIN": (-90, _F),
    "MNT1_PITCH_MAX": (20, _F),
    "MNT1_YAW_MIN": (-180, _F),
    "MNT1_YAW_MAX": (180, _F),
    "PLDP_DELAY": (0, _F),  # s after the release
    "PLDP_SPEED_DN": (0, _F),  # m/s; 0 is LAND_SPEED
    # precision landing
    "PLND_ENABLED": (0, _I8),
    "PLND_TYPE": (0, _I8),
    "PLND_XY_DIST_MAX": (2.5, _F),  # m
    "SIM_PLD_ENABLE": (0, _I8),
    "SIM_PLD_LAT": (0, _F),
    "SIM_PLD_LON": (0, _F),
    "SIM_PLD_HEIGHT": (0, _F),
    "SIM_PLD_ALT_LMT": (15, _F),
    "SIM_PLD_DIST_LMT": (10, _F),
    # winch
    "WINCH_TYPE": (0, _I8),
    "WINCH_RATE_MAX": (1, _F),  # m/s
    "WINCH_POS_P": (1, _F),
    "WINCH_OPTIONS": (7, _I16),
    # the simulator's own
    "SIM_BATT_VOLTAGE": (12.6, _F),
    "SIM_GPS1_ENABLE": (1, _I8),
    "SIM_GPS1_NUMSATS": (10, _I8),
    "SIM_GPS1_NOISE": (0, _F),  # m, of height
    "SIM_GPS1_GLTCH_X": (0, _F),  # degrees of latitude
    "SIM_GPS1_GLTCH_Y": (0, _F),  # degrees of longitude
    "SIM_GPS1_GLTCH_Z": (0, _F),  # m
    "SIM_RC_FAIL": (0, _I8),
    "SIM_SPEEDUP": (1, _F),
    "SIM_ENGINE_FAIL": (0, _I32),  # a bit a motor
    "SIM_ENGINE_MUL": (1, _F),  # their thrust
    "SIM_WIND_SPD": (0, _F),
    "SIM_WIND_DIR": (180, _F),  # where it comes from
    "SIM_WIND_TURB": (0, _F),
    "SIM_WIND_TC": (5, _F),
    "SIM_WIND_T": (0, _I8),
    "SIM_WIND_T_ALT": (60, _F),
    "SIM_MAG1_FAIL": (0, _I8),
    "SIM_MAG1_OFS_X": (5, _F),  # mGauss; the defaults are calibrated out
    "SIM_MAG1_OFS_Y": (13, _F),
    "SIM_MAG1_OFS_Z": (-18, _F),
} | {f"SERVO{channel}_FUNCTION": (32 + channel if channel <= 4 else 0, _I16) for channel in range(1, 17)}

_HIDDEN_WHEN_OFF = {
    "GRIP_ENABLE": ("GRIP_TYPE", "GRIP_GRAB", "GRIP_RELEASE", "GRIP_NEUTRAL", "GRIP_REGRAB", "GRIP_AUTOCLOSE"),
    "MNT1_TYPE": tuple(name for name in _DEFAULTS if name.startswith("MNT1_") and name != "MNT1_TYPE"),
    "PLND_ENABLED": ("PLND_TYPE", "PLND_XY_DIST_MAX"),
    "WINCH_TYPE": ("WINCH_RATE_MAX", "WINCH_POS_P", "WINCH_OPTIONS"),
    "ADSB_TYPE": ("ADSB_LIST_MAX", "ADSB_LIST_RADIUS"),
    "AVD_ENABLE": tuple(name for name in _DEFAULTS if name.startswith("AVD_") and name != "AVD_ENABLE"),
}
"""A group whose ENABLE is 0 does not exist for clients; the parameter count changes with it."""


_KEPT_BY_ITSELF = frozenset({"MIS_TOTAL", "FENCE_TOTAL", "RALLY_TOTAL"})
"""AP_PARAM_FLAG_INTERNAL_USE_ONLY: a client that writes one is denied and told what it is."""

_RANGE = {_I8: (-128, 127), _I16: (-32768, 32767), _I32: (-(2**31), 2**31 - 1)}


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    value: float
    type: ParameterType


class UnknownParameter(KeyError):
    """No parameter of that name; the copter stays silent about it."""


class Parameters:
    """Name to value, in the order clients index them."""

    def __init__(self, overrides: Mapping[str, float] | None = None) -> None:
        self._values = {name: float(value) for name, (value, _) in _DEFAULTS.items()}
        for name, value in (overrides or {}).items():
            if name not in self._values:
                raise UnknownParameter(f"the simulated copter has no parameter {name}")
            self._values[name] = _as_stored(name, value)
        self._as_delivered = dict(self._values)
        self._erased = False
        self.changes = 0

    def erase(self) -> None:
        """PREFLIGHT_STORAGE: the values now in use stay until the next boot."""
        self._erased = True

    def boot(self) -> None:
        if self._erased or self.number("FORMAT_VERSION") != FORMAT_VERSION:
            self._values = dict(self._as_delivered)
            self._erased = False
            self.changes += 1

    @staticmethod
    def writable(name: str) -> bool:
        """By a client; the copter itself keeps the rest."""
        return name not in _KEPT_BY_ITSELF

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def number(self, name: str) -> int:
        return int(self._values[name])

    def get(self, name: str) -> Parameter | None:
        if name not in self._values or name in self._hidden():
            return None
        return Parameter(name, self._values[name], _DEFAULTS[name][1])

    def set(self, name: str, value: float) -> Parameter | None:
        """The parameter as now stored; None when there is no such name."""
        if self.get(name) is None:
            return None
        self._values[name] = _as_stored(name, value)
        self.changes += 1
        return self.get(name)

    def every(self) -> frozenset[str]:
        """All names, those of groups that are off included."""
        return frozenset(self._values)

    def listed(self) -> tuple[str, ...]:
        hidden = self._hidden()
        return tuple(name for name in self._values if name not in hidden)

    def _hidden(self) -> frozenset[str]:
        return frozenset(_hidden_of(self._values))


def _hidden_of(values: Mapping[str, float]) -> Iterable[str]:
    for switch, members in _HIDDEN_WHEN_OFF.items():
        if not values[switch]:
            yield from members


def _as_stored(name: str, value: float) -> float:
    """As ArduPilot casts it: a hundredth is added against rounding errors, then the fraction is cut off."""
    kind = _DEFAULTS[name][1]
    if kind is ParameterType.REAL32:
        return float(value)
    least, most = _HELD_WITHIN.get(name) or _RANGE[kind]
    return float(int(min(most, max(least, value + math.copysign(0.01, value)))))
