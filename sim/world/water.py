"""The true river: level, bore front and current, with parameters that the service never sees.

Functions of place and time only, so that a snapshot of the world can carry them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.world.ground import BankPlace, Ground

BOW_REACH_M = 400.0


@dataclass(frozen=True, slots=True)
class Bore:
    """A front that travels west along the bank (RIVER.md §1.1)."""

    passes_origin_s: float  # world time at which it passes along_m = 0
    speed_mps: float = 6.0
    step_m: float = 1.8
    following_rise_m: float = 1.6  # after the step, approached over `rise_time_s`
    rise_time_s: float = 1500.0
    current_peak_mps: float = 4.5
    current_rest_mps: float = 1.2  # an hour later it still runs
    current_decay_s: float = 700.0

    def front_along_m(self, at_s: float) -> float:
        """Where the front is, but for its bow."""
        return -(at_s - self.passes_origin_s) * self.speed_mps

    def seconds_since(self, place: BankPlace, at_s: float) -> float:
        """Seconds since the front passed the place; negative before."""
        return at_s - self.passes_origin_s + (place.along_m - front_bow_m(place.offset_m)) / self.speed_mps


@dataclass(frozen=True, slots=True)
class Eddy:
    """One wave of the turbulence: wave numbers (rad/m), frequency (rad/s), phase, share of the strength."""

    k_along: float
    k_away: float
    omega: float
    phase: float
    weight: float


@dataclass(frozen=True, slots=True)
class River:
    """What the water truly does."""

    low_water_amsl_m: float = 1.5
    ebb_mps: float = 1.0  # eastward, before the bore
    bore: Bore | None = None
    turbulence_mps: float = 0.12
    eddies: tuple[Eddy, ...] = ()

    @staticmethod
    def with_eddies(
        rng: np.random.Generator,
        *,
        low_water_amsl_m: float = 1.5,
        ebb_mps: float = 1.0,
        bore: Bore | None = None,
        turbulence_mps: float = 0.12,
    ) -> River:
        """A river whose eddies are drawn from `rng`."""
        count = 6
        length_m = rng.uniform(8.0, 60.0, count)
        heading = rng.uniform(0.0, 2 * math.pi, count)
        k = 2 * math.pi / length_m
        omega = rng.uniform(0.1, 0.6, count)
        phase = rng.uniform(0.0, 2 * math.pi, count)
        weight = np.sqrt(length_m / 60.0)
        rows = np.column_stack([k * np.cos(heading), k * np.sin(heading), omega, phase, weight]).tolist()
        return River(low_water_amsl_m, ebb_mps, bore, turbulence_mps, tuple(Eddy(*row) for row in rows))

    def level_amsl_m(self, place: BankPlace, at_s: float) -> float:
        if self.bore is None:
            return self.low_water_amsl_m
        since = self.bore.seconds_since(place, at_s)
        if since <= 0.0:
            return self.low_water_amsl_m
        step = self.bore.step_m * (1.0 - math.exp(-since / 0.8))
        rise = self.bore.following_rise_m * (1.0 - math.exp(-since / self.bore.rise_time_s))
        return self.low_water_amsl_m + step + rise

    def run_up_amsl_m(self, place: BankPlace, at_s: float) -> float:
        """How high the front throws water at what stands in its way, for some seconds."""
        level = self.level_amsl_m(place, at_s)
        if self.bore is None:
            return level
        since = self.bore.seconds_since(place, at_s)
        return level if since <= 0.0 else level + 2.6 * self.bore.step_m * math.exp(-since / 4.0)

    def current_mps(self, ground: Ground, place: BankPlace, at_s: float) -> tuple[float, float]:
        """Velocity at the surface as (along the bank eastward, away from the bank)."""
        bore = self.bore
        since = -math.inf if bore is None else bore.seconds_since(place, at_s)
        if bore is None or since <= 0.0:
            stream, rough = self.ebb_mps, 1.0
        else:
            decayed = (bore.current_peak_mps - bore.current_rest_mps) * math.exp(-since / bore.current_decay_s)
            turned = 1.0 - math.exp(-since / 2.0)
            stream = self.ebb_mps * (1.0 - turned) - (bore.current_rest_mps + decayed) * turned
            rough = 1.0 + 3.0 * math.exp(-since / 300.0)
        along = stream * shear(place.offset_m) * lee(ground, place)
        away = 0.0
        for eddy in self.eddies:
            turn = eddy.k_along * place.along_m + eddy.k_away * place.offset_m - eddy.omega * at_s + eddy.phase
            wave = self.turbulence_mps * rough * eddy.weight * math.sin(turn)
            norm = math.hypot(eddy.k_along, eddy.k_away)
            along += wave * eddy.k_away / norm  # across its own wave vector: it neither gathers nor parts water
            away -= wave * eddy.k_along / norm
        if place.offset_m < 6.0:
            away *= max(place.offset_m, 0.0) / 6.0
        return along, away


def front_bow_m(offset_m: float) -> float:
    """How far east of its mean line the front is: it lags beside the bank and wavers."""
    o = min(max(offset_m, 0.0), BOW_REACH_M)
    return 14.0 * math.exp(-o / 25.0) + min(o / 40.0, 1.0) * (3.0 * math.sin(o / 31.0) + 1.2 * math.sin(o / 9.0))


def shear(offset_m: float) -> float:
    """The wall slows the water beside it."""
    return 1.0 - 0.55 * math.exp(-max(offset_m, 0.0) / 14.0)


def lee(ground: Ground, place: BankPlace) -> float:
    """Slack water on both sides of a groyne."""
    factor = 1.0
    for ledge in ground.ledges:
        if ledge.along_to_m - ledge.along_from_m < 40.0 and place.offset_m < ledge.offset_to_m:
            middle = (ledge.along_from_m + ledge.along_to_m) / 2
            factor = min(factor, 1.0 - 0.75 * math.exp(-(((place.along_m - middle) / 35.0) ** 2)))
    return factor
