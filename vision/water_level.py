"""The water's level and how fast it rises, from single readings: a Kalman filter of two states, in seconds.

State: level (m) and rate (m/s), the rate wandering as a random walk. A reading far from the prediction is refused;
but when several in a row are refused and agree with each other, the water has truly moved (a bore is a step of metres
within seconds) and the filter starts anew at their level.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class LevelConfig:
    rate_walk: float = 0.0002  # m/s per square root of a second
    first_rate_sigma_mps: float = 0.01
    overlap: float = 2.2  # readings a second apart share most of their pictures: their errors go together
    gate_sigmas: float = 4.0
    least_gate_m: float = 0.12
    agree_m: float = 0.12  # of refused readings with the line through them
    step_after: int = 4  # refused readings in a row that agree
    step_within_s: float = 12.0
    forget_s: float = 60.0  # without a reading


@dataclass(frozen=True, slots=True)
class Level:
    """What is known of the water at a moment."""

    at_s: float
    amsl_m: float
    sigma_m: float  # of the filter alone; the camera's own error of calibration comes on top
    rate_mps: float
    rate_sigma_mps: float


class LevelFilter:
    """Call `take` with each reading; `level` is the newest state."""

    def __init__(self, config: LevelConfig) -> None:
        self._config = config
        self.level: Level | None = None
        self.refused = 0  # in a row
        self._state = np.zeros(2)
        self._spread = np.zeros((2, 2))
        self._doubted: deque[tuple[float, float, float]] = deque(maxlen=config.step_after)

    def take(self, at_s: float, amsl_m: float, sigma_m: float) -> bool:
        """Takes a reading into account; False when it is refused."""
        config, known = self._config, self.level
        sigma_m *= config.overlap
        if known is None or not 0.0 <= at_s - known.at_s <= config.forget_s:
            self._begin(at_s, amsl_m, sigma_m, 0.0, config.first_rate_sigma_mps)
            return True
        elapsed = at_s - known.at_s
        forward = np.array([[1.0, elapsed], [0.0, 1.0]])
        walk = config.rate_walk**2 * np.array([[elapsed**3 / 3, elapsed**2 / 2], [elapsed**2 / 2, elapsed]])
        state, spread = forward @ self._state, forward @ self._spread @ forward.T + walk
        off = amsl_m - state[0]
        variance = spread[0, 0] + sigma_m**2
        if abs(off) > max(config.gate_sigmas * variance**0.5, config.least_gate_m):
            self.refused += 1
            self._doubted.append((at_s, amsl_m, sigma_m))
            return self._believe_doubted()
        self.refused = 0
        self._doubted.clear()
        gain = spread[:, 0] / variance
        self._state = state + gain * off
        self._spread = spread - np.outer(gain, spread[0])
        self._tell(at_s)
        return True

    def _believe_doubted(self) -> bool:
        config = self._config
        times, levels, sigmas = (np.array(column) for column in zip(*self._doubted, strict=True))
        if len(times) < config.step_after or times[-1] - times[0] > config.step_within_s:
            return False
        slope, start = np.polyfit(times - times[-1], levels, 1)
        if np.abs(levels - start - slope * (times - times[-1])).max() > config.agree_m:
            return False
        if abs(slope) * float(times[-1] - times[0]) > 0.3:
            return False  # still on its way
        self._begin(float(times[-1]), float(start), float(sigmas[-1]), float(slope), 5 * config.first_rate_sigma_mps)
        return True

    def _begin(self, at_s: float, amsl_m: float, sigma_m: float, rate_mps: float, rate_sigma_mps: float) -> None:
        self._state = np.array([amsl_m, rate_mps])
        self._spread = np.diag([sigma_m**2, rate_sigma_mps**2])
        self._doubted.clear()
        self.refused = 0
        self._tell(at_s)

    def _tell(self, at_s: float) -> None:
        level, rate = (float(x) for x in self._state)
        sigma, rate_sigma = (float(max(self._spread[i, i], 1e-12)) ** 0.5 for i in (0, 1))
        self.level = Level(at_s, level, sigma, rate, rate_sigma)
