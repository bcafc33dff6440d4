"""A MAVLink client for one vehicle on one link, with the service's own `Vehicle`; what it hears is passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from flightctl.clock import Clock
from flightctl.mavlink.channel import Channel
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import Frame, Message, mavlink
from flightctl.mavlink.heartbeat import is_autopilot, keep_beating
from flightctl.mavlink.link import Links
from flightctl.transport import Transports
from flightctl.vehicle import Vehicle


def _always() -> bool:
    return True


class OneVehicle:
    """`run` it; `vehicle` is what it speaks with."""

    def __init__(
        self,
        transports: Transports,
        address: str,
        system_id: int,
        clock: Clock,
        heard: Callable[[Message], None],
        *,
        as_system: int,
        as_component: int = mavlink.MAV_COMP_ID_MISSIONPLANNER,
    ) -> None:
        self.address = address
        self._links = Links(transports, (address,), system_id=as_system, component_id=as_component, clock=clock)
        self._heard = heard
        self.vehicle = Vehicle(self._links, system_id, clock)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links.run(self._receive))
            group.create_task(keep_beating(self._links, _always))
            group.create_task(self._look_after())

    def tell(self, command: Command) -> None:
        """Said once, and no answer is waited for."""
        system_id = self.vehicle.system_id
        self._links.send(system_id, command.message(system_id, mavlink.MAV_COMP_ID_AUTOPILOT1, 0))

    async def _look_after(self) -> None:
        while True:
            self.vehicle.tick()
            await asyncio.sleep(1.0)

    def _receive(self, channel: Channel, frame: Frame) -> None:
        if frame.system_id != self.vehicle.system_id:
            return
        message = frame.message()
        if message is None or (isinstance(message, mavlink.MAVLink_heartbeat_message) and not is_autopilot(message)):
            return
        if self._links.is_route(frame.system_id, channel):
            self.vehicle.receive(frame, channel.heard_s)
        self._heard(message)
