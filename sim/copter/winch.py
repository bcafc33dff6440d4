"""The winch: a servo that pays line out and takes it in, and a MAVLink component of its own (169).

ArduPilot's servo winch (WINCH_TYPE 1) has no sensor: the length out is what it asked of the servo, summed up, so
a relaxed drum counts nothing. The winch stands in the same system with a heartbeat of its own, as clients that
look for MAV_COMP_ID_WINCH (MAVSDK) want it; a DO_WINCH to the autopilot reaches it as well.

    relaxed ◄──DO_WINCH 0──► length (1): to the place asked, then stands
                         └──► rate (2): until told otherwise
"""

from __future__ import annotations

import math
from enum import IntEnum

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter.gripper import OUTPUTS, Servos
from sim.copter.parameters import Parameters

COMPONENT = mavlink.MAV_COMP_ID_WINCH
WINCH_FUNCTION = 88  # SERVOx_FUNCTION
_SERVO_TYPE = 1
_SPIN_FREELY_AT_BOOT, _VERBOSE = 1, 2  # WINCH_OPTIONS
_STANDS_MPS = 0.005
_CENTRE_PWM, _SPAN_PWM = 1500, 400
_NO_TEMPERATURE = 32767


class WinchMode(IntEnum):
    """WINCH_ACTIONS: the three that ArduPilot takes."""

    RELAXED = 0
    LENGTH = 1
    RATE = 2


class Winch:
    def __init__(self, parameters: Parameters, servos: Servos) -> None:
        self._parameters = parameters
        self._servos = servos
        self.boot()

    def boot(self) -> None:
        """The driver starts only if WINCH_TYPE was set at boot."""
        self._driver = self._parameters.number("WINCH_TYPE") == _SERVO_TYPE
        freely = self._parameters.number("WINCH_OPTIONS") & _SPIN_FREELY_AT_BOOT
        self.mode = WinchMode.RELAXED if freely else WinchMode.RATE
        self.length_m = self.rate_mps = self._wanted_m = 0.0
        self._output()

    @property
    def fitted(self) -> bool:
        return self._driver and self._parameters.number("WINCH_TYPE") > 0

    @property
    def healthy(self) -> bool:
        return bool(self._channels())

    @property
    def complaint(self) -> str:
        """What keeps the copter from arming; empty when nothing does."""
        return "winch unhealthy" if self._parameters.number("WINCH_TYPE") and not self._sound() else ""

    @property
    def moving(self) -> bool:
        return self.fitted and self.mode is not WinchMode.RELAXED and abs(self.rate_mps) > _STANDS_MPS

    def command(self, action: float, length_m: float, rate_mps: float) -> str | None:
        """DO_WINCH. What it says to it (maybe nothing), None when it cannot be done."""
        if not self.fitted or int(action) not in set(WinchMode) or not all(map(math.isfinite, (length_m, rate_mps))):
            return None
        self.mode = WinchMode(int(action))
        text = ""
        if self.mode is WinchMode.RELAXED:
            self.rate_mps = 0.0
        elif self.mode is WinchMode.RATE:
            self.rate_mps = self._limited(rate_mps)
        else:
            self._wanted_m = self.length_m + length_m
            self.rate_mps = self._limited(length_m * self._parameters["WINCH_POS_P"])
            if self._parameters.number("WINCH_OPTIONS") & _VERBOSE:
                verb = "raising" if length_m < 0 else "lowering"
                text = f"Winch: {verb} {abs(length_m):4.1f}m to {self._wanted_m:4.1f}m"
        self._output()
        return text

    def step(self, dt: float) -> None:
        if not self.fitted or not self.healthy or self.mode is WinchMode.RELAXED:
            return
        if self.mode is WinchMode.LENGTH:
            left_m = self._wanted_m - self.length_m
            self.rate_mps = self._limited(left_m * min(1.0 / dt, self._parameters["WINCH_POS_P"]))
        self.length_m += self.rate_mps * dt
        self._output()

    def status(self, now_s: float) -> mavlink.MAVLink_winch_status_message | None:
        """WINCH_STATUS: what a servo cannot know is not a number."""
        if not self.fitted:
            return None
        flags = mavlink.MAV_WINCH_STATUS_HEALTHY if self.healthy else 0
        unknown = math.nan
        return mavlink.MAVLink_winch_status_message(
            int(now_s * 1e6), self.length_m, self.rate_mps, unknown, unknown, unknown, _NO_TEMPERATURE, flags
        )

    def heartbeat(self) -> mavlink.MAVLink_heartbeat_message:
        state = mavlink.MAV_STATE_ACTIVE if self.healthy else mavlink.MAV_STATE_CRITICAL
        return mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_WINCH, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, state, 3
        )

    def _sound(self) -> bool:
        return self.fitted and self.healthy

    def _limited(self, rate_mps: float) -> float:
        limit = abs(self._parameters["WINCH_RATE_MAX"])
        return min(limit, max(-limit, rate_mps))

    def _channels(self) -> list[int]:
        return [channel for channel in range(1, OUTPUTS + 1) if self._servos.function(channel) == WINCH_FUNCTION]

    def _output(self) -> None:
        if not self._driver:
            return
        limit = abs(self._parameters["WINCH_RATE_MAX"]) or 1.0
        pwm = 0 if self.mode is WinchMode.RELAXED else round(_CENTRE_PWM + _SPAN_PWM * self.rate_mps / limit)
        for channel in self._channels():
            self._servos.pwm[channel - 1] = pwm
