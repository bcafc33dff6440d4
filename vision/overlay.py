"""Lines that show where a calibration puts the ground: a grid in metres, distances, zones, the seawall's edge.

Whoever looks at them over a still sees at once whether kerb, wall and zones lie where they should. They are plain
polylines in pixels: `vision/overlay_picture.py` draws them into a picture, the panel draws them over one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray
from vision.alert import Surface
from vision.calibration import Projection
from vision.scene import NOTHING, WALL, SceneModel

_GRID_M = 10.0
_RINGS_M = (25.0, 50.0, 100.0, 150.0, 200.0, 300.0)
_SAMPLE_M = 1.0
_STRAIGHT_PX = 0.6


class LineKind(StrEnum):
    GRID = "grid"
    RING = "ring"  # so many metres from the camera
    ZONE = "zone"
    CREST = "crest"  # the seawall's edge


@dataclass(frozen=True, slots=True)
class OverlayLine:
    kind: LineKind
    label: str
    points: tuple[tuple[float, float], ...]  # pixels


def overlay(projection: Projection, plane_amsl_m: float, scene: SceneModel | None = None) -> tuple[OverlayLine, ...]:
    """With a scene, each line lies on what is seen there (promenade, foreshore, water); else all on one plane."""
    lines = list(_grid(projection, plane_amsl_m, scene)) + list(_rings(projection, plane_amsl_m, scene))
    if scene is not None:
        lines += _places(projection, scene)
    return tuple(lines)


def _grid(projection: Projection, plane_amsl_m: float, scene: SceneModel | None) -> Iterator[OverlayLine]:
    reach = projection.camera.range_m
    middle = np.array([projection.position.east_m, projection.position.north_m])
    first = np.ceil((middle - reach) / _GRID_M) * _GRID_M
    along = np.arange(-reach, reach + _SAMPLE_M, _SAMPLE_M)
    for axis in (0, 1):
        for fixed in np.arange(first[axis], middle[axis] + reach, _GRID_M):
            line = np.empty((len(along), 2))
            line[:, axis], line[:, 1 - axis] = fixed, middle[1 - axis] + along
            line = line[np.hypot(*(line - middle).T) <= reach]
            for height, code in _planes(plane_amsl_m, scene):
                yield from _runs(projection, line, height, scene, code, LineKind.GRID, "")


def _rings(projection: Projection, plane_amsl_m: float, scene: SceneModel | None) -> Iterator[OverlayLine]:
    middle = np.array([projection.position.east_m, projection.position.north_m])
    half = math.radians(min(projection.camera.lens.hfov_deg, 150.0) / 2 + 5)
    ahead = math.radians(projection.camera.yaw_deg)
    for away in _RINGS_M:
        if away > projection.camera.range_m:
            return
        angles = ahead + np.linspace(-half, half, max(int(2 * half * away / _SAMPLE_M), 16))
        ring = middle + away * np.column_stack([np.sin(angles), np.cos(angles)])
        for height, code in _planes(plane_amsl_m, scene):
            yield from _runs(projection, ring, height, scene, code, LineKind.RING, f"{away:.0f} m")


def _places(projection: Projection, scene: SceneModel) -> list[OverlayLine]:
    lines: list[OverlayLine] = []
    for zone in scene.geometry.zones:
        ring = _densified(np.vstack([zone.ring, zone.ring[:1]]))
        height = scene.water_amsl_m if zone.surface is Surface.WATER else zone.height_amsl_m
        near = _near(projection, ring)
        lines += [
            line for part in near for line in _runs(projection, part, height, None, None, LineKind.ZONE, zone.id)
        ]
    if scene.geometry.crest is not None:
        top = scene.geometry.promenade_amsl_m
        for part in _near(projection, _densified(scene.geometry.crest)):
            lines += _runs(projection, part, top, None, None, LineKind.CREST, "")
    return lines


def _planes(plane_amsl_m: float, scene: SceneModel | None) -> list[tuple[float, int | None]]:
    if scene is None:
        return [(plane_amsl_m, None)]
    codes = [int(code) for code in np.unique(scene.codes) if code not in {NOTHING, WALL}]
    return [(float(scene.planes(np.array([code], np.uint8))[0]), code) for code in codes]


def _near(projection: Projection, line: FloatArray) -> list[FloatArray]:
    """The pieces of a line that the camera could show."""
    middle = np.array([projection.position.east_m, projection.position.north_m])
    inside = np.hypot(*(line - middle).T) <= 1.5 * projection.camera.range_m
    return [line[run] for run in _true_runs(inside)]


def _runs(
    projection: Projection,
    line: FloatArray,
    amsl_m: float,
    scene: SceneModel | None,
    code: int | None,
    kind: LineKind,
    label: str,
) -> Iterator[OverlayLine]:
    lens = projection.camera.lens
    pixels = projection.pixels(line, amsl_m)
    with np.errstate(invalid="ignore"):
        shown = (
            (pixels[:, 0] >= 0)
            & (pixels[:, 1] >= 0)
            & (pixels[:, 0] <= lens.width_px - 1)
            & (pixels[:, 1] <= lens.height_px - 1)
        )
    if scene is not None and code is not None:
        at = np.nan_to_num(pixels[shown]).round().astype(np.intp)
        shown[shown] = scene.codes[at[:, 1], at[:, 0]] == code
    for run in _true_runs(shown):
        if len(run) < 2:
            continue
        thin = cv2.approxPolyDP(pixels[run].astype(np.float32).reshape(-1, 1, 2), _STRAIGHT_PX, closed=False)
        points = tuple((round(float(u), 1), round(float(v), 1)) for u, v in thin.reshape(-1, 2))
        yield OverlayLine(kind, label, points)


def _true_runs(flags: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    index = np.flatnonzero(flags)
    return [run for run in np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if len(run)]


def _densified(line: FloatArray) -> FloatArray:
    pieces: list[FloatArray] = []
    for start, end in itertools.pairwise(line):
        count = max(int(np.hypot(*(end - start)) / _SAMPLE_M), 1)
        pieces.append(start + (end - start) * np.linspace(0, 1, count + 1)[:-1, None])
    return np.vstack([*pieces, line[-1:]])
