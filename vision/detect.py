"""From a picture to the things in it that could be people: what differs from the empty scene and has a person's size.

Size is judged in metres at the place where the thing stands, so one rule serves the near and the far end of the
picture. Over water anything up to a person's size is let through, for only time tells a head from a wave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.background import Gray
from vision.scene import FIRST_FORESHORE, LAND, NOTHING, WALL, WATER, SceneModel


class Shape(Enum):
    PERSON = "person"
    PART = "part"  # too short: crouched, half hidden, half faded; continues a track, never begins one
    GROUP = "group"  # several people grown together
    BODY = "body"  # over water, taller than what floats: falling, or a wave
    FLOATING = "floating"  # over water, the size of a head and shoulders


@dataclass(frozen=True, slots=True)
class Detection:
    """One candidate in one frame. The foot is the middle of the box's lower edge."""

    x: float
    y: float
    w: float
    h: float
    shape: Shape
    code: int  # of the surface under the foot
    px_per_m: float  # there
    crest_offset_m: float  # of the foot from the wall's crest if it stood on the promenade; positive over the river
    crest_px_per_m: float  # if it were as near as the promenade in the same direction: something in the air
    position: Enu
    sigma_m: float  # of the foot point, new in every frame
    bias_m: float  # of what stays from frame to frame: at which height the feet stand
    plane_amsl_m: float
    in_range: bool  # near enough to the lens to be told of
    bright: bool  # on water: foam, a crest, a gull, a pale coat
    crowded: bool  # on water: other things stand beside it, as the parts of a boat do
    afloat: bool  # seems to stand on a foreshore, but the water beside it is covered too: a boat behind its edge

    @property
    def foot(self) -> tuple[float, float]:
        return self.x + self.w / 2, self.y + self.h


@dataclass(frozen=True, slots=True)
class DetectConfig:
    min_person_m: float = 1.0
    max_person_m: float = 2.6
    max_person_width_m: float = 1.5
    min_part_m: float = 0.4
    max_group_height_m: float = 3.4
    max_group_width_m: float = 12.0
    min_person_px: float = 5.0
    blur_px: float = 1.0  # by which lens, encoder and gap closing make everything taller
    min_box_px: int = 2
    max_floating_m: float = 1.3
    max_floating_width_m: float = 2.2
    min_floating_m: float = 0.14  # a head; what is smaller is grain
    beside_m: float = 6.0
    beside_up_m: float = 2.0
    own_foam_m: float = 1.2  # what is nearer than this is the swimmer's own foam
    max_over_water: int = 48  # more candidates than this is rough water, not people
    boat_m: float = 3.0
    join_px: tuple[int, int] = (3, 5)  # closes the gaps between head, body and legs
    usual_m: float = 1.68  # a person's height, and how much people differ
    usual_sigma_m: float = 0.16
    shorter: float = 2.5
    edge_px: float = 1.2  # error of a box's height
    steps_run_m: float = 9.0  # stairs down the wall reach no farther out than this
    climbers: float = 0.5  # of those seen within the stairs' reach; the others stand at its foot


