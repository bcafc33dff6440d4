"""Keeps the pictures of alerts in a folder."""

from __future__ import annotations

from pathlib import Path

import structlog

from vision.pipeline import EvidenceSink

_log = structlog.get_logger(__name__)


def folder_sink(folder: Path, under: str = "") -> EvidenceSink:
    """A sink into `folder/under`; it answers the path relative to `folder`, or None when the disk refuses."""

    def keep(name: str, data: bytes) -> str | None:
        relative = Path(under, name)
        path = folder / relative
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            _log.error("evidence could not be written", path=str(path), error=str(error))
            return None
        return relative.as_posix()

    return keep
