"""What cameras say becomes incidents, and each person is followed until somebody closes the incident."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from flightctl.clock import Clock
from flightctl.incidents.book import IncidentBook
from flightctl.incidents.intake import Intake
from flightctl.incidents.lifecycle import moved
from flightctl.incidents.model import Incident, IncidentState, Priority
from flightctl.site_loading import HAINING, load_site
from geofence.bore import BoreForecast, TableEntry
from geofence.current import CurrentField
from geofence.position import Enu
from sim.virtual_time import run_virtual
from vision.alert import (
    Alert,
    AlertKind,
    CameraHealth,
    EvidenceUpdate,
    FrameReport,
    PixelBox,
    Surface,
    TrackView,
    UncertainPosition,
)

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
SITE = load_site(HAINING)


class Shelf:
    """A store that only remembers."""

    def __init__(self) -> None:
        self.saved: list[Incident] = []

    async def save_incident(self, incident: Incident) -> None:
        self.saved.append(incident)

    async def open_incidents(self) -> list[Incident]:
        return []


class Desk:
    def __init__(self, bore_eta_s: float | None) -> None:
        self.closed = set[str]()  # zones whose window is closed
        self.clock = Clock(asyncio.get_running_loop(), START)
        self.book = IncidentBook(Shelf(), lambda: None)
        table = (TableEntry("yanguan", START + timedelta(hours=1), "test"),)
        current = CurrentField(SITE.river, BoreForecast(SITE.river, table), SITE.zones.grounds())
        rng = np.random.default_rng(1)
        self.intake = Intake(self.book, SITE.frame, current, self.clock, rng, lambda _: bore_eta_s, self.counts)

    def counts(self, zone_id: str) -> bool:
        return zone_id not in self.closed

    def alert(self, kind: AlertKind, place: Enu, **rest: Any) -> Alert:
        values: dict[str, Any] = {"camera_id": "cam-3", "confidence": 0.9, "track_id": 1, **rest}
        now = self.clock.now()
        return Alert(id=UUID(int=int(now.timestamp())), kind=kind, at=now, position=where(place), **values)

    async def see(
        self,
        place: Enu,
        surface: Surface,
        *,
        track: int = 1,
        zones: tuple[str, ...] = (),
        alerts: tuple[Alert, ...] = (),
        evidence: tuple[EvidenceUpdate, ...] = (),
    ) -> None:
        box = PixelBox(x=1, y=1, w=5, h=9)
        view = TrackView(
            track_id=track, box=box, surface=surface, position=where(place), zone_ids=zones, alerting=bool(zones)
        )
        report = FrameReport(
            camera_id="cam-3",
            at=self.clock.now(),
            health=CameraHealth.OK,
            tracks=(view,),
            alerts=alerts,
            evidence=evidence,
        )
        await self.intake.report(report)


def where(place: Enu, sigma_m: float = 1.0) -> UncertainPosition:
    point = SITE.frame.to_wgs84(place)
    return UncertainPosition(lat=point.lat, lon=point.lon, sigma_m=sigma_m)


def bank(along_m: float, offset_m: float) -> Enu:
    return SITE.river.bank.to_enu(along_m, offset_m)


def play(story: Callable[[Desk], Awaitable[None]], bore_eta_s: float | None = None) -> None:
    async def main() -> None:
        await story(Desk(bore_eta_s))

    run_virtual(main())


def test_a_zone_entry_with_the_bore_near_is_p2_and_a_fall_makes_it_p1() -> None:
    async def story(desk: Desk) -> None:
        entered = await desk.intake.alert(
            desk.alert(AlertKind.ZONE_ENTRY, bank(-200, 10), details={"zone_id": "foreshore-west"}), "vision"
        )
        assert (entered.priority, entered.zone_id) == (Priority.P2, "foreshore-west")
        await asyncio.sleep(20)
        fell = await desk.intake.alert(desk.alert(AlertKind.PERSON_IN_WATER, bank(-198, 20)), "vision")
        assert (fell.id, fell.priority) == (entered.id, Priority.P1)

    play(story, bore_eta_s=900.0)


def test_somebody_seen_back_on_the_promenade_has_left() -> None:
    async def story(desk: Desk) -> None:
        incident = await desk.intake.alert(desk.alert(AlertKind.ZONE_ENTRY, bank(-200, 10)), "vision")
        casualty = desk.intake.casualty(incident.id)
        offset = 10.0
        for _ in range(30):
            await asyncio.sleep(0.5)
            offset -= 0.6
            ashore = offset < 0
            surface = Surface.PROMENADE if ashore else Surface.FORESHORE
            await desk.see(bank(-200, offset), surface, zones=() if ashore else ("foreshore-west",))
        assert casualty.left
        assert not casualty.in_water

    play(story)


def test_a_track_that_jumps_where_nobody_could_have_gone_is_not_followed() -> None:
    async def story(desk: Desk) -> None:
        incident = await desk.intake.alert(desk.alert(AlertKind.PERSON_IN_WATER, bank(100, 8)), "vision")
        casualty = desk.intake.casualty(incident.id)
        for step in range(10):
            await asyncio.sleep(0.5)
            await desk.see(bank(100 + 0.4 * step, 8), Surface.WATER)
        before = casualty.estimate().place
        await asyncio.sleep(0.5)
        await desk.see(bank(220, 20), Surface.WATER)
        assert casualty.estimate().place.distance_m(before) < 3.0

    play(story)


def test_somebody_still_in_the_water_with_a_lifebuoy_opens_no_second_incident() -> None:
    async def story(desk: Desk) -> None:
        incident = await desk.intake.alert(desk.alert(AlertKind.FALL, bank(100, 2)), "vision")
        await desk.book.update(
            incident.id, lambda i: moved(i, IncidentState.RESOLVED, desk.clock.now(), "drone:cx-2", "delivered")
        )
        await asyncio.sleep(30)
        drifted = desk.intake.casualty(incident.id).estimate().place
        again = await desk.intake.alert(
            desk.alert(AlertKind.PERSON_IN_WATER, drifted, camera_id="cam-4", track_id=9), "vision"
        )
        assert again.id == incident.id
        elsewhere = await desk.intake.alert(
            desk.alert(AlertKind.PERSON_IN_WATER, drifted + Enu(120, 0), camera_id="cam-4", track_id=10), "vision"
        )
        assert elsewhere.id != incident.id

    play(story)


def test_a_camera_that_is_back_resolves_its_own_fault_only() -> None:
    async def story(desk: Desk) -> None:
        fault = Alert(
            id=UUID(int=1),
            kind=AlertKind.CAMERA_FAULT,
            camera_id="cam-3",
            at=desk.clock.now(),
            position=None,
            confidence=1.0,
        )
        mine = await desk.intake.alert(fault, "vision")
        other = await desk.intake.alert(fault.model_copy(update={"camera_id": "cam-5", "id": UUID(int=2)}), "vision")
        await desk.see(bank(0, -5), Surface.PROMENADE)
        assert desk.book[mine.id].state is IncidentState.RESOLVED
        assert desk.book[other.id].state is IncidentState.DETECTED

    play(story)


def test_an_entry_outside_the_zones_window_counts_when_the_window_opens_with_the_person_inside() -> None:
    async def story(desk: Desk) -> None:
        desk.closed.add("foreshore-west")
        zones = ("foreshore-west",)
        entry = desk.alert(
            AlertKind.ZONE_ENTRY, bank(-200, 10), details={"zone_id": zones[0], "reason": "feet in it"}
        )
        await desk.see(bank(-200, 10), Surface.FORESHORE, zones=zones, alerts=(entry,))
        for _ in range(20):
            await asyncio.sleep(1.0)
            await desk.see(bank(-190, 12), Surface.FORESHORE, zones=zones)
        assert desk.book.all() == []
        desk.closed.clear()
        await desk.see(bank(-190, 12), Surface.FORESHORE, zones=zones)
        (incident,) = desk.book.all()
        assert "inside when the zone's window opened" in str(incident.alerts[0].details["reason"])
        assert incident.opened_at == desk.clock.now()
        assert incident.position == where(bank(-190, 12))

    play(story)


def test_somebody_who_left_before_the_window_opened_is_no_incident() -> None:
    async def story(desk: Desk) -> None:
        desk.closed.add("foreshore-west")
        zones = ("foreshore-west",)
        entry = desk.alert(AlertKind.ZONE_ENTRY, bank(-200, 10), details={"zone_id": zones[0]})
        await desk.see(bank(-200, 10), Surface.FORESHORE, zones=zones, alerts=(entry,))
        for _ in range(15):
            await asyncio.sleep(1.0)
            await desk.see(bank(-190, -5), Surface.PROMENADE)
        desk.closed.clear()
        await desk.see(bank(-190, 12), Surface.FORESHORE, zones=zones)
        assert desk.book.all() == []

    play(story)


def test_a_fall_counts_whatever_the_zones_window() -> None:
    async def story(desk: Desk) -> None:
        desk.closed.add("river-mid")
        fall = desk.alert(AlertKind.FALL, bank(100, 5), details={"zone_id": "river-mid"})
        await desk.see(bank(100, 5), Surface.WATER, alerts=(fall,))
        assert [incident.priority for incident in desk.book.all()] == [Priority.P1]

    play(story)


def test_evidence_joins_its_alert_later_also_while_the_alert_waits_for_its_zone_s_window() -> None:
    async def story(desk: Desk) -> None:
        entry = desk.alert(AlertKind.ZONE_ENTRY, bank(-200, 10), details={"zone_id": "flat"})
        seen: dict[str, Any] = {"place": bank(-200, 10), "surface": Surface.FORESHORE, "zones": ("flat",)}
        kept = EvidenceUpdate(alert_id=entry.id, what="snapshot", path="cam-3/1.jpg", sha256={"cam-3/1.jpg": "ab"})
        clip = EvidenceUpdate(alert_id=entry.id, what="clip", path="cam-3/1.webm", sha256={"cam-3/1.webm": "cd"})
        desk.closed.add("flat")
        await desk.see(**seen, alerts=(entry,))
        await desk.see(**seen, evidence=(kept,))
        assert desk.book.all() == []
        desk.closed.clear()
        await desk.see(**seen)
        await desk.see(**seen, evidence=(clip,))
        (incident,) = desk.book.all()
        evidence = incident.alerts[0].evidence
        assert (evidence.snapshot, evidence.clip) == ("cam-3/1.jpg", "cam-3/1.webm")
        assert evidence.sha256 == {"cam-3/1.jpg": "ab", "cam-3/1.webm": "cd"}
        nobodys = clip.model_copy(update={"alert_id": UUID(int=5)})
        await desk.see(**seen, evidence=(nobodys,))
        assert desk.book.all() == [incident]

    play(story)
