"""The shortest way around keep-out zones: a visibility graph over their outlines, grown by the clearance.

The outlines are grown with mitred corners, which contain the true clearance and add no vertices. A start or
goal that stands closer to a zone than the clearance keeps its own distance to that zone instead, so that a
dock beside a keep-out can still send its drone.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely

from geofence.errors import NoRoute
from geofence.position import Enu, FloatArray

_TOUCH_M = 1e-4  # a route may run along an outline
_MITRE_LIMIT = 2.0


def shortest_route(
    start: Enu,
    goal: Enu,
    keep_outs: Sequence[shapely.Polygon],
    clearance_m: float = 10.0,
    *,
    keep_in: shapely.Polygon | None = None,
) -> tuple[Enu, ...]:
    """The corners of the shortest route, start and goal included.

    Raises NoRoute when one of them lies in a keep-out or outside the keep-in, or no way leads between them.
    """
    ends = np.array([[start.east_m, start.north_m], [goal.east_m, goal.north_m]])
    usual = _usual_ground(tuple(keep_outs), clearance_m, keep_in)
    ground = usual if usual.serves(ends) else _ground(tuple(keep_outs), clearance_m, keep_in, ends)
    if bool(_clear(ends[:1], ends[1:], ground.blocked, ground.free)[0]):
        return (start, goal)
    nodes = np.vstack([ends, ground.corners])
    known_first, known_second = ground.seen()
    first, second = (np.repeat([0, 1], len(ground.corners)), np.tile(np.arange(2, len(nodes)), 2))
    useful = ground.touches(second - 2, nodes[second] - nodes[first])
    first, second = first[useful], second[useful]
    seen = _clear(nodes[first], nodes[second], ground.blocked, ground.free)
    order = _dijkstra(
        nodes,
        np.concatenate([first[seen], known_first + 2]),
        np.concatenate([second[seen], known_second + 2]),
    )
    if order is None:
        raise NoRoute(
            f"no way from {_words(start)} to {_words(goal)} keeps {clearance_m:g} m clear of the keep-out zones"
        )
    middle = tuple(Enu(float(nodes[i, 0]), float(nodes[i, 1])) for i in order[1:-1])
    return (start, *middle, goal)


def length_m(route: Sequence[Enu]) -> float:
    return sum(a.distance_m(b) for a, b in itertools.pairwise(route))


IndexArray = np.ndarray[tuple[int], np.dtype[np.intp]]
BoolArray = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(eq=False)
class _Ground:
    """What bars the way, grown by a clearance, and which of its corners see one another."""

    grown: shapely.Geometry  # the keep-outs with the clearance
    airspace: shapely.Geometry | None
    blocked: shapely.Geometry
    free: shapely.Geometry | None
    corners: FloatArray
    neighbours: FloatArray  # (n, 2, 2) of each corner along its outline, from the corner
    _seen: tuple[IndexArray, IndexArray] | None = None

    def serves(self, ends: FloatArray) -> bool:
        """Whether both ends keep the whole clearance, so that nothing need be grown by less for them."""
        inside = self.airspace is None or bool(shapely.contains_xy(self.airspace, ends[:, 0], ends[:, 1]).all())
        return inside and not bool(shapely.intersects_xy(self.grown, ends[:, 0], ends[:, 1]).any())

    def touches(self, corners: IndexArray, legs: FloatArray) -> BoolArray:
        """Whether a shortest way may turn at the corner when it comes or goes along the leg: the outline's two sides
        then lie on one side of the leg. All others end in the outline or could be cut shorter."""
        sides = self.neighbours[corners]
        turns = legs[:, None, 0] * sides[:, :, 1] - legs[:, None, 1] * sides[:, :, 0]
        scale = 1e-9 * np.hypot(legs[:, 0], legs[:, 1]) * np.hypot(sides[:, :, 0], sides[:, :, 1]).max(axis=1)
        return np.asarray((turns.min(axis=1) >= -scale) | (turns.max(axis=1) <= scale), dtype=np.bool_)

    def seen(self) -> tuple[IndexArray, IndexArray]:
        if self._seen is None:
            first, second = np.triu_indices(len(self.corners), k=1)
            leg = self.corners[second] - self.corners[first]
            useful = self.touches(first, leg) & self.touches(second, leg)
            first, second = first[useful], second[useful]
            clear = _clear(self.corners[first], self.corners[second], self.blocked, self.free)
            self._seen = first[clear], second[clear]
        return self._seen


@lru_cache(maxsize=16)
def _usual_ground(
    keep_outs: tuple[shapely.Polygon, ...], clearance_m: float, keep_in: shapely.Polygon | None
) -> _Ground:
    """For ends far from everything: zones change rarely, and routes are asked for all the time."""
    return _ground(keep_outs, clearance_m, keep_in, np.empty((0, 2)))


def _ground(
    keep_outs: tuple[shapely.Polygon, ...], clearance_m: float, keep_in: shapely.Polygon | None, ends: FloatArray
) -> _Ground:
    obstacles = _grown(keep_outs, clearance_m, ends)
    airspace = _shrunk(keep_in, clearance_m, ends)
    blocked = shapely.buffer(obstacles, -_TOUCH_M)
    free = None if airspace is None else shapely.buffer(airspace, _TOUCH_M)
    for shape in (obstacles, blocked, free, airspace):
        if shape is not None:
            shapely.prepare(shape)
    corners, neighbours = _corners(obstacles, airspace)
    usable = ~shapely.intersects_xy(blocked, corners[:, 0], corners[:, 1])
    if free is not None:
        usable &= shapely.intersects_xy(free, corners[:, 0], corners[:, 1])
    return _Ground(obstacles, airspace, blocked, free, corners[usable], neighbours[usable])


def _grown(keep_outs: Sequence[shapely.Polygon], clearance_m: float, ends: FloatArray) -> shapely.Geometry:
    grown: list[shapely.Geometry] = []
    for polygon in keep_outs:
        wide = _mitred(polygon, clearance_m)
        for end in (shapely.Point(east, north) for east, north in ends):
            distance_m = float(shapely.distance(polygon, end))
            if distance_m <= 0:
                raise NoRoute(f"{_words(Enu(end.x, end.y))} lies in a keep-out zone")
            if shapely.intersects(wide, end):
                wide = _mitred(polygon, min(clearance_m, 0.99 * distance_m / _MITRE_LIMIT))
        grown.append(wide)
    return shapely.union_all(grown) if grown else shapely.Polygon()


def _mitred(polygon: shapely.Polygon, by_m: float) -> shapely.Geometry:
    """Grown by so much along its sides, and by at most the mitre limit as much at its corners."""
    return shapely.buffer(polygon, by_m, join_style="mitre", mitre_limit=_MITRE_LIMIT)


def _shrunk(keep_in: shapely.Polygon | None, clearance_m: float, ends: FloatArray) -> shapely.Geometry | None:
    if keep_in is None:
        return None
    room = clearance_m
    for east, north in ends:
        point = shapely.Point(east, north)
        if not keep_in.contains(point):
            raise NoRoute(f"{_words(Enu(float(east), float(north)))} lies outside the keep-in zone")
        room = min(room, 0.99 * float(shapely.distance(keep_in.exterior, point)))
    return shapely.buffer(keep_in, -room, join_style="mitre")


def _corners(obstacles: shapely.Geometry, airspace: shapely.Geometry | None) -> tuple[FloatArray, FloatArray]:
    """(n, 2) corners of all outlines, and (n, 2, 2) the ways from each to the corners before and after it."""
    corners: list[FloatArray] = [np.empty((0, 2))]
    neighbours: list[FloatArray] = [np.empty((0, 2, 2))]
    for shape in (obstacles, airspace):
        parts = shapely.get_parts(shape) if shape is not None else []
        for ring in shapely.get_rings(parts):
            points = shapely.get_coordinates(ring)[:-1]
            corners.append(points)
            neighbours.append(
                np.stack([np.roll(points, 1, axis=0) - points, np.roll(points, -1, axis=0) - points], 1)
            )
    return np.vstack(corners), np.vstack(neighbours)


def _clear(
    starts: FloatArray, ends: FloatArray, blocked: shapely.Geometry, free: shapely.Geometry | None
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each straight leg crosses no obstacle and stays in the airspace."""
    legs = shapely.linestrings(np.stack([starts, ends], axis=1))
    clear = ~shapely.intersects(blocked, legs)
    if free is not None:
        clear &= shapely.covers(free, legs)
    return np.asarray(clear, dtype=np.bool_)


def _dijkstra(
    nodes: FloatArray,
    first: np.ndarray[tuple[int], np.dtype[np.intp]],
    second: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> list[int] | None:
    """Node indices from 0 to 1 along the shortest path, or None."""
    neighbours: dict[int, list[tuple[int, float]]] = {}
    lengths = np.hypot(*(nodes[first] - nodes[second]).T)
    for a, b, length in zip(first.tolist(), second.tolist(), lengths.tolist(), strict=True):
        neighbours.setdefault(a, []).append((b, length))
        neighbours.setdefault(b, []).append((a, length))
    best = {0: 0.0}
    came_from: dict[int, int] = {}
    queue = [(0.0, 0)]
    while queue:
        so_far, node = heapq.heappop(queue)
        if node == 1:
            path = [1]
            while path[-1] != 0:
                path.append(came_from[path[-1]])
            return path[::-1]
        if so_far > best[node]:
            continue
        for other, length in neighbours.get(node, []):
            total = so_far + length
            if total < best.get(other, np.inf):
                best[other] = total
                came_from[other] = node
                heapq.heappush(queue, (total, other))
    return None


def _words(point: Enu) -> str:
    return f"({point.east_m:.0f} m east, {point.north_m:.0f} m north)"
