"""People: they walk, climb down, heed a hail or not, fall, are swept away, drift, and catch hold of a lifebuoy.

    ASHORE ──edge──► FALLING ──surface──► AFLOAT ──lifebuoy within arm's length──► HOLDING
       └──────────── front or flood ────────┘
                     FALLING ──dry ground──► LYING

Ashore a person lives in bank coordinates; in the air and in the water in metres east and north.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from geofence.position import Enu
from sim.world.buoys import Buoy
from sim.world.events import EventKind
from sim.world.ground import BankPlace, Ground
from sim.world.plans import Act, ClimbDown, FallIn, PersonPlan, Stand, Walk, WalkBack, Wander
from sim.world.view import Colour, PersonView, Pose
from sim.world.water import River

_GRAVITY = 9.81
_STUMBLE_M = 0.9  # the last step before the edge
_STUMBLE_S = 0.7
REACH_M = 3.0  # a swimmer makes for a lifebuoy this near
_GRASP_M = 0.6
_SWIM_MPS = 0.3
_PUSHES_OFF_M = 3.0  # the backwash and his own hands keep him clear of the wall
_TOPS: tuple[Colour, ...] = (
    (62, 58, 150), (132, 88, 58), (206, 208, 208), (74, 118, 74), (86, 160, 184), (62, 56, 56),
    (112, 80, 118), (140, 140, 92), (76, 104, 172), (112, 112, 112), (48, 46, 52), (168, 160, 150),
)  # fmt: skip
_LEGS: tuple[Colour, ...] = ((45, 40, 38), (90, 60, 45), (60, 60, 62), (120, 130, 140), (38, 38, 38))
_CLOTHES: dict[str, tuple[Colour, Colour]] = {
    "dark": ((48, 46, 52), (38, 38, 38)),
    "pale": ((206, 208, 208), (150, 158, 166)),
    "vivid": ((52, 60, 200), (90, 60, 45)),
}


class Body(StrEnum):
    ASHORE = "ashore"
    FALLING = "falling"
    AFLOAT = "afloat"
    HOLDING = "holding"
    LYING = "lying"


_POSES = {
    Body.ASHORE: Pose.STANDING,
    Body.FALLING: Pose.FALLING,
    Body.AFLOAT: Pose.SWIMMING,
    Body.HOLDING: Pose.HOLDING,
    Body.LYING: Pose.LYING,
}

Report = Callable[[EventKind, str, Enu, dict[str, float | str]], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a person meets in one step."""

    ground: Ground
    river: River
    wind: Enu
    buoys: Sequence[Buoy]
    report: Report


