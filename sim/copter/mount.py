"""The camera's gimbal, and the gimbal manager that the autopilot is for it.

As ArduPilot does it (AP_Mount): found by GIMBAL_MANAGER_INFORMATION, pitch against the horizon and yaw against the
nose, a region of interest looked at in three dimensions from where the autopilot believes it is. A mount that pans
leaves the nose alone; primary control is noted and told, and obeyed by nobody but polite clients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter.parameters import Parameters

if TYPE_CHECKING:
    from sim.copter.places import Spot
    from sim.copter.streams import Link
    from sim.copter.vehicle import Vehicle

CommandMessage = mavlink.MAVLink_command_long_message | mavlink.MAVLink_command_int_message
DEVICE = 1  # behind the autopilot, so no component of its own
SLEW_RADPS = math.radians(60.0)
_ACCEPTED, _FAILED = mavlink.MAV_RESULT_ACCEPTED, mavlink.MAV_RESULT_FAILED
_YAW_LOCK = mavlink.GIMBAL_MANAGER_FLAGS_YAW_LOCK
_LEVEL = mavlink.GIMBAL_MANAGER_FLAGS_ROLL_LOCK | mavlink.GIMBAL_MANAGER_FLAGS_PITCH_LOCK
_GIVE_BACK = -3  # the least of what DO_GIMBAL_MANAGER_CONFIGURE may say
_CAPABILITIES = (
    mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_RETRACT
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_NEUTRAL
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_RC_INPUTS
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_CAN_POINT_LOCATION_LOCAL
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_CAN_POINT_LOCATION_GLOBAL
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_PITCH_AXIS
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_PITCH_FOLLOW
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_PITCH_LOCK
)
_PANS = (
    mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_YAW_AXIS
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_YAW_FOLLOW
    | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_YAW_LOCK
)


class Aim(Enum):
    AHEAD = auto()
    ANGLES = auto()
    RATES = auto()
    PLACE = auto()


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where the camera truly looks."""

    azimuth_deg: float  # from north
    pitch_deg: float  # down is negative


