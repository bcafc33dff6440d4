"""In-memory links with the same face as sockets, for virtual time: addresses are looked up in one network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from flightctl.transport import MAX_UNSENT_BYTES, Bytes, Datagrams, LinkUnavailable, Listener, Peer, Stream

_MAX_QUEUED = 4096


class MemoryDatagrams:
    """One endpoint; `peer` is the name of the endpoint at the other side, when it speaks to one only."""

    def __init__(self, network: MemoryNetwork, name: str, peer: Peer | None) -> None:
        self.name = name
        self.peer = peer
        self.dropped = 0
        self._network = network
        self._queue: asyncio.Queue[tuple[bytes, Peer] | None] = asyncio.Queue(_MAX_QUEUED)

    async def receive(self) -> tuple[bytes, Peer]:
        item = await self._queue.get()
        if item is None:
            raise LinkUnavailable(f"{self.name} is closed")
        return item

    async def receive_waiting(self) -> list[tuple[bytes, Peer]]:
        return [await self.receive()]

    def send(self, data: bytes, peer: Peer) -> None:
        self._network.deliver(data, self.name, str(peer))

    def put(self, item: tuple[bytes, Peer] | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(item)

    def close(self) -> None:
        self._network.forget(self.name)
        self.put(None)


class MemoryStream:
    """One end of a pair; closing either end ends both. As with sockets, a peer that reads nothing is cut off."""

    def __init__(self) -> None:
        self.dropped = 0
        self._incoming = asyncio.StreamReader()
        self._unread_bytes = 0
        self._other: MemoryStream | None = None
        self._closed = False

    @staticmethod
    def pair() -> tuple[MemoryStream, MemoryStream]:
        one, two = MemoryStream(), MemoryStream()
        one._other, two._other = two, one
        return one, two

    @property
    def unsent_bytes(self) -> int:
        return 0 if self._other is None else self._other._unread_bytes

    async def read_line(self) -> bytes:
        try:
            line = await self._incoming.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            raise LinkUnavailable("the peer closed the stream") from error
        self._unread_bytes -= len(line)
        return line.rstrip(b"\r\n")

    async def read_some(self) -> bytes:
        data = await self._incoming.read(4096)
        if not data:
            raise LinkUnavailable("the peer closed the stream")
        self._unread_bytes -= len(data)
        return data

    def write(self, data: bytes) -> None:
        if self._closed or self._other is None or self._other._closed:
            return
        if self.unsent_bytes > MAX_UNSENT_BYTES:
            self.dropped += 1
            self.close()
            return
        self._other._unread_bytes += len(data)
        self._other._incoming.feed_data(data)

    def close(self) -> None:
        for end in (self, self._other):
            if end is not None and not end._closed:
                end._closed = True
                end._incoming.feed_eof()


class MemoryListener:
    """Callers in the order they came."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._callers: asyncio.Queue[MemoryStream | None] = asyncio.Queue(_MAX_QUEUED)
        self._called: list[MemoryStream] = []

    async def accept(self) -> Stream:
        caller = await self._callers.get()
        if caller is None:
            raise LinkUnavailable("the port is closed")
        return caller

    def call(self) -> MemoryStream:
        ours, theirs = MemoryStream.pair()
        self._called.append(theirs)
        self._callers.put_nowait(theirs)
        return ours

    def close(self, *, hang_up: bool = False) -> None:
        self._stop()
        self._callers.put_nowait(None)
        for stream in self._called if hang_up else ():
            stream.close()


StreamHandler = Callable[[Stream], Awaitable[None]]


class MemoryNetwork:
    """Implements `Transports`. `udpin:X` and `udpout:X` with the same X meet, and `tcpin:X` and `tcp:X`; a stream
    that is opened, of TCP or serial, also meets `serve_stream` of its address."""

    def __init__(self) -> None:
        self._endpoints: dict[str, MemoryDatagrams] = {}
        self._servers: dict[str, StreamHandler] = {}
        self._listeners: dict[str, MemoryListener] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._next = 0

    async def open_datagrams(self, address: str) -> Datagrams:
        kind, _, rest = address.partition(":")
        if kind == "udpin":
            name, peer = rest, None
        else:
            self._next += 1
            name, peer = f"out-{self._next}", rest
        endpoint = MemoryDatagrams(self, name, peer)
        self._endpoints[name] = endpoint
        return endpoint

    async def open_serial(self, address: str) -> Bytes:
        return await self.open_stream(address)

    async def listen(self, address: str) -> Listener:
        meets = "tcp:" + address.removeprefix("tcpin:")
        if meets in self._listeners:
            raise LinkUnavailable(f"cannot listen at {address}: somebody does")
        listener = MemoryListener(lambda: self._listeners.pop(meets, None) and None)
        self._listeners[meets] = listener
        return listener

    def hang_up(self, address: str) -> None:
        """As a port that is lost: the listener and all that called it."""
        self._listeners["tcp:" + address.removeprefix("tcpin:")].close(hang_up=True)

    async def open_stream(self, address: str) -> Stream:
        listener = self._listeners.get(address)
        if listener is not None:
            return listener.call()
        handler = self._servers.get(address)
        if handler is None:
            raise LinkUnavailable(f"nothing listens at {address}")
        ours, theirs = MemoryStream.pair()
        task = asyncio.ensure_future(self._serve(handler, theirs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ours

    async def _serve(self, handler: StreamHandler, stream: Stream) -> None:
        try:
            await handler(stream)
        except LinkUnavailable:
            pass
        finally:
            stream.close()

    def serve_stream(self, address: str, handler: StreamHandler) -> Callable[[], None]:
        """Accepts streams opened to `address` (`tcp:HOST:PORT`); the result stops listening."""
        self._servers[address] = handler
        return lambda: self._servers.pop(address, None) and None

    def deliver(self, data: bytes, sender: str, receiver: str) -> None:
        endpoint = self._endpoints.get(receiver)
        if endpoint is not None:
            endpoint.put((data, sender))

    def forget(self, name: str) -> None:
        self._endpoints.pop(name, None)

    async def close(self) -> None:
        for endpoint in list(self._endpoints.values()):
            endpoint.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