class Person:
    """One person's state and his way through his plan."""

    def __init__(self, plan: PersonPlan, rng: np.random.Generator, ground: Ground) -> None:
        self.plan = plan
        self.body = Body.ASHORE
        self.place = plan.start
        self.position = ground.to_enu(plan.start)
        self.feet_amsl_m = ground.height_at(plan.start)
        self.heading_deg = float(rng.uniform(0, 360))
        self.phase = float(rng.uniform(0, 2 * math.pi))
        self.entered_water_at_s: float | None = None
        self.reached_buoy_at_s: float | None = None
        self._moving = False
        self._rng = rng
        self._top = _TOPS[int(rng.integers(len(_TOPS)))]
        self._legs = _LEGS[int(rng.integers(len(_LEGS)))]
        if plan.clothes != "drawn":
            self._top, self._legs = _CLOTHES[plan.clothes]
        self._acts: list[Act] = list(plan.acts)
        self._act_began_s: float | None = None
        self._path: list[BankPlace] = []
        self._heed_at_s: float | None = None
        self._going_back = False
        self._hailed = False
        self._velocity = (0.0, 0.0, 0.0)  # in the air
        self._own = (0.0, 0.0)  # small motion in the water, relative to it

    @property
    def in_water(self) -> bool:
        return self.body in (Body.AFLOAT, Body.HOLDING)

    @property
    def concerned(self) -> bool:
        """A hail is meant for him: he stands beyond the crest."""
        return self.body is Body.ASHORE and self.place.offset_m > 0.0

    def hear(self, at_s: float, report: Report) -> None:
        """A loudspeaker reaches him."""
        report(EventKind.HAILED, self.plan.id, self.position, {})
        self._hailed = True
        if self.plan.heeds_hail_after_s is not None and self._heed_at_s is None and not self._going_back:
            self._heed_at_s = at_s + self.plan.heeds_hail_after_s

    def step(self, at_s: float, dt: float, around: Surroundings) -> None:
        if self.body is Body.ASHORE:
            self._step_ashore(at_s, dt, around)
        elif self.body is Body.FALLING:
            self._step_falling(at_s, dt, around)
        elif self.in_water:
            self._step_afloat(at_s, dt, around)

    # Ashore.

    def _step_ashore(self, at_s: float, dt: float, around: Surroundings) -> None:
        if self._is_swept(at_s, around):
            return
        if self._heed_at_s is not None and at_s >= self._heed_at_s:
            self._heed_at_s, self._going_back = None, True
            self._acts, self._path, self._act_began_s = [WalkBack()], [], None
        self._moving = False
        if not self._acts:
            return
        act = self._acts[0]
        if self._act_began_s is None:
            self._act_began_s = at_s
            self._path = self._path_of(act, around.ground)
        if self._perform(act, at_s, dt, around):
            self._acts.pop(0)
            self._act_began_s = None

    def _path_of(self, act: Act, ground: Ground) -> list[BankPlace]:
        if isinstance(act, Walk):
            return [act.to]
        if isinstance(act, ClimbDown):
            steps = nearest_steps(ground, act.to)
            return [BankPlace(steps, -1.5), BankPlace(steps, 8.5), act.to]
        if isinstance(act, WalkBack) and self.place.offset_m > 0.0:
            steps = nearest_steps(ground, self.place)
            return [BankPlace(steps, 8.5), BankPlace(steps, -1.5), BankPlace(steps, -4.0)]
        return []

    def _perform(self, act: Act, at_s: float, dt: float, around: Surroundings) -> bool:
        """One step of an act; True when it is done."""
        began = self._act_began_s or 0.0
        match act:
            case Stand():
                return at_s - began >= act.seconds
            case Wander():
                if not self._path and self._rng.random() < dt / 2.5:
                    self._path = [self._amble(act, around.ground)]
                self._follow(act.speed_mps, dt, around)
                return at_s - began >= act.seconds
            case FallIn():
                self._stumble(act, at_s, dt, around)
                return False
            case Walk() | ClimbDown() | WalkBack():
                return self._follow(act.speed_mps, dt, around)

    def _amble(self, act: Wander, ground: Ground) -> BankPlace:
        for _ in range(8):
            turn, far = self._rng.uniform(0, 2 * math.pi), act.radius_m * math.sqrt(self._rng.random())
            target = BankPlace(self.place.along_m + far * math.cos(turn), self.place.offset_m + far * math.sin(turn))
            ledge = ground.ledge_at(self.place)
            on_same = ground.ledge_at(target) == ledge and (ledge is not None or -11.5 < target.offset_m < -1.0)
            if on_same and (ledge is None or target.offset_m < ledge.offset_to_m - 1.0):
                return target
        return self.place

    def _follow(self, speed_mps: float, dt: float, around: Surroundings) -> bool:
        reach = speed_mps * dt
        while self._path and reach > 0.0:
            target = self._path[0]
            along, offset = target.along_m - self.place.along_m, target.offset_m - self.place.offset_m
            distance = math.hypot(along, offset)
            if distance <= reach:
                self._move_to(target, around)
                self._path.pop(0)
                reach -= distance
                continue
            share = reach / distance
            here = BankPlace(self.place.along_m + along * share, self.place.offset_m + offset * share)
            self._move_to(here, around)
            self.phase += 2 * math.pi * reach / 1.45  # a double step
            self._moving = True
            return False
        return not self._path

    def _move_to(self, place: BankPlace, around: Surroundings) -> None:
        before, came_from = self.position, self.place
        self.place = place
        self.position = around.ground.to_enu(place)
        self.feet_amsl_m = around.ground.height_at(place)
        if before.distance_m(self.position) > 1e-6:
            self.heading_deg = before.bearing_deg(self.position)
        if came_from.offset_m <= 0.0 < place.offset_m:
            around.report(EventKind.CLIMBED_DOWN, self.plan.id, self.position, {})
        elif came_from.offset_m > 0.0 >= place.offset_m:
            around.report(EventKind.WALKED_BACK, self.plan.id, self.position, {"hailed": float(self._hailed)})

    def _stumble(self, act: FallIn, at_s: float, dt: float, around: Surroundings) -> None:
        """Comes to the edge at an even pace so as to leave it at the planned time."""
        ledge = around.ground.ledge_at(self.place)
        edge = 0.0 if ledge is None else ledge.offset_to_m
        if at_s >= act.at_s:
            self.place = BankPlace(self.place.along_m, edge + 0.05)
            self.position = around.ground.to_enu(self.place)
            outward = around.ground.to_enu(BankPlace(self.place.along_m, self.place.offset_m + 1.0)) - self.position
            self._begin_fall(Enu(outward.east_m * 1.1, outward.north_m * 1.1), around)
            return
        left_s = act.at_s - at_s
        left_m = edge - self.place.offset_m
        walk_s = max(left_m - _STUMBLE_M, 0.0) / 1.2 + _STUMBLE_S
        if left_s <= walk_s and left_m > 0.0:
            stride = min(left_m, left_m / max(left_s, dt) * dt)
            self._moving = True
            self.phase += 2 * math.pi * stride / 1.2
            offset = min(self.place.offset_m + stride, edge)
            self._move_to(BankPlace(self.place.along_m, offset), around)

    def _begin_fall(self, velocity: Enu, around: Surroundings) -> None:
        self.body = Body.FALLING
        self.phase = 0.3
        self._velocity = (velocity.east_m, velocity.north_m, 0.4)
        around.report(EventKind.FELL, self.plan.id, self.position, {"height_amsl_m": self.feet_amsl_m})

    def _is_swept(self, at_s: float, around: Surroundings) -> bool:
        if self.place.offset_m <= 0.0:
            return False
        level = around.river.level_amsl_m(self.place, at_s)
        run_up = around.river.run_up_amsl_m(self.place, at_s)
        if run_up < self.feet_amsl_m + 0.5 and level < self.feet_amsl_m + 0.5:
            return False
        around.report(EventKind.SWEPT, self.plan.id, self.position, {})
        self._enter_water(at_s)
        return True

    # In the air and in the water.

    def _step_falling(self, at_s: float, dt: float, around: Surroundings) -> None:
        east, north, up = self._velocity
        up -= _GRAVITY * dt
        self._velocity = (east, north, up)
        self.position = self.position + Enu(east * dt, north * dt)
        self.feet_amsl_m += up * dt
        self.phase += 2.6 * dt
        self.place = around.ground.to_bank(self.position)
        solid = around.ground.height_at(self.place)
        level = around.river.level_amsl_m(self.place, at_s)
        if self.feet_amsl_m > max(solid, level):
            return
        if solid > level:
            self.body, self.feet_amsl_m = Body.LYING, solid
            return
        around.report(EventKind.SPLASH, self.plan.id, self.position, {})
        self._enter_water(at_s)

    def _enter_water(self, at_s: float) -> None:
        self.body = Body.AFLOAT
        self.entered_water_at_s = at_s

    def _step_afloat(self, at_s: float, dt: float, around: Surroundings) -> None:
        kick_east, kick_north = self._rng.normal(0.0, 0.02, 2).tolist()
        self._own = (0.97 * self._own[0] + kick_east, 0.97 * self._own[1] + kick_north)
        along, away = around.river.current_mps(around.ground, self.place, at_s)
        if self.place.offset_m < _PUSHES_OFF_M:
            away += 0.15
        velocity = bank_velocity(around.ground, self.place, along, away)
        velocity = velocity + Enu(
            self._own[0] + 0.01 * around.wind.east_m, self._own[1] + 0.01 * around.wind.north_m
        )  # leeway about 1 % (RIVER.md §3.2)
        buoy = self._nearest_buoy(around.buoys)
        if self.body is Body.AFLOAT and buoy is not None and self.plan.swims:
            to_buoy = buoy.position - self.position
            distance = to_buoy.length_m
            if distance <= _GRASP_M:
                self.body = Body.HOLDING
                self.reached_buoy_at_s = at_s
                buoy.held_by = self.plan.id
                after = at_s - (self.entered_water_at_s or at_s)
                details: dict[str, float | str] = {"buoy": f"buoy-{buoy.id}", "seconds_in_water": after}
                around.report(EventKind.REACHED_BUOY, self.plan.id, self.position, details)
            elif distance <= REACH_M:
                velocity = velocity + to_buoy.scaled(_SWIM_MPS / distance)
        self.position, self.place = drifted(
            around.ground, around.river, self.position, self.position + velocity.scaled(dt), at_s
        )
        self.feet_amsl_m = around.river.level_amsl_m(self.place, at_s)
        self.phase += 2 * math.pi * dt / 2.4
        self.heading_deg = (self.heading_deg + 8.0 * dt) % 360.0

    def _nearest_buoy(self, buoys: Sequence[Buoy]) -> Buoy | None:
        afloat = [b for b in buoys if b.afloat and b.held_by is None]
        return min(afloat, key=lambda b: b.position.distance_m(self.position), default=None)

    def view(self) -> PersonView:
        return PersonView(
            id=self.plan.id,
            position=self.position,
            feet_amsl_m=self.feet_amsl_m,
            heading_deg=self.heading_deg,
            pose=Pose.WALKING if self._moving and self.body is Body.ASHORE else _POSES[self.body],
            phase=self.phase,
            height_m=self.plan.height_m,
            top=self._top,
            legs=self._legs,
            behind_railing=self.body is Body.ASHORE and self.place.offset_m < -0.5,
        )


def nearest_steps(ground: Ground, place: BankPlace) -> float:
    """Where along the bank the steps nearest to a place on a ledge lead down; the place's own along if none."""
    ledge = ground.ledge_at(place)
    if ledge is None or not ledge.steps_along_m:
        return place.along_m
    return min(ledge.steps_along_m, key=lambda steps: abs(steps - place.along_m))


def bank_velocity(ground: Ground, place: BankPlace, along_mps: float, away_mps: float) -> Enu:
    """A velocity along and away from the bank as metres a second east and north."""
    unit = ground.direction(place.along_m)
    return Enu(
        unit.east_m * along_mps + unit.north_m * away_mps,
        unit.north_m * along_mps - unit.east_m * away_mps,
    )


def drifted(ground: Ground, river: River, position: Enu, moved: Enu, at_s: float) -> tuple[Enu, BankPlace]:
    """Where something afloat at `position` comes to on its way to `moved`: walls stop it, shallow ground holds it."""
    place = ground.to_bank(moved)
    if place.offset_m < 0.6:
        place = BankPlace(place.along_m, 0.6)
        moved = ground.to_enu(place)
    if ground.height_at(place) > river.level_amsl_m(place, at_s) - 0.1:
        return position, ground.to_bank(position)
    return moved, place
