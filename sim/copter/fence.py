"""The fences: polygons and circles from the fence plan, the circle around home and the greatest height."""

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


class Fence:
    """Loaded shapes, what is enabled, and whether it is breached."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.shapes: tuple[Ring | Disc, ...] = ()
        self.enabled = FenceType(0)
        self.breached = FenceType(0)
        self.breach_count = 0
        self.breach_at_ms = 0
        self.boot()

    def boot(self) -> None:
        self.enabled = self.configured if self._parameters["FENCE_ENABLE"] else FenceType(0)
        self.breached = FenceType(0)
        self.breach_count = 0

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
    ) -> tuple[FenceType, float]:
        """The enabled fences the point lies beyond, and how far outside at most."""
        active = self.active
        found = FenceType(0)
        outside_m = 0.0
        if FenceType.HEIGHT_MAX in active and height_m > self._parameters["FENCE_ALT_MAX"]:
            found |= FenceType.HEIGHT_MAX
            outside_m = max(outside_m, height_m - self._parameters["FENCE_ALT_MAX"])
        if FenceType.CIRCLE in active:
            beyond = math.hypot(east - home[0], north - home[1]) - self._parameters["FENCE_RADIUS"]
            if beyond > 0:
                found |= FenceType.CIRCLE
                outside_m = max(outside_m, beyond)
        if FenceType.POLYGON in active:
            for shape in self.shapes:
                depth = shape.depth_m(east, north)
                if depth < 0:
                    found |= FenceType.POLYGON
                    outside_m = max(outside_m, -depth)
        return found, outside_m


def _distance_to_edge(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    (px, py), (ax, ay) = point, start
    dx, dy = end[0] - ax, end[1] - ay
    length = dx * dx + dy * dy
    t = 0.0 if length == 0.0 else max(0.0, min(1.0, ((px - ax) * dx + (py - ay) * dy) / length))
    return math.hypot(px - ax - t * dx, py - ay - t * dy)
