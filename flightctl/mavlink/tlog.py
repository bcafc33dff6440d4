"""Writes every frame that comes and goes to a `.tlog`, the format ground stations replay.

Each record is the UTC in microseconds, 8 bytes big-endian, and the frame as it was on the wire.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from pathlib import Path

from flightctl.clock import Clock

log = logging.getLogger(__name__)

_WRITE_EVERY_S = 1.0
_MAX_WAITING_BYTES = 8 * 1024 * 1024


class TlogWriter:
    """`tap` is handed to the fleet; `run` puts what it gathered on the disk."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._waiting = bytearray()
        self.dropped = 0
        self.lost_bytes = 0

    def tap(self, frame: bytes) -> None:
        """Costs no disk access; frames are dropped and counted when the disk does not keep up."""
        if len(self._waiting) > _MAX_WAITING_BYTES:
            self.dropped += 1
            return
        at_us = round(self._clock.now().timestamp() * 1e6)
        self._waiting += struct.pack(">Q", at_us) + frame

    async def run(self) -> None:
        """Writes once a second until cancelled, and the rest then."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(_WRITE_EVERY_S)
                await loop.run_in_executor(None, self._write, self._take())
        finally:
            self._write(self._take())

    def _take(self) -> bytes:
        taken, self._waiting = bytes(self._waiting), bytearray()
        return taken

    def _write(self, data: bytes) -> None:
        if not data:
            return
        try:
            with self._path.open("ab") as file:
                file.write(data)
        except OSError as error:  # a full disk must not take the links down with it
            self.lost_bytes += len(data)
            log.error("%s: %d bytes of MAVLink were not recorded (%s)", self._path, len(data), error)
