"""Precision landing: the last metres by a beacon on the pad instead of by GPS.

    nothing seen ──measurement──► found ──2 s of them──► acquired: landings aim at it
          ▲                         │                       │
          └── 2 s without one ──────┴───────────────────────┘   "Target Lost"

The beacon is either told by a companion (PLND_TYPE 1, LANDING_TARGET) or simulated on the pad (PLND_TYPE 4 with
SIM_PLD_ENABLE, within SIM_PLD_DIST_LMT and SIM_PLD_ALT_LMT). A measurement is relative to the copter, so the
error of its position falls out of it.
"""

from __future__ import annotations

import math

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.errors import OutOfFrame
from geofence.position import LatLon
from sim.copter.physics import GRAVITY_MPS2
from sim.copter.places import Spot
from sim.copter.vehicle import Severity, Vehicle

_COMPANION, _SITL = 1, 4  # PLND_TYPE
_SETTLES_S = 2.0
_LOST_S = 2.0
_LONGEST_GAP_S = 0.5  # while it settles
_FILTER_S = 0.4
_NOISE_M = 0.02
_NOISE_SHARE = 0.01  # of the height
_NEAR_M, _SLOW_M = 0.35, 2.0  # above the ground: here it comes down the slower the further off it is
_ACCEPTABLE_M = 0.15
_SLOWEST_MPS = 0.1


def enabled(vehicle: Vehicle) -> bool:
    return bool(vehicle.parameters["PLND_ENABLED"])


def watch(vehicle: Vehicle) -> None:
    """Looks for the simulated beacon, and forgets one that is no longer seen."""
    if not enabled(vehicle):
        return
    beacon, parameters = vehicle.beacon, vehicle.parameters
    if parameters.number("PLND_TYPE") == _SITL and parameters["SIM_PLD_ENABLE"]:
        _look(vehicle)
    if beacon.since_s is not None and vehicle.now_s - beacon.seen_s > _LOST_S:
        if beacon.acquired:
            vehicle.say(Severity.CRITICAL, "PrecLand: Target Lost")
        beacon.since_s, beacon.acquired = None, False


def on_landing_target(vehicle: Vehicle, message: mavlink.MAVLink_landing_target_message) -> None:
    """A companion's measurement in the body's frame: a place, or two angles."""
    if not enabled(vehicle) or vehicle.parameters.number("PLND_TYPE") != _COMPANION:
        return
    if message.position_valid:
        if message.frame != mavlink.MAV_FRAME_BODY_FRD:
            return
        ahead, right, down = message.x, message.y, message.z
    else:
        ahead, right, down = -math.tan(message.angle_y), math.tan(message.angle_x), 1.0
        size = math.sqrt(ahead * ahead + right * right + down * down)
        reach = message.distance if message.distance > 0 else _height_m(vehicle) * size
        ahead, right, down = ahead * reach / size, right * reach / size, down * reach / size
    if all(map(math.isfinite, (ahead, right, down))):
        _measured(vehicle, *_level(vehicle, ahead, right, down))


def target(vehicle: Vehicle) -> Spot | None:
    """Where a landing should come down; None: as without a beacon."""
    beacon = vehicle.beacon
    if not enabled(vehicle) or not beacon.acquired:
        return None
    return Spot(beacon.east_m, beacon.north_m, vehicle.amsl_m)


def sink_mps(vehicle: Vehicle, at: Spot, wanted_mps: float) -> float:
    """Not down at all while too far off, and slowly where the last metres would not bring it there."""
    off_m = math.hypot(at.east_m - vehicle.east_m, at.north_m - vehicle.north_m)
    most_m = vehicle.parameters["PLND_XY_DIST_MAX"]
    if 0.0 < most_m < off_m:
        return 0.0
    if _NEAR_M < _height_m(vehicle) < _SLOW_M:
        half_mps = wanted_mps / 2.0
        return max(min(_SLOWEST_MPS, wanted_mps), half_mps * (1.0 - min(1.0, off_m / _ACCEPTABLE_M)))
    return wanted_mps


def _look(vehicle: Vehicle) -> None:
    body, parameters = vehicle.body, vehicle.parameters
    at = _simulated(vehicle)
    if at is None:
        return
    east, north, up = at.east_m - body.east_m, at.north_m - body.north_m, body.amsl_m - at.amsl_m
    if math.hypot(east, north) > parameters["SIM_PLD_DIST_LMT"] or not 0.0 <= up <= parameters["SIM_PLD_ALT_LMT"]:
        return
    spread = _NOISE_M + _NOISE_SHARE * up
    noise = vehicle.random.next3()
    _measured(vehicle, east + spread * noise[0], north + spread * noise[1])


def _simulated(vehicle: Vehicle) -> Spot | None:
    """SIM_PLD_LAT and SIM_PLD_LON; zeros are the pad it stood on at the start."""
    parameters = vehicle.parameters
    lat, lon = parameters["SIM_PLD_LAT"], parameters["SIM_PLD_LON"]
    amsl_m = vehicle.pad.amsl_m + parameters["SIM_PLD_HEIGHT"]
    if lat == 0.0 and lon == 0.0:
        return Spot(vehicle.pad.east_m, vehicle.pad.north_m, amsl_m)
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        return None
    try:
        return vehicle.spot(LatLon(lat=lat, lon=lon), amsl_m)
    except OutOfFrame:
        return None


def _measured(vehicle: Vehicle, east: float, north: float) -> None:
    beacon, now_s = vehicle.beacon, vehicle.now_s
    at_east, at_north = vehicle.east_m + east, vehicle.north_m + north
    gap_s = now_s - beacon.seen_s
    if beacon.since_s is None or (not beacon.acquired and gap_s > _LONGEST_GAP_S):
        if beacon.since_s is None:
            vehicle.say(Severity.INFO, "PrecLand: Target Found")
        beacon.since_s = now_s
        beacon.east_m, beacon.north_m = at_east, at_north
    else:
        share = min(1.0, gap_s / _FILTER_S)
        beacon.east_m += share * (at_east - beacon.east_m)
        beacon.north_m += share * (at_north - beacon.north_m)
    beacon.seen_s = now_s
    if not beacon.acquired and now_s - beacon.since_s >= _SETTLES_S:
        beacon.acquired = True
        vehicle.say(Severity.INFO, "PrecLand: Init Complete")


def _level(vehicle: Vehicle, ahead: float, right: float, down: float) -> tuple[float, float]:
    """East and north of a vector in the leaning body's frame."""
    body = vehicle.body
    sin_yaw, cos_yaw = math.sin(body.yaw_rad), math.cos(body.yaw_rad)
    pitch = -math.atan2(body.lean_north * cos_yaw + body.lean_east * sin_yaw, GRAVITY_MPS2)
    roll = math.atan2(body.lean_east * cos_yaw - body.lean_north * sin_yaw, GRAVITY_MPS2)
    side = right * math.cos(roll) - down * math.sin(roll)
    below = right * math.sin(roll) + down * math.cos(roll)
    forward = ahead * math.cos(pitch) + below * math.sin(pitch)
    return forward * sin_yaw + side * cos_yaw, forward * cos_yaw - side * sin_yaw


def _height_m(vehicle: Vehicle) -> float:
    """As a range finder would have it."""
    return max(0.0, vehicle.body.amsl_m - vehicle.around.ground_amsl_m)
