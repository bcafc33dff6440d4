"""People as articulated figures: a skeleton of joints in metres, drawn as thick strokes."""

from __future__ import annotations

import math

from sim.camera.sketch import Point, Sketch
from sim.world.view import Colour, PersonView, Pose

_SKIN: Colour = (112, 138, 172)
_HAIR: Colour = (40, 38, 42)
_FOAM: Colour = (176, 190, 198)
_SIMPLE_M = 60.0  # farther off, limbs are less than a pixel and are left out
_Joint = tuple[float, float, float]  # right, forward, up, in metres from the feet


def add_ashore(sketch: Sketch, person: PersonView, away_m: float) -> None:
    """A person who stands, walks, falls or lies."""
    h = person.height_m
    walking = person.pose is Pose.WALKING
    swing = math.sin(person.phase) if walking else 0.0
    stand = _Stance(person)
    hip, neck, head = stand.at(0, 0, 0.50 * h), stand.at(0, 0, 0.82 * h), stand.at(0, 0.02, 0.93 * h)
    if away_m > _SIMPLE_M and person.pose is not Pose.FALLING:
        sketch.line(hip, stand.at(0, 0.2 * swing, 0.03), person.legs, 0.22)
        sketch.line(neck, hip, person.top, 0.40)
        sketch.disc(head, 0.12, _HAIR)
        return
    for side, sign in ((-1, 1.0), (1, -1.0)):
        s = swing * sign
        lift = max(0.0, math.cos(person.phase) * sign) * 0.06 if walking else 0.0
        knee = stand.at(0.08 * side, 0.18 * s + 0.03, 0.27 * h)
        sketch.line(hip, knee, person.legs, 0.17)
        sketch.line(knee, stand.at(0.09 * side, 0.34 * s, 0.03 + lift), person.legs, 0.13)
    sketch.line(stand.at(0, 0, 0.77 * h), hip, person.top, 0.36)
    for side, sign in ((-1, -1.0), (1, 1.0)):
        s = swing * sign
        shoulder = stand.at(0.16 * side, 0, 0.80 * h)
        if person.pose is Pose.FALLING:
            elbow = stand.at(0.36 * side, 0.08, 0.86 * h)
            hand = stand.at(0.58 * side, 0.15, (0.98 + 0.06 * math.sin(5 * person.phase + sign)) * h)
        else:
            elbow = stand.at(0.23 * side, 0.10 * s, 0.63 * h)
            hand = stand.at(0.22 * side, 0.24 * s, 0.47 * h)
        sketch.line(shoulder, elbow, person.top, 0.11)
        sketch.line(elbow, hand, _SKIN, 0.08)
    sketch.disc(head, 0.125, _SKIN)
    sketch.disc(stand.at(0, -0.02, 0.96 * h), 0.115, _HAIR)


class _Stance:
    """Turns joints of the upright body into places in the world: heading, tumbling, lying."""

    def __init__(self, person: PersonView) -> None:
        heading = math.radians(person.heading_deg)
        self._sin, self._cos = math.sin(heading), math.cos(heading)
        self._east, self._north, self._feet = person.position.east_m, person.position.north_m, person.feet_amsl_m
        self._middle = person.height_m / 2
        turn = {Pose.FALLING: person.phase, Pose.LYING: math.pi / 2}.get(person.pose, 0.0)
        self._turn_sin, self._turn_cos = math.sin(turn), math.cos(turn)
        self._sunk = self._middle - 0.18 if person.pose is Pose.LYING else 0.0

    def at(self, right: float, forward: float, up: float) -> Point:
        z = up - self._middle
        forward, z = forward * self._turn_cos + z * self._turn_sin, z * self._turn_cos - forward * self._turn_sin
        return (
            self._east + right * self._cos + forward * self._sin,
            self._north - right * self._sin + forward * self._cos,
            self._feet + z + self._middle - self._sunk,
        )


def add_afloat(sketch: Sketch, person: PersonView) -> None:
    """Head and shoulders that bob, arms that beat, and the rings they make."""
    bob = 0.06 * math.sin(person.phase)
    e, n, z = person.position.east_m, person.position.north_m, person.feet_amsl_m
    heading = math.radians(person.heading_deg)
    se, sn = math.cos(heading), -math.sin(heading)
    holding = person.pose is Pose.HOLDING
    ripple = (person.phase / (2 * math.pi)) % 1.0
    pale: Colour = tuple(int(c - 40 * ripple) for c in _FOAM)  # type: ignore[assignment]
    add_circle(sketch, (e, n, z), 0.45 + 0.8 * ripple, 0.10, pale)
    left, right = (e - 0.24 * se, n - 0.24 * sn, z + 0.06 + bob), (e + 0.24 * se, n + 0.24 * sn, z + 0.06 + bob)
    sketch.line(left, right, person.top, 0.26)
    for side, shoulder, lag in ((-1, left, 0.0), (1, right, 2.2)):
        beat = 0.0 if holding else max(0.0, math.sin(2 * person.phase + lag))
        hand = (e + 0.55 * side * se, n + 0.55 * side * sn, z + 0.02 + 0.6 * beat)
        sketch.line(shoulder, hand, _SKIN, 0.10)
        if beat > 0.85:
            sketch.disc((hand[0], hand[1], z), 0.16, (210, 216, 220))
    sketch.disc((e, n, z + 0.32 + bob), 0.14, _SKIN)
    sketch.disc((e, n, z + 0.37 + bob), 0.125, _HAIR)


_CIRCLE = tuple((math.cos(2 * math.pi * k / 14), math.sin(2 * math.pi * k / 14)) for k in range(14))


def add_circle(sketch: Sketch, centre: Point, radius_m: float, width_m: float, colour: Colour) -> None:
    """A flat circle, as on water."""
    e, n, z = centre
    sketch.ring([(e + radius_m * c, n + radius_m * s, z) for c, s in _CIRCLE], colour, width_m)
