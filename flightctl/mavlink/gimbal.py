"""Gimbal: where the camera looks, by the gimbal manager that answers for it.

MAVLink guide: https://mavlink.io/en/services/gimbal_v2.html. Only the manager is spoken to: an autopilot that drives
the gimbal itself, a companion, or the gimbal. Control is taken once and given back; while another station has it
nothing is sent. What is asked is harmless when it comes twice, so it is repeated until it is answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flightctl.mavlink.command import Command
from flightctl.mavlink.components import Component, Components
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import CommandFailed, InUse, NotFitted
from flightctl.mavlink.waiting import Bell
from geofence.position import LatLon

_STATUS_EVERY_S = 1.0
_ATTITUDE_EVERY_S = 0.2
_STATUS_FRESH_S = 5.0
_TAKES_EFFECT_S = 0.4  # ArduPilot tells its status at once
_LOOKS = 6
_UNCHANGED = -1.0
_OURS_NO_MORE = -3.0
_CAN_POINT = mavlink.GIMBAL_MANAGER_CAP_FLAGS_CAN_POINT_LOCATION_GLOBAL
_YAW_LOCK = mavlink.GIMBAL_MANAGER_FLAGS_YAW_LOCK
_LEVEL = mavlink.GIMBAL_MANAGER_FLAGS_ROLL_LOCK | mavlink.GIMBAL_MANAGER_FLAGS_PITCH_LOCK
_EARTH = mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
_VEHICLE = mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME

Quaternion = tuple[float, float, float, float]  # w, x, y, z


@dataclass(frozen=True, slots=True)
class GimbalInfo:
    """What answers for the gimbal and how far it turns."""

    manager: int  # component id
    device: int  # component id of the gimbal, or 1 to 6 behind an autopilot
    capabilities: int  # GIMBAL_MANAGER_CAP_FLAGS
    pitch_deg: tuple[float, float]  # down is negative
    yaw_deg: tuple[float, float]  # right is positive, from the nose

    @property
    def points_at_places(self) -> bool:
        return bool(self.capabilities & _CAN_POINT)

    @property
    def turns(self) -> bool:
        """Whether it yaws without the vehicle."""
        return bool(self.capabilities & mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_YAW_AXIS)


@dataclass(frozen=True, slots=True)
class Controller:
    """Who has primary control; system 0: nobody."""

    system_id: int
    component_id: int


@dataclass(frozen=True, slots=True)
class GimbalAttitude:
    """Where it looked at `at_s` (loop time)."""

    at_s: float
    roll_deg: float
    pitch_deg: float  # down is negative
    yaw_deg: float  # clockwise, from north or from the nose
    from_north: bool
    failures: int  # GIMBAL_DEVICE_ERROR_FLAGS

    def azimuth_deg(self, heading_deg: float) -> float:
        """From north, on a vehicle whose nose points to `heading_deg`."""
        return (self.yaw_deg if self.from_north else heading_deg + self.yaw_deg) % 360.0


class Gimbal:
    """Of one vehicle. Every method raises NotFitted, InUse, CommandError or LinkLost."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._clock = components.clock
        self._info: GimbalInfo | None = None
        self._controller: tuple[Controller, float] | None = None
        self._attitude: GimbalAttitude | None = None
        self._bell = Bell(components.clock)
        everybody = components.everybody.talk
        everybody.on(mavlink.MAVLink_gimbal_manager_status_message, self._take_status)
        everybody.on(mavlink.MAVLink_gimbal_device_attitude_status_message, self._take_attitude)

    # --- what is known ---------------------------------------------------------------------------------------

    @property
    def info(self) -> GimbalInfo | None:
        """None until `find` has found it."""
        return self._info

    @property
    def attitude(self) -> GimbalAttitude | None:
        """The last one heard, with its time; None before the first."""
        return self._attitude

    @property
    def attitude_age_s(self) -> float:
        return math.inf if self._attitude is None else self._clock.time_s() - self._attitude.at_s

    @property
    def controller(self) -> Controller | None:
        """Who has primary control; None when that is not heard."""
        known = self._controller
        return known[0] if known is not None and self._clock.time_s() - known[1] <= _STATUS_FRESH_S else None

    @property
    def ours(self) -> bool:
        return self.controller == self._us

    async def find(self) -> GimbalInfo:
        """Asks everybody for a gimbal, once; then its attitude and its status keep coming."""
        self._components.require_link()
        if self._info is None:
            said = await self._components.everybody.ask(mavlink.MAVLink_gimbal_manager_information_message)
            if said is None:
                raise NotFitted(f"{self._components.autopilot.who} has no gimbal: nothing answered for one")
            self._info = GimbalInfo(
                manager=said.get_srcComponent(),
                device=said.gimbal_device_id,
                capabilities=said.cap_flags,
                pitch_deg=(math.degrees(said.pitch_min), math.degrees(said.pitch_max)),
                yaw_deg=(math.degrees(said.yaw_min), math.degrees(said.yaw_max)),
            )
            manager = self._manager(self._info)
            keep = self._components.keep_coming
            keep(manager, mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_STATUS, _STATUS_EVERY_S)
            device = self._components.of(said.gimbal_device_id) if said.gimbal_device_id > 6 else manager
            keep(device, mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS, _ATTITUDE_EVERY_S)
        return self._info

    # --- control ---------------------------------------------------------------------------------------------

    async def take_control(self, *, from_anybody: bool = False) -> None:
        """Returns when the manager shows that it is ours. Raises InUse when another station has it, unless it is
        to be taken `from_anybody`."""
        info = await self.find()
        holder = await self._who_controls(info)
        if holder == self._us:
            return
        if holder is not None and holder.system_id != 0 and not from_anybody:
            raise InUse(f"{self._who(info)}: station {holder.system_id}/{holder.component_id} controls the gimbal")
        await self._configure(info, float(self._us.system_id), float(self._us.component_id))
        if holder is not None and not await self._becomes(info, ours=True):
            raise CommandFailed(self._who(info), "control of the gimbal", "was accepted, but it is not ours")

    async def give_back(self) -> None:
        """Leaves it to others; does nothing when it is not ours."""
        info = await self.find()
        if await self._who_controls(info) == self._us:
            await self._configure(info, _OURS_NO_MORE, _OURS_NO_MORE)
            await self._becomes(info, ours=False)

    # --- pointing --------------------------------------------------------------------------------------------

    async def point(self, pitch_deg: float, yaw_deg: float, *, from_north: bool = False) -> None:
        """To these angles; the yaw turns with the nose unless it is `from_north`."""
        info = await self._in_control()
        await self._command(info, (pitch_deg, yaw_deg, math.nan, math.nan, _flags(from_north)))

    async def turn(self, pitch_dps: float, yaw_dps: float, *, from_north: bool = False) -> None:
        """At these rates, until told otherwise."""
        info = await self._in_control()
        await self._command(info, (math.nan, math.nan, pitch_dps, yaw_dps, _flags(from_north)))

    def steer(self, pitch_deg: float, yaw_deg: float, *, from_north: bool = False) -> None:
        """One set-point of a stream, not answered. Raises InUse unless the gimbal is ours."""
        info = self._require_ours()
        self._manager(info).talk.send(
            mavlink.MAVLink_gimbal_manager_set_pitchyaw_message(
                self._components.autopilot.talk.system_id,
                info.manager,
                _flags(from_north),
                info.device,
                math.radians(pitch_deg),
                math.radians(yaw_deg),
                math.nan,
                math.nan,
            )
        )

    def steer_attitude(self, attitude: Quaternion, *, from_north: bool = False) -> None:
        """One whole attitude of a stream, not answered. Raises InUse unless the gimbal is ours."""
        info = self._require_ours()
        self._manager(info).talk.send(
            mavlink.MAVLink_gimbal_manager_set_attitude_message(
                self._components.autopilot.talk.system_id,
                info.manager,
                _flags(from_north),
                info.device,
                attitude,
                math.nan,
                math.nan,
                math.nan,
            )
        )

    async def look_at(self, place: LatLon, amsl_m: float) -> None:
        """Keeps looking at a place, wherever the vehicle flies, until it is told to look elsewhere."""
        info = await self._in_control()
        if not info.points_at_places:
            raise NotFitted(f"{self._who(info)}: its gimbal cannot look at a place")
        look = Command(
            mavlink.MAV_CMD_DO_SET_ROI_LOCATION, (info.device,), place, amsl_m, frame=mavlink.MAV_FRAME_GLOBAL_INT
        )
        await self._manager(info).commander.request(look)

    async def look_ahead(self) -> None:
        """No place to look at any more."""
        info = await self._in_control()
        await self._manager(info).commander.request(Command(mavlink.MAV_CMD_DO_SET_ROI_NONE, (info.device,)))

    # --- inside ----------------------------------------------------------------------------------------------

    @property
    def _us(self) -> Controller:
        talk = self._components.autopilot.talk
        return Controller(talk.our_system_id, talk.our_component_id)

    async def _in_control(self) -> GimbalInfo:
        await self.take_control()
        return await self.find()

    def _require_ours(self) -> GimbalInfo:
        self._components.require_link()
        if self._info is None or not self.ours:
            raise InUse(f"{self._components.autopilot.who}: take control of the gimbal first")
        return self._info

    async def _who_controls(self, info: GimbalInfo) -> Controller | None:
        if self.controller is None:
            await self._manager(info).ask(mavlink.MAVLink_gimbal_manager_status_message, tries=3)
        return self.controller

    async def _becomes(self, info: GimbalInfo, *, ours: bool) -> bool:
        """Its status streams slowly, or not at all, and may be lost: it is asked for until it shows it."""
        for _ in range(_LOOKS):
            await self._bell.until(lambda: self.ours is ours or None, _TAKES_EFFECT_S)
            if self.ours is ours:
                return True
            await self._manager(info).ask(mavlink.MAVLink_gimbal_manager_status_message, tries=1)
        return self.ours is ours

    async def _configure(self, info: GimbalInfo, system_id: float, component_id: float) -> None:
        values = (system_id, component_id, _UNCHANGED, _UNCHANGED, 0.0, 0.0, info.device)
        await self._manager(info).commander.request(Command(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE, values))

    async def _command(self, info: GimbalInfo, values: tuple[float, ...]) -> None:
        command = Command(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, (*values, 0.0, info.device))
        await self._manager(info).commander.request(command)

    def _manager(self, info: GimbalInfo) -> Component:
        return self._components.of(info.manager)

    def _who(self, info: GimbalInfo) -> str:
        return self._manager(info).who

    def _take_status(self, message: mavlink.MAVLink_gimbal_manager_status_message) -> None:
        if self._info is None or message.gimbal_device_id == self._info.device:
            holder = Controller(message.primary_control_sysid, message.primary_control_compid)
            self._controller = (holder, self._clock.time_s())
            self._bell.ring()

    def _take_attitude(self, message: mavlink.MAVLink_gimbal_device_attitude_status_message) -> None:
        device = message.gimbal_device_id or message.get_srcComponent()
        if self._info is not None and device not in {self._info.device, self._info.manager}:
            return
        w, x, y, z = message.q
        if not all(map(math.isfinite, message.q)):
            return
        roll_deg, pitch_deg, yaw_deg = _euler_deg((w, x, y, z))
        if message.flags & (_EARTH | _VEHICLE):
            from_north = bool(message.flags & _EARTH)
        else:  # before these two flags existed the lock said it
            from_north = bool(message.flags & mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK)
        self._attitude = GimbalAttitude(
            self._clock.time_s(), roll_deg, pitch_deg, yaw_deg, from_north, message.failure_flags
        )


def _flags(from_north: bool) -> int:
    return _LEVEL | (_YAW_LOCK if from_north else 0)


def _euler_deg(q: Quaternion) -> tuple[float, float, float]:
    """Roll, pitch and yaw, turned in the order yaw, pitch, roll."""
    w, x, y, z = q
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return math.degrees(roll), math.degrees(pitch), math.degrees(yaw)
