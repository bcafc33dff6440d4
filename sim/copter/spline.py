"""One leg of spline waypoints: a cubic Hermite curve from one place to the next, and the pace along it.

ArduCopter's rules: a curve leaves along the way it came (the last curve's end velocity, or the straight leg's
direction), and arrives parallel to the line from where it began to the point after it when that is a spline too,
else parallel to the next leg; with nothing after it, it stops. End velocities longer than four times the leg are
scaled down. Half of the acceleration is for bends, half for changes of speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.copter.places import Spot

_LONGEST_VELOCITY = 4.0  # of the leg
_SHARE = 0.5  # of the acceleration, across and along
_SMALL = 1e-6
_LEAD_S = 0.45

Vector = tuple[float, float, float]
ZERO: Vector = (0.0, 0.0, 0.0)


def between(start: Spot, end: Spot) -> Vector:
    return (end.east_m - start.east_m, end.north_m - start.north_m, end.amsl_m - start.amsl_m)


@dataclass(frozen=True, slots=True)
class Pace:
    """What the copter may do while it follows a path, m/s and m/s^2."""

    level_mps: float
    climb_mps: float
    sink_mps: float
    level_mps2: float
    up_mps2: float


@dataclass(frozen=True, slots=True)
class PathPoint:
    place: Spot
    velocity: Vector


class Spline:
    """A curve, and how far along it the copter is told to be."""

    def __init__(self, start: Spot, end: Spot, leave: Vector, arrive: Vector, speed_mps: float = 0.0) -> None:
        self.end = end
        self.arrive = arrive
        self._t = 0.0
        self._speed_mps = speed_mps
        leg_m, total = _size(between(start, end)), _size(leave) + _size(arrive)
        self._flown = leg_m < _SMALL
        scale = min(1.0, _LONGEST_VELOCITY * leg_m / total) if total > _SMALL else 1.0
        p0, p1 = (start.east_m, start.north_m, start.amsl_m), (end.east_m, end.north_m, end.amsl_m)
        v0, v1 = _times(leave, scale), _times(arrive, scale)
        self._a = p0
        self._b = v0
        self._c = _sum(_times(p0, -3.0), _times(v0, -2.0), _times(p1, 3.0), _times(v1, -1.0))
        self._d = _sum(_times(p0, 2.0), v0, _times(p1, -2.0), v1)

    @property
    def flown(self) -> bool:
        return self._flown

    @property
    def passes(self) -> bool:
        """It does not stop at its end."""
        return _size(self.arrive) > _SMALL

    def place(self, t: float) -> Spot:
        at = _sum(self._a, _times(self._b, t), _times(self._c, t * t), _times(self._d, t * t * t))
        return Spot(*at)

    def speed_at_start(self, pace: Pace) -> float:
        return self._fastest(0.0, pace)

    def advance(self, dt: float, pace: Pace) -> PathPoint:
        """The point to be at now, and the velocity to ask for, a little ahead of it as the body follows late."""
        if self._flown:
            return PathPoint(self.end, ZERO)
        place, slope, bend = self.place(self._t), self._slope(self._t), self._bend(self._t)
        way = _unit(slope) or _unit(bend) or _unit(self._d) or ZERO
        along_mps2 = _SHARE * _limit(way, pace.level_mps2, pace.up_mps2, pace.up_mps2)
        last_mps = self._fastest(1.0, pace) if self.passes else 0.0
        left_m = _size(between(place, self.end))
        fastest = min(self._fastest(self._t, pace), math.sqrt(last_mps * last_mps + 2.0 * along_mps2 * left_m))
        change = along_mps2 * dt
        self._speed_mps = min(self._speed_mps + change, max(self._speed_mps - change, fastest))
        self._t += self._share_of(self._speed_mps * dt, slope, bend)
        if self._t >= 1.0:
            self._t, self._flown = 1.0, True
        soon = self._t + self._share_of(self._speed_mps * _LEAD_S, slope, bend)
        heading = _unit(self._slope(min(1.0, soon))) or way
        return PathPoint(place, _times(heading, self._speed_mps))

    def _share_of(self, distance_m: float, slope: Vector, bend: Vector) -> float:
        """How much of the parameter a distance is; where the curve starts from rest by its bend or twist."""
        if _size(slope) > _SMALL:
            return distance_m / _size(slope)
        if _size(bend) > _SMALL:
            return math.sqrt(2.0 * distance_m / _size(bend))
        return (distance_m / max(_SMALL, _size(self._d))) ** (1.0 / 3.0)

    def _fastest(self, t: float, pace: Pace) -> float:
        """So fast that the bend costs no more than its share of the acceleration."""
        slope, bend = self._slope(t), self._bend(t)
        way = _unit(slope) or _unit(bend)
        if way is None:
            return pace.level_mps
        level = _limit(way, pace.level_mps, pace.climb_mps, pace.sink_mps)
        across = _sum(bend, _times(way, -sum(b * w for b, w in zip(bend, way, strict=True))))
        side = _unit(across)
        if side is None:
            return level
        allowed = _SHARE * _limit(side, pace.level_mps2, pace.up_mps2, pace.up_mps2)
        return min(level, _size(slope) * math.sqrt(allowed / _size(across)))

    def _slope(self, t: float) -> Vector:
        return _sum(self._b, _times(self._c, 2.0 * t), _times(self._d, 3.0 * t * t))

    def _bend(self, t: float) -> Vector:
        return _sum(_times(self._c, 2.0), _times(self._d, 6.0 * t))


def _size(vector: Vector) -> float:
    return math.hypot(*vector)


def _times(vector: Vector, factor: float) -> Vector:
    return (vector[0] * factor, vector[1] * factor, vector[2] * factor)


def _sum(*vectors: Vector) -> Vector:
    return (sum(v[0] for v in vectors), sum(v[1] for v in vectors), sum(v[2] for v in vectors))


def _unit(vector: Vector) -> Vector | None:
    size = _size(vector)
    return _times(vector, 1.0 / size) if size > _SMALL else None


def _limit(way: Vector, level: float, up: float, down: float) -> float:
    """The largest size along `way` that keeps within the limits across and up or down."""
    flat, rise = math.hypot(way[0], way[1]), way[2]
    by_level = level / flat if flat > _SMALL else math.inf
    by_rise = (up if rise > 0 else down) / abs(rise) if abs(rise) > _SMALL else math.inf
    return min(by_level, by_rise)
