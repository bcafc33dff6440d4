"""Which of many zones each of many points lies in, fast: a grid that knows what is wholly inside a cell.

A cell covered by a zone answers for its points without looking at the outline; only points in cells that an outline
crosses are tested against it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import shapely

from geofence.position import FloatArray

IndexArray = np.ndarray[tuple[int], np.dtype[np.intp]]
_CELLS = 128  # a side
_MARGIN_M = 1e-6


class ZoneIndex:
    def __init__(self, polygons: Sequence[shapely.Polygon]) -> None:
        self._polygons = list(polygons)
        for polygon in self._polygons:
            shapely.prepare(polygon)
        if not self._polygons:
            return
        bounds = shapely.total_bounds(self._polygons)
        self._low = bounds[:2] - _MARGIN_M
        self._step = np.maximum((bounds[2:] - bounds[:2] + 2 * _MARGIN_M) / _CELLS, 1e-9)
        edges_x = self._low[0] + self._step[0] * np.arange(_CELLS + 1)
        edges_y = self._low[1] + self._step[1] * np.arange(_CELLS + 1)
        column, row = np.meshgrid(np.arange(_CELLS), np.arange(_CELLS), indexing="ij")
        column, row = column.ravel(), row.ravel()
        boxes = shapely.box(edges_x[column], edges_y[row], edges_x[column + 1], edges_y[row + 1])
        tree = shapely.STRtree(boxes)
        touched = tree.query(self._polygons, predicate="intersects")
        covered = tree.query(self._polygons, predicate="contains_properly")
        inside = np.isin(_key(touched), _key(covered))
        self._whole = _Table(touched[0][inside], touched[1][inside], _CELLS * _CELLS)
        self._crossed = _Table(touched[0][~inside], touched[1][~inside], _CELLS * _CELLS)

    def query(self, points: FloatArray) -> tuple[IndexArray, IndexArray]:
        """(n, 2) metres to pairs of (point, zone) indices, by point and then zone; on an edge is inside.

        A point that is not finite is in no zone.
        """
        nothing = np.empty(0, dtype=np.intp)
        if not self._polygons or len(points) == 0:
            return nothing, nothing
        with np.errstate(invalid="ignore"):
            cell = np.floor((points - self._low) / self._step)
            on_grid = np.flatnonzero(((cell >= 0) & (cell < _CELLS)).all(axis=1))
        numbers = cell[on_grid].astype(np.intp)
        cells = numbers[:, 0] * _CELLS + numbers[:, 1]
        sure_point, sure_zone = self._whole.of(cells)
        maybe_point, maybe_zone = self._crossed.of(cells)
        found_point, found_zone = [on_grid[sure_point]], [sure_zone]
        order = np.argsort(maybe_zone, kind="stable")
        maybe_point, maybe_zone = on_grid[maybe_point[order]], maybe_zone[order]
        starts = np.flatnonzero(np.diff(maybe_zone, prepend=-1))
        for start, end in itertools.pairwise([*starts.tolist(), len(maybe_zone)]):
            zone = int(maybe_zone[start])
            asked = maybe_point[start:end]
            hit = asked[shapely.intersects_xy(self._polygons[zone], points[asked, 0], points[asked, 1])]
            found_point.append(hit)
            found_zone.append(np.full(len(hit), zone, dtype=np.intp))
        at, zones = np.concatenate(found_point), np.concatenate(found_zone)
        order = np.lexsort((zones, at))
        return at[order], zones[order]


class _Table:
    """Zones by cell, one behind the other."""

    def __init__(self, zones: IndexArray, cells: IndexArray, count: int) -> None:
        order = np.lexsort((zones, cells))
        self._zones = zones[order]
        self._first = np.searchsorted(cells[order], np.arange(count + 1))

    def of(self, cells: IndexArray) -> tuple[IndexArray, IndexArray]:
        """For each of (n,) cells its zones: indices into `cells`, and the zones."""
        first, last = self._first[cells], self._first[cells + 1]
        lengths = last - first
        asked = np.repeat(np.arange(len(cells)), lengths)
        behind = np.arange(len(asked)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return asked, self._zones[np.repeat(first, lengths) + behind]


def _key(pairs: np.ndarray[tuple[int, int], np.dtype[np.intp]]) -> IndexArray:
    return pairs[0] * (_CELLS * _CELLS) + pairs[1]
