"""The router: other ground stations see and fly the same drones, and can neither hold up nor mislead the fleet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, Frame, Message, mavlink
from flightctl.mavlink.frames import checksum
from flightctl.mavlink.share import SharedEndpoint
from flightctl.mavlink.signing import KeyRing
from flightctl.transport import Bytes, Datagrams
from flightctl.vehicle import Fleet
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import ADDRESS, Scripted

GROUND = "ground:14551"
CALLED = "ground:5761"
STATION = 250
CLIENT_BEAT = mavlink.MAVLink_heartbeat_message(
    mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
)


@dataclass
class World:
    network: MemoryNetwork
    fleet: Fleet
    recorded: list[bytes] = field(default_factory=list[bytes])


class Client:
    """Another ground station, on UDP."""

    def __init__(self, link: Datagrams, system_id: int = STATION) -> None:
        self.frames: list[Frame] = []
        self.codec = Codec(system_id, 190)
        self._link = link

    @classmethod
    async def at(cls, network: MemoryNetwork, system_id: int = STATION) -> Client:
        return cls(await network.open_datagrams(f"udpout:{GROUND}"), system_id)

    def say(self, message: Message | bytes) -> None:
        self._link.send(message if isinstance(message, bytes) else self.codec.encode(message), GROUND)

    async def listen(self) -> None:
        while True:
            data, _ = await self._link.receive()
            self.frames += self.codec.frames(data)

    def heard(self, message_id: int, system_id: int | None = None) -> int:
        return sum(f.message_id == message_id and system_id in {None, f.system_id} for f in self.frames)


@asynccontextmanager
async def world(
    *vehicles: Scripted,
    share: tuple[SharedEndpoint, ...] = (SharedEndpoint(f"udpin:{GROUND}"),),
    own_id: int = 255,
) -> AsyncGenerator[World]:
    network, recorded = MemoryNetwork(), list[bytes]()
    clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
    fleet = Fleet(network, (f"udpin:{ADDRESS}",), clock=clock, share=share, tap=recorded.append, system_id=own_id)
    tasks = [asyncio.ensure_future(fleet.run())]
    await asyncio.sleep(0.01)
    tasks += [asyncio.ensure_future(vehicle.run(network)) for vehicle in vehicles]
    await asyncio.sleep(0.1)
    try:
        yield World(network, fleet, recorded)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def listening(*clients: Client) -> AsyncGenerator[None]:
    tasks = [asyncio.ensure_future(client.listen()) for client in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def arm(system_id: int, component_id: int = 1) -> Message:
    return mavlink.MAVLink_command_long_message(
        system_id, component_id, mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0, 1, 0, 0, 0, 0, 0, 0
    )


def foreign(system_id: int, message_id: int = 54_321) -> bytes:
    """A frame of a dialect that nobody here knows, signed by a key that nobody here has."""
    payload = b"beyond us"
    raw = bytes([253, len(payload), 1, 0, 5, system_id, 1]) + message_id.to_bytes(3, "little") + payload
    return raw + checksum(raw[1:], 99) + bytes(range(13))


def test_clients_see_every_vehicle_and_fly_the_one_they_name() -> None:
    async def story() -> None:
        one, two = Scripted(1), Scripted(2, uid=78)
        async with world(one, two) as there:
            clients = [await Client.at(there.network, number) for number in (250, 251)]
            async with listening(*clients):
                for client in clients:
                    client.say(CLIENT_BEAT)
                await asyncio.sleep(3.0)
                for client in clients:
                    for system_id in (1, 2):
                        assert client.heard(mavlink.MAVLINK_MSG_ID_HEARTBEAT, system_id) >= 2
                        assert client.heard(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, system_id) >= 2
                clients[0].say(arm(2))
                await asyncio.sleep(0.1)
                assert len(two.commands(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)) == 1
                assert not one.commands(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)
                two.say(mavlink.MAVLink_command_ack_message(400, 0, 0, 0, 250, 190))
                await asyncio.sleep(0.1)
                assert [client.heard(mavlink.MAVLINK_MSG_ID_COMMAND_ACK) for client in clients] == [1, 0]

    run_virtual(story())


def test_what_names_nobody_goes_to_all_and_a_clients_heartbeat_too() -> None:
    async def story() -> None:
        one, two = Scripted(1), Scripted(2, uid=78)
        async with world(one, two) as there:
            client = await Client.at(there.network)
            client.say(CLIENT_BEAT)
            client.say(arm(0))
            await asyncio.sleep(0.1)
            for vehicle in (one, two):
                assert len(vehicle.commands(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)) == 1
                senders = [m.get_srcSystem() for m in vehicle.heard if m.get_type() == "HEARTBEAT"]
                assert senders.count(STATION) == 1

    run_virtual(story())


def test_frames_pass_byte_for_byte_both_ways_also_those_nobody_here_can_read() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one) as there:
            client = await Client.at(there.network)
            async with listening(client):
                client.say(CLIENT_BEAT)
                await asyncio.sleep(0.1)
                vehicle = await there.network.open_datagrams(f"udpout:{ADDRESS}")
                vehicle.send(foreign(77), ADDRESS)
                client.say(foreign(STATION))
                await asyncio.sleep(0.1)
                assert foreign(77) in [frame.raw for frame in client.frames]
                data, _ = await vehicle.receive()
                assert data == foreign(STATION)

    run_virtual(story())


def test_keys_do_not_pass_in_either_direction() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one) as there:
            client = await Client.at(there.network)
            async with listening(client):
                setup = mavlink.MAVLink_setup_signing_message(1, 1, bytes(range(32)), 0)
                client.say(CLIENT_BEAT)
                client.say(setup)
                one.say(mavlink.MAVLink_setup_signing_message(STATION, 190, bytes(range(32)), 0))
                await asyncio.sleep(0.1)
                assert not [m for m in one.heard if m.get_type() == "SETUP_SIGNING"]
                assert not client.heard(mavlink.MAVLINK_MSG_ID_SETUP_SIGNING)
                assert there.fleet.shared[0].refused == 1

    run_virtual(story())


def test_a_client_that_speaks_as_a_vehicle_is_no_vehicle_and_no_way_to_one() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one) as there:
            impostor = await Client.at(there.network, 1)
            stranger = await Client.at(there.network, 9)
            impostor.codec = Codec(1, 1)
            async with listening(impostor, stranger):
                one.silent = True
                for _ in range(10):
                    for client in (impostor, stranger):
                        client.say(mavlink.MAVLink_heartbeat_message(2, 3, 209, 6, 4, 3))
                    await asyncio.sleep(1.0)
                assert not there.fleet.vehicle(1).online  # the impostor's beats are not its own
                assert [vehicle.system_id for vehicle in there.fleet.vehicles] == [1]
                assert there.fleet.vehicle(1).telemetry.mode == "GUIDED"
                assert not [m for m in one.heard if m.get_srcSystem() == 1]
                one.silent = False
                await asyncio.sleep(2.0)
                with pytest.raises(Exception, match="vehicle 1"):
                    await there.fleet.vehicle(1).arm()
                assert one.commands(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)  # asked on its own link
                assert not impostor.heard(mavlink.MAVLINK_MSG_ID_COMMAND_LONG)

    run_virtual(story())


def test_heartbeats_in_the_services_own_name_do_not_hide_its_stalling(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one, own_id=STATION) as there:
            client = await Client.at(there.network, STATION)
            await asyncio.sleep(0.5)
            one.heard.clear()
            for _ in range(30):
                client.say(CLIENT_BEAT)
                await asyncio.sleep(0.1)
            beats = [m for m in one.heard if m.get_type() == "HEARTBEAT"]
            assert len(beats) <= 4  # the service's own, one a second
            client.say(arm(1))
            await asyncio.sleep(0.1)
            assert one.commands(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)

    run_virtual(story())
    assert [r.levelname for r in caplog.records if "own system id 250" in r.message] == ["WARNING"]


def test_who_may_only_look_on_sees_everything_and_moves_nothing() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one, share=(SharedEndpoint(f"udpin:{GROUND}", commands=False),)) as there:
            client = await Client.at(there.network)
            async with listening(client):
                client.say(CLIENT_BEAT)
                client.say(arm(1))
                client.say(arm(0))
                client.say(foreign(STATION))
                await asyncio.sleep(2.0)
                assert client.heard(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, 1) >= 1
                assert not [m for m in one.heard if m.get_srcSystem() == STATION]
                status = there.fleet.shared[0]
                assert (status.heard, status.passed_on, status.refused) == (4, 0, 4)

    run_virtual(story())


def test_a_message_for_a_vehicle_never_heard_goes_nowhere_and_is_counted() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one) as there:
            client = await Client.at(there.network)
            client.say(arm(44))
            await asyncio.sleep(0.1)
            assert not one.commands(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)
            assert there.fleet.shared[0].refused == 1

    run_virtual(story())


def talk(vehicle: Scripted, second: float) -> None:
    """A twentieth of a second of a talkative vehicle: 20 attitudes and 20 positions a second, a text now and then."""
    ms = round(1000 * second)
    vehicle.say(mavlink.MAVLink_attitude_message(ms, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    vehicle.say(mavlink.MAVLink_global_position_int_message(ms, 1, 2, 3, 4, 5, 6, 7, 8))
    vehicle.say(mavlink.MAVLink_param_value_message(b"WPNAV_SPEED", float(ms), 9, 900, ms % 900))
    if ms % 500 == 0:
        vehicle.text(f"text {ms}")
        vehicle.ack(16, 0)


def test_a_slow_endpoint_gets_fewer_of_each_stream_and_all_that_is_said_once() -> None:
    async def story() -> None:
        one = Scripted(1)
        limit = 1500.0
        async with world(one, share=(SharedEndpoint(f"udpin:{GROUND}", max_bytes_per_s=limit),)) as there:
            client = await Client.at(there.network, 255)
            async with listening(client):
                client.say(CLIENT_BEAT)
                await asyncio.sleep(0.5)
                client.frames.clear()
                for turn in range(400):
                    talk(one, turn / 20)
                    await asyncio.sleep(0.05)
                await asyncio.sleep(1.0)
                got = Counter(frame.message_id for frame in client.frames)
                assert got[mavlink.MAVLINK_MSG_ID_PARAM_VALUE] == 400
                assert got[mavlink.MAVLINK_MSG_ID_STATUSTEXT] == 40
                assert got[mavlink.MAVLINK_MSG_ID_COMMAND_ACK] == 40
                assert got[mavlink.MAVLINK_MSG_ID_HEARTBEAT] >= 20
                streams = [got[mavlink.MAVLINK_MSG_ID_ATTITUDE], got[mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT]]
                assert all(20 <= count < 300 for count in streams), streams  # thinner, and none starves
                last = [f for f in client.frames if f.message_id == mavlink.MAVLINK_MSG_ID_ATTITUDE][-1].message()
                assert isinstance(last, mavlink.MAVLink_attitude_message)
                assert last.time_boot_ms == 19_950  # and the newest comes at last
                sent = sum(len(frame.raw) for frame in client.frames)
                assert sent < 21.0 * limit + 1500.0
                assert there.fleet.shared[0].thinned > 200

    run_virtual(story())


def test_without_a_limit_everything_passes() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one) as there:
            client = await Client.at(there.network)
            async with listening(client):
                client.say(CLIENT_BEAT)
                await asyncio.sleep(0.5)
                for turn in range(100):
                    talk(one, turn / 20)
                    await asyncio.sleep(0.05)
                assert client.heard(mavlink.MAVLINK_MSG_ID_ATTITUDE) == 100
                assert there.fleet.shared[0].thinned == 0

    run_virtual(story())


async def _read(stream: Bytes, into: list[Frame]) -> None:
    codec = Codec(STATION, 190)
    while True:
        into += codec.frames(await stream.read_some())


def test_a_client_that_reads_nothing_is_cut_off_and_slows_nobody() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one, share=(SharedEndpoint(f"tcpin:{CALLED}"),)) as there:
            deaf = await there.network.open_stream(f"tcp:{CALLED}")
            good = await there.network.open_stream(f"tcp:{CALLED}")
            got: list[Frame] = []
            reading = asyncio.ensure_future(_read(good, got))
            await asyncio.sleep(0.1)
            assert there.fleet.shared[0].endpoint.peers == 2
            for turn in range(10_000):
                talk(one, turn / 20)
                await asyncio.sleep(0.001)
                assert deaf_unread(deaf) < 300 * 1024
            assert there.fleet.shared[0].endpoint.peers == 1
            assert there.fleet.shared[0].endpoint.dropped >= 1
            assert sum(f.message_id == mavlink.MAVLINK_MSG_ID_ATTITUDE for f in got) == 10_000
            assert there.fleet.vehicle(1).online
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    run_virtual(story())


def deaf_unread(stream: object) -> int:
    return int(getattr(stream, "_unread_bytes"))  # noqa: B009 (what a peer holds is nobody's business but a test's)


def test_a_client_that_goes_is_forgotten_and_may_come_back() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one) as there:
            client = await Client.at(there.network)
            client.say(CLIENT_BEAT)
            await asyncio.sleep(0.1)
            assert there.fleet.shared[0].endpoint.peers == 1
            await asyncio.sleep(40.0)
            assert there.fleet.shared[0].endpoint.peers == 0
            client.say(CLIENT_BEAT)
            await asyncio.sleep(0.1)
            assert there.fleet.shared[0].endpoint.peers == 1

    run_virtual(story())


def test_a_station_that_the_site_names_is_told_before_it_speaks() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one, share=(SharedEndpoint(f"udpout:{GROUND}"),)) as there:
            station = Client(await there.network.open_datagrams(f"udpin:{GROUND}"))
            async with listening(station):
                await asyncio.sleep(60.0)
                assert station.heard(mavlink.MAVLINK_MSG_ID_HEARTBEAT, 1) >= 59

    run_virtual(story())


def test_the_recording_holds_what_the_router_carries() -> None:
    async def story() -> None:
        one = Scripted(1)
        async with world(one) as there:
            client = await Client.at(there.network)
            said = client.codec.encode(arm(1))
            client.say(said)
            client.say(arm(44))
            await asyncio.sleep(0.1)
            assert there.recorded.count(said) == 1
            spoken_by_client = [raw for raw in there.recorded if raw[5] == STATION]
            assert spoken_by_client == [said]  # what went nowhere is not in it

    run_virtual(story())


def test_a_signed_vehicles_frames_keep_their_signature_and_forged_ones_reach_nobody() -> None:
    key = bytes(range(32))

    async def story() -> None:
        network = MemoryNetwork()
        clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
        fleet = Fleet(
            network,
            (f"udpin:{ADDRESS}",),
            clock=clock,
            ring=KeyRing({1: key}, clock),
            share=(SharedEndpoint(f"udpin:{GROUND}"),),
        )
        running = asyncio.ensure_future(fleet.run())
        await asyncio.sleep(0.01)
        client = await Client.at(network)
        async with listening(client):
            client.say(CLIENT_BEAT)
            await asyncio.sleep(0.01)
            vehicle = await network.open_datagrams(f"udpout:{ADDRESS}")
            signed = Codec(1, 1, KeyRing({255: key}, clock)).encode(
                mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 4, 3), 255
            )
            forged = Codec(1, 1).encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, 6, 4, 3))
            vehicle.send(forged, ADDRESS)
            vehicle.send(signed, ADDRESS)
            await asyncio.sleep(0.1)
            assert [frame.raw for frame in client.frames] == [signed]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtual(story())