class Detector:
    def __init__(self, scene: SceneModel, config: DetectConfig) -> None:
        self._scene = scene
        self._config = config
        self._join = np.ones((config.join_px[1], config.join_px[0]), np.uint8)
        self.rough = False

    def detect(self, foreground: Gray, bright: Gray, top_row: int) -> list[Detection]:
        """Masks of the picture from `top_row` down: everything that counts, and what is bright on water."""
        joined = cast("Gray", cv2.morphologyEx(foreground, cv2.MORPH_CLOSE, self._join))
        dark_parts, bright_parts = _boxes(joined, self._config), _boxes(bright, self._config)
        parts = np.concatenate([dark_parts, bright_parts])
        if not len(parts):
            self.rough = False
            return []
        pale = np.arange(len(parts)) >= len(dark_parts)
        found = self._sized(parts, pale, top_row)
        loose = sum(1 for d in found if not d.bright and d.shape in _OVER_WATER)
        self.rough = loose > self._config.max_over_water
        return found

    def of_boxes(self, boxes: Sequence[tuple[float, float, float, float]]) -> list[Detection]:
        """What a recogniser found, as left, top, width, height in the picture, judged by size and place alike."""
        if not boxes:
            return []
        parts = np.round(np.array(boxes, np.float64)).astype(np.int64)
        rows, columns = self._scene.codes.shape
        parts[:, 0] = np.clip(parts[:, 0], 0, columns - 1)
        parts[:, 1] = np.clip(parts[:, 1], 0, rows - 1)
        parts[:, 2:] = np.maximum(parts[:, 2:], 1)
        return self._sized(parts, np.zeros(len(parts), bool), 0)

    def _crowded(
        self, parts: NDArray[np.int64], pale: NDArray[np.bool_], codes: NDArray[np.uint8], scale: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """For each dark component: something on the water stands beside it, as the parts of a boat do."""
        config = self._config
        result = np.zeros(len(parts), bool)
        floating = (codes == WATER) & (scale > 0)
        asked = np.flatnonzero(~pale & (floating | (codes >= FIRST_FORESHORE)))
        others = np.flatnonzero(floating)
        if not len(asked) or not len(others):
            return result
        x, y, w, h = (column[:, None] for column in parts[asked].T)
        ox, oy, ow, oh = parts[others].T
        per_px = 1.0 / scale[asked][:, None]
        aside = np.maximum(np.maximum(ox - x - w, x - ox - ow), 0) * per_px
        above = np.maximum(np.maximum(oy - y - h, y - oy - oh), 0) * per_px
        big = np.maximum(ow, oh) * per_px > config.max_floating_width_m
        apart = floating[asked][:, None] & (np.maximum(aside, above) > config.own_foam_m)
        beside = (above < config.beside_up_m) & (aside < config.beside_m) & (big | apart)
        result[asked] = (beside & (asked[:, None] != others)).any(axis=1)
        return result

    def _sized(self, parts: NDArray[np.int64], pale: NDArray[np.bool_], top_row: int) -> list[Detection]:
        config, scene = self._config, self._scene
        x, y, w, h = parts.T
        y = y + top_row
        rows, columns = scene.codes.shape
        foot_row = np.minimum(y + h - 1, rows - 1)
        foot_column = np.minimum(x + w // 2, columns - 1)
        codes = scene.codes[foot_row, foot_column]
        scale = scene.px_per_m[foot_row, foot_column]
        crest_scale = scene.crest_px_per_m[foot_row, foot_column]
        offset = scene.crest_offset_m[foot_row, foot_column]
        known = (codes != NOTHING) & (scale > 0)
        over_water = known & ((codes == WATER) | (codes == WALL))
        on_foot = known & ((codes == LAND) | (codes >= FIRST_FORESHORE))
        safe = np.where(scale > 0, scale, 1.0)
        tall, wide = h / safe, w / safe
        safe_crest = np.where(crest_scale > 0, crest_scale, 1.0)
        shapes = np.full(len(parts), -1)
        big_enough = on_foot & (h >= config.min_person_px)
        narrow = wide <= config.max_person_width_m
        person = (h - config.blur_px) / safe >= config.min_person_m
        shapes[big_enough & narrow & (tall >= config.min_part_m) & ~person] = 1
        shapes[big_enough & narrow & person & (tall <= config.max_person_m)] = 0
        grown = big_enough & ~narrow | big_enough & (tall > config.max_person_m)
        in_group = (
            (tall >= config.min_person_m) & (tall <= config.max_group_height_m) & (wide <= config.max_group_width_m)
        )
        shapes[grown & in_group] = 2
        person_in_air = (h / safe_crest <= config.max_person_m) & (w / safe_crest <= config.max_person_width_m)
        shapes[over_water & person_in_air] = 3
        shapes[over_water & (tall <= config.max_floating_m) & (wide <= config.max_floating_width_m)] = 4
        shapes[over_water & (np.maximum(tall, wide) < config.min_floating_m)] = -1
        shapes[pale & (codes != WATER)] = -1
        crowded = self._crowded(parts, pale, codes, scale)
        chosen = np.flatnonzero(shapes >= 0)
        if not len(chosen):
            return []
        feet = np.column_stack([x[chosen] + w[chosen] / 2, (y + h)[chosen]]).astype(np.float64)
        planes, biases = self._heights(codes[chosen], offset[chosen], tall[chosen], scale[chosen], shapes[chosen])
        ground = scene.projection.ground(feet, planes)
        eye = scene.projection.position
        reach = np.hypot(ground.enu[:, 0] - eye.east_m, ground.enu[:, 1] - eye.north_m)
        biases = biases * reach / np.maximum(scene.projection.camera.height_amsl_m - planes, 0.1)
        in_range = reach <= scene.projection.camera.range_m
        afloat = self._over_the_edge(parts[chosen], codes[chosen], wide[chosen], tall[chosen], foot_row[chosen])
        found: list[Detection] = []
        for index, at in enumerate(chosen.tolist()):
            east, north = float(ground.enu[index, 0]), float(ground.enu[index, 1])
            if math.isnan(east):
                continue
            found.append(
                Detection(
                    x=float(x[at]),
                    y=float(y[at]),
                    w=float(w[at]),
                    h=float(h[at]),
                    shape=_SHAPES[int(shapes[at])],
                    code=int(codes[at]),
                    px_per_m=float(scale[at]),
                    crest_offset_m=float(offset[at]),
                    crest_px_per_m=float(crest_scale[at]),
                    position=Enu(east, north),
                    sigma_m=float(ground.sigma_m[index]),
                    bias_m=float(biases[index]),
                    plane_amsl_m=float(planes[index]),
                    in_range=bool(in_range[index]),
                    bright=bool(pale[at]),
                    crowded=bool(crowded[at]),
                    afloat=bool(afloat[index]),
                )
            )
        return found

    def _over_the_edge(
        self,
        parts: NDArray[np.int64],
        codes: NDArray[np.uint8],
        wide_m: FloatArray,
        tall_m: FloatArray,
        foot_row: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Too long for a person, and too tall for several or reaching past the edge of where it seems to stand."""
        long = (codes >= FIRST_FORESHORE) & (wide_m > self._config.boat_m) & (wide_m > 1.3 * tall_m)
        for index in np.flatnonzero(long):
            left, width = int(parts[index, 0]), int(parts[index, 2])
            under = self._scene.codes[foot_row[index], max(left - 2, 0) : left + width + 2]
            long[index] = bool((under == WATER).any()) or tall_m[index] > self._config.max_person_m
        return long

    def _heights(
        self,
        codes: NDArray[np.uint8],
        crest_offset: NDArray[np.float32],
        tall_m: FloatArray,
        scale: NDArray[np.float32],
        shapes: NDArray[np.intp],
    ) -> tuple[FloatArray, FloatArray]:
        """The height each foot stands at, and its one-sigma error in metres of height.

        Below the wall that is not the foreshore's height alone: stairs come down there, and who stands half way up is
        nearer to the lens than he looks. How tall he appears tells the two apart, as far as people are of one size.
        """
        config, scene = self._config, self._scene
        planes = scene.planes(codes).astype(np.float64)
        errors = np.zeros(len(planes))
        top, lens_amsl_m = scene.geometry.promenade_amsl_m, scene.projection.camera.height_amsl_m
        asked = np.flatnonzero((codes >= FIRST_FORESHORE) & (planes < top - 0.5))
        if not len(asked) or lens_amsl_m <= top:
            return planes, errors
        low, share = planes[asked][:, None], np.linspace(0.0, 1.0, 9)[None]
        height = low + share * (top - low)
        nearer = (lens_amsl_m - height) / (lens_amsl_m - low)  # the way along the ray, of that to the foreshore
        lens_out = scene.lens_offset_m
        at_top = crest_offset[asked][:, None].astype(np.float64)
        out = lens_out + (at_top - lens_out) * (lens_amsl_m - height) / (lens_amsl_m - top)
        possible = (out > -0.5) & (out < config.steps_run_m * (1.0 - share) + 1.0)
        weight = np.where(possible, config.climbers / (share.shape[1] - 1), 0.0)
        weight[:, 0] = 1.0 - config.climbers
        spread = np.hypot(config.usual_sigma_m, config.edge_px / np.maximum(scale[asked], 1e-3))[:, None] * nearer
        off = (tall_m[asked][:, None] * nearer - config.usual_m) / spread
        off = np.where(off < 0, off / config.shorter, off)  # legs that are lost against the ground are common
        upright = (shapes[asked] == 0)[:, None]
        weight = weight * np.where(upright, np.exp(-0.5 * np.minimum(off * off, 40.0)) / spread, 1.0)
        weight /= weight.sum(axis=1, keepdims=True)
        mean = (weight * height).sum(axis=1)
        planes[asked] = mean
        errors[asked] = np.sqrt((weight * (height - mean[:, None]) ** 2).sum(axis=1))
        return planes, errors


def _boxes(mask: Gray, config: DetectConfig) -> NDArray[np.int64]:
    """(n, 4) left, top, width, height of what hangs together."""
    if not cv2.countNonZero(mask):
        return np.zeros((0, 4), np.int64)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = np.array([cv2.boundingRect(outline) for outline in outlines], np.int64)
    return boxes[boxes[:, 2] * boxes[:, 3] >= config.min_box_px]


_OVER_WATER = frozenset({Shape.BODY, Shape.FLOATING})
_SHAPES = (Shape.PERSON, Shape.PART, Shape.GROUP, Shape.BODY, Shape.FLOATING)
