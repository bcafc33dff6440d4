"""Aircraft heard by ADS-B, and keeping clear of them (AP_ADSB, AP_Avoidance).

An ADSB_VEHICLE that arrives on one link is passed on to the others. With ADSB_TYPE set the copter keeps a list, and
with AVD_ENABLE it looks ahead along both courses: nearer than AVD_W_DIST_* it warns with COLLISION, nearer than
AVD_F_DIST_* it does AVD_F_ACTION. When that has passed AVD_F_RCVRY says what follows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.errors import OutOfFrame
from geofence.position import LatLon
from sim.copter.modes import Mode, ModeReason

if TYPE_CHECKING:
    from sim.copter.vehicle import Vehicle

_FORGOTTEN_S = 5.0
_TELL_EVERY_S = 1.0
_CHANGE_S = 2.0  # a threat must be gone for so long
_NEEDED = (
    mavlink.ADSB_FLAGS_VALID_COORDS
    | mavlink.ADSB_FLAGS_VALID_ALTITUDE
    | mavlink.ADSB_FLAGS_VALID_HEADING
    | mavlink.ADSB_FLAGS_VALID_VELOCITY
)
_NONE, _LOW, _HIGH = 0, 1, 2  # MAV_COLLISION_THREAT_LEVEL
_REPORT, _VERTICAL, _HORIZONTAL, _PERPENDICULAR, _RETURN, _HOVER = 1, 2, 3, 4, 5, 6  # MAV_COLLISION_ACTION
_AT_EASE = (Mode.LAND,)


@dataclass(frozen=True, slots=True)
class Aircraft:
    message: mavlink.MAVLink_adsb_vehicle_message
    east_m: float
    north_m: float
    amsl_m: float
    east_mps: float
    north_mps: float
    up_mps: float
    heard_s: float


@dataclass(frozen=True, slots=True)
class Threat:
    aircraft: Aircraft
    level: int
    apart_m: float  # at the closest, as both fly on
    height_apart_m: float
    in_s: float


class Traffic:
    def __init__(self) -> None:
        self.aircraft: dict[int, Aircraft] = {}
        self._turn = 0
        self._told_s = -math.inf
        self._threatened_s = -math.inf
        self._mode_before: Mode | None = None

    def hear(self, vehicle: Vehicle, message: mavlink.MAVLink_adsb_vehicle_message) -> None:
        parameters = vehicle.parameters
        if not parameters["ADSB_TYPE"] or message.flags & _NEEDED != _NEEDED:
            return
        try:
            at = vehicle.spot(LatLon(lat=message.lat / 1e7, lon=message.lon / 1e7), message.altitude / 1000.0)
        except OutOfFrame:
            return
        away_m = math.hypot(at.east_m - vehicle.east_m, at.north_m - vehicle.north_m)
        radius_m = parameters["ADSB_LIST_RADIUS"]
        full = len(self.aircraft) >= parameters["ADSB_LIST_MAX"] and message.ICAO_address not in self.aircraft
        if full or 0 < radius_m < away_m:
            self.aircraft.pop(message.ICAO_address, None)
            return
        course = math.radians(message.heading / 100.0)
        speed = message.hor_velocity / 100.0
        self.aircraft[message.ICAO_address] = Aircraft(
            message=message,
            east_m=at.east_m,
            north_m=at.north_m,
            amsl_m=at.amsl_m,
            east_mps=speed * math.sin(course),
            north_mps=speed * math.cos(course),
            up_mps=message.ver_velocity / 100.0,
            heard_s=vehicle.now_s,
        )

    def next_told(self) -> mavlink.MAVLink_adsb_vehicle_message | None:
        """For a stream of ADSB_VEHICLE: each of the list in turn."""
        known = list(self.aircraft.values())
        if not known:
            return None
        self._turn = (self._turn + 1) % len(known)
        return known[self._turn].message

    def watch(self, vehicle: Vehicle) -> None:
        now_s = vehicle.now_s
        for address in [a for a, craft in self.aircraft.items() if now_s - craft.heard_s > _FORGOTTEN_S]:
            del self.aircraft[address]
        if not vehicle.parameters["AVD_ENABLE"]:
            return
        found = (threat_of(vehicle, craft) for craft in self.aircraft.values())
        worst = max(found, key=lambda t: (t.level, -t.apart_m), default=None)
        action = 0
        if worst is not None and worst.level != _NONE:
            action = self._action(vehicle, worst)
            if now_s - self._told_s >= _TELL_EVERY_S:
                self._told_s = now_s
                vehicle.emit(_collision(worst, action))
        if worst is not None and worst.level == _HIGH:
            self._threatened_s = now_s
            self._avoid(vehicle, worst.aircraft, action)
        elif vehicle.failsafes.adsb and now_s - self._threatened_s >= _CHANGE_S:
            self._recover(vehicle)

    def _action(self, vehicle: Vehicle, threat: Threat) -> int:
        parameters = vehicle.parameters
        if threat.level == _LOW:
            return min(_REPORT, parameters.number("AVD_W_ACTION"))
        if vehicle.height_m < parameters["AVD_F_ALT_MIN"]:
            return 0
        return parameters.number("AVD_F_ACTION")

    def _avoid(self, vehicle: Vehicle, craft: Aircraft, action: int) -> None:
        first = not vehicle.failsafes.adsb
        if first:
            vehicle.failsafes.adsb = True
            self._mode_before = vehicle.mode
        if not vehicle.armed or vehicle.landed or vehicle.mode in _AT_EASE:
            return
        if action in (_RETURN, _HOVER):
            if first:
                vehicle.set_mode(Mode.RTL if action == _RETURN else Mode.LOITER, ModeReason.AVOIDANCE)
        elif action in (_VERTICAL, _HORIZONTAL, _PERPENDICULAR):
            if first:
                vehicle.set_mode(Mode.AVOID_ADSB, ModeReason.AVOIDANCE)
            if vehicle.mode is Mode.AVOID_ADSB:
                self._move_away(vehicle, craft, action)

    def _move_away(self, vehicle: Vehicle, craft: Aircraft, action: int) -> None:
        east, north, up = _away(vehicle, craft)
        size = math.hypot(east, north)
        if action == _VERTICAL or size < 1e-6:
            east = north = 0.0
            up = 1.0 if vehicle.amsl_m > craft.amsl_m else -1.0
        else:
            east, north = east / size, north / size
            up = 0.0 if action == _HORIZONTAL else max(-1.0, min(1.0, up / size))
        parameters = vehicle.parameters
        climb_mps = up * parameters["WPNAV_SPEED_UP" if up > 0 else "WPNAV_SPEED_DN"] / 100.0
        if climb_mps < 0 and vehicle.height_m < parameters["RTL_ALT"] / 100.0:
            climb_mps = 0.0
        speed_mps = vehicle.speed_mps(None)
        vehicle.aim_velocity(east * speed_mps, north * speed_mps, climb_mps)

    def _recover(self, vehicle: Vehicle) -> None:
        vehicle.failsafes.adsb = False
        if vehicle.mode_reason is not ModeReason.AVOIDANCE:
            return  # someone has taken over
        match vehicle.parameters.number("AVD_F_RCVRY"):
            case 1:  # as before
                wanted = self._mode_before
            case 2:
                wanted = Mode.RTL
            case 3:
                wanted = Mode.AUTO if self._mode_before is Mode.AUTO else Mode.LOITER
            case _:
                return
        for mode in (wanted, Mode.RTL, Mode.LAND):
            if mode is not None and vehicle.set_mode(mode, ModeReason.FAILSAFE):
                return


def threat_of(vehicle: Vehicle, craft: Aircraft) -> Threat:
    """By how near the two come in AVD_*_TIME if both keep their velocities."""
    parameters, age_s = vehicle.parameters, vehicle.now_s - craft.heard_s
    fail_m, fail_high_m = _closest(vehicle, craft, parameters["AVD_F_TIME"] + age_s)
    warn_m, warn_high_m = _closest(vehicle, craft, parameters["AVD_W_TIME"] + age_s)
    level, apart_m, high_m = _NONE, warn_m, warn_high_m
    if warn_m < parameters["AVD_W_DIST_XY"] and warn_high_m <= parameters["AVD_W_DIST_Z"]:
        level = _LOW
        if fail_m < parameters["AVD_F_DIST_XY"] and fail_high_m <= parameters["AVD_F_DIST_Z"]:
            level, apart_m, high_m = _HIGH, fail_m, fail_high_m
    body = vehicle.body
    closing = math.hypot(craft.east_mps - body.east_mps, craft.north_mps - body.north_mps)
    away_m = math.hypot(craft.east_m - vehicle.east_m, craft.north_m - vehicle.north_m)
    return Threat(craft, level, apart_m, high_m, max(0.0, away_m - apart_m) / closing if closing > 0.1 else 0.0)


def _closest(vehicle: Vehicle, craft: Aircraft, within_s: float) -> tuple[float, float]:
    body = vehicle.body
    off_east, off_north = craft.east_m - vehicle.east_m, craft.north_m - vehicle.north_m
    east, north = craft.east_mps - body.east_mps, craft.north_mps - body.north_mps
    speed2 = east * east + north * north
    at_s = 0.0 if speed2 < 1e-9 else max(0.0, min(within_s, -(off_east * east + off_north * north) / speed2))
    off_up, up = craft.amsl_m - vehicle.amsl_m, craft.up_mps - body.up_mps
    meets = off_up * up < 0
    high_m = max(0.0, abs(off_up) - abs(up) * within_s) if meets else abs(off_up)
    return math.hypot(off_east + east * at_s, off_north + north * at_s), high_m


def _away(vehicle: Vehicle, craft: Aircraft) -> tuple[float, float, float]:
    """Out of its course: the part of the way from it to us that is square to its velocity."""
    off = (vehicle.east_m - craft.east_m, vehicle.north_m - craft.north_m, vehicle.amsl_m - craft.amsl_m)
    course = (craft.east_mps, craft.north_mps, craft.up_mps)
    speed2 = sum(v * v for v in course)
    if speed2 < 1.0:
        return off
    along = sum(o * v for o, v in zip(off, course, strict=True)) / speed2
    east, north, up = (o - along * v for o, v in zip(off, course, strict=True))
    if math.hypot(east, north) < 1.0:  # straight at us: to its right
        east, north = craft.north_mps, -craft.east_mps
    return east, north, up


def _collision(threat: Threat, action: int) -> mavlink.MAVLink_collision_message:
    return mavlink.MAVLink_collision_message(
        mavlink.MAV_COLLISION_SRC_ADSB,
        threat.aircraft.message.ICAO_address,
        action,
        threat.level,
        threat.in_s,
        threat.height_apart_m,
        threat.apart_m,
    )
