"""One builder for every message that can be asked for or streamed.

A builder may answer None: the message has nothing to say now (FENCE_STATUS without a fence).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import arming, auto, mount
from sim.copter.ekf import GPS_FIX_S, compass_healthy, gps_error
from sim.copter.fence import FenceType
from sim.copter.modes import Mode, ReturnPhase
from sim.copter.physics import GRAVITY_MPS2
from sim.copter.places import Spot
from sim.copter.sticks import CHANNELS
from sim.copter.vehicle import BOOT_S, GuidedKind, Vehicle

Message = mavlink.MAVLink_message
Builder = Callable[[Vehicle], Message | None]

_SENSOR_COMPASS = 1 << 2
_SENSOR_GPS = 1 << 5
_SENSOR_RECEIVER = 1 << 16
_SENSOR_FENCE = 1 << 20
_SENSOR_BATTERY = 1 << 25
_SENSOR_PREARM = 1 << 28
# gyro, accelerometer, compass, barometer, rates, attitude, yaw, height, position, motors, receiver, AHRS, log
_SENSORS_ALWAYS = 0b1111 | 0b1111100 << 8 | 1 << 15 | 1 << 16 | 1 << 21 | 1 << 24
_NO_MORE_CHANNELS = (0, 0, 255)  # 17 and 18, and the signal strength unknown
_EKF_READY = 0x33F  # ARDUCOPTER.md
_EKF_CONSTANT_POSITION = 0xA5  # attitude, vertical velocity and height, no aiding
_SEND_ALL_CELLS_MAX_MV = 65534


def _clip16(value: float) -> int:
    return max(-32768, min(32767, round(value)))


def _heading_rad(vehicle: Vehicle) -> float:
    """As the compass has it."""
    return vehicle.body.yaw_rad + vehicle.ekf.heading_error_rad


def _heading_deg(vehicle: Vehicle) -> float:
    return math.degrees(_heading_rad(vehicle)) % 360.0


def gps_fixed(vehicle: Vehicle) -> bool:
    return vehicle.gps_bad_since_s is None and vehicle.now_s >= GPS_FIX_S


def heartbeat(vehicle: Vehicle) -> Message:
    base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_STABILIZE_ENABLED
    base |= mavlink.MAV_MODE_FLAG_MANUAL_INPUT_ENABLED
    if vehicle.autonomous:
        base |= mavlink.MAV_MODE_FLAG_GUIDED_ENABLED
    if vehicle.armed:
        base |= mavlink.MAV_MODE_FLAG_SAFETY_ARMED
    if vehicle.failsafes.any:
        status = mavlink.MAV_STATE_CRITICAL
    elif vehicle.now_s < BOOT_S:
        status = mavlink.MAV_STATE_BOOT
    elif vehicle.armed and not vehicle.landed:
        status = mavlink.MAV_STATE_ACTIVE
    else:
        status = mavlink.MAV_STATE_STANDBY
    return mavlink.MAVLink_heartbeat_message(
        mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, base, vehicle.mode, status, 3
    )


def sys_status(vehicle: Vehicle) -> Message:
    present = _SENSORS_ALWAYS | _SENSOR_GPS | _SENSOR_BATTERY | _SENSOR_PREARM
    if vehicle.fence.present:
        present |= _SENSOR_FENCE
    enabled = present & ~_SENSOR_FENCE
    health = _SENSORS_ALWAYS
    if vehicle.fence.active:
        enabled |= _SENSOR_FENCE
    if not vehicle.fence.breached:
        health |= present & _SENSOR_FENCE
    if gps_fixed(vehicle):
        health |= _SENSOR_GPS
    if not compass_healthy(vehicle.parameters):
        health &= ~_SENSOR_COMPASS
    if vehicle.failsafes.radio:
        health &= ~_SENSOR_RECEIVER
    if not vehicle.failsafes.battery:
        health |= _SENSOR_BATTERY
    if vehicle.armed or not arming.checks(vehicle):
        health |= _SENSOR_PREARM
    battery = vehicle.battery
    return mavlink.MAVLink_sys_status_message(
        present,
        enabled,
        health,
        200,
        max(0, min(65534, round(battery.voltage_v * 1000))),
        _clip16(battery.current_a * 100),
        battery.remaining_percent,
        0,
        0,
        0,
        0,
        0,
        0,
    )


def gps_raw_int(vehicle: Vehicle) -> Message:
    body = vehicle.body
    time_us = int(vehicle.now_s * 1e6)
    if not gps_fixed(vehicle):
        return mavlink.MAVLink_gps_raw_int_message(time_us, 0, 0, 0, 0, 9999, 9999, 0, 0, 0)
    off_east, off_north, off_up = gps_error(vehicle)
    lat, lon = vehicle.patch.degrees_e7(body.east_m + off_east, body.north_m + off_north)
    course = round(math.degrees(math.atan2(body.east_mps, body.north_mps)) * 100) % 36000
    return mavlink.MAVLink_gps_raw_int_message(
        time_us,
        mavlink.GPS_FIX_TYPE_RTK_FIXED,
        lat,
        lon,
        round((vehicle.amsl_m + off_up) * 1000),
        121,
        200,
        round(body.speed_mps * 100),
        course,
        min(255, max(0, vehicle.parameters.number("SIM_GPS1_NUMSATS"))),
        0,
        300,
        300,
        40,
    )


def global_position_int(vehicle: Vehicle) -> Message:
    body = vehicle.body
    lat, lon = vehicle.patch.degrees_e7(vehicle.east_m, vehicle.north_m) if vehicle.origin else (0, 0)
    return mavlink.MAVLink_global_position_int_message(
        vehicle.boot_ms,
        lat,
        lon,
        round(vehicle.amsl_m * 1000),
        round(vehicle.height_m * 1000),
        _clip16(body.north_mps * 100),
        _clip16(body.east_mps * 100),
        _clip16(-body.up_mps * 100),
        round(_heading_deg(vehicle) * 100) % 36000,
    )


def local_position_ned(vehicle: Vehicle) -> Message | None:
    origin, body = vehicle.origin, vehicle.body
    if origin is None:
        return None
    return mavlink.MAVLink_local_position_ned_message(
        vehicle.boot_ms,
        vehicle.north_m - origin.north_m,
        vehicle.east_m - origin.east_m,
        origin.amsl_m - vehicle.amsl_m,
        body.north_mps,
        body.east_mps,
        -body.up_mps,
    )


def attitude(vehicle: Vehicle) -> Message:
    body = vehicle.body
    sin_yaw, cos_yaw = math.sin(body.yaw_rad), math.cos(body.yaw_rad)
    forward = body.lean_north * cos_yaw + body.lean_east * sin_yaw
    right = body.lean_east * cos_yaw - body.lean_north * sin_yaw
    return mavlink.MAVLink_attitude_message(
        vehicle.boot_ms,
        math.atan2(right, GRAVITY_MPS2),
        -math.atan2(forward, GRAVITY_MPS2),
        math.remainder(_heading_rad(vehicle), math.tau),
        0.0,
        0.0,
        body.yaw_rate,
    )


def vfr_hud(vehicle: Vehicle) -> Message:
    body = vehicle.body
    throttle = 0 if not vehicle.armed else 10 if vehicle.landed else round(45 * vehicle.lifted_share)
    return mavlink.MAVLink_vfr_hud_message(
        0.0 if vehicle.landed else body.airspeed_mps(vehicle.around),
        body.speed_mps,
        int(_heading_deg(vehicle)),
        throttle,
        vehicle.amsl_m,
        body.up_mps,
    )


def battery_status(vehicle: Vehicle) -> Message:
    battery = vehicle.battery
    cell_mv = round(battery.voltage_v * 1000)
    voltages = [65535] * 10
    for index in range(10):  # ArduPilot without cell sensing: the whole voltage, spilled over when it is large
        if cell_mv <= 0:
            break
        voltages[index] = min(cell_mv, _SEND_ALL_CELLS_MAX_MV)
        cell_mv -= voltages[index]
    return mavlink.MAVLink_battery_status_message(
        0,
        0,
        0,
        32767,
        voltages,
        _clip16(battery.current_a * 100),
        round(battery.used_mah),
        round(battery.used_wh * 36),  # hJ
        battery.remaining_percent,
        0,
        mavlink.MAV_BATTERY_CHARGE_STATE_LOW if vehicle.failsafes.battery else mavlink.MAV_BATTERY_CHARGE_STATE_OK,
    )


def ekf_status_report(vehicle: Vehicle) -> Message:
    if vehicle.now_s < 14.0:
        flags = mavlink.EKF_UNINITIALIZED
    elif vehicle.position_good:
        flags = _EKF_READY
    else:
        flags = _EKF_CONSTANT_POSITION
    if vehicle.ekf.glitching:
        flags |= mavlink.EKF_GPS_GLITCHING
    velocity = 0.02 if vehicle.position_good else 0.0
    position = max(velocity, vehicle.ekf.position_variance)
    compass = max(0.01, vehicle.ekf.compass_variance)
    return mavlink.MAVLink_ekf_status_report_message(flags, velocity, position, 0.02, compass, 0.0, 0.0)


def landed_state(vehicle: Vehicle) -> int:
    if vehicle.landed:
        return mavlink.MAV_LANDED_STATE_ON_GROUND
    if vehicle.mode is Mode.LAND or vehicle.auto.landing:
        return mavlink.MAV_LANDED_STATE_LANDING
    if vehicle.mode in (Mode.RTL, Mode.SMART_RTL) and vehicle.return_phase is ReturnPhase.DESCEND:
        return mavlink.MAV_LANDED_STATE_LANDING
    if vehicle.mode is Mode.GUIDED and vehicle.guided.kind == GuidedKind.TAKE_OFF:
        return mavlink.MAV_LANDED_STATE_TAKEOFF
    if vehicle.mode is Mode.AUTO and auto.taking_off(vehicle):
        return mavlink.MAV_LANDED_STATE_TAKEOFF
    return mavlink.MAV_LANDED_STATE_IN_AIR


def extended_sys_state(vehicle: Vehicle) -> Message:
    return mavlink.MAVLink_extended_sys_state_message(0, landed_state(vehicle))


def home_position(vehicle: Vehicle) -> Message | None:
    return vehicle.home_message() if vehicle.home is not None else None


def gps_global_origin(vehicle: Vehicle) -> Message | None:
    if vehicle.origin is None:
        return None
    lat, lon = vehicle.patch.degrees_e7(vehicle.origin.east_m, vehicle.origin.north_m)
    return mavlink.MAVLink_gps_global_origin_message(
        lat, lon, round(vehicle.origin.amsl_m * 1000), int(vehicle.now_s * 1e6)
    )


def servo_output_raw(vehicle: Vehicle) -> Message:
    return mavlink.MAVLink_servo_output_raw_message(int(vehicle.now_s * 1e6) & 0xFFFFFFFF, 0, *vehicle.servos.pwm)


def _flown_to(vehicle: Vehicle) -> Spot | None:
    """The place it flies to; ArduPilot knows none in a take-off or under a velocity target."""
    match vehicle.mode:
        case Mode.AUTO:
            return vehicle.auto.target
        case Mode.GUIDED if vehicle.guided.kind == GuidedKind.PLACE:
            return vehicle.guided.target
        case Mode.RTL | Mode.SMART_RTL if vehicle.return_to is not None:
            goal = vehicle.return_to
            return Spot(goal.east_m, goal.north_m, vehicle.return_height_amsl_m)
        case _:
            return None


def position_target_global_int(vehicle: Vehicle) -> Message | None:
    target = _flown_to(vehicle)
    if target is None:
        return None
    lat, lon = vehicle.patch.degrees_e7(target.east_m, target.north_m)
    return mavlink.MAVLink_position_target_global_int_message(
        vehicle.boot_ms, 0, 0b110111111000, lat, lon, target.amsl_m, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    )


def position_target_local_ned(vehicle: Vehicle) -> Message | None:
    """GUIDED's target only: its place or its velocity."""
    guided, origin = vehicle.guided, vehicle.origin
    if vehicle.mode is not Mode.GUIDED or origin is None:
        return None
    north = east = down = 0.0
    mask = 0b110111000111
    if guided.target is not None:
        mask = 0b110111111000
        north, east = guided.target.north_m - origin.north_m, guided.target.east_m - origin.east_m
        down = origin.amsl_m - guided.target.amsl_m
    return mavlink.MAVLink_position_target_local_ned_message(
        vehicle.boot_ms, 1, mask, north, east, down, guided.north_mps, guided.east_mps, -guided.up_mps,
        0.0, 0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip


def mission_current(vehicle: Vehicle) -> Message:
    mission = vehicle.plans.mission
    mode = 1 if vehicle.mode is Mode.AUTO else 2
    return mavlink.MAVLink_mission_current_message(mission.current, mission.total, auto.state(vehicle), mode)


def mission_item_reached(vehicle: Vehicle) -> Message:
    return mavlink.MAVLink_mission_item_reached_message(vehicle.auto.last_reached)


def system_time(vehicle: Vehicle) -> Message:
    unix_us = int(vehicle.utc().timestamp() * 1e6) if vehicle.now_s >= GPS_FIX_S else 0
    return mavlink.MAVLink_system_time_message(unix_us, vehicle.boot_ms)


def wind(vehicle: Vehicle) -> Message:
    """What the autopilot makes of its lean: the wind it feels, true only while it flies."""
    east, north = vehicle.body.felt_wind_east, vehicle.body.felt_wind_north
    come_from = math.degrees(math.atan2(-east, -north)) % 360.0
    return mavlink.MAVLink_wind_message(come_from, math.hypot(east, north), 0.0)


def fence_status(vehicle: Vehicle) -> Message | None:
    fence = vehicle.fence
    if not fence.active:
        return None
    kind = mavlink.FENCE_BREACH_NONE
    if FenceType.HEIGHT_MIN in fence.breached:
        kind = mavlink.FENCE_BREACH_MINALT
    if FenceType.HEIGHT_MAX in fence.breached:
        kind = mavlink.FENCE_BREACH_MAXALT
    if fence.breached & (FenceType.CIRCLE | FenceType.POLYGON):
        kind = mavlink.FENCE_BREACH_BOUNDARY
    return mavlink.MAVLink_fence_status_message(
        int(bool(fence.breached)), fence.breach_count, kind, fence.breach_at_ms
    )


def rc_channels(vehicle: Vehicle) -> Message:
    pwm = [vehicle.sticks.pwm(channel, vehicle.now_s) for channel in range(CHANNELS)]
    pwm += _NO_MORE_CHANNELS
    return mavlink.MAVLink_rc_channels_message(vehicle.boot_ms, CHANNELS, *pwm)


def nav_controller_output(vehicle: Vehicle) -> Message:
    spot = _flown_to(vehicle) or vehicle.here
    off_east, off_north = spot.east_m - vehicle.east_m, spot.north_m - vehicle.north_m
    bearing = round(math.degrees(math.atan2(off_east, off_north)))
    distance = min(65535, round(math.hypot(off_east, off_north)))
    return mavlink.MAVLink_nav_controller_output_message(
        0.0, 0.0, bearing, bearing, distance, spot.amsl_m - vehicle.amsl_m, 0.0, 0.0
    )


def autopilot_version(vehicle: Vehicle) -> Message:
    capabilities = (
        mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FLOAT
        | mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_FLOAT
        | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT
        | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
        | mavlink.MAV_PROTOCOL_CAPABILITY_SET_POSITION_TARGET_LOCAL_NED
        | mavlink.MAV_PROTOCOL_CAPABILITY_SET_POSITION_TARGET_GLOBAL_INT
        | mavlink.MAV_PROTOCOL_CAPABILITY_FLIGHT_TERMINATION
        | mavlink.MAV_PROTOCOL_CAPABILITY_MAVLINK2
        | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
        | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY
    )
    system_id = vehicle.parameters.number("MAV_SYSID")
    return mavlink.MAVLink_autopilot_version_message(
        capabilities,
        4 << 24 | 7 << 16,
        0,
        0,
        0,
        tuple(b"chaoxun0"),
        (0,) * 8,
        (0,) * 8,
        0,
        0,
        0x4358_0000 + system_id,
        (*tuple(b"CHAOXUN-SIM-".ljust(17, b"0")), system_id),
    )


def adsb_vehicle(vehicle: Vehicle) -> Message | None:
    return vehicle.traffic.next_told()


def winch_status(vehicle: Vehicle) -> Message | None:
    return vehicle.winch.status(vehicle.now_s)


def available(message_id: int) -> bool:
    return message_id in BUILDERS


BUILDERS: dict[int, Builder] = {
    0: heartbeat,
    1: sys_status,
    2: system_time,
    24: gps_raw_int,
    30: attitude,
    32: local_position_ned,
    33: global_position_int,
    36: servo_output_raw,
    42: mission_current,
    46: mission_item_reached,
    49: gps_global_origin,
    62: nav_controller_output,
    65: rc_channels,
    74: vfr_hud,
    85: position_target_local_ned,
    87: position_target_global_int,
    147: battery_status,
    148: autopilot_version,
    162: fence_status,
    168: wind,
    193: ekf_status_report,
    242: home_position,
    245: extended_sys_state,
    **mount.BUILDERS,
    246: adsb_vehicle,
    9005: winch_status,
}

STREAM_GROUPS: dict[int, tuple[int, ...]] = {
    mavlink.MAV_DATA_STREAM_RAW_SENSORS: (),
    mavlink.MAV_DATA_STREAM_EXTENDED_STATUS: (1, 42, 24, 62, 87, 162),
    mavlink.MAV_DATA_STREAM_RC_CHANNELS: (36, 65),
    mavlink.MAV_DATA_STREAM_POSITION: (33, 32),
    mavlink.MAV_DATA_STREAM_EXTRA1: (30,),
    mavlink.MAV_DATA_STREAM_EXTRA2: (74,),
    mavlink.MAV_DATA_STREAM_EXTRA3: (2, 147, 168, 193, 9005),
}
"""What REQUEST_DATA_STREAM and the MAV1_* parameters switch, as ArduCopter groups it."""
