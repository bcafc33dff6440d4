"""Watches a run from both sides, the truth of the simulated hardware and the words of the service, and logs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from flightctl.dock.protocol import DockState
from flightctl.incidents.model import OPEN_STATES, Incident, IncidentState
from geofence.position import Enu
from sim.hardware import SimulatedHardware
from sim.scenario.model import Moment
from sim.scenario.record import Event, Record, Source, TrackPoint
from vision.alert import Alert, CameraHealth, FrameReport

_AIRBORNE_M = 1.5
_TRACK_EVERY_S = 0.5
_SERVICE_EVERY_S = 0.2
_STATE = "state_"  # how the timeline names a change of state
_BEING_SERVED = {
    IncidentState.DETECTED,
    IncidentState.VERIFIED,
    IncidentState.DISPATCHED,
    IncidentState.AIRBORNE,
    IncidentState.ON_SCENE,
    IncidentState.ACTING,
}


class Moments:
    """What has happened for the first time; faults and deeds wait for it."""

    def __init__(self) -> None:
        self._events = {moment: asyncio.Event() for moment in Moment}

    def happened(self, moment: Moment) -> None:
        self._events[moment].set()

    async def wait(self, moment: Moment) -> None:
        await self._events[moment].wait()


class Observer:
    """Hook it to the hardware's steps and to vision's reports; it fills `record`."""

    def __init__(self, hardware: SimulatedHardware) -> None:
        self.record = Record(drone_speakers=frozenset(d.id for d in hardware.site.drones if d.speaker_link))
        self.moments = Moments()
        self.first_drone: str | None = None
        self._hardware = hardware
        self._told: Callable[[], Iterable[Incident]] | None = None
        self._world_events = 0
        self._drones: dict[str, dict[str, Any]] = {}
        self._docks: dict[str, DockState] = {}
        self._saying: dict[str, UUID | None] = {}
        self._health: dict[str, CameraHealth] = {}
        self._incidents: dict[UUID, Incident] = {}
        self._next_track_s = self._next_service_s = 0.0
        hardware.observe(self._step)

    def watch(self, incidents: Callable[[], Iterable[Incident]]) -> None:
        """Where the service's incidents are to be read."""
        self._told = incidents

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """As the service told them last."""
        return tuple(self._incidents.values())

    @property
    def settled(self) -> bool:
        """Something flew, everything is docked again, and no incident is being served."""
        flown = [state for state in self._drones.values() if state["flew"]]
        served = any(incident.state in _BEING_SERVED for incident in self._incidents.values())
        return bool(flown) and all(state["docked"] for state in flown) and not served

    def log(self, source: Source, kind: str, subject: str = "", at_s: float | None = None, /, **data: Any) -> None:
        self.record.add(Event(self._now_s() if at_s is None else at_s, source, kind, subject, data))

    def finish(self) -> Record:
        """The log in the order of time."""
        self._step_service()
        self.record.ended_s = self._now_s()
        self.record.events.sort(key=lambda event: event.at_s)
        return self.record

    def reporting_to(self, on_report: Callable[[FrameReport], None]) -> Callable[[FrameReport], None]:
        """Listens in on vision's reports."""

        def heard(report: FrameReport) -> None:
            for alert in report.alerts:
                self._alert(alert)
            if self._health.get(report.camera_id) is not report.health:
                self._health[report.camera_id] = report.health
                self.log(Source.VISION, "health", report.camera_id, health=report.health.value)
            on_report(report)

        return heard

    def _now_s(self) -> float:
        return self._hardware.at_s

    def _alert(self, alert: Alert) -> None:
        data: dict[str, Any] = {"kind": alert.kind.value, "camera": alert.camera_id, "confidence": alert.confidence}
        if alert.position is not None:
            place = self._hardware.world.ground.to_bank(self._hardware.frame.to_enu(alert.position))
            data |= {"along_m": round(place.along_m, 1), "offset_m": round(place.offset_m, 1)}
            data["sigma_m"] = round(alert.position.sigma_m, 2)
        if "reason" in alert.details:
            data["reason"] = str(alert.details["reason"])
        self.log(Source.VISION, "alert", str(alert.id), **data)
        self.moments.happened(Moment.ALERT)

    # --- hardware -------------------------------------------------------------------------------------------

    def _step(self) -> None:
        self._step_world()
        self._step_drones()
        self._step_docks()
        self._step_speakers()
        now_s = self._now_s()
        if now_s >= self._next_track_s:
            self._next_track_s = now_s + _TRACK_EVERY_S
            self._step_tracks(now_s)
        if now_s >= self._next_service_s:
            self._next_service_s = now_s + _SERVICE_EVERY_S
            self._step_service()

    def _step_world(self) -> None:
        events = self._hardware.world.events
        for event in events[self._world_events :]:
            data = {key: round(v, 2) if isinstance(v, float) else v for key, v in event.details.items()}
            data |= _place(event.position)
            self.log(Source.WORLD, event.kind.value, event.subject, event.at_s, **data)
            if event.kind.value == "fell":
                self.moments.happened(Moment.FALL)
            elif event.kind.value == "buoy_released":
                self.moments.happened(Moment.DROPPED)
        self._world_events = len(events)

    def _step_drones(self) -> None:
        for drone_id, copter in self._hardware.copters.items():
            state = copter.state
            known = self._drones.setdefault(
                drone_id,
                {
                    "armed": False,
                    "up": False,
                    "mode": state.mode.name,
                    "flew": False,
                    "docked": True,
                    "crashed": False,
                },
            )
            if state.armed != known["armed"]:
                known["armed"] = state.armed
                self.log(Source.DRONE, "armed" if state.armed else "disarmed", drone_id)
            if state.mode.name != known["mode"]:
                known["mode"] = state.mode.name
                self.log(Source.DRONE, "mode", drone_id, mode=state.mode.name)
            if not known["up"] and not state.on_ground and state.height_m > _AIRBORNE_M:
                known |= {"up": True, "flew": True, "docked": False}
                self.first_drone = self.first_drone or drone_id
                self.log(Source.DRONE, "airborne", drone_id)
                self.moments.happened(Moment.AIRBORNE)
            elif known["up"] and state.on_ground:
                known["up"] = False
                battery = round(state.battery_percent, 1)
                self.log(Source.DRONE, "landed", drone_id, battery_percent=battery, **_place(state.position))
            if state.crashed and not known["crashed"]:
                known["crashed"] = True
                self.log(Source.DRONE, "crashed", drone_id, **_place(state.position))
            dock = self._hardware.dock_of(drone_id)
            if known["flew"] and not known["docked"] and drone_id in dock.drones_inside and dock.cover_percent == 0:
                known["docked"] = True
                self.log(Source.DRONE, "docked", drone_id, dock=dock.id)

    def _step_docks(self) -> None:
        for dock_id, dock in self._hardware.docks.items():
            if self._docks.get(dock_id) is not dock.state:
                first = dock_id not in self._docks
                self._docks[dock_id] = dock.state
                if not first:
                    data: dict[str, Any] = {"reason": dock.reason} if dock.reason else {}
                    self.log(Source.DOCK, "state", dock_id, state=dock.state.value, **data)

    def _step_speakers(self) -> None:
        for speaker_id, speaker in self._hardware.speakers.items():
            playing = speaker.playing
            now = None if playing is None else playing.cmd_id
            if self._saying.get(speaker_id) != now:
                self._saying[speaker_id] = now
                if playing is not None:
                    drone = speaker_id in self.record.drone_speakers
                    self.log(Source.SPEAKER, "says", speaker_id, text=playing.text, drone=drone)

    def _step_tracks(self, now_s: float) -> None:
        world = self._hardware.world
        for person in world.people.values():
            if now_s >= person.plan.appears_at_s:
                self.record.people.setdefault(person.plan.id, []).append(TrackPoint(now_s, person.position))
        for drone_id, copter in self._hardware.copters.items():
            if self._drones[drone_id]["flew"]:
                state = copter.state
                self.record.drones.setdefault(drone_id, []).append(
                    TrackPoint(now_s, state.position, max(0.0, state.height_m))
                )
        for buoy in world.view().buoys:
            self.record.buoys.setdefault(f"buoy-{buoy.id}", []).append(
                TrackPoint(now_s, buoy.position, buoy.height_amsl_m)
            )

    # --- service --------------------------------------------------------------------------------------------

    def _step_service(self) -> None:
        if self._told is None:
            return
        for incident in self._told():
            known = self._incidents.get(incident.id)
            if known is not incident:
                self._incidents[incident.id] = incident
                self._compare(known, incident)

    def _compare(self, known: Incident | None, incident: Incident) -> None:
        subject = str(incident.id)
        if known is None:
            self.log(Source.SERVICE, "opened", subject, self._at(incident.opened_at), priority=incident.priority.name)
        elif known.priority is not incident.priority:
            self.log(Source.SERVICE, "priority", subject, priority=incident.priority.name)
        for entry in incident.timeline[0 if known is None else len(known.timeline) :]:
            data: dict[str, Any] = {"step": entry.step, "actor": entry.actor}
            if entry.text:
                data["text"] = entry.text
            self.log(Source.SERVICE, "timeline", subject, self._at(entry.at), **data)
        for decision in incident.decisions[0 if known is None else len(known.decisions) :]:
            refused = {c.drone_id: c.reason for c in decision.candidates if not c.chosen}
            self.log(
                Source.SERVICE,
                "decision",
                subject,
                self._at(decision.at),
                dock=decision.dock_id,
                drone=decision.drone_id,
                purpose=decision.purpose.value,
                refused=refused,
            )
            if decision.drone_id is not None:
                self.moments.happened(Moment.DISPATCHED)
        told = [
            e for e in incident.timeline[0 if known is None else len(known.timeline) :] if e.step.startswith(_STATE)
        ]
        states = [(IncidentState(entry.step.removeprefix(_STATE)), self._at(entry.at)) for entry in told]
        before = None if known is None else known.state
        if incident.state is not before and (not states or states[-1][0] is not incident.state):
            states.append((incident.state, self._now_s()))
        for state, at_s in states:
            self.log(Source.SERVICE, "state", subject, at_s, state=state.value)
            if state is IncidentState.ON_SCENE:
                self.moments.happened(Moment.ON_SCENE)

    def _at(self, at: datetime) -> float:
        return self._hardware.at_s_of(at)

    def newest_open(self) -> Incident | None:
        """The open incident of the highest priority, the youngest of those."""
        is_open = [i for i in self._incidents.values() if i.state in OPEN_STATES]
        return min(is_open, key=lambda i: (i.priority, -i.opened_at.timestamp()), default=None)


def _place(position: Enu) -> dict[str, float]:
    return {"east_m": round(position.east_m, 2), "north_m": round(position.north_m, 2)}
