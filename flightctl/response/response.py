"""One drone's service to one incident, from the dock to the dock.

    dock ─► launch ─► transit ─► deliver ─► watch ─► home ─► dock
                          │  └─► warn ──┬─────────────▲
                          │             └─► deliver   │       (the warned person fell in)
                          └─ failed or recalled ──────┘       (and the next drone is sent, or not)

It can be taken up in the air: after a restart of the service the flying drone is found again and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from flightctl.dispatch.decision import Purpose
from flightctl.dock.client import DockClient
from flightctl.drone import DroneHands
from flightctl.incidents.lifecycle import happened
from flightctl.incidents.model import Incident, IncidentState, Outcome
from flightctl.preflight_report import Override
from flightctl.response.delivery import Delivery, deliver, scene_height_m
from flightctl.response.desk import Desk
from flightctl.response.errors import Recalled, ResponseFailed
from flightctl.response.gaze import Gaze
from flightctl.response.homecoming import bring_home
from flightctl.response.launch import launch, stand_down, tell_launched
from flightctl.response.planning import corners_of, planned
from flightctl.response.sight import Sight
from flightctl.response.transit import fly_to_casualty, lowest_here_m
from flightctl.response.warn import WarnEnd, warn
from flightctl.tasks import all_of, first_of
from geofence.errors import ChaoxunError
from geofence.position import Enu, LatLon

_SUPERVISE_S = 0.5
_WATCH_ABOVE_DROP_M = 8.0
_WITHIN_REACH_M = 3.0  # RIVER.md §3.1: further is of no use to somebody drowning


class EndKind(StrEnum):
    DONE = "done"
    FAILED = "failed"
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True)
class End:
    kind: EndKind
    reason: str = ""


class Response:
    """Run it once. `recall` may be called at any moment; `on_over` is called when the drone no longer serves the
    incident (`end` says how; it may still be flying home)."""

    def __init__(
        self,
        desk: Desk,
        incident_id: UUID,
        hands: DroneHands,
        dock: DockClient,
        purpose: Purpose,
        route: tuple[LatLon, ...],
        *,
        on_over: Callable[[], None],
        overrides: tuple[Override, ...] = (),
    ) -> None:
        self.incident_id = incident_id
        self._hands = hands
        self.end: End | None = None
        self._on_over = on_over
        self._desk = desk
        self._dock = dock
        self._purpose = purpose
        self._route = route
        self._overrides = overrides
        self._corners: tuple[Enu, ...] = ()
        self._recalled: str | None = None
        self._serving: asyncio.Task[None] | None = None
        self._gaze = Gaze(desk, incident_id, hands)
        self._sight = Sight(desk, incident_id, hands)

    @property
    def drone_id(self) -> str:
        return self._hands.id

    def recall(self, reason: str) -> None:
        """Breaks off whatever the drone does for the incident; it comes home."""
        if self.end is None and self._recalled is None:
            self._recalled = reason
            if self._serving is not None:
                self._serving.cancel()

    def broke(self, reason: str) -> None:
        """An error nobody foresaw ended the task; the drone's own failsafe and the pilot have it now."""
        self.end = self.end or End(EndKind.FAILED, reason)

    async def run(self, *, in_the_air: bool = False) -> None:
        """Ends when the drone lies in its dock again, or never left it."""
        self.end = await self._served(in_the_air)
        self._on_over()
        letting_go = asyncio.create_task(self._gaze.let_go())
        try:
            await self._end_flight()
        finally:
            letting_go.cancel()
            await asyncio.wait({letting_go})

    async def _end_flight(self) -> None:
        hands = self._hands
        if hands.armed or not hands.online:
            await bring_home(self._desk, self.incident_id, hands, self._dock)
        else:
            await stand_down(self._desk, self.incident_id, hands, self._dock)

    async def _served(self, in_the_air: bool) -> End:
        self._serving = asyncio.create_task(self._serve(in_the_air))
        if self._recalled is not None:
            self._serving.cancel()
        actor = self._hands.actor
        try:
            await self._serving
        except asyncio.CancelledError:
            if self._recalled is None:
                await self._stop_serving()
                raise
            await self._desk.note(self.incident_id, actor, "recalled", self._recalled)
            return End(EndKind.RECALLED, self._recalled)
        except Recalled as error:
            return End(EndKind.RECALLED, str(error))
        except ChaoxunError as error:
            await self._desk.note(self.incident_id, actor, "failed", str(error))
            return End(EndKind.FAILED, str(error))
        return End(EndKind.DONE)

    async def _stop_serving(self) -> None:
        if self._serving is not None and not self._serving.done():
            self._serving.cancel()
            await asyncio.wait([self._serving])

    async def _serve(self, in_the_air: bool) -> None:
        desk, incident_id = self._desk, self.incident_id
        if in_the_air:
            await desk.note(incident_id, self._hands.actor, "adopted", f"found flying in {self._hands.mode}")
            if self._hands.mode != self._hands.vehicle.autopilot.guided:
                await self._hands.vehicle.hold()
        else:
            await desk.move(incident_id, IncidentState.DISPATCHED, "dispatch")
            plan = await planned(desk, incident_id, self._hands, self._purpose, self._route)
            self._corners = corners_of(plan, desk)
            await launch(desk, incident_id, self._hands, self._dock, plan, self._overrides)
        work = asyncio.create_task(self._fly(in_the_air))
        guard = asyncio.create_task(self._supervise())
        gaze = asyncio.create_task(self._gaze.follow())  # what becomes of these two is nobody's concern here
        sight = asyncio.create_task(self._sight.follow())
        try:
            await asyncio.wait({work, guard}, return_when=asyncio.FIRST_COMPLETED)
            for task in (guard, work):
                if task.done():
                    task.result()
        except BaseExceptionGroup as errors:
            raise first_of(errors) from errors
        finally:
            for task in (work, guard, gaze, sight):
                task.cancel()
            await asyncio.wait({work, guard, gaze, sight})

    async def _fly(self, in_the_air: bool) -> None:
        desk, incident_id, hands = self._desk, self.incident_id, self._hands
        if not in_the_air:
            await all_of(tell_launched(desk, incident_id, hands, self._dock), self._transit())
        elif happened(desk.book[incident_id], "dropped"):
            await self._finish(Delivery(True, "lifebuoy in the water"))
            return
        else:
            await self._transit()
        if self._purpose is Purpose.HAIL:
            ended = await warn(desk, incident_id, hands)
            if ended is not WarnEnd.IN_WATER:
                await self._warned(ended)
                return
            if not hands.loaded_hooks():
                raise ResponseFailed(f"{hands.id} carries no lifebuoy and the person is in the water now")
            await self._transit()
        await self._finish(await deliver(desk, incident_id, hands))

    async def _transit(self) -> None:
        desk, incident_id = self._desk, self.incident_id
        place = desk.casualty(incident_id).estimate().place
        height_m = (
            scene_height_m(desk, self._hands, place) + 2.0
            if self._purpose is Purpose.LIFEBUOY
            else desk.policy().transit_height_m
        )
        await fly_to_casualty(desk, incident_id, self._hands, self._corners, height_m)
        actor = self._hands.actor
        await desk.note(incident_id, actor, "arrived")
        await desk.move(incident_id, IncidentState.ON_SCENE, actor)

    async def _finish(self, delivery: Delivery) -> None:
        """Watches for a while after the drop, says the outcome."""
        desk, incident_id = self._desk, self.incident_id
        await self._watch()
        incident = desk.book[incident_id]
        if not delivery.dropped:
            await desk.move(incident_id, IncidentState.ESCALATED, self._hands.actor, delivery.reason)
            await self._say_outcome(f"no lifebuoy dropped: {delivery.reason}", None)
            return
        reachable = delivery.buoy_distance_m is not None and delivery.buoy_distance_m <= _WITHIN_REACH_M
        summary = (
            "lifebuoy in the water"
            if delivery.buoy_distance_m is None
            else f"lifebuoy {delivery.buoy_distance_m:.1f} m from the person, "
            + ("within reach" if reachable else "a swim away")
        )
        await self._say_outcome(f"{summary}; send the patrol to take them out", delivery.buoy_distance_m)
        if incident.state is not IncidentState.RESOLVED:
            await desk.move(incident_id, IncidentState.RESOLVED, self._hands.actor, summary)

    async def _warned(self, ended: WarnEnd) -> None:
        desk, incident_id = self._desk, self.incident_id
        actor = self._hands.actor
        if ended is WarnEnd.LEFT:
            await self._say_outcome("the person went back after being hailed", None)
            await desk.move(incident_id, IncidentState.RESOLVED, actor, "the person left the zone")
        else:
            await self._say_outcome("the person stayed in spite of hailing; send the patrol", None)
            await desk.move(incident_id, IncidentState.ESCALATED, actor, "the person stayed")

    async def _watch(self) -> None:
        desk, incident_id = self._desk, self.incident_id
        until_s = desk.clock.time_s() + desk.policy().watch_after_drop_s
        while desk.clock.time_s() < until_s:
            person = desk.casualty(incident_id).estimate()
            wanted_m = scene_height_m(desk, self._hands, person.place) + _WATCH_ABOVE_DROP_M
            height_m = lowest_here_m(desk, self._hands.place(), wanted_m)
            over = desk.site.frame.to_wgs84(person.place)
            self._hands.vehicle.send_target(over, height_m, (person.velocity.east_m, person.velocity.north_m))
            await asyncio.sleep(_SUPERVISE_S)
        await desk.note(incident_id, self._hands.actor, "watched")

    async def _supervise(self) -> None:
        """Raises ResponseFailed when the link is gone or the autopilot flies on its own."""
        while True:
            await asyncio.sleep(_SUPERVISE_S)
            if not self._hands.online:
                raise ResponseFailed(f"{self._hands.id}: link lost; its failsafe brings it home")
            autopilot = self._hands.vehicle.autopilot
            if self._hands.mode not in {autopilot.guided, autopilot.brake, *autopilot.climbing}:
                texts = "; ".join(self._hands.recent_texts(5.0, self._desk.clock.time_s()))
                raise ResponseFailed(
                    f"{self._hands.id} went to {self._hands.mode} by itself{': ' + texts if texts else ''}"
                )
            if not self._hands.armed:
                raise ResponseFailed(f"{self._hands.id} disarmed in the air")

    async def _say_outcome(self, summary: str, buoy_distance_m: float | None) -> None:
        def change(incident: Incident) -> Incident:
            outcome = Outcome(summary=summary, buoy_distance_m=buoy_distance_m, steps_s=steps_of(incident))
            return incident.model_copy(update={"outcome": outcome})

        await self._desk.book.update(self.incident_id, change)


def steps_of(incident: Incident) -> dict[str, float]:
    """Seconds from the opening to the first time of each named step, in order."""
    steps: dict[str, float] = {}
    for entry in incident.timeline:
        if not entry.step.startswith(("state_", "interlocks", "priority")):
            steps.setdefault(entry.step, round((entry.at - incident.opened_at).total_seconds(), 2))
    return steps
