"""The simulated world: stepped by `advance`, looked at through `view`, touched by `release`, `hear`, `place_drone`.

Pure: it knows no clock, loop or socket. The same inputs and generator give the same events at the same times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofence.position import Enu
from sim.world.buoys import Buoy
from sim.world.events import EventKind, WorldEvent
from sim.world.fauna import Gull, boat_view
from sim.world.ground import BankPlace, Ground
from sim.world.people import Person, Surroundings, bank_velocity, drifted
from sim.world.plans import Act, BoatPlan, CrowdPlan, PersonPlan, Stand, Walk, Wander
from sim.world.view import BuoyKind, DroneView, SplashView, WorldView
from sim.world.water import River
from sim.world.weather import Weather

STEP_S = 0.05
_SPLASH_SHOWS_S = 2.5


class World:
    """Everything outside the service: ground, river, weather, people, lifebuoys."""

    def __init__(
        self,
        ground: Ground,
        river: River,
        weather: Weather,
        rng: np.random.Generator,
        *,
        people: Sequence[PersonPlan] = (),
        crowds: Sequence[CrowdPlan] = (),
        boats: Sequence[BoatPlan] = (),
        gulls: int = 0,
    ) -> None:
        self.ground = ground
        self.river = river
        self.weather = weather
        self.events: list[WorldEvent] = []
        self._rng = rng
        self._steps = 0
        self._boats = tuple(boats)
        self._gulls = [Gull.drawn(rng) for _ in range(gulls)]
        self._buoys: list[Buoy] = []
        self._drones: dict[str, DroneView] = {}
        self._splashes: list[tuple[float, Enu, float, float]] = []  # when, where, height, size
        plans = list(people)
        for number, crowd in enumerate(crowds):
            plans.extend(crowd_members(crowd, number, rng))
        self.people = {plan.id: Person(plan, np.random.default_rng(rng.integers(2**63)), ground) for plan in plans}
        if len(self.people) != len(plans):
            raise ValueError("two people carry the same id")

    @property
    def at_s(self) -> float:
        return self._steps * STEP_S

    @property
    def wind(self) -> Enu:
        return self.weather.wind(self.at_s)

    def advance(self, to_s: float) -> None:
        """Steps the world up to `to_s`; a time already passed does nothing."""
        while (self._steps + 1) * STEP_S <= to_s + 1e-9:
            self._steps += 1
            self._step()

    def _step(self) -> None:
        at_s, wind = self.at_s, self.wind
        around = Surroundings(self.ground, self.river, wind, self._buoys, self._report)
        for person in self.people.values():
            if at_s >= person.plan.appears_at_s:
                person.step(at_s, STEP_S, around)
        for buoy in self._buoys:
            self._step_buoy(buoy, at_s, wind)
        while self._splashes and self._splashes[0][0] < at_s - _SPLASH_SHOWS_S:
            self._splashes.pop(0)

    def _step_buoy(self, buoy: Buoy, at_s: float, wind: Enu) -> None:
        if buoy.grounded:
            return
        place = self.ground.to_bank(buoy.position)
        level = self.river.level_amsl_m(place, at_s)
        if not buoy.afloat:
            solid = self.ground.height_at(place)
            struck_mps = buoy.fall(STEP_S, wind, max(level, solid))
            if struck_mps is None:
                return
            details: dict[str, float | str] = {"speed_mps": struck_mps}
            if solid > level:
                buoy.grounded = True
                self._report(EventKind.BUOY_ON_GROUND, f"buoy-{buoy.id}", buoy.position, details)
                return
            buoy.afloat = True
            nearest = self._nearest_in_water(buoy.position)
            if nearest is not None:
                details["person_id"] = nearest.plan.id
                details["distance_m"] = nearest.position.distance_m(buoy.position)
            self._report(EventKind.BUOY_SPLASH, f"buoy-{buoy.id}", buoy.position, details)
            return
        if buoy.held_by is not None:
            buoy.position = self.people[buoy.held_by].position
        else:
            along, away = self.river.current_mps(self.ground, place, at_s)
            velocity = bank_velocity(self.ground, place, along, away) + buoy.leeway(wind)
            buoy.position, _ = drifted(
                self.ground, self.river, buoy.position, buoy.position + velocity.scaled(STEP_S), at_s
            )
        buoy.height_amsl_m = level

    def _nearest_in_water(self, position: Enu) -> Person | None:
        swimmers = [p for p in self.people.values() if p.in_water]
        return min(swimmers, key=lambda p: p.position.distance_m(position), default=None)

    def _report(self, kind: EventKind, subject: str, position: Enu, details: dict[str, float | str]) -> None:
        self.events.append(WorldEvent(self.at_s, kind, subject, position, details))
        if kind in (EventKind.SPLASH, EventKind.BUOY_SPLASH, EventKind.SWEPT):
            level = self.river.level_amsl_m(self.ground.to_bank(position), self.at_s)
            self._splashes.append((self.at_s, position, level, 0.6 if kind is EventKind.BUOY_SPLASH else 1.0))

    def release(
        self, position: Enu, height_amsl_m: float, velocity: tuple[float, float, float], kind: BuoyKind
    ) -> int:
        """A lifebuoy is let go, moving with `velocity` (east, north, up); its number."""
        buoy = Buoy(len(self._buoys) + 1, kind, position, height_amsl_m, velocity)
        self._buoys.append(buoy)
        details: dict[str, float | str] = {"height_amsl_m": height_amsl_m, "buoy_kind": kind.value}
        self._report(EventKind.BUOY_RELEASED, f"buoy-{buoy.id}", position, details)
        return buoy.id

    def hear(self, position: Enu, range_m: float, text: str) -> tuple[str, ...]:
        """A loudspeaker says `text`; the ids of those whom it reaches and concerns."""
        reached: list[str] = []
        for person in self.people.values():
            near = person.position.distance_m(position) <= range_m
            if near and text and self.at_s >= person.plan.appears_at_s and person.concerned:
                person.hear(self.at_s, self._report)
                reached.append(person.plan.id)
        return tuple(reached)

    def place_drone(self, drone: DroneView) -> None:
        """Where an aircraft is now, for the cameras to see."""
        self._drones[drone.id] = drone

    def remove_drone(self, drone_id: str) -> None:
        self._drones.pop(drone_id, None)

    def view(self) -> WorldView:
        """An immutable copy of what can be seen."""
        at_s = self.at_s
        return WorldView(
            at_s=at_s,
            river=self.river,
            weather=self.weather,
            wind=self.wind,
            people=tuple(p.view() for p in self.people.values() if at_s >= p.plan.appears_at_s),
            buoys=tuple(b.view() for b in self._buoys),
            drones=tuple(self._drones.values()),
            gulls=tuple(g.view(self.ground, at_s) for g in self._gulls),
            boats=tuple(boat_view(b, self.ground, self.river, at_s) for b in self._boats),
            splashes=tuple(SplashView(where, high, at_s - when, size) for when, where, high, size in self._splashes),
        )


def crowd_members(crowd: CrowdPlan, number: int, rng: np.random.Generator) -> list[PersonPlan]:
    """The people of a crowd, each with a leisurely plan of his own."""
    members: list[PersonPlan] = []

    def somewhere() -> BankPlace:
        along = float(rng.uniform(crowd.along_from_m, crowd.along_to_m))
        return BankPlace(along, float(rng.uniform(crowd.offset_from_m, crowd.offset_to_m)))

    for index in range(crowd.count):
        acts: list[Act] = []
        if rng.random() < crowd.strolling:
            for _ in range(12):
                acts.append(Walk(somewhere(), float(rng.uniform(0.7, 1.4))))
                acts.append(Stand(float(rng.uniform(2.0, 40.0))))
        else:
            acts.append(Wander(3600.0, 1.0, 0.4))
        height = float(rng.uniform(1.5, 1.82))
        members.append(PersonPlan(f"crowd-{number + 1}-{index + 1}", somewhere(), tuple(acts), height_m=height))
    return members
