"""The fences: polygons and circles from the fence plan, the circle around home, greatest and least height.

A circle or height that has been crossed is drawn again 20 m further on: crossing that is a new breach. The least
height counts only once it has been passed on the way up, and no longer in a landing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntFlag

from sim.copter.parameters import Parameters


class FenceType(IntFlag):
    HEIGHT_MAX = 1
    CIRCLE = 2
    POLYGON = 4
    HEIGHT_MIN = 8


class FenceAction:
    REPORT = 0
    RTL_OR_LAND = 1
    LAND = 2
    SMART_RTL_OR_RTL = 3
    BRAKE = 4
    SMART_RTL_OR_LAND = 5


_NAMES = {1: "Max Alt", 2: "Circle", 4: "Polygon", 8: "Min Alt"}
_BACKUP_M = 20.0
_LEAST_MIN_M = -100.0
FAR_OUTSIDE_M = 100.0  # ARDUCOPTER.md: beyond this it lands


@dataclass(frozen=True, slots=True)
class Ring:
    """Corners east, north in metres of the local frame."""

    corners: tuple[tuple[float, float], ...]
    inclusion: bool

    def depth_m(self, east: float, north: float) -> float:
        """Distance into the allowed side; negative outside of it."""
        inside = False
        nearest = math.inf
        last_east, last_north = self.corners[-1]
        for corner_east, corner_north in self.corners:
            if (corner_north > north) != (last_north > north) and east < (last_east - corner_east) * (
                north - corner_north
            ) / (last_north - corner_north) + corner_east:
                inside = not inside
            nearest = min(
                nearest, _distance_to_edge((east, north), (last_east, last_north), (corner_east, corner_north))
            )
            last_east, last_north = corner_east, corner_north
        return nearest if inside == self.inclusion else -nearest


@dataclass(frozen=True, slots=True)
class Disc:
    east: float
    north: float
    radius_m: float
    inclusion: bool

    def depth_m(self, east: float, north: float) -> float:
        into = self.radius_m - math.hypot(east - self.east, north - self.north)
        return into if self.inclusion else -into


def names(kinds: FenceType) -> str:
    """As ArduPilot lists them: `Max Alt, Circle and Polygon fences`."""
    each = [name for bit, name in _NAMES.items() if kinds & bit]
    listed = " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)
    return f"{listed} fence{'s' if len(each) > 1 else ''}"


class Fence:
    """Loaded shapes, what is enabled, and whether it is breached."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.shapes: tuple[Ring | Disc, ...] = ()
        self.enabled = FenceType(0)
        self.breached = FenceType(0)
        self.breach_count = 0
        self.breach_at_ms = 0
        self._backup_m: dict[FenceType, float] = {}  # how far beyond the line the next breach lies
        self.floor_passed = False
        self.boot()

    def boot(self) -> None:
        self.enabled = self.configured if self._parameters["FENCE_ENABLE"] else FenceType(0)
        self.breached = FenceType(0)
        self.breach_count = 0
        self._backup_m.clear()
        self.floor_passed = False

    def safe_height_m(self) -> float:
        """Above home; what a return must stay below."""
        if FenceType.HEIGHT_MAX not in self.active:
            return math.inf
        return self._parameters["FENCE_ALT_MAX"] - self._parameters["FENCE_MARGIN"]

    def invalid(self) -> str:
        """Why its numbers keep the copter from arming; empty when they do not."""
        if not self.enabled:
            return "Fences enabled, but none selected" if self._parameters["FENCE_ENABLE"] else ""
        parameters, margin_m = self._parameters, self._parameters["FENCE_MARGIN"]
        low_m, high_m = parameters["FENCE_ALT_MIN"], parameters["FENCE_ALT_MAX"]
        problems = (
            (parameters["FENCE_RADIUS"] < 0, "Invalid FENCE_RADIUS value"),
            (parameters["FENCE_RADIUS"] < margin_m, "FENCE_MARGIN is less than FENCE_RADIUS"),
            (high_m < 0, "Invalid FENCE_ALT_MAX value"),
            (low_m < _LEAST_MIN_M, "Invalid FENCE_ALT_MIN value"),
            (bool(self.breached), f"Vehicle breaching {names(self.breached)}" if self.breached else ""),
            (margin_m < 0, "Invalid FENCE_MARGIN value"),
            (high_m < low_m, "FENCE_ALT_MAX < FENCE_ALT_MIN"),
            (high_m - low_m <= 2 * margin_m, "FENCE_MARGIN too big"),
        )
        return next((text for wrong, text in problems if wrong), "")

    @property
    def configured(self) -> FenceType:
        return FenceType(self._parameters.number("FENCE_TYPE") & 15)

    @property
    def present(self) -> FenceType:
        """Configured, and there to be used."""
        kinds = self.configured
        return kinds if self.shapes else kinds & ~FenceType.POLYGON

    @property
    def active(self) -> FenceType:
        return self.enabled & self.present

    def enable(self, kinds: FenceType, *, on: bool) -> bool:
        if not self.present:
            return False
        self.enabled = (self.enabled | (kinds & self.present)) if on else self.enabled & ~kinds
        if not on:
            self.breached &= ~kinds
        return True

    def crossings(
        self, east: float, north: float, height_m: float, home: tuple[float, float]
    ) -> dict[FenceType, float]:
        """The enabled fences the point lies beyond, and how far outside each."""
        active, parameters = self.active, self._parameters
        found: dict[FenceType, float] = {}
        if FenceType.HEIGHT_MAX in active and height_m >= parameters["FENCE_ALT_MAX"]:
            found[FenceType.HEIGHT_MAX] = height_m - parameters["FENCE_ALT_MAX"]
        if FenceType.HEIGHT_MIN in active and height_m <= parameters["FENCE_ALT_MIN"]:
            found[FenceType.HEIGHT_MIN] = parameters["FENCE_ALT_MIN"] - height_m
        if FenceType.CIRCLE in active:
            beyond_m = math.hypot(east - home[0], north - home[1]) - parameters["FENCE_RADIUS"]
            if beyond_m >= 0:
                found[FenceType.CIRCLE] = beyond_m
        if FenceType.POLYGON in active:
            depth_m = min((shape.depth_m(east, north) for shape in self.shapes), default=0.0)
            if depth_m < 0:
                found[FenceType.POLYGON] = -depth_m
        return found

    def breach(self, crossed: dict[FenceType, float]) -> FenceType:
        """Takes note of what is crossed now; the fences that are freshly breached."""
        new = FenceType(0)
        now = FenceType(0)
        for kind, outside_m in crossed.items():
            now |= kind
            again = kind is not FenceType.POLYGON and outside_m >= self._backup_m.get(kind, math.inf)
            if kind not in self.breached or again:
                new |= kind
                self._backup_m[kind] = outside_m + _BACKUP_M
        for kind in self._backup_m.keys() - crossed.keys():
            del self._backup_m[kind]
        self.breached = now
        return new


def _distance_to_edge(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    (px, py), (ax, ay) = point, start
    dx, dy = end[0] - ax, end[1] - ay
    length = dx * dx + dy * dy
    t = 0.0 if length == 0.0 else max(0.0, min(1.0, ((px - ax) * dx + (py - ay) * dy) / length))
    return math.hypot(px - ax - t * dx, py - ay - t * dy)
