"""What a response works with: the service's parts it may see and use, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flightctl.casualty import Casualty
from flightctl.clock import Clock
from flightctl.command_log import CommandLog
from flightctl.dock.client import DockClient
from flightctl.drone import DroneHands
from flightctl.eyes import EyeDesk
from flightctl.incidents.book import IncidentBook
from flightctl.incidents.lifecycle import moved, noted
from flightctl.incidents.model import TRANSITIONS, Incident, IncidentState
from flightctl.site import Policy
from flightctl.site_loading import Site
from flightctl.speaker.client import SpeakerClient
from geofence.position import Enu


@dataclass(frozen=True)
class Desk:
    """Everything is looked up when it is needed: docks come and go, people are seen and lost."""

    site: Site
    clock: Clock
    policy: Callable[[], Policy]
    book: IncidentBook
    docks: Mapping[str, DockClient]
    drone_speakers: Mapping[str, SpeakerClient]
    hands: Callable[[str], DroneHands]  # by drone id
    casualty: Callable[[UUID], Casualty]
    wind: Callable[[], Enu]  # m/s, blowing towards
    water_amsl_m: Callable[[Enu], float]
    commands: CommandLog
    others_within_m: Callable[[Enu, UUID], float | None]
    eyes: EyeDesk

    async def note(
        self, incident_id: UUID, actor: str, step: str, text: str = "", data: dict[str, Any] | None = None
    ) -> None:
        at = self.clock.now()
        await self.book.update(incident_id, lambda incident: noted(incident, at, actor, step, text, data))

    async def move(self, incident_id: UUID, state: IncidentState, actor: str, text: str = "") -> None:
        """Moves the incident on, if its present state leads there; a person may have ended it meanwhile."""
        at = self.clock.now()

        def change(incident: Incident) -> Incident:
            if incident.state is state or state not in TRANSITIONS[incident.state]:
                return incident
            return moved(incident, state, at, actor, text)

        await self.book.update(incident_id, change)
