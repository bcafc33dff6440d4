"""`chaoxun evidence`: whether the pictures kept for incidents are still what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from flightctl.cli.running import DEFAULT_DATA, DataOption, JsonOption, run, table, write_json
from geofence.errors import ChaoxunError

if TYPE_CHECKING:
    from flightctl.evidence import EvidenceFile
    from flightctl.incidents.model import Incident

_PAGE = 200


def evidence(
    incident: Annotated[str, typer.Argument(metavar="[INCIDENT]", help="Its id, `last`, or `all`.")] = "all",
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Hash every snapshot and clip again; exit status 1 when one is not what was recorded."""
    files = run(_check(incident, data))
    altered = [one for one in files if one.state == "altered"]
    if as_json:
        write_json([one.model_dump(mode="json") for one in files])
    else:
        rows = [(one.path, one.state.value, f"{one.size_bytes:,}", one.sha256[:16]) for one in files]
        table(f"{len(files)} files of evidence", ("file", "state", "bytes", "SHA-256 when written"), rows)
    if altered:
        names = ", ".join(one.path for one in altered)
        raise ChaoxunError(f"{len(altered)} of {len(files)} files are not what was recorded: {names}")


async def _check(which: str, data: Path) -> list[EvidenceFile]:
    from flightctl.evidence import check_incident

    found = {
        file.path: file for one in await _incidents(which, data) for file in check_incident(one, data / "evidence")
    }
    return list(found.values())


async def _incidents(which: str, data: Path) -> list[Incident]:
    from flightctl.store import DATABASE_NAME, Store

    path = data / DATABASE_NAME
    async with await Store.open(path, read_only=True) as store:
        if which == "last":
            return await store.incidents(limit=1)
        if which == "all":
            found: list[Incident] = []
            before: UUID | None = None
            while page := await store.incidents(_PAGE, before):
                found += page
                before = page[-1].id
            return found
        try:
            one = await store.incident(UUID(which))
        except ValueError:
            raise ChaoxunError(f"{which!r} is neither an incident's id nor `last` nor `all`.") from None
        if one is None:
            raise ChaoxunError(f"The store {path} has no incident {which}; `chaoxun replay last` shows the newest.")
        return [one]
