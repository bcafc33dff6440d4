"""The running service: composes links, vehicles, docks, speakers, vision, incidents and dispatch for one site.

vision ─► Intake ─► IncidentBook ─► tend (twice a second, and at every change)
                         │             ├─ BankHailer      speaks at once
                       Store           └─ Dispatcher ─► Response (one task a drone) ─► dock, vehicle, speaker
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

import numpy as np

from flightctl.airspace.watch import AirspaceWatch, told
from flightctl.api.calibration_views import CalibrationRequest, CalibrationResult, CalibrationStored, OverlayView
from flightctl.api.face import AlertOutcome, ExternalAlert, NotFound, NotNow
from flightctl.api.views import SiteView, StateView
from flightctl.calibrating import CalibrationDesk
from flightctl.cameras import CameraDesk
from flightctl.clock import Clock
from flightctl.command_log import CommandLog
from flightctl.dispatch.decision import Decision, Purpose
from flightctl.dispatch.dispatcher import Dispatcher, run_response
from flightctl.dispatch.situation import TargetTrack
from flightctl.dock.client import DockClient
from flightctl.drone import DroneHands
from flightctl.evidence import keep_tidy, left_behind
from flightctl.eyes import EyeDesk, EyePort
from flightctl.incidents.book import IncidentBook
from flightctl.incidents.intake import Intake
from flightctl.incidents.lifecycle import is_open, moved, noted
from flightctl.incidents.model import Consent, Incident, IncidentState, Priority
from flightctl.incidents.tending import tend
from flightctl.mavlink.link import Tap
from flightctl.mavlink.share import SharedEndpoint
from flightctl.mavlink.signing import KeyRing
from flightctl.preflight_report import NEVER_OVERRIDDEN, Override, PreflightReport
from flightctl.response.clearance import asked_of, report_of
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.response.response import Response
from flightctl.site import Policy
from flightctl.site_loading import Site
from flightctl.site_view import site_view
from flightctl.speaker.bank import BankHailer
from flightctl.speaker.client import SpeakerClient
from flightctl.state_view import Parts, state_view
from flightctl.store import Store
from flightctl.surroundings import Surroundings
from flightctl.transport import Transports
from flightctl.vehicle import Fleet
from geofence.bore import BoreForecast, TableEntry
from geofence.identity import uuid7
from geofence.position import Enu
from vision.alert import Alert, AlertKind, FrameReport

_TEND_EVERY_S = 0.5
_STALLED_AFTER_S = 15.0  # longer than a slow disk holds one pass; the drones' own failsafe adds its seconds
_TELEMETRY_EVERY_S = 1.0
_AIRSPACE_EVERY_S = 0.5
_FIND_VEHICLES_WITHIN_S = 6.0  # after a restart, before open incidents are taken up
_MOST_REPORTS = 512


class VisionPort(Protocol):
    """Whatever looks through the cameras: worker processes, or the simulator's lockstep."""

    async def run(self, on_report: Callable[[FrameReport], None]) -> None: ...


