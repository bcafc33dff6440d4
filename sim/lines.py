"""The far end of a line-based link (dock, loudspeaker): who is connected, what they are told, what they say.

One reader loop a connection and a broadcast to all; a link that is switched off closes what is open and turns
every new caller away, as a device without power does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pydantic import BaseModel

from flightctl.transport import MAX_LINE_BYTES, LinkUnavailable, SocketStream, Stream, parse_address
from sim.memory_links import MemoryNetwork

Stop = Callable[[], None]


class LineServer:
    """Hands each received line to `on_line`; `on_open` greets a new caller."""

    def __init__(self, on_line: Callable[[bytes], None], on_open: Callable[[], None]) -> None:
        self._on_line = on_line
        self._on_open = on_open
        self._callers: list[Stream] = []
        self._online = True

    @property
    def online(self) -> bool:
        return self._online

    def set_online(self, online: bool) -> None:
        self._online = online
        if not online:
            for caller in self._callers:
                caller.close()
            self._callers.clear()

    def send(self, message: BaseModel) -> None:
        """To everybody who listens."""
        if not self._callers:
            return
        line = message.model_dump_json().encode() + b"\n"
        for caller in self._callers:
            caller.write(line)

    async def serve(self, stream: Stream) -> None:
        """One caller, until it hangs up or the device goes offline."""
        if not self._online:
            stream.close()
            return
        self._callers.append(stream)
        self._on_open()
        try:
            while True:
                line = await stream.read_line()
                if line:
                    self._on_line(line)
        except LinkUnavailable:
            pass
        finally:
            stream.close()
            if stream in self._callers:
                self._callers.remove(stream)

    async def listen_tcp(self, address: str) -> asyncio.Server:
        """On a real socket at `tcp:HOST:PORT`; the caller closes the server. Raises LinkUnavailable."""
        _, host, port = parse_address(address)

        async def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self.serve(SocketStream(reader, writer))

        try:
            return await asyncio.start_server(on_connect, host, port, limit=MAX_LINE_BYTES)
        except OSError as error:
            raise LinkUnavailable(f"cannot listen at {address}: {error.strerror or error}") from error

    def listen_memory(self, network: MemoryNetwork, address: str) -> Stop:
        return network.serve_stream(address, self.serve)
