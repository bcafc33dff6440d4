"""ADS-B and Remote ID as they come over the links: flags, unknown values, parts, packs, several receivers."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.mavlink.adsb import HeightAbove, Sighting, of_adsb
from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.mavlink.open_drone_id import RemoteId
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import ADDRESS, Scripted, flying

MAC = (0x0A, 0x1B, 0x2C, 0x3D, 0x4E, 0x5F, *[0] * 14)
SERIAL = "1581F4XYZ0001"
LAT_E7, LON_E7 = 304030000, 1205450000
ALL_FLAGS = 0x1BF


def adsb(flags: int = ALL_FLAGS, *, icao: int = 0x78123A, tslc: int = 2, kind: int = 0) -> Message:
    return mavlink.MAVLink_adsb_vehicle_message(
        icao, LAT_E7, LON_E7, kind, 120_000, 9000, 5000, -200, b"CES2304", 1, tslc, flags, 7700
    )


def of(message: Message, now_s: float = 100.0) -> Sighting:
    assert isinstance(message, mavlink.MAVLink_adsb_vehicle_message)
    sighting = of_adsb(message, now_s)
    assert sighting is not None
    return sighting


def serial(text: str = SERIAL) -> tuple[int, ...]:
    return tuple(text.encode().ljust(20, b"\0"))


def test_an_adsb_vehicle_is_read_whole() -> None:
    one = of(adsb())
    assert (one.key, one.name, one.at_s, one.emergency) == ("icao:78123a", "CES2304", 98.0, True)
    assert one.position is not None
    assert (one.position.lat, one.position.lon) == pytest.approx((30.403, 120.545))
    assert (one.height_m, one.height_above) == (120.0, HeightAbove.SEA)
    assert one.velocity_mps == pytest.approx((50.0, 0.0), abs=1e-9)
    assert one.up_mps == -2.0
    assert of(adsb(kind=mavlink.ADSB_ALTITUDE_TYPE_GEOMETRIC)).height_above is HeightAbove.ELLIPSOID


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        (mavlink.ADSB_FLAGS_VALID_COORDS, "position"),
        (mavlink.ADSB_FLAGS_VALID_ALTITUDE, "height_m"),
        (mavlink.ADSB_FLAGS_VALID_HEADING, "velocity_mps"),
        (mavlink.ADSB_FLAGS_VALID_VELOCITY, "velocity_mps"),
        (mavlink.ADSB_FLAGS_VERTICAL_VELOCITY_VALID, "up_mps"),
    ],
)
def test_what_its_flags_do_not_call_valid_is_not_known(missing: int, field: str) -> None:
    assert getattr(of(adsb(ALL_FLAGS & ~missing)), field) is None


def test_names_and_emergencies_need_their_flags_too_and_no_address_is_nobody() -> None:
    bare = of(adsb(mavlink.ADSB_FLAGS_VALID_COORDS))
    assert (bare.name, bare.emergency) == ("", False)
    nobody = adsb(icao=0)
    assert isinstance(nobody, mavlink.MAVLink_adsb_vehicle_message)
    assert of_adsb(nobody, 1.0) is None


def location(mac: Sequence[int] = MAC, **changes: float) -> Message:
    fields: dict[str, float] = {
        "status": 2,
        "direction": 27000,
        "speed_horizontal": 1500,
        "speed_vertical": 100,
        "latitude": LAT_E7,
        "longitude": LON_E7,
        "altitude_barometric": -1000.0,
        "altitude_geodetic": 85.0,
        "height_reference": 0,
        "height": 60.0,
        "horizontal_accuracy": 10,
        "vertical_accuracy": 4,
        "barometer_accuracy": 0,
        "speed_accuracy": 3,
        "timestamp": 600.0,
        "timestamp_accuracy": 1,
        **changes,
    }
    return mavlink.MAVLink_open_drone_id_location_message(0, 0, mac, *fields.values())  # type: ignore[arg-type]


def test_the_parts_of_one_drone_are_joined_by_its_transmitter() -> None:
    remote = RemoteId()
    unnamed = remote.take(location(), 50.0, 602.0)
    assert unnamed is not None
    assert (unnamed.key, unnamed.name, unnamed.at_s) == ("mac:0a1b2c3d4e5f", "", 48.0)
    assert remote.take(mavlink.MAVLink_open_drone_id_basic_id_message(0, 0, MAC, 1, 2, serial()), 51.0, 603.0) is None
    system = mavlink.MAVLink_open_drone_id_system_message(
        0, 0, MAC, 0, 0, LAT_E7 - 100, LON_E7, 1, 0, -1000.0, -1000.0, 0, 0, 10.0, 0
    )
    assert remote.take(system, 51.0, 603.0) is None
    named = remote.take(location(), 52.0, 604.0)
    assert named is not None
    assert (named.key, named.name, named.former_key) == (f"uas:{SERIAL}", SERIAL, "mac:0a1b2c3d4e5f")
    assert named.velocity_mps == pytest.approx((-15.0, 0.0), abs=1e-9)
    assert (named.height_m, named.height_above, named.up_mps) == (85.0, HeightAbove.ELLIPSOID, 1.0)
    operator = remote.operator_of("0a1b2c3d4e5f")
    assert operator is not None
    assert operator.lat == pytest.approx(30.40299)


def test_unknown_values_are_not_known_and_a_wrong_clock_does_not_age_it() -> None:
    sighting = RemoteId().take(
        location(
            direction=36100,
            speed_horizontal=25500,
            speed_vertical=6300,
            latitude=0,
            longitude=0,
            altitude_geodetic=-1000.0,
            timestamp=1900.0,
            status=1,
        ),
        50.0,
        602.0,
    )
    assert sighting is not None
    assert (sighting.position, sighting.height_m, sighting.velocity_mps, sighting.up_mps) == (None, None, None, None)
    assert (sighting.at_s, sighting.on_ground) == (50.0, True)


def packed(*parts: bytes, size: int = 25) -> mavlink.MAVLink_open_drone_id_message_pack_message:
    data = b"".join(parts).ljust(225, b"\0")
    return mavlink.MAVLink_open_drone_id_message_pack_message(0, 0, MAC, size, len(parts), tuple(data))


def broadcast_location(*, eastward: bool, speed: int, fast: bool) -> bytes:
    """As the standard lays it out, byte by byte."""
    flags = 2 << 4 | (0 if eastward else 2) | (1 if fast else 0)
    body = struct.pack("<BBBBbiiHHH", 0x12, flags, 90, speed, 4, LAT_E7, LON_E7, 0, 2170, 2100)
    return (body + bytes([0x4A, 0x03]) + struct.pack("<H", 6000) + b"\x01\x00").ljust(25, b"\0")


def test_a_pack_is_read_in_the_broadcasts_own_encoding() -> None:
    basic = (bytes([0x02, 0x12]) + bytes(serial())).ljust(25, b"\0")
    one = RemoteId().take(packed(basic, broadcast_location(eastward=True, speed=60, fast=False)), 50.0, 600.0)
    assert one is not None
    assert (one.key, one.height_m, one.up_mps, one.at_s) == (f"uas:{SERIAL}", 85.0, 2.0, 50.0)
    assert one.velocity_mps == pytest.approx((15.0, 0.0), abs=1e-9)
    west = RemoteId().take(packed(broadcast_location(eastward=False, speed=60, fast=True)), 50.0, 601.0)
    assert west is not None
    assert west.velocity_mps == pytest.approx((-(60 * 0.75 + 63.75), 0.0), abs=1e-9)
    assert west.at_s == 49.0
    assert RemoteId().take(packed(basic, size=24), 50.0, 600.0) is None


@given(st.binary(min_size=225, max_size=225), st.integers(0, 255), st.floats(0, 3600))
def test_no_pack_of_random_bytes_does_harm(data: bytes, parts: int, second: float) -> None:
    message = mavlink.MAVLink_open_drone_id_message_pack_message(0, 0, MAC, 25, parts, tuple(data))
    sighting = RemoteId().take(message, 10.0, second)
    if sighting is not None and sighting.velocity_mps is not None:
        assert all(map(math.isfinite, sighting.velocity_mps))


def test_transmitters_are_remembered_in_a_bounded_number() -> None:
    remote = RemoteId()
    for number in range(2000):
        mac = (number % 256, number // 256, 1, *[0] * 17)
        remote.take(mavlink.MAVLink_open_drone_id_basic_id_message(0, 0, mac, 1, 2, serial()), 0.0, 0.0)
    assert remote.remembered <= 500


def test_traffic_is_heard_from_any_component_of_any_system() -> None:
    async def story() -> None:
        network = MemoryNetwork()
        copter = Scripted()
        async with flying(copter, network=network) as (fleet, _):
            heard: list[tuple[int, int]] = []
            fleet.on_traffic = lambda message: heard.append((message.get_srcSystem(), message.get_srcComponent()))
            copter.say(adsb())
            copter.say_as(mavlink.MAV_COMP_ID_ADSB, adsb())
            ground = await network.open_datagrams(f"udpout:{ADDRESS}")
            ground.send(Codec(240, 156).encode(adsb()), ADDRESS)
            await asyncio.sleep(0.1)
            assert heard == [(1, 1), (1, 156), (240, 156)]
            assert [vehicle.system_id for vehicle in fleet.vehicles] == [1]

    run_virtual(story())
