"""The incidents of the running service: every change is in the store before anyone is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from flightctl.incidents.lifecycle import is_open
from flightctl.incidents.model import Drift, Incident

_KEEP_CLOSED = 30  # shown in the panel for a while; all are in the store


class IncidentStore(Protocol):
    async def save_incident(self, incident: Incident) -> None: ...

    async def open_incidents(self) -> list[Incident]: ...


class IncidentBook:
    """Changes are pure functions applied at once in memory and awaited on disk, in the order they were made."""

    def __init__(self, store: IncidentStore, on_change: Callable[[], None]) -> None:
        self._store = store
        self._on_change = on_change
        self._incidents: dict[UUID, Incident] = {}

    async def load(self) -> list[Incident]:
        """Takes up the open incidents that a former run left."""
        found = await self._store.open_incidents()
        self._incidents = {incident.id: incident for incident in found}
        return found

    def get(self, incident_id: UUID) -> Incident | None:
        return self._incidents.get(incident_id)

    def __getitem__(self, incident_id: UUID) -> Incident:
        return self._incidents[incident_id]

    def open(self) -> list[Incident]:
        """By urgency, then by age."""
        return [incident for incident in self.all() if is_open(incident)]

    def all(self) -> list[Incident]:
        """Open ones first by urgency and age, then those that are over, newest first."""
        listed = list(self._incidents.values())
        opened = sorted((i for i in listed if is_open(i)), key=lambda i: (i.priority, i.opened_at))
        over = sorted((i for i in listed if not is_open(i)), key=lambda i: i.opened_at, reverse=True)
        return opened + over

    async def add(self, incident: Incident) -> Incident:
        self._incidents[incident.id] = incident
        await self._saved(incident)
        self._forget_old()
        return incident

    async def update(self, incident_id: UUID, change: Callable[[Incident], Incident]) -> Incident:
        """Applies `change`; what it raises leaves the incident as it was."""
        before = self._incidents[incident_id]
        after = change(before)
        if after is before:
            return before
        self._incidents[incident_id] = after
        await self._saved(after)
        return after

    def set_drift(self, incident: Incident, drift: Drift) -> Incident:
        """The reckoned position moves many times a second; it is kept in memory and saved with the next change."""
        moved = incident.model_copy(update={"drift": drift})
        self._incidents[incident.id] = moved
        return moved

    async def _saved(self, incident: Incident) -> None:
        self._on_change()
        await self._store.save_incident(incident)

    def _forget_old(self) -> None:
        over = [incident for incident in self.all() if not is_open(incident)]
        for incident in over[_KEEP_CLOSED:]:
            del self._incidents[incident.id]
