"""An area looked at whole: lines back and forth over a polygon, as far apart as the camera's footprint allows.

The lines run along the direction in which the area is narrowest to cross, which makes the fewest turns. Where a
line leaves the area (a bay, a hole) and comes back, both parts are flown and the way between them is straight;
whether that way may be flown is for the plan's checks.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import affinity

from geofence.position import Enu, FloatArray
from missions.patterns import Track

_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Camera:
    """Looking straight down, its wide side across the track."""

    across_deg: float
    along_deg: float

    def footprint_m(self, height_m: float) -> tuple[float, float]:
        """Width across and length along the track, on ground `height_m` below."""
        return (
            2.0 * height_m * math.tan(math.radians(self.across_deg) / 2.0),
            2.0 * height_m * math.tan(math.radians(self.along_deg) / 2.0),
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    track: Track
    spacing_m: float
    bearing_deg: float
    picture_every_m: float  # along the track, for the forward overlap

    @property
    def length_m(self) -> float:
        return sum(a.distance_m(b) for a, b in itertools.pairwise(self.track))


def cover(
    area: shapely.Polygon,
    camera: Camera,
    height_m: float,
    *,
    side_overlap: float = 0.3,
    forward_overlap: float = 0.6,
    bearing_deg: float | None = None,
    start: Enu | None = None,
) -> Coverage:
    """Lines over `area`, metres east and north. `start` picks the nearer of the ends to begin at.

    Raises ValueError for an area without an inside, an overlap outside 0..0.95, or more lines than a flight holds.
    """
    for overlap in (side_overlap, forward_overlap):
        if not 0.0 <= overlap <= 0.95:
            raise ValueError(f"an overlap of {overlap:g} is not between 0 and 0.95")
    if area.is_empty or area.area <= 0 or not area.is_valid:
        raise ValueError("the area is not a simple outline with an inside")
    wide_m, long_m = camera.footprint_m(height_m)
    spacing_m = wide_m * (1.0 - side_overlap)
    bearing = best_bearing_deg(area) if bearing_deg is None else bearing_deg
    track = _lines(area, spacing_m, bearing)
    if start is not None and track and start.distance_m(track[-1]) < start.distance_m(track[0]):
        track = tuple(reversed(track))
    return Coverage(track, spacing_m, bearing, long_m * (1.0 - forward_overlap))


def best_bearing_deg(area: shapely.Polygon) -> float:
    """Along the side of the convex hull across which the area is narrowest; 0..180."""
    ring = shapely.get_coordinates(area.convex_hull)
    best = (math.inf, 0.0)
    for a, b in itertools.pairwise(ring):
        bearing = math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) % 180.0
        across = _turned(ring, bearing)[:, 0]
        best = min(best, (round(float(np.ptp(across)), 6), bearing))
    return best[1]


def _turned(points: FloatArray, bearing_deg: float) -> FloatArray:
    """Turned so that the bearing points to +y."""
    radians = math.radians(bearing_deg)
    cos, sin = math.cos(radians), math.sin(radians)
    return points @ np.array([[cos, sin], [-sin, cos]])


def _lines(area: shapely.Polygon, spacing_m: float, bearing_deg: float) -> Track:
    turned = affinity.rotate(area, bearing_deg, origin=(0.0, 0.0))
    low_x, low_y, high_x, high_y = turned.bounds
    count = max(1, math.ceil((high_x - low_x) / spacing_m - 1e-9))
    if count > _MOST_LINES:
        raise ValueError(
            f"{count} lines {spacing_m:.1f} m apart are more than {_MOST_LINES}; fly higher or split the area"
        )
    step = (high_x - low_x) / count
    points: list[tuple[float, float]] = []
    for number in range(count):
        x = low_x + (number + 0.5) * step
        cut = shapely.intersection(turned, shapely.LineString([(x, low_y - 1.0), (x, high_y + 1.0)]))
        pieces = [g for g in shapely.get_parts(cut) if isinstance(g, shapely.LineString) and g.length > 0]
        ys = sorted((min(p.coords[0][1], p.coords[-1][1]), max(p.coords[0][1], p.coords[-1][1])) for p in pieces)
        ends = [(x, y) for low, high in ys for y in (low, high)]
        points += ends if number % 2 == 0 else reversed(ends)
    back = affinity.rotate(shapely.MultiPoint(points), -bearing_deg, origin=(0.0, 0.0))
    return tuple(Enu(float(x), float(y)) for x, y in shapely.get_coordinates(back))
