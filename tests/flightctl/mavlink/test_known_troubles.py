"""What users of other ground stations have suffered from, each with the report it comes from."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest

from flightctl.clock import Clock
from flightctl.mavlink.channel import MAX_CHANNELS
from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.mavlink.errors import TransferMismatch
from flightctl.mavlink.mission import Item
from flightctl.vehicle import Fleet, Telemetry
from sim.copter import Environment, SimCopter
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import ADDRESS, Scripted, flying
from tests.flightctl.mavlink.shaped import Shape, ShapedNetwork
from tests.flightctl.mavlink.test_flight import FRAME, HOME, beside_home

WAY = tuple(Item(mavlink.MAV_CMD_NAV_WAYPOINT, beside_home(10.0 * n, 5.0), 15.0) for n in range(1, 5))


def test_an_upload_whose_last_item_alone_was_taken_is_no_success() -> None:
    """Skybrush 2.36: the last item asked for out of order was reported as a successful fence."""

    async def story() -> None:
        drone = Scripted()

        def begin(message: Message) -> None:
            assert isinstance(message, mavlink.MAVLink_mission_count_message)
            drone.say(mavlink.MAVLink_mission_request_message(255, 190, message.count - 1, message.mission_type))

        def done(message: Message) -> None:
            assert isinstance(message, mavlink.MAVLink_mission_item_int_message)
            drone.say(mavlink.MAVLink_mission_ack_message(255, 190, 0, message.mission_type))

        def hold_nothing(message: Message) -> None:
            assert isinstance(message, mavlink.MAVLink_mission_request_list_message)
            drone.say(mavlink.MAVLink_mission_count_message(255, 190, 0, message.mission_type))

        drone.on_message[mavlink.MAVLINK_MSG_ID_MISSION_COUNT] = begin
        drone.on_message[mavlink.MAVLINK_MSG_ID_MISSION_ITEM_INT] = done
        drone.on_message[mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_LIST] = hold_nothing
        async with flying(drone) as (_, vehicle):
            with pytest.raises(TransferMismatch, match="0 items instead of 5"):
                await vehicle.upload_mission(WAY)

    run_virtual(story())


def test_missions_given_to_several_vehicles_at_once_do_not_leak_into_each_other() -> None:
    """QGroundControl 5664, 8192: the mission of one vehicle shows up in another."""

    async def story() -> None:
        network = ShapedNetwork(Shape(0.15, 0.2, 0.2, 0.2), np.random.default_rng(5))
        clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
        fleet = Fleet(network, (f"udpin:{ADDRESS}",), clock=clock)
        copters = {
            system_id: SimCopter(
                system_id=system_id,
                home=HOME,
                home_amsl_m=8.0,
                heading_deg=0.0,
                frame=FRAME,
                rng=np.random.default_rng(system_id),
                booted_for_s=100.0,
            )
            for system_id in (1, 2, 3)
        }
        running = [asyncio.ensure_future(fleet.run())]
        for copter in copters.values():
            calm = Environment(surface_amsl_m=8.0)
            running.append(asyncio.ensure_future(copter.run(network, f"udpout:{ADDRESS}", lambda _p, _h, w=calm: w)))
        try:
            await asyncio.sleep(5.0)
            async with asyncio.TaskGroup() as group:
                for system_id in copters:
                    group.create_task(fleet.vehicle(system_id).upload_mission(WAY[:system_id]))
                    group.create_task(fleet.vehicle(system_id).set_parameters({"RTL_ALT": 1000.0 + system_id}))
            for system_id, copter in copters.items():
                truth = copter._vehicle  # pyright: ignore[reportPrivateUsage] - what no link distorts
                assert truth.plans.mission.total == system_id
                assert truth.parameters["RTL_ALT"] == 1000.0 + system_id
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    run_virtual(story())


def test_strangers_who_spray_from_many_ports_do_not_push_a_vehicle_out() -> None:
    """mavlink-router 132, Skybrush's changelog: bounded, and the right ones stay."""

    async def story() -> None:
        network, drone = MemoryNetwork(), Scripted()
        async with flying(drone, network=network) as (fleet, vehicle):
            links = fleet._links  # pyright: ignore[reportPrivateUsage] - no face tells how many there are
            for port in range(3 * MAX_CHANNELS):
                network.deliver(b"\xfd\x09garbage", f"10.0.0.1:{port}", ADDRESS)
                if port % 100 == 0:
                    await asyncio.sleep(0)
            assert len(links._channels.all) <= MAX_CHANNELS  # pyright: ignore[reportPrivateUsage]
            drone.heard.clear()
            vehicle.request_message(mavlink.MAVLINK_MSG_ID_HOME_POSITION)
            await asyncio.sleep(0.01)
            assert drone.commands(mavlink.MAV_CMD_REQUEST_MESSAGE)  # between two of its heartbeats

    run_virtual(story())


def test_a_station_with_our_own_id_is_no_vehicle() -> None:
    """QGroundControl 4523: an id used twice, once by the ground itself."""

    async def story() -> None:
        network = MemoryNetwork()
        async with flying(Scripted(), network=network) as (fleet, _):
            codec = Codec(255, 1)
            beat = mavlink.MAVLink_heartbeat_message(2, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 0x80, 4, 4, 3)
            network.deliver(codec.encode(beat), "10.0.0.1:1", ADDRESS)
            await asyncio.sleep(0.5)
            assert [vehicle.system_id for vehicle in fleet.vehicles] == [1]

    run_virtual(story())


def test_a_listener_that_fails_does_not_silence_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """MAVSDK-Python 133, 698: what one caller does wrong or slowly is felt by all."""

    async def story() -> None:
        async with flying(Scripted()) as (_, vehicle):
            seen: list[Telemetry] = []

            def fails(_: Telemetry) -> None:
                raise ZeroDivisionError

            vehicle.subscribe(fails)
            vehicle.subscribe(seen.append)
            await asyncio.sleep(3.0)
            assert len(seen) >= 3
            assert vehicle.online

    run_virtual(story())
    assert "a listener to vehicle 1 failed" in caplog.text
