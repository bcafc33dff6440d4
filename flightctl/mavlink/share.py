"""The router: other ground stations (QGroundControl, MAVProxy) see and fly the same drones.

MAVLink guide: https://mavlink.io/en/guide/routing.html. Frames pass as they are, also those that nobody here can
read, with their signatures. What vehicles say goes to every client, unless it names one; what a client says goes to
the vehicle that it names, or to all when it names none, and to nobody else. Three things never pass: SETUP_SIGNING,
which carries a key; what comes from a client in a vehicle's name; and heartbeats of a client that bears the service's
own system id, for they would keep the vehicles' ground-station failsafe quiet after the service itself has stalled.

A client is on no route: nothing here tells the fleet where a vehicle is to be found.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from flightctl.clock import Clock
from flightctl.mavlink.channel import Channel, Channels, EndpointStatus
from flightctl.mavlink.dialect import Frame, mavlink
from flightctl.mavlink.outlet import Outflow, Outlet
from flightctl.transport import Transports

log = logging.getLogger(__name__)

MAX_CLIENTS = 32
_FLUSH_EVERY_S = 0.05
_SILENT_S = 30.0  # a ground station beats once a second
_SETUP_SIGNING = mavlink.MAVLINK_MSG_ID_SETUP_SIGNING
_HEARTBEAT = mavlink.MAVLINK_MSG_ID_HEARTBEAT


@dataclass(frozen=True, slots=True)
class SharedEndpoint:
    """Where clients are, and what they may."""

    address: str
    commands: bool = True  # False: they look on
    max_bytes_per_s: float | None = None  # to each client; None: as fast as it reads


@dataclass(frozen=True, slots=True)
class ShareStatus:
    """How one shared endpoint does."""

    endpoint: EndpointStatus
    commands: bool
    sent: int
    sent_bytes: int
    thinned: int  # streamed messages that a newer copy replaced
    heard: int
    passed_on: int
    refused: int  # not let through, or for a vehicle that nobody has heard


class Vehicles(Protocol):
    """What the router needs of the vehicles' links."""

    @property
    def system_id(self) -> int: ...

    def forward(self, system_id: int, raw: bytes) -> bool: ...

    def forward_to_all(self, raw: bytes) -> None: ...

    def has_route(self, system_id: int) -> bool: ...


@dataclass(slots=True)
class _Inflow:
    heard: int = 0
    passed_on: int = 0
    refused: int = 0


class Share:
    """`run` it, and hand it each frame of the vehicles."""

    def __init__(
        self, transports: Transports, endpoints: tuple[SharedEndpoint, ...], vehicles: Vehicles, clock: Clock
    ) -> None:
        self._endpoints = {endpoint.address: endpoint for endpoint in endpoints}
        self._channels = Channels(
            transports,
            tuple(self._endpoints),
            system_id=vehicles.system_id,
            component_id=0,
            clock=clock,
            most=MAX_CLIENTS,
            on_open=self._on_open,
            on_gone=self._on_gone,
        )
        self._vehicles = vehicles
        self._clock = clock
        self._outlets: dict[Channel, Outlet] = {}
        self._out = {address: Outflow() for address in self._endpoints}
        self._in = {address: _Inflow() for address in self._endpoints}
        self._told_own_id = False

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._channels.run(self._take))
            group.create_task(self._flush())

    def spread(self, frame: Frame) -> None:
        """What a vehicle says: to every client, or to those that it names; to none what it has said itself."""
        if frame.message_id == _SETUP_SIGNING or not self._outlets:
            return
        now_s = self._clock.time_s()
        target = frame.target_system
        is_vehicle = self._vehicles.has_route(frame.system_id)
        for channel, outlet in self._outlets.items():
            named = target == 0 or target in channel.heard
            if named and (is_vehicle or frame.system_id not in channel.heard):
                outlet.offer(frame, now_s)

    @property
    def status(self) -> tuple[ShareStatus, ...]:
        return tuple(self._status(status) for status in self._channels.status)

    def tick(self, now_s: float) -> None:
        """About once a second."""
        self._channels.drop_silent(now_s - _SILENT_S)
        self._channels.tick(now_s)

    def _status(self, status: EndpointStatus) -> ShareStatus:
        out, back = self._out[status.address], self._in[status.address]
        return ShareStatus(
            endpoint=status,
            commands=self._endpoints[status.address].commands,
            sent=out.sent,
            sent_bytes=out.sent_bytes,
            thinned=out.thinned,
            heard=back.heard,
            passed_on=back.passed_on,
            refused=back.refused,
        )

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_EVERY_S)
            now_s = self._clock.time_s()
            for outlet in tuple(self._outlets.values()):
                outlet.flush(now_s)

    def _on_open(self, channel: Channel) -> None:
        rate = self._endpoints[channel.address].max_bytes_per_s
        self._outlets[channel] = Outlet(channel, rate, self._out[channel.address], self._clock.time_s())

    def _on_gone(self, channel: Channel) -> None:
        self._outlets.pop(channel, None)

    def _take(self, channel: Channel, frame: Frame) -> None:
        counts = self._in[channel.address]
        counts.heard += 1
        if self._passes(channel, frame):
            counts.passed_on += 1
        else:
            counts.refused += 1

    def _passes(self, channel: Channel, frame: Frame) -> bool:
        vehicles = self._vehicles
        if vehicles.has_route(frame.system_id) or frame.message_id == _SETUP_SIGNING:
            return False
        channel.heard.add(frame.system_id)
        if not self._endpoints[channel.address].commands:
            return False
        if frame.message_id == _HEARTBEAT and frame.system_id == vehicles.system_id:
            self._tell_own_id(channel)
            return False
        target = frame.target_system
        if target != 0:
            return vehicles.forward(target, frame.raw)
        vehicles.forward_to_all(frame.raw)
        return True

    def _tell_own_id(self, channel: Channel) -> None:
        if not self._told_own_id:
            self._told_own_id = True
            log.warning(
                "%s: a ground station there uses the service's own system id %d; its heartbeats are not passed on. "
                "Give it, or the service (mavlink.system_id), another",
                channel.name,
                self._vehicles.system_id,
            )
