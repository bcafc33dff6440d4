"""The live stream: once serialised for all, at once on a change, never a queue for the slow."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from flightctl.api import create_app
from flightctl.api.stream import MIN_GAP_S, TICK_S, StateStream
from flightctl.api.views import StateView
from flightctl.store import Store
from sim.virtual_time import run_virtual
from tests.flightctl.api.conftest import ApiWorld
from tests.flightctl.api.fake_face import FakeFace


class FakeSocket:
    """Takes what is sent; `gate` may hold it back as a slow network does."""

    def __init__(self) -> None:
        self.accepted = False
        self.closed: int | None = None
        self.received: list[tuple[float, int]] = []  # loop seconds, seq
        self.gate = asyncio.Event()
        self.gate.set()
        self.gone = asyncio.Event()

    async def accept(self) -> None:
        self.accepted = True

    async def close(self, code: int, _reason: str) -> None:
        self.closed = code

    async def send_text(self, text: str) -> None:
        await self.gate.wait()
        self.received.append((asyncio.get_running_loop().time(), json.loads(text)["seq"]))

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "websocket.disconnect"}

    @property
    def seqs(self) -> list[int]:
        return [seq for _, seq in self.received]


@asynccontextmanager
async def streaming(face: FakeFace) -> AsyncGenerator[StateStream]:
    stream = StateStream(face.state_view, face.subscribe)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(stream.run())
        await asyncio.sleep(0)
        yield stream
        running.cancel()


@asynccontextmanager
async def client_of(stream: StateStream, socket: FakeSocket) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(stream.serve(socket))  # pyright: ignore[reportArgumentType]
        yield
        socket.gone.set()
        await serving


def test_a_client_sees_the_state_at_once_and_then_five_times_a_second() -> None:
    async def run() -> None:
        socket = FakeSocket()
        async with streaming(FakeFace()) as stream, client_of(stream, socket):
            await asyncio.sleep(2.01)
        times = [at for at, _ in socket.received]
        assert times[0] == 0
        assert len(times) == 11
        assert [round(b - a, 3) for a, b in itertools.pairwise(times)] == [TICK_S] * 10

    run_virtual(run())


def test_a_change_is_seen_at_once_and_a_burst_of_changes_is_one_state_more() -> None:
    async def run() -> None:
        face, socket = FakeFace(), FakeSocket()
        async with streaming(face) as stream, client_of(stream, socket):
            await asyncio.sleep(0.1)
            before = len(socket.received)
            for _ in range(50):
                face.changed()
            await asyncio.sleep(0)
            await asyncio.sleep(MIN_GAP_S / 2)
            assert len(socket.received) == before + 1
            for _ in range(50):
                face.changed()
            await asyncio.sleep(MIN_GAP_S)
            assert len(socket.received) == before + 2

    run_virtual(run())


def test_the_state_is_made_once_for_all_clients_and_not_at_all_for_none() -> None:
    async def run() -> None:
        face = FakeFace()
        sockets = [FakeSocket() for _ in range(20)]
        async with streaming(face) as stream:
            face.changed()
            await asyncio.sleep(5)
            assert face.seq == 0
            async with asyncio.TaskGroup() as tasks:
                for socket in sockets:
                    tasks.create_task(stream.serve(socket))  # pyright: ignore[reportArgumentType]
                await asyncio.sleep(1.01)
                assert stream.client_count == 20
                for socket in sockets:
                    socket.gone.set()
            assert stream.client_count == 0
            assert face.seq == stream.serialised
            assert stream.serialised <= 8
            assert all(socket.seqs[-5:] == sockets[0].seqs[-5:] for socket in sockets)

    run_virtual(run())


def test_a_slow_client_gets_the_newest_state_and_holds_nobody_up() -> None:
    async def run() -> None:
        slow, quick = FakeSocket(), FakeSocket()
        async with streaming(FakeFace()) as stream, client_of(stream, slow), client_of(stream, quick):
            slow.gate.clear()
            await asyncio.sleep(4.1)
            slow.gate.set()
            await asyncio.sleep(0.2)
            assert len(quick.received) > 20
            assert len(slow.received) <= 4
            assert slow.seqs[-1] == quick.seqs[-1]
            assert slow.seqs == sorted(slow.seqs)

    run_virtual(run())


def test_a_client_that_takes_nothing_for_ten_seconds_is_let_go() -> None:
    async def run() -> None:
        stuck = FakeSocket()
        stuck.gate.clear()
        async with streaming(FakeFace()) as stream:
            await stream.serve(stuck)  # pyright: ignore[reportArgumentType]
            assert stream.client_count == 0
            assert 10 <= asyncio.get_running_loop().time() < 11

    run_virtual(run())


def test_a_state_that_cannot_be_made_ends_neither_stream_nor_client() -> None:
    async def run() -> None:
        face, socket = FakeFace(), FakeSocket()
        broken = True

        def state() -> StateView:
            if broken:
                raise ZeroDivisionError
            return face.state_view()

        stream = StateStream(state, face.subscribe)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(stream.run())
            async with client_of(stream, socket):
                with capture_logs() as log:
                    await asyncio.sleep(1)
                assert socket.received == []
                assert len(log) == 1  # said once, not at every tick
                broken = False
                await asyncio.sleep(1)
                assert len(socket.received) >= 4
            running.cancel()
        assert face.listener_count == 0

    run_virtual(run())


@asynccontextmanager
async def served(world: ApiWorld) -> AsyncGenerator[int]:
    """The app under a real server on an ephemeral port."""
    async with await Store.open(world.folder / "chaoxun.db") as store:
        app = create_app(world.face, store)
        config = uvicorn.Config(app, port=0, log_level="warning", ws_per_message_deflate=False, lifespan="on")
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(server._serve())  # pyright: ignore[reportPrivateUsage]  # without signal handlers
            while not server.started:
                assert not running.done()
                await asyncio.sleep(0.01)
            yield server.servers[0].sockets[0].getsockname()[1]
            server.should_exit = True


async def state_of(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(await socket.recv())


def test_over_real_sockets_states_come_uncompressed_and_a_change_comes_with_them(world: ApiWorld) -> None:
    async def run() -> None:
        async with (
            asyncio.timeout(30),
            served(world) as port,
            connect(f"ws://127.0.0.1:{port}/api/v1/stream") as socket,
        ):
            assert "Sec-WebSocket-Extensions" not in (socket.response.headers if socket.response else {})
            assert (await state_of(socket))["hold"] is False
            await world.face.set_hold(True, actor="operator")
            while not (await state_of(socket))["hold"]:
                pass
            await socket.send("a client has nothing to say")
            assert (await state_of(socket))["type"] == "state"

    asyncio.run(run())


@pytest.mark.parametrize(("origin", "welcome"), [("http://127.0.0.1:{}", True), ("http://evil.example", False)])
def test_a_page_of_another_origin_gets_no_stream(world: ApiWorld, origin: str, welcome: bool) -> None:
    async def run() -> None:
        async with asyncio.timeout(30), served(world) as port:
            opening = connect(f"ws://127.0.0.1:{port}/api/v1/stream", origin=Origin(origin.format(port)))
            if welcome:
                async with opening as socket:
                    assert (await state_of(socket))["type"] == "state"
            else:
                with pytest.raises(InvalidStatus):
                    await opening

    asyncio.run(run())


def test_over_real_sockets_a_reader_that_stops_reading_gets_the_newest_when_it_reads_again(world: ApiWorld) -> None:
    world.face.padding = "x" * 2_000_000  # fills the sockets' buffers at once

    async def run() -> None:
        async with asyncio.timeout(60), served(world) as port:
            uri = f"ws://127.0.0.1:{port}/api/v1/stream"
            async with connect(uri, max_size=None, max_queue=1) as lazy, connect(uri, max_size=None) as keen:
                first = (await state_of(lazy))["seq"]
                newest = 0
                while newest < first + 20:
                    newest = (await state_of(keen))["seq"]
                behind: list[int] = []
                while not behind or behind[-1] < newest:
                    behind.append((await state_of(lazy))["seq"])
                assert len(behind) < 15  # not the twenty that were made meanwhile

    asyncio.run(run())
