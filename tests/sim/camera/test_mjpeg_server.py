"""The cameras' streams: ordinary clients can watch them, several at once; a camera that is off says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cache

import cv2

from geofence.position import LatLon, LocalFrame
from sim.camera import CameraFault, MjpegServer, SimCamera, film
from sim.virtual_time import run_virtual
from tests.sim.world.haining import ground, world
from vision.camera import Camera, Lens
from vision.frame import EncodedFrame

FRAME = LocalFrame(LatLon(lat=30.4020, lon=120.5420))
AT = datetime(2026, 10, 11, 4, 0, tzinfo=UTC)


@cache
def small_camera() -> SimCamera:
    camera = Camera(
        id="cam-t", name={"en": "Test"}, stream="http://127.0.0.1:1/cam-t.mjpg", position=FRAME.origin,
        height_amsl_m=18.5, yaw_deg=120.0, pitch_deg=-10.0, lens=Lens(width_px=160, height_px=90, hfov_deg=60.0),
        analysis_fps=20.0,
    )  # fmt: skip
    return SimCamera(camera, FRAME, ground())


def serving(check: Callable[[MjpegServer], Awaitable[None]]) -> None:
    async def run() -> None:
        given = world()
        small_camera().fault = None
        async with MjpegServer([small_camera()], given.view, lambda: AT, port=0) as server:
            async with asyncio.timeout(30):
                await check(server)

    asyncio.run(run())


async def answer(port: int, request: bytes, count: int = 64) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as short:
        return short.partial
    finally:
        writer.close()
        await writer.wait_closed()


def test_opencv_opens_the_stream_and_two_clients_watch_at_once() -> None:
    def watch(port: int) -> list[tuple[int, ...]]:
        capture = cv2.VideoCapture(f"http://127.0.0.1:{port}/cam-t.mjpg", cv2.CAP_FFMPEG)
        shapes: list[tuple[int, ...]] = []
        while capture.isOpened() and len(shapes) < 4:
            done, picture = capture.read()
            if not done:
                break
            shapes.append(picture.shape)
        capture.release()
        return shapes

    async def check(server: MjpegServer) -> None:
        both = await asyncio.gather(*(asyncio.to_thread(watch, server.port) for _ in range(2)))
        assert both == [[(90, 160, 3)] * 4] * 2

    serving(check)


def test_each_part_is_a_whole_jpeg_with_its_time() -> None:
    async def check(server: MjpegServer) -> None:
        said = await answer(server.port, b"GET /cam-t.mjpg HTTP/1.1\r\nHost: x\r\n\r\n", 6000)
        head, _, rest = said.partition(b"\r\n\r\n")
        assert b"200 OK" in head
        assert b"multipart/x-mixed-replace;boundary=chaoxun-frame" in head
        part, _, body = rest.partition(b"\r\n\r\n")
        assert b"X-Timestamp: 2026-10-11T04:00:00+00:00" in part
        assert body.startswith(b"\xff\xd8")

    serving(check)


def test_wrong_requests_are_refused_and_harm_nobody() -> None:
    async def check(server: MjpegServer) -> None:
        assert b"404" in await answer(server.port, b"GET /cam-9.mjpg HTTP/1.1\r\n\r\n")
        assert b"405" in await answer(server.port, b"POST /cam-t.mjpg HTTP/1.1\r\n\r\n")
        assert b"400" in await answer(server.port, b"\r\n\r\n")
        assert await answer(server.port, b"x" * 20_000 + b"\r\n\r\n") == b""
        assert b"200" in await answer(server.port, b"GET /cam-t.mjpg HTTP/1.1\r\n\r\n")

    serving(check)


def test_a_camera_that_goes_off_drops_its_watchers_and_answers_503() -> None:
    async def check(server: MjpegServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /cam-t.mjpg HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\xff\xd8")
        small_camera().fault = CameraFault.OFF
        with contextlib.suppress(ConnectionError):
            await reader.read()  # to its end
        writer.close()
        assert b"503" in await answer(server.port, b"GET /cam-t.mjpg HTTP/1.1\r\n\r\n")
        small_camera().fault = None

    serving(check)


def test_filming_keeps_its_pace_in_virtual_time() -> None:
    async def run() -> list[EncodedFrame]:
        given, frames = world(), list[EncodedFrame]()
        small_camera().fault = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.01):
                await film(small_camera(), given.view, lambda: AT, frames.append)
        return frames

    assert len(run_virtual(run())) == 41  # two seconds at twenty a second, both ends
