"""Every protocol between the ground and the simulated copter while link and vehicle go wrong by schedule.

Whatever happens: each operation ends, right or in a typed error, within a bounded time; nothing that moves is done
twice; what a successful upload says is what the vehicle holds; nobody goes on listening; and when the trouble is
over the vehicle is heard and answers again.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flightctl.mavlink.errors import MavlinkError, ReleaseUnconfirmed
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.faulty import Fault, FaultyNetwork, Trouble, schedules
from tests.flightctl.mavlink.test_any_vehicle import listening
from tests.flightctl.mavlink.test_flight import one_copter
from tests.flightctl.mavlink.test_lossy import ITEMS, OPERATIONS, RALLY, RING, Count, Operation, ended

LONGEST_S = 400.0
BY_NAME = {operation.name: operation for operation in OPERATIONS}
HELD = ("mission up and down", "fence", "rally up and down", "parameters")
MOVES = ("arm", "take off", "start", "release", "mode", "hold")
FLIES = ("go to", "return home", "land", "whole table")
SETTINGS = settings(
    deadline=None, derandomize=True, max_examples=12, suppress_health_check=[HealthCheck.too_slow], database=None
)


def holds_what_was_sent(operation: Operation, count: Count) -> bool:
    """Whatever reboots came between: what the last word of a transfer said is so."""
    plans = count.copter.plans
    match operation.name:
        case "mission up and down":
            return plans.mission.total == len(ITEMS)
        case "fence":
            return len(plans.fence) == len(RING)
        case "rally up and down":
            return len(plans.rally) == len(RALLY)
        case _:
            return count.copter.parameters["RTL_ALT"] == 2300.0


def outcome(operation: Operation, faults: list[Fault], seed: int) -> MavlinkError | None:
    note(f"{operation} {seed} {faults}")

    async def story() -> MavlinkError | None:
        network = FaultyNetwork(seed)
        async with one_copter(network) as (vehicle, truth, fleet):
            await vehicle.wait_ready()
            if operation.height_m is not None:
                await vehicle.take_off(operation.height_m)
            count = Count(truth)
            loop = asyncio.get_running_loop()
            before = listening(vehicle)
            watching = asyncio.ensure_future(count.watch())
            end = count.listen()
            trouble = Trouble(network, truth.copter, faults, seed)
            going_wrong = asyncio.ensure_future(trouble.run())
            try:
                begun_s = loop.time()
                error = await ended(operation.run(vehicle))
                took_s = loop.time() - begun_s
                assert took_s < LONGEST_S, (took_s, error)
                await asyncio.sleep(0.4)  # until the watcher has seen it, and a hook has opened
                as_asked = trouble.reboots == 0 and (operation.name == "return home" or "RTL" not in count.modes)
                if error is None and as_asked:
                    assert operation.holds(vehicle, count), (count.modes, count.releases, count.truth.armings)
                emptied_s = trouble.last_empty_s
                kept = emptied_s is None or emptied_s < begun_s + took_s - 2.0
                if error is None and operation.name in HELD and kept:
                    assert holds_what_was_sent(operation, count)
                await going_wrong
                trouble.end()
                await asyncio.sleep(3.0)  # what is still under way arrives
                assert not count.anything_twice, count.carried_out
                assert len(count.releases) == len(set(count.releases)), count.releases
                if as_asked:  # a failsafe that came between may be ended by asking again
                    assert not operation.never(vehicle, count), (count.modes, count.releases, count.truth.armings)
                assert listening(vehicle) == before
                assert await vehicle.until(lambda: vehicle.online or None, 15.0), error
                assert (await vehicle.read_parameters(["MAV_SYSID"])) == {"MAV_SYSID": 1.0}
                assert len(fleet.vehicles) <= 3
                assert len(vehicle.telemetry.texts) <= 40
            finally:
                end()
                for task in (watching, going_wrong):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
            return error

    return run_virtual(story())


@pytest.mark.parametrize("name", HELD)
@SETTINGS
@given(faults=schedules(), seed=st.integers(0, 10_000))
def test_what_was_sent_is_held_or_it_says_why(name: str, faults: list[Fault], seed: int) -> None:
    outcome(BY_NAME[name], faults, seed)


@pytest.mark.parametrize("name", MOVES)
@SETTINGS
@given(faults=schedules(), seed=st.integers(0, 10_000))
def test_what_moves_is_done_once_or_it_says_why(name: str, faults: list[Fault], seed: int) -> None:
    outcome(BY_NAME[name], faults, seed)


@pytest.mark.parametrize("name", FLIES)
@SETTINGS
@given(faults=schedules(), seed=st.integers(0, 10_000))
def test_a_flight_ends_there_or_it_says_why(name: str, faults: list[Fault], seed: int) -> None:
    outcome(BY_NAME[name], faults, seed)


def test_a_reboot_is_noticed_by_the_heartbeat_and_counted_once() -> None:
    async def story() -> None:
        async with one_copter(FaultyNetwork(0)) as (vehicle, truth, _):
            await vehicle.wait_ready()
            truth.copter._vehicle.reboot_asked = True  # pyright: ignore[reportPrivateUsage] - as a brown-out does
            assert await vehicle.until(lambda: vehicle.reboots or None, 4.0) == 1
            await vehicle.wait_ready()
            await asyncio.sleep(60.0)
            assert vehicle.reboots == 1

    run_virtual(story())


def test_what_moves_is_not_repeated_after_a_reboot() -> None:
    async def story() -> None:
        network = FaultyNetwork(0)
        async with one_copter(network) as (vehicle, truth, _):
            await vehicle.take_off(10.0)
            count = Count(truth)
            end = count.listen()
            loop = asyncio.get_running_loop()
            network.silent_from_copter_until_s = loop.time() + 2.0  # the answer is lost
            loop.call_later(0.5, setattr, truth.copter._vehicle, "reboot_asked", True)  # pyright: ignore[reportPrivateUsage]
            try:
                error = await ended(vehicle.release(1))
                assert isinstance(error, ReleaseUnconfirmed)
                await asyncio.sleep(20.0)
                assert len(count.carried_out) == 1
                assert count.releases == [1]
            finally:
                end()

    run_virtual(story())
