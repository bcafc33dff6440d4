"""Signed vehicles are heard only signed, and no forged, replayed or altered packet changes anything."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.mavlink.signing import (
    KeyRing,
    SigningKeyInvalid,
    SigningStateLost,
    read_key,
    timestamp_of,
    without_signature,
)
from flightctl.vehicle import Fleet
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
START = datetime(2026, 9, 28, tzinfo=UTC)
VEHICLE, GROUND = 1, 255


def ring(keys: dict[int, bytes] | None = None, *, at: datetime = START, state: Path | None = None) -> KeyRing:
    loop = asyncio.new_event_loop()
    loop.close()
    return KeyRing({VEHICLE: KEY} if keys is None else keys, Clock(loop, at), state=state)


def text(words: str) -> Message:
    return mavlink.MAVLink_statustext_message(6, words.encode(), 0, 0)


class Signer:
    """A vehicle that signs with this key; what it packs is for the ground."""

    def __init__(self, key: bytes = KEY, at: datetime = START) -> None:
        self._codec = Codec(VEHICLE, 1, ring({GROUND: key}, at=at))

    def says(self, words: str) -> bytes:
        return self._codec.encode(text(words), GROUND)


def heard(codec: Codec, frame: bytes) -> list[str]:
    return [message.text for message in codec.parse(frame) if isinstance(message, mavlink.MAVLink_statustext_message)]


def forged(frame: bytes, ahead_s: float) -> bytes:
    """With a timestamp far ahead and a signature that its maker could not compute."""
    later = timestamp_of(START + timedelta(seconds=ahead_s)).to_bytes(6, "little")
    return frame[:-12] + later + hashlib.sha256(b"guess").digest()[:6]


def test_a_signed_vehicle_is_heard_and_an_unsigned_one_with_its_id_is_not() -> None:
    ground = Codec(GROUND, 190, ring())
    assert heard(ground, Signer().says("here")) == ["here"]
    assert heard(ground, Codec(VEHICLE, 1).encode(text("not me"))) == []
    assert heard(ground, Signer(OTHER_KEY).says("nor me")) == []
    assert heard(ground, Codec(2, 1).encode(text("without a key"))) == ["without a key"]


def test_one_forged_packet_does_not_lock_the_true_sender_out() -> None:
    ground, vehicle = Codec(GROUND, 190, ring()), Signer()
    assert heard(ground, vehicle.says("one")) == ["one"]
    assert heard(ground, forged(vehicle.says("forged"), 3600.0)) == []
    assert heard(ground, vehicle.says("two")) == ["two"]
    # pymavlink's own check falls for it, which is why ours exists:
    theirs = mavlink.MAVLink(None)
    theirs.robust_parsing = True
    theirs.signing.secret_key, theirs.signing.timestamp = KEY, timestamp_of(START)
    vehicle = Signer()
    theirs.decode(bytearray(vehicle.says("one")))
    with pytest.raises(mavlink.MAVError):
        theirs.decode(bytearray(forged(vehicle.says("forged"), 3600.0)))
    with pytest.raises(mavlink.MAVError):
        theirs.decode(bytearray(vehicle.says("two")))


def test_a_packet_counts_once_even_on_another_channel() -> None:
    keys = ring()
    frame = Signer().says("drop")
    assert heard(Codec(GROUND, 190, keys), frame) == ["drop"]
    assert heard(Codec(GROUND, 190, keys), frame) == []
    assert keys.refused == 1


def test_a_new_stream_may_be_a_minute_behind_and_no_more() -> None:
    assert heard(Codec(GROUND, 190, ring()), Signer(at=START - timedelta(seconds=50)).says("slow clock"))
    assert not heard(Codec(GROUND, 190, ring()), Signer(at=START - timedelta(seconds=70)).says("recorded"))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_altered_byte_passes(index: int, flip: int) -> None:
    ground = Codec(GROUND, 190, ring())
    frame = bytearray(Signer().says("as it was said"))
    frame[index % len(frame)] ^= flip
    assert "as it was said" not in heard(ground, bytes(frame)) or frame[4] != Signer().says("as it was said")[4]
    assert heard(ground, Signer().says("the next")) in (["the next"], [])


def test_radios_hold_no_key_and_are_heard() -> None:
    ground = Codec(GROUND, 190, ring({VEHICLE: KEY, 51: OTHER_KEY}))
    frame = Codec(51, 68).encode(mavlink.MAVLink_radio_status_message(90, 80, 100, 10, 10, 0, 0))
    assert [message.get_type() for message in ground.parse(frame)] == ["RADIO_STATUS"]


def test_timestamps_go_on_after_a_restart_with_the_clock_set_back(tmp_path: Path) -> None:
    state = tmp_path / "signing.txt"
    before = ring(state=state)
    last = before.next_timestamp()
    before.save()
    after = ring(at=START - timedelta(days=30), state=state)
    assert after.next_timestamp() > last
    state.write_text("nonsense")
    with pytest.raises(SigningStateLost, match="put the file back"):
        ring(state=state)


def test_what_is_kept_of_a_frame_carries_no_signature_and_no_key() -> None:
    frame = Signer().says("kept")
    kept = without_signature(frame)
    assert kept is not None
    assert len(kept) == len(frame) - 13
    assert heard(Codec(GROUND, 190), kept) == ["kept"]
    setup = mavlink.MAVLink_setup_signing_message(1, 1, KEY, 0)
    assert without_signature(Codec(GROUND, 190).encode(setup)) is None


def test_a_key_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY.hex() + "\n")
    assert read_key(path) == KEY
    path.write_text(KEY.hex()[:-2])
    with pytest.raises(SigningKeyInvalid, match="64 hexadecimal digits; this has 62"):
        read_key(path)
    with pytest.raises(SigningKeyInvalid):
        read_key(tmp_path / "absent")


def test_a_fleet_signs_what_it_says_to_each_vehicle() -> None:
    """Two vehicles with keys of their own behind one port, and one without: each hears heartbeats it accepts."""

    async def story() -> None:
        network = MemoryNetwork()
        clock = Clock(asyncio.get_running_loop(), START)
        keys = KeyRing({1: KEY, 2: OTHER_KEY}, clock)
        taps: list[bytes] = []
        fleet = Fleet(network, ("udpin:127.0.0.1:14550",), clock=clock, ring=keys, tap=taps.append)
        task = asyncio.ensure_future(fleet.run())
        await asyncio.sleep(0.1)  # it listens
        endpoint = await network.open_datagrams("udpout:127.0.0.1:14550")
        assert endpoint.peer is not None
        own = {
            1: Codec(1, 1, KeyRing({GROUND: KEY}, clock)),
            2: Codec(2, 1, KeyRing({GROUND: OTHER_KEY}, clock)),
            3: Codec(3, 1),
        }
        beat = mavlink.MAVLink_heartbeat_message(2, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 81, 4, 3, 3)
        for codec in own.values():
            endpoint.send(codec.encode(beat, GROUND), endpoint.peer)
        got: dict[int, int] = dict.fromkeys(own, 0)
        ends_s = clock.time_s() + 3.0
        while clock.time_s() < ends_s:
            data, _ = await endpoint.receive()
            for system_id, codec in own.items():
                got[system_id] += any(m.get_type() == "HEARTBEAT" for m in codec.parse(data))
        assert [vehicle.system_id for vehicle in fleet.vehicles if vehicle.online] == [1, 2, 3]
        assert all(count >= 2 for count in got.values()), got
        assert all(not frame[2] & mavlink.MAVLINK_IFLAG_SIGNED for frame in taps)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(story())
