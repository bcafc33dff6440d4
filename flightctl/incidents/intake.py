"""From what cameras (and other systems) say to incidents and the people in them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import numpy as np

from flightctl.casualty import Casualty
from flightctl.clock import Clock
from flightctl.incidents.book import IncidentBook
from flightctl.incidents.lifecycle import (
    is_open,
    moved,
    noted,
    still_watched,
    with_alert,
    with_evidence,
    with_priority,
)
from flightctl.incidents.merge import incident_for
from flightctl.incidents.model import Drift, Incident, IncidentState, TimelineEntry
from flightctl.incidents.priority import priority_of, raised
from geofence.current import CurrentField
from geofence.identity import uuid7
from geofence.position import LocalFrame
from vision.alert import Alert, AlertKind, CameraHealth, EvidenceUpdate, FrameReport, UncertainPosition

_IN_WATER = frozenset({AlertKind.FALL, AlertKind.PERSON_IN_WATER})
_OF_PERSON = _IN_WATER | {AlertKind.ZONE_ENTRY}
_UNSEEN_S = 10.0  # a track lost this long is another one when it comes back


class Intake:
    """Opens incidents, merges what belongs together, follows each person."""

    def __init__(
        self,
        book: IncidentBook,
        frame: LocalFrame,
        current: CurrentField,
        clock: Clock,
        rng: np.random.Generator,
        bore_eta_s: Callable[[UncertainPosition], float | None],
        zone_counts: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._book = book
        self._frame = frame
        self._current = current
        self._clock = clock
        self._rng = rng
        self._bore_eta_s = bore_eta_s
        self._zone_counts = zone_counts
        self._waiting: dict[tuple[str, int], Alert] = {}
        """Zone entries outside the zone's window, by camera and track: they count when it opens with them inside."""
        self._casualties: dict[UUID, Casualty] = {}

    def casualty(self, incident_id: UUID) -> Casualty:
        return self._casualties[incident_id]

    def casualties(self) -> dict[UUID, Casualty]:
        return self._casualties

    def resume(self, incident: Incident) -> None:
        """Takes up an incident that a former run of the service left open."""
        position = incident.drift.position if incident.drift is not None else incident.position
        if position is None or not {alert.kind for alert in incident.alerts} & _OF_PERSON:
            return
        in_water = bool({alert.kind for alert in incident.alerts} & _IN_WATER)
        at = incident.drift.at if incident.drift is not None else incident.alerts[-1].at
        self._casualties[incident.id] = self._new_casualty(position, incident, in_water=in_water, at=at)

    async def alert(self, alert: Alert, actor: str) -> Incident:
        """The incident this alert belongs to, opened when there is none."""
        now = self._clock.now()
        watched = [self.keep_drift(incident) for incident in self._book.all() if self._can_join(incident, now)]
        found = incident_for(alert, watched, self._frame)
        incident = await self._opened(alert, actor) if found is None else await self._merged(found, alert, actor)
        self._follow(incident, alert)
        return incident

    def keep_drift(self, incident: Incident) -> Incident:
        """With the place where its person is reckoned to be now; without a person, as it was."""
        casualty = self._casualties.get(incident.id)
        if casualty is None:
            return incident
        now = casualty.estimate()
        at = self._frame.to_wgs84(now.place)
        drift = Drift(
            at=self._clock.now(),
            position=UncertainPosition(lat=at.lat, lon=at.lon, sigma_m=min(max(now.sigma_m, 0.01), 5000.0)),
            east_mps=now.velocity.east_m,
            north_mps=now.velocity.north_m,
            observed_at=casualty.seen_at,
        )
        return self._book.set_drift(incident, drift)

    def _can_join(self, incident: Incident, now: datetime) -> bool:
        """Open incidents, and those whose person is still in the water with a lifebuoy beside them."""
        if is_open(incident):
            return True
        casualty = self._casualties.get(incident.id)
        return casualty is not None and casualty.in_water and still_watched(incident, now)

    async def report(self, report: FrameReport) -> None:
        """Takes one frame's alerts and sightings."""
        actor = f"vision:{report.camera_id}"
        for alert in (*report.alerts, *self._come_due(report)):
            if alert.kind is not AlertKind.BORE_FRONT and not self._must_wait(alert):
                await self.alert(alert, actor)
        for update in report.evidence:
            await self.evidence(update, actor)
        for casualty in self._casualties.values():
            for view in report.tracks:
                casualty.offered(report.camera_id, view, report.at)
        if report.health is CameraHealth.OK:
            await self._camera_recovered(report.camera_id)

    async def evidence(self, update: EvidenceUpdate, actor: str) -> None:
        """A snapshot or clip of an alert is there, or will not be. Alerts that opened no incident have no record."""
        for key, waiting in self._waiting.items():
            if waiting.id == update.alert_id:
                self._waiting[key] = waiting.model_copy(update={"evidence": waiting.evidence.updated(update)})
        for incident in self._book.all():
            if any(alert.id == update.alert_id for alert in incident.alerts):
                await self._book.update(incident.id, lambda i: with_evidence(i, update, self._clock.now(), actor))
                return

    def _must_wait(self, alert: Alert) -> bool:
        """An entry into a zone whose window is closed is no incident, yet."""
        zone_id = alert.details.get("zone_id")
        if alert.kind is not AlertKind.ZONE_ENTRY or not isinstance(zone_id, str) or self._zone_counts(zone_id):
            return False
        if alert.track_id is not None:
            self._waiting[alert.camera_id, alert.track_id] = alert
        return True

    def _come_due(self, report: FrameReport) -> list[Alert]:
        """People who went in earlier and are there now that the window has opened; those who left are forgotten."""
        due: list[Alert] = []
        inside = {view.track_id: view for view in report.tracks}
        for key, alert in list(self._waiting.items()):
            camera_id, track_id = key
            if camera_id != report.camera_id:
                continue
            view, zone_id = inside.get(track_id), str(alert.details["zone_id"])
            if view is None or zone_id not in view.zone_ids:
                if (report.at - alert.at).total_seconds() > _UNSEEN_S:
                    del self._waiting[key]
                continue
            seen = alert.model_copy(update={"at": report.at, "position": view.position})
            self._waiting[key] = seen
            if self._zone_counts(zone_id):
                del self._waiting[key]
                reason = f"{seen.details.get('reason', '')}; inside when the zone's window opened".lstrip("; ")
                due.append(seen.model_copy(update={"details": seen.details | {"reason": reason}}))
        return due

    def forget_ended(self) -> None:
        for incident_id in list(self._casualties):
            incident = self._book.get(incident_id)
            if incident is None or incident.state is IncidentState.CLOSED:
                del self._casualties[incident_id]

    async def _opened(self, alert: Alert, actor: str) -> Incident:
        now = self._clock.now()
        incident = self.draft(alert, actor, test=False)
        reason = str(alert.details.get("reason", ""))
        priority = f"P{incident.priority.value}"
        return await self._book.add(noted(incident, now, "dispatch", "opened", f"{priority} {reason}".strip()))

    def draft(self, alert: Alert, actor: str, *, test: bool) -> Incident:
        """The incident that this alert alone would open; nothing is stored."""
        zone_id = alert.details.get("zone_id")
        eta_s = None if alert.position is None else self._bore_eta_s(alert.position)
        entry = TimelineEntry(
            at=alert.at,
            actor=actor,
            step="alert",
            text=str(alert.details.get("reason", "")),
            data={"kind": alert.kind.value, "alert_id": str(alert.id), "confidence": alert.confidence},
        )
        return Incident(
            id=uuid7(self._clock.now(), self._rng),
            opened_at=alert.at,
            priority=priority_of({alert.kind}, eta_s),
            state=IncidentState.DETECTED,
            position=alert.position,
            zone_id=zone_id if isinstance(zone_id, str) else None,
            alerts=(alert,),
            timeline=(entry,),
            test=test,
        )

    async def _merged(self, incident: Incident, alert: Alert, actor: str) -> Incident:
        now = self._clock.now()
        kinds = {a.kind for a in (*incident.alerts, alert)}
        eta_s = None if alert.position is None else self._bore_eta_s(alert.position)

        def change(present: Incident) -> Incident:
            joined = with_alert(present, alert, now, actor)
            return with_priority(joined, raised(joined.priority, priority_of(kinds, eta_s)), now, alert.kind.value)

        return await self._book.update(incident.id, change)

    def _follow(self, incident: Incident, alert: Alert) -> None:
        if alert.position is None or alert.kind not in _OF_PERSON:
            return
        in_water = alert.kind in _IN_WATER
        casualty = self._casualties.get(incident.id)
        if casualty is None:
            casualty = self._new_casualty(alert.position, incident, in_water=in_water, at=alert.at)
            self._casualties[incident.id] = casualty
        else:
            casualty.alerted(alert.position, alert.at, in_water=in_water)
        if alert.track_id is not None:
            casualty.follow(alert.camera_id, alert.track_id)

    def _new_casualty(
        self, position: UncertainPosition, incident: Incident, *, in_water: bool, at: datetime
    ) -> Casualty:
        return Casualty(
            position,
            at,
            in_water=in_water,
            frame=self._frame,
            current=self._current,
            clock=self._clock,
            rng=np.random.default_rng(incident.id.int % 2**64),
        )

    async def _camera_recovered(self, camera_id: str) -> None:
        for incident in self._book.open():
            kinds = {alert.kind for alert in incident.alerts}
            if kinds == {AlertKind.CAMERA_FAULT} and incident.alerts[-1].camera_id == camera_id and is_open(incident):
                now = self._clock.now()
                await self._book.update(
                    incident.id,
                    lambda i, now=now: moved(
                        i, IncidentState.RESOLVED, now, f"vision:{camera_id}", "picture is back"
                    ),
                )
