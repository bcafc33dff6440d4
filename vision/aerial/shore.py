"""Which points of the river's plane are water that a drone's camera truly sees.

Two things hide it: what stands above the water there (a foreshore that is dry at this level), and the seawall, whose
crest covers the water behind it for whoever looks from the land side.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geofence.bank import BankLine
from geofence.position import FloatArray
from vision.alert import Surface
from vision.scene import SceneGeometry

_DRY_M = 0.1  # ground this little under the water still shows


class Shore:
    """Of one site."""

    def __init__(self, geometry: SceneGeometry) -> None:
        self._bank = None if geometry.crest is None else BankLine(geometry.crest)
        self._crest_amsl_m = geometry.promenade_amsl_m
        self._foreshore = [
            (shapely.Polygon(zone.ring), zone.height_amsl_m)
            for zone in geometry.zones
            if zone.surface is Surface.FORESHORE
        ]
        for polygon, _ in self._foreshore:
            shapely.prepare(polygon)

    def is_water(
        self, points: FloatArray, eye: FloatArray, water_amsl_m: float, margin_m: float
    ) -> NDArray[np.bool_]:
        """(n,) for (n, 2) points of the water's plane, seen from `eye`; `margin_m` is kept from everything dry."""
        wet = np.ones(len(points), bool)
        if self._bank is not None:
            wet &= self._bank.to_bank_array(points)[:, 1] > margin_m
            share = (float(eye[2]) - self._crest_amsl_m) / max(float(eye[2]) - water_amsl_m, 0.1)
            if share > 0.0:  # where the sight line passes the height of the crest
                over = eye[:2] + (points - eye[:2]) * share
                wet &= self._bank.to_bank_array(over)[:, 1] > margin_m * 0.5
        for polygon, height_m in self._foreshore:
            if height_m > water_amsl_m - _DRY_M:
                wet &= ~shapely.dwithin(polygon, shapely.points(points), margin_m)
        return wet
