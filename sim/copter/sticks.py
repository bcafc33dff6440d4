"""The pilot: radio sticks as the simulated receiver gives them, overridden over MAVLink, and what they ask for.

RC_CHANNELS_OVERRIDE and MANUAL_CONTROL count only from MAV_GCS_SYSID and for RC_OVERRIDE_TIME (-1: for ever, 0:
not at all). At rest the throttle is at 1000, as SITL's.

    STABILIZE, ALT_HOLD    lean angle, yaw rate; throttle or climb rate
    LOITER, POSHOLD        speed over ground, yaw rate, climb rate
    AUTO, GUIDED, RTL      yaw only, unless the mode's options say not even that
    a landing              shifts the spot (LAND_REPOSITION), yaw
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter.modes import Mode, ModeReason, ReturnPhase, mode_of_number
from sim.copter.parameters import Parameters
from sim.copter.physics import GRAVITY_MPS2, Horizontal, Vertical
from sim.copter.places import Spot

if TYPE_CHECKING:
    from sim.copter.vehicle import Vehicle

CHANNELS = 16
ROLL, PITCH, THROTTLE, YAW = range(4)
_MAPPED = ("RCMAP_ROLL", "RCMAP_PITCH", "RCMAP_THROTTLE", "RCMAP_YAW")
_REST = (1500, 1500, 1000, 1500, *(1800,) * 4, *(0,) * 8)
_CENTRE, _HALF, _LOWEST = 1500, 500, 1000
_DEAD = 20  # RCn_DZ of roll, pitch and yaw
_THROTTLE_LOW = 1050
_IGNORED, _RELEASED = 65535, 65534
_NO_AXIS = 32767
_IGNORE_PILOT_YAW = 1 << 2  # GUID_OPTIONS, AUTO_OPTIONS, RTL_OPTIONS
_SWITCH_UP_TO = (1230, 1360, 1490, 1620, 1749)  # FLTMODE1..6
_SWITCH_SETTLES_S = 0.2
NO_SIGNAL, THROTTLE_LOST = 1, 2  # SIM_RC_FAIL
_LOST_THROTTLE = 950


class Sticks:
    """What each channel is at, and until when an override holds."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._overrides = [0] * CHANNELS
        self._until_s = [-math.inf] * CHANNELS
        self._last_until_s = -math.inf
        self._mapped_of = -1
        self._channels = [ROLL, PITCH, THROTTLE, YAW]
        self._rest = list(_REST)
        self._position: int | None = None
        self._new_position_since_s: float | None = None

    def override(self, channel: int, pwm: int, now_s: float) -> None:
        """0 for `pwm` gives the channel back to the receiver."""
        lasts_s = self._parameters["RC_OVERRIDE_TIME"]
        self._overrides[channel] = pwm
        self._until_s[channel] = -math.inf if pwm == 0 else math.inf if lasts_s < 0 else now_s + lasts_s
        self._last_until_s = max(self._until_s)

    def clear(self) -> None:
        self._until_s = [-math.inf] * CHANNELS
        self._last_until_s = -math.inf

    def overridden(self, now_s: float) -> bool:
        return now_s < self._last_until_s

    def channel(self, axis: int) -> int:
        """Where RCMAP_* has put it."""
        if self._mapped_of != self._parameters.changes:
            self._map()
        return self._channels[axis]

    def _map(self) -> None:
        self._mapped_of = self._parameters.changes
        numbers = [self._parameters.number(name) for name in _MAPPED]
        self._channels = [n - 1 if 1 <= n <= CHANNELS else axis for axis, n in enumerate(numbers)]
        self._rest = list(_REST)
        for axis, channel in enumerate(self._channels):
            self._rest[channel] = _REST[axis]

    def pwm(self, channel: int, now_s: float) -> int:
        if now_s < self._until_s[channel]:
            return self._overrides[channel]
        if channel == self.channel(THROTTLE) and self._parameters.number("SIM_RC_FAIL") == THROTTLE_LOST:
            return _LOST_THROTTLE
        return self._rest[channel]

    def share(self, axis: int, now_s: float) -> float:
        """-1 to 1 of a stick with a centre."""
        return _beyond(self.pwm(self.channel(axis), now_s) - _CENTRE, _DEAD)

    def climb_share(self, now_s: float) -> float:
        """-1 to 1 of the throttle stick where its middle holds the height."""
        return _beyond(self.pwm(self.channel(THROTTLE), now_s) - _CENTRE, self._parameters["THR_DZ"])

    def throttle_low(self, now_s: float) -> bool:
        return self.pwm(self.channel(THROTTLE), now_s) <= _THROTTLE_LOW

    def signal_lost(self, now_s: float) -> bool:
        """No receiver and no override, or a throttle below FS_THR_VALUE."""
        if self._parameters.number("SIM_RC_FAIL") == NO_SIGNAL and not self.overridden(now_s):
            return True
        return self.pwm(self.channel(THROTTLE), now_s) < self._parameters["FS_THR_VALUE"]

    def switched_to(self, now_s: float) -> int | None:
        """The number of the mode the switch was moved to (FLTMODE_CH), once it has settled."""
        channel = self._parameters.number("FLTMODE_CH") - 1
        if not 0 <= channel < CHANNELS:
            return None
        pwm = self.pwm(channel, now_s)
        if not 900 < pwm < 2200:
            return None
        position = sum(pwm > bound for bound in _SWITCH_UP_TO) + 1
        if self._position is None:
            self._position = position
        if position == self._position:
            self._new_position_since_s = None
            return None
        if self._new_position_since_s is None:
            self._new_position_since_s = now_s
        if now_s - self._new_position_since_s < _SWITCH_SETTLES_S:
            return None
        self._position, self._new_position_since_s = position, None
        return self._parameters.number(f"FLTMODE{position}")


