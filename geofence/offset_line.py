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
        tangents, rights, lengths = self._tangents[near], self._rights[near], self._lengths[near]
        starts = self.points[near]
        slant_start, slant_end = self._slant_start[near], self._slant_end[near]
        # (n, k): every point against every segment that may be its own
        forward = points @ tangents.T - np.sum(starts * tangents, axis=1)
        offset = points @ rights.T - np.sum(starts * rights, axis=1)
        span = lengths + offset * (slant_end - slant_start)
        span = np.where(span > 1e-9, span, np.inf)  # beyond the centre of a bend the segment does not reach
        fraction = (forward - offset * slant_start) / span
        last = len(self._lengths) - 1
        # past the line's own ends the scale is the segment's own
        fraction = np.where((near == 0) & (fraction < 0), forward / lengths, fraction)
        fraction = np.where((near == last) & (fraction > 1), forward / lengths, fraction)
        overshoot = np.maximum(np.maximum(-fraction, fraction - 1.0), 0.0)
        valid = np.isfinite(span) & ((overshoot <= 1e-9) | ((near == 0) & (fraction < 0)) | ((near == last) & (fraction > 1)))
        beyond = np.maximum(np.maximum(-forward, forward - lengths), 0.0)
        distance = np.hypot(offset, np.where(valid, overshoot * lengths, beyond))
        chosen = np.argmin(distance + np.where(valid, 0.0, 1e9), axis=1)
        rows = np.arange(len(points))
        picked = fraction[rows, chosen]
        picked = np.where(valid[rows, chosen], picked, np.clip(picked, 0.0, 1.0))
        index = near[chosen]
        along = self.vertex_along_m[index] + picked * self._lengths[index]
        return np.column_stack([along, offset[rows, chosen]]), index

    def _near_segments(self, points: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Only these can hold any of the points: a cloud of particles lies beside one or two of them."""
        centre = points.mean(axis=0)
        radius = float(np.hypot(points[:, 0] - centre[0], points[:, 1] - centre[1]).max())
        forward = np.sum((centre - self.points[:-1]) * self._tangents, axis=1)
        closest = self.points[:-1] + np.clip(forward, 0.0, self._lengths)[:, None] * self._tangents
        distance = np.hypot(closest[:, 0] - centre[0], closest[:, 1] - centre[1])
        return np.flatnonzero(distance <= distance.min() + 2.0 * radius + 1.0)
