"""Positions and the local frame.

WGS-84 degrees cross package borders; metres east and north of the site's origin are for work. The two
are different types, so mixing them is a type error. Heights are kept apart from both and say in their
name what they are above (`_amsl_m`, `_agl_m`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pymap3d
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from geofence.errors import OutOfFrame

FloatArray = NDArray[np.float64]

_MEAN_EARTH_RADIUS_M = 6_371_008.8  # IUGG mean radius
MAX_FRAME_RADIUS_M = 60_000.0
"""Beyond this a tangent plane no longer serves; a position so far off is a mistake (swapped axes, other datum)."""


class LatLon(BaseModel):
    """A point on the ground, WGS-84 degrees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lat: Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Enu:
    """Metres east and north of the local frame's origin, on the ground."""

    east_m: float
    north_m: float

    def __add__(self, other: Enu) -> Enu:
        return Enu(self.east_m + other.east_m, self.north_m + other.north_m)

    def __sub__(self, other: Enu) -> Enu:
        return Enu(self.east_m - other.east_m, self.north_m - other.north_m)

    def scaled(self, factor: float) -> Enu:
        return Enu(self.east_m * factor, self.north_m * factor)

    @property
    def length_m(self) -> float:
        return math.hypot(self.east_m, self.north_m)

    def distance_m(self, other: Enu) -> float:
        return math.hypot(self.east_m - other.east_m, self.north_m - other.north_m)

    def bearing_deg(self, other: Enu) -> float:
        """Bearing from here to `other`, degrees clockwise from true north, 0..360."""
        return math.degrees(math.atan2(other.east_m - self.east_m, other.north_m - self.north_m)) % 360.0


class LocalFrame:
    """East-north plane tangent at `origin`, exact to a centimetre over 30 km in the horizontal.

    Points are taken on the ellipsoid (height 0); true heights travel beside them.
    """

    def __init__(self, origin: LatLon) -> None:
        self.origin = origin

    def to_enu(self, point: LatLon) -> Enu:
        """Metres east and north of the origin.

        Raises OutOfFrame beyond MAX_FRAME_RADIUS_M.
        """
        east, north, _ = pymap3d.geodetic2enu(point.lat, point.lon, 0.0, self.origin.lat, self.origin.lon, 0.0)
        result = Enu(float(east), float(north))
        if result.length_m > MAX_FRAME_RADIUS_M:
            raise OutOfFrame(
                f"{point.lat:.5f},{point.lon:.5f} lies {result.length_m / 1000:.0f} km from the site's origin; "
                "check the order of latitude and longitude and the datum"
            )
        return result

    def to_wgs84(self, point: Enu) -> LatLon:
        lats, lons = self.to_wgs84_array(np.array([[point.east_m, point.north_m]]))
        return LatLon(lat=float(lats[0]), lon=float(lons[0]))

    def to_enu_array(self, lats: FloatArray, lons: FloatArray) -> FloatArray:
        """(n,), (n,) WGS-84 degrees to (n, 2) metres east and north."""
        east, north, _ = pymap3d.geodetic2enu(lats, lons, np.zeros_like(lats), self.origin.lat, self.origin.lon, 0.0)
        return np.column_stack([east, north]).astype(np.float64)

    def to_wgs84_array(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n, 2) metres to (n,) latitudes and (n,) longitudes."""
        east, north = points[:, 0], points[:, 1]
        up = -(east**2 + north**2) / (2 * _MEAN_EARTH_RADIUS_M)  # the plane lifts off the ellipsoid by this
        lat, lon, _ = pymap3d.enu2geodetic(east, north, up, self.origin.lat, self.origin.lon, 0.0)
        return np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)

    def line_to_enu(self, points: Iterable[LatLon]) -> FloatArray:
        """A polyline or ring to an (n, 2) array of metres."""
        listed = list(points)
        return self.to_enu_array(
            np.array([p.lat for p in listed], dtype=np.float64),
            np.array([p.lon for p in listed], dtype=np.float64),
        )
