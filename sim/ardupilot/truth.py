"""What a SITL's copter truly does, by a MAVLink client of our own on SERIAL1 beside the ground station's.

SIM_STATE is the simulation's own truth; where a binary does not stream it, the estimated position stands for it.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from flightctl.clock import Clock
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import NotReady
from flightctl.transport import Transports
from geofence.position import Enu, LatLon, LocalFrame
from sim.ardupilot.errors import SitlNotReady
from sim.ardupilot.one_vehicle import OneVehicle

SYSTEM_ID = 245  # not the ground station's: its failsafe must not count our heartbeats
_HEARD_WITHIN_S = 30.0
_TELLS_WITHIN_S = 2.0
_SIM_STATE_EVERY_S = 0.1
_LONGEST_REACH_S = 1.0  # of reckoning ahead from the last message


@dataclass(frozen=True, slots=True)
class Motion:
    """Where it is and how it moves."""

    position: Enu
    amsl_m: float
    east_mps: float
    north_mps: float
    up_mps: float
    at_s: float

    def ahead(self, now_s: float) -> Motion:
        """Reckoned to `now_s`."""
        dt = min(max(0.0, now_s - self.at_s), _LONGEST_REACH_S)
        return Motion(
            self.position + Enu(self.east_mps * dt, self.north_mps * dt),
            self.amsl_m + self.up_mps * dt,
            self.east_mps,
            self.north_mps,
            self.up_mps,
            now_s,
        )


class Truth:
    """`run` it beside the process; the vehicle it watches is `vehicle`."""

    def __init__(self, transports: Transports, address: str, system_id: int, clock: Clock, frame: LocalFrame) -> None:
        self._link = OneVehicle(transports, address, system_id, clock, self._heard, as_system=SYSTEM_ID)
        self.vehicle = self._link.vehicle
        self.tells_truth = asyncio.Event()
        self._clock = clock
        self._frame = frame
        self._true: Motion | None = None

    async def run(self) -> None:
        """Until cancelled."""
        await self._link.run()

    async def wait_ready(self, timeout_s: float) -> None:
        """Until it is heard, has a position and could arm. Raises SitlNotReady."""
        vehicle = self.vehicle
        if await vehicle.until(lambda: vehicle.online or None, _HEARD_WITHIN_S) is None:
            raise SitlNotReady(
                f"no heartbeat of system {vehicle.system_id} on {self._link.address} after {_HEARD_WITHIN_S:.0f} s"
            )
        try:
            await vehicle.wait_ready(timeout_s)
        except NotReady as error:
            raise SitlNotReady(str(error)) from error
        every_us = _SIM_STATE_EVERY_S * 1e6
        self.tell(Command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, (mavlink.MAVLINK_MSG_ID_SIM_STATE, every_us)))
        try:
            async with asyncio.timeout(_TELLS_WITHIN_S):
                await self.tells_truth.wait()
        except TimeoutError:
            return  # it has no such message; the estimate must do

    def motion(self, now_s: float) -> Motion | None:
        """None before the first position."""
        if self._true is not None:
            return self._true.ahead(now_s)
        told = self.vehicle.telemetry
        if told.position is None or told.position_at_s is None:
            return None
        east, north, up = told.velocity_east_mps, told.velocity_north_mps, told.velocity_up_mps
        here = self._frame.to_enu(told.position)
        return Motion(here, told.amsl_m, east, north, up, told.position_at_s).ahead(now_s)

    def tell(self, command: Command) -> None:
        """Said once, and no answer is waited for."""
        self._link.tell(command)

    def _heard(self, message: Message) -> None:
        if isinstance(message, mavlink.MAVLink_sim_state_message):
            self._note(message)

    def _note(self, message: mavlink.MAVLink_sim_state_message) -> None:
        if not message.lat_int or not math.isfinite(message.alt):
            return  # the float degrees are too coarse
        here = self._frame.to_enu(LatLon(lat=message.lat_int / 1e7, lon=message.lon_int / 1e7))
        self._true = Motion(here, message.alt, message.ve, message.vn, -message.vd, self._clock.time_s())
        self.tells_truth.set()