class Mount:
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.boot()

    def boot(self) -> None:
        """The driver starts only if MNT1_TYPE was set at boot."""
        self.fitted = self._parameters.number("MNT1_TYPE") != 0
        self.aim = Aim.AHEAD
        self.pitch_rad = 0.0
        self.yaw_rad = 0.0  # from the nose
        self.holder = (0, 0)
        self._aim_pitch = self._aim_yaw = 0.0
        self._from_north = False
        self._place: Spot | None = None

    @property
    def pans(self) -> bool:
        """Whether it looks aside by itself, so that the nose need not."""
        return self.fitted and self._parameters["MNT1_YAW_MIN"] < self._parameters["MNT1_YAW_MAX"]

    @property
    def locked(self) -> bool:
        """Whether its yaw is held against north."""
        return self.aim is Aim.PLACE or (self.aim in (Aim.ANGLES, Aim.RATES) and self._from_north)

    def gaze(self, nose_rad: float) -> Gaze | None:
        if not self.fitted:
            return None
        return Gaze(math.degrees(nose_rad + self.yaw_rad) % 360.0, math.degrees(self.pitch_rad))

    def step(self, vehicle: Vehicle, dt: float) -> None:
        """Turns towards its aim as fast as it can."""
        if not self.fitted:
            return
        if vehicle.look_at is not self._place:
            self._place = vehicle.look_at
            self.aim = Aim.AHEAD if self._place is None else Aim.PLACE
        nose_rad = vehicle.body.yaw_rad
        pitch, yaw = 0.0, 0.0
        match self.aim:
            case Aim.AHEAD:
                pass
            case Aim.PLACE:
                pitch, yaw = _towards(vehicle, self._place)
                yaw -= nose_rad
            case Aim.ANGLES:
                pitch = self._aim_pitch
                yaw = self._aim_yaw - (nose_rad if self._from_north else 0.0)
            case Aim.RATES:
                pitch = self.pitch_rad + self._aim_pitch * dt
                turned = vehicle.body.yaw_rate if self._from_north else 0.0
                yaw = self.yaw_rad + (self._aim_yaw - turned) * dt
        low, high = self._limits("PITCH")
        pitch = min(high, max(low, pitch))
        low, high = self._limits("YAW")
        yaw = min(high, max(low, math.remainder(yaw, math.tau)))
        most = SLEW_RADPS * dt
        self.pitch_rad += min(most, max(-most, pitch - self.pitch_rad))
        off = math.remainder(yaw - self.yaw_rad, math.tau)
        self.yaw_rad = math.remainder(self.yaw_rad + min(most, max(-most, off)), math.tau)

    def _limits(self, axis: str) -> tuple[float, float]:
        low, high = self._parameters[f"MNT1_{axis}_MIN"], self._parameters[f"MNT1_{axis}_MAX"]
        return math.radians(low), math.radians(high)

    # --- what clients say -----------------------------------------------------------------------------------

    def handle(self, vehicle: Vehicle, link: Link, message: mavlink.MAVLink_message) -> bool:
        """Whether `message` was for the gimbal."""
        match message:
            case mavlink.MAVLink_command_long_message() | mavlink.MAVLink_command_int_message():
                return self._command(vehicle, link, message)
            case mavlink.MAVLink_gimbal_manager_set_pitchyaw_message():
                if self.fitted and message.gimbal_device_id in (0, DEVICE):
                    angles = (message.pitch, message.yaw)
                    self._point(angles, (message.pitch_rate, message.yaw_rate), message.flags)
                return True
            case mavlink.MAVLink_gimbal_manager_set_attitude_message():
                if self.fitted and message.gimbal_device_id in (0, DEVICE):
                    rates = (message.angular_velocity_y, message.angular_velocity_z)
                    self._point(_pitch_yaw(tuple(message.q)), rates, message.flags)
                return True
            case _:
                return False

    def _command(self, vehicle: Vehicle, link: Link, message: CommandMessage) -> bool:
        number = message.command
        if number not in (mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE):
            return False
        sender = (message.get_srcSystem(), message.get_srcComponent())
        if isinstance(message, mavlink.MAVLink_command_long_message):
            flags, device = message.param5, message.param7
        else:
            flags, device = float(message.x), message.z
        done = self.fitted and device in (0, DEVICE)
        if done and number == mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE:
            done = self._configure(vehicle, message.param1, message.param2, sender)
        elif done:
            angles = (math.radians(message.param1), math.radians(message.param2))
            rates = (math.radians(message.param3), math.radians(message.param4))
            done = self._point(angles, rates, int(flags) if math.isfinite(flags) else 0)
        link.send(mavlink.MAVLink_command_ack_message(number, _ACCEPTED if done else _FAILED, 0, 0, *sender))
        return True

    def _configure(self, vehicle: Vehicle, system: float, component: float, sender: tuple[int, int]) -> bool:
        if not (_GIVE_BACK <= system <= 255 and _GIVE_BACK <= component <= 255):
            return False
        before = self.holder
        match int(system):
            case -1:
                pass
            case -2:
                self.holder = sender
            case -3:
                self.holder = (0, 0) if self.holder == sender else self.holder
            case number:
                self.holder = (number, int(component))
        if self.holder != before:
            vehicle.emit(self.status(vehicle))
        return True

    def _point(self, angles: tuple[float, float], rates: tuple[float, float], flags: int) -> bool:
        if flags & (mavlink.GIMBAL_MANAGER_FLAGS_RETRACT | mavlink.GIMBAL_MANAGER_FLAGS_NEUTRAL):
            self.aim = Aim.AHEAD
            return True
        if all(map(math.isfinite, angles)):
            self.aim, wanted = Aim.ANGLES, angles
        elif all(map(math.isfinite, rates)):
            self.aim, wanted = Aim.RATES, rates
        else:
            return False
        self._aim_pitch, self._aim_yaw = wanted
        self._from_north = bool(flags & _YAW_LOCK)
        return True

    # --- what it says ---------------------------------------------------------------------------------------

    def information(self, vehicle: Vehicle) -> mavlink.MAVLink_gimbal_manager_information_message:
        roll, pitch, yaw = self._limits("ROLL"), self._limits("PITCH"), self._limits("YAW")
        return mavlink.MAVLink_gimbal_manager_information_message(
            vehicle.boot_ms, _CAPABILITIES | (_PANS if self.pans else 0), DEVICE, *roll, *pitch, *yaw
        )

    def status(self, vehicle: Vehicle) -> mavlink.MAVLink_gimbal_manager_status_message:
        flags = _LEVEL | (_YAW_LOCK if self.locked else 0)
        return mavlink.MAVLink_gimbal_manager_status_message(vehicle.boot_ms, flags, DEVICE, *self.holder, 0, 0)

    def attitude(self, vehicle: Vehicle) -> mavlink.MAVLink_gimbal_device_attitude_status_message:
        flags = mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME | _LEVEL | (_YAW_LOCK if self.locked else 0)
        q = _quaternion(self.pitch_rad, self.yaw_rad)
        unknown = math.nan
        return mavlink.MAVLink_gimbal_device_attitude_status_message(
            0, 0, vehicle.boot_ms, flags, q, unknown, unknown, unknown, 0, unknown, unknown, DEVICE
        )


def _when_fitted(build: Callable[[Mount, Vehicle], mavlink.MAVLink_message]):
    def builder(vehicle: Vehicle) -> mavlink.MAVLink_message | None:
        return build(vehicle.mount, vehicle) if vehicle.mount.fitted else None

    return builder


BUILDERS = {
    mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_INFORMATION: _when_fitted(Mount.information),
    mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_STATUS: _when_fitted(Mount.status),
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: _when_fitted(Mount.attitude),
}


def _towards(vehicle: Vehicle, place: Spot | None) -> tuple[float, float]:
    """Pitch and azimuth of a place from where it believes it is."""
    if place is None:
        return 0.0, vehicle.body.yaw_rad
    east, north = place.east_m - vehicle.east_m, place.north_m - vehicle.north_m
    return math.atan2(place.amsl_m - vehicle.amsl_m, math.hypot(east, north)), math.atan2(east, north)


def _quaternion(pitch: float, yaw: float) -> tuple[float, float, float, float]:
    """Yaw, then pitch, without roll."""
    cp, sp, cy, sy = math.cos(pitch / 2), math.sin(pitch / 2), math.cos(yaw / 2), math.sin(yaw / 2)
    return cp * cy, -sp * sy, sp * cy, cp * sy


def _pitch_yaw(q: tuple[float, ...]) -> tuple[float, float]:
    w, x, y, z = q
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x)))) if all(map(math.isfinite, q)) else math.nan
    return pitch, math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
