"""Every command to a dock, drone or loudspeaker, in the store before it goes out and again with what it came to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

import numpy as np

from flightctl.clock import Clock
from flightctl.store.records import CommandRecord
from geofence.errors import ChaoxunError
from geofence.identity import uuid7


class CommandArchive(Protocol):
    async def record_command(self, record: CommandRecord) -> None: ...


class CommandLog:
    def __init__(self, archive: CommandArchive, clock: Clock, rng: np.random.Generator) -> None:
        self._archive = archive
        self._clock = clock
        self._rng = rng

    @asynccontextmanager
    async def command(
        self,
        target: str,
        action: str,
        *,
        incident_id: UUID | None,
        details: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[UUID]:
        """Wraps the sending of one command and gives it its id; how the block ends is the command's result."""
        now = self._clock.now()
        record = CommandRecord(
            cmd_id=uuid7(now, self._rng),
            at=now,
            target=target,
            action=action,
            incident_id=incident_id,
            details=dict(details or {}),
        )
        await self._archive.record_command(record)
        try:
            yield record.cmd_id
        except ChaoxunError as error:
            await self._archive.record_command(replace(record, result=f"failed: {error}"))
            raise
        await self._archive.record_command(replace(record, result="done"))
