"""How bytes leave and enter the service: real sockets here, in-memory ones under the simulator's virtual time.

Two kinds of link: datagrams (MAVLink over UDP) and byte streams (dock and speaker links, MAVLink over TCP and
serial lines). Everything above speaks to these protocols, so the same code runs on both. Nothing here waits to
send: what a peer does not take is bounded, and what does not fit is dropped and counted.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Hashable
from typing import NamedTuple, Protocol

from flightctl.serial_port import SerialPort, open_serial_port
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

    @property
    def dropped(self) -> int:
        """Datagrams that came or went and found no room."""
        ...

    async def receive(self) -> tuple[bytes, Peer]:
        """The next datagram; raises LinkUnavailable when the endpoint is closed."""
        ...

    async def receive_waiting(self) -> list[tuple[bytes, Peer]]:
        """One datagram at least and all that wait, up to a batch: a fleet's are many. Raises LinkUnavailable."""
        ...

    def send(self, data: bytes, peer: Peer) -> None: ...

    def close(self) -> None: ...


class Bytes(Protocol):
    """An open stream of bytes."""

    @property
    def unsent_bytes(self) -> int:
        """What was written and the peer has not taken yet."""
        ...

    @property
    def dropped(self) -> int:
        """Writes that found no room."""
        ...

    async def read_some(self) -> bytes:
        """At least one byte. Raises LinkUnavailable at the end of the stream."""
        ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Stream(Bytes, Protocol):
    """An open byte stream between two programs; one that does not read what it is sent is cut off."""

    async def read_line(self) -> bytes:
        """The next line without its end; b"" is an empty line. Raises LinkUnavailable at the end of the stream."""
        ...


class Listener(Protocol):
    """An open port."""

    async def accept(self) -> Stream:
        """The next caller; raises LinkUnavailable when the port is closed."""
        ...

    def close(self) -> None: ...


class Transports(Protocol):
    """Opens links by address."""

    async def open_datagrams(self, address: str) -> Datagrams:
        """`udpin:HOST:PORT` listens, `udpout:HOST:PORT` sends to one peer. Raises LinkUnavailable."""
        ...

    async def open_stream(self, address: str) -> Stream:
        """`tcp:HOST:PORT`. Raises LinkUnavailable."""
        ...

    async def listen(self, address: str) -> Listener:
        """`tcpin:HOST:PORT`, for several callers. Raises LinkUnavailable."""
        ...

    async def open_serial(self, address: str) -> Bytes:
        """`serial:DEVICE:BAUD`. Raises LinkUnavailable."""
        ...


MAX_LINE_BYTES = 64 * 1024
MAX_UNSENT_BYTES = 256 * 1024
"""Of one stream. More than this is no slow peer but one that reads nothing."""
_MAX_CALLERS_WAITING = 16
_SILENT_PEER_MS = 10_000  # a peer that vanished without a word: found out by what it does not acknowledge
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
        self._waiting: deque[tuple[bytes, Peer]] = deque()
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._on_readable)
        self._closed = False

    @property
    def peer(self) -> Peer | None:
        return self.remote

    async def receive(self) -> tuple[bytes, Peer]:
        await self._something()
        return self._waiting.popleft()

    async def receive_waiting(self) -> list[tuple[bytes, Peer]]:
        await self._something()
        if len(self._waiting) > _DATAGRAMS_AT_ONCE:
            return [self._waiting.popleft() for _ in range(_DATAGRAMS_AT_ONCE)]
        found = list(self._waiting)
        self._waiting.clear()
        return found

    def send(self, data: bytes, peer: Peer) -> None:
        if self._closed or not isinstance(peer, tuple):
            return
        try:
            self._socket.sendto(data, peer)
        except OSError:  # the peer is not up yet, or the network is full: UDP loses, others retry
            self.dropped += 1

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._news.set()

    async def _something(self) -> None:
        """Lets others run first when much waits, so that no endpoint holds the loop."""
        if self._waiting:
            await asyncio.sleep(0)
        while not self._waiting:
            if self._closed:
                raise LinkUnavailable("the UDP endpoint is closed")
            self._news.clear()
            await self._news.wait()

    def _on_readable(self) -> None:
        waiting, receive = self._waiting, self._socket.recvfrom
        for _ in range(_DATAGRAMS_AT_ONCE):
            try:
                datagram = receive(_LONGEST_DATAGRAM)
            except OSError:
                break  # no more, or an ICMP refusal: the peer is not up yet; heartbeats tell
            if len(waiting) >= _MAX_QUEUED_DATAGRAMS:
                waiting.popleft()
                self.dropped += 1
            waiting.append(datagram)
        if waiting:
            self._news.set()


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
        self.dropped = 0
        self._reader = reader
        self._writer = writer
        sock = writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_PEER_MS)

    @property
    def unsent_bytes(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    async def read_line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, OSError) as error:
            raise LinkUnavailable(self._why_ended()) from error
        except asyncio.LimitOverrunError as error:
            raise LinkUnavailable(f"the peer sent a line over {MAX_LINE_BYTES} bytes") from error
        return line.rstrip(b"\r\n")

    async def read_some(self) -> bytes:
        try:
            data = await self._reader.read(4096)
        except OSError as error:
            raise LinkUnavailable(self._why_ended("the stream broke")) from error
        if not data:
            raise LinkUnavailable(self._why_ended())
        return data

    def write(self, data: bytes) -> None:
        if self._writer.is_closing():
            return
        if self.unsent_bytes > MAX_UNSENT_BYTES:
            self.dropped += 1
            self._writer.transport.abort()  # the reader is told
            return
        self._writer.write(data)

    def close(self) -> None:
        self._writer.close()

    def _why_ended(self, why: str = "the peer closed the stream") -> str:
        return "the peer reads nothing of what it is sent" if self.dropped else why


