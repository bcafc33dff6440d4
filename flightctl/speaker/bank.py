"""Warning from the bank: the speakers that reach a person, at once and again while they are in danger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from flightctl.clock import Clock
from flightctl.incidents.book import IncidentBook
from flightctl.incidents.lifecycle import noted
from flightctl.incidents.model import Incident
from flightctl.response.hailing import message_for, speakers_for
from flightctl.site import Policy
from flightctl.site_loading import Site
from flightctl.speaker.client import SpeakerClient, SpeakerRefused
from geofence.position import Enu

_REPEAT = 2


class BankHailer:
    """Speaks for incidents, and for operators."""

    def __init__(self, site: Site, speakers: Mapping[str, SpeakerClient], book: IncidentBook, clock: Clock) -> None:
        self._site = site
        self._speakers = speakers
        self._book = book
        self._clock = clock
        self._last_s: dict[UUID, float] = {}

    def due(self, incident: Incident, policy: Policy) -> bool:
        """Whether it is time to hail for this incident (again)."""
        last_s = self._last_s.get(incident.id)
        return last_s is None or self._clock.time_s() - last_s >= policy.hail_repeat_s

    async def hail(self, incident: Incident, place: Enu) -> None:
        """Says the fitting message from the speakers that reach the place; the timeline tells how it went."""
        self._last_s[incident.id] = self._clock.time_s()
        message_id = message_for({alert.kind for alert in incident.alerts})
        text = self._site.file.hails.get(message_id)
        if text is None:
            return
        chosen = speakers_for(place, self._site.file.speakers, self._site.frame)
        taken, reasons = await self.say(tuple(s.id for s in chosen), text.zh, "zh", incident.id, repeat=_REPEAT)
        at = self._clock.now()
        if taken:
            data = {"speakers": list(taken), "message": message_id}
            await self._book.update(incident.id, lambda i: noted(i, at, "dispatch", "hail", text.zh, data))
        else:
            why = "; ".join(reasons) or "the site has no loudspeaker"
            await self._book.update(incident.id, lambda i: noted(i, at, "dispatch", "hail_failed", why))

    async def say(
        self,
        speaker_ids: tuple[str, ...],
        text: str,
        language: Literal["zh", "en"],
        incident_id: UUID | None,
        *,
        repeat: int = 1,
    ) -> tuple[list[str], list[str]]:
        """Which speakers took it, and why the others did not."""
        taken: list[str] = []
        reasons: list[str] = []
        for speaker_id in speaker_ids:
            try:
                await self._speakers[speaker_id].say(text, language, repeat=repeat, incident_id=incident_id)
                taken.append(speaker_id)
            except SpeakerRefused as error:
                reasons.append(str(error))
        return taken, reasons
