"""What a search has found out by finding nobody: probability of detection, and where the person is then.

Random search (Koopman): POD = 1 - exp(-C) with coverage C = sweep width x track length / area (Theory of Search,
U.S. Coast Guard / Soza 1996). For a cloud of particles the same is counted for each one: a pass at a lateral
distance within half the sweep width sees it with the probability of that pass, and what was looked at and not seen
counts less from then on (Bayes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geofence.position import Enu, FloatArray


def probability_of_detection(sweep_width_m: float, track_m: float, area_m2: float) -> float:
    """Of one who is surely in the area, evenly likely everywhere."""
    if area_m2 <= 0:
        raise ValueError("an area without an inside cannot be searched")
    return -math.expm1(-sweep_width_m * track_m / area_m2)


def together(*pods: float) -> float:
    """Of several searches over one area: 1 - product of (1 - POD)."""
    missed = 1.0
    for pod in pods:
        missed *= 1.0 - pod
    return 1.0 - missed


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a camera finds on one pass."""

    sweep_width_m: float  # twice the lateral range within which it sees somebody
    pass_pod: float = 0.8  # of one pass that had the person within that range

    def __post_init__(self) -> None:
        if self.sweep_width_m <= 0:
            raise ValueError("a sweep width must be above 0 m")
        if not 0.0 < self.pass_pod <= 1.0:
            raise ValueError(f"a probability of {self.pass_pod:g} is not between 0 and 1")


def footprint_m(height_m: float, across_deg: float, usable: float = 0.6) -> float:
    """Ground that a camera looking down sees across the track; RIVER.md §3.3 takes 0.5-0.7 of it as sweep width."""
    if not 0 < across_deg < 180:
        raise ValueError(f"a field of view of {across_deg:g} degrees is none")
    return usable * 2.0 * height_m * math.tan(math.radians(across_deg) / 2.0)


class SearchedCloud:
    """Weights of a drift cloud's particles: all alike before anybody looked."""

    def __init__(self, particles: int) -> None:
        self._left = np.ones(particles)
        self.missed = 1.0  # probability that the person was not found so far, if the cloud is right

    @property
    def weights(self) -> FloatArray:
        """(n,) sums to 1."""
        return self._left / self._left.sum()

    @property
    def found(self) -> float:
        """Cumulative probability of success."""
        return 1.0 - self.missed

    def chance_of(self, start: Enu, end: Enu, positions: FloatArray, sensor: Sensor) -> float:
        """Of finding the person on this leg, `positions` being (n, 2) where the particles are meanwhile."""
        return float(self.weights[_seen_from(start, end, positions, sensor)].sum()) * sensor.pass_pod

    def looked(self, start: Enu, end: Enu, positions: FloatArray, sensor: Sensor) -> float:
        """The leg was flown and nobody found; the result is how likely it was to find them."""
        seen = _seen_from(start, end, positions, sensor)
        chance = float(self.weights[seen].sum()) * sensor.pass_pod
        if sensor.pass_pod == 1.0 and bool(seen.all()):
            raise ValueError("nobody can be anywhere any more: the cloud or the sensor is wrong")
        self._left = np.where(seen, self._left * (1.0 - sensor.pass_pod), self._left)
        self.missed *= 1.0 - chance
        return chance

    def mean(self, positions: FloatArray) -> Enu:
        """The most likely place, on average."""
        east, north = (self.weights[:, None] * positions).sum(axis=0)
        return Enu(float(east), float(north))


def _seen_from(
    start: Enu, end: Enu, positions: FloatArray, sensor: Sensor
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Within half the sweep width of the leg, its ends included."""
    a = np.array([start.east_m, start.north_m])
    leg = np.array([end.east_m, end.north_m]) - a
    length_squared = float(leg @ leg)
    off = positions - a
    share = np.zeros(len(positions)) if length_squared == 0.0 else np.clip(off @ leg / length_squared, 0.0, 1.0)
    distance = np.hypot(*(off - share[:, None] * leg).T)
    return np.asarray(distance <= sensor.sweep_width_m / 2.0, dtype=np.bool_)
