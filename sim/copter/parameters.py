"""The parameters the simulated copter acts on, with ArduCopter 4.7's names, types and defaults.

Only names that change something here, and the few that clients read at connection, are in the table: a name
that is missing gets no answer, as on the real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

MAX_NAME_LENGTH = 16


class ParameterType(IntEnum):
    """MAV_PARAM_TYPE, the ones ArduPilot uses."""

    INT8 = 2
    INT16 = 4
    INT32 = 6
    REAL32 = 9


_TOP = {ParameterType.INT8: 2**7 - 1, ParameterType.INT16: 2**15 - 1, ParameterType.INT32: 2**31 - 1}
_HELD_WITHIN = {"MAV_SYSID": (1, 255), "MAV_GCS_SYSID": (1, 255)}  # a system id is one byte
_I8, _I16, _I32, _F = ParameterType.INT8, ParameterType.INT16, ParameterType.INT32, ParameterType.REAL32

_DEFAULTS: dict[str, tuple[float, ParameterType]] = {
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
    "CIRCLE_RADIUS": (1000, _F),
    "CIRCLE_RATE": (20, _F),
    "LAND_SPEED": (50, _I16),
    "LAND_SPEED_HIGH": (0, _I16),
    "LAND_ALT_LOW": (1000, _I16),
    "RALLY_TOTAL": (0, _I8),
    "RALLY_LIMIT_KM": (0.3, _F),
    "RALLY_INCL_HOME": (1, _I8),
    # failsafes
    "FS_GCS_ENABLE": (0, _I8),
    "FS_GCS_TIMEOUT": (5, _F),
    "FS_THR_ENABLE": (1, _I8),
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
    # gripper
    "GRIP_ENABLE": (0, _I8),
    "GRIP_TYPE": (0, _I8),
    "GRIP_GRAB": (1900, _I16),
    "GRIP_RELEASE": (1100, _I16),
    "GRIP_NEUTRAL": (1500, _I16),
    "GRIP_REGRAB": (0, _F),
    "GRIP_AUTOCLOSE": (0, _F),
    # the simulator's own
    "SIM_BATT_VOLTAGE": (12.6, _F),
    "SIM_GPS1_ENABLE": (1, _I8),
    "SIM_RC_FAIL": (0, _I8),
} | {f"SERVO{channel}_FUNCTION": (32 + channel if channel <= 4 else 0, _I16) for channel in range(1, 17)}

_HIDDEN_WHEN_OFF = {"GRIP_ENABLE": ("GRIP_TYPE", "GRIP_GRAB", "GRIP_RELEASE", "GRIP_NEUTRAL", "GRIP_REGRAB",
                                    "GRIP_AUTOCLOSE")}  # fmt: skip
"""A group whose ENABLE is 0 does not exist for clients; the parameter count changes with it."""


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
        self._values = {name: value for name, (value, _) in _DEFAULTS.items()}
        for name, value in (overrides or {}).items():
            if name not in self._values:
                raise UnknownParameter(f"the simulated copter has no parameter {name}")
            self._values[name] = _rounded(name, value)
        self.changes = 0

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
        self._values[name] = _rounded(name, value)
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


def _rounded(name: str, value: float) -> float:
    """As the type holds it: integers are rounded and held within their range."""
    kind = _DEFAULTS[name][1]
    if kind is ParameterType.REAL32:
        return float(value)
    least, most = _HELD_WITHIN.get(name, (-_TOP[kind] - 1, _TOP[kind]))
    return float(round(min(most, max(least, value))))
