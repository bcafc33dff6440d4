"""The surface current: ebb towards the sea, a reversal within seconds as the front passes, a flood that decays.

Along the seawall the flow follows the crest; out in the channel and beyond the listed crest it follows the
axis. Within some metres of the wall it is slower; on land, and on ground that still stands dry, there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import shapely

from geofence.bore import BoreForecast
from geofence.level import WaterLevel, smooth
from geofence.observed_current import ObservedCurrents
from geofence.position import Enu, FloatArray
from geofence.river import River

_FOLLOWS_BANK_M = 300.0
_FOLLOWS_AXIS_M = 900.0
_AFLOAT_OFFSET_M = 0.3  # a floating body keeps this off the wall


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
        self._observed = ObservedCurrents()
        self._grounds = [(_prepared(ground), ground.amsl_m) for ground in grounds]

    def velocity(self, points: FloatArray, at: datetime) -> FloatArray:
        """(n, 2) metres a second east and north at (n, 2) points."""
        bank, along = self._river.bank.locate_array(points)
        return self._velocity(points, bank, along, at)

    def velocity_afloat(self, points: FloatArray, at: datetime) -> tuple[FloatArray, FloatArray]:
        """Points as `off_land` puts them, and the velocity there; one search of the bank serves both."""
        bank, along = self._river.bank.locate_array(points)
        points, bank = self._put_back(points, bank)
        return points, self._velocity(points, bank, along, at)

    def _velocity(self, points: FloatArray, bank: FloatArray, along: FloatArray, at: datetime) -> FloatArray:
        axis, upstream = self._river.line.locate(points)
        since_s = self._forecast.since_front_at_s(axis[:, 0], at)
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
        dry = self._dry(points, since_s)
        speed = np.where(dry, 0.0, speed)
        velocity = direction * speed[:, None]
        if self._observed:
            ashore = (walled & (offset < 0)) | dry
            velocity += np.where(ashore[:, None], 0.0, self._observed.correction(points, at, since_s))
        return velocity

    def observe(self, place: Enu, at: datetime, velocity: Enu, sigma_mps: float) -> bool:
        """The surface was seen to move so: believed near by and for a while. False when it is refused."""
        east, north = (float(x) for x in self.velocity(np.array([[place.east_m, place.north_m]]), at)[0])
        known = self._observed.correction_at(place, at, self._since_s(place, at)) if self._observed else Enu(0.0, 0.0)
        forecast = Enu(east - known.east_m, north - known.north_m)
        return self._observed.note(place, at, velocity, forecast, sigma_mps)

    def _since_s(self, place: Enu, at: datetime) -> float:
        return float(self._forecast.since_front_s(np.array([[place.east_m, place.north_m]]), at)[0])

    def front_passes(self, points: FloatArray, after: datetime, before: datetime) -> bool:
        """Whether the current turns at any of the points between two instants, give or take a few seconds."""
        low, high = points.min(axis=0), points.max(axis=0)
        centre = (low + high) / 2
        radius_m = float(np.hypot(high[0] - low[0], high[1] - low[1])) / 2
        margin = timedelta(seconds=radius_m / self._river.bore.speed_min_mps + 2 * self._model.reversal_s)
        place = Enu(float(centre[0]), float(centre[1]))
        passage = self._forecast.next_passage(place, after - margin, passed_s=0.0)
        return passage.at < before + margin

    def upstream_mps(self, since_s: FloatArray) -> FloatArray:
        """(n,) speed in midstream so long after the front; negative is the ebb, towards the sea."""
        model = self._model
        flood = model.flood_mps * np.exp(-since_s / (60.0 * model.flood_tau_min))
        flood *= 1.0 - smooth((since_s - 60.0 * model.flood_min) / (60.0 * model.ebb_builds_min))
        ebb = model.ebb_mps * smooth((since_s - 60.0 * model.flood_min) / (60.0 * model.ebb_builds_min))
        turned = smooth(since_s / model.reversal_s)
        return turned * (flood - ebb) - (1.0 - turned) * model.ebb_mps

    def off_land(self, points: FloatArray) -> FloatArray:
        """The same points, those on the seawall put back to the water's edge."""
        return self._put_back(points, self._river.bank.to_bank_array(points))[0]

    def _put_back(self, points: FloatArray, bank: FloatArray) -> tuple[FloatArray, FloatArray]:
        low, high = self._river.bank.along_range_m
        ashore = (bank[:, 1] < _AFLOAT_OFFSET_M) & (bank[:, 0] >= low) & (bank[:, 0] <= high)
        if not bool(ashore.any()):
            return points, bank
        bank = bank.copy()
        bank[ashore, 1] = _AFLOAT_OFFSET_M
        moved = points.copy()
        moved[ashore] = self._river.bank.to_enu_array(bank[ashore])
        return moved, bank

    def _dry(self, points: FloatArray, since_s: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        dry = np.zeros(len(points), dtype=np.bool_)
        if not self._grounds or len(points) == 0:
            return dry
        level = self._level.after_front_amsl_m(since_s)
        (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
        for polygon, amsl_m in self._grounds:
            left, bottom, right, top = polygon.bounds
            if left > east or right < west or bottom > north or top < south:
                continue
            above = level < amsl_m
            if bool(above.any()):
                dry |= above & shapely.contains_xy(polygon, points[:, 0], points[:, 1])
        return dry


def _prepared(ground: Ground) -> shapely.Polygon:
    polygon = shapely.Polygon(ground.ring)
    shapely.prepare(polygon)
    return polygon