class Service:
    """Implements `flightctl.api.face.ServiceFace`. `run` it in a task; `ready` is set when it serves."""

    def __init__(
        self,
        site: Site,
        *,
        clock: Clock,
        transports: Transports,
        store: Store,
        rng: np.random.Generator,
        vision: VisionPort,
        eyes: EyePort | None = None,
        forecast_table: tuple[TableEntry, ...] = (),
        policy: Policy | None = None,
        ring: KeyRing | None = None,
        tap: Tap | None = None,
        evidence_dir: Path | None = None,
    ) -> None:
        """`eyes`: the way to the pictures of drones; None: nobody looks through them. `ring`: the keys of vehicles
        that sign. `tap` is given every MAVLink frame that comes and goes."""
        self.site = site
        self.ready = asyncio.Event()
        self._clock = clock
        self._store = store
        self._rng = rng
        self._vision = vision
        self._evidence_dir = evidence_dir
        self._policy = policy or site.file.policy
        self._listeners: set[Callable[[], None]] = set()
        self._kick = asyncio.Event()
        self._reports: asyncio.Queue[FrameReport] = asyncio.Queue(_MOST_REPORTS)
        self._group: asyncio.TaskGroup | None = None
        self._seq = 0
        self._tended_s: float | None = None
        commands = CommandLog(store, clock, rng)

        link = site.file.mavlink
        self._fleet = Fleet(
            transports,
            link.endpoints,
            system_id=link.system_id,
            component_id=link.component_id,
            clock=clock,
            ring=ring,
            tap=tap,
            is_healthy=self._is_healthy,
            share=tuple(
                SharedEndpoint(said.endpoint, commands=said.commands, max_bytes_per_s=said.max_bytes_per_s)
                for said in link.share
            ),
        )
        self.drones = {drone.id: DroneHands(drone, self._fleet, site.frame) for drone in site.file.drones}
        self.airspace = AirspaceWatch(site.file.airspace, site.frame, clock, self.drones)
        self._fleet.on_traffic = self.airspace.hear
        self.docks = {
            dock.id: DockClient(dock, transports, clock, commands, on_change=self._changed)
            for dock in site.file.docks
        }
        self.speakers = {
            speaker.id: SpeakerClient(speaker.id, speaker.link, transports, clock, commands, on_change=self._changed)
            for speaker in site.file.speakers
        }
        self.drone_speakers = {
            drone.id: SpeakerClient(
                drone.id, drone.speaker_link, transports, clock, commands, on_change=self._changed
            )
            for drone in site.file.drones
            if drone.speaker_link
        }
        seeing = tuple(drone.eye_id for drone in site.file.drones if drone.camera is not None)
        self.cameras = CameraDesk(site.file.cameras, seeing)
        self.surroundings = Surroundings(
            site, clock, self.docks, BoreForecast(site.river, (*site.bore_table, *forecast_table))
        )
        self._calibrations = CalibrationDesk(site, self.surroundings.water_amsl_m)
        self.book = IncidentBook(store, self._changed)
        self.intake = Intake(
            self.book,
            site.frame,
            self.surroundings.current,
            clock,
            rng,
            lambda position: self.surroundings.bore_eta_s(site.frame.to_enu(position)),
            self.surroundings.zone_counts,
        )
        self.desk = Desk(
            site=site,
            clock=clock,
            policy=lambda: self._policy,
            book=self.book,
            docks=self.docks,
            drone_speakers=self.drone_speakers,
            hands=lambda drone_id: self.drones[drone_id],
            casualty=self.intake.casualty,
            wind=self.surroundings.wind,
            water_amsl_m=self.surroundings.water_amsl_m,
            commands=commands,
            others_within_m=self._others_within_m,
            eyes=EyeDesk(site, clock, eyes, self._on_report),
        )
        self.hailer = BankHailer(site, self.speakers, self.book, clock)
        self.dispatcher = Dispatcher(
            self.desk, self.docks, rng, self._start_response, self.surroundings.bore_eta_s, self._changed
        )

    # --- life ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serves until cancelled."""
        self.dispatcher.hold = await self._store.get_setting("hold") == "on"
        left_open = await self.book.load()
        for incident in left_open:
            self.intake.resume(incident)
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._fleet.run())
            for part in (*self.docks.values(), *self.speakers.values(), *self.drone_speakers.values()):
                group.create_task(part.run())
            group.create_task(self._take_reports())
            group.create_task(self._vision.run(self._on_report))
            group.create_task(self._record_telemetry())
            group.create_task(self._watch_airspace())
            if left_open:
                await self._adopt(left_open)
            group.create_task(self._tend())
            if self._evidence_dir is not None:
                group.create_task(self._look_after_evidence(self._evidence_dir, left_open))
            self.ready.set()

    async def _adopt(self, incidents: list[Incident]) -> None:
        """Finds the drones that a former run left in the air, and goes on with what they did."""
        wanted = {incident.drone_id for incident in incidents if incident.drone_id is not None}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIND_VEHICLES_WITHIN_S):
                for drone_id in wanted:
                    await self.drones[drone_id].heard()
        for incident in incidents:
            await self.dispatcher.adopt(incident)

    async def _look_after_evidence(self, folder: Path, left_open: list[Incident]) -> None:
        """What was finished while the service ended is entered; then what is too old goes, as the site says."""
        for incident in left_open:
            for update in await asyncio.to_thread(left_behind, incident, folder):
                await self.intake.evidence(update, "evidence")
        await keep_tidy(folder, self._store, self.site.file.evidence, self._clock)

    async def _tend(self) -> None:
        while True:
            self._tended_s = self._clock.time_s()
            await tend(self.book, self.intake, self.hailer, self.dispatcher, self.surroundings, self.desk)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TEND_EVERY_S):
                    await self._kick.wait()
            self._kick.clear()

    def _is_healthy(self) -> bool:
        """Whether the ground may go on telling drones that it controls them: no pass of the control loop hangs."""
        return self._tended_s is None or self._clock.time_s() - self._tended_s < _STALLED_AFTER_S

    def _start_response(self, response: Response, in_the_air: bool) -> None:
        if self._group is None:
            raise RuntimeError("the service is not running")
        self._group.create_task(run_response(response, self.dispatcher, in_the_air=in_the_air))

    def _changed(self) -> None:
        self._kick.set()
        for listener in list(self._listeners):
            listener()

    def _on_report(self, report: FrameReport) -> None:
        """From vision. When the loop falls behind, reports without alerts go; an alert never does."""
        if self._reports.full():
            if not _matters(report):
                return
            waiting = [self._reports.get_nowait() for _ in range(self._reports.qsize())]
            for one in [one for one in waiting if _matters(one)][-_MOST_REPORTS + 1 :]:
                self._reports.put_nowait(one)
        self._reports.put_nowait(report)

    async def _take_reports(self) -> None:
        while True:
            report = await self._reports.get()
            self.cameras.take(report)
            self.surroundings.water_read(report.camera_id, report.water)
            self.surroundings.currents_seen(report.currents, report.at)
            for alert in report.alerts:
                if alert.kind is AlertKind.BORE_FRONT:
                    self.surroundings.front_seen(alert)
            await self.intake.report(report)
            if _matters(report):
                self._changed()

    async def _record_telemetry(self) -> None:
        while True:
            await asyncio.sleep(_TELEMETRY_EVERY_S)
            at = self._clock.now()
            rows = [hands.telemetry_row(at) for hands in self.drones.values() if hands.online]
            self._store.telemetry(rows)

    async def _watch_airspace(self) -> None:
        while True:
            await asyncio.sleep(_AIRSPACE_EVERY_S)
            for conflict in self.airspace.look():
                incident_id = self.dispatcher.serving(conflict.own_id)
                if incident_id is not None:
                    await self.desk.note(incident_id, f"drone:{conflict.own_id}", "traffic", told(conflict))
                self._changed()

    def _others_within_m(self, place: Enu, incident_id: UUID) -> float | None:
        """The nearest other person to a place; who is taken for the casualty is no other."""
        casualty = self.intake.casualty(incident_id)
        return self.cameras.nearest_other_m(place, casualty, self.site.frame, self._clock.now())

    # --- what others see ---------------------------------------------------------------------------------------

    def site_view(self) -> SiteView:
        return site_view(self.site)

    def state_view(self) -> StateView:
        self._seq += 1
        parts = Parts(
            site=self.site,
            clock=self._clock,
            policy=self._policy,
            book=self.book,
            intake=self.intake,
            dispatcher=self.dispatcher,
            docks=self.docks,
            drones=self.drones,
            speakers=self.speakers,
            cameras=self.cameras,
            surroundings=self.surroundings,
            endpoints=self._fleet.endpoints,
            shared=self._fleet.shared,
            airspace=self.airspace,
        )
        return state_view(parts, self._seq)

    def camera_frame(self, camera_id: str) -> bytes | None:
        if not self.cameras.knows(camera_id):
            raise NotFound(f"there is no camera {camera_id!r}")
        return self.cameras.frame(camera_id)

    async def camera_overlay(self, camera_id: str) -> OverlayView:
        return await self._calibrations.overlay(camera_id)

    async def try_calibration(self, camera_id: str, order: CalibrationRequest) -> CalibrationResult:
        return await self._calibrations.trial(camera_id, order)

    async def accept_calibration(self, camera_id: str, order: CalibrationRequest, *, actor: str) -> CalibrationStored:
        stored = await self._calibrations.accept(camera_id, order)
        details = {"camera_id": camera_id, "rms_px": stored.result.rms_px, "block": stored.result.block}
        await self._store.operator_action(actor, "calibration", details, at=self._clock.now())
        return stored

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        self._listeners.add(on_change)
        return lambda: self._listeners.discard(on_change)

    async def preflight(self, drone_id: str) -> PreflightReport:
        hands = self.drones.get(drone_id)
        if hands is None:
            raise NotFound(f"there is no drone {drone_id!r}")
        asked = asked_of(self.site, self._policy, hands, self.docks[hands.drone.dock_id])
        return await report_of(hands, asked, self._clock.now())

    # --- what people and other systems do ------------------------------------------------------------------------

    async def raise_alert(self, alert: ExternalAlert, *, source: str, test: bool) -> AlertOutcome:
        made = self._alert_of(alert, source)
        if test:
            return self._rehearsed(made, source)
        known = await self._store.external_key(source, alert.key)
        if known is not None:
            incident = self.book.get(known) or await self._store.incident(known)
            if incident is not None:
                decision = incident.decisions[-1] if incident.decisions else None
                return AlertOutcome(incident, decision, launched=False, repeated=True)
        incident = await self.intake.alert(made, f"external:{source}")
        await self._store.save_external_key(source, alert.key, incident.id)
        await self.hail_for(incident)
        await self.dispatcher.consider(self.book[incident.id])
        incident = self.book[incident.id]
        decision = incident.decisions[-1] if incident.decisions else None
        return AlertOutcome(
            incident, decision, launched=self.dispatcher.active(incident.id) is not None, repeated=False
        )

    async def hail_for(self, incident: Incident) -> None:
        """Hails at once when the policy lets it."""
        if self._policy.hail == "auto" and incident.position is not None and self.hailer.due(incident, self._policy):
            await self.hailer.hail(incident, self.site.frame.to_enu(incident.position))

    def _rehearsed(self, alert: Alert, source: str) -> AlertOutcome:
        """The whole decision of a test call: nothing is stored, nobody hails, nothing flies."""
        incident = self.intake.draft(alert, f"external:{source}", test=True)
        decision: Decision | None = None
        if alert.position is not None and incident.priority is not Priority.P4:
            purpose = Purpose.LIFEBUOY if incident.priority is Priority.P1 else Purpose.HAIL
            target = TargetTrack.standing(self.site.frame.to_enu(alert.position), alert.position.sigma_m)
            decision = self.dispatcher.decision(incident, purpose, target)
            incident = incident.model_copy(update={"decisions": (decision,)})
        return AlertOutcome(incident, decision, launched=False, repeated=False)

    def _alert_of(self, alert: ExternalAlert, source: str) -> Alert:
        now = self._clock.now()
        return Alert(
            id=uuid7(now, self._rng),
            kind=alert.kind,
            camera_id=f"ext-{source}"[:64],
            at=now,
            position=alert.position,
            confidence=alert.confidence,
            details={"reason": alert.note or "raised by another system", "source": source},
        )

    async def set_hold(self, hold: bool, *, actor: str) -> None:
        await self._store.put_setting("hold", "on" if hold else "off")
        await self._store.operator_action(actor, "hold" if hold else "hold_released", {}, at=self._clock.now())
        self.dispatcher.hold = hold
        self._changed()

    async def consent(self, incident_id: UUID, *, given: bool, actor: str) -> Incident:
        incident = self._open_incident(incident_id)
        if incident.priority is not Priority.P1:
            raise NotNow("no lifebuoy is meant for this incident; there is nothing to give or refuse")
        word = Consent.GIVEN if given else Consent.REFUSED
        now = self._clock.now()
        return await self.book.update(
            incident_id,
            lambda i: noted(i.model_copy(update={"consent": word}), now, actor, f"consent_{word.value}"),
        )

    async def launch(self, incident_id: UUID, *, actor: str, overrides: tuple[Override, ...] = ()) -> Incident:
        for override in overrides:
            if override.drone_id not in self.drones:
                raise NotFound(f"there is no drone {override.drone_id!r}")
            if override.check in NEVER_OVERRIDDEN:
                raise NotNow(f"{override.check.value} cannot be overridden; mend it, or send another drone")
        incident = self._open_incident(incident_id)
        if self.dispatcher.active(incident_id) is not None:
            raise NotNow(f"{incident.drone_id} is already on its way")
        if overrides:
            said = [override.model_dump(mode="json") for override in overrides]
            details = {"incident_id": str(incident_id), "overrides": said}
            await self._store.operator_action(actor, "preflight_override", details, at=self._clock.now())
        await self.dispatcher.order(incident_id, actor, overrides)
        await self.dispatcher.consider(self.book[incident_id])
        return self.book[incident_id]

    async def reject(self, incident_id: UUID, *, reason: str, actor: str) -> Incident:
        self._open_incident(incident_id)
        now = self._clock.now()
        rejected = await self.book.update(incident_id, lambda i: moved(i, IncidentState.REJECTED, now, actor, reason))
        self._call_back(incident_id, f"rejected: {reason}")
        return rejected

    async def close(self, incident_id: UUID, *, note: str, actor: str) -> Incident:
        incident = self.book.get(incident_id)
        if incident is None:
            raise NotFound(f"there is no incident {incident_id} here now")
        now = self._clock.now()
        if is_open(incident):
            await self.book.update(incident_id, lambda i: moved(i, IncidentState.RESOLVED, now, actor, note))
            self._call_back(incident_id, "the incident is closed")
        return await self.book.update(incident_id, lambda i: moved(i, IncidentState.CLOSED, now, actor, note))

    def _call_back(self, incident_id: UUID, reason: str) -> None:
        response = self.dispatcher.active(incident_id)
        if response is not None:
            response.recall(reason)

    async def recall(self, drone_id: str, *, reason: str, actor: str) -> None:
        if drone_id not in self.drones:
            raise NotFound(f"there is no drone {drone_id!r}")
        try:
            self.dispatcher.recall(drone_id, f"{actor}: {reason}")
        except ResponseFailed as error:
            raise NotNow(str(error)) from error
        await self._store.operator_action(
            actor, "recall", {"drone_id": drone_id, "reason": reason}, at=self._clock.now()
        )
        self._changed()

    async def hail(
        self,
        *,
        text: str,
        language: str,
        speaker_ids: tuple[str, ...],
        drone_id: str | None,
        incident_id: UUID | None,
        actor: str,
    ) -> tuple[str, ...]:
        for speaker_id in speaker_ids:
            if speaker_id not in self.speakers:
                raise NotFound(f"there is no speaker {speaker_id!r}")
        tongue: Literal["zh", "en"] = "en" if language == "en" else "zh"
        taken, reasons = await self.hailer.say(speaker_ids, text, tongue, incident_id)
        if drone_id is not None:
            speaker = self.drone_speakers.get(drone_id)
            if speaker is None:
                raise NotFound(f"drone {drone_id!r} carries no loudspeaker")
            more, why = await self.hailer.say_on(speaker, text, tongue, incident_id)
            taken += more
            reasons += why
        if not taken:
            raise NotNow("; ".join(reasons) or "choose at least one loudspeaker")
        await self._store.operator_action(actor, "hail", {"text": text, "speakers": taken}, at=self._clock.now())
        if incident_id is not None and self.book.get(incident_id) is not None:
            await self.desk.note(incident_id, actor, "hail", text, {"speakers": taken})
        return tuple(taken)

    def _open_incident(self, incident_id: UUID) -> Incident:
        incident = self.book.get(incident_id)
        if incident is None:
            raise NotFound(f"there is no incident {incident_id} here now")
        if not is_open(incident):
            raise NotNow(f"the incident is {incident.state.value} already")
        return incident


def _matters(report: FrameReport) -> bool:
    """It says what no later report says again."""
    return bool(report.alerts or report.evidence)
