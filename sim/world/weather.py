"""Wind with gusts, light and rain, as functions of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from geofence.position import Enu


class Light(StrEnum):
    DAY = "day"
    OVERCAST = "overcast"


@dataclass(frozen=True, slots=True)
class Gust:
    """One swing of the wind: frequency (rad/s), phase, share of the strongest gust."""

    omega: float
    phase: float
    weight: float


@dataclass(frozen=True, slots=True)
class Weather:
    wind_mps: float = 4.0
    wind_from_deg: float = 110.0  # where it blows from, clockwise from north
    gust: float = 0.25  # strongest gust over the mean, as a fraction of it
    light: Light = Light.OVERCAST
    rain: bool = False
    gusts: tuple[Gust, ...] = ()

    @staticmethod
    def drawn(
        rng: np.random.Generator,
        *,
        wind_mps: float = 4.0,
        wind_from_deg: float = 110.0,
        gust: float = 0.25,
        light: Light = Light.OVERCAST,
        rain: bool = False,
    ) -> Weather:
        """Weather whose gusts are drawn from `rng`."""
        weight = rng.uniform(0.3, 1.0, 5)
        rows = np.column_stack(
            [2 * math.pi / rng.uniform(3.0, 40.0, 5), rng.uniform(0, 2 * math.pi, 5), weight / weight.sum()]
        ).tolist()
        return Weather(wind_mps, wind_from_deg, gust, light, rain, tuple(Gust(*row) for row in rows))

    def wind(self, at_s: float) -> Enu:
        """Velocity of the air over the water."""
        swing = 0.0
        for gust in self.gusts:
            swing += gust.weight * math.sin(gust.omega * at_s + gust.phase)
        speed = self.wind_mps * (1.0 + self.gust * swing)
        towards = math.radians(self.wind_from_deg + 180.0 + 15.0 * self.gust * swing)
        return Enu(speed * math.sin(towards), speed * math.cos(towards))
