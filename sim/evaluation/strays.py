"""Things in the world that are nobody in danger: birds, dogs, driftwood, foam, a van, wakes, banners, umbrellas.

They live beside the simulated world, only in the evaluation: each moves by its own rule and draws itself into a
sketch. Sizes in metres, from life.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.camera.figures import add_circle
from sim.camera.sketch import Point, Sketch
from sim.camera.things import add_gull
from sim.evaluation.disturbances import Disturbances, Nuisance
from sim.world import Ground
from sim.world.ground import BankPlace
from sim.world.people import bank_velocity
from sim.world.view import Colour, GullView, Pose, WorldView

Sees = Callable[[Point], bool]

_FUR: tuple[Colour, ...] = ((40, 42, 46), (60, 92, 132), (150, 170, 190), (200, 204, 206))
_PLUMAGE: tuple[Colour, ...] = ((200, 204, 204), (90, 96, 104), (60, 64, 70))
_FABRIC: tuple[Colour, ...] = ((40, 40, 190), (190, 60, 40), (60, 170, 210), (40, 40, 40), (200, 200, 205))
_FOAM: Colour = (186, 198, 204)


@dataclass
class _Roamer:
    """A dog or a wading bird: walks, stops, runs; stays on its level."""

    place: BankPlace
    kind: str  # "dog", "bird"
    size_m: float
    colour: Colour
    heading: float = 0.0
    speed_mps: float = 0.0
    phase: float = 0.0
    until_s: float = 0.0
    aloft_s: float | None = None


@dataclass
class _Floater:
    """Driftwood or a patch of foam, taken along by the current."""

    place: BankPlace
    foam: bool
    length_m: float
    turn: float
    blobs: tuple[tuple[float, float, float], ...]  # of foam: east, north, radius


class Strays:
    """All of a case's, before one camera. `step` once a frame, then `draw`."""

    def __init__(
        self, disturbances: Disturbances, ground: Ground, lens: BankPlace, lens_amsl_m: float,
        stretch: tuple[float, float], seconds: float,
    ) -> None:  # fmt: skip
        self._kinds, self._strength = disturbances.kinds, disturbances.strength
        self._ground, self._stretch, self._seconds = ground, stretch, seconds
        self._rng = np.random.default_rng([disturbances.seed, 5])
        self._lens, self._lens_amsl_m = lens, lens_amsl_m
        self._at_s: float | None = None
        self._roamers = self._drawn_roamers()
        self._floaters = self._drawn_floaters() if Nuisance.DRIFT in self._kinds else []
        rng = self._rng
        self._van_offset_m = float(rng.uniform(-10.0, -7.0))
        self._van_stop_m = float(rng.uniform(*self._inner()))
        self._van_colour = _FABRIC[int(rng.integers(len(_FABRIC)))]
        self._van_comes_s = float(rng.uniform(0.0, 0.25)) * seconds
        self._van_leaves_s = self._van_comes_s + float(rng.uniform(0.3, 0.6)) * seconds
        self._banners = [float(rng.uniform(*stretch)) for _ in range(1 + round(4 * self._strength))]
        self._passes = [
            (float(rng.uniform(0.0, seconds)), float(rng.uniform(4.0, 18.0)), float(rng.choice([-1.0, 1.0])),
             float(rng.uniform(-3.0, 1.5)), float(rng.uniform(5.0, 11.0)))
            for _ in range(round(seconds / 20.0 * (0.5 + 2.0 * self._strength)))
        ]  # fmt: skip

    def _inner(self) -> tuple[float, float]:
        low, high = self._stretch
        return low + 0.2 * (high - low), high - 0.3 * (high - low)

    def _drawn_roamers(self) -> list[_Roamer]:
        rng, result = self._rng, list[_Roamer]()
        low, high = self._stretch

        def roamer(kind: str, low_m: float, high_m: float, offsets: tuple[float, float]) -> _Roamer:
            dog = kind == "dog"
            colours = _FUR if dog else _PLUMAGE
            return _Roamer(
                BankPlace(float(rng.uniform(low_m, high_m)), float(rng.uniform(*offsets))), kind,
                float(rng.uniform(0.35, 0.75) if dog else rng.uniform(0.25, 0.55)),
                colours[int(rng.integers(len(colours)))], phase=float(rng.uniform(0, 6)),
            )  # fmt: skip

        if Nuisance.DOGS in self._kinds:
            result += [roamer("dog", low, high, (-9.0, -2.0)) for _ in range(1 + round(2 * self._strength))]
        for ledge in self._ground.ledges:
            a, b = max(low, ledge.along_from_m + 2), min(high, ledge.along_to_m - 2)
            if b - a < 4.0:
                continue
            offsets = (9.0, ledge.offset_to_m - 2.0)
            if Nuisance.DOGS in self._kinds:
                result.append(roamer("dog", a, b, offsets))
            if Nuisance.BIRDS in self._kinds:
                result += [roamer("bird", a, b, offsets) for _ in range(4 + round(20 * self._strength))]
        return result

    def _drawn_floaters(self) -> list[_Floater]:
        rng, result = self._rng, list[_Floater]()
        low, high = self._stretch
        reach = self._seconds * 1.2
        for _ in range(4 + round(16 * self._strength)):
            place = BankPlace(float(rng.uniform(low - reach, high)), float(rng.uniform(3.0, 70.0)))
            if self._ground.ledge_at(place) is not None:
                continue
            foam = bool(rng.random() < 0.6)
            length = float(rng.uniform(0.4, 3.0) if foam else rng.uniform(1.2, 4.0))
            blobs = tuple(
                (float(rng.normal(0, 0.3 * length)), float(rng.normal(0, 0.2 * length)), float(rng.uniform(0.1, 0.4)))
                for _ in range(6 if foam else 0)
            )
            result.append(_Floater(place, foam, length, float(rng.uniform(0, math.pi)), blobs))
        return result

    # --- time

    def step(self, view: WorldView) -> None:
        dt = 0.0 if self._at_s is None else view.at_s - self._at_s
        self._at_s = view.at_s
        for roamer in self._roamers:
            self._roam(roamer, view, dt)
        for floater in self._floaters:
            along, away = view.river.current_mps(self._ground, floater.place, view.at_s)
            unit = BankPlace(floater.place.along_m + along * dt, max(floater.place.offset_m + away * dt, 0.6))
            if self._ground.height_at(unit) < view.river.level_amsl_m(unit, view.at_s) - 0.1:
                floater.place = unit
            floater.turn += 0.05 * dt

    def _roam(self, roamer: _Roamer, view: WorldView, dt: float) -> None:
        rng, ground = self._rng, self._ground
        if view.at_s >= roamer.until_s:
            roamer.until_s = view.at_s + float(rng.exponential(2.5)) + 0.3
            roamer.heading = float(rng.uniform(0, 2 * math.pi))
            paces = (0.0, 0.8, 1.6, 4.5) if roamer.kind == "dog" else (0.0, 0.0, 0.3, 0.6)
            roamer.speed_mps = paces[int(rng.integers(4))]
            if roamer.kind == "bird" and rng.random() < 0.02:
                roamer.aloft_s = view.at_s
        wet = view.river.level_amsl_m(roamer.place, view.at_s) > ground.height_at(roamer.place)
        if wet and roamer.aloft_s is None:
            roamer.aloft_s = view.at_s
        speed = 8.0 if roamer.aloft_s is not None else roamer.speed_mps
        ahead = BankPlace(
            roamer.place.along_m + speed * dt * math.cos(roamer.heading),
            roamer.place.offset_m + speed * dt * math.sin(roamer.heading),
        )
        stays = ground.ledge_at(ahead) == ground.ledge_at(roamer.place) and ahead.offset_m > -11.0
        stays = stays and (ahead.offset_m < -1.0 or ground.ledge_at(ahead) is not None)
        stays = stays and not (0.0 < ahead.offset_m < 8.5)
        if stays or roamer.aloft_s is not None:
            roamer.place = ahead
        else:
            roamer.heading += math.pi / 2
        roamer.phase += 2 * math.pi * speed * dt / (1.1 * roamer.size_m + 0.2)

    # --- pictures

    def draw(self, sketch: Sketch, view: WorldView, sees: Sees) -> None:
        for floater in self._floaters:
            self._draw_floater(sketch, floater, view)
        if Nuisance.WAKES in self._kinds:
            _draw_wakes(sketch, view)
        for roamer in self._roamers:
            self._draw_roamer(sketch, roamer, view, sees)
        if Nuisance.VEHICLE in self._kinds:
            self._draw_van(sketch, view)
        if Nuisance.BANNERS in self._kinds:
            for index, along in enumerate(self._banners):
                self._draw_banner(sketch, along, index, view)
        if Nuisance.CLOSE_GULLS in self._kinds:
            self._draw_passes(sketch, view)

    def draw_umbrellas(self, sketch: Sketch, view: WorldView, sees: Sees) -> None:
        """Over two of three who stand or walk ashore."""
        for index, person in enumerate(view.people):
            if index % 3 == 2 or person.pose not in (Pose.STANDING, Pose.WALKING):
                continue
            e, n = person.position.east_m, person.position.north_m
            top = person.feet_amsl_m + person.height_m + 0.12
            if not sees((e, n, top)):
                continue
            rim = [(e + 0.55 * math.cos(k * 0.7), n + 0.55 * math.sin(k * 0.7), top) for k in range(9)]
            colour = _FABRIC[index % len(_FABRIC)]
            sketch.polygon(rim, colour)
            for k in range(9):
                sketch.line(rim[k], (e, n, top + 0.25), colour, 0.25)

    def _point(self, place: BankPlace, amsl_m: float) -> Point:
        at = self._ground.to_enu(place)
        return at.east_m, at.north_m, amsl_m

    def _draw_roamer(self, sketch: Sketch, roamer: _Roamer, view: WorldView, sees: Sees) -> None:
        foot = self._ground.height_at(roamer.place)
        if roamer.aloft_s is not None:
            up = 1.5 * (view.at_s - roamer.aloft_s)
            at = self._ground.to_enu(roamer.place)
            if up < 30.0:
                wing = math.sin(2 * math.pi * 4.0 * view.at_s + roamer.phase)
                add_gull(sketch, GullView(at, foot + 0.5 + up, math.degrees(-roamer.heading), wing))
            return
        e, n, _ = self._point(roamer.place, foot)
        if not sees((e, n, foot + 0.3)):
            return
        unit = self._ground.direction(roamer.place.along_m)
        ca, sa = math.cos(roamer.heading), math.sin(roamer.heading)
        fe, fn = unit.east_m * ca + unit.north_m * sa, unit.north_m * ca - unit.east_m * sa
        s = roamer.size_m
        if roamer.kind == "bird":
            bob = 0.05 * math.sin(roamer.phase)
            sketch.line((e, n, foot), (e, n, foot + 0.4 * s), (60, 90, 120), 0.03)
            sketch.line((e - 0.4 * s * fe, n - 0.4 * s * fn, foot + 0.55 * s),
                        (e + 0.4 * s * fe, n + 0.4 * s * fn, foot + 0.6 * s), roamer.colour, 0.4 * s)  # fmt: skip
            sketch.disc((e + 0.5 * s * fe, n + 0.5 * s * fn, foot + 0.9 * s + bob), 0.15 * s, roamer.colour)
            return
        swing = 0.35 * s * math.sin(roamer.phase) if roamer.speed_mps else 0.0
        for end, sign in ((-0.6, 1), (-0.55, -1), (0.6, -1), (0.65, 1)):
            hip = (e + end * s * fe, n + end * s * fn, foot + 0.6 * s)
            paw = (e + (end * s + sign * swing) * fe, n + (end * s + sign * swing) * fn, foot)
            sketch.line(hip, paw, roamer.colour, 0.14 * s)
        sketch.line((e - 0.65 * s * fe, n - 0.65 * s * fn, foot + 0.75 * s),
                    (e + 0.65 * s * fe, n + 0.65 * s * fn, foot + 0.8 * s), roamer.colour, 0.42 * s)  # fmt: skip
        sketch.disc((e + 0.95 * s * fe, n + 0.95 * s * fn, foot + 1.05 * s), 0.2 * s, roamer.colour)

    def _draw_floater(self, sketch: Sketch, floater: _Floater, view: WorldView) -> None:
        level = view.river.level_amsl_m(floater.place, view.at_s)
        e, n, z = self._point(floater.place, level)
        if floater.foam:
            for be, bn, radius in floater.blobs:
                add_circle(sketch, (e + be, n + bn, z + 0.02), radius, 0.5 * radius, _FOAM)
            return
        half = floater.length_m / 2
        de, dn = half * math.cos(floater.turn), half * math.sin(floater.turn)
        bob = 0.04 * math.sin(1.3 * view.at_s + floater.turn * 7)
        sketch.line((e - de, n - dn, z + 0.06), (e + de, n + dn, z + 0.1 + bob), (52, 66, 80), 0.22)

    def _draw_van(self, sketch: Sketch, view: WorldView) -> None:
        """Comes along the promenade, stands, drives off the way it came from."""
        out_m = 0.0
        if view.at_s < self._van_comes_s:
            out_m = 5.0 * (self._van_comes_s - view.at_s)
        elif view.at_s > self._van_leaves_s:
            out_m = 5.0 * (view.at_s - self._van_leaves_s)
        if out_m > 220.0:
            return
        low, high = self._stretch
        far = 1.0 if abs(high - self._lens.along_m) > abs(low - self._lens.along_m) else -1.0
        middle, offset = self._van_stop_m + far * out_m, self._van_offset_m
        foot = self._ground.crest_amsl_m
        ends = sorted((middle - 2.4, middle + 2.4), key=lambda along: -abs(along - self._lens.along_m))

        def face(corners: list[tuple[float, float, float]], colour: Colour) -> None:
            sketch.polygon([self._point(BankPlace(a, o), foot + z) for a, o, z in corners], colour)

        base = self._van_colour
        dark: Colour = (base[0] * 6 // 10, base[1] * 6 // 10, base[2] * 6 // 10)
        lit: Colour = (min(base[0] + 30, 255), min(base[1] + 30, 255), min(base[2] + 30, 255))
        far_end, near_end = ends
        left, right = offset - 0.95, offset + 0.95
        side = right if self._lens.offset_m > offset else left
        face([(far_end, side, 0.3), (near_end, side, 0.3), (near_end, side, 2.0), (far_end, side, 2.0)], base)
        face([(near_end, left, 0.3), (near_end, right, 0.3), (near_end, right, 2.0), (near_end, left, 2.0)], dark)
        face([(far_end, left, 2.0), (far_end, right, 2.0), (near_end, right, 2.0), (near_end, left, 2.0)], lit)
        face([(near_end, left + 0.2, 1.2), (near_end, right - 0.2, 1.2), (near_end, right - 0.2, 1.8),
              (near_end, left + 0.2, 1.8)], (70, 66, 60))  # fmt: skip
        for end in (far_end * 0.8 + near_end * 0.2, far_end * 0.2 + near_end * 0.8):
            sketch.disc(self._point(BankPlace(end, side), foot + 0.32), 0.32, (30, 30, 30))

    def _draw_banner(self, sketch: Sketch, along: float, index: int, view: WorldView) -> None:
        """Cloth on the railing, or a feather flag beside it that leans out over the edge."""
        foot = self._ground.crest_amsl_m
        speed = max(view.wind.length_m, 0.5)
        colour = _FABRIC[index % len(_FABRIC)]
        if index % 2:
            lean = 0.4 + 0.08 * speed * (1.0 + 0.3 * math.sin(2.1 * view.at_s + index))
            high = [
                self._point(BankPlace(along + 0.1 * k * lean, -0.4 + 0.12 * k * lean), foot + 0.6 * k)
                for k in range(6)
            ]  # fmt: skip
            flap = 0.25 * math.sin(8.0 * view.at_s + index)
            low = [
                self._point(BankPlace(along + 0.7 + flap + 0.1 * k * lean, -0.4), foot + 0.6 * k) for k in range(6)
            ]
            sketch.polygon([*high, *reversed(low)], colour)
            return
        amplitude = min(0.05 * speed, 0.4)
        top = [self._point(BankPlace(along + 0.75 * k, -0.3), foot + 1.1) for k in range(8)]
        bottom = [
            self._point(
                BankPlace(along + 0.75 * k, -0.3 + amplitude * math.sin(5.0 * view.at_s + 1.1 * k)),
                foot + 0.35 + 0.3 * amplitude * (1 + math.sin(6.3 * view.at_s - 0.8 * k)),
            )
            for k in range(8)
        ]
        sketch.polygon([*top, *reversed(bottom)], colour)

    def _draw_passes(self, sketch: Sketch, view: WorldView) -> None:
        """Gulls that cross the view a few metres from the lens."""
        low, high = self._stretch
        ahead = 1.0 if abs(high - self._lens.along_m) > abs(low - self._lens.along_m) else -1.0
        for at_s, away_m, side, up_m, speed in self._passes:
            since = view.at_s - at_s
            if abs(since) > 2.5:
                continue
            place = BankPlace(
                self._lens.along_m + ahead * away_m + 1.5 * since, self._lens.offset_m + side * speed * since
            )
            wing = math.sin(2 * math.pi * 2.8 * view.at_s)
            at = self._ground.to_enu(place)
            velocity = bank_velocity(self._ground, place, 1.5, side * speed)
            heading = math.degrees(math.atan2(velocity.east_m, velocity.north_m))
            add_gull(sketch, GullView(at, self._lens_amsl_m + up_m - 0.12 * away_m, heading, wing))


def _draw_wakes(sketch: Sketch, view: WorldView) -> None:
    """Two arms of broken water behind each boat, 19 degrees to either side, and the white at her stern."""
    for boat in view.boats:
        heading = math.radians(boat.heading_deg)
        he, hn = math.sin(heading), math.cos(heading)
        e, n, z = boat.position.east_m, boat.position.north_m, boat.water_amsl_m + 0.05
        for side in (-1.0, 0.0, 1.0):
            spread = math.tan(math.radians(19.0)) * side
            for k in range(12):
                back = boat.length_m / 2 * (0.0 if side else 1.0) + 4.0 * k
                torn = 0.6 * math.sin(3.0 * k + 2.2 * view.at_s + side)
                ce = e - he * back + hn * (spread * back + torn)
                cn = n - hn * back - he * (spread * back + torn)
                fade = 1.0 - k / 13.0
                tone: Colour = (int(140 + 60 * fade), int(160 + 52 * fade), int(168 + 48 * fade))
                sketch.line((ce, cn, z), (ce - 1.8 * he, cn - 1.8 * hn, z), tone, 0.10 + 0.35 * fade)
