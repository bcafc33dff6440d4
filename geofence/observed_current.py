"""What cameras see of the surface current, as a correction of the forecast current near by and for a while.

Each observation says how wrong the forecast is at its place and time. That error is carried to other places and times
with a weight that falls with distance and with age (the eddies of a river wander within a minute or two), and to no
time that a front parts from it: then the whole current is another.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from geofence.position import Enu, FloatArray

_REACH_M = 60.0
_LASTS_S = 90.0
_KEPT = 64
_FORECAST_SIGMA_MPS = 0.5  # what the forecast current is believed to be wrong by
_MOST_SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class _Error:
    at: datetime
    place: tuple[float, float]
    east_mps: float
    north_mps: float
    gain: float


class ObservedCurrents:
    """The newest errors of the forecast, and what they come to elsewhere."""

    def __init__(self) -> None:
        self._errors: deque[_Error] = deque(maxlen=_KEPT)

    def __bool__(self) -> bool:
        return bool(self._errors)

    def note(self, place: Enu, at: datetime, seen: Enu, forecast: Enu, sigma_mps: float) -> bool:
        """Takes an observation; False when it is too far from the forecast to be of the same water."""
        error = seen - forecast
        if error.length_m > _MOST_SIGMAS * math.hypot(_FORECAST_SIGMA_MPS, sigma_mps):
            return False
        gain = _FORECAST_SIGMA_MPS**2 / (_FORECAST_SIGMA_MPS**2 + sigma_mps**2)
        self._errors.append(_Error(at, (place.east_m, place.north_m), error.east_m, error.north_m, gain))
        while self._errors and at - self._errors[0].at > timedelta(seconds=4 * _LASTS_S):
            self._errors.popleft()
        return True

    def correction(self, points: FloatArray, at: datetime, since_front_s: FloatArray) -> FloatArray:
        """(n, 2) metres a second to add to the forecast at (n, 2) points; `since_front_s` is (n,)."""
        fresh = [one for one in self._errors if abs((at - one.at).total_seconds()) < 4 * _LASTS_S]
        if not fresh:
            return np.zeros((len(points), 2))
        ages = np.array([(at - one.at).total_seconds() for one in fresh])
        places = np.array([one.place for one in fresh])
        errors = np.array([(one.east_mps, one.north_mps) for one in fresh])
        gains = np.array([one.gain for one in fresh])
        squared = ((points[:, None, :] - places[None, :, :]) ** 2).sum(axis=2)
        weights = np.exp(-0.5 * squared / _REACH_M**2 - np.abs(ages)[None] / _LASTS_S) * gains
        weights = np.where(since_front_s[:, None] < ages[None], 0.0, weights)  # a front has come since
        # Many that agree are surer than one, but never surer than the nearest and newest is apt.
        total = weights.sum(axis=1)
        strongest = weights.max(axis=1)
        return (weights @ errors) * (strongest / np.maximum(total, 1e-9))[:, None]

    def correction_at(self, place: Enu, at: datetime, since_front_s: float) -> Enu:
        """The same for one place."""
        points = np.array([[place.east_m, place.north_m]])
        east, north = self.correction(points, at, np.array([since_front_s]))[0]
        return Enu(float(east), float(north))
