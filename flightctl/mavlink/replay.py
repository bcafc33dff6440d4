"""Plays a `.tlog` as if its vehicles were there: at the pace it was recorded, by the event loop's clock.

Each record is the UTC in microseconds, 8 bytes big-endian, and a frame. What is no record (a file cut short while
it was written, a damaged disk, another kind of file) is skipped up to the next record and said once.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from flightctl.mavlink.frames import MAGIC, is_whole, size_at
from flightctl.transport import LinkUnavailable

log = logging.getLogger(__name__)

_STAMP_BYTES = 8
_CHUNK_BYTES = 64 * 1024
_EARLIEST_US, _LATEST_US = 946_684_800_000_000, 4_102_444_800_000_000  # the years 2000 to 2100
_LONGEST_GAP_S = 60.0
_GAP_S = 1.0  # a longer pause (two flights in one file) is played as this

Record = tuple[int, bytes]


class ReplayEnded(LinkUnavailable):
    """The recording is over; nothing more will come of it."""


class TlogReader:
    """Cuts a file that comes in pieces into records."""

    def __init__(self) -> None:
        self.skipped_bytes = 0
        self._rest = b""

    def take(self, data: bytes, *, last: bool = False) -> list[Record]:
        """The records that are whole by now; with `last` what remains is no record any more."""
        data, at = self._rest + data, 0
        found: list[Record] = []
        while True:
            magic = MAGIC.search(data, at + _STAMP_BYTES)
            if magic is None:
                keep = at if last else max(at, len(data) - _STAMP_BYTES)
                break
            start = magic.start() - _STAMP_BYTES
            size = size_at(data, magic.start())
            if size is None or len(data) - magic.start() < size > 0:
                if not last:
                    self.skipped_bytes += start - at
                    self._rest = data[start:]
                    return found
                at_us, raw = 0, b""
            else:
                at_us = int.from_bytes(data[start : magic.start()], "big")
                raw = data[magic.start() : magic.start() + size]
            if raw and _EARLIEST_US < at_us < _LATEST_US and is_whole(raw) is not False:
                self.skipped_bytes += start - at
                found.append((at_us, raw))
                at = magic.start() + size
            else:
                self.skipped_bytes += start + 1 - at
                at = start + 1
        self.skipped_bytes += (len(data) if last else keep) - at
        self._rest = b"" if last else data[keep:]
        return found


class TlogReplay:
    """Implements `flightctl.transport.Bytes`; whatever is said to a recording is dropped and counted."""

    unsent_bytes = 0

    def __init__(self, path: Path) -> None:
        self.dropped = 0
        self._path = path
        self._reader = TlogReader()
        self._records: list[Record] = []
        self._next = 0
        self._read_bytes = 0
        self._done = False
        self._told = False
        self._last_us: int | None = None
        self._due_s = 0.0

    async def read_some(self) -> bytes:
        """The next frame when its time has come. Raises ReplayEnded, and LinkUnavailable when it cannot be read."""
        while self._next >= len(self._records):
            if self._done:
                raise ReplayEnded(f"{self._path} has been played to its end")
            await self._read_on()
        at_us, raw = self._records[self._next]
        self._next += 1
        loop = asyncio.get_running_loop()
        if self._last_us is None:
            self._due_s = loop.time()
        else:
            gap_s = (at_us - self._last_us) / 1e6
            self._due_s += 0.0 if gap_s < 0.0 else gap_s if gap_s <= _LONGEST_GAP_S else _GAP_S
        self._last_us = at_us
        if self._due_s > loop.time():
            await asyncio.sleep(self._due_s - loop.time())
        return raw

    def write(self, data: bytes) -> None:
        self.dropped += 1

    def close(self) -> None:
        self._done, self._records, self._next = True, [], 0

    async def _read_on(self) -> None:
        try:
            data = await asyncio.get_running_loop().run_in_executor(None, self._read)
        except OSError as error:
            raise LinkUnavailable(f"cannot read {self._path}: {error.strerror or error}") from error
        self._read_bytes += len(data)
        self._done = not data
        self._records, self._next = self._reader.take(data, last=self._done), 0
        if self._reader.skipped_bytes and not self._told:
            self._told = True
            log.warning("%s: not everything in it is a MAVLink record; what is not is skipped", self._path)

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            return file.read(_CHUNK_BYTES)
