"""Vehicles on every kind of link, links that fail and come back, and what is counted on them."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from flightctl.clock import Clock
from flightctl.mavlink.channel import Channel, Channels
from flightctl.mavlink.dialect import Codec, Frame, Message, mavlink
from flightctl.transport import SocketTransports, Stream, Transports
from flightctl.vehicle import Fleet
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import ADDRESS, Scripted, flying

PORT = "127.0.0.1:5770"


def beat(system_id: int) -> bytes:
    return Codec(system_id, 1).encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 4, 3))


@asynccontextmanager
async def heard_on(transports: Transports, *addresses: str) -> AsyncGenerator[tuple[Channels, list[tuple[str, int]]]]:
    """Channels on these addresses, and what comes: on which, from whom."""
    clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
    channels = Channels(transports, addresses, system_id=255, component_id=190, clock=clock)
    heard: list[tuple[str, int]] = []

    def take(channel: Channel, frame: Frame) -> None:
        heard.append((channel.name, frame.system_id))

    running = asyncio.ensure_future(channels.run(take))
    await asyncio.sleep(0.01)
    try:
        yield channels, heard
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_vehicles_call_a_port_and_each_is_answered_on_its_own_line() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        async with heard_on(network, f"tcpin:{PORT}") as (channels, heard):
            one, two = [await network.open_stream(f"tcp:{PORT}") for _ in range(2)]
            one.write(beat(1))
            two.write(beat(2))
            await asyncio.sleep(0.1)
            assert sorted(system_id for _, system_id in heard) == [1, 2]
            for channel in channels.all:
                channel.forward(channel.name.encode())
            assert {await one.read_some(), await two.read_some()} == {
                f"tcpin:{PORT} caller {number}".encode() for number in (1, 2)
            }
            one.close()
            await asyncio.sleep(0.1)
            assert [channel.name for channel in channels.all] == [f"tcpin:{PORT} caller 2"]
            two.write(beat(2))
            await asyncio.sleep(0.1)
            assert len(heard) == 3  # one that goes takes no other with it

    run_virtual(story())


def test_a_port_that_is_taken_is_opened_when_it_is_free() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        other = await network.listen(f"tcpin:{PORT}")
        async with heard_on(network, f"tcpin:{PORT}") as (channels, heard):
            assert channels.status[0].fault.startswith(f"cannot listen at tcpin:{PORT}")
            other.close()
            await asyncio.sleep(2.0)
            assert channels.status[0].fault == ""
            (await network.open_stream(f"tcp:{PORT}")).write(beat(1))
            await asyncio.sleep(0.1)
            assert [system_id for _, system_id in heard] == [1]
            network.hang_up(f"tcpin:{PORT}")
            await asyncio.sleep(2.0)
            (await network.open_stream(f"tcp:{PORT}")).write(beat(2))
            await asyncio.sleep(0.1)
            assert [system_id for _, system_id in heard] == [1, 2]

    run_virtual(story())


def test_a_vehicle_on_a_serial_line_is_heard_and_told() -> None:
    far, ours = os.openpty()
    tty.setraw(far)
    name = os.ttyname(ours)
    os.set_blocking(far, False)

    async def story() -> None:
        clock = Clock.of_wall()
        fleet = Fleet(SocketTransports(), (f"serial:{name}:57600",), clock=clock)
        running = asyncio.ensure_future(fleet.run())
        vehicle, codec, told = fleet.vehicle(6), Codec(6, 1), list[str]()
        async with asyncio.timeout(10):
            while not (vehicle.online and "COMMAND_LONG" in told):
                os.write(far, b"\x00noise" + beat(6))
                await asyncio.sleep(0.02)
                try:
                    told += [message.get_type() for message in codec.parse(os.read(far, 4096))]
                except BlockingIOError:
                    continue
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
    os.close(far)
    os.close(ours)


def test_an_endpoint_that_fails_says_why_and_is_open_again_when_it_can_be() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        async with heard_on(network, f"tcp:{PORT}") as (channels, heard):
            await asyncio.sleep(40.0)
            assert channels.status[0].fault == f"nothing listens at tcp:{PORT}"
            assert channels.status[0].peers == 0

            async def autopilot(stream: Stream) -> None:
                while True:
                    stream.write(beat(3))
                    await asyncio.sleep(1.0)

            network.serve_stream(f"tcp:{PORT}", autopilot)
            await asyncio.sleep(16.0)  # the longest pause between two tries
            assert heard
            assert channels.status[0].fault == ""
            await network.close()

    run_virtual(story())


def test_traffic_is_counted_for_each_endpoint() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        async with heard_on(network, "udpin:a:1", "udpin:b:2") as (channels, _):
            vehicle = await network.open_datagrams("udpout:a:1")
            frame = beat(1)
            for second in range(8):
                for _ in range(5):
                    vehicle.send(frame, "a:1")
                vehicle.send(frame[:-1] + b"?", "a:1")
                await asyncio.sleep(1.0)
                channels.tick(float(second + 1))
            one, other = channels.status
            assert one.traffic.messages_in == 40
            assert one.traffic.bytes_in == 48 * len(frame)  # broken ones too took their place on the line
            assert one.rates.messages_in == pytest.approx(5.0)
            assert one.rates.bytes_in == pytest.approx(6.0 * len(frame))
            assert one.broken >= 8
            assert one.peers == 1
            assert (other.traffic.messages_in, other.peers) == (0, 0)

    run_virtual(story())


def test_a_peer_that_falls_silent_is_forgotten_and_one_that_the_site_names_is_not() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        async with heard_on(network, "udpin:a:1", "udpout:b:2") as (channels, _):
            passing = await network.open_datagrams("udpout:a:1")
            passing.send(beat(1), "a:1")
            await asyncio.sleep(1.0)
            assert len(channels.all) == 2
            channels.drop_silent(10.0)
            assert [channel.address for channel in channels.all] == ["udpout:b:2"]

    run_virtual(story())


def test_how_each_vehicle_is_heard_can_be_seen() -> None:
    async def story() -> None:
        one, two = Scripted(1), Scripted(2, uid=78)
        two.streams = False
        async with flying(one, two) as (fleet, vehicle):

            def answer(message: Message) -> None:
                assert isinstance(message, mavlink.MAVLink_timesync_message)
                if message.tc1 == 0:
                    loop = asyncio.get_running_loop()
                    loop.call_later(0.12, one.say, mavlink.MAVLink_timesync_message(7, message.ts1))

            one.on_message[mavlink.MAVLINK_MSG_ID_TIMESYNC] = answer
            await asyncio.sleep(10.0)
            quality, other = fleet.link_quality(1), fleet.link_quality(2)
            assert quality.endpoint == f"udpin:{ADDRESS}"
            assert 6.5 < quality.rates.messages_in < 8.5  # seven with each beat, and an answer now and then
            assert quality.rates.bytes_in > 7 * 20
            assert other.rates.messages_in < 2.0
            assert quality.rates.messages_out >= 0.9  # at least a heartbeat's worth of asking
            assert quality.round_trip_s == pytest.approx(0.12, abs=1e-3)
            assert other.round_trip_s is None
            assert quality.loss == 0.0
            for turn in range(30):
                one.say_state()
                if turn % 2:
                    one.skip()
                await asyncio.sleep(0.5)
            assert 0.03 < fleet.link_quality(1).loss < 0.3
            assert vehicle.online

    run_virtual(story())
