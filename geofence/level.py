"""The forecast water level: low before the front, a step as it passes, then a rise that slows, then the ebb.

The numbers are the site's (`river.yaml`, section `level`); a camera or gauge that sees the level itself is
to be believed over this.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from geofence.bore import BoreForecast
from geofence.position import FloatArray
from geofence.river import River


class WaterLevel:
    def __init__(self, river: River, forecast: BoreForecast) -> None:
        self._model = river.level
        self._step_m = river.bore.height_m
        self._forecast = forecast

    def amsl_m(self, points: FloatArray, at: datetime) -> FloatArray:
        """(n,) metres above mean sea level at (n, 2) points."""
        return self.after_front_amsl_m(self._forecast.since_front_s(points, at))

    def after_front_amsl_m(self, since_s: FloatArray) -> FloatArray:
        """(n,) levels so many seconds after the front passed."""
        model = self._model
        step = self._step_m * smooth(since_s / model.front_s)
        rise = model.rise_m * (1.0 - np.exp(-since_s / (60.0 * model.rise_tau_min)))
        ebbed = smooth((since_s - 60.0 * model.flood_min) / (60.0 * model.ebb_min))
        return model.low_amsl_m + (step + rise) * (1.0 - ebbed)


def smooth(fraction: FloatArray) -> FloatArray:
    """0 up to 0, 1 from 1 on, without a corner between."""
    clipped = np.clip(fraction, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)
