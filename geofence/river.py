"""The river of a site: axis, stations, seawall, and the numbers its bore and current go by (`river.yaml`).

Chainage is metres along the axis and grows upstream from its seaward end, the way the bore travels. Every
number that matters for safety stands in the file with its source; a site is re-fitted there, not in code.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from geofence.bank import BankLine
from geofence.errors import InvalidInput, OutOfFrame, Problem
from geofence.offset_line import OffsetLine
from geofence.position import Enu, FloatArray, LatLon, LocalFrame
from geofence.sourcefile import SourceFile, read_source, validated
from geofence.text import Text

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _StationFile(_Part):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    name: Text
    position: LatLon
    offset_min: Finite
    offset_sigma_min: NotNegative


class _Seawall(_Part):
    crest_amsl_m: Finite
    crest: Annotated[tuple[LatLon, ...], Field(min_length=2)]


class BoreModel(_Part):
    """How the front's time is reckoned and what it looks like; defaults are the seed values for Yanguan."""

    source: str = "seed values, not fitted to this site"
    lead_before_transit_min: Finite = 22.0  # arrival at the reference station before the Moon's transit
    sigma_spring_min: Positive = 22.0
    sigma_neap_min: Positive = 45.0
    table_window_min: Positive = 90.0  # an official time farther from the Moon's is refused
    travel_noise: Annotated[float, Field(gt=0, lt=1)] = 0.07  # share of the travel time
    typhoon_earlier_min: NotNegative = 37.0  # measured mean at Yanguan, RIVER.md 1.1
    typhoon_sigma_min: NotNegative = 15.0  # on top of the other
    speed_min_mps: Positive = 3.0  # an observation that implies less or more is refused
    speed_max_mps: Positive = 12.0
    height_m: Positive = 1.8


class LevelModel(_Part):
    source: str = "seed values, not fitted to this site"
    low_amsl_m: Finite = 1.5
    rise_m: NotNegative = 2.4  # after the front, on top of its own height
    rise_tau_min: Positive = 40.0
    front_s: Positive = 4.0  # the step takes this long at one place
    flood_min: Positive = 180.0
    ebb_min: Positive = 540.0


class CurrentModel(_Part):
    source: str = "seed values, not fitted to this site"
    ebb_mps: NotNegative = 1.0
    flood_mps: NotNegative = 4.5  # right behind the front
    flood_tau_min: Positive = 42.0
    flood_min: Positive = 180.0  # then the ebb sets in
    ebb_builds_min: Positive = 90.0
    reversal_s: Positive = 4.0
    bank_layer_m: Positive = 15.0  # slower this near the wall
    bank_factor: Annotated[float, Field(ge=0, le=1)] = 0.4  # at the wall itself


class _RiverFile(_Part):
    """`river.yaml` as written."""

    version: Literal[1]
    width_m: Positive = 2000.0
    axis: Annotated[tuple[LatLon, ...], Field(min_length=2)]
    reference_station: str
    stations: Annotated[tuple[_StationFile, ...], Field(min_length=2)]
    seawall: _Seawall
    bore: BoreModel = BoreModel()
    level: LevelModel = LevelModel()
    current: CurrentModel = CurrentModel()


@dataclass(frozen=True, slots=True)
class Station:
    """A named place on the axis; the offset is minutes after the bore passes the reference station."""

    id: str
    name: Text
    position: LatLon
    enu: Enu
    chainage_m: float
    offset_min: float
    offset_sigma_min: float


class River:
    """Built by `load_river`; stations are in the order the bore reaches them."""

    def __init__(
        self,
        *,
        frame: LocalFrame,
        axis: FloatArray,
        stations: tuple[Station, ...],
        reference_station: Station,
        bank: BankLine,
        crest_amsl_m: float,
        width_m: float,
        bore: BoreModel,
        level: LevelModel,
        current: CurrentModel,
    ) -> None:
        self.frame = frame
        self.line = OffsetLine(axis)
        self.stations = stations
        self.reference_station = reference_station
        self.bank = bank
        self.crest_amsl_m = crest_amsl_m
        self.width_m = width_m
        self.bore = bore
        self.level = level
        self.current = current

    @property
    def axis(self) -> FloatArray:
        """(n, 2) metres, from the sea upstream."""
        return self.line.points

    @property
    def length_m(self) -> float:
        return self.line.length_m

    def station(self, station_id: str) -> Station:
        for station in self.stations:
            if station.id == station_id:
                return station
        raise KeyError(f"the river has no station {station_id!r}")

    def chainage_m(self, point: Enu) -> float:
        return float(self.chainage_array(np.array([[point.east_m, point.north_m]]))[0])

    def chainage_array(self, points: FloatArray) -> FloatArray:
        """(n, 2) metres to (n,) chainages."""
        return self.line.to_line(points)[:, 0]

    def point_at(self, chainage_m: float) -> Enu:
        east, north = self.line.to_xy(np.array([[chainage_m, 0.0]]))[0]
        return Enu(float(east), float(north))

    def across(self, chainage_m: float) -> tuple[Enu, Enu]:
        """Where the line of this chainage meets the two sides of the channel: left, then right, looking upstream."""
        half = self.width_m / 2
        ends = self.line.to_xy(np.array([[chainage_m, -half], [chainage_m, half]]))
        return Enu(float(ends[0, 0]), float(ends[0, 1])), Enu(float(ends[1, 0]), float(ends[1, 1]))


