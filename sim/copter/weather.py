"""Wind that SIM_WIND_* blow on top of the world's, as SITL makes it.

SIM_WIND_DIR is where it comes from. It takes SIM_WIND_TC seconds to change and is weaker near the ground
(SIM_WIND_T 0: with the root of the height up to SIM_WIND_T_ALT; 1: the same at every height).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.copter.chance import Normals
from sim.copter.parameters import Parameters

_GUST_TAU_S = 2.0


@dataclass(slots=True)
class Breeze:
    east_mps: float = 0.0
    north_mps: float = 0.0
    gust_east_mps: float = 0.0
    gust_north_mps: float = 0.0

    def blow(self, parameters: Parameters, chance: Normals, height_m: float, dt: float) -> tuple[float, float]:
        """Metres a second to the east and to the north, at that height above the ground."""
        speed, turbulence = parameters["SIM_WIND_SPD"], parameters["SIM_WIND_TURB"]
        if not (speed or turbulence or self.east_mps or self.north_mps):
            return 0.0, 0.0
        to_rad = math.radians(parameters["SIM_WIND_DIR"]) + math.pi
        share = min(1.0, dt / max(parameters["SIM_WIND_TC"], 1e-3))
        self.east_mps += (speed * math.sin(to_rad) - self.east_mps) * share
        self.north_mps += (speed * math.cos(to_rad) - self.north_mps) * share
        if not speed and math.hypot(self.east_mps, self.north_mps) < 0.01:
            self.east_mps = self.north_mps = 0.0
        pull = min(1.0, dt / _GUST_TAU_S)
        push = math.sqrt(2.0 * pull) * turbulence
        a, b, _ = chance.next3() if turbulence else (0.0, 0.0, 0.0)
        self.gust_east_mps += push * a - self.gust_east_mps * pull
        self.gust_north_mps += push * b - self.gust_north_mps * pull
        low = 1.0
        if parameters.number("SIM_WIND_T") == 0:
            low = math.sqrt(min(1.0, max(0.0, height_m) / max(1.0, parameters["SIM_WIND_T_ALT"])))
        return (self.east_mps + self.gust_east_mps) * low, (self.north_mps + self.gust_north_mps) * low
