"""The SQLite file itself: opening, pragmas, migration. Everything here runs in the store's one thread.

Two connections: `durable` syncs each commit to the disk (an acknowledged incident survives a power cut), `quick`
leaves the sync to the next durable commit or checkpoint (telemetry). Both survive the death of the process.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from flightctl.store.errors import StoreUnavailable

_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """An open, migrated file."""

    def __init__(self, path: Path, *, read_only: bool, busy_timeout_s: float) -> None:
        self.path = path
        self._read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        event.listen(self._engine, "begin", _begin)
        self.durable = self._engine.connect()
        try:
            self._migrate()
            self.quick = self._engine.connect()
            raw = self.quick.connection.driver_connection
            if isinstance(raw, sqlite3.Connection):
                raw.execute("PRAGMA synchronous=NORMAL")
        except BaseException:
            self.durable.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,  # SQLAlchemy begins and commits, also around changes of the schema
        )
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            if not self._read_only:
                connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        head = ScriptDirectory.from_config(config).get_current_head()
        with self.durable.begin():
            present = MigrationContext.configure(self.durable).get_current_revision()
        if present == head:
            return
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if present is not None and present not in known:
            raise StoreUnavailable(
                f"The store {self.path} was written by a newer Chaoxun (schema {present}, this one knows {head}); "
                "install that version or name another data folder."
            )
        if self._read_only:
            raise StoreUnavailable(
                f"The store {self.path} has schema {present or 'none'} and needs {head}; "
                "start the service once on this data folder."
            )
        config.attributes["connection"] = self.durable
        command.upgrade(config, "head")
        self.durable.commit()

    def close(self) -> None:
        self.quick.close()
        self.durable.close()
        self._engine.dispose()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