def load_river(path: Path, frame: LocalFrame) -> River:
    """Reads and checks `river.yaml`; raises InvalidInput with every fault at its line."""
    source = read_source(path)
    content = validated(source, _RiverFile)
    problems: list[Problem] = []
    axis = _line(content.axis, ("axis",), source, frame, problems)
    crest = _line(content.seawall.crest, ("seawall", "crest"), source, frame, problems)
    placed: list[Enu] = []
    for index, entry in enumerate(content.stations):
        try:
            placed.append(frame.to_enu(entry.position))
        except OutOfFrame as error:
            problems.append(source.problem(("stations", index, "position"), str(error)))
    problems += _station_problems(content, source)
    if problems or axis is None or crest is None:
        raise InvalidInput(problems)

    line = OffsetLine(axis)
    stations: list[Station] = []
    for entry, enu in zip(content.stations, placed, strict=True):
        chainage = float(line.to_line(np.array([[enu.east_m, enu.north_m]]))[0, 0])
        stations.append(
            Station(entry.id, entry.name, entry.position, enu, chainage, entry.offset_min, entry.offset_sigma_min)
        )
    for index, (earlier, later) in enumerate(itertools.pairwise(stations), start=1):
        if later.chainage_m <= earlier.chainage_m:
            problems.append(
                source.problem(
                    ("stations", index), f"{later.id} is not upstream of {earlier.id}; list stations from the sea"
                )
            )
        if later.offset_min <= earlier.offset_min:
            problems.append(
                source.problem(
                    ("stations", index, "offset_min"),
                    f"the bore would reach {later.id} before {earlier.id}, which lies nearer the sea",
                )
            )
    if content.bore.speed_max_mps <= content.bore.speed_min_mps:
        problems.append(source.problem(("bore", "speed_max_mps"), "must be above speed_min_mps"))
    if problems:
        raise InvalidInput(problems)
    return River(
        frame=frame,
        axis=axis,
        stations=tuple(stations),
        reference_station=next(s for s in stations if s.id == content.reference_station),
        bank=BankLine(crest),
        crest_amsl_m=content.seawall.crest_amsl_m,
        width_m=content.width_m,
        bore=content.bore,
        level=content.level,
        current=content.current,
    )


def _line(
    points: tuple[LatLon, ...], place: tuple[str, ...], source: SourceFile, frame: LocalFrame, problems: list[Problem]
) -> FloatArray | None:
    before = len(problems)
    for index, point in enumerate(points):
        try:
            frame.to_enu(point)
        except OutOfFrame as error:
            problems.append(source.problem((*place, index), str(error)))
    if len(problems) > before:
        return None
    line = frame.line_to_enu(points)
    try:
        OffsetLine(line)
    except ValueError as error:
        problems.append(source.problem(place, str(error)))
        return None
    return line


def _station_problems(content: _RiverFile, source: SourceFile) -> list[Problem]:
    problems: list[Problem] = []
    first_index: dict[str, int] = {}
    for index, entry in enumerate(content.stations):
        if entry.id in first_index:
            problems.append(
                source.problem(
                    ("stations", index, "id"), f"{entry.id!r} is already stations[{first_index[entry.id]}]"
                )
            )
        first_index.setdefault(entry.id, index)
    reference = first_index.get(content.reference_station)
    if reference is None:
        problems.append(
            source.problem(("reference_station",), f"{content.reference_station!r} is not among the stations")
        )
    elif content.stations[reference].offset_min != 0:
        problems.append(
            source.problem(("stations", reference, "offset_min"), "is the reference station's, so it must be 0")
        )
    return problems
