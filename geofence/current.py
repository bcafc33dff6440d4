"""The surface current: ebb towards the sea, a reversal within seconds as the front passes, a flood that decays.

Along the seawall the flow follows the crest; out in the channel and beyond the listed crest it follows the
axis. Within some metres of the wall it is slower; on land, and on ground that still stands dry, there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely

from geofence.bore import BoreForecast
from geofence.level import WaterLevel, smooth
from geofence.position import FloatArray
from geofence.river import River

_FOLLOWS_BANK_M = 300.0
_FOLLOWS_AXIS_M = 900.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Walkable ground in the river's bed (foreshore, groyne), dry while it stands above the water."""

    ring: FloatArray
    amsl_m: float


class CurrentField:
    def __init__(self, river: River, forecast: BoreForecast, grounds: Sequence[Ground] = ()) -> None:
        self._river = river
        self._forecast = forecast
        self._level = WaterLevel(river, forecast)
        self._model = river.current
        self._grounds = [(_prepared(ground), ground.amsl_m) for ground in grounds]

    def velocity(self, points: FloatArray, at: datetime) -> FloatArray:
        """(n, 2) metres a second east and north at (n, 2) points."""
        since_s = self._forecast.since_front_s(points, at)
        bank, along = self._river.bank.locate_array(points)
        _, upstream = self._river.line.locate(points)
        offset = bank[:, 1]
        low, high = self._river.bank.along_range_m
        walled = (bank[:, 0] >= low) & (bank[:, 0] <= high)

        # the crest's direction, turned to point upstream
        along = along * np.where(np.sum(along * upstream, axis=1) < 0, -1.0, 1.0)[:, None]
        axis_share = np.where(walled, smooth((offset - _FOLLOWS_BANK_M) / (_FOLLOWS_AXIS_M - _FOLLOWS_BANK_M)), 1.0)
        direction = along * (1.0 - axis_share)[:, None] + upstream * axis_share[:, None]
        direction /= np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)[:, None]

        model = self._model
        near_wall = model.bank_factor + (1.0 - model.bank_factor) * smooth(offset / model.bank_layer_m)
        speed = self.upstream_mps(since_s) * np.where(walled, near_wall, 1.0)
        speed = np.where(walled & (offset < 0), 0.0, speed)
        speed = np.where(self._dry(points, since_s), 0.0, speed)
        return direction * speed[:, None]

    def upstream_mps(self, since_s: FloatArray) -> FloatArray:
        """(n,) speed in midstream so long after the front; negative is the ebb, towards the sea."""
        model = self._model
        flood = model.flood_mps * np.exp(-since_s / (60.0 * model.flood_tau_min))
        flood *= 1.0 - smooth((since_s - 60.0 * model.flood_min) / (60.0 * model.ebb_builds_min))
        ebb = model.ebb_mps * smooth((since_s - 60.0 * model.flood_min) / (60.0 * model.ebb_builds_min))
        turned = smooth(since_s / model.reversal_s)
        return turned * (flood - ebb) - (1.0 - turned) * model.ebb_mps

    def off_land(self, points: FloatArray, least_offset_m: float = 0.3) -> FloatArray:
        """The same points, those on the seawall put back to the water's edge."""
        bank = self._river.bank.to_bank_array(points)
        low, high = self._river.bank.along_range_m
        ashore = (bank[:, 1] < least_offset_m) & (bank[:, 0] >= low) & (bank[:, 0] <= high)
        if not bool(ashore.any()):
            return points
        bank[:, 1] = np.maximum(bank[:, 1], least_offset_m)
        moved = points.copy()
        moved[ashore] = self._river.bank.to_enu_array(bank[ashore])
        return moved

    def _dry(self, points: FloatArray, since_s: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        dry = np.zeros(len(points), dtype=np.bool_)
        if not self._grounds:
            return dry
        level = self._level.after_front_amsl_m(since_s)
        for polygon, amsl_m in self._grounds:
            above = level < amsl_m
            if bool(above.any()):
                dry |= above & shapely.contains_xy(polygon, points[:, 0], points[:, 1])
        return dry


def _prepared(ground: Ground) -> shapely.Polygon:
    polygon = shapely.Polygon(ground.ring)
    shapely.prepare(polygon)
    return polygon
