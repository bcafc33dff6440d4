"""A lithium battery that empties with the power drawn and sags under current."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

# Open-circuit volts of one lithium-polymer cell by state of charge: a typical rest curve.
_CHARGE = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_CELL_V = (3.30, 3.55, 3.65, 3.72, 3.79, 3.90, 4.05, 4.20)
NOMINAL_CELL_V = 3.7
FULL_CELL_V = 4.2
_EMPTY_CELL_V = 3.0
_SAG_AT_FULL_HOVER_V = 0.12  # of one cell, at hover power: some 3 % as flight logs show


@dataclass(frozen=True, slots=True)
class Pack:
    """What is fitted, and what the airframe draws from it."""

    capacity_wh: float = 60.0
    cells: int = 3
    hover_w: float = 250.0  # with all loads on
    cruise_w: float = 240.0
    idle_w: float = 8.0  # electronics
    cruise_mps: float = 10.0

    @property
    def capacity_mah(self) -> float:
        return 1000.0 * self.capacity_wh / (self.cells * NOMINAL_CELL_V)


class Battery:
    """State of charge, volts and amperes of one pack."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._resistance_ohm = pack.cells * _SAG_AT_FULL_HOVER_V / (pack.hover_w / (pack.cells * NOMINAL_CELL_V))
        self.rest_v_override: float | None = None  # SIM_BATT_VOLTAGE changed by hand
        self.recharge(1.0)

    def recharge(self, charge: float) -> None:
        self.charge = charge
        self.used_wh = (1.0 - charge) * self.pack.capacity_wh
        self.used_mah = (1.0 - charge) * self.pack.capacity_mah
        self.current_a = 0.0
        self.voltage_v = self._rest_v()

    def draw(self, power_w: float, dt_s: float) -> None:
        rest_v = self._rest_v()
        self.current_a = power_w / max(self.voltage_v, 1.0)
        self.voltage_v = max(_EMPTY_CELL_V * self.pack.cells * 0.5, rest_v - self.current_a * self._resistance_ohm)
        used_h = dt_s / 3600.0
        self.used_wh += power_w * used_h
        self.used_mah += 1000.0 * self.current_a * used_h
        self.charge = max(0.0, 1.0 - self.used_wh / self.pack.capacity_wh)

    @property
    def empty(self) -> bool:
        return self.charge <= 0.0

    @property
    def resting_v(self) -> float:
        """Without the sag under load, as ArduPilot estimates it."""
        return self._rest_v()

    @property
    def remaining_percent(self) -> int:
        return round(100.0 * self.charge)

    def flight_power_w(self, airspeed_mps: float, climb_mps: float, lifted_share: float = 1.0) -> float:
        """Hover to cruise, beyond it with the cube of airspeed; climbing costs, sinking saves a little.

        A rotor's power goes with the mass it lifts to the power of 1.5 (momentum theory).
        """
        pack = self.pack
        ratio = airspeed_mps / pack.cruise_mps
        if ratio <= 1.0:
            level_w = pack.hover_w + (pack.cruise_w - pack.hover_w) * ratio
        else:
            level_w = pack.cruise_w * (0.7 + 0.3 * ratio**3)
        return level_w * lifted_share**1.5 * (1.0 + min(0.8, max(-0.15, 0.08 * climb_mps)))

    def _rest_v(self) -> float:
        if self.rest_v_override is not None:
            return self.rest_v_override
        upper = min(len(_CHARGE) - 1, max(1, bisect_left(_CHARGE, self.charge)))
        share = (self.charge - _CHARGE[upper - 1]) / (_CHARGE[upper] - _CHARGE[upper - 1])
        return self.pack.cells * (_CELL_V[upper - 1] + share * (_CELL_V[upper] - _CELL_V[upper - 1]))
