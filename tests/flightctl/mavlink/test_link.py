"""Being in touch: who is heard, on which way, who is lost, and who is two."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, mavlink
from flightctl.mavlink.errors import DuplicateSystemId, LinkLost
from flightctl.mavlink.heartbeat import BootWatch
from flightctl.mavlink.traffic import LossMeter
from flightctl.transport import LinkUnavailable, Stream
from flightctl.vehicle import Fleet, Telemetry
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import ADDRESS, Scripted, flying


def test_a_vehicle_is_discovered_by_its_heartbeat_and_other_stations_are_not() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        async with flying(Scripted(system_id=7), network=network) as (fleet, _):
            station = await network.open_datagrams(f"udpout:{ADDRESS}")
            codec = Codec(42, 190)
            for autopilot in (mavlink.MAV_AUTOPILOT_INVALID, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA):
                beat = mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GCS, autopilot, 0, 0, 4, 3)
                station.send(b"noise" + codec.encode(beat), ADDRESS)
                await asyncio.sleep(0.1)
                known = [vehicle.system_id for vehicle in fleet.vehicles]
                assert known == ([7] if autopilot == mavlink.MAV_AUTOPILOT_INVALID else [7, 42])

    run_virtual(story())


def test_two_vehicles_are_kept_apart() -> None:
    async def story() -> None:
        one, two = Scripted(1, uid=11), Scripted(2, uid=22)
        two.height_m = 40.0
        async with flying(one, two) as (fleet, _):
            await asyncio.sleep(3.0)
            assert fleet.vehicle(1).telemetry.height_m == 0.0
            assert fleet.vehicle(2).telemetry.height_m == 40.0
            two.on_command[mavlink.MAV_CMD_COMPONENT_ARM_DISARM] = lambda _: None
            with pytest.raises(Exception, match="vehicle 2"):
                await fleet.vehicle(2).arm()
            assert not one.commands(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)

    run_virtual(story())


def test_a_silent_vehicle_is_lost_and_comes_back() -> None:
    async def story() -> None:
        copter = Scripted()
        async with flying(copter) as (_, vehicle):
            seen: list[Telemetry] = []
            unsubscribe = vehicle.subscribe(seen.append)
            copter.silent = True
            await asyncio.sleep(7.0)
            assert not vehicle.online
            assert not seen[-1].online
            with pytest.raises(LinkLost, match="has not been heard for"):
                await vehicle.arm()
            copter.silent = False
            await asyncio.sleep(2.0)
            assert vehicle.online
            assert seen[-1].online
            unsubscribe()
            count = len(seen)
            await asyncio.sleep(3.0)
            assert len(seen) == count

    run_virtual(story())


def test_a_vehicle_never_heard_says_so() -> None:
    async def story() -> None:
        async with flying(Scripted(1)) as (fleet, _):
            with pytest.raises(LinkLost, match="vehicle 9 has not been heard yet"):
                await fleet.vehicle(9).take_off(10.0)

    run_virtual(story())


def test_no_heartbeat_goes_out_while_the_control_loop_is_stalled() -> None:
    async def story() -> None:
        copter = Scripted()
        healthy = True
        async with flying(copter, is_healthy=lambda: healthy):

            async def beats_in(seconds: float) -> int:
                copter.heard.clear()
                await asyncio.sleep(seconds)
                return sum(isinstance(m, mavlink.MAVLink_heartbeat_message) for m in copter.heard)

            assert await beats_in(10.0) in {9, 10, 11}
            healthy = False
            await asyncio.sleep(1.0)
            assert await beats_in(10.0) == 0
            healthy = True
            assert await beats_in(10.0) >= 9

    run_virtual(story())


def test_two_autopilots_with_one_system_id_are_found_out_and_nothing_is_sent() -> None:
    async def story() -> None:
        one, other = Scripted(1, uid=11), Scripted(1, uid=22)
        other.height_m = 55.0
        async with flying(one, other) as (_, vehicle):
            await asyncio.sleep(6.0)
            assert vehicle.conflict
            assert vehicle.telemetry.height_m == 0.0  # their words are not mixed
            with pytest.raises(DuplicateSystemId):
                await vehicle.arm()
            other.silent = True
            await asyncio.sleep(15.0)
            assert not vehicle.conflict

    run_virtual(story())


def test_the_same_vehicle_on_a_new_address_is_followed() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        before, after = Scripted(1, uid=11), Scripted(1, uid=11)
        after.height_m = 12.0
        async with flying(before, network=network) as (_, vehicle):
            await asyncio.sleep(3.0)
            before.silent = True
            moved = asyncio.ensure_future(after.run(network))
            await asyncio.sleep(5.0)
            assert vehicle.telemetry.height_m == 12.0
            assert not vehicle.conflict
            moved.cancel()
            await asyncio.gather(moved, return_exceptions=True)

    run_virtual(story())


def test_rates_are_asked_for_again_after_a_reboot() -> None:
    async def story() -> None:
        copter = Scripted()
        async with flying(copter) as (_, vehicle):
            await asyncio.sleep(4.0)
            copter.boot_ms = 500
            copter.heard.clear()
            await asyncio.sleep(3.0)
            assert vehicle.reboots == 1
            asked = {m.param1 for m in copter.commands(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL)}
            assert mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT in asked

    run_virtual(story())


def test_a_rate_that_drifts_is_asked_for_again_and_one_that_holds_is_not() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.streams = True  # once a second: right for some, too slow for positions
        async with flying(copter):
            await asyncio.sleep(2.0)
            copter.heard.clear()
            await asyncio.sleep(20.0)
            asked = [m.param1 for m in copter.commands(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL)]
            assert mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT in asked
            assert mavlink.MAVLINK_MSG_ID_SYS_STATUS not in asked

    run_virtual(story())


def test_a_stream_that_closes_is_opened_again() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        opened = 0

        async def autopilot(stream: Stream) -> None:
            nonlocal opened
            opened += 1
            codec = Codec(3, 1)
            for _ in range(3):
                stream.write(codec.encode(mavlink.MAVLink_heartbeat_message(2, 3, 0, 4, 3, 3)))
                await asyncio.sleep(1.0)

        network.serve_stream("tcp:127.0.0.1:5760", autopilot)
        clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
        fleet = Fleet(network, ("tcp:127.0.0.1:5760",), clock=clock)
        running = asyncio.ensure_future(fleet.run())
        await asyncio.sleep(30.0)
        assert opened >= 3
        assert fleet.vehicle(3).known
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await network.close()

    run_virtual(story())


def test_a_closed_endpoint_ends_its_receive() -> None:
    async def story() -> None:
        endpoint = await MemoryNetwork().open_datagrams(f"udpin:{ADDRESS}")
        endpoint.close()
        with pytest.raises(LinkUnavailable):
            await endpoint.receive()

    run_virtual(story())


def test_loss_counts_gaps_and_forgives_late_ones() -> None:
    meter = LossMeter()
    for seq in (10, 11, 14, 14, 12, 15):
        meter.note(seq, 0.0)
    assert (meter.received, meter.lost) == (4, 1)


def test_a_sender_that_counts_anew_is_not_taken_for_loss() -> None:
    meter = LossMeter()
    for seq in (200, *range(80, 200)):
        meter.note(seq, 0.0)
    assert meter.received > 100
    assert meter.lost == 0


def test_time_since_boot_that_slips_a_little_is_no_reboot() -> None:
    watch = BootWatch()
    assert not watch.rebooted(60_000)
    assert not watch.rebooted(59_200)
    assert not watch.rebooted(61_000)
    assert watch.rebooted(900)
    assert not watch.rebooted(1_900)
