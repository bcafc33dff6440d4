"""Routing: which channel leads to which system, and what goes on which.

MAVLink guide: https://mavlink.io/en/guide/routing.html. Addressed messages go only where their target was
heard. A route sticks to its channel as long as the channel is alive: a second channel that carries the same
system id is either the same vehicle on another path or another vehicle with the same id, and which of the two
is decided by who answers with which hardware id (see fleet), never by mixing their messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from flightctl.clock import Clock
from flightctl.mavlink.channel import Channel, Channels, EndpointStatus
from flightctl.mavlink.dialect import Frame, Message
from flightctl.mavlink.signing import KeyRing, without_signature
from flightctl.mavlink.traffic import RateMeter, Rates, Traffic
from flightctl.transport import Transports

ROUTE_SILENT_S = 2.5
"""A route moves to another channel after this much silence on its own."""

Receiver = Callable[[Channel, Frame], None]
Tap = Callable[[bytes], None]


@dataclass(slots=True)
class _Route:
    channel: Channel
    heard_s: float


class Links:
    """All endpoints of the service and the routes learned on them."""

    def __init__(
        self,
        transports: Transports,
        endpoints: tuple[str, ...],
        *,
        system_id: int,
        component_id: int,
        clock: Clock,
        tap: Tap | None = None,
        ring: KeyRing | None = None,
    ) -> None:
        self.system_id = system_id
        self.component_id = component_id
        self._channels = Channels(
            transports, endpoints, system_id=system_id, component_id=component_id, clock=clock, ring=ring
        )
        self._tap = tap
        self._ring = ring
        self._routes: dict[int, _Route] = {}
        self._meters: dict[int, RateMeter] = {}

    async def run(self, receive: Receiver) -> None:
        """Keeps every endpoint open until cancelled and hands each frame to `receive`."""

        def take(channel: Channel, frame: Frame) -> None:
            if self._tap is not None:
                self.record(frame.raw)
            if frame.system_id != self.system_id:  # our own, sent back by a router
                channel.heard.add(frame.system_id)
                traffic = self._traffic(frame.system_id)
                traffic.messages_in += 1
                traffic.bytes_in += len(frame.raw)
                receive(channel, frame)

        async with asyncio.TaskGroup() as group:
            if self._ring is not None:
                group.create_task(self._ring.keep())
            await self._channels.run(take)

    def send(self, system_id: int, message: Message) -> bool:
        """To one system, on the channel where it is heard; False when it never was."""
        route = self._routes.get(system_id)
        if route is None:
            return False
        self.send_on(route.channel, message, system_id)
        return True

    def send_on(self, channel: Channel, message: Message, system_id: int | None) -> None:
        frame = channel.send(message, system_id)
        if system_id is not None:
            self._traffic(system_id).went(len(frame))
        self.record(frame)

    def broadcast(self, message: Message) -> None:
        """To everybody; where vehicles with keys are, once for each key, for each takes only its own signature."""
        for channel in self._channels.all:
            for system_id in self._one_for_each_key(channel):
                self.send_on(channel, message, system_id)

    def forward(self, system_id: int, raw: bytes) -> bool:
        """A frame of another station as it is, to one system; False when that was never heard."""
        route = self._routes.get(system_id)
        if route is None:
            return False
        route.channel.forward(raw)
        self._traffic(system_id).went(len(raw))
        self.record(raw)
        return True

    def forward_to_all(self, raw: bytes) -> None:
        channels = self._channels.all
        for channel in channels:
            channel.forward(raw)
        if channels:
            self.record(raw)

    def has_route(self, system_id: int) -> bool:
        """Whether it was ever heard."""
        return system_id in self._routes

    def is_elsewhere(self, system_id: int, channel: Channel) -> bool:
        """Whether its route is another channel; asking changes nothing."""
        route = self._routes.get(system_id)
        return route is not None and route.channel is not channel

    def is_route(self, system_id: int, channel: Channel) -> bool:
        """Notes that `system_id` was heard on `channel`, and says whether that is its route."""
        now_s = channel.heard_s
        route = self._routes.get(system_id)
        if route is None or not route.channel.open or now_s - route.heard_s > ROUTE_SILENT_S:
            self._routes[system_id] = _Route(channel, now_s)
            return True
        if route.channel is channel:
            route.heard_s = now_s
            return True
        return False

    def endpoint_of(self, system_id: int) -> str:
        """The address on which it is heard; empty before that."""
        route = self._routes.get(system_id)
        return "" if route is None else route.channel.address

    def dropped_on(self, address: str) -> int:
        return self._channels.dropped_on(address)

    def rates_of(self, system_id: int) -> Rates:
        """How much one system says, and is told."""
        meter = self._meters.get(system_id)
        return Rates() if meter is None else meter.rates

    @property
    def status(self) -> tuple[EndpointStatus, ...]:
        return self._channels.status

    def tick(self, now_s: float) -> None:
        """About once a second, for the rates."""
        self._channels.tick(now_s)
        for meter in self._meters.values():
            meter.tick(now_s)

    def _traffic(self, system_id: int) -> Traffic:
        meter = self._meters.get(system_id)
        if meter is None:
            meter = self._meters[system_id] = RateMeter(Traffic())
        return meter.traffic

    def record(self, frame: bytes) -> None:
        if self._tap is not None:
            kept = without_signature(frame)
            if kept is not None:
                self._tap(kept)

    def _one_for_each_key(self, channel: Channel) -> list[int | None]:
        if self._ring is None:
            return [None]
        found: dict[bytes | None, int | None] = {self._ring.key_of(heard): heard for heard in sorted(channel.heard)}
        return list(found.values()) or [None]
