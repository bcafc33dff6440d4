"""The store's errors.

ChaoxunError
├── StoreUnavailable   the file cannot be read or written now: disk full, locked, damaged, not permitted
└── KeyTaken           an external key already belongs to another incident
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from geofence.errors import ChaoxunError


class StoreUnavailable(ChaoxunError):
    """The database cannot be used now. What was acknowledged before is kept; this call has changed nothing."""


class KeyTaken(ChaoxunError):
    """The external key was used before; `incident_id` is what it led to."""

    def __init__(self, source: str, key: str, incident_id: UUID) -> None:
        super().__init__(f"key {key!r} of {source} already belongs to incident {incident_id}")
        self.incident_id = incident_id


_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_BUSY: "another program holds it locked; close that program",
    sqlite3.SQLITE_LOCKED: "another program holds it locked; close that program",
    sqlite3.SQLITE_READONLY: "it may not be written; check the owner and permissions of the folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that the folder exists and may be written",
    sqlite3.SQLITE_NOTADB: "it is not a Chaoxun database; move the file away or name another one",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore a backup and keep this file for examination",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check the disk",
}


def unavailable(path: Path, error: Exception) -> StoreUnavailable:
    """One sentence for what the database or the file system said."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, OSError):
        reason = "the disk is full" if origin.errno == errno.ENOSPC else (origin.strerror or str(origin))
        return StoreUnavailable(f"The store {path} cannot be used: {reason}.")
    code = getattr(origin, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else -1  # extended codes carry the primary in the low byte
    reason = _ADVICE.get(primary, str(origin))
    return StoreUnavailable(f"The store {path} cannot be used: {reason}.")
