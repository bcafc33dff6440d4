"""A recording is played at its pace; what is damaged in it is skipped and said once."""

from __future__ import annotations

import asyncio
import logging
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, mavlink
from flightctl.mavlink.replay import ReplayEnded, TlogReader, TlogReplay
from flightctl.transport import LinkUnavailable
from flightctl.vehicle import Fleet
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual

START_US = round(datetime(2026, 9, 28, tzinfo=UTC).timestamp() * 1e6)


def recording(seconds: int, *, system_id: int = 4) -> list[bytes]:
    """A heartbeat and a position each second, the height in metres being the second."""
    codec, records = Codec(system_id, 1), list[bytes]()
    for second in range(seconds):
        for message in (
            mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 4, 3),
            mavlink.MAVLink_global_position_int_message(0, 304000000, 1205000000, 0, 1000 * second, 0, 0, 0, 0),
        ):
            records.append(struct.pack(">Q", START_US + 1_000_000 * second) + codec.encode(message))
    return records


async def played(path: Path) -> list[tuple[float, bytes]]:
    replay, got, loop = TlogReplay(path), list[tuple[float, bytes]](), asyncio.get_running_loop()
    while True:
        try:
            frame = await replay.read_some()
        except ReplayEnded:
            return got
        got.append((round(loop.time(), 3), frame))


def test_a_recorded_vehicle_flies_again_at_its_pace_and_takes_no_command(tmp_path: Path) -> None:
    path = tmp_path / "flight.tlog"
    path.write_bytes(b"".join(recording(30)))

    async def story() -> None:
        clock = Clock(asyncio.get_running_loop(), datetime(2027, 1, 1, tzinfo=UTC))
        fleet = Fleet(MemoryNetwork(), (f"tlog:{path}",), clock=clock)
        running = asyncio.ensure_future(fleet.run())
        for second in (5, 20):
            await asyncio.sleep(second + 0.5 - clock.time_s())
            assert fleet.vehicle(4).online
            assert fleet.vehicle(4).telemetry.height_m == second
        with pytest.raises(Exception, match="vehicle 4"):
            await fleet.vehicle(4).arm()
        await asyncio.sleep(40.0)
        assert not fleet.vehicle(4).online
        assert not running.done()  # a recording that is over takes nothing else down
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtual(story())


def test_frames_come_when_they_came_and_long_pauses_are_shortened(tmp_path: Path) -> None:
    path = tmp_path / "flight.tlog"
    stamps_s = (0.0, 0.5, 0.4, 50.0, 100_000.0, 100_002.0)  # one is older than the one before it
    beat = Codec(1, 1).encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 4, 3))
    path.write_bytes(b"".join(struct.pack(">Q", START_US + round(s * 1e6)) + beat for s in stamps_s))
    got = run_virtual(played(path))
    assert [at_s for at_s, _ in got] == [0.0, 0.5, 0.5, 50.1, 51.1, 53.1]


@pytest.mark.parametrize("damage", ["cut short", "garbage before", "garbage between", "garbage after"])
def test_a_damaged_file_is_played_as_far_as_it_holds_with_one_warning(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, records = tmp_path / "flight.tlog", recording(4)
    garbage = bytes(range(256)) * 3
    whole = [record[8:] for record in records]
    content = {
        "cut short": b"".join(records)[:-5],
        "garbage before": garbage + b"".join(records),
        "garbage between": b"".join(records[:3]) + garbage + b"".join(records[3:]) + garbage,
        "garbage after": b"".join(records) + garbage,
    }[damage]
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        got = run_virtual(played(path))
    assert [frame for _, frame in got] == (whole[:-1] if damage == "cut short" else whole)
    assert [r.message for r in caplog.records] == [
        f"{path}: not everything in it is a MAVLink record; what is not is skipped"
    ]


def test_a_file_that_is_no_recording_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "letter.tlog"
    path.write_bytes("潮水不等人".encode() * 20_000)
    assert run_virtual(played(path)) == []


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(LinkUnavailable, match="No such file"):
        run_virtual(TlogReplay(tmp_path / "absent").read_some())


@given(cuts=st.lists(st.integers(1, 70), min_size=1, max_size=8), seconds=st.integers(1, 6))
def test_records_are_the_same_however_the_file_is_read(cuts: list[int], seconds: int) -> None:
    content = b"".join(recording(seconds))
    reader, found, at, turn = TlogReader(), 0, 0, 0
    while at < len(content):
        size = cuts[turn % len(cuts)]
        found += len(reader.take(content[at : at + size]))
        at, turn = at + size, turn + 1
    assert found + len(reader.take(b"", last=True)) == 2 * seconds
    assert reader.skipped_bytes == 0


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_no_bytes_upset_the_reader(pieces: list[bytes]) -> None:
    reader = TlogReader()
    for piece in pieces:
        reader.take(piece)
    reader.take(b"", last=True)
    assert reader.skipped_bytes <= sum(map(len, pieces))
