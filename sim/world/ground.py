"""The solid world: the seawall in bank coordinates, the foreshore, the groyne, the steps, their heights.

Bank coordinates are `along_m` (east along the crest, 0 at the crest vertex nearest the site's origin) and
`offset_m` (from the crest, positive over the river). The simulated ground keeps its own conversion: it is the
truth that the service's geometry is measured against, so it must not share that geometry's faults.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray

_FAR_M = 1e5
BED_AMSL_M = -3.0


@dataclass(frozen=True, slots=True)
class BankPlace:
    """A point by the seawall: metres along the crest and metres from it towards the river."""

    along_m: float
    offset_m: float


@dataclass(frozen=True, slots=True)
class Ledge:
    """Walkable ground in front of the wall, lower than its crest: a foreshore or a groyne."""

    id: str
    along_from_m: float
    along_to_m: float
    offset_to_m: float
    top_amsl_m: float
    steps_along_m: tuple[float, ...] = ()  # where stairs lead down to it


HAINING_LEDGES = (
    Ledge("foreshore-west", -420.0, -140.0, 45.0, 3.0, (-340.0, -260.0, -180.0)),
    Ledge("groyne-330", 326.0, 336.0, 80.0, 5.0, (331.0,)),
)

STEPS_HALF_WIDTH_M = 2.0
STEPS_RUN_M = 8.0


class Ground:
    """Heights of everything that does not move, and the way between bank coordinates and metres east, north."""

    def __init__(
        self,
        crest: FloatArray,
        *,
        crest_amsl_m: float = 8.5,
        promenade_width_m: float = 12.0,
        ledges: tuple[Ledge, ...] = HAINING_LEDGES,
    ) -> None:
        """`crest` is (n, 2) metres east and north, listed from west to east with the river on its right."""
        self.crest = crest
        self.crest_amsl_m = crest_amsl_m
        self.promenade_width_m = promenade_width_m
        self.ledges = ledges
        steps = np.diff(crest, axis=0)
        self._length = np.hypot(steps[:, 0], steps[:, 1])
        self._unit = steps / self._length[:, None]
        chain = np.concatenate([[0.0], np.cumsum(self._length)])
        nearest = int(np.argmin(np.hypot(crest[:, 0], crest[:, 1])))
        self._start = chain[:-1] - chain[nearest]
        self._starts: list[float] = self._start.tolist()
        self._segments: list[tuple[float, float, float, float, float]] = [
            (float(x), float(y), float(ux), float(uy), float(length))
            for (x, y), (ux, uy), length in zip(crest[:-1], self._unit, self._length, strict=True)
        ]  # where each begins, its direction, its length; as plain numbers, for one point at a time
        self._end_along_m = float(chain[-1] - chain[nearest])

    @property
    def along_range_m(self) -> tuple[float, float]:
        return float(self._start[0]), self._end_along_m

    def to_enu(self, place: BankPlace) -> Enu:
        i = min(max(bisect.bisect_right(self._starts, place.along_m) - 1, 0), len(self._starts) - 1)
        x, y, ux, uy, _ = self._segments[i]
        s = place.along_m - self._starts[i]
        return Enu(x + ux * s + uy * place.offset_m, y + uy * s - ux * place.offset_m)

    def to_bank(self, point: Enu) -> BankPlace:
        best, along, offset = math.inf, 0.0, 0.0
        last = len(self._segments) - 1
        for i, (x, y, ux, uy, length) in enumerate(self._segments):
            dx, dy = point.east_m - x, point.north_m - y
            s = dx * ux + dy * uy
            clipped = min(max(s, -_FAR_M if i == 0 else 0.0), _FAR_M if i == last else length)
            distance = math.hypot(dx - clipped * ux, dy - clipped * uy)
            if distance < best:
                side = dx * uy - dy * ux
                best, along = distance, self._starts[i] + clipped
                offset = distance if side >= 0 else -distance
        return BankPlace(along, offset)

    def direction(self, along_m: float) -> Enu:
        """Unit vector along the crest, eastward."""
        i = min(max(bisect.bisect_right(self._starts, along_m) - 1, 0), len(self._starts) - 1)
        return Enu(self._segments[i][2], self._segments[i][3])

    def to_enu_array(self, places: FloatArray) -> FloatArray:
        """(n, 2) along and offset to (n, 2) metres east and north."""
        i = np.clip(np.searchsorted(self._start, places[:, 0], side="right") - 1, 0, len(self._length) - 1)
        unit = self._unit[i]
        s = places[:, 0] - self._start[i]
        right = np.column_stack([unit[:, 1], -unit[:, 0]])
        return self.crest[i] + unit * s[:, None] + right * places[:, 1][:, None]

    def to_bank_array(self, points: FloatArray) -> FloatArray:
        """(n, 2) metres east and north to (n, 2) along and offset."""
        best = np.full(len(points), np.inf)
        result = np.zeros((len(points), 2))
        last = len(self._length) - 1
        for i in range(last + 1):
            dx, dy = points[:, 0] - self.crest[i, 0], points[:, 1] - self.crest[i, 1]
            ux, uy = self._unit[i]
            s = dx * ux + dy * uy
            clipped = np.clip(s, -_FAR_M if i == 0 else 0.0, _FAR_M if i == last else self._length[i])
            side = dx * uy - dy * ux
            beyond = s - clipped
            distance2 = beyond * beyond + side * side
            nearer = distance2 < best
            best = np.where(nearer, distance2, best)
            result[nearer, 0] = self._start[i] + clipped[nearer]
            result[nearer, 1] = np.copysign(np.sqrt(distance2[nearer]), side[nearer])
        return result

    def height_amsl_m(self, along_m: FloatArray, offset_m: FloatArray) -> FloatArray:
        """Height of the solid surface under each place; the river bed where there is only water."""
        height = np.where(offset_m <= 0.0, self.crest_amsl_m, BED_AMSL_M)
        for ledge in self.ledges:
            on = self._on_ledge(ledge, along_m, offset_m)
            height = np.where(on, ledge.top_amsl_m, height)
            for steps in ledge.steps_along_m:
                on_steps = on & (np.abs(along_m - steps) < STEPS_HALF_WIDTH_M) & (offset_m < STEPS_RUN_M)
                drop = (self.crest_amsl_m - ledge.top_amsl_m) / STEPS_RUN_M
                height = np.where(on_steps, self.crest_amsl_m - drop * offset_m, height)
        return height

    def height_at(self, place: BankPlace) -> float:
        if place.offset_m <= 0.0:
            return self.crest_amsl_m
        ledge = self.ledge_at(place)
        if ledge is None:
            return BED_AMSL_M
        if place.offset_m < STEPS_RUN_M:
            for steps in ledge.steps_along_m:
                if abs(place.along_m - steps) < STEPS_HALF_WIDTH_M:
                    return self.crest_amsl_m - (self.crest_amsl_m - ledge.top_amsl_m) * place.offset_m / STEPS_RUN_M
        return ledge.top_amsl_m

    def ledge_at(self, place: BankPlace) -> Ledge | None:
        for ledge in self.ledges:
            if ledge.along_from_m <= place.along_m <= ledge.along_to_m and 0.0 < place.offset_m <= ledge.offset_to_m:
                return ledge
        return None

    @staticmethod
    def _on_ledge(ledge: Ledge, along_m: FloatArray, offset_m: FloatArray) -> NDArray[np.bool_]:
        return (
            (along_m >= ledge.along_from_m)
            & (along_m <= ledge.along_to_m)
            & (offset_m > 0.0)
            & (offset_m <= ledge.offset_to_m)
        )
