"""Search patterns of the IAMSAR Manual (volume II, chapter 5) as tracks in metres, before anything drifts.

    expanding square (SS)   a small datum, well known         sector (VS)   a datum known very well
    parallel track (PS)     a wide area, evenly likely        creeping line ahead (CS)   likelier at one end
    barrier                 a strong current carries everything through a section that can be held

A pattern lies still here; `drifting` beside it lets one move with the water.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from geofence.position import Enu

Track = tuple[Enu, ...]
_MOST_POINTS = 400  # an autopilot holds some hundreds of items


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Its long side lies along the bearing."""

    centre: Enu
    length_m: float
    width_m: float
    bearing_deg: float  # clockwise from north

    def __post_init__(self) -> None:
        if not (self.length_m > 0 and self.width_m > 0):
            raise ValueError(f"a rectangle of {self.length_m:g} by {self.width_m:g} m has no inside")


def expanding_square(datum: Enu, spacing_m: float, radius_m: float, bearing_deg: float = 0.0) -> Track:
    """Legs of 1, 1, 2, 2, 3, 3... spacings, each a right turn from the last, until `radius_m` is covered."""
    _checked(spacing_m, radius_m)
    points = [datum]
    at, leg = datum, 0
    while _reach_m(datum, points[-5:]) < radius_m - spacing_m / 2:
        step = heading(bearing_deg + 90.0 * leg).scaled(spacing_m * (leg // 2 + 1))
        at = at + step
        points.append(at)
        leg += 1
        _not_too_many(points, spacing_m)
    return tuple(points)


def sector(datum: Enu, radius_m: float, bearing_deg: float = 0.0, *, turns: int = 1) -> Track:
    """Three triangles through the datum, all turns 120 degrees to the right; another turn is rotated by 30."""
    _checked(radius_m, radius_m)
    points = [datum]
    for turn in range(turns):
        for triangle in range(3):
            out_deg = bearing_deg + 30.0 * turn + 120.0 * triangle
            points.append(datum + heading(out_deg).scaled(radius_m))
            points.append(datum + heading(out_deg + 60.0).scaled(radius_m))
            points.append(datum)
    return tuple(points)


def parallel_track(area: Rectangle, spacing_m: float) -> Track:
    """Legs along the long side, the first half a spacing inside, back and forth."""
    return _lawn(area.centre, area.bearing_deg, area.length_m, area.width_m, spacing_m)


def creeping_line(area: Rectangle, spacing_m: float) -> Track:
    """Legs across, creeping along the bearing: begins at the end that is likelier or nearer."""
    return _lawn(area.centre, area.bearing_deg - 90.0, area.width_m, area.length_m, spacing_m)


def barrier(one_end: Enu, other_end: Enu, *, passes: int) -> Track:
    """Back and forth over one section of the river, while the water carries everything through it."""
    if passes < 1:
        raise ValueError("a barrier needs at least one pass")
    if one_end.distance_m(other_end) < 1.0:
        raise ValueError("the two ends of a barrier are one place")
    return tuple(one_end if n % 2 == 0 else other_end for n in range(passes + 1))


def barrier_gap_s(length_m: float, swath_m: float, speed_mps: float, current_mps: float) -> float:
    """For how long something can drift through an end of the barrier unseen; 0 when nothing slips through.

    At an end the drone comes by once in two passes; the swath is in sight for as long as the water needs for it.
    """
    if speed_mps <= 0:
        return math.inf
    return max(0.0, 2.0 * length_m / speed_mps - swath_m / max(abs(current_mps), 1e-9))


def heading(bearing_deg: float) -> Enu:
    """Unit vector, clockwise from north."""
    radians = math.radians(bearing_deg)
    return Enu(math.sin(radians), math.cos(radians))


def _lawn(centre: Enu, bearing_deg: float, leg_m: float, across_m: float, spacing_m: float) -> Track:
    _checked(spacing_m, across_m)
    count = max(1, math.ceil(across_m / spacing_m - 1e-9))
    along, across = heading(bearing_deg), heading(bearing_deg + 90.0)
    points: list[Enu] = []
    for number in range(count):
        middle = centre + across.scaled((number + 0.5) * across_m / count - across_m / 2)
        ends = [middle - along.scaled(leg_m / 2), middle + along.scaled(leg_m / 2)]
        points += ends if number % 2 == 0 else reversed(ends)
    _not_too_many(points, spacing_m)
    return tuple(points)


def _reach_m(datum: Enu, last_round: list[Enu]) -> float:
    """How far out the nearest of the last four sides of a square is."""
    if len(last_round) < 5:
        return 0.0
    return min(_distance_to_side(datum, a, b) for a, b in itertools.pairwise(last_round))


def _distance_to_side(datum: Enu, a: Enu, b: Enu) -> float:
    side = b - a
    off = datum - a
    return abs(side.east_m * off.north_m - side.north_m * off.east_m) / max(side.length_m, 1e-9)


def _checked(spacing_m: float, size_m: float) -> None:
    if not (spacing_m > 0 and math.isfinite(spacing_m)):
        raise ValueError(f"a track spacing of {spacing_m:g} m searches nothing")
    if not (size_m > 0 and math.isfinite(size_m)):
        raise ValueError(f"an area of {size_m:g} m has no inside")


def _not_too_many(points: list[Enu], spacing_m: float) -> None:
    if len(points) > _MOST_POINTS:
        raise ValueError(
            f"{spacing_m:g} m between tracks makes more than {_MOST_POINTS} points; widen it or shrink the area"
        )
