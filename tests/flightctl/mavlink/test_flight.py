"""Whole flights of a simulated copter, on a good link and on a bad one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest

from flightctl.clock import Clock
from flightctl.mavlink import gripper
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import (
    CommandFailed,
    FlightInterrupted,
    LinkLost,
    MavlinkError,
    NotReady,
    WrongState,
)
from flightctl.mavlink.mission import Item
from flightctl.preflight_report import CheckId, Severity
from flightctl.transport import SocketTransports, Transports
from flightctl.vehicle import Asked, Fleet, Vehicle
from geofence.position import Enu, LatLon, LocalFrame
from sim.copter import Environment, Release, SimCopter
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.shaped import Shape, ShapedNetwork

FRAME = LocalFrame(LatLon(lat=30.402, lon=120.542))
HOME = LatLon(lat=30.4020903, lon=120.5340303)
ADDRESS = "127.0.0.1:14550"


def beside_home(east_m: float, north_m: float) -> LatLon:
    return FRAME.to_wgs84(FRAME.to_enu(HOME) + Enu(east_m, north_m))


@dataclass
class Truth:
    """What really happened, past every link."""

    copter: SimCopter
    releases: list[Release] = field(default_factory=list[Release])
    armings: int = 0

    async def watch(self) -> None:
        armed = False
        while True:
            now = self.copter.state.armed
            self.armings += now and not armed
            armed = now
            await asyncio.sleep(0.05)


@asynccontextmanager
async def one_copter(
    network: Transports,
    *,
    address: str = ADDRESS,
    hooks: int = 2,
    booted_for_s: float = 100.0,
    parameters: dict[str, float] | None = None,
) -> AsyncGenerator[tuple[Vehicle, Truth, Fleet]]:
    clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
    fleet = Fleet(network, (f"udpin:{address}",), clock=clock)
    copter = SimCopter(
        system_id=1,
        home=HOME,
        home_amsl_m=8.0,
        heading_deg=180.0,
        frame=FRAME,
        rng=np.random.default_rng(1),
        hooks=hooks,
        booted_for_s=booted_for_s,
        parameters={"FS_GCS_ENABLE": 1.0, **(parameters or {})},
    )
    truth = Truth(copter)
    copter.on_release = truth.releases.append

    def calm(_position: Enu, _amsl_m: float) -> Environment:
        return Environment(surface_amsl_m=8.0)

    tasks = [
        asyncio.ensure_future(fleet.run()),
        asyncio.ensure_future(copter.run(network, f"udpout:{address}", calm)),
        asyncio.ensure_future(truth.watch()),
    ]
    vehicle = fleet.vehicle(1)
    try:
        await vehicle.until(lambda: vehicle.online or None, 10.0)
        yield vehicle, truth, fleet
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_a_whole_flight_with_a_release() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            await vehicle.wait_ready()
            await vehicle.take_off(20.0)
            assert truth.copter.state.height_m > 18.0
            target = beside_home(150.0, -40.0)
            await vehicle.go_to(target, 25.0, speed_mps=12.0)
            assert FRAME.to_enu(target).distance_m(truth.copter.state.position) < 4.0
            released = await vehicle.release(2)
            assert released.hook == 2
            await asyncio.sleep(1.0)
            assert [release.hook for release in truth.releases] == [2]
            await vehicle.return_home()
            assert not truth.copter.state.armed
            assert truth.copter.state.position.distance_m(FRAME.to_enu(HOME)) < 3.0
            assert truth.armings == 1

    run_virtual(story())


def test_a_drifting_target_is_followed() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            await vehicle.take_off(10.0)
            east_m = 0.0
            for _ in range(150):
                east_m += 3.0 * 0.2
                vehicle.send_target(beside_home(east_m, 0.0), 10.0, (3.0, 0.0))
                await asyncio.sleep(0.2)
            behind_m = FRAME.to_enu(beside_home(east_m, 0.0)).distance_m(truth.copter.state.position)
            assert behind_m < 1.0
            assert truth.copter.state.east_mps == pytest.approx(3.0, abs=0.7)
            await vehicle.hold()
            assert vehicle.telemetry.speed_mps < 1.0
            assert vehicle.telemetry.mode == "GUIDED"

    run_virtual(story())


def test_a_vehicle_without_a_position_is_not_ready_and_arming_says_why() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork(), booted_for_s=0.0) as (vehicle, _, _fleet):
            with pytest.raises(NotReady):
                await vehicle.wait_ready(timeout_s=15.0)
            with pytest.raises(CommandFailed) as caught:
                await vehicle.arm()
            assert caught.value.reasons
            found = {result.check: result for result in await vehicle.preflight()}
            assert found[CheckId.EKF].severity is Severity.BLOCK
            assert found[CheckId.PRE_ARM].severity is Severity.BLOCK
            assert "PreArm: " in found[CheckId.PRE_ARM].text  # its own words
            await vehicle.wait_ready(timeout_s=90.0)

    run_virtual(story())


def test_preflight_blocks_a_failsafe_that_opens_the_hook() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        async with one_copter(network, parameters={"FS_OPTIONS": 32.0, "FS_GCS_ENABLE": 0.0}) as (vehicle, _, _fleet):
            await vehicle.wait_ready()
            asked = Asked(hooks=2)
            found = {result.check: result for result in await vehicle.preflight(asked)}
            assert found[CheckId.GRIPPER_FAILSAFE].severity is Severity.BLOCK
            assert found[CheckId.GRIPPER_FAILSAFE].seen == "FS_OPTIONS 32"
            assert found[CheckId.GCS_FAILSAFE].severity is Severity.BLOCK
            await vehicle.set_parameters({"FS_OPTIONS": 0, "FS_GCS_ENABLE": 1})
            found = {result.check: result for result in await vehicle.preflight(asked)}
            assert found[CheckId.GRIPPER_FAILSAFE].severity is Severity.PASS
            assert found[CheckId.GCS_FAILSAFE].severity is Severity.PASS
            assert not [check for check, result in found.items() if result.severity is Severity.BLOCK]

    run_virtual(story())


def test_a_place_outside_the_fence_is_refused() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, _, _fleet):
            await vehicle.wait_ready()
            ring = [beside_home(east, north) for east, north in ((-90, -90), (90, -90), (90, 90), (-90, 90))]
            await vehicle.upload_fence(ring)
            assert vehicle.telemetry.fence_enabled
            await vehicle.take_off(15.0)
            with pytest.raises(CommandFailed):
                await vehicle.go_to(beside_home(400.0, 0.0), 15.0)
            await vehicle.go_to(beside_home(50.0, 0.0), 15.0)

    run_virtual(story())


def test_a_pilot_who_takes_over_interrupts_the_flight() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, _, _fleet):
            await vehicle.take_off(15.0)
            async with asyncio.TaskGroup() as group:
                flight = group.create_task(failure_of(vehicle.go_to(beside_home(500.0, 0.0), 15.0)))
                await asyncio.sleep(5.0)
                await vehicle.begin_return()
            assert isinstance(flight.result(), FlightInterrupted)
            assert "RTL" in str(flight.result())
            with pytest.raises(FlightInterrupted):
                vehicle.send_target(beside_home(10.0, 0.0), 15.0)

    run_virtual(story())


async def failure_of(flight: Awaitable[None]) -> MavlinkError | None:
    try:
        await flight
    except MavlinkError as error:
        return error
    return None


def test_a_lost_link_ends_the_watching_and_the_vehicle_is_found_again_on_its_way_home() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            await vehicle.take_off(15.0)
            asyncio.get_running_loop().call_later(6.0, setattr, truth.copter.faults, "link_lost", True)
            with pytest.raises(LinkLost):
                await vehicle.go_to(beside_home(500.0, 0.0), 15.0, speed_mps=5.0)
            await asyncio.sleep(10.0)
            truth.copter.faults.link_lost = False
            await vehicle.until(lambda: vehicle.online or None, 10.0)
            assert vehicle.telemetry.mode == "RTL"
            await vehicle.return_home()
            assert not truth.copter.state.armed

    run_virtual(story())


def test_a_second_service_finds_the_flying_vehicle_and_takes_it_on() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        async with one_copter(network) as (vehicle, truth, _):
            await vehicle.take_off(15.0)
            clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
            restarted = Fleet(network, (f"udpin:{ADDRESS}",), clock=clock)  # takes the address over
            running = asyncio.ensure_future(restarted.run())
            again = restarted.vehicle(1)
            await again.until(lambda: (again.online and again.telemetry.airborne) or None, 10.0)
            height_m = truth.copter.state.height_m
            assert truth.copter.state.mode.name == "GUIDED"
            await again.go_to(beside_home(30.0, 0.0), height_m)
            await again.return_home()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    run_virtual(story())


def test_a_mission_is_held_as_sent_and_flown() -> None:
    async def story() -> None:
        items = (
            Item(mavlink.MAV_CMD_NAV_TAKEOFF, None, 15.0),
            Item(mavlink.MAV_CMD_NAV_WAYPOINT, beside_home(60.0, 0.0), 15.0),
            Item(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, None, 0.0),
        )
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            await vehicle.wait_ready()
            await vehicle.upload_mission(items)
            held = await vehicle.download_mission()
            assert len(held) == len(items)
            assert all(sent.same_as(kept) for sent, kept in zip(items, held, strict=True))
            await vehicle.start_mission()
            assert vehicle.telemetry.mode == "AUTO"
            there = FRAME.to_enu(beside_home(60.0, 0.0))
            arrived = await vehicle.until(lambda: truth.copter.state.position.distance_m(there) < 5.0 or None, 60.0)
            assert arrived

    run_virtual(story())


def test_it_lands_where_it_is_facing_as_told() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            await vehicle.take_off(10.0)
            spot = beside_home(0.0, 40.0)
            await vehicle.go_to(spot, 10.0, yaw_deg=90.0)
            await vehicle.until(lambda: abs((vehicle.telemetry.heading_deg or 0.0) - 90.0) < 10.0 or None, 20.0)
            assert vehicle.telemetry.heading_deg == pytest.approx(90.0, abs=10.0)
            await vehicle.land()
            assert not truth.copter.state.armed
            assert truth.copter.state.position.distance_m(FRAME.to_enu(spot)) < 5.0

    run_virtual(story())


def test_cancelling_the_watch_leaves_the_vehicle_flying() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            climb = asyncio.ensure_future(vehicle.take_off(20.0))
            await asyncio.sleep(4.0)
            climb.cancel()
            await asyncio.gather(climb, return_exceptions=True)
            assert climb.cancelled()
            await asyncio.sleep(15.0)
            assert truth.copter.state.height_m == pytest.approx(20.0, abs=1.0)

    run_virtual(story())


def test_asked_in_the_wrong_state_nothing_is_sent() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            await vehicle.wait_ready()
            with pytest.raises(WrongState, match="on the ground"):
                await vehicle.go_to(beside_home(30.0, 0.0), 15.0)
            with pytest.raises(WrongState, match="on the ground"):
                await vehicle.land()
            await vehicle.take_off(10.0)
            with pytest.raises(WrongState, match="in the air already"):
                await vehicle.take_off(10.0)
            assert truth.armings == 1

    run_virtual(story())


@pytest.mark.parametrize("seed", range(8))
def test_on_a_bad_link_everything_ends_right_or_in_a_typed_error_and_nothing_happens_twice(seed: int) -> None:
    async def story() -> None:
        shape = Shape(loss=0.2, doubled=0.1, latency_s=0.3, jitter_s=0.2)
        network = ShapedNetwork(shape, np.random.default_rng(seed))
        async with one_copter(network) as (vehicle, truth, _):
            ring = [beside_home(east, north) for east, north in ((-500, -500), (500, -500), (500, 500), (-500, 500))]
            releases: list[gripper.Release] = []

            async def rescue() -> None:
                await vehicle.wait_ready()
                await vehicle.upload_fence(ring)
                await vehicle.take_off(15.0)
                await vehicle.go_to(beside_home(80.0, 0.0), 15.0, speed_mps=8.0)
                releases.append(await vehicle.release(1))
                await vehicle.hold()
                await vehicle.return_home()

            error = await failure_of(rescue())  # anything that is no MavlinkError fails the test
            if error is None:
                assert truth.armings == 1
                assert not truth.copter.state.armed
            assert truth.armings <= 1
            assert len(releases) <= len(truth.releases) <= 1

    run_virtual(story())


@pytest.mark.realtime
def test_over_real_sockets_a_vehicle_is_found_and_answers(unused_udp_port: int) -> None:
    async def story() -> None:
        async with one_copter(SocketTransports(), address=f"127.0.0.1:{unused_udp_port}") as (vehicle, _, _fleet):
            await vehicle.wait_ready(timeout_s=30.0)
            assert (await vehicle.read_parameters(["FS_GCS_ENABLE"])) == {"FS_GCS_ENABLE": 1.0}

    asyncio.run(story())


@pytest.fixture
def unused_udp_port() -> int:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("seed", range(4))
def test_the_whole_parameter_table_arrives_on_a_bad_link(seed: int) -> None:
    async def story() -> None:
        shape = Shape(loss=0.2, doubled=0.1, latency_s=0.3, jitter_s=0.2)
        network = ShapedNetwork(shape, np.random.default_rng(seed))
        async with one_copter(network, parameters={"RTL_ALT": 2345.0}) as (vehicle, _, _):
            found = await vehicle.read_all_parameters()
            assert found["RTL_ALT"] == 2345.0
            assert {"FENCE_ENABLE", "GRIP_RELEASE", "MAV_SYSID", "SERVO9_FUNCTION"} <= set(found)
            assert len(found) == len(await vehicle.read_all_parameters())

    run_virtual(story())
