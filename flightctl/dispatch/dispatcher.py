"""Turns wishes into flights: decides, records the decision whole, starts the response, and the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import structlog

from flightctl.dispatch.decide import decide
from flightctl.dispatch.decision import Decision, Purpose
from flightctl.dispatch.rules import Wish, was_ordered, wished
from flightctl.dispatch.situation import DockSituation, DroneSituation, Situation, TargetTrack
from flightctl.dock.client import DockClient
from flightctl.incidents.lifecycle import noted
from flightctl.incidents.model import Incident, IncidentState
from flightctl.preflight_report import Override
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.response.response import EndKind, Response
from flightctl.site import Drone
from geofence.errors import ChaoxunError
from geofence.identity import uuid7
from geofence.position import Enu, LatLon
from geofence.windows import Conditions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An incident whose launch waits for a person."""

    incident_id: UUID
    why: str


class Dispatcher:
    """Owns the responses that are under way."""

    def __init__(
        self,
        desk: Desk,
        docks: Mapping[str, DockClient],
        rng: np.random.Generator,
        start: Callable[[Response, bool], None],
        bore_eta_s: Callable[[Enu], float | None],
        on_change: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._docks = docks
        self._rng = rng
        self._start = start
        self._bore_eta_s = bore_eta_s
        self._on_change = on_change
        self._responses: dict[str, Response] = {}  # by drone
        self._failed: dict[UUID, set[str]] = {}
        self._said: dict[UUID, tuple[object, ...]] = {}
        self._settled: set[int] = set()
        self._overrides: dict[UUID, tuple[Override, ...]] = {}  # a person's, each for one try of its drone
        self._deciding = asyncio.Lock()
        self.waiting: dict[UUID, Waiting] = {}
        self.hold = False

    # --- looked at by others ---------------------------------------------------------------------------------

    def serving(self, drone_id: str) -> UUID | None:
        """The incident a drone is out for, on its way home included."""
        response = self._responses.get(drone_id)
        return None if response is None else response.incident_id

    def active(self, incident_id: UUID) -> Response | None:
        """The response that still serves the incident."""
        for response in self._responses.values():
            if response.incident_id == incident_id and response.end is None:
                return response
        return None

    def response_of(self, drone_id: str) -> Response | None:
        return self._responses.get(drone_id)

    # --- deciding --------------------------------------------------------------------------------------------

    async def consider(self, incident: Incident) -> None:
        """Sends a drone when one is wanted, none is under way, and nothing holds it back.

        One decision at a time: it is stored before the drone counts as taken, and a person's order, another
        system's alert and the regular round may all ask meanwhile.
        """
        async with self._deciding:
            await self._consider(self._desk.book.get(incident.id) or incident)

    async def _consider(self, incident: Incident) -> None:
        if self.active(incident.id) is not None:
            self.waiting.pop(incident.id, None)
            return
        wish = self._wish(incident)
        if wish is None:
            self.waiting.pop(incident.id, None)
            return
        if wish.needs_word:
            if incident.id not in self.waiting:
                self.waiting[incident.id] = Waiting(incident.id, wish.needs_word)
                await self._desk.note(incident.id, "dispatch", "launch_waits", wish.needs_word)
            return
        self.waiting.pop(incident.id, None)
        decision = self.decision(incident, wish.purpose)
        if decision.drone_id is None:
            await self._record(incident, decision, once=tuple((c.drone_id, c.refusal) for c in decision.candidates))
            return
        await self._record(incident, decision, once=(decision.id,))
        self._launch(incident, decision, decision.drone_id)

    def _wish(self, incident: Incident) -> Wish | None:
        casualty = self._desk.casualty(incident.id) if incident.position is not None else None
        return wished(
            incident,
            self._desk.policy(),
            self._desk.clock.now(),
            hold=self.hold,
            unseen_s=0.0 if casualty is None else casualty.unseen_s(),
            left=casualty is not None and casualty.left,
        )

    def decision(self, incident: Incident, purpose: Purpose, target: TargetTrack | None = None) -> Decision:
        """Who would fly now, and why; nothing is started."""
        situation = self._situation(incident, purpose, target)
        return decide(situation, self._desk.policy(), decision_id=uuid7(self._desk.clock.now(), self._rng))

    def _situation(self, incident: Incident, purpose: Purpose, target: TargetTrack | None) -> Situation:
        desk, site = self._desk, self._desk.site
        track = target or desk.casualty(incident.id).track()
        return Situation(
            at=desk.clock.now(),
            incident_id=incident.id,
            purpose=purpose,
            target=track,
            wind=desk.wind(),
            docks=tuple(self._dock_situation(dock) for dock in self._docks.values()),
            drones=tuple(self._drone_situation(drone) for drone in site.file.drones),
            frame=site.frame,
            keep_outs=site.zones.keep_outs(Conditions(desk.clock.now())),
            keep_in=site.zones.keep_in(),
            failed_drones=frozenset(self._failed.get(incident.id, ())),
            overridden=frozenset((o.drone_id, o.check) for o in self._words_on(incident)),
            bore_eta_s=self._bore_eta_s(track.points[0]),
        )

    def _dock_situation(self, dock: DockClient) -> DockSituation:
        status = dock.status
        place = self._desk.site.frame.to_enu(dock.dock.position)
        if status is None:
            return DockSituation(dock.dock, place, dock.state, "no word from it", None)
        return DockSituation(dock.dock, place, status.state, status.reason, status.wind_mps)

    def _drone_situation(self, drone: Drone) -> DroneSituation:
        serving = self.serving(drone.id)
        hands = self._desk.hands(drone.id)
        telemetry = hands.telemetry
        if telemetry is None or not telemetry.online or telemetry.position is None:
            fault = hands.not_ready_reason() or "it has not said where it is"
            return DroneSituation(drone, False, fault, hands.armed, None, 0.0, None, 0, serving)
        return DroneSituation(
            drone=drone,
            online=True,
            fault=hands.not_ready_reason(),
            airborne=telemetry.armed,
            place=hands.place(),
            height_m=telemetry.height_m,
            battery_percent=telemetry.battery_percent,
            hooks_loaded=len(hands.loaded_hooks()),
            serving=serving,
        )

    async def _record(self, incident: Incident, decision: Decision, *, once: tuple[object, ...]) -> None:
        """Stores the decision whole; one that repeats the last word for word is not written again."""
        if self._said.get(incident.id) == once:
            return
        self._said[incident.id] = once
        now = self._desk.clock.now()
        data = {"decision_id": str(decision.id), "drone_id": decision.drone_id, "dock_id": decision.dock_id}

        def change(present: Incident) -> Incident:
            decided = present.model_copy(
                update={"decisions": (*present.decisions, decision), "drone_id": decision.drone_id}
            )
            return noted(decided, now, "dispatch", "decision", decision.explanation, data)

        await self._desk.book.update(incident.id, change)
        if incident.state is IncidentState.DETECTED:
            await self._desk.move(incident.id, IncidentState.VERIFIED, "policy", "accepted without a person")

    # --- flights ---------------------------------------------------------------------------------------------

    def _launch(self, incident: Incident, decision: Decision, drone_id: str) -> None:
        said = self._words_on(incident)
        self._overrides[incident.id] = tuple(override for override in said if override.drone_id != drone_id)
        self._begin(
            incident.id,
            drone_id,
            decision.purpose,
            decision.route,
            in_the_air=False,
            overrides=tuple(override for override in said if override.drone_id == drone_id),
        )

    def _words_on(self, incident: Incident) -> tuple[Override, ...]:
        """What a person overrode for the launch they ordered; a launch that nobody ordered has none."""
        return self._overrides.get(incident.id, ()) if was_ordered(incident) else ()

    def _begin(
        self,
        incident_id: UUID,
        drone_id: str,
        purpose: Purpose,
        route: tuple[LatLon, ...],
        *,
        in_the_air: bool,
        overrides: tuple[Override, ...] = (),
    ) -> None:
        hands = self._desk.hands(drone_id)
        response = Response(
            self._desk,
            incident_id,
            hands,
            self._docks[hands.drone.dock_id],
            purpose,
            route,
            on_over=self._on_change,
            overrides=overrides,
        )
        self._responses[drone_id] = response
        self._start(response, in_the_air)

    async def settle(self) -> None:
        """Takes notice of responses that no longer serve: the incident waits for the next drone, or for a person."""
        for response in list(self._responses.values()):
            end = response.end
            if end is None or id(response) in self._settled:
                continue
            self._settled.add(id(response))
            incident = self._desk.book.get(response.incident_id)
            if incident is None or incident.state is not IncidentState.DISPATCHED:
                self._overrides.pop(response.incident_id, None)  # it flew, or it is over: what was said was for now
            if end.kind is not EndKind.DONE:
                if end.kind is EndKind.FAILED:
                    self._failed.setdefault(response.incident_id, set()).add(response.drone_id)
                self._said.pop(response.incident_id, None)
                await self._desk.move(response.incident_id, IncidentState.VERIFIED, "dispatch", end.reason)

    def ended(self, response: Response) -> None:
        """The drone lies in its dock again."""
        self._settled.discard(id(response))
        if self._responses.get(response.drone_id) is response:
            del self._responses[response.drone_id]
        self._on_change()

    async def adopt(self, incident: Incident) -> None:
        """After a restart: the drone that served this incident goes on where it is."""
        drone_id = incident.drone_id
        if drone_id is None or drone_id in self._responses:
            return
        hands = self._desk.hands(drone_id)
        if not (hands.online and hands.armed):
            await self._desk.note(incident.id, "dispatch", "restarted", f"{drone_id} is on the ground")
            await self._desk.move(incident.id, IncidentState.VERIFIED, "dispatch", "the service was restarted")
            return
        purpose = incident.decisions[-1].purpose if incident.decisions else Purpose.LIFEBUOY
        await self._desk.note(incident.id, "dispatch", "restarted", f"{drone_id} is in the air")
        self._begin(incident.id, drone_id, purpose, (), in_the_air=True)

    async def order(self, incident_id: UUID, actor: str, overrides: tuple[Override, ...] = ()) -> None:
        """A person orders the launch that was kept back, in spite of what they override for one flight.

        Drones that failed before may be tried again; with overrides only those they are about, for the others
        would be stopped again by what nobody overrode. A word holds for one try of its drone and lapses once
        another has flown. The words are in the timeline, but only this run of the service acts on them: after a
        restart they are said again, or the checks block.
        """
        if overrides:
            self._failed.get(incident_id, set()).difference_update(override.drone_id for override in overrides)
        else:
            self._failed.pop(incident_id, None)
        self._said.pop(incident_id, None)
        self._overrides[incident_id] = overrides
        text = "; ".join(f"{o.drone_id} in spite of {o.check.value}: {o.note} ({o.name})" for o in overrides)
        data = {"overrides": [override.model_dump(mode="json") for override in overrides]} if overrides else {}
        await self._desk.note(incident_id, actor, "launch_ordered", text, data)

    def recall(self, drone_id: str, reason: str) -> None:
        response = self._responses.get(drone_id)
        if response is None or response.end is not None:
            raise ResponseFailed(f"{drone_id} serves no incident now")
        response.recall(reason)


async def run_response(response: Response, dispatcher: Dispatcher, *, in_the_air: bool) -> None:
    """The owner of one response's task: an unexpected error ends that response and nothing else."""
    try:
        await response.run(in_the_air=in_the_air)
    except asyncio.CancelledError:
        raise
    except ChaoxunError as error:
        log.warning("response ended", drone=response.drone_id, reason=str(error))
    except Exception as error:
        log.exception("response broke", drone=response.drone_id, incident=str(response.incident_id))
        response.broke(f"unexpected: {error}")
        await dispatcher.settle()
    finally:
        dispatcher.ended(response)
