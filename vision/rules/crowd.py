"""How many people stand on a square metre of promenade, and when that is too many.

In a crowd nobody can be told from his neighbour, so people are not counted but covered ground is: seen from a lens
that looks down at an angle, a person hides the ground for `height / tan(angle)` behind him. If people stand at
random with density d, the share of the ground that stays uncovered is exp(-d a), a being the area one person covers
(the Boolean model of stochastic geometry: Chiu, Stoyan, Kendall, Mecke, Stochastic Geometry and its Applications,
3rd ed. 2013, §3.1). What is seen covered gives d back, up to the density at which everything is covered: from a low
camera that is soon, and beyond it only "at least" can be said.

Levels: at 2 people a square metre walking slows, at 3.6 they touch without wanting to, at 5.6 dangerous forces begin
(Fruin, in VISION.md §1.8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.alert import AlertKind, Surface
from vision.background import Gray
from vision.rules.finding import Finding
from vision.scene import SceneModel

_BODY_WIDTH_M = 0.45
_BODY_HEIGHT_M = 1.7
_BODY_DEPTH_M = 0.3
_STEP_PX = 4
_ALL = 0.95  # more of a cell than this is never seen covered for sure: heads stand out of it


@dataclass(frozen=True, slots=True)
class CrowdConfig:
    limit_per_m2: float = 2.0  # 0 switches the rule off
    for_s: float = 10.0
    over_after_s: float = 30.0  # below the limit for so long, the next time is told again
    cell_m: float = 3.0
    every_s: float = 1.0
    smooth_s: float = 3.0


@dataclass(slots=True)
class _Cell:
    above_since_s: float | None = None
    below_since_s: float | None = None
    told: bool = False


class CrowdRule:
    def __init__(self, scene: SceneModel, config: CrowdConfig) -> None:
        self._scene, self._config = scene, config
        self._looked_s: float | None = None
        self._cells: dict[int, _Cell] = {}
        self._prepare()

    @property
    def people(self) -> float:
        """About how many stand on the promenade in view, at the last look."""
        return float((self._density_per_m2 * self._area_m2).sum())

    @property
    def density_per_m2(self) -> FloatArray:
        """(cells,) of each cell, at the last look."""
        return self._density_per_m2

    def step(self, foreground: Gray, top_row: int, now_s: float) -> list[Finding]:
        """`foreground` is the picture from `top_row` down."""
        config = self._config
        if config.limit_per_m2 <= 0 or not len(self._area_m2):
            return []
        gap_s = config.every_s if self._looked_s is None else now_s - self._looked_s
        if gap_s < config.every_s:
            return []
        self._looked_s = now_s
        covered = self._covered(foreground, top_row)
        density = -np.log1p(-np.minimum(covered, _ALL)) / self._hidden_m2
        share = 1.0 - float(np.exp(-gap_s / config.smooth_s))
        self._density_per_m2 = self._density_per_m2 + share * (density - self._density_per_m2)
        findings: list[Finding] = []
        for index in np.flatnonzero(self._density_per_m2 >= config.limit_per_m2).tolist():
            self._cells.setdefault(index, _Cell())
        for index, cell in list(self._cells.items()):
            finding = self._judged(index, cell, now_s)
            if finding is not None:
                findings.append(finding)
        return findings[:1] if findings else []  # one alert a look: neighbouring cells are one crowd

    def _judged(self, index: int, cell: _Cell, now_s: float) -> Finding | None:
        config = self._config
        if self._density_per_m2[index] < config.limit_per_m2:
            cell.above_since_s = None
            cell.below_since_s = now_s if cell.below_since_s is None else cell.below_since_s
            if now_s - cell.below_since_s >= config.over_after_s:
                del self._cells[index]
            return None
        cell.below_since_s = None
        cell.above_since_s = now_s if cell.above_since_s is None else cell.above_since_s
        if cell.told or now_s - cell.above_since_s < config.for_s or self._neighbour_told(index):
            return None
        cell.told = True
        density, most = float(self._density_per_m2[index]), float(self._most_per_m2[index])
        bound = "at least " if density > 0.95 * most else ""
        details: dict[str, Any] = {
            "density_per_m2": round(density, 1),
            "limit_per_m2": config.limit_per_m2,
            "people_in_view": round(self.people),
            "reason": f"{bound}{density:.1f} people a square metre for {now_s - cell.above_since_s:.0f} s "
            f"(limit {config.limit_per_m2:.1f})",
        }
        place = self._places[index]
        return Finding(
            AlertKind.CROWD_DENSITY, Enu(float(place[0]), float(place[1])), config.cell_m, None, 0.7, details
        )

    def _neighbour_told(self, index: int) -> bool:
        here = self._places[index]
        told = [other for other, cell in self._cells.items() if cell.told and other != index]
        return any(float(np.hypot(*(self._places[other] - here))) < 3 * self._config.cell_m for other in told)

    def _covered(self, foreground: Gray, top_row: int) -> FloatArray:
        """(cells,) the share of each cell's pixels that people cover."""
        rows, columns = self._cell_of.shape
        whole = np.zeros((self._scene.codes.shape[0], foreground.shape[1]), np.uint8)
        whole[top_row : top_row + foreground.shape[0]] = np.minimum(foreground, 1) * 255
        small = cast("Gray", cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA))
        inside = self._cell_of >= 0
        sums = np.bincount(self._cell_of[inside], weights=small[inside] / 255.0, minlength=len(self._area_m2))
        return sums / self._pixels

    def _prepare(self) -> None:
        """Which cell each coarse pixel looks at, half way up the people who stand there, and what it can measure."""
        scene, config = self._scene, self._config
        lens, camera = scene.projection.camera.lens, scene.projection.camera
        columns, rows = max(lens.width_px // _STEP_PX, 1), max(lens.height_px // _STEP_PX, 1)
        us = (np.arange(columns) + 0.5) * lens.width_px / columns
        vs = (np.arange(rows) + 0.5) * lens.height_px / rows
        grid_u, grid_v = np.meshgrid(us, vs)
        slopes = scene.projection.slopes(np.column_stack([grid_u.ravel(), grid_v.ravel()]))
        eye = np.array([scene.projection.position.east_m, scene.projection.position.north_m])
        above_m = camera.height_amsl_m - scene.geometry.promenade_amsl_m - _BODY_HEIGHT_M / 2
        places = eye + slopes * above_m
        away = np.hypot(*(places - eye).T)
        seen = np.isfinite(away) & (away <= camera.range_m) & (above_m > 0)
        places[~seen] = 1e7
        allowed = np.zeros(len(places), bool)
        for zone in scene.geometry.zones:
            if zone.surface is Surface.PROMENADE:
                allowed |= np.asarray(shapely.contains_xy(shapely.Polygon(zone.ring), places[:, 0], places[:, 1]))
        allowed &= seen
        squares = np.floor(places / config.cell_m).astype(np.int64)
        keys, inverse, counts = np.unique(squares[allowed], axis=0, return_inverse=True, return_counts=True)
        centres = (keys + 0.5) * config.cell_m
        steepness = np.divide(above_m, np.maximum(np.hypot(*(centres - eye).T), 1e-3)) if len(keys) else np.zeros(0)
        hidden_m2 = _BODY_WIDTH_M * (_BODY_DEPTH_M + _BODY_HEIGHT_M / np.maximum(steepness, 1e-3))
        most = -np.log(1.0 - _ALL) / hidden_m2
        good = (counts >= 6) & (most >= config.limit_per_m2)  # elsewhere the camera cannot tell this density
        number = np.where(good, np.cumsum(good) - 1, -1)
        cell_of = np.full(len(places), -1, np.int64)
        cell_of[np.flatnonzero(allowed)] = number[inverse.ravel()] if len(keys) else -1
        self._cell_of: NDArray[np.int64] = cell_of.reshape(rows, columns)
        self._places: FloatArray = np.asarray(centres[good], np.float64)
        self._hidden_m2: FloatArray = hidden_m2[good]
        self._most_per_m2: FloatArray = most[good]
        self._pixels = np.bincount(self._cell_of[self._cell_of >= 0], minlength=int(good.sum())).astype(np.float64)
        self._area_m2: FloatArray = np.full(int(good.sum()), config.cell_m**2)
        self._density_per_m2: FloatArray = np.zeros(int(good.sum()))
