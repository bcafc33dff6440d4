"""Evidence after it was written: is it what was hashed, how long is it kept, and what a former run left behind.

    evidence/<camera>/<alert id>.jpg|.webm             the picture as it was: for duty use here
    evidence/<camera>/<alert id>.blurred.jpg|.webm     the copy that may leave

Plain functions on a folder and a list of facts; the janitor's task is at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict

from flightctl.clock import Clock
from flightctl.incidents.model import OPEN_STATES, Incident, IncidentState
from flightctl.site import EvidencePolicy
from vision.alert import EvidenceUpdate
from vision.evidence_file import blurred_name, is_blurred, sha256_of

_log = structlog.get_logger(__name__)

EVERY_S = 600.0
_GB = 1e9
_ABANDONED_S = 3600.0  # a file under way this old is under way no more
_SUFFIXES = frozenset({".jpg", ".webm"})


# --- is it what it was?


class FileState(StrEnum):
    OK = "ok"
    ALTERED = "altered"  # the file is not what was hashed when it was written
    MISSING = "missing"  # removed after its time, or by somebody


class EvidenceFile(BaseModel):
    """One file of an incident's evidence and whether it is still what it was."""

    model_config = ConfigDict(frozen=True)

    path: str
    alert_id: UUID
    sha256: str  # when it was written
    state: FileState
    blurred: bool  # the copy that may leave the system
    size_bytes: int = 0


def check_incident(incident: Incident, folder: Path) -> tuple[EvidenceFile, ...]:
    """Every file the incident's alerts name, hashed again. Reads the files: not for the control loop's thread."""
    found: dict[str, EvidenceFile] = {}
    for alert in incident.alerts:
        for path, digest in alert.evidence.sha256.items():
            state, size = _state(folder / path, digest)
            found.setdefault(
                path,
                EvidenceFile(
                    path=path,
                    alert_id=alert.id,
                    sha256=digest,
                    state=state,
                    blurred=is_blurred(path),
                    size_bytes=size,
                ),
            )
    return tuple(found.values())


def _state(path: Path, digest: str) -> tuple[FileState, int]:
    try:
        state = FileState.OK if sha256_of(path) == digest else FileState.ALTERED
        return state, path.stat().st_size
    except OSError:
        return FileState.MISSING, 0


# --- how long is it kept?


@dataclass(frozen=True, slots=True)
class KeptFile:
    path: Path
    alert_id: UUID | None  # whose name it bears; None: nobody's
    written_s: float  # seconds since 1970, as the file system says
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Removal:
    file: KeptFile
    reason: str


def files_in(folder: Path) -> list[KeptFile]:
    """The oldest first. What vanishes meanwhile is not there."""
    found: list[KeptFile] = []
    for path in folder.glob("*/*"):
        try:
            stat = path.lstat()
        except OSError:
            continue
        if path.is_symlink() or not path.is_file() or path.suffix not in _SUFFIXES:
            continue
        found.append(KeptFile(path, _alert_id(path), stat.st_mtime, stat.st_size))
    return sorted(found, key=lambda file: (file.written_s, file.path))


def _alert_id(path: Path) -> UUID | None:
    try:
        return UUID(path.name.lstrip(".").partition(".")[0])
    except ValueError:
        return None


