"""`chaoxun replay`: an incident's timeline again, from the store, also beside a running service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from flightctl.cli.running import DEFAULT_DATA, DataOption, JsonOption, run, table
from geofence.errors import ChaoxunError

if TYPE_CHECKING:
    from flightctl.incidents.model import Incident
    from flightctl.store import CommandRecord


def replay(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or `last`.")],
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Tell an incident again: what happened, when, who did it and why."""
    found, commands = run(_load(incident, data))
    if as_json:
        typer.echo(found.model_dump_json(indent=1))
        return
    _tell(found, commands)


async def _load(which: str, data: Path) -> tuple[Incident, tuple[CommandRecord, ...]]:
    from flightctl.store import DATABASE_NAME, Store

    path = data / DATABASE_NAME
    async with await Store.open(path, read_only=True) as store:
        if which == "last":
            newest = await store.incidents(limit=1)
            if not newest:
                raise ChaoxunError(f"The store {path} has no incident yet.")
            found: Incident | None = newest[0]
        else:
            try:
                incident_id = UUID(which)
            except ValueError:
                raise ChaoxunError(f"{which!r} is neither an incident's id nor the word `last`.") from None
            found = await store.incident(incident_id)
        if found is None:
            raise ChaoxunError(f"The store {path} has no incident {which}; `chaoxun replay last` shows the newest.")
        return found, await store.commands(found.id)


def _tell(incident: Incident, commands: tuple[CommandRecord, ...]) -> None:
    def after(entry_s: float) -> str:
        return f"{entry_s:+.1f} s"

    title = f"Incident {incident.id}: {incident.priority.name}, {incident.state.value}"
    start = incident.opened_at
    rows = [
        (after((entry.at - start).total_seconds()), entry.actor, entry.step, entry.text)
        for entry in incident.timeline
    ]
    table(f"{title}\nopened {start:%Y-%m-%d %H:%M:%S} UTC", ("after", "who", "what", "why"), rows)
    for decision in incident.decisions:
        candidates = [
            (one.drone_id, one.dock_id, "chosen" if one.refusal is None else one.refusal.value, one.reason)
            for one in decision.candidates
        ]
        at_s = (decision.at - start).total_seconds()
        table(f"Decision at {after(at_s)}: {decision.explanation}", ("drone", "dock", "", "why"), candidates)
    if commands:
        sent = [
            (after((one.at - start).total_seconds()), one.target, one.action, one.result or "no answer")
            for one in commands
        ]
        table("Commands", ("after", "to", "what", "came to"), sent)
    if incident.outcome is not None:
        typer.echo(incident.outcome.summary)
