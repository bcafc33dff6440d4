"""Endpoints and the far ends on them: kept open, cut into frames, counted.

An endpoint is an address of the site; on it there may be one far end (a serial line, a TCP connection) or many
(who speaks to a UDP port, who calls a TCP port). Each is a channel. An endpoint that fails is opened again, with
growing pauses, until it works.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, Message
from flightctl.mavlink.frames import Frame
from flightctl.mavlink.replay import ReplayEnded, TlogReplay
from flightctl.mavlink.signing import KeyRing
from flightctl.mavlink.traffic import RateMeter, Rates, Traffic
from flightctl.transport import Bytes, Datagrams, LinkUnavailable, Listener, Peer, Transports, parse_address

log = logging.getLogger(__name__)

MAX_CHANNELS = 512
_FIRST_RETRY_S = 0.5
_LAST_RETRY_S = 15.0

Receiver = Callable[["Channel", Frame], None]


class _Endpoint:
    """What is counted of one address, over all that was open there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.traffic = Traffic()
        self.meter = RateMeter(self.traffic)
        self.fault = "not open yet"
        self.open: set[Bytes | Datagrams] = set()
        self._dropped_before = 0
        self._broken_before = 0

    @property
    def dropped(self) -> int:
        return self._dropped_before + sum(link.dropped for link in self.open)

    def opened(self, link: Bytes | Datagrams) -> None:
        self.open.add(link)
        self.fault = ""

    def closed(self, link: Bytes | Datagrams) -> None:
        self.open.discard(link)
        self._dropped_before += link.dropped


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How one address of the site does."""

    address: str
    fault: str  # why it is not open; empty when it is
    peers: int
    traffic: Traffic
    rates: Rates
    dropped: int  # for want of room, coming or going
    broken: int  # frames that did not come whole


class Channel:
    """One far end: a UDP peer, a TCP connection, a serial line, a recording."""

    def __init__(
        self,
        endpoint: _Endpoint,
        peer: Peer,
        codec: Codec,
        write: Callable[[bytes], None],
        now_s: float,
        unsent_bytes: Callable[[], int],
    ) -> None:
        self.name = endpoint.address if peer == endpoint.address else f"{endpoint.address} {peer}"
        self.address = endpoint.address
        self.heard_s = now_s  # of the frames that are being received, when they came
        self.open = True
        self.heard: set[int] = set()  # the systems behind it
        self.unsent_bytes = unsent_bytes
        self._traffic = endpoint.traffic
        self._codec = codec
        self._write = write

    @property
    def broken(self) -> int:
        return self._codec.broken_frames

    def frames(self, data: bytes, now_s: float) -> list[Frame]:
        self.heard_s = now_s
        found = self._codec.frames(data)
        traffic = self._traffic
        traffic.messages_in += len(found)
        traffic.bytes_in += len(data)
        return found

    def send(self, message: Message, to_system: int | None = None) -> bytes:
        frame = self._codec.encode(message, to_system)
        self.forward(frame)
        return frame

    def forward(self, raw: bytes) -> None:
        """A frame as it is."""
        if self.open:
            self._traffic.went(len(raw))
            self._write(raw)


def _nothing(_channel: Channel) -> None:
    pass


class Channels:
    """All far ends on some endpoints. `run` it until cancelled."""

    def __init__(
        self,
        transports: Transports,
        addresses: tuple[str, ...],
        *,
        system_id: int,
        component_id: int,
        clock: Clock,
        ring: KeyRing | None = None,
        most: int = MAX_CHANNELS,
        on_open: Callable[[Channel], None] = _nothing,
        on_gone: Callable[[Channel], None] = _nothing,
    ) -> None:
        self._transports = transports
        self._endpoints = {address: _Endpoint(address) for address in addresses}
        self._system_id = system_id
        self._component_id = component_id
        self._clock = clock
        self._ring = ring
        self._most = most
        self._on_open = on_open
        self._on_gone = on_gone
        self._channels: dict[tuple[str, Peer], Channel] = {}
        self._passing: set[tuple[str, Peer]] = set()  # those that the site does not name
        self._broken = dict.fromkeys(addresses, 0)  # on channels that are gone

    @property
    def all(self) -> tuple[Channel, ...]:
        return tuple(self._channels.values())

    @property
    def status(self) -> tuple[EndpointStatus, ...]:
        return tuple(self._status(endpoint) for endpoint in self._endpoints.values())

    def dropped_on(self, address: str) -> int:
        endpoint = self._endpoints.get(address)
        return 0 if endpoint is None else endpoint.dropped

    def tick(self, now_s: float) -> None:
        """About once a second, for the rates."""
        for endpoint in self._endpoints.values():
            endpoint.meter.tick(now_s)

    async def run(self, receive: Receiver) -> None:
        """Keeps every endpoint open and hands each frame to `receive`."""
        async with asyncio.TaskGroup() as group:
            for endpoint in self._endpoints.values():
                group.create_task(self._keep_open(endpoint, receive))

    def drop_silent(self, since_s: float) -> None:
        """Forgets who spoke to a UDP port and has said nothing since; who still listens there will speak again."""
        for key in [key for key in self._passing if key in self._channels]:
            if self._channels[key].heard_s < since_s:
                self._drop(key)

    def _status(self, endpoint: _Endpoint) -> EndpointStatus:
        mine = [channel for channel in self._channels.values() if channel.address == endpoint.address]
        return EndpointStatus(
            address=endpoint.address,
            fault=endpoint.fault,
            peers=len(mine),
            traffic=endpoint.traffic,
            rates=endpoint.meter.rates,
            dropped=endpoint.dropped,
            broken=self._broken[endpoint.address] + sum(channel.broken for channel in mine),
        )

    async def _keep_open(self, endpoint: _Endpoint, receive: Receiver) -> None:
        retry_s = _FIRST_RETRY_S
        told = False
        while True:
            opened_s = self._clock.time_s()
            try:
                await self._serve(endpoint, receive)
            except ReplayEnded as ended:
                endpoint.fault = str(ended)
                log.info("MAVLink endpoint %s: %s", endpoint.address, ended)
                return
            except LinkUnavailable as error:
                endpoint.fault = str(error)
                if not told:
                    log.warning("MAVLink endpoint %s: %s; trying again", endpoint.address, error)
                    told = True
            if self._clock.time_s() - opened_s > _LAST_RETRY_S:  # it had worked for a while
                retry_s, told = _FIRST_RETRY_S, False
            await asyncio.sleep(retry_s)
            retry_s = min(_LAST_RETRY_S, 2 * retry_s)

    async def _serve(self, endpoint: _Endpoint, receive: Receiver) -> None:
        """Until it ends, which it says by LinkUnavailable."""
        address = endpoint.address
        kind, place, _ = parse_address(address)
        if kind == "tlog":
            await self._serve_bytes(endpoint, address, TlogReplay(Path(place)), receive)
        elif kind == "serial":
            await self._serve_bytes(endpoint, address, await self._transports.open_serial(address), receive)
        elif kind == "tcp":
            await self._serve_bytes(endpoint, address, await self._transports.open_stream(address), receive)
        elif kind == "tcpin":
            await self._serve_callers(endpoint, await self._transports.listen(address), receive)
        else:
            await self._serve_datagrams(endpoint, await self._transports.open_datagrams(address), receive)

    async def _serve_callers(self, endpoint: _Endpoint, listener: Listener, receive: Receiver) -> None:
        number = 0
        endpoint.fault = ""
        try:
            async with asyncio.TaskGroup() as callers:
                while True:
                    try:
                        stream = await listener.accept()
                    except LinkUnavailable as error:
                        closed = error
                        break
                    number += 1
                    if len(self._channels) >= self._most:
                        stream.close()
                    else:
                        callers.create_task(self._serve_caller(endpoint, f"caller {number}", stream, receive))
            raise closed
        finally:
            listener.close()

    async def _serve_caller(self, endpoint: _Endpoint, peer: str, stream: Bytes, receive: Receiver) -> None:
        try:
            await self._serve_bytes(endpoint, peer, stream, receive)
        except LinkUnavailable as error:
            log.info("MAVLink endpoint %s: %s has gone: %s", endpoint.address, peer, error)

    async def _serve_bytes(self, endpoint: _Endpoint, peer: Peer, link: Bytes, receive: Receiver) -> None:
        channel = self._channel(endpoint, peer, link.write, lambda: link.unsent_bytes)
        endpoint.opened(link)
        log.info("MAVLink endpoint %s is open", channel.name)
        try:
            while True:
                self._take(channel, await link.read_some(), receive)
        finally:
            self._drop((endpoint.address, peer))
            endpoint.closed(link)
            link.close()

    async def _serve_datagrams(self, endpoint: _Endpoint, link: Datagrams, receive: Receiver) -> None:
        endpoint.opened(link)
        known = self._channels
        if link.peer is not None:
            self._datagram_channel(endpoint, link, link.peer)
        try:
            while True:
                for data, peer in await link.receive_waiting():
                    channel = known.get((endpoint.address, peer)) or self._datagram_channel(endpoint, link, peer)
                    self._take(channel, data, receive)
        finally:
            for key in [key for key in self._channels if key[0] == endpoint.address]:
                self._drop(key)
            endpoint.closed(link)
            link.close()

    def _datagram_channel(self, endpoint: _Endpoint, link: Datagrams, peer: Peer) -> Channel:
        if link.peer is None:
            self._passing.add((endpoint.address, peer))
        return self._channel(endpoint, peer, lambda data: link.send(data, peer), lambda: 0)

    def _channel(
        self, endpoint: _Endpoint, peer: Peer, write: Callable[[bytes], None], unsent_bytes: Callable[[], int]
    ) -> Channel:
        if len(self._channels) >= self._most:  # someone sprays from many ports: those without a vehicle go first
            channels = self._channels
            self._drop(min(channels, key=lambda key: (bool(channels[key].heard), channels[key].heard_s)))
        codec = Codec(self._system_id, self._component_id, self._ring)
        channel = Channel(endpoint, peer, codec, write, self._clock.time_s(), unsent_bytes)
        self._channels[endpoint.address, peer] = channel
        self._on_open(channel)
        return channel

    def _drop(self, key: tuple[str, Peer]) -> None:
        channel = self._channels.pop(key, None)
        self._passing.discard(key)
        if channel is not None:
            channel.open = False
            self._broken[channel.address] += channel.broken
            self._on_gone(channel)

    def _take(self, channel: Channel, data: bytes, receive: Receiver) -> None:
        for frame in channel.frames(data, self._clock.time_s()):
            receive(channel, frame)
