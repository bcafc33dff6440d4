"""Shapes given in the world and painted together: all their points go through the lens in one sweep.

A Python call per shape is what a frame's moving parts cost, so a sketch keeps plain numbers and leaves the
arithmetic to a single projection.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray
from sim.camera.lens import TrueLens
from sim.world.view import Colour

Picture = NDArray[np.uint8]
Point = tuple[float, float, float]  # east, north, amsl

_SHIFT = 4
_SUB = 1 << _SHIFT  # positions to a sixteenth of a pixel
_LIMIT_PX = 4000.0
_NEAREST_M = 1.0


class _Kind(IntEnum):
    LINE = 0
    RING = 1
    POLYGON = 2
    DISC = 3
    PATH = 4


def fixed(pixels: FloatArray) -> NDArray[np.int32]:
    """Pixel positions in cv2's fixed point, kept within its range."""
    return np.rint(np.clip(pixels, -_LIMIT_PX, _LIMIT_PX) * _SUB).astype(np.int32)


class Sketch:
    """Collects shapes in the order in which they are to be painted."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._marks: list[tuple[_Kind, int, int, Colour, float]] = []

    def __bool__(self) -> bool:
        return bool(self._marks)

    def line(self, start: Point, end: Point, colour: Colour, width_m: float) -> None:
        self._add(_Kind.LINE, (start, end), colour, width_m)

    def path(self, points: Iterable[Point], colour: Colour, width_m: float) -> None:
        self._add(_Kind.PATH, points, colour, width_m)

    def ring(self, points: Iterable[Point], colour: Colour, width_m: float) -> None:
        self._add(_Kind.RING, points, colour, width_m)

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        self._add(_Kind.POLYGON, points, colour, 0.0)

    def disc(self, centre: Point, radius_m: float, colour: Colour) -> None:
        self._add(_Kind.DISC, (centre,), colour, radius_m)

    def _add(self, kind: _Kind, points: Iterable[Point], colour: Colour, size_m: float) -> None:
        first = len(self._points)
        self._points.extend(points)
        self._marks.append((kind, first, len(self._points), colour, size_m))

    def paint(self, picture: Picture, lens: TrueLens) -> None:
        """Paints every shape that lies wholly before the lens and touches the picture."""
        if not self._marks:
            return
        pixels, depths = lens.project(np.array(self._points))
        places = fixed(pixels)
        xy, depth = places.tolist(), depths.tolist()
        right, bottom = (picture.shape[1] + 60) * _SUB, (picture.shape[0] + 60) * _SUB
        margin = -60 * _SUB
        for kind, first, last, colour, size_m in self._marks:
            start = xy[first]
            if min(depth[first:last]) < _NEAREST_M:
                continue
            if not (margin < start[0] < right and margin < start[1] < bottom):
                continue
            size_px = size_m * lens.focal_px / depth[first]
            if kind is _Kind.LINE:
                cv2.line(picture, start, xy[first + 1], colour, max(1, round(size_px)), cv2.LINE_AA, _SHIFT)
            elif kind is _Kind.DISC:
                cv2.circle(picture, start, max(10, int(size_px * _SUB)), colour, -1, cv2.LINE_AA, _SHIFT)
            elif kind is _Kind.POLYGON:
                cv2.fillPoly(picture, [places[first:last]], colour, cv2.LINE_AA, _SHIFT)
            else:
                cv2.polylines(
                    picture, [places[first:last]], isClosed=kind is _Kind.RING, color=colour,
                    thickness=max(1, round(size_px)), lineType=cv2.LINE_AA, shift=_SHIFT,
                )  # fmt: skip
