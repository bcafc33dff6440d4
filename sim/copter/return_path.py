"""The way back that SMART_RTL flies: where the copter has been since arming, made simpler.

A point is kept three times a second when the last one is SRTL_ACCURACY away. Two clean-ups keep it short: straight
parts lose their inner points (Ramer, Douglas and Peucker; nothing moves further than half the accuracy), and loops
are cut where the way comes back to itself. When SRTL_POINTS are full in spite of them, or the position was bad for
15 s, there is no way back until the next arming.
"""

from __future__ import annotations

import math

from sim.copter.parameters import Parameters
from sim.copter.places import Spot

SAVE_EVERY_S = 1.0 / 3.0
BAD_POSITION_S = 15.0
_LINE_SHARE = 0.5  # of SRTL_ACCURACY
_LOOP_SHARE = 0.99
_CLEAN_AT = 0.5  # of SRTL_POINTS more than after the last clean-up


class ReturnPath:
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.points: list[Spot] = []
        self.active = False
        self._saved_s = 0.0
        self._good_s = 0.0
        self._clean_to = 0

    def begin(self, here: Spot | None, now_s: float) -> None:
        """At arming; without a position there will be no way back."""
        self.active = here is not None and self._parameters.number("SRTL_POINTS") > 0
        self.points = [here] if here is not None else []
        self._saved_s = self._good_s = now_s
        self._clean_to = 0

    def record(self, here: Spot, now_s: float, *, position_good: bool, saving: bool) -> str:
        """What is to be said when the way back is lost; empty else."""
        if not self.active or now_s - self._saved_s < SAVE_EVERY_S:
            return ""
        self._saved_s = now_s
        if not position_good:
            if now_s - self._good_s > BAD_POSITION_S:
                return self._lose("bad position")
            return ""
        self._good_s = now_s
        if not saving or distance_m(here, self.points[-1]) < self._parameters["SRTL_ACCURACY"]:
            return ""
        limit = self._parameters.number("SRTL_POINTS")
        self.points.append(here)
        if len(self.points) >= min(limit, self._clean_to + max(8, _CLEAN_AT * limit)):
            self.clean()
            self._clean_to = len(self.points)
        return self._lose("buffer full") if len(self.points) >= limit else ""

    def clean(self) -> None:
        accuracy = max(0.1, self._parameters["SRTL_ACCURACY"])
        points = simplified(self.points, _LINE_SHARE * accuracy)
        self.points = without_loops(points, _LOOP_SHARE * accuracy)

    def _lose(self, why: str) -> str:
        self.active = False
        return f"SmartRTL deactivated: {why}"


def distance_m(a: Spot, b: Spot) -> float:
    return math.hypot(a.east_m - b.east_m, a.north_m - b.north_m, a.amsl_m - b.amsl_m)


def simplified(points: list[Spot], within_m: float) -> list[Spot]:
    """Fewer points, none of those left out further than `within_m` from the new line."""
    keep = [False] * len(points)
    if points:
        keep[0] = keep[-1] = True
    pending = [(0, len(points) - 1)]
    while pending:
        first, last = pending.pop()
        worst, worst_m = -1, within_m
        for index in range(first + 1, last):
            off_m = _off_segment_m(points[index], points[first], points[last])
            if off_m > worst_m:
                worst, worst_m = index, off_m
        if worst >= 0:
            keep[worst] = True
            pending += [(first, worst), (worst, last)]
    return [point for point, kept in zip(points, keep, strict=True) if kept]


def without_loops(points: list[Spot], near_m: float) -> list[Spot]:
    """Where two parts of the way come so near each other, what lies between is left out."""
    kept = list(points)
    first = 0
    while first + 1 < len(kept):
        for last in range(len(kept) - 2, first + 1, -1):
            apart_m, between = _apart(kept[first], kept[first + 1], kept[last], kept[last + 1])
            if apart_m < near_m:
                kept[first + 1 : last + 1] = [between]
                break
        first += 1
    return kept


def _vector(a: Spot, b: Spot) -> tuple[float, float, float]:
    return (b.east_m - a.east_m, b.north_m - a.north_m, b.amsl_m - a.amsl_m)


def _dot(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _along(a: Spot, b: Spot, share: float) -> Spot:
    east, north, up = _vector(a, b)
    return Spot(a.east_m + share * east, a.north_m + share * north, a.amsl_m + share * up)


def _off_segment_m(point: Spot, start: Spot, end: Spot) -> float:
    way = _vector(start, end)
    length = _dot(way, way)
    share = min(1.0, max(0.0, _dot(_vector(start, point), way) / length)) if length else 0.0
    return distance_m(point, _along(start, end, share))


def _apart(a: Spot, b: Spot, c: Spot, d: Spot) -> tuple[float, Spot]:
    """The smallest distance of the segments a-b and c-d, and the middle of where that is."""
    u, v, w = _vector(a, b), _vector(c, d), _vector(c, a)
    uu, uv, vv, uw, vw = _dot(u, u), _dot(u, v), _dot(v, v), _dot(u, w), _dot(v, w)
    cross = uu * vv - uv * uv
    s = min(1.0, max(0.0, (uv * vw - vv * uw) / cross)) if cross > 1e-9 else 0.0
    t = min(1.0, max(0.0, (uv * s + vw) / vv)) if vv > 1e-9 else 0.0
    s = min(1.0, max(0.0, (uv * t - uw) / uu)) if uu > 1e-9 else 0.0
    p, q = _along(a, b, s), _along(c, d, t)
    return distance_m(p, q), _along(p, q, 0.5)