def removals(
    files: Sequence[KeptFile],
    states: Mapping[UUID, IncidentState],
    shared: Collection[Path],
    policy: EvidencePolicy,
    now: datetime,
) -> list[Removal]:
    """What is to go, the oldest first. `shared`: what open incidents show besides what bears their alerts' names.

    Nothing of an open incident goes, even when the folder is over its limit.
    """
    gone: list[Removal] = []
    left: list[KeptFile] = []
    for file in files:
        age = now - datetime.fromtimestamp(file.written_s, now.tzinfo)
        state = None if file.alert_id is None else states.get(file.alert_id)
        if file.path.name.startswith("."):
            if age > timedelta(seconds=_ABANDONED_S):
                gone.append(Removal(file, "left unfinished"))
            continue
        if state in OPEN_STATES or file.path in shared or file.alert_id is None:
            continue
        days = policy.keep_days if state is None else policy.keep_incident_days
        if age > timedelta(days=days):
            gone.append(Removal(file, f"older than {days:g} days"))
        else:
            left.append(file)
    over = sum(file.size_bytes for file in files) - sum(one.file.size_bytes for one in gone) - policy.max_gb * _GB
    for file in sorted(left, key=lambda one: states.get(one.alert_id) is not None if one.alert_id else False):
        if over <= 0:
            break
        gone.append(Removal(file, f"over {policy.max_gb:g} GB"))
        over -= file.size_bytes
    return gone


# --- the janitor


class EvidenceRecords(Protocol):
    """The part of the store that the janitor reads and writes."""

    async def alert_incidents(self, alert_ids: Collection[UUID]) -> dict[UUID, IncidentState]: ...

    async def open_incidents(self) -> list[Incident]: ...

    async def operator_action(
        self, actor: str, action: str, details: Mapping[str, object], *, at: datetime
    ) -> None: ...


async def tidy(folder: Path, records: EvidenceRecords, policy: EvidencePolicy, now: datetime) -> list[Removal]:
    """One round; what was removed is logged and in the audit trail."""
    files = await asyncio.to_thread(files_in, folder)
    if not files:
        return []
    states = await records.alert_incidents({file.alert_id for file in files if file.alert_id is not None})
    shared = {
        folder / path
        for incident in await records.open_incidents()
        for alert in incident.alerts
        for path in alert.evidence.sha256
    }
    planned = removals(files, states, shared, policy, now)
    done = await asyncio.to_thread(_remove, planned)
    if done:
        names = [one.file.path.relative_to(folder).as_posix() for one in done]
        for name, one in zip(names, done, strict=True):
            _log.info("evidence removed", path=name, reason=one.reason, bytes=one.file.size_bytes)
        details = {"files": names, "bytes": sum(one.file.size_bytes for one in done)}
        await records.operator_action("janitor", "evidence_removed", details, at=now)
    return done


def _remove(planned: Sequence[Removal]) -> list[Removal]:
    done: list[Removal] = []
    for one in planned:
        try:
            one.file.path.unlink()
        except OSError as error:
            _log.error("evidence could not be removed", path=str(one.file.path), error=str(error))
        else:
            done.append(one)
    return done


async def keep_tidy(folder: Path, records: EvidenceRecords, policy: EvidencePolicy, clock: Clock) -> None:
    """Until cancelled. A round that fails is logged; the next one tries again."""
    while True:
        try:
            await tidy(folder, records, policy, clock.now())
        except Exception:
            _log.exception("evidence could not be tidied")
        await asyncio.sleep(EVERY_S)


# --- after a restart


def left_behind(incident: Incident, folder: Path) -> list[EvidenceUpdate]:
    """Files that were written whole while nobody listened any more: the service had ended."""
    found: list[EvidenceUpdate] = []
    for alert in incident.alerts:
        if "/" in alert.camera_id or alert.camera_id.startswith("."):
            continue  # no camera of ours has such a name
        for what, suffix in (("snapshot", ".jpg"), ("clip", ".webm")):
            name = f"{alert.camera_id}/{alert.id}{suffix}"
            if getattr(alert.evidence, what) is not None or not (folder / name).is_file():
                continue
            paths = [path for path in (name, blurred_name(name)) if (folder / path).is_file()]
            hashes = {path: sha256_of(folder / path) for path in paths}
            note = f"{what} found after a restart"
            found.append(
                EvidenceUpdate(
                    alert_id=alert.id,
                    what="clip" if what == "clip" else "snapshot",
                    path=name,
                    sha256=hashes,
                    note=note,
                )
            )
    return found
