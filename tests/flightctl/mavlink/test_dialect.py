"""Bytes to messages and back: noise never raises, whole messages always come through."""

from __future__ import annotations

import asyncio
import struct
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, mavlink
from flightctl.mavlink.tlog import TlogWriter
from sim.virtual_time import run_virtual


def heartbeat(mode: int) -> mavlink.MAVLink_heartbeat_message:
    return mavlink.MAVLink_heartbeat_message(2, 3, 81, mode, 4, 3)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_noise_yields_no_exception(pieces: list[bytes]) -> None:
    codec = Codec(255, 190)
    for piece in pieces:
        codec.parse(piece)


@given(position=st.integers(0, 20), value=st.integers(0, 255))
def test_a_frame_with_a_changed_byte_is_dropped_and_the_next_one_is_read(position: int, value: int) -> None:
    sender, receiver = Codec(1, 1), Codec(255, 190)
    frame = bytearray(sender.encode(heartbeat(4)))
    changed = frame[position] != value
    frame[position] = value
    got = receiver.parse(bytes(frame))
    assert bool(got) is not changed
    for _ in range(20):  # a damaged length swallows some that follow
        got = receiver.parse(sender.encode(heartbeat(6)))
    assert [m.custom_mode for m in got if isinstance(m, mavlink.MAVLink_heartbeat_message)][-1] == 6


@given(cuts=st.lists(st.integers(1, 60), min_size=1, max_size=10), modes=st.lists(st.integers(0, 30), max_size=12))
def test_a_stream_cut_anywhere_gives_the_same_messages(cuts: list[int], modes: list[int]) -> None:
    sender, receiver = Codec(1, 1), Codec(255, 190)
    stream = b"".join(sender.encode(heartbeat(mode)) for mode in modes)
    got: list[int] = []
    at, turn = 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        for message in receiver.parse(stream[at : at + size]):
            assert isinstance(message, mavlink.MAVLink_heartbeat_message)
            got.append(message.custom_mode)
        at, turn = at + size, turn + 1
    assert got == modes


def test_the_log_holds_each_frame_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "flight.tlog"

    async def story() -> bytes:
        start = datetime(2026, 9, 28, 5, 0, tzinfo=UTC)
        writer = TlogWriter(path, Clock(asyncio.get_running_loop(), start))
        running = asyncio.ensure_future(writer.run())
        await asyncio.sleep(0.5)
        frame = Codec(1, 1).encode(heartbeat(4))
        writer.tap(frame)
        await asyncio.sleep(2.0)
        writer.tap(frame)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return frame

    frame = run_virtual(story())
    data = path.read_bytes()
    record = 8 + len(frame)
    assert len(data) == 2 * record
    times = [struct.unpack(">Q", data[at : at + 8])[0] for at in (0, record)]
    assert times[1] - times[0] == 2_000_000
    assert datetime.fromtimestamp(times[0] / 1e6, UTC) == datetime(2026, 9, 28, 5, 0, 0, 500_000, tzinfo=UTC)
    assert data[8:record] == frame


def test_a_frame_with_a_flag_it_does_not_know_is_not_taken() -> None:
    """MAVLink 2: a receiver drops what carries an incompatibility flag it does not understand."""
    frame = bytearray(Codec(1, 1).encode(mavlink.MAVLink_statustext_message(6, b"odd", 0, 0)))
    frame[2] = 0x02
    crc = mavlink.x25crc(bytes(frame[1:-2]) + bytes([mavlink.MAVLink_statustext_message.crc_extra])).crc
    frame[-2:] = crc.to_bytes(2, "little")
    assert Codec(255, 190).parse(bytes(frame)) == []
