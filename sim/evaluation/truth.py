"""What truly happened before one camera, written down frame by frame as the world goes.

An event counts from the moment the camera could see it: in the picture, nothing solid before it, within the camera's
range. Who stands in danger when the camera starts counts from when its background can be learnt.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import shapely

from geofence.position import Enu
from sim.camera import SimCamera
from sim.world import BankPlace, Ground, World
from sim.world.events import EventKind
from sim.world.view import PersonView, Pose, WorldView
from sim.world.water import front_bow_m
from vision.alert import AlertKind
from vision.evaluation import TrueEvent
from vision.scene import SceneZone

READY_S = 3.0  # what a pipeline needs to learn the empty scene
LEAST_VIEW_S = 3.0  # who is seen for less than this is not due
_OVER_S = 5.0  # an alert may come so long after it ended
_CARRIES_M = 0.1  # as in `sim.world.people.drifted`
_FRONT_OFFSET_M = 20.0  # where the place of a front is measured


@dataclass
class _Going:
    """An event under way."""

    id: str
    kind: AlertKind
    since_s: float
    path: list[tuple[float, Enu]] = field(default_factory=list[tuple[float, Enu]])
    seen_from_s: float | None = None
    seen_s: float = 0.0
    last_s: float = 0.0
    speed_mps: float | None = None

    def ended(self, end_s: float) -> TrueEvent:
        at_s = max(self.since_s if self.seen_from_s is None else self.seen_from_s, READY_S)
        return TrueEvent(
            self.id, self.kind, at_s, end_s, tuple(self.path), self.speed_mps, since_s=min(self.since_s, at_s),
            due=self.seen_s >= LEAST_VIEW_S,
        )  # fmt: skip


class TruthWatch:
    """Call `step` once a frame; `events` at the end."""

    def __init__(self, camera: SimCamera, ground: Ground, watched: tuple[SceneZone, ...], frame_s: float) -> None:
        self._camera, self._ground, self._frame_s = camera, ground, frame_s
        self._zones = shapely.union_all([shapely.Polygon(zone.ring) for zone in watched])
        shapely.prepare(self._zones)
        self._inside: dict[str, _Going] = {}
        self._wet: dict[str, _Going] = {}
        self._swept_s: dict[str, float] = {}  # off his feet, though the water may not carry him yet
        self._front: _Going | None = None
        self._fell: list[_Going] = []
        self._events_read = 0
        self._in_view: dict[str, bool] = {}
        self._ended: list[TrueEvent] = []
        self._now_s = 0.0

    def step(self, world: World, view: WorldView) -> None:
        self._now_s = view.at_s
        self._in_view = {person.id: self._sees(person) for person in view.people}
        for person in view.people:
            self._zone(person)
            if person.pose in (Pose.SWIMMING, Pose.HOLDING):
                since_s = self._swept_s.setdefault(person.id, self._now_s)
                if not self._deep(person, view):
                    continue
                going = self._wet.setdefault(
                    person.id, _Going(f"{person.id} in water", AlertKind.PERSON_IN_WATER, since_s)
                )
                self._note(going, person.position, seen=self._in_view[person.id])
        for event in world.events[self._events_read :]:
            if event.kind is EventKind.FELL:
                fell = _Going(f"{event.subject} falls", AlertKind.FALL, event.at_s, [(event.at_s, event.position)])
                if self._in_view.get(event.subject, False):
                    fell.seen_from_s, fell.seen_s = event.at_s, LEAST_VIEW_S
                self._fell.append(fell)
        self._events_read = len(world.events)
        self._step_front(view)

    def events(self) -> list[TrueEvent]:
        """All of them, in the order of time."""
        end_s = self._now_s + self._frame_s
        going = [*self._inside.values(), *self._wet.values(), *([self._front] if self._front else [])]
        events = [*self._ended, *(one.ended(end_s) for one in going)]
        events += [one.ended(one.since_s + 2 * _OVER_S) for one in self._fell]
        return sorted(events, key=lambda event: (event.at_s, event.id))

    def in_danger(self, person_id: str) -> bool:
        return person_id in self._inside or person_id in self._wet

    def _deep(self, person: PersonView, view: WorldView) -> bool:
        """The water carries him: whom a spent run-up has left on the foreshore is not in the river."""
        place = self._ground.to_bank(person.position)
        return view.river.level_amsl_m(place, view.at_s) - self._ground.height_at(place) > _CARRIES_M

    def _zone(self, person: PersonView) -> None:
        ashore = person.pose in (Pose.STANDING, Pose.WALKING, Pose.LYING)
        place = self._ground.to_bank(person.position)
        inside = ashore and place.offset_m > 0.0
        inside = inside and bool(shapely.contains_xy(self._zones, person.position.east_m, person.position.north_m))
        going = self._inside.get(person.id)
        if inside:
            if going is None:
                count = sum(1 for event in self._ended if event.id.startswith(f"{person.id} enters"))
                name = f"{person.id} enters" + (f" again ({count + 1})" if count else "")
                going = self._inside[person.id] = _Going(name, AlertKind.ZONE_ENTRY, self._now_s)
            self._note(going, person.position, seen=self._in_view[person.id])
        elif going is not None and self._now_s - going.last_s > _OVER_S:
            self._ended.append(self._inside.pop(person.id).ended(self._now_s))

    def _note(self, going: _Going, place: Enu, *, seen: bool) -> None:
        going.path.append((self._now_s, place))
        going.last_s = self._now_s
        if seen:
            going.seen_from_s = self._now_s if going.seen_from_s is None else going.seen_from_s
            going.seen_s += self._frame_s

    def _sees(self, person: PersonView) -> bool:
        up_m = 0.3 if person.pose in (Pose.SWIMMING, Pose.HOLDING) else 0.9
        return self._within(person.position) and self._camera.sees(person.position, person.feet_amsl_m + up_m)

    def _within(self, place: Enu) -> bool:
        return place.distance_m(self._camera.lens.place) <= self._camera.camera.range_m

    def _step_front(self, view: WorldView) -> None:
        bore = view.river.bore
        if bore is None:
            return
        along = bore.front_along_m(view.at_s) + front_bow_m(_FRONT_OFFSET_M)
        here = BankPlace(along, _FRONT_OFFSET_M)
        place = self._ground.to_enu(here)
        if self._front is None:
            self._front = _Going("bore", AlertKind.BORE_FRONT, self._now_s, speed_mps=bore.speed_mps)
        top = max(view.river.low_water_amsl_m, self._ground.height_at(here)) + 0.5
        self._note(self._front, place, seen=self._within(place) and self._camera.sees(place, top))
