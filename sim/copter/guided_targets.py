"""SET_POSITION_TARGET_* and the other ways to tell GUIDED where to go."""

from __future__ import annotations

import math

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.errors import OutOfFrame
from geofence.position import LatLon
from sim.copter.modes import Mode
from sim.copter.places import Spot
from sim.copter.plans import ABSOLUTE_FRAMES, HIGHEST_M, RELATIVE_FRAMES, TERRAIN_FRAMES, PlanItem
from sim.copter.vehicle import Guided, GuidedKind, Severity, Vehicle

_IGNORE_POSITION = 0b111
_IGNORE_VELOCITY = 0b111 << 3
_IGNORE_YAW = 1 << 10
_IGNORE_YAW_RATE = 1 << 11
_BODY_FRAMES = {8, 9}  # BODY_NED, BODY_OFFSET_NED
_LOCAL_FRAMES = {1, 7} | _BODY_FRAMES


def target_of(vehicle: Vehicle, lat_e7: int, lon_e7: int, height: float, frame: int) -> Spot | None:
    """None when the frame cannot be served or the place is out of the world."""
    if frame in TERRAIN_FRAMES or frame not in ABSOLUTE_FRAMES | RELATIVE_FRAMES or not abs(height) <= HIGHEST_M:
        return None
    if abs(lat_e7) > 900_000_000 or abs(lon_e7) > 1_800_000_000:
        return None
    amsl_m = height
    if frame in RELATIVE_FRAMES:
        if vehicle.home is None:
            return None
        amsl_m += vehicle.home.amsl_m
    try:
        return vehicle.spot(LatLon(lat=lat_e7 / 1e7, lon=lon_e7 / 1e7), amsl_m)
    except OutOfFrame:
        return None


def _is_place(spot: Spot) -> bool:
    return all(abs(value) <= HIGHEST_M for value in (spot.east_m, spot.north_m, spot.amsl_m))  # a NaN is none


def within_fence(vehicle: Vehicle, target: Spot) -> bool:
    home = vehicle.home
    if home is None:
        return False
    return not vehicle.fence.crossings(
        target.east_m, target.north_m, target.amsl_m - home.amsl_m, (home.east_m, home.north_m)
    )


def fly_to(
    vehicle: Vehicle, target: Spot, yaw_rad: float | None = None, *, east_mps: float = 0.0, north_mps: float = 0.0
) -> bool:
    """A new place for GUIDED, which may itself move; False when a fence lies before it or it is no place."""
    if not _is_place(target) or not math.isfinite(east_mps + north_mps):
        return False
    if not within_fence(vehicle, target):
        return False
    vehicle.guided = Guided(
        kind=GuidedKind.PLACE,
        target=target,
        east_mps=east_mps,
        north_mps=north_mps,
        at_s=vehicle.now_s,
        yaw_rad=yaw_rad,
        speed_mps=vehicle.guided.speed_mps,
    )
    return True


def on_global_target(vehicle: Vehicle, message: mavlink.MAVLink_set_position_target_global_int_message) -> None:
    if vehicle.mode is not Mode.GUIDED:
        return
    mask = message.type_mask
    frame = message.coordinate_frame
    if frame not in ABSOLUTE_FRAMES | RELATIVE_FRAMES | TERRAIN_FRAMES:
        vehicle.say(Severity.WARNING, "Unknown mavlink coordinate frame")
        return
    yaw = _yaw(mask, message.yaw)
    if mask & _IGNORE_POSITION != _IGNORE_POSITION:
        target = target_of(vehicle, message.lat_int, message.lon_int, message.alt, frame)
        if target is not None:
            moving = not mask & _IGNORE_VELOCITY
            east, north = (message.vy, message.vx) if moving else (0.0, 0.0)
            fly_to(vehicle, target, yaw, east_mps=east, north_mps=north)
    else:
        rate = 0.0 if mask & _IGNORE_YAW_RATE else message.yaw_rate
        _velocity(vehicle, mask, (message.vx, message.vy, message.vz), yaw_rad=yaw, yaw_rate=rate)


def _yaw(mask: int, yaw_rad: float) -> float | None:
    return None if mask & _IGNORE_YAW or not math.isfinite(yaw_rad) else yaw_rad % math.tau


def on_item(vehicle: Vehicle, item: PlanItem, *, height_only: bool) -> bool:
    """A waypoint sent alone; False when this mode, frame or fence does not let it fly there."""
    if vehicle.mode is not Mode.GUIDED or item.command != mavlink.MAV_CMD_NAV_WAYPOINT:
        return False
    target = target_of(vehicle, item.x, item.y, item.z, item.frame)
    if target is None:
        return False
    if height_only:
        aim = vehicle.guided.target or vehicle.here
        target = Spot(aim.east_m, aim.north_m, target.amsl_m)
    return fly_to(vehicle, target)


def on_local_target(vehicle: Vehicle, message: mavlink.MAVLink_set_position_target_local_ned_message) -> None:
    if vehicle.mode is not Mode.GUIDED:
        return
    mask, frame = message.type_mask, message.coordinate_frame
    if frame not in _LOCAL_FRAMES:
        vehicle.say(Severity.WARNING, "Unknown mavlink coordinate frame")
        return
    turn = vehicle.body.yaw_rad if frame in _BODY_FRAMES else 0.0
    yaw = _yaw(mask, message.yaw + turn)
    if mask & _IGNORE_POSITION != _IGNORE_POSITION:
        origin = vehicle.origin
        if origin is None:
            return
        north, east = _turned(message.x, message.y, turn)
        base = origin if frame == 1 else vehicle.here
        fly_to(vehicle, Spot(base.east_m + east, base.north_m + north, base.amsl_m - message.z), yaw)
    else:
        north, east = _turned(message.vx, message.vy, turn)
        rate = 0.0 if mask & _IGNORE_YAW_RATE else message.yaw_rate
        _velocity(vehicle, mask, (north, east, message.vz), yaw_rad=yaw, yaw_rate=rate)


def _turned(forward: float, right: float, yaw: float) -> tuple[float, float]:
    return (
        forward * math.cos(yaw) - right * math.sin(yaw),
        forward * math.sin(yaw) + right * math.cos(yaw),
    )


def _velocity(
    vehicle: Vehicle, mask: int, ned_mps: tuple[float, float, float], *, yaw_rad: float | None, yaw_rate: float
) -> None:
    north, east, down = ned_mps
    if mask & _IGNORE_VELOCITY == _IGNORE_VELOCITY:
        stopped = mask & _IGNORE_YAW and mask & _IGNORE_YAW_RATE
        north = east = down = 0.0
        if not stopped:
            vehicle.guided.yaw_rad = yaw_rad
            return
    if not all(map(math.isfinite, (north, east, down, yaw_rate))):
        return
    size = math.hypot(north, east)
    limit = vehicle.speed_mps(None)
    if size > limit:
        north, east = north * limit / size, east * limit / size
    climb = vehicle.parameters["WPNAV_SPEED_UP"] / 100.0
    sink = vehicle.parameters["WPNAV_SPEED_DN"] / 100.0
    vehicle.guided = Guided(
        kind=GuidedKind.VELOCITY,
        north_mps=north,
        east_mps=east,
        up_mps=min(climb, max(-sink, -down)),
        at_s=vehicle.now_s,
        yaw_rad=yaw_rad,
        yaw_rate=yaw_rate,
    )
    vehicle.hold = None
