"""A piece of the water as seen from straight above: the picture laid on the plane, north up, in metres.

On it the camera's own motion is gone as far as telemetry tells it, a head has the same size everywhere, and what
drifts moves as the current does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.aerial.georeference import AerialProjection
from vision.aerial.shore import Shore
from vision.picture import Bgr

_COARSE = 8  # cells between those whose pixel is worked out
_FINEST_M = 0.08  # a head has three cells
_MOST_CELLS = 400
_EDGE_PX = 3.0


@dataclass(frozen=True, slots=True)
class Patch:
    bgr: Bgr  # (n, n, 3)
    water: NDArray[np.uint8]  # (n, n): 255 where the picture shows water
    centre: Enu
    cell_m: float

    def place(self, column: float, row: float) -> Enu:
        half = (self.bgr.shape[0] - 1) / 2.0
        return self.centre + Enu((column - half) * self.cell_m, (half - row) * self.cell_m)


def cell_m_for(view: AerialProjection, centre: Enu, half_m: float, water_amsl_m: float) -> float:
    """As fine as the picture there, but no finer than needed and no more cells than are worth it."""
    return max(_FINEST_M, view.metres_per_px(centre, water_amsl_m), 2.0 * half_m / _MOST_CELLS)


def laid(
    picture: Bgr,
    view: AerialProjection,
    shore: Shore,
    centre: Enu,
    half_m: float,
    water_amsl_m: float,
    margin_m: float,
) -> Patch | None:
    """The square of `half_m` about `centre`; None when hardly any of it is water in the picture."""
    cell_m = cell_m_for(view, centre, half_m, water_amsl_m)
    count = max(int(2.0 * half_m / cell_m) + 1, 16)
    grid = np.arange(0, count + _COARSE, _COARSE, dtype=np.float64)
    middle = (count - 1) / 2.0
    east = centre.east_m + (grid - middle) * cell_m
    north = centre.north_m + (middle - grid) * cell_m
    points = np.column_stack([np.tile(east, len(grid)), np.repeat(north, len(grid))])
    pixels = view.pixels(points, water_amsl_m)
    width, height = view.lens.width_px, view.lens.height_px
    known = ~np.isnan(pixels[:, 0])
    inside = known.copy()
    inside[known] = ((pixels[known] >= _EDGE_PX) & (pixels[known] <= np.array([width, height]) - 1.0 - _EDGE_PX)).all(
        axis=1
    )
    if not inside.any():
        return None
    wet = shore.is_water(points, view.pose.eye, water_amsl_m, margin_m)
    shape = (len(grid), len(grid))
    shrunk, scale = _shrunk(picture, view.metres_per_px(centre, water_amsl_m) / cell_m)
    table = np.nan_to_num(pixels, nan=-1e4).clip(-1e4, 1e4).astype(np.float32)
    table = (table + 0.5) * np.float32(scale) - 0.5
    at = np.arange(count, dtype=np.float32) / _COARSE
    fine_u, fine_v = np.tile(at, (count, 1)), np.repeat(at[:, None], count, axis=1)

    def fine(coarse: FloatArray | NDArray[np.float32]) -> NDArray[np.float32]:
        values = coarse.astype(np.float32).reshape(shape)
        return cast("NDArray[np.float32]", cv2.remap(values, fine_u, fine_v, cv2.INTER_LINEAR))

    bgr = cv2.remap(shrunk, fine(table[:, 0]), fine(table[:, 1]), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    water = (fine((inside & wet).astype(np.float32)) > 0.999).astype(np.uint8) * 255
    if int(np.count_nonzero(water)) < 0.02 * count * count:
        return None
    return Patch(cast("Bgr", bgr), water, centre, cell_m)


def _shrunk(picture: Bgr, ratio: float) -> tuple[Bgr, float]:
    """A picture finer than the cells is averaged down first: a remap would only pick pixels of it."""
    if ratio > 0.7:
        return picture, 1.0
    scale = max(ratio * 1.2, 0.1)
    size = (max(math.floor(picture.shape[1] * scale), 8), max(math.floor(picture.shape[0] * scale), 8))
    return cast("Bgr", cv2.resize(picture, size, interpolation=cv2.INTER_AREA)), size[0] / picture.shape[1]