def _beyond(offset: float, dead: float) -> float:
    if abs(offset) <= dead:
        return 0.0
    return math.copysign(min(1.0, (abs(offset) - dead) / (_HALF - dead)), offset)


# --- over MAVLink -----------------------------------------------------------------------------------------


def on_override(vehicle: Vehicle, message: mavlink.MAVLink_rc_channels_override_message) -> None:
    if not _from_pilot(vehicle, message):
        return
    for channel in range(CHANNELS):
        pwm = int(getattr(message, f"chan{channel + 1}_raw"))
        if channel < 8:
            if pwm != _IGNORED:
                vehicle.sticks.override(channel, pwm, vehicle.now_s)
        elif pwm not in (0, _IGNORED):  # the later channels came later to the message: 0 is "not said" there
            vehicle.sticks.override(channel, 0 if pwm == _RELEASED else pwm, vehicle.now_s)


def on_manual_control(vehicle: Vehicle, message: mavlink.MAVLink_manual_control_message) -> None:
    if message.target != vehicle.parameters.number("MAV_SYSID") or not _from_pilot(vehicle, message):
        return
    if message.z < 0:
        return  # no thrust downwards
    axes = ((ROLL, message.y), (PITCH, -message.x if message.x != _NO_AXIS else _NO_AXIS), (YAW, message.r))
    for axis, value in axes:
        pwm = 0 if value == _NO_AXIS else _CENTRE + max(-1000, min(1000, value)) // 2
        vehicle.sticks.override(vehicle.sticks.channel(axis), pwm, vehicle.now_s)
    throttle = 0 if message.z == _NO_AXIS else _LOWEST + min(1000, message.z)
    vehicle.sticks.override(vehicle.sticks.channel(THROTTLE), throttle, vehicle.now_s)


def _from_pilot(vehicle: Vehicle, message: mavlink.MAVLink_message) -> bool:
    """Sticks from the ground station are a sign of its life, too."""
    if message.get_srcSystem() != vehicle.parameters.number("MAV_GCS_SYSID"):
        return False
    vehicle.last_gcs_heartbeat_s = vehicle.now_s
    return True


# --- flying -----------------------------------------------------------------------------------------------


def turn_switch(vehicle: Vehicle) -> None:
    """A moved mode switch asks for its mode; where it stands does not."""
    number = vehicle.sticks.switched_to(vehicle.now_s)
    if number is None:
        return
    mode = mode_of_number(number)
    if mode is None:
        vehicle.say(4, f"Mode change to {number} failed")
    else:
        vehicle.set_mode(mode, ModeReason.MODE_SWITCH)


