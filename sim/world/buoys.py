"""Lifebuoys: they fall with drag and wind, splash, float and drift."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geofence.position import Enu
from sim.world.view import BuoyKind, BuoyView

_GRAVITY = 9.81
_AIR_DENSITY = 1.225
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class _Shape:
    mass_kg: float
    drag_area_m2: float
    leeway: float  # share of the wind it makes over the water


# Drag areas give the terminal speeds of RIVER.md §3.4 (ring flat 11.3 m/s, packed pod about 19 m/s).
_SHAPES = {
    BuoyKind.RING: _Shape(2.5, 0.314, 0.02),
    BuoyKind.POD: _Shape(0.6, 0.027, 0.03),
}


class Buoy:
    """One lifebuoy from the moment it is let go."""

    def __init__(
        self, number: int, kind: BuoyKind, position: Enu, height_amsl_m: float, velocity: tuple[float, float, float]
    ) -> None:
        self.id = number
        self.kind = kind
        self.position = position
        self.height_amsl_m = height_amsl_m
        self.afloat = False
        self.grounded = False
        self.held_by: str | None = None
        self._velocity = velocity

    def fall(self, dt: float, wind: Enu, surface_amsl_m: float) -> float | None:
        """Moves it through the air; the speed at which it struck the surface, once it has."""
        shape = _SHAPES[self.kind]
        left = dt
        while left > 1e-9:
            h = min(_STEP_S, left)
            left -= h
            east, north, up = self._velocity
            re, rn = east - wind.east_m, north - wind.north_m
            speed = math.sqrt(re * re + rn * rn + up * up)
            k = 0.5 * _AIR_DENSITY * shape.drag_area_m2 * speed / shape.mass_kg
            east, north, up = east - k * re * h, north - k * rn * h, up - (k * up + _GRAVITY) * h
            self._velocity = (east, north, up)
            self.position = self.position + Enu(east * h, north * h)
            self.height_amsl_m += up * h
            if self.height_amsl_m <= surface_amsl_m:
                self.height_amsl_m = surface_amsl_m
                return math.sqrt(east * east + north * north + up * up)
        return None

    def leeway(self, wind: Enu) -> Enu:
        return wind.scaled(_SHAPES[self.kind].leeway)

    def view(self) -> BuoyView:
        return BuoyView(self.id, self.kind, self.position, self.height_amsl_m, self.afloat)