class _TcpListener:
    """Callers wait here until somebody takes them; more than a few at once are turned away."""

    def __init__(self) -> None:
        self._callers: asyncio.Queue[SocketStream | None] = asyncio.Queue(_MAX_CALLERS_WAITING)
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> None:
        self._server = await asyncio.start_server(self._on_connect, host, port, limit=MAX_LINE_BYTES)

    async def accept(self) -> Stream:
        caller = await self._callers.get()
        if caller is None:
            raise LinkUnavailable("the port is closed")
        return caller

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            while not self._callers.empty():
                waiting = self._callers.get_nowait()
                if waiting is not None:
                    waiting.close()
            self._callers.put_nowait(None)

    def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or self._callers.full():
            writer.transport.abort()
        else:
            self._callers.put_nowait(SocketStream(reader, writer))


class SocketTransports:
    """Real UDP, TCP and serial lines."""

    async def open_datagrams(self, address: str) -> Datagrams:
        kind, host, port = parse_address(address, UDP)
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
        _, host, port = parse_address(address, ("tcp",))
        try:
            reader, writer = await asyncio.open_connection(host, port, limit=MAX_LINE_BYTES)
        except OSError as error:
            raise LinkUnavailable(f"cannot reach {address}: {error.strerror or error}") from error
        return SocketStream(reader, writer)

    async def listen(self, address: str) -> Listener:
        _, host, port = parse_address(address, ("tcpin",))
        listener = _TcpListener()
        try:
            await listener.open(host, port)
        except OSError as error:
            raise LinkUnavailable(f"cannot listen at {address}: {error.strerror or error}") from error
        return listener

    async def open_serial(self, address: str) -> Bytes:
        _, device, baud = parse_address(address, ("serial",))
        try:
            return SerialLine(open_serial_port(device, baud))
        except (OSError, ValueError) as error:
            reason = error.strerror or error if isinstance(error, OSError) else error
            raise LinkUnavailable(f"cannot open {address}: {reason}") from error


class SerialLine:
    """A serial port as a stream; it may be unplugged at any moment."""

    def __init__(self, port: SerialPort) -> None:
        self._port = port

    @property
    def unsent_bytes(self) -> int:
        return self._port.unsent_bytes

    @property
    def dropped(self) -> int:
        return self._port.dropped

    async def read_some(self) -> bytes:
        try:
            return await self._port.read()
        except OSError as error:
            raise LinkUnavailable(f"{self._port.device}: {error.strerror or error}") from error

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def close(self) -> None:
        self._port.close()


class Address(NamedTuple):
    kind: str
    place: str  # host, device or file
    number: int  # port or baud rate; 0 for a file


UDP = ("udpin", "udpout")
SHARED = ("udpin", "udpout", "tcp", "tcpin", "serial")
MAVLINK = (*SHARED, "tlog")
_FORMS = {"serial": "serial:DEVICE:BAUD", "tlog": "tlog:PATH"}


def parse_address(address: str, kinds: tuple[str, ...] = MAVLINK) -> Address:
    """`tcp:127.0.0.1:5760` to its parts. Raises ValueError with what is wrong and what may stand there."""
    kind, _, rest = address.partition(":")
    place, _, number = rest.rpartition(":")
    if kind == "tlog":
        place, number = rest, "0"
    if kind not in kinds or not place:
        forms = [_FORMS.get(known, f"{known}:HOST:PORT") for known in kinds]
        listed = " or ".join(filter(None, (", ".join(forms[:-1]), forms[-1])))
        raise ValueError(f"{address!r} is not {listed}")
    if kind == "tlog":
        return Address(kind, place, 0)
    if kind == "serial":
        if not number.isdecimal() or not 300 <= int(number) <= 12_000_000:
            raise ValueError(f"{address!r}: {number!r} is no baud rate; usual ones are 57600, 115200 and 921600")
        return Address(kind, place, int(number))
    if not number.isdecimal() or not 0 < int(number) < 65536:
        raise ValueError(f"{address!r}: port {number!r} is outside 1..65535")
    host = place.removeprefix("[").removesuffix("]")
    if not host or (":" in host and not place.startswith("[")):
        raise ValueError(f"{address!r}: {place!r} is no host; an IPv6 address stands in brackets, [::1]")
    return Address(kind, host, int(number))
