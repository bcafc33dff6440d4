"""A service without hardware: it remembers what it was asked and refuses what a real one would refuse."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

from flightctl.api.calibration_views import CalibrationRequest, CalibrationResult, CalibrationStored, OverlayView
from flightctl.api.face import AlertOutcome, ExternalAlert, NotFound, NotNow
from flightctl.api.views import CameraView, SiteView, StateView, WeatherView
from flightctl.calibrating import CalibrationDesk
from flightctl.incidents.model import Consent, Incident, IncidentState
from flightctl.preflight_report import CheckId, CheckResult, Override, PreflightReport, Severity
from flightctl.site import Policy, Text
from flightctl.site_loading import HAINING, Site, load_site
from geofence.position import LatLon
from tests.flightctl import samples
from vision.alert import CameraHealth
from vision.camera import Camera


@cache
def haining() -> Site:
    return load_site(HAINING)


class FakeFace:
    """Implements `ServiceFace`."""

    def __init__(self, *incidents: Incident) -> None:
        self.incidents = {incident.id: incident for incident in incidents}
        self.frames: dict[str, bytes | None] = {"cam-1": b"\xff\xd8jpeg", "cam-2": None}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.seen_keys: dict[tuple[str, str], AlertOutcome] = {}
        self.hold = False
        self.seq = 0
        self.failure: Exception | None = None
        self.padding = ""
        self.calibrated: list[Camera] = []
        self.calibrations = CalibrationDesk(haining(), lambda _place: 1.5, self.calibrated.append)
        self._listeners: set[Callable[[], None]] = set()

    @property
    def listener_count(self) -> int:
        return len(self._listeners)

    def site_view(self) -> SiteView:
        empty: dict[str, Any] = {"type": "FeatureCollection", "features": []}
        return SiteView(
            id="haining",
            name=Text(zh="海宁盐官", en="Haining, Yanguan"),
            note=None,
            timezone="Asia/Shanghai",
            simulated=True,
            origin=LatLon(lat=30.4020, lon=120.5420),
            zones=empty,
            basemap=empty,
            river_axis=(),
            stations=(),
            docks=(),
            drones=(),
            cameras=(),
            speakers=(),
            policy=Policy(),
            hails={},
        )

    def state_view(self) -> StateView:
        self.seq += 1
        return StateView(
            seq=self.seq,
            at=samples.START,
            hold=self.hold,
            drop_policy="confirm",
            weather=WeatherView(),
            bore=None,
            docks=(),
            drones=(),
            cameras=(CameraView(id="cam-1", health=CameraHealth.OK, reason=self.padding, frame_seq=1),),
            speakers=(),
            incidents=tuple(self.incidents.values()),
            drifts=(),
            needs=(),
        )

    def camera_frame(self, camera_id: str) -> bytes | None:
        if camera_id not in self.frames:
            raise NotFound(f"There is no camera {camera_id!r}.")
        return self.frames[camera_id]

    async def camera_overlay(self, camera_id: str) -> OverlayView:
        return await self.calibrations.overlay(camera_id)

    async def try_calibration(self, camera_id: str, order: CalibrationRequest) -> CalibrationResult:
        return await self.calibrations.trial(camera_id, order)

    async def accept_calibration(self, camera_id: str, order: CalibrationRequest, *, actor: str) -> CalibrationStored:
        return await self.calibrations.accept(camera_id, order)

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        self._listeners.add(on_change)
        return lambda: self._listeners.discard(on_change)

    def changed(self) -> None:
        for listener in list(self._listeners):
            listener()

    async def raise_alert(self, alert: ExternalAlert, *, source: str, test: bool) -> AlertOutcome:
        self._note("raise_alert", alert=alert, source=source, test=test)
        known = self.seen_keys.get((source, alert.key))
        if known is not None:
            return AlertOutcome(known.incident, known.decision, launched=known.launched, repeated=True)
        incident = samples.incident(len(self.incidents) + 1.0).model_copy(update={"test": test})
        outcome = AlertOutcome(incident, samples.decision(incident.id), launched=not test, repeated=False)
        self.seen_keys[source, alert.key] = outcome
        return outcome

    async def set_hold(self, hold: bool, *, actor: str) -> None:
        self._note("set_hold", hold=hold, actor=actor)
        self.hold = hold
        self.changed()

    async def consent(self, incident_id: UUID, *, given: bool, actor: str) -> Incident:
        self._note("consent", incident_id=incident_id, given=given, actor=actor)
        incident = self._open(incident_id)
        word = Consent.GIVEN if given else Consent.REFUSED
        return incident.model_copy(update={"consent": word})

    async def launch(self, incident_id: UUID, *, actor: str, overrides: tuple[Override, ...] = ()) -> Incident:
        self._note("launch", incident_id=incident_id, actor=actor, overrides=overrides)
        return self._open(incident_id)

    async def preflight(self, drone_id: str) -> PreflightReport:
        if drone_id != "cx-1":
            raise NotFound(f"There is no drone {drone_id!r}.")
        blocked = CheckResult(
            check=CheckId.WIND,
            severity=Severity.BLOCK,
            seen="14.0 m/s",
            text="over the limit of 12.0 m/s; wait",
            overridable=True,
        )
        return PreflightReport(drone_id=drone_id, at=samples.START, results=(blocked,))

    async def reject(self, incident_id: UUID, *, reason: str, actor: str) -> Incident:
        self._note("reject", incident_id=incident_id, reason=reason, actor=actor)
        return self._open(incident_id).model_copy(update={"state": IncidentState.REJECTED})

    async def close(self, incident_id: UUID, *, note: str, actor: str) -> Incident:
        self._note("close", incident_id=incident_id, note=note, actor=actor)
        return self._open(incident_id).model_copy(update={"state": IncidentState.CLOSED})

    async def recall(self, drone_id: str, *, reason: str, actor: str) -> None:
        self._note("recall", drone_id=drone_id, reason=reason, actor=actor)
        if drone_id != "cx-1":
            raise NotFound(f"There is no drone {drone_id!r}.")

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
        self._note("hail", text=text, language=language, speaker_ids=speaker_ids, drone_id=drone_id, actor=actor)
        if "sp-1" not in speaker_ids:
            raise NotNow("No loudspeaker took it: sp-2 is offline.")
        return ("sp-1",)

    def _note(self, what: str, **how: Any) -> None:
        self.asked.append((what, how))
        if self.failure is not None:
            raise self.failure

    def _open(self, incident_id: UUID) -> Incident:
        incident = self.incidents.get(incident_id)
        if incident is None:
            raise NotFound(f"There is no incident {incident_id}.")
        if incident.state is IncidentState.CLOSED:
            raise NotNow(f"Incident {incident_id} is closed; open a new one.")
        return incident
