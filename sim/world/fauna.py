"""Gulls and boats: what moves in the picture and is nobody in need."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.world.ground import BankPlace, Ground
from sim.world.plans import BoatPlan
from sim.world.view import BoatView, GullView
from sim.world.water import River


@dataclass(frozen=True, slots=True)
class Gull:
    """Circles for ever over a patch of the river; its place is a function of time."""

    centre: BankPlace
    radius_m: float
    height_amsl_m: float
    speed_mps: float
    phase: float

    @staticmethod
    def drawn(rng: np.random.Generator) -> Gull:
        centre = BankPlace(float(rng.uniform(-450, 450)), float(rng.uniform(10, 90)))
        return Gull(
            centre,
            float(rng.uniform(12, 45)),
            float(rng.uniform(6, 20)),
            float(rng.uniform(6, 10)) * (1.0 if rng.random() < 0.5 else -1.0),
            float(rng.uniform(0, 2 * math.pi)),
        )

    def view(self, ground: Ground, at_s: float) -> GullView:
        turn = self.phase + self.speed_mps * at_s / self.radius_m
        wander = 8.0 * math.sin(0.07 * at_s + self.phase)
        place = BankPlace(
            self.centre.along_m + self.radius_m * math.cos(turn) + wander,
            max(self.centre.offset_m + 0.6 * self.radius_m * math.sin(turn), 2.0),
        )
        heading = math.degrees(-turn) + (0.0 if self.speed_mps > 0 else 180.0)
        glide = math.sin(0.5 * at_s + 3 * self.phase) > 0.2
        wing = 0.25 if glide else math.sin(2 * math.pi * 2.8 * at_s + self.phase)
        height = self.height_amsl_m + 2.0 * math.sin(0.3 * at_s + self.phase)
        return GullView(ground.to_enu(place), height, heading % 360.0, wing)


def boat_view(plan: BoatPlan, ground: Ground, river: River, at_s: float) -> BoatView:
    along = plan.start.along_m + plan.speed_mps * at_s
    place = BankPlace(along, plan.start.offset_m)
    here, ahead = ground.to_enu(place), ground.to_enu(BankPlace(along + 1.0, place.offset_m))
    heading = here.bearing_deg(ahead) + (0.0 if plan.speed_mps >= 0 else 180.0)
    return BoatView(here, river.level_amsl_m(place, at_s), heading % 360.0, plan.length_m)
