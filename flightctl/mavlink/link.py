"""Endpoints and routing: bytes in and out, one channel per far end, and which channel leads to which system.

MAVLink guide: https://mavlink.io/en/guide/routing.html. Addressed messages go only where their target was
heard. A route sticks to its channel as long as the channel is alive: a second channel that carries the same
system id is either the same vehicle on another path or another vehicle with the same id, and which of the two
is decided by who answers with which hardware id (see fleet), never by mixing their messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, Message
from flightctl.mavlink.signing import KeyRing, without_signature
from flightctl.transport import Datagrams, LinkUnavailable, Peer, Stream, Transports

log = logging.getLogger(__name__)

MAX_CHANNELS = 512
ROUTE_SILENT_S = 2.5
"""A route moves to another channel after this much silence on its own."""
_FIRST_RETRY_S = 0.5
_LAST_RETRY_S = 15.0
_LOSS_WINDOW_S = 5.0
_RESYNC_AFTER = 8
"""This many late ones in a row: the sender counts anew, after a reboot or on another path."""

Receiver = Callable[["Channel", Message], None]
Tap = Callable[[bytes], None]


class LossMeter:
    """Lost messages by the sender's 8-bit sequence numbers; late and doubled ones are no loss.

    MAVLink guide: https://mavlink.io/en/guide/packet_loss.html. Wrong under routers that mix senders, so it is
    shown and never acted on.
    """

    def __init__(self) -> None:
        self.received = 0
        self.lost = 0
        self.ratio = 0.0
        self._last_seq: int | None = None
        self._window_from_s = 0.0
        self._window_received = 0
        self._window_lost = 0
        self._late_in_a_row = 0

    def note(self, seq: int, at_s: float) -> None:
        if self._last_seq is None:
            self._last_seq, self._window_from_s = seq, at_s
        else:
            ahead = (seq - self._last_seq) % 256
            if ahead == 0 or ahead >= 128:
                self._late_in_a_row += 1
                if self._late_in_a_row < _RESYNC_AFTER:
                    if ahead:  # it was counted as lost when a later one overtook it
                        self.lost = max(0, self.lost - 1)
                        self._window_lost = max(0, self._window_lost - 1)
                    return
            else:
                self.lost += ahead - 1
                self._window_lost += ahead - 1
            self._last_seq = seq
        self._late_in_a_row = 0
        self.received += 1
        self._window_received += 1
        if at_s - self._window_from_s >= _LOSS_WINDOW_S:
            self.ratio = self._window_lost / max(1, self._window_lost + self._window_received)
            self._window_from_s, self._window_received, self._window_lost = at_s, 0, 0


class Channel:
    """One far end: a UDP peer or a TCP connection."""

    def __init__(self, name: str, codec: Codec, write: Callable[[bytes], None], now_s: float) -> None:
        self.name = name
        self.heard_s = now_s
        self.open = True
        self.heard: set[int] = set()  # the systems behind it
        self._codec = codec
        self._write = write

    def parse(self, data: bytes, now_s: float) -> list[Message]:
        self.heard_s = now_s
        return self._codec.parse(data)

    def send(self, message: Message, to_system: int | None = None) -> bytes:
        frame = self._codec.encode(message, to_system)
        if self.open:
            self._write(frame)
        return frame


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
        self._transports = transports
        self._endpoints = endpoints
        self._clock = clock
        self._tap = tap
        self._ring = ring
        self._channels: dict[tuple[str, Peer], Channel] = {}
        self._routes: dict[int, _Route] = {}

    async def run(self, receive: Receiver) -> None:
        """Keeps every endpoint open until cancelled and hands each message to `receive`."""
        async with asyncio.TaskGroup() as group:
            for address in self._endpoints:
                group.create_task(self._keep_open(address, receive))
            if self._ring is not None:
                group.create_task(self._ring.keep())

    def send(self, system_id: int, message: Message) -> bool:
        """To one system, on the channel where it is heard; False when it never was."""
        route = self._routes.get(system_id)
        if route is None:
            return False
        self._send_on(route.channel, message, system_id)
        return True

    def send_on(self, channel: Channel, message: Message, system_id: int) -> None:
        self._send_on(channel, message, system_id)

    def broadcast(self, message: Message) -> None:
        """To everybody; where vehicles with keys are, once for each key, for each takes only its own signature."""
        for channel in self._channels.values():
            for system_id in self._one_for_each_key(channel):
                self._send_on(channel, message, system_id)

    def is_route(self, system_id: int, channel: Channel) -> bool:
        """Notes that `system_id` was heard on `channel`, and says whether that is its route."""
        now_s = self._clock.time_s()
        route = self._routes.get(system_id)
        if route is None or not route.channel.open or now_s - route.heard_s > ROUTE_SILENT_S:
            self._routes[system_id] = _Route(channel, now_s)
            return True
        if route.channel is channel:
            route.heard_s = now_s
            return True
        return False

    def _one_for_each_key(self, channel: Channel) -> list[int | None]:
        if self._ring is None:
            return [None]
        found: dict[bytes | None, int | None] = {self._ring.key_of(heard): heard for heard in sorted(channel.heard)}
        return list(found.values()) or [None]

    def _send_on(self, channel: Channel, message: Message, system_id: int | None) -> None:
        self._record(channel.send(message, system_id))

    def _record(self, frame: bytes) -> None:
        if self._tap is not None:
            kept = without_signature(frame)
            if kept is not None:
                self._tap(kept)

    async def _keep_open(self, address: str, receive: Receiver) -> None:
        retry_s = _FIRST_RETRY_S
        told = False
        while True:
            opened_s = self._clock.time_s()
            try:
                if address.startswith("tcp:"):
                    await self._serve_stream(address, await self._transports.open_stream(address), receive)
                else:
                    await self._serve_datagrams(address, await self._transports.open_datagrams(address), receive)
            except LinkUnavailable as error:
                if not told:
                    log.warning("MAVLink endpoint %s: %s; trying again", address, error)
                    told = True
            if self._clock.time_s() - opened_s > _LAST_RETRY_S:  # it had worked for a while
                retry_s, told = _FIRST_RETRY_S, False
            await asyncio.sleep(retry_s)
            retry_s = min(_LAST_RETRY_S, 2 * retry_s)

    async def _serve_stream(self, address: str, stream: Stream, receive: Receiver) -> None:
        channel = self._channel(address, address, stream.write)
        log.info("MAVLink endpoint %s is open", address)
        try:
            while True:
                self._take(channel, await stream.read_some(), receive)
        finally:
            self._drop((address, address))
            stream.close()

    async def _serve_datagrams(self, address: str, endpoint: Datagrams, receive: Receiver) -> None:
        if endpoint.peer is not None:
            self._datagram_channel(address, endpoint, endpoint.peer)
        try:
            while True:
                data, peer = await endpoint.receive()
                self._take(self._datagram_channel(address, endpoint, peer), data, receive)
        finally:
            for key in [key for key in self._channels if key[0] == address]:
                self._drop(key)
            endpoint.close()

    def _datagram_channel(self, address: str, endpoint: Datagrams, peer: Peer) -> Channel:
        return self._channels.get((address, peer)) or self._channel(
            address, peer, lambda data: endpoint.send(data, peer)
        )

    def _channel(self, address: str, peer: Peer, write: Callable[[bytes], None]) -> Channel:
        if len(self._channels) >= MAX_CHANNELS:  # someone sprays from many ports: those without a vehicle go first
            self._drop(
                min(self._channels, key=lambda key: (bool(self._channels[key].heard), self._channels[key].heard_s))
            )
        codec = Codec(self.system_id, self.component_id, self._ring)
        channel = Channel(f"{address} {peer}", codec, write, self._clock.time_s())
        self._channels[address, peer] = channel
        return channel

    def _drop(self, key: tuple[str, Peer]) -> None:
        channel = self._channels.pop(key, None)
        if channel is not None:
            channel.open = False

    def _take(self, channel: Channel, data: bytes, receive: Receiver) -> None:
        for message in channel.parse(data, self._clock.time_s()):
            if self._tap is not None:
                self._record(bytes(message.get_msgbuf()))
            source = message.get_header().srcSystem
            if source != self.system_id:  # our own, sent back by a router
                channel.heard.add(source)
                receive(channel, message)