def lean(vehicle: Vehicle) -> None:
    """STABILIZE and ALT_HOLD: the sticks are the angle."""
    most_rad = math.radians(min(80.0, max(10.0, vehicle.parameters["ATC_ANGLE_MAX"])))
    forward, right = _forward_right(vehicle)
    pull = GRAVITY_MPS2 * math.tan(most_rad)
    vehicle.demand.horizontal = Horizontal.LEVEL
    vehicle.demand.lean_east, vehicle.demand.lean_north = _in_world(vehicle, pull * forward, pull * right)


def drive(vehicle: Vehicle) -> bool:
    """LOITER and POSHOLD: the sticks are the speed; False when they are let go."""
    return _move(vehicle, vehicle.parameters["LOIT_SPEED"] / 100.0)


def climb(vehicle: Vehicle) -> None:
    demand, share = vehicle.demand, vehicle.sticks.climb_share(vehicle.now_s)
    up = vehicle.parameters["PILOT_SPEED_UP"] / 100.0
    down = vehicle.parameters["PILOT_SPEED_DN"] / 100.0 or up
    demand.vertical = Vertical.RATE
    demand.up = share * (up if share > 0 else down)


def assist(vehicle: Vehicle) -> None:
    """What the sticks still do in modes that fly by themselves; called when the mode has had its say."""
    if not vehicle.sticks.overridden(vehicle.now_s) or vehicle.failsafes.radio or vehicle.landed:
        return  # at rest the sticks that steer are in their middle
    mode = vehicle.mode
    options = {Mode.GUIDED: "GUID_OPTIONS", Mode.AUTO: "AUTO_OPTIONS", Mode.RTL: "RTL_OPTIONS"}.get(mode)
    if options is None or not vehicle.parameters.number(options) & _IGNORE_PILOT_YAW:
        turn = vehicle.sticks.share(YAW, vehicle.now_s)
        if turn:
            vehicle.demand.yaw_rate = turn * math.radians(vehicle.parameters["PILOT_Y_RATE"])
            vehicle.hold_yaw_rad = vehicle.body.yaw_rad
    descending = mode in (Mode.RTL, Mode.SMART_RTL) and vehicle.return_phase is ReturnPhase.DESCEND
    if not (mode is Mode.LAND or descending or (mode is Mode.AUTO and vehicle.auto.landing)):
        return
    shift_mps = vehicle.parameters["WPNAV_ACCEL"] / 200.0  # so that it stops within a second
    if vehicle.parameters["LAND_REPOSITION"] and vehicle.position_good and _move(vehicle, shift_mps):
        here = Spot(vehicle.east_m, vehicle.north_m, vehicle.amsl_m)
        if mode is Mode.AUTO:
            vehicle.auto.target = here
        elif descending:
            vehicle.return_to = here


def _move(vehicle: Vehicle, fastest_mps: float) -> bool:
    forward, right = _forward_right(vehicle)
    if not forward and not right:
        return False
    demand = vehicle.demand
    demand.horizontal = Horizontal.VELOCITY if vehicle.position_good else Horizontal.LEVEL
    demand.east, demand.north = _in_world(vehicle, fastest_mps * forward, fastest_mps * right)
    vehicle.hold = None
    return True


def _forward_right(vehicle: Vehicle) -> tuple[float, float]:
    """Shares; the pitch stick pulled back (above its centre) flies backwards."""
    if vehicle.failsafes.radio:
        return 0.0, 0.0
    return -vehicle.sticks.share(PITCH, vehicle.now_s), vehicle.sticks.share(ROLL, vehicle.now_s)


def _in_world(vehicle: Vehicle, forward: float, right: float) -> tuple[float, float]:
    """East and north of what is ahead and to the right of its nose."""
    sin, cos = math.sin(vehicle.body.yaw_rad), math.cos(vehicle.body.yaw_rad)
    return forward * sin + right * cos, forward * cos - right * sin
