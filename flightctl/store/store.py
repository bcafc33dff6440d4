"""The store as the service sees it: awaitable, durable when the await returns, one thread behind it.

All database work runs in one thread, in the order in which it was asked for, so there is one writer and no lock to
wait for. Telemetry alone is not awaited: it is buffered, written in batches, and the oldest goes when the disk
cannot keep up.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from flightctl.incidents.model import OPEN_STATES, Incident, IncidentState
from flightctl.store import queries
from flightctl.store.database import Database
from flightctl.store.errors import StoreUnavailable, unavailable
from flightctl.store.records import CommandRecord, ExternalKey, OperatorAction, TelemetryRow

Result = TypeVar("Result")

TELEMETRY_FLUSH_S = 0.5
TELEMETRY_BUFFER_ROWS = 20_000
"""Forty seconds of fifty drones at 10 Hz; beyond that the oldest rows go and are counted."""

_log = structlog.get_logger(__name__)


class Store:
    """Open it with `Store.open`; close it, or use it as an async context."""

    def __init__(self, database: Database, thread: ThreadPoolExecutor) -> None:
        self._database = database
        self._thread = thread
        self._closed = False
        self._telemetry: deque[TelemetryRow] = deque()
        self._flush_timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Future[None] | None = None
        self._telemetry_failing = False
        self.telemetry_dropped = 0

    @classmethod
    async def open(cls, path: Path, *, read_only: bool = False, busy_timeout_s: float = 5.0) -> Store:
        """Opens the file, makes it when it is not there, and brings its schema up to date.

        Raises StoreUnavailable.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

        def work() -> Database:
            if read_only and not path.exists():
                raise StoreUnavailable(f"There is no store at {path}; check the data folder (--data).")
            try:
                return Database(path, read_only=read_only, busy_timeout_s=busy_timeout_s)
            except (DBAPIError, sqlite3.Error, OSError) as error:
                raise unavailable(path, error) from error

        try:
            database = await asyncio.get_running_loop().run_in_executor(thread, work)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(database, thread)

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    @property
    def path(self) -> Path:
        return self._database.path

    async def close(self) -> None:
        """Writes what telemetry is buffered and closes the file. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        loop = asyncio.get_running_loop()
        rows = self._take_telemetry()
        try:
            if rows:
                await loop.run_in_executor(self._thread, self._write_telemetry, rows)
        except StoreUnavailable as error:
            _log.error("telemetry lost at close", rows=len(rows), reason=str(error))
        finally:
            await loop.run_in_executor(self._thread, self._database.close)
            self._thread.shutdown(wait=False)

    # Incidents

    async def save_incident(self, incident: Incident, *, external_key: ExternalKey | None = None) -> None:
        """Writes the incident and what is new in its alerts, decisions and timeline, all or nothing.

        With `external_key` the key is bound to the incident in the same transaction. Raises KeyTaken, when it
        belongs to another one, and StoreUnavailable; then nothing was written.
        """

        def work(database: Database) -> None:
            with database.durable.begin():
                queries.write_incident(database.durable, incident, external_key)

        await self._run(work)

    async def incident(self, incident_id: UUID) -> Incident | None:
        return await self._read(lambda db: queries.read_incident(db.durable, incident_id))

    async def open_incidents(self, states: Collection[IncidentState] = OPEN_STATES) -> tuple[Incident, ...]:
        """Those in the given states, by priority, then the oldest first."""
        return await self._read(lambda db: queries.read_in_states(db.durable, states))

    async def incidents(self, limit: int = 50, before: UUID | None = None) -> tuple[Incident, ...]:
        """A page of all incidents, the newest first; the next page is before the last one's id."""
        return await self._read(lambda db: queries.read_page(db.durable, limit, before))

    async def external_key(self, source: str, key: str) -> UUID | None:
        """The incident that this key led to, if it was used."""
        return await self._read(lambda db: queries.read_key(db.durable, ExternalKey(source, key)))

    # Commands, actions, settings

    async def record_command(self, record: CommandRecord) -> None:
        """Before it is sent (without a result), and again with the same `cmd_id` and its result."""

        def work(database: Database) -> None:
            with database.durable.begin():
                queries.write_command(database.durable, record)

        await self._run(work)

    async def commands(self, incident_id: UUID) -> tuple[CommandRecord, ...]:
        return await self._read(lambda db: queries.read_commands(db.durable, incident_id))

    async def record_action(self, action: OperatorAction) -> None:
        def work(database: Database) -> None:
            with database.durable.begin():
                queries.write_action(database.durable, action)

        await self._run(work)

    async def operator_actions(self, limit: int = 100) -> tuple[OperatorAction, ...]:
        return await self._read(lambda db: queries.read_actions(db.durable, limit))

    async def setting(self, key: str, default: Any = None) -> Any:
        return await self._read(lambda db: queries.read_setting(db.durable, key, default))

    async def put_setting(self, key: str, value: Any) -> None:
        """`value` is plain JSON."""

        def work(database: Database) -> None:
            with database.durable.begin():
                queries.write_setting(database.durable, key, value)

        await self._run(work)

    async def check(self) -> None:
        """Raises StoreUnavailable when the file cannot be read."""
        await self._read(lambda db: db.durable.scalar(select(1)))

    # Telemetry

    def telemetry(self, rows: Iterable[TelemetryRow]) -> None:
        """Takes rows to be written within TELEMETRY_FLUSH_S; never waits, never raises for the disk."""
        self._telemetry.extend(rows)
        while len(self._telemetry) > TELEMETRY_BUFFER_ROWS:
            self._telemetry.popleft()
            self.telemetry_dropped += 1
        self._schedule_flush()

    async def flush_telemetry(self) -> None:
        """Writes what is buffered now. Raises StoreUnavailable, and then keeps the rows."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        rows = self._take_telemetry()
        if rows:
            try:
                await self._run(lambda _: self._write_telemetry(rows))
            except StoreUnavailable:
                self._give_back(rows)
                raise

    async def track(self, drone_id: str, since: datetime, until: datetime) -> tuple[TelemetryRow, ...]:
        """The telemetry of one drone that has been written, the oldest first."""
        return await self._read(lambda db: queries.read_telemetry(db.durable, drone_id, since, until))

    def _schedule_flush(self) -> None:
        if self._closed or not self._telemetry or self._flush_timer is not None or self._flushing is not None:
            return
        self._flush_timer = asyncio.get_running_loop().call_later(TELEMETRY_FLUSH_S, self._start_flush)

    def _start_flush(self) -> None:
        self._flush_timer = None
        rows = self._take_telemetry()
        if not rows:
            return
        loop = asyncio.get_running_loop()
        self._flushing = loop.run_in_executor(self._thread, self._write_telemetry, rows)
        self._flushing.add_done_callback(lambda done: self._flushed(done, rows))

    def _flushed(self, done: asyncio.Future[None], rows: list[TelemetryRow]) -> None:
        self._flushing = None
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._give_back(rows)
            if not self._telemetry_failing:
                _log.error("telemetry cannot be written; keeping the newest", reason=str(error))
        elif self._telemetry_failing:
            _log.info("telemetry is written again", dropped=self.telemetry_dropped)
        self._telemetry_failing = error is not None
        self._schedule_flush()

    def _take_telemetry(self) -> list[TelemetryRow]:
        rows = list(self._telemetry)
        self._telemetry.clear()
        return rows

    def _give_back(self, rows: list[TelemetryRow]) -> None:
        room = max(0, TELEMETRY_BUFFER_ROWS - len(self._telemetry))
        kept = rows[-room:] if room else []
        self.telemetry_dropped += len(rows) - len(kept)
        self._telemetry.extendleft(reversed(kept))

    def _write_telemetry(self, rows: list[TelemetryRow]) -> None:
        def work(database: Database) -> None:
            with database.quick.begin():
                queries.write_telemetry(database.quick, rows)

        self._guarded(work)

    # The thread

    async def _read(self, query: Callable[[Database], Result]) -> Result:
        def work(database: Database) -> Result:
            with database.durable.begin():
                return query(database)

        return await self._run(work)

    async def _run(self, work: Callable[[Database], Result]) -> Result:
        if self._closed:
            raise StoreUnavailable(f"The store {self.path} is closed.")
        # A cancelled caller (shutdown) must not take back a write that is queued.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work))

    def _guarded(self, work: Callable[[Database], Result]) -> Result:
        try:
            return work(self._database)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise unavailable(self.path, error) from error
        except ValidationError as error:
            raise StoreUnavailable(
                f"The store {self.path} holds a document that this version cannot read: {error.title}; "
                "install the version that wrote it."
            ) from error
