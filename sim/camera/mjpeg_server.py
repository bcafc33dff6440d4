"""Serves the simulated cameras as MJPEG over HTTP, as common network cameras do.

`GET /cam-1.mjpg` answers `multipart/x-mixed-replace`, one JPEG a part. A slow client loses frames, never delays
others; a camera that is off answers 503 and drops those who watch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from urllib.parse import urlsplit

from sim.camera.camera import CameraFault
from sim.camera.filming import Films, film
from sim.world.view import WorldView
from vision.frame import EncodedFrame

_BOUNDARY = "chaoxun-frame"
_REQUEST_BYTES = 8192
_REQUEST_S = 5.0
_SEND_S = 5.0
_REASONS = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class _Channel:
    """One camera and those who watch it; each holds at most the newest frame he has not been sent."""

    def __init__(self, camera: Films) -> None:
        self.camera = camera
        self.watchers: set[asyncio.Queue[EncodedFrame | None]] = set()

    def publish(self, frame: EncodedFrame | None) -> None:
        for queue in self.watchers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(frame)

    def wanted(self) -> bool:
        if self.camera.fault is CameraFault.OFF:
            self.publish(None)
            return False
        return bool(self.watchers)


class MjpegServer:
    """`async with MjpegServer(...) as server:` serves until the block ends; `server.port` is where."""

    def __init__(
        self,
        cameras: Sequence[Films],
        view: Callable[[], WorldView],
        now: Callable[[], datetime],
        *,
        host: str = "127.0.0.1",
        port: int = 14801,
    ) -> None:
        """Each camera is found under the path of its `stream` address; port 0 takes any free one."""
        self._channels = {urlsplit(c.stream).path: _Channel(c) for c in cameras}
        self._view = view
        self._now = now
        self._host = host
        self._wanted_port = port
        self._clients: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the camera server is not running")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> MjpegServer:
        self._server = await asyncio.start_server(self._client, self._host, self._wanted_port, limit=_REQUEST_BYTES)
        for channel in self._channels.values():
            filming = film(channel.camera, self._view, self._now, channel.publish, wanted=channel.wanted)
            self._tasks.append(asyncio.create_task(filming, name=f"film {channel.camera.stream}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        ending = [*self._tasks, *self._clients]
        for task in ending:
            task.cancel()
        results = await asyncio.gather(*ending, return_exceptions=True)
        self._tasks.clear()
        for result in results:
            if isinstance(result, Exception) and error is None:
                raise result

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            async with asyncio.timeout(_REQUEST_S):
                status, channel = await self._asked_for(reader)
            if channel is None:
                writer.write(f"HTTP/1.0 {status} {_REASONS[status]}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
            else:
                await self._stream(channel, writer)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            pass  # the client went away, is too slow, or sent what is no request
        except asyncio.CancelledError:
            pass  # the server closes; the task is nobody else's
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    async def _asked_for(self, reader: asyncio.StreamReader) -> tuple[int, _Channel | None]:
        words = (await reader.readline()).split()
        while (await reader.readline()).strip():
            pass
        if len(words) < 2:
            return 400, None
        if words[0] != b"GET":
            return 405, None
        channel = self._channels.get(urlsplit(words[1].decode("ascii", "replace")).path)
        if channel is None:
            return 404, None
        return (503, None) if channel.camera.fault is CameraFault.OFF else (200, channel)

    async def _stream(self, channel: _Channel, writer: asyncio.StreamWriter) -> None:
        writer.write(
            "HTTP/1.0 200 OK\r\nCache-Control: no-store\r\nConnection: close\r\n"
            f"Content-Type: multipart/x-mixed-replace;boundary={_BOUNDARY}\r\n\r\n".encode()
        )
        queue: asyncio.Queue[EncodedFrame | None] = asyncio.Queue(maxsize=1)
        channel.watchers.add(queue)
        try:
            while (frame := await queue.get()) is not None:
                writer.write(
                    f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame.data)}\r\n"
                    f"X-Timestamp: {frame.at.isoformat()}\r\n\r\n".encode()
                    + frame.data
                    + b"\r\n"
                )
                async with asyncio.timeout(_SEND_S):
                    await writer.drain()
        finally:
            channel.watchers.discard(queue)
