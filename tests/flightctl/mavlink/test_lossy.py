"""Every operation of a vehicle on a link that loses a fifth both ways, delays 300 ms, doubles and reorders.

Each ends right or in a typed error, and the vehicle's own side counts that nothing was done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import MavlinkError
from flightctl.mavlink.mission import Item, Rally, rally_items
from flightctl.vehicle import Vehicle
from sim.copter import commands
from sim.copter.streams import Link
from sim.copter.vehicle import GuidedKind
from sim.copter.vehicle import Vehicle as SimVehicle
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.shaped import Shape, ShapedNetwork
from tests.flightctl.mavlink.test_flight import Truth, beside_home, failure_of, one_copter

BAD = Shape(loss=0.2, doubled=0.1, latency_s=0.3, jitter_s=0.2)
SEEDS = range(4)
ITEMS = (
    Item(mavlink.MAV_CMD_NAV_TAKEOFF, None, 15.0),
    *(Item(mavlink.MAV_CMD_NAV_WAYPOINT, beside_home(20.0 * n, 10.0), 15.0 + n) for n in range(1, 11)),
    Item(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, None, 0.0),
)
RING = [beside_home(east, north) for east, north in ((-500, -500), (500, -500), (500, 500), (-500, 500))]
RALLY = [Rally(beside_home(30.0 * n, -40.0), 20.0) for n in range(1, 4)]


@dataclass
class Count:
    """What the vehicle did, counted where no link distorts it."""

    truth: Truth
    modes: list[str] = field(default_factory=list[str])
    take_offs: int = 0
    mission_starts: int = 0
    carried_out: set[tuple[int, int, int]] = field(default_factory=set[tuple[int, int, int]])
    """Accepted commands that move something: number, first parameter, sequence number of the frame. A frame that
    the network doubled is one asking; the same command in two frames is two."""

    def listen(self) -> Callable[[], None]:
        """From now on; the result ends it."""
        autopilot = self.truth.copter._autopilot  # pyright: ignore[reportPrivateUsage] - past the link
        taken = autopilot._on_message  # pyright: ignore[reportPrivateUsage]
        execute = commands.execute
        frame = 0

        def take(link: Link, message: mavlink.MAVLink_message) -> None:
            nonlocal frame
            frame = message.get_seq()
            taken(link, message)

        def count(vehicle: SimVehicle, link: Link, command: commands.Command) -> int:
            result = execute(vehicle, link, command)
            if result == mavlink.MAV_RESULT_ACCEPTED and command.number in MOVING:
                self.carried_out.add((command.number, int(command.p1), frame))
            return result

        autopilot._on_message = take  # pyright: ignore[reportPrivateUsage]
        commands.execute = count

        def end() -> None:
            commands.execute = execute

        return end

    @property
    def anything_twice(self) -> bool:
        asked = [(number, which) for number, which, _ in self.carried_out]
        return len(asked) != len(set(asked))

    async def watch(self) -> None:
        climbing = flying = False
        vehicle = self.copter
        while True:
            if self.modes[-1:] != [vehicle.mode.name]:
                self.modes.append(vehicle.mode.name)
            took_off = vehicle.guided.kind == GuidedKind.TAKE_OFF
            self.take_offs += took_off and not climbing
            started = vehicle.auto.started
            self.mission_starts += started and not flying
            climbing, flying = took_off, started
            await asyncio.sleep(0.02)

    @property
    def copter(self) -> SimVehicle:
        return self.truth.copter._vehicle  # pyright: ignore[reportPrivateUsage] - what no link distorts

    @property
    def releases(self) -> list[int]:
        return [release.hook for release in self.truth.releases]


@asynccontextmanager
async def on_a_bad_link(seed: int, *, height_m: float | None = None) -> AsyncGenerator[tuple[Vehicle, Count]]:
    """A copter that is ready, or flies at `height_m`; then its link turns bad."""
    network = Turning(BAD, np.random.default_rng(seed))
    async with one_copter(network) as (vehicle, truth, _):
        await vehicle.wait_ready()
        if height_m is not None:
            await vehicle.take_off(height_m)
        count = Count(truth)
        watching = asyncio.ensure_future(count.watch())
        network.bad = True
        end = count.listen()
        await asyncio.sleep(1.0)
        count.modes.clear()
        try:
            yield vehicle, count
        finally:
            end()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching


MOVING = {
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM,
    mavlink.MAV_CMD_NAV_TAKEOFF,
    mavlink.MAV_CMD_MISSION_START,
    mavlink.MAV_CMD_DO_GRIPPER,
}


class Turning(ShapedNetwork):
    bad = False

    def deliver(self, data: bytes, sender: str, receiver: str) -> None:
        if self.bad:
            super().deliver(data, sender, receiver)
        else:
            MemoryNetwork.deliver(self, data, sender, receiver)


async def ended(operation: Awaitable[object]) -> MavlinkError | None:
    """None when it ended right; anything that is no MavlinkError fails the test."""

    async def run() -> None:
        async with asyncio.timeout(600.0):  # nothing may hang
            await operation

    return await failure_of(run())


Check = Callable[[Vehicle, Count], bool]


@dataclass(frozen=True)
class Operation:
    name: str
    run: Callable[[Vehicle], Awaitable[object]]
    holds: Check  # after it ended right
    never: Check  # in any case, whatever it ended in
    height_m: float | None = None

    def __str__(self) -> str:
        return self.name


def armed(_: Vehicle, count: Count) -> bool:
    return count.truth.copter.state.armed


def once_armed(_: Vehicle, count: Count) -> bool:
    return count.truth.armings > 1


def near(east_m: float, north_m: float) -> Check:
    def check(vehicle: Vehicle, count: Count) -> bool:
        state, place = count.truth.copter.state, beside_home(east_m, north_m)
        where = count.copter.frame.to_enu(place)
        return where.distance_m(state.position) < 6.0

    return check


def mode_is(name: str, times: int = 1) -> Check:
    return lambda _, count: count.truth.copter.state.mode.name == name and count.modes.count(name) == times


def entered_twice(name: str) -> Check:
    return lambda _, count: count.modes.count(name) > 1


def stopped_once(_: Vehicle, count: Count) -> bool:
    """Braked once, then in GUIDED again, where it takes orders."""
    return count.truth.copter.state.mode.name == "GUIDED" and count.modes.count("BRAKE") == 1


async def mission_there_and_back(vehicle: Vehicle) -> None:
    await vehicle.upload_mission(ITEMS)
    held = await vehicle.download_mission()
    assert len(held) == len(ITEMS)
    assert all(a.same_as(b) for a, b in zip(ITEMS, held, strict=True))


async def rally_there_and_back(vehicle: Vehicle) -> None:
    await vehicle.upload_rally_points(RALLY)
    held = await vehicle.download_rally_points()
    assert all(a.same_as(b) for a, b in zip(rally_items(RALLY), held, strict=True))


async def parameters_there_and_back(vehicle: Vehicle) -> None:
    await vehicle.set_parameters({"RTL_ALT": 2300, "FENCE_RADIUS": 222.5})
    assert await vehicle.read_parameters(["RTL_ALT", "FENCE_RADIUS"]) == {"RTL_ALT": 2300.0, "FENCE_RADIUS": 222.5}


async def whole_table(vehicle: Vehicle) -> None:
    assert len(await vehicle.read_all_parameters()) > 80


async def fly_a_mission(vehicle: Vehicle) -> None:
    await vehicle.upload_mission(ITEMS)
    await vehicle.start_mission()


async def drop_both(vehicle: Vehicle) -> None:
    assert (await vehicle.release(1)).hook == 1
    assert (await vehicle.release(2)).hook == 2


def fence_holds(_: Vehicle, count: Count) -> bool:
    copter = count.copter
    return len(copter.plans.fence) == len(RING) and bool(copter.fence.enabled)


def never(_: Vehicle, count: Count) -> bool:
    return False


OPERATIONS = (
    Operation("arm", Vehicle.arm, armed, once_armed),
    Operation(
        "take off",
        lambda vehicle: vehicle.take_off(12.0),
        lambda _, count: count.truth.copter.state.height_m > 11.0 and count.take_offs == 1,
        lambda _, count: count.truth.armings > 1 or count.take_offs > 1,
    ),
    Operation("mode", lambda v: v.set_mode("LOITER"), mode_is("LOITER"), entered_twice("LOITER"), 15.0),
    Operation(
        "go to", lambda v: v.go_to(beside_home(50.0, 20.0), 18.0, speed_mps=8.0), near(50.0, 20.0), never, 15.0
    ),
    Operation("hold", Vehicle.hold, stopped_once, entered_twice("BRAKE"), 15.0),
    Operation(
        "return home",
        Vehicle.return_home,
        lambda v, count: not count.truth.copter.state.armed and near(0.0, 0.0)(v, count),
        entered_twice("RTL"),
        15.0,
    ),
    Operation("land", Vehicle.land, lambda _, count: not count.truth.copter.state.armed, entered_twice("LAND"), 15.0),
    Operation(
        "mission up and down",
        mission_there_and_back,
        lambda _, count: count.copter.plans.mission.total == len(ITEMS),
        never,
    ),
    Operation("fence", lambda v: v.upload_fence(RING), fence_holds, never),
    Operation(
        "rally up and down",
        rally_there_and_back,
        lambda _, count: len(count.copter.plans.rally) == len(RALLY),
        never,
    ),
    Operation(
        "parameters",
        parameters_there_and_back,
        lambda _, count: count.copter.parameters["RTL_ALT"] == 2300.0,
        never,
    ),
    Operation("whole table", whole_table, lambda v, count: True, never),
    Operation(
        "start",
        fly_a_mission,
        lambda _, count: count.truth.copter.state.mode.name == "AUTO" and count.mission_starts == 1,
        lambda _, count: count.mission_starts > 1 or count.truth.armings > 1,
    ),
    Operation(
        "release",
        drop_both,
        lambda _, count: count.releases == [1, 2],
        lambda _, count: count.releases not in ([], [1], [1, 2]),
        15.0,
    ),
)


def outcome(operation: Operation, seed: int) -> MavlinkError | None:
    """Runs it, asserts what must hold, and says what it ended in."""

    async def story() -> MavlinkError | None:
        async with on_a_bad_link(seed, height_m=operation.height_m) as (vehicle, count):
            error = await ended(operation.run(vehicle))
            await asyncio.sleep(3.0)  # what is still under way arrives
            assert not count.anything_twice, count.carried_out
            assert not operation.never(vehicle, count), (count.modes, count.releases, count.truth.armings)
            if error is None:
                assert operation.holds(vehicle, count), (count.modes, count.releases, count.truth.armings)
            return error

    return run_virtual(story())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_operation_ends_right_or_in_a_typed_error_and_is_not_done_twice(operation: Operation, seed: int) -> None:
    outcome(operation, seed)
