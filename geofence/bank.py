"""Bank coordinates: metres along the seawall's crest and metres off it towards the river.

Along is 0 at the crest's vertex nearest the site's origin and grows in the direction the crest is listed;
the river lies to the right of that direction. People, cameras and docks of a site are thought of in these
two numbers; everything crosses packages as positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geofence.offset_line import OffsetLine
from geofence.position import Enu, FloatArray


@dataclass(frozen=True, slots=True)
class BankPoint:
    along_m: float
    offset_m: float  # positive towards the river; negative is on land


class BankLine:
    """The water-side edge of the crest, (n, 2) metres east and north, river on the right."""

    def __init__(self, crest: FloatArray, origin_index: int | None = None) -> None:
        """`origin_index` is the vertex where along is 0; the one nearest the frame's origin when left out."""
        self.line = OffsetLine(crest)
        if origin_index is None:
            origin_index = int(np.argmin(np.hypot(crest[:, 0], crest[:, 1])))
        self._zero_m = float(self.line.vertex_along_m[origin_index])

    @property
    def crest(self) -> FloatArray:
        return self.line.points

    @property
    def along_range_m(self) -> tuple[float, float]:
        """Where the listed crest begins and ends; beyond, it is taken to go straight on."""
        return -self._zero_m, self.line.length_m - self._zero_m

    def to_enu(self, along_m: float, offset_m: float) -> Enu:
        east, north = self.to_enu_array(np.array([[along_m, offset_m]]))[0]
        return Enu(float(east), float(north))

    def to_bank(self, point: Enu) -> BankPoint:
        along, offset = self.to_bank_array(np.array([[point.east_m, point.north_m]]))[0]
        return BankPoint(float(along), float(offset))

    def to_enu_array(self, bank_points: FloatArray) -> FloatArray:
        """(n, 2) along and offset to (n, 2) east and north."""
        return self.line.to_xy(bank_points + np.array([self._zero_m, 0.0]))

    def to_bank_array(self, points: FloatArray) -> FloatArray:
        """(n, 2) east and north to (n, 2) along and offset."""
        return self.line.to_line(points) - np.array([self._zero_m, 0.0])

    def locate_array(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n, 2) along and offset, and (n, 2) unit vectors in the crest's direction."""
        located, tangents = self.line.locate(points)
        return located - np.array([self._zero_m, 0.0]), tangents

    def direction(self, along_m: float) -> Enu:
        """Unit vector along the crest there."""
        _, tangents = self.line.locate(self.to_enu_array(np.array([[along_m, 0.0]])))
        return Enu(float(tangents[0, 0]), float(tangents[0, 1]))
