"""Curvilinear coordinates beside a polyline: metres along it and metres to its right.

At each vertex the boundary between two segments is their bisector (a mitre), so lines of equal offset are
parallel to the polyline without gaps at the outside of a bend, and the inverse is a closed form. That
matters on the river: a plain projection sends every point outside a bend to the same vertex, and a bore
front would pass all of them at once.
"""

from __future__ import annotations

import numpy as np

from geofence.position import FloatArray

_SHARPEST_COSINE = -0.5  # a turn of 120 degrees; sharper than that the mitre runs away


class OffsetLine:
    """A polyline with `(along_m, offset_m)` beside it; the offset is positive to the right of its direction."""

    def __init__(self, points: FloatArray) -> None:
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise ValueError(f"a line needs at least two points, not an array of shape {points.shape}")
        steps = np.diff(points, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        if bool((lengths < 1e-6).any()):
            raise ValueError("two neighbouring points of a line coincide")
        tangents = steps / lengths[:, None]
        rights = np.column_stack([tangents[:, 1], -tangents[:, 0]])
        cosines = np.sum(rights[:-1] * rights[1:], axis=1)
        if bool((cosines < _SHARPEST_COSINE).any()):
            raise ValueError("a line turns by more than 120 degrees at one point")
        mitres = np.vstack([rights[:1], (rights[:-1] + rights[1:]) / (1 + cosines)[:, None], rights[-1:]])

        self.points = points.astype(np.float64)
        self.vertex_along_m = np.concatenate([[0.0], np.cumsum(lengths)])
        self.length_m = float(self.vertex_along_m[-1])
        self._lengths = lengths
        self._tangents = tangents
        self._rights = rights
        self._slant_start = np.sum(mitres[:-1] * tangents, axis=1)  # metres along for each metre of offset
        self._slant_end = np.sum(mitres[1:] * tangents, axis=1)

    def to_xy(self, line_points: FloatArray) -> FloatArray:
        """(n, 2) of along and offset to (n, 2) east and north. Beyond its ends the line goes straight on."""
        along, offset = line_points[:, 0], line_points[:, 1]
        index = np.clip(np.searchsorted(self.vertex_along_m, along, side="right") - 1, 0, len(self._lengths) - 1)
        fraction = (along - self.vertex_along_m[index]) / self._lengths[index]
        inside = np.clip(fraction, 0.0, 1.0)
        slant = (1 - inside) * self._slant_start[index] + inside * self._slant_end[index]
        forward = fraction * self._lengths[index] + offset * slant
        return self.points[index] + forward[:, None] * self._tangents[index] + offset[:, None] * self._rights[index]

    def to_line(self, points: FloatArray) -> FloatArray:
        """(n, 2) east and north to (n, 2) of along and offset: the inverse of `to_xy` near the line."""
        return self._locate(points)[0]

    def locate(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n, 2) along and offset, and (n, 2) unit vectors in the line's direction there."""
        located, index = self._locate(points)
        return located, self._tangents[index]

    def _locate(self, points: FloatArray) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.intp]]]:
        if len(points) == 0:
            return np.zeros((0, 2)), np.zeros(0, dtype=np.intp)
        near = self._near_segments(points)
        if len(near) == 1:
            alone = self._beside(points, int(near[0]))
            if alone is not None:
                return alone, np.full(len(points), near[0])
        # (k, n): every segment that may hold a point against every point
        tangents, rights = self._tangents[near], self._rights[near]
        lengths = self._lengths[near][:, None]
        slant_start, slant_end = self._slant_start[near][:, None], self._slant_end[near][:, None]
        first, last = (near == 0)[:, None], (near == len(self._lengths) - 1)[:, None]
        east, north = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
        east = east - self.points[near, :1]
        north = north - self.points[near, 1:]
        forward = tangents[:, :1] * east + tangents[:, 1:] * north
        offset = rights[:, :1] * east + rights[:, 1:] * north

        span = lengths + offset * (slant_end - slant_start)
        reaches = span > 1e-9  # beyond the centre of a bend the segment does not reach
        fraction = (forward - offset * slant_start) / np.where(reaches, span, np.inf)
        before, after = first & (fraction < 0), last & (fraction > 1)
        # past the line's own ends the scale is the segment's own
        fraction = np.where(before | after, forward / lengths, fraction)
        own = reaches & (((fraction >= -1e-9) & (fraction <= 1 + 1e-9)) | before | after)
        inside = np.clip(fraction, 0.0, 1.0)
        beyond = np.where(own, np.abs(fraction - inside) * lengths, 1e9 + np.maximum(-forward, forward - lengths))
        chosen = np.argmin(np.hypot(offset, beyond), axis=0)
        columns = np.arange(len(points))
        picked = np.where(own, fraction, inside)[chosen, columns]
        index = near[chosen]
        along = self.vertex_along_m[index] + picked * self._lengths[index]
        return np.column_stack([along, offset[chosen, columns]]), index

    def _beside(self, points: FloatArray, segment: int) -> FloatArray | None:
        """Along and offset by one inner segment; None when a point is not wholly its own."""
        if segment in (0, len(self._lengths) - 1):
            return None
        tangent, right = self._tangents[segment], self._rights[segment]
        start, length = self.points[segment], self._lengths[segment]
        slant, slant_end = self._slant_start[segment], self._slant_end[segment]
        forward = points @ tangent - float(start @ tangent)
        offset = points @ right - float(start @ right)
        span = length + offset * (slant_end - slant)
        if float(span.min()) <= 1e-9:
            return None
        fraction = (forward - offset * slant) / span
        if float(fraction.min()) < 0.0 or float(fraction.max()) > 1.0:
            return None
        return np.column_stack([self.vertex_along_m[segment] + fraction * length, offset])

    def _near_segments(self, points: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Only these can hold any of the points: a cloud of particles lies beside one or two of them."""
        centre = points.mean(axis=0)
        radius = float(np.hypot(points[:, 0] - centre[0], points[:, 1] - centre[1]).max())
        forward = np.sum((centre - self.points[:-1]) * self._tangents, axis=1)
        closest = self.points[:-1] + np.clip(forward, 0.0, self._lengths)[:, None] * self._tangents
        distance = np.hypot(closest[:, 0] - centre[0], closest[:, 1] - centre[1])
        return np.flatnonzero(distance <= distance.min() + 2.0 * radius + 1.0)
