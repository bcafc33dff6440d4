"""What one vehicle says about itself, folded from its messages into one frozen snapshot.

The fold is mutable and cheap, for every message passes through it; the snapshot is built when somebody looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import cast

from flightctl.mavlink.autopilots import Autopilot
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.gripper import HookState, hook_state, hooks_of
from flightctl.mavlink.statustext import StatusText, TextLog
from geofence.position import LatLon


class LandedState(IntEnum):
    UNDEFINED = 0
    ON_GROUND = 1
    IN_AIR = 2
    TAKEOFF = 3
    LANDING = 4


@dataclass(frozen=True, slots=True)
class Gps:
    fix: int  # GPS_FIX_TYPE: 3 is 3D, 6 is RTK fixed
    satellites: int
    hdop: float | None


@dataclass(frozen=True, slots=True)
class Home:
    """Where heights are counted from and where it returns to; arming moves it to the spot."""

    position: LatLon
    amsl_m: float


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A vehicle as last heard. None: not heard yet. `at_s` and the other `_s` are loop seconds."""

    system_id: int
    at_s: float  # of the last message
    online: bool
    position: LatLon | None
    position_at_s: float | None
    height_m: float  # above home
    amsl_m: float
    velocity_east_mps: float
    velocity_north_mps: float
    velocity_up_mps: float
    heading_deg: float | None
    armed: bool
    mode: str
    system_status: int  # MAV_STATE: 3 standby, 4 active, 5 critical
    landed_state: LandedState
    battery_percent: float | None
    battery_volt: float | None
    gps: Gps | None
    ekf_ready: bool
    prearm_ok: bool
    fence_enabled: bool
    fence_breached: bool
    home: Home | None
    servos_us: tuple[int, ...]  # outputs of hooks 1..6
    texts: tuple[StatusText, ...]
    link_loss: float  # 0..1, of what it sent to us lately

    @property
    def speed_mps(self) -> float:
        return math.hypot(self.velocity_east_mps, self.velocity_north_mps)

    @property
    def airborne(self) -> bool:
        return self.armed and self.landed_state in {LandedState.IN_AIR, LandedState.TAKEOFF, LandedState.LANDING}

    def hook(self, number: int) -> HookState:
        """Of hook `number`, counted from 1."""
        if not 1 <= number <= len(self.servos_us):
            return HookState.NONE
        return hook_state(self.servos_us[number - 1])


