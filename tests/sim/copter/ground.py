"""A small MAVLink client and a world for it, in virtual time over memory links."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from flightctl.transport import Datagrams, LinkUnavailable, Peer
from geofence.position import Enu, LatLon, LocalFrame
from sim.copter import Environment, Pack, Release, SimCopter
from sim.memory_links import MemoryNetwork

Message = TypeVar("Message", bound=mavlink.MAVLink_message)

HOME = LatLon(lat=30.4017, lon=120.5480)
FRAME = LocalFrame(HOME)
HOME_AMSL_M = 8.0
ADDRESS = "127.0.0.1:14550"
POSITION_ONLY = 0b110111111000
VELOCITY_ONLY = 0b110111000111


class _Wire:
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write


class Ground:
    """Keeps every message heard and wakes whoever waits for one."""

    def __init__(self, endpoint: Datagrams, system: int = 255, peer: Peer | None = None) -> None:
        self._endpoint = endpoint
        self._peer = peer
        self._codec = mavlink.MAVLink(_Wire(self._write), srcSystem=system, srcComponent=190)
        self._codec.robust_parsing = True
        self.heard: list[tuple[float, mavlink.MAVLink_message]] = []
        self._news = asyncio.Condition()
        self.heartbeats = True
        self.target = 1

    def _write(self, data: bytes) -> None:
        if self._peer is not None:
            self._endpoint.send(data, self._peer)

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data, self._peer = await self._endpoint.receive()
            except LinkUnavailable:
                return
            async with self._news:
                self.heard.extend((loop.time(), message) for message in self._codec.parse_buffer(data) or [])
                self._news.notify_all()

    async def beat(self) -> None:
        while True:
            if self.heartbeats:
                self.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))
            await asyncio.sleep(1.0)

    def send(self, message: mavlink.MAVLink_message) -> None:
        self._codec.send(message)

    async def expect(
        self, kind: type[Message], accept: Callable[[Message], bool] = lambda _: True, within_s: float = 5.0
    ) -> Message:
        """The next message of a kind that is heard from now on."""
        seen = len(self.heard)
        try:
            async with asyncio.timeout(within_s), self._news:
                while True:
                    for _, message in self.heard[seen:]:
                        if isinstance(message, kind) and accept(message):
                            return message
                    seen = len(self.heard)
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} as wanted within {within_s} s; texts: {self.texts()}") from None

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for _, message in self.heard if isinstance(message, kind)]

    def texts(self) -> list[str]:
        """STATUSTEXTs with their chunks joined."""
        whole: list[str] = []
        parts: dict[int, str] = {}
        for message in self.of(mavlink.MAVLink_statustext_message):
            text = str(message.text)
            if message.id == 0:
                whole.append(text)
                continue
            parts[message.id] = parts.get(message.id, "") + text
            if len(text) < 50:
                whole.append(parts.pop(message.id))
        return whole

    async def command(self, number: int, *params: float) -> int:
        """COMMAND_LONG; its MAV_RESULT."""
        filled = [*params, *[0.0] * (7 - len(params))]
        self.send(mavlink.MAVLink_command_long_message(self.target, 1, number, 0, *filled))
        ack = await self.expect(mavlink.MAVLink_command_ack_message, lambda m: m.command == number)
        return ack.result

    async def command_int(
        self, number: int, frame: int, p: tuple[float, float, float, float], place: tuple[int, int, float]
    ) -> int:
        self.send(mavlink.MAVLink_command_int_message(self.target, 1, frame, number, 0, 0, *p, *place))
        ack = await self.expect(mavlink.MAVLink_command_ack_message, lambda m: m.command == number)
        return ack.result

    async def stream(self, *message_ids: int, hz: float = 5.0) -> None:
        for message_id in message_ids:
            assert await self.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1e6 / hz) == 0

    async def mode(self, number: int) -> int:
        return await self.command(mavlink.MAV_CMD_DO_SET_MODE, 1, number)

    async def arm(self) -> int:
        return await self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)

    async def take_off(self, height_m: float) -> None:
        """GUIDED, armed, and up to within half a metre."""
        assert await self.mode(4) == 0
        assert await self.arm() == 0
        assert await self.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, height_m) == 0
        await self.stream(33, 245, 36, 1, 42)
        await self.expect(
            mavlink.MAVLink_global_position_int_message,
            lambda m: m.relative_alt > (height_m - 0.5) * 1000,
            within_s=60.0,
        )

    def go_to(self, place: Enu, height_m: float) -> None:
        lat, lon = degrees_e7(place)
        self.send(
            mavlink.MAVLink_set_position_target_global_int_message(
                0, self.target, 1, 6, POSITION_ONLY, lat, lon, height_m, 0, 0, 0, 0, 0, 0, 0, 0
            )
        )

    def fly(self, north_mps: float, east_mps: float, down_mps: float = 0.0) -> None:
        self.send(
            mavlink.MAVLink_set_position_target_local_ned_message(
                0, self.target, 1, 1, VELOCITY_ONLY, 0, 0, 0, north_mps, east_mps, down_mps, 0, 0, 0, 0, 0
            )
        )

    async def parameter(self, name: str, value: float) -> mavlink.MAVLink_param_value_message:
        self.send(mavlink.MAVLink_param_set_message(self.target, 1, name.encode(), value, 9))
        return await self.expect(mavlink.MAVLink_param_value_message)


def degrees_e7(place: Enu) -> tuple[int, int]:
    point = FRAME.to_wgs84(place)
    return round(point.lat * 1e7), round(point.lon * 1e7)


class World:
    """Wind and ground that tests may change; releases are kept."""

    def __init__(self) -> None:
        self.environment = Environment(surface_amsl_m=HOME_AMSL_M)
        self.releases: list[Release] = []
        self.network = MemoryNetwork()

    def around(self, _position: Enu, _amsl_m: float) -> Environment:
        return self.environment


@asynccontextmanager
async def flying_ground(
    *,
    booted_for_s: float = 60.0,
    hooks: int = 2,
    loads_kg: tuple[float, ...] = (),
    parameters: dict[str, float] | None = None,
    pack: Pack | None = None,
    seed: int = 1,
    settled: bool = True,
) -> AsyncGenerator[tuple[Ground, SimCopter, World]]:
    """A copter on its pad and a client that has heard its heartbeat."""
    world = World()
    network = world.network
    copter = SimCopter(
        system_id=1,
        home=HOME,
        home_amsl_m=HOME_AMSL_M,
        heading_deg=180.0,
        frame=FRAME,
        rng=np.random.default_rng(seed),
        parameters=parameters,
        hooks=hooks,
        loads_kg=loads_kg,
        booted_for_s=booted_for_s,
        pack=pack,
        on_release=world.releases.append,
    )
    endpoint = await network.open_datagrams(f"udpin:{ADDRESS}")
    ground = Ground(endpoint)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(copter.run(network, f"udpout:{ADDRESS}", world.around)),
            tasks.create_task(ground.listen()),
            tasks.create_task(ground.beat()),
        ]
        try:
            if settled:
                await ground.expect(mavlink.MAVLink_heartbeat_message)
            yield ground, copter, world
        finally:
            for task in running:
                task.cancel()


@asynccontextmanager
async def another_ground(world: World, *, system: int = 254, port: int = 14551) -> AsyncGenerator[Ground]:
    """A second client of the same copter, on a link of its own; it says nothing of itself."""
    ground = Ground(await world.network.open_datagrams(f"udpin:127.0.0.1:{port}"), system, peer="out-1")
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ground.listen())
        try:
            yield ground
        finally:
            listening.cancel()


def off_m(copter: SimCopter, place: Enu) -> float:
    return math.hypot(copter.state.position.east_m - place.east_m, copter.state.position.north_m - place.north_m)


async def until(condition: Callable[[], bool], within_s: float, step_s: float = 0.1) -> float:
    """Virtual seconds until it holds."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    while not condition():
        assert loop.time() - start_s < within_s, f"not within {within_s} s"
        await asyncio.sleep(step_s)
    return loop.time() - start_s
