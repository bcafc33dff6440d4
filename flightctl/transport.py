"""How bytes leave and enter the service: real sockets here, in-memory ones under the simulator's virtual time.

Two kinds of link: datagrams (MAVLink over UDP) and byte streams (dock and speaker links, MAVLink over TCP).
Everything above speaks to these protocols, so the same code runs on both.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Hashable
from typing import Protocol

from geofence.errors import ChaoxunError

Peer = Hashable
"""Where a datagram came from; handed back to answer it. UDP: (host, port)."""


class LinkUnavailable(ChaoxunError):
    """The other end cannot be reached now; try again with back-off."""


class Datagrams(Protocol):
    """An open datagram endpoint."""

    @property
    def peer(self) -> Peer | None:
        """Whom a `udpout` endpoint speaks to; None for one that listens."""
        ...

    async def receive(self) -> tuple[bytes, Peer]:
        """The next datagram; raises LinkUnavailable when the endpoint is closed."""
        ...

    def send(self, data: bytes, peer: Peer) -> None: ...

    def close(self) -> None: ...


class Stream(Protocol):
    """An open byte stream."""

    async def read_line(self) -> bytes:
        """The next line without its end; b"" is an empty line. Raises LinkUnavailable at the end of the stream."""
        ...

    async def read_some(self) -> bytes:
        """At least one byte. Raises LinkUnavailable at the end of the stream."""
        ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Transports(Protocol):
    """Opens links by address."""

    async def open_datagrams(self, address: str) -> Datagrams:
        """`udpin:HOST:PORT` listens, `udpout:HOST:PORT` sends to one peer. Raises LinkUnavailable."""
        ...

    async def open_stream(self, address: str) -> Stream:
        """`tcp:HOST:PORT`. Raises LinkUnavailable."""
        ...


MAX_LINE_BYTES = 64 * 1024
_MAX_QUEUED_DATAGRAMS = 4096
_DATAGRAMS_AT_ONCE = 128
_LONGEST_DATAGRAM = 65535
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024  # the system gives what it allows


class _UdpEndpoint:
    """Takes all that waits in the socket at each wake-up: a fleet sends faster than one datagram a turn of the loop.

    Bounded: when the reader falls behind the oldest datagrams go, and are counted.
    """

    def __init__(self, sock: socket.socket, remote: tuple[str, int] | None) -> None:
        self.remote = remote
        self.dropped = 0
        self._socket = sock
        self._queue: asyncio.Queue[tuple[bytes, Peer] | None] = asyncio.Queue(_MAX_QUEUED_DATAGRAMS)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._on_readable)
        self._closed = False

    @property
    def peer(self) -> Peer | None:
        return self.remote

    async def receive(self) -> tuple[bytes, Peer]:
        item = await self._queue.get()
        if item is None:
            raise LinkUnavailable("the UDP endpoint is closed")
        return item

    def send(self, data: bytes, peer: Peer) -> None:
        if self._closed or not isinstance(peer, tuple):
            return
        with contextlib.suppress(OSError):  # the peer is not up yet, or the network is full: UDP loses, others retry
            self._socket.sendto(data, peer)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._put(None)

    def _on_readable(self) -> None:
        for _ in range(_DATAGRAMS_AT_ONCE):
            try:
                data, peer = self._socket.recvfrom(_LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                return  # an ICMP refusal: the peer is not up yet; heartbeats tell
            self._put((data, peer))

    def _put(self, item: tuple[bytes, Peer] | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(item)


def _udp_socket(host: str, port: int) -> socket.socket:
    """Bound, and with the room to hold what a fleet says while the loop is busy elsewhere."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


class SocketStream:
    """One TCP connection, opened by us or accepted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read_line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, OSError) as error:
            raise LinkUnavailable("the peer closed the stream") from error
        except asyncio.LimitOverrunError as error:
            raise LinkUnavailable(f"the peer sent a line over {MAX_LINE_BYTES} bytes") from error
        return line.rstrip(b"\r\n")

    async def read_some(self) -> bytes:
        try:
            data = await self._reader.read(4096)
        except OSError as error:
            raise LinkUnavailable("the stream broke") from error
        if not data:
            raise LinkUnavailable("the peer closed the stream")
        return data

    def write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def close(self) -> None:
        self._writer.close()


class SocketTransports:
    """Real UDP and TCP."""

    async def open_datagrams(self, address: str) -> Datagrams:
        kind, host, port = parse_address(address)
        loop = asyncio.get_running_loop()
        try:
            if kind == "udpin":
                return _UdpEndpoint(_udp_socket(host, port), None)
            # a name may need to be looked up, which must not hold the loop
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            remote = found[0][4]
            any_address = "::" if found[0][0] == socket.AF_INET6 else "0.0.0.0"
            return _UdpEndpoint(_udp_socket(any_address, 0), (str(remote[0]), int(remote[1])))
        except OSError as error:
            raise LinkUnavailable(f"cannot open {address}: {error.strerror or error}") from error

    async def open_stream(self, address: str) -> Stream:
        _, host, port = parse_address(address)
        try:
            reader, writer = await asyncio.open_connection(host, port, limit=MAX_LINE_BYTES)
        except OSError as error:
            raise LinkUnavailable(f"cannot reach {address}: {error.strerror or error}") from error
        return SocketStream(reader, writer)


def parse_address(address: str) -> tuple[str, str, int]:
    """`tcp:127.0.0.1:5760` to its parts. Raises ValueError with what is wrong."""
    parts = address.split(":")
    if len(parts) != 3 or parts[0] not in {"udpin", "udpout", "tcp"}:
        raise ValueError(f"{address!r} is not udpin:HOST:PORT, udpout:HOST:PORT or tcp:HOST:PORT")
    if not parts[2].isdigit() or not 0 < int(parts[2]) < 65536:
        raise ValueError(f"{address!r}: port {parts[2]!r} is outside 1..65535")
    return parts[0], parts[1], int(parts[2])
