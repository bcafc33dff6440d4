"""The solid world: the seawall in bank coordinates, the foreshore, the groyne, the steps, their heights.

Bank coordinates are `along_m` (east along the crest, 0 at the crest vertex nearest the site's origin) and
`offset_m` (from the crest, positive over the river), mitred at the crest's bends as in `geofence.bank`. The
simulated ground keeps its own conversion, in plain numbers for one point (a step of the world makes hundreds)
and in a tight loop for a picture's worth of them; a test holds the two packages to the same meaning.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray

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


@dataclass(frozen=True, slots=True)
class _Segment:
    """A straight piece of the crest; the slants are metres along for each metre of offset at its mitred ends."""

    start_m: float
    length_m: float
    east_m: float
    north_m: float
    unit_east: float
    unit_north: float
    slant_start: float
    slant_end: float


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
        length = np.hypot(steps[:, 0], steps[:, 1])
        unit = steps / length[:, None]
        right = np.column_stack([unit[:, 1], -unit[:, 0]])
        bend = (right[:-1] + right[1:]) / (1.0 + np.sum(right[:-1] * right[1:], axis=1))[:, None]
        mitre = np.vstack([right[:1], bend, right[-1:]])
        chain = np.concatenate([[0.0], np.cumsum(length)])
        zero = float(chain[int(np.argmin(np.hypot(crest[:, 0], crest[:, 1])))])
        rows = np.column_stack(
            [
                chain[:-1] - zero,
                length,
                crest[:-1],
                unit,
                np.sum(mitre[:-1] * unit, axis=1),
                np.sum(mitre[1:] * unit, axis=1),
            ]
        )
        self._segments = tuple(_Segment(*row) for row in rows.tolist())
        self._starts = [segment.start_m for segment in self._segments]
        self._start_array = np.array(self._starts)
        self._rows = rows

    @property
    def along_range_m(self) -> tuple[float, float]:
        last = self._segments[-1]
        return self._starts[0], last.start_m + last.length_m

    def to_enu(self, place: BankPlace) -> Enu:
        segment = self._segment_at(place.along_m)
        s = place.along_m - segment.start_m
        inside = min(max(s / segment.length_m, 0.0), 1.0)
        forward = s + place.offset_m * ((1.0 - inside) * segment.slant_start + inside * segment.slant_end)
        return Enu(
            segment.east_m + segment.unit_east * forward + segment.unit_north * place.offset_m,
            segment.north_m + segment.unit_north * forward - segment.unit_east * place.offset_m,
        )

    def to_bank(self, point: Enu) -> BankPlace:
        best, along, offset = math.inf, 0.0, 0.0
        last = len(self._segments) - 1
        for i, segment in enumerate(self._segments):
            dx, dy = point.east_m - segment.east_m, point.north_m - segment.north_m
            aside = dx * segment.unit_north - dy * segment.unit_east
            span = segment.length_m + aside * (segment.slant_end - segment.slant_start)
            if span <= 1e-9:
                continue  # beyond the centre of a bend the segment does not reach
            forward = dx * segment.unit_east + dy * segment.unit_north
            share = (forward - aside * segment.slant_start) / span
            over = max(0.0 if i == 0 else -share, 0.0 if i == last else share - 1.0, 0.0) * segment.length_m
            if over < best:
                ends = (i == 0 and share < 0.0) or (i == last and share > 1.0)  # beyond them it goes straight on
                along = segment.start_m + (forward if ends else share * segment.length_m)
                best, offset = over, aside
        return BankPlace(along, offset)

    def direction(self, along_m: float) -> Enu:
        """Unit vector along the crest, eastward."""
        segment = self._segment_at(along_m)
        return Enu(segment.unit_east, segment.unit_north)

    def _segment_at(self, along_m: float) -> _Segment:
        return self._segments[max(bisect.bisect_right(self._starts, along_m) - 1, 0)]

    def to_enu_array(self, places: FloatArray) -> FloatArray:
        """(n, 2) along and offset to (n, 2) metres east and north."""
        i = np.maximum(np.searchsorted(self._start_array, places[:, 0], side="right") - 1, 0)
        start, length, east, north, ue, un, slant_start, slant_end = self._rows[i].T
        s, offset = places[:, 0] - start, places[:, 1]
        inside = np.clip(s / length, 0.0, 1.0)
        forward = s + offset * ((1.0 - inside) * slant_start + inside * slant_end)
        return np.column_stack([east + ue * forward + un * offset, north + un * forward - ue * offset])

    def to_bank_array(self, points: FloatArray) -> FloatArray:
        """(n, 2) metres east and north to (n, 2) along and offset."""
        best = np.full(len(points), np.inf)
        result = np.zeros((len(points), 2))
        last = len(self._segments) - 1
        for i, segment in enumerate(self._segments):
            dx, dy = points[:, 0] - segment.east_m, points[:, 1] - segment.north_m
            aside = dx * segment.unit_north - dy * segment.unit_east
            span = segment.length_m + aside * (segment.slant_end - segment.slant_start)
            reaches = span > 1e-9
            forward = dx * segment.unit_east + dy * segment.unit_north
            share = (forward - aside * segment.slant_start) / np.where(reaches, span, 1.0)
            over = np.zeros_like(share)
            if i > 0:
                over = np.maximum(over, -share)
            if i < last:
                over = np.maximum(over, share - 1.0)
            over *= segment.length_m
            nearer = reaches & (over < best)
            best[nearer] = over[nearer]
            ends = ((share < 0.0) & (i == 0)) | ((share > 1.0) & (i == last))
            result[nearer, 0] = (segment.start_m + np.where(ends, forward, share * segment.length_m))[nearer]
            result[nearer, 1] = aside[nearer]
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
