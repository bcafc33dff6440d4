"""The store as the service sees it: awaitable, durable when the await returns, one thread behind it.

All database work runs in one thread, in the order in which it was asked for, so there is one writer and no lock to
wait for. Telemetry alone is not awaited: it is buffered, written in batches, and the oldest goes when the disk
cannot keep up.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from flightctl.incidents.model import OPEN_STATES, Incident, IncidentState
from flightctl.store import queries
from flightctl.store.database import Database
from flightctl.store.errors import StoreUnavailable, unavailable
from flightctl.store.records import CommandRecord, OperatorAction, TelemetryRow

Result = TypeVar("Result")

DATABASE_NAME = "chaoxun.db"
"""The file's name in a data folder."""
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

    async def save_incident(self, incident: Incident) -> None:
        """Writes the incident and what is new in its alerts, decisions and timeline, all or nothing.

        On the disk when it returns. Raises StoreUnavailable; then nothing was written.
        """
        await self._write(lambda db: queries.write_incident(db, incident))

    async def incident(self, incident_id: UUID) -> Incident | None:
        return await self._read(lambda db: queries.read_incident(db, incident_id))

    async def open_incidents(self, states: Collection[IncidentState] = OPEN_STATES) -> list[Incident]:
        """Those in the given states, by priority, then the oldest first."""
        return await self._read(lambda db: queries.read_in_states(db, states))

    async def incidents(self, limit: int = 50, before: UUID | None = None) -> list[Incident]:
        """A page of all incidents, the newest first; the next page is before the last one's id."""
        return await self._read(lambda db: queries.read_page(db, limit, before))

    async def alert_incidents(self, alert_ids: Collection[UUID]) -> dict[UUID, IncidentState]:
        """The state of the incident of each of these alerts; alerts without an incident are left out."""
        return await self._read(lambda db: queries.read_alert_incidents(db, alert_ids))

    async def external_key(self, source: str, key: str) -> UUID | None:
        """The incident that this key of another system led to, if it was used."""
        return await self._read(lambda db: queries.read_key(db, source, key))

    async def save_external_key(self, source: str, key: str, incident_id: UUID) -> UUID:
        """Binds the key to a saved incident; answers what it belongs to: this one, or who was first."""
        return await self._write(lambda db: queries.claim_key(db, source, key, incident_id))

    # Commands, actions, settings

    async def record_command(self, record: CommandRecord) -> None:
        """Before it is sent (without a result), and again with the same `cmd_id` and its result."""
        await self._write(lambda db: queries.write_command(db, record))

    async def commands(self, incident_id: UUID) -> tuple[CommandRecord, ...]:
        return await self._read(lambda db: queries.read_commands(db, incident_id))

    async def operator_action(self, actor: str, action: str, details: Mapping[str, Any], *, at: datetime) -> None:
        """What a person did, for the audit trail."""
        record = OperatorAction(at, actor, action, details)
        await self._write(lambda db: queries.write_action(db, record))

    async def operator_actions(self, limit: int = 100) -> tuple[OperatorAction, ...]:
        """The newest first."""
        return await self._read(lambda db: queries.read_actions(db, limit))

    async def get_setting(self, key: str) -> Any:
        """What was put under `key`; None when nothing was."""
        return await self._read(lambda db: queries.read_setting(db, key))

    async def put_setting(self, key: str, value: Any) -> None:
        """`value` is plain JSON."""
        await self._write(lambda db: queries.write_setting(db, key, value))

    async def check(self) -> None:
        """Raises StoreUnavailable when the file cannot be read."""
        await self._read(lambda db: db.scalar(select(1)))

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
                await self.in_thread(lambda _: self._write_telemetry(rows))
            except StoreUnavailable:
                self._give_back(rows)
                raise

    async def track(self, drone_id: str, since: datetime, until: datetime) -> tuple[TelemetryRow, ...]:
        """The telemetry of one drone that has been written, the oldest first."""
        return await self._read(lambda db: queries.read_telemetry(db, drone_id, since, until))

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

    async def _write(self, change: Callable[[Connection], Result]) -> Result:
        """One durable transaction; it is undone when anything in it fails."""

        def work(database: Database) -> Result:
            with database.durable.begin():
                return change(database.durable)

        return await self.in_thread(work)

    async def _read(self, query: Callable[[Connection], Result]) -> Result:
        return await self._write(query)  # one that only reads shuts nobody out

    async def in_thread(self, work: Callable[[Database], Result]) -> Result:
        """Runs `work` in the store's thread, after what was asked for before. Raises StoreUnavailable."""
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
