"""A scripted service behind the real API: Haining with one rescue under way, for the panel's tests and pictures.

The script is a function of one number, the seconds since the alert; a test sets it (`FakeFace.seconds`), and
`python -m tests.panel.fake_face` lets it run. Orders from the panel are kept in `orders` and change what is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from flightctl.api.calibration_views import CalibrationRequest, CalibrationResult, CalibrationStored, OverlayView
from flightctl.api.face import AlertOutcome, ExternalAlert, NotFound, NotNow
from flightctl.api.views import (
    BoreView,
    CameraPlace,
    CameraView,
    DockPlace,
    DockView,
    DriftView,
    DroneView,
    EncounterView,
    FrontView,
    SiteView,
    SpeakerPlace,
    SpeakerView,
    StateView,
    StationView,
    TrafficView,
    WeatherView,
)
from flightctl.calibrating import CalibrationDesk
from flightctl.dock.protocol import DockState
from flightctl.incidents.lifecycle import with_evidence
from flightctl.incidents.model import Consent, Incident, IncidentState, TimelineEntry
from flightctl.preflight_report import Override, PreflightReport
from flightctl.site import SiteFile
from flightctl.site_loading import load_site
from geofence.position import Enu, LatLon, LocalFrame
from tests.panel import fake_checks
from tests.panel import fake_incidents as story
from tests.panel.fake_picture import picture
from vision.alert import CameraHealth, EvidenceUpdate, PixelBox, Surface, TrackView, UncertainPosition
from vision.vitals import CameraVitals

REPOSITORY = Path(__file__).resolve().parents[2]
HAINING = REPOSITORY / "sim" / "sites" / "haining"
PANEL = REPOSITORY / "flightctl" / "panel" / "dist"


_CONFLICT = (
    EncounterView(
        drone_id="cx-2",
        traffic_key="icao:78123a",
        distance_m=910.0,
        up_m=-18.0,
        conflict=True,
        too_near_in_s=16.0,
        nearest_in_s=22.0,
        nearest_m=40.0,
    ),
)


class FakeFace:
    """Implements `ServiceFace`."""

    def __init__(self, *, seconds: float = 0.0, bore_in_s: float = 840.0, drop_auto: bool = False) -> None:
        self.seconds: float | Callable[[], float] = seconds
        self.bore_in_s = bore_in_s
        self.drop_auto = drop_auto
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.refuse_with: str | None = None  # the next order is answered with NotNow and this text
        self.quiet = False  # no incident at all
        self.blocked = False  # nobody may fly for the trespasser
        self.answers_checks = threading.Event()  # until then a pre-flight report is under way
        self.answers_checks.set()
        self.evidence: list[EvidenceUpdate] = []  # of the alerts of the story
        self.intruder = False  # another aircraft comes near
        self._hold = False
        self._consent = Consent.UNASKED
        self._recalled_at: float | None = None
        self._ended: dict[UUID, tuple[IncidentState, TimelineEntry]] = {}
        self._speaking: dict[str, str] = {}
        self._seq = 0
        self._file = SiteFile.model_validate(yaml.safe_load((HAINING / "site.yaml").read_text("utf-8")))
        self._frame = LocalFrame(self._file.origin)
        self.calibrations = CalibrationDesk(
            load_site(HAINING), lambda _place: 1.5, lambda camera: self._order("calibrate", camera=camera)
        )
        self._on_change: list[Callable[[], None]] = []

    @property
    def now_s(self) -> float:
        return self.seconds() if callable(self.seconds) else self.seconds

    def _changed(self) -> None:
        for tell in tuple(self._on_change):
            tell()

    def _order(self, name: str, **what: Any) -> None:
        self.orders.append((name, what))
        if self.refuse_with is not None:
            reason, self.refuse_with = self.refuse_with, None
            raise NotNow(reason)

    # -- looking

    def site_view(self) -> SiteView:
        site = self._file
        river = yaml.safe_load((HAINING / "river.yaml").read_text("utf-8"))
        return SiteView(
            id=site.id,
            name=site.name,
            note=site.note,
            timezone=site.timezone,
            simulated=site.simulated,
            origin=site.origin,
            zones=json.loads((HAINING / "zones.geojson").read_text("utf-8")),
            basemap=json.loads((HAINING / "basemap.geojson").read_text("utf-8")),
            river_axis=tuple(LatLon(**point) for point in river["axis"]),
            stations=tuple(
                StationView(id=s["id"], name=s["name"], position=LatLon(**s["position"])) for s in river["stations"]
            ),
            docks=tuple(DockPlace(id=dock.id, name=dock.name, position=dock.position) for dock in site.docks),
            drones=site.drones,
            cameras=tuple(
                CameraPlace(
                    id=camera.id,
                    name=story.text(camera.name),
                    position=camera.position,
                    field_of_view=story.field_of_view(camera, self._frame),
                    width_px=camera.lens.width_px,
                    height_px=camera.lens.height_px,
                )
                for camera in site.cameras
            ),
            speakers=tuple(
                SpeakerPlace(id=s.id, name=s.name, position=s.position, range_m=s.range_m) for s in site.speakers
            ),
            policy=site.policy,
            hails=site.hails,
        )

    def state_view(self) -> StateView:
        now = self.now_s
        self._seq += 1
        incidents = () if self.quiet else self._incidents()
        rescue = next((one for one in incidents if one.id == story.RESCUE), None)
        waits = rescue is not None and rescue.state in story.OPEN_IN_FLIGHT and not self.drop_auto
        asked = waits and now >= story.ASKED_S and self._consent is Consent.UNASKED
        return StateView(
            seq=self._seq,
            at=story.at(now),
            hold=self._hold,
            drop_policy="auto" if self.drop_auto else "confirm",
            weather=WeatherView(wind_mps=4.2, wind_from_deg=48.0),
            bore=self._bore(now),
            docks=self._docks(now),
            drones=self._drones(now),
            cameras=self._cameras(now),
            speakers=tuple(
                SpeakerView(id=s.id, online=s.id != "spk-4", playing=self._speaking.get(s.id))
                for s in self._file.speakers
            ),
            incidents=incidents,
            drifts=() if rescue is None or not story.drifting(now) else (self._drift(now),),
            needs=(
                *((f"consent:{story.RESCUE}",) if asked else ()),
                *((f"override:{story.TRESPASS}",) if self.blocked else ()),
            ),
            blocks=fake_checks.blocks(story.TRESPASS, story.at(-20)) if self.blocked else (),
            traffic=self._traffic() if self.intruder else (),
            encounters=_CONFLICT if self.intruder else (),
        )

    def _traffic(self) -> tuple[TrafficView, ...]:
        place = self._frame.to_wgs84(Enu(120.0, 260.0))
        return (
            TrafficView(
                key="icao:78123a",
                name="B-7312",
                drone=False,
                position=place,
                amsl_m=64.0,
                course_deg=250.0,
                ground_speed_mps=42.0,
                age_s=0.6,
            ),
        )

    def camera_frame(self, camera_id: str) -> bytes | None:
        camera = next((one for one in self._file.cameras if one.id == camera_id), None)
        if camera is None:
            raise NotFound(f"There is no camera {camera_id}.")
        boxes = [(track.box, track.alerting) for track in self._tracks(camera_id, self.now_s)]
        return picture(camera_id, self.now_s, boxes)

    async def camera_overlay(self, camera_id: str) -> OverlayView:
        return await self.calibrations.overlay(camera_id)

    async def try_calibration(self, camera_id: str, order: CalibrationRequest) -> CalibrationResult:
        return await self.calibrations.trial(camera_id, order)

    async def accept_calibration(self, camera_id: str, order: CalibrationRequest, *, actor: str) -> CalibrationStored:
        return await self.calibrations.accept(camera_id, order)

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        self._on_change.append(on_change)
        return lambda: self._on_change.remove(on_change)

    # -- acting

    async def raise_alert(self, alert: ExternalAlert, *, source: str, test: bool) -> AlertOutcome:
        raise NotNow("The scripted service takes no alerts.")

    async def set_hold(self, hold: bool, *, actor: str) -> None:
        self._order("hold", hold=hold)
        self._hold = hold
        self._changed()

    async def consent(self, incident_id: UUID, *, given: bool, actor: str) -> Incident:
        self._order("consent", incident_id=incident_id, given=given)
        self._consent = Consent.GIVEN if given else Consent.REFUSED
        return self._found(incident_id)

    async def launch(self, incident_id: UUID, *, actor: str, overrides: tuple[Override, ...] = ()) -> Incident:
        said = {"overrides": [override.model_dump(mode="json") for override in overrides]} if overrides else {}
        self._order("launch", incident_id=incident_id, **said)
        self.blocked = False
        return self._found(incident_id)

    async def preflight(self, drone_id: str) -> PreflightReport:
        if drone_id not in {drone.id for drone in self._file.drones}:
            raise NotFound(f"There is no drone {drone_id!r}.")
        await asyncio.to_thread(self.answers_checks.wait)
        return PreflightReport(drone_id=drone_id, at=story.at(self.now_s), results=fake_checks.RESULTS)

    async def reject(self, incident_id: UUID, *, reason: str, actor: str) -> Incident:
        self._order("reject", incident_id=incident_id, reason=reason)
        return self._end(incident_id, IncidentState.REJECTED, "rejected", reason)

    async def close(self, incident_id: UUID, *, note: str, actor: str) -> Incident:
        self._order("close", incident_id=incident_id, note=note)
        return self._end(incident_id, IncidentState.CLOSED, "closed", note)

    async def recall(self, drone_id: str, *, reason: str, actor: str) -> None:
        self._order("recall", drone_id=drone_id, reason=reason)
        self._recalled_at = self.now_s
        self._end(story.RESCUE, IncidentState.CANCELLED, "recalled", reason)

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
        self._order("hail", text=text, language=language, speaker_ids=speaker_ids, drone_id=drone_id)
        self._speaking = dict.fromkeys(speaker_ids, text)
        self._changed()
        return speaker_ids

    # -- the story

    def _found(self, incident_id: UUID) -> Incident:
        self._changed()
        found = next((one for one in self._incidents() if one.id == incident_id), None)
        if found is None:
            raise NotFound(f"There is no incident {incident_id}.")
        return found

    def _end(self, incident_id: UUID, state: IncidentState, step: str, reason: str) -> Incident:
        entry = TimelineEntry(at=story.at(self.now_s), actor="operator", step=step, text=reason)
        self._ended[incident_id] = (state, entry)
        return self._found(incident_id)

    def _incidents(self) -> tuple[Incident, ...]:
        all_of_them = story.incidents(self.now_s, self._consent, self._frame, drop_auto=self.drop_auto)
        for kept in self.evidence:
            all_of_them = tuple(
                with_evidence(one, kept, story.at(self.now_s), "vision:cam-3")
                if any(alert.id == kept.alert_id for alert in one.alerts)
                else one
                for one in all_of_them
            )
        shown: list[Incident] = []
        for incident in all_of_them:
            ended = self._ended.get(incident.id)
            if ended is not None:
                state, entry = ended
                known = (*incident.timeline, entry)
                update = {"state": state, "timeline": known, "drone_id": None}
                shown.append(incident.model_copy(update=update))
            else:
                shown.append(incident)
        return tuple(shown)

    def _bore(self, now: float) -> BoreView:
        eta = self.bore_in_s - now
        front = None
        if eta < 240:
            east = eta * 6.3
            line = tuple(
                self._frame.to_wgs84(Enu(east + 0.1 * south, -south)) for south in (20.0, 800.0, 1600.0, 2400.0)
            )
            front = FrontView(position=line[1], line=line, speed_mps=6.3, observed=eta < 120)
        return BoreView(
            station_id="yanguan",
            eta_s=eta,
            sigma_s=240.0 if front is None else 15.0,
            arrives_at=story.at(now) + timedelta(seconds=eta),
            source="table" if front is None else "observation",
            front=front,
            level_amsl_m=1.5,
        )

    def _docks(self, now: float) -> tuple[DockView, ...]:
        state, cover, inside = (DockState.IDLE, 0.0, True) if self.quiet else story.dock_mid(now)
        return (
            DockView(id="dock-west", state=DockState.IDLE, drones_inside=("cx-1",), wind_mps=4.4, temperature_c=21),
            DockView(
                id="dock-mid",
                state=state,
                cover_percent=cover,
                drones_inside=("cx-2",) if inside else (),
                wind_mps=4.2,
                temperature_c=21,
            ),
            DockView(
                id="dock-east",
                state=DockState.WEATHER_HOLD,
                reason="wind 12.6 m/s is above the dock's limit of 12 m/s",
                drones_inside=("cx-3", "cx-4"),
                wind_mps=12.6,
                temperature_c=21,
            ),
        )

    def _drones(self, now: float) -> tuple[DroneView, ...]:
        homes = {dock.id: dock.position for dock in self._file.docks}
        views: list[DroneView] = []
        for drone in self._file.drones:
            parked = DroneView(
                id=drone.id,
                dock_id=drone.dock_id,
                online=True,
                position=homes[drone.dock_id],
                height_m=0.0,
                heading_deg=180.0,
                battery_percent={"cx-1": 100.0, "cx-2": 98.0, "cx-3": 46.0, "cx-4": 88.0}[drone.id],
                mode="STABILIZE",
                in_dock=True,
                hooks_loaded=drone.payload.hooks,
            )
            if drone.id == "cx-3":
                parked = parked.model_copy(update={"reason": "battery 46 % is below the 60 % needed to launch"})
            if drone.id == "cx-2" and not self.quiet:
                parked = story.flight(parked, now, self._frame, dropped=self._dropped(now))
            views.append(parked)
        return tuple(views)

    def _dropped(self, now: float) -> bool:
        return now >= story.DROP_S and (self.drop_auto or self._consent is Consent.GIVEN)

    def _tracks(self, camera_id: str, now: float) -> tuple[TrackView, ...]:
        tracks: list[TrackView] = []
        walking = int(camera_id[-1]) % 3 + 1
        for walker in range(walking):
            x = (walker * 190 + 60 + now * (6 + walker)) % 600
            tracks.append(self._track(walker + 1, x, 70 + 8 * walker, 14, 34, Surface.PROMENADE, story.WALKERS))
        if self.quiet:
            return tuple(tracks)
        if camera_id == "cam-3" and story.drifting(now):
            place = story.person(now, self._frame)
            tracks.append(
                self._track(17, 300 + now * 1.2, 205, 26, 18, Surface.WATER, place, alerting=True, zone="river-mid")
            )
        if camera_id == "cam-1":
            tracks.append(
                self._track(
                    9, 380, 190, 16, 40, Surface.FORESHORE, story.TRESPASSER, alerting=True, zone="foreshore-west"
                )
            )
        return tuple(tracks)

    def _track(
        self,
        number: int,
        x: float,
        y: float,
        width: float,
        height: float,
        surface: Surface,
        place: UncertainPosition,
        *,
        alerting: bool = False,
        zone: str = "promenade",
    ) -> TrackView:
        box = PixelBox(x=x, y=y, w=width, h=height)
        return TrackView(
            track_id=number, box=box, surface=surface, position=place, zone_ids=(zone,), alerting=alerting
        )

    def _cameras(self, now: float) -> tuple[CameraView, ...]:
        views: list[CameraView] = []
        for camera in self._file.cameras:
            bad = camera.id == "cam-5"
            views.append(
                CameraView(
                    id=camera.id,
                    health=CameraHealth.FROZEN if bad else CameraHealth.OK,
                    reason="the picture has not changed for 12 s" if bad else "",
                    frame_seq=1 + max(0, int((now + 600) * 5)) if not bad else 1,
                    at=story.at(now - 12 if bad else now),
                    tracks=() if bad else self._tracks(camera.id, now),
                    vitals=CameraVitals(
                        analysed_fps=5.0,
                        picture_at=story.at(now),
                        worker_p50_s=0.018,
                        worker_p95_s=0.041,
                        service_p50_s=0.022,
                        service_p95_s=0.16,
                        dropped=12 if camera.id == "cam-3" else 0,
                        worker_mb=412.0,
                    ),
                )
            )
        return tuple(views)

    def _drift(self, now: float) -> DriftView:
        return DriftView(
            incident_id=story.RESCUE,
            position=story.person(now, self._frame),
            track=tuple(story.person(now, self._frame, ahead_s=ahead) for ahead in range(10, 70, 10)),
        )


class EmptyArchive:
    """Stands for the store, of which the panel asks nothing."""

    async def incident(self, incident_id: UUID) -> Incident | None:
        return None

    async def incidents(self, limit: int = 50, before: UUID | None = None) -> tuple[Incident, ...]:
        return ()

    async def check(self) -> None: ...


def main() -> None:
    import uvicorn

    from flightctl.api.app import create_app

    parser = argparse.ArgumentParser(description="the panel on a scripted service")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--blocked", action="store_true", help="a launch that pre-flight checks block")
    parser.add_argument("--start", type=float, default=-4.0, help="seconds after the alert to begin at")
    options = parser.parse_args()
    began = time.monotonic() - options.start
    face = FakeFace()
    face.blocked = options.blocked
    face.seconds = lambda: time.monotonic() - began
    app = create_app(face, EmptyArchive(), panel_dir=PANEL)
    uvicorn.run(app, host="127.0.0.1", port=options.port, ws_per_message_deflate=False, log_level="warning")


if __name__ == "__main__":
    main()