class Fold:
    """Takes messages, keeps the last of each thing and when it was heard."""

    def __init__(self, system_id: int, autopilot: Autopilot) -> None:
        self.system_id = system_id
        self.texts = TextLog()
        self.heard_s: float | None = None
        self.heartbeat_s: float | None = None
        self.position_s: float | None = None
        self.landed_s: float | None = None
        self.servos_s: float | None = None
        self.status_s: float | None = None
        self.home_s: float | None = None
        self.custom_mode: int | None = None
        self.armed = False
        self.system_status = 0
        self.landed_state = LandedState.UNDEFINED
        self.servos_us: tuple[int, ...] = ()
        self.lat_lon: tuple[float, float] | None = None
        self.height_m = 0.0
        self.amsl_m = 0.0
        self.velocity = (0.0, 0.0, 0.0)  # east, north, up
        self.heading_deg: float | None = None
        self.ekf_flags = 0
        self.prearm_ok = False
        self.fence_enabled = False
        self.fence_breached = False
        self.home: Home | None = None
        self.autopilot = autopilot
        self.unix_s: tuple[float, float] | None = None  # its time of day, and when it said so
        self._battery: tuple[float | None, float | None] = (None, None)
        self._gps: Gps | None = None
        self._takes: dict[int, Callable[[Message, float], None]] = {}
        self._take(mavlink.MAVLink_heartbeat_message, self._heartbeat)
        self._take(mavlink.MAVLink_global_position_int_message, self._position)
        self._take(mavlink.MAVLink_sys_status_message, self._status)
        self._take(mavlink.MAVLink_extended_sys_state_message, self._landed)
        self._take(mavlink.MAVLink_servo_output_raw_message, self._servos)
        self._take(mavlink.MAVLink_ekf_status_report_message, self._ekf)
        self._take(mavlink.MAVLink_estimator_status_message, self._ekf)
        self._take(mavlink.MAVLink_gps_raw_int_message, self._gps_raw)
        self._take(mavlink.MAVLink_system_time_message, self._time)
        self._take(mavlink.MAVLink_home_position_message, self._home_position)
        self._take(mavlink.MAVLink_fence_status_message, self._fence)
        self._take(mavlink.MAVLink_statustext_message, self._text)

    def takes(self, message_id: int) -> bool:
        """Whether anything here comes from such messages."""
        return message_id in self._takes

    def take(self, message: Message, at_s: float) -> bool:
        """Whether it changed anything here."""
        self.heard_s = at_s
        fold = self._takes.get(message.get_msgId())  # some messages have a field named id
        if fold is None:
            return False
        fold(message, at_s)
        return True

    def rebooted(self) -> None:
        """What was known no longer holds."""
        self.home, self.home_s = None, None
        self.ekf_flags, self.prearm_ok = 0, False
        self.unix_s = None
        self.landed_state, self.landed_s = LandedState.UNDEFINED, None
        self.servos_us, self.servos_s = (), None

    @property
    def mode(self) -> str:
        return "UNKNOWN" if self.custom_mode is None else self.autopilot.mode_name(self.custom_mode)

    def snapshot(self, *, online: bool, link_loss: float) -> Telemetry:
        east, north, up = self.velocity
        return Telemetry(
            system_id=self.system_id,
            at_s=self.heard_s if self.heard_s is not None else -math.inf,
            online=online,
            position=LatLon(lat=self.lat_lon[0], lon=self.lat_lon[1]) if self.lat_lon is not None else None,
            position_at_s=self.position_s,
            height_m=self.height_m,
            amsl_m=self.amsl_m,
            velocity_east_mps=east,
            velocity_north_mps=north,
            velocity_up_mps=up,
            heading_deg=self.heading_deg,
            armed=self.armed,
            mode=self.mode,
            system_status=self.system_status,
            landed_state=self.landed_state,
            battery_percent=self._battery[0],
            battery_volt=self._battery[1],
            gps=self._gps,
            ekf_ready=self.autopilot.estimates_position(self.ekf_flags),
            prearm_ok=self.prearm_ok,
            fence_enabled=self.fence_enabled,
            fence_breached=self.fence_breached,
            home=self.home,
            servos_us=self.servos_us,
            texts=self.texts.last,
            link_loss=link_loss,
        )

    def _take(self, kind: type[Message], fold: Callable[..., None]) -> None:
        self._takes[kind.id] = cast(Callable[[Message, float], None], fold)

    def _heartbeat(self, message: mavlink.MAVLink_heartbeat_message, at_s: float) -> None:
        self.heartbeat_s = at_s
        self.custom_mode = message.custom_mode
        self.armed = bool(message.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
        self.system_status = message.system_status

    def _position(self, message: mavlink.MAVLink_global_position_int_message, at_s: float) -> None:
        if not _is_place(message.lat, message.lon):
            return
        self.position_s = at_s
        self.lat_lon = (message.lat / 1e7, message.lon / 1e7)
        self.height_m = message.relative_alt / 1000
        self.amsl_m = message.alt / 1000
        self.velocity = (message.vy / 100, message.vx / 100, -message.vz / 100)
        self.heading_deg = None if message.hdg == 65535 else message.hdg / 100

    def _status(self, message: mavlink.MAVLink_sys_status_message, at_s: float) -> None:
        self.status_s = at_s
        self.prearm_ok = bool(message.onboard_control_sensors_health & mavlink.MAV_SYS_STATUS_PREARM_CHECK)
        self.fence_enabled = bool(message.onboard_control_sensors_enabled & mavlink.MAV_SYS_STATUS_GEOFENCE)
        self._battery = (
            None if message.battery_remaining < 0 else float(message.battery_remaining),
            None if message.voltage_battery == 65535 else message.voltage_battery / 1000,
        )

    def _landed(self, message: mavlink.MAVLink_extended_sys_state_message, at_s: float) -> None:
        self.landed_s = at_s
        if message.landed_state <= LandedState.LANDING:
            self.landed_state = LandedState(message.landed_state)

    def _servos(self, message: mavlink.MAVLink_servo_output_raw_message, at_s: float) -> None:
        if message.port == 0:
            self.servos_s = at_s
            self.servos_us = hooks_of(message)

    def _ekf(
        self,
        message: mavlink.MAVLink_ekf_status_report_message | mavlink.MAVLink_estimator_status_message,
        at_s: float,
    ) -> None:
        self.ekf_flags = message.flags

    def _time(self, message: mavlink.MAVLink_system_time_message, at_s: float) -> None:
        self.unix_s = (message.time_unix_usec / 1e6, at_s) if message.time_unix_usec else None

    def _gps_raw(self, message: mavlink.MAVLink_gps_raw_int_message, at_s: float) -> None:
        hdop = None if message.eph == 65535 else message.eph / 100
        self._gps = Gps(message.fix_type, message.satellites_visible, hdop)

    def _home_position(self, message: mavlink.MAVLink_home_position_message, at_s: float) -> None:
        if not _is_place(message.latitude, message.longitude):
            return
        position = LatLon(lat=message.latitude / 1e7, lon=message.longitude / 1e7)
        self.home, self.home_s = Home(position, message.altitude / 1000), at_s

    def _fence(self, message: mavlink.MAVLink_fence_status_message, at_s: float) -> None:
        self.fence_breached = bool(message.breach_status)

    def _text(self, message: mavlink.MAVLink_statustext_message, at_s: float) -> None:
        self.texts.add(message, at_s)


def _is_place(lat_e7: int, lon_e7: int) -> bool:
    """Zero-zero is how "no position yet" looks."""
    return (lat_e7, lon_e7) != (0, 0) and abs(lat_e7) <= 900_000_000 and abs(lon_e7) <= 1_800_000_000
