"""A TCP port as SITL has them: it serves one client; others connect and hear nothing until the first is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from sim.copter.autopilot import Autopilot

_WAITING_CLIENTS = 4
_MAX_BACKLOG_BYTES = 256 * 1024  # a client that does not read loses messages, not the copter its memory

_Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TcpPort:
    def __init__(self, autopilot: Autopilot, deaf: Callable[[], bool]) -> None:
        self._autopilot = autopilot
        self._deaf = deaf
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, host: str, port: int, listening: Callable[[int], None] | None = None) -> None:
        """Until cancelled. Port 0 takes a free one; `listening` is told which."""
        waiting: asyncio.Queue[_Client] = asyncio.Queue(_WAITING_CLIENTS)

        def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                waiting.put_nowait((reader, writer))
            except asyncio.QueueFull:
                writer.close()

        server = await asyncio.start_server(on_client, host, port)
        if listening is not None:
            listening(int(server.sockets[0].getsockname()[1]))
        try:
            while True:
                await self._serve_one(*await waiting.get())
        finally:
            server.close()
            while not waiting.empty():
                waiting.get_nowait()[1].close()

    def hang_up(self) -> None:
        """A reboot closes the connection."""
        if self._writer is not None:
            self._writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def write(data: bytes) -> None:
            full = writer.transport.get_write_buffer_size() > _MAX_BACKLOG_BYTES
            if not writer.is_closing() and not full and not self._deaf():
                writer.write(data)

        link = self._autopilot.add_link(write)
        self._writer = writer
        try:
            while data := await reader.read(4096):
                if not self._deaf():
                    self._autopilot.hear(link, data)
        except OSError:
            pass  # the client broke off; the copter flies on
        finally:
            self._writer = None
            self._autopilot.drop_link(link)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
