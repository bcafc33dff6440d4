"""Frames are cut out of whatever comes, and decoded as pymavlink decodes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.mavlink.dialect import Codec, mavlink
from flightctl.mavlink.frames import Cutter, Frame, checksum


def framed(message_id: int, payload: bytes, *, extra: int | None = None, seq: int = 9) -> bytes:
    kind = mavlink.mavlink_map.get(message_id)
    extra = kind.crc_extra if kind is not None else extra or 0
    raw = bytes([253, len(payload), 0, 0, seq, 3, 7]) + message_id.to_bytes(3, "little") + payload
    return raw + checksum(raw[1:], extra)


def fields(message: Any) -> str:
    """As text, for a NaN is like another then."""
    return repr([(name, getattr(message, name)) for name in message.fieldnames]) + repr(vars(message.get_header()))


@pytest.mark.parametrize("message_id", sorted(mavlink.mavlink_map))
def test_every_message_of_the_dialect_is_decoded_as_pymavlink_does(message_id: int) -> None:
    rng = np.random.default_rng(message_id)
    size = mavlink.mavlink_map[message_id].unpacker.size
    for share in (0.0, 0.3, 1.0):
        payload = (rng.integers(0, 256, size) * (rng.random(size) < share)).astype(np.uint8).tobytes()
        raw = framed(message_id, payload.rstrip(b"\x00") or b"\x00")
        theirs = mavlink.MAVLink(None).decode(bytearray(raw))
        (frame,) = Cutter().cut(raw)
        assert fields(frame.message()) == fields(theirs)
        assert frame.target_system == getattr(theirs, "target_system", 0)
        assert frame.known
        assert (frame.system_id, frame.component_id, frame.seq) == (3, 7, 9)


def test_a_message_longer_than_the_dialect_knows_is_read_as_far_as_it_is_known() -> None:
    raw = framed(mavlink.MAVLINK_MSG_ID_HEARTBEAT, bytes(range(1, 10)) + b"newer fields")
    (frame,) = Cutter().cut(raw)
    message = frame.message()
    assert isinstance(message, mavlink.MAVLink_heartbeat_message)
    assert (message.type, message.autopilot) == (5, 6)


def test_a_frame_of_an_unknown_message_is_kept_as_it_is_and_not_decoded() -> None:
    raw = framed(54_321, b"of another dialect", extra=17)
    (frame,) = Cutter().cut(raw)
    assert frame.raw == raw
    assert not frame.known
    assert frame.message() is None
    assert frame.target_system == 0


def test_mavlink_1_is_understood() -> None:
    mav = mavlink.MAVLink(None, 4, 1)
    raw = mavlink.MAVLink_heartbeat_message(2, 3, 81, 5, 4, 3).pack(mav, force_mavlink1=True)
    (frame,) = Cutter().cut(bytes(raw))
    message = frame.message()
    assert isinstance(message, mavlink.MAVLink_heartbeat_message)
    assert (frame.system_id, message.custom_mode) == (4, 5)


@given(
    pieces=st.lists(st.one_of(st.binary(max_size=30), st.integers(0, 2**32 - 1)), max_size=12),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=6),
)
def test_noise_between_frames_hides_none_of_them(pieces: list[bytes | int], cuts: list[int]) -> None:
    """However the stream is cut, and whatever stands between."""
    codec = Codec(1, 1)
    frames = [
        codec.encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, p, 4, 3)) for p in pieces if isinstance(p, int)
    ]
    numbered = iter(frames)
    # noise cannot pretend to be a frame of an unknown kind that reaches over true ones
    quiet = [bytes(b for b in p if b not in {0xFD, 0xFE}) if isinstance(p, bytes) else next(numbered) for p in pieces]
    stream = b"".join(quiet)
    cutter, found, at, turn = Cutter(), list[Frame](), 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        found += cutter.cut(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert [frame.raw for frame in found] == frames


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_what_is_left_waiting_is_never_more_than_one_frame(pieces: list[bytes]) -> None:
    cutter = Cutter()
    for piece in pieces:
        cutter.cut(b"\xfd" + piece)
    heartbeat = Codec(1, 1).encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, 7, 4, 3))
    found = cutter.cut(heartbeat * 20)  # longer than any frame that the noise may have promised
    assert found[-1].raw == heartbeat


@given(st.binary(min_size=1, max_size=200), st.integers(0, 255))
def test_the_checksum_is_mavlinks(content: bytes, extra: int) -> None:
    theirs = mavlink.x25crc(content + bytes([extra])).crc
    assert checksum(content, extra) == int(theirs).to_bytes(2, "little")


def test_broken_frames_and_noise_are_counted() -> None:
    cutter = Cutter()
    heartbeat = bytearray(Codec(1, 1).encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, 7, 4, 3)))
    heartbeat[12] ^= 1
    assert cutter.cut(bytes(heartbeat)) == []
    assert cutter.broken > 0
