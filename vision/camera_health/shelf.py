"""Keeps each camera's references in a folder beside the evidence."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)


class FolderShelf:
    """Implements `ReferenceShelf`. A disk that refuses is told and costs the references, not the watch."""

    def __init__(self, folder: Path, camera_id: str) -> None:
        self._path = folder / f"{camera_id}.npz"

    def load(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:
            return None

    def keep(self, data: bytes) -> None:
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            os.replace(temporary, self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            _log.error("camera references could not be written", path=str(self._path), error=str(error))
