"""Zones of a site: what each area means, when, and which of them a point lies in (`zones.geojson`).

danger      people must not be here
promenade   people may be here; nothing is ever dropped over it
crowd       people gather here while its window is open; nothing is dropped over it then
keep_out    drones must not enter        keep_in          drones must not leave
closure     drones must not enter while its order is in force; the order's number is kept with it
drop_safe   a lifebuoy may fall here     altitude_limit   drones must stay under a height
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from shapely.validation import explain_validity

from geofence.current import Ground
from geofence.errors import InvalidInput, OutOfFrame, Problem
from geofence.position import Enu, FloatArray, LatLon, LocalFrame
from geofence.sourcefile import Place, SourceFile, problems_of, read_source
from geofence.text import Text
from geofence.windows import Always, Conditions, Window, is_open
from geofence.zone_index import IndexArray, ZoneIndex

BoolArray = np.ndarray[tuple[int], np.dtype[np.bool_]]


class ZoneKind(StrEnum):
    DANGER = "danger"
    PROMENADE = "promenade"
    KEEP_OUT = "keep_out"
    KEEP_IN = "keep_in"
    DROP_SAFE = "drop_safe"
    ALTITUDE_LIMIT = "altitude_limit"
    CROWD = "crowd"
    CLOSURE = "closure"


class Surface(StrEnum):
    """What one stands on or falls into there: it decides the plane a camera projects on."""

    PROMENADE = "promenade"
    FORESHORE = "foreshore"
    WATER = "water"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heading(_Part):
    """Which way somebody must walk to be told of: a bearing, and how far off it still counts."""

    deg: Annotated[float, Field(ge=0, lt=360)]
    within_deg: Annotated[float, Field(gt=0, le=180)] = 90.0

    def covers(self, bearing_deg: float) -> bool:
        return abs((bearing_deg - self.deg + 180.0) % 360.0 - 180.0) <= self.within_deg


class _Properties(_Part):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    kind: ZoneKind
    name: Text
    surface: Surface
    window: Window = Always()
    max_height_amsl_m: Annotated[float, Field(gt=0, le=1000)] | None = None
    ground_amsl_m: float | None = None  # of walkable ground in the river's bed; dry while above the water
    approval: Annotated[str, Field(min_length=1, max_length=128)] | None = None  # number of the order of a closure
    loiter_s: Annotated[float, Field(ge=0, le=3600)] = 0.0  # danger: who is through sooner is not told of
    heading: Heading | None = None  # danger: who walks another way is not told of

    @model_validator(mode="after")
    def _complete(self) -> _Properties:
        if self.kind is ZoneKind.ALTITUDE_LIMIT and self.max_height_amsl_m is None:
            raise ValueError("an altitude_limit zone needs max_height_amsl_m")
        if self.kind is not ZoneKind.DANGER and (self.loiter_s or self.heading is not None):
            raise ValueError("loiter_s and heading are of danger zones")
        if self.kind is ZoneKind.CLOSURE and self.approval is None:
            raise ValueError("a closure needs `approval`, the number of the order that closes the area")
        return self


class _Geometry(_Part):
    type: Literal["Polygon"]
    coordinates: Annotated[tuple[Any, ...], Field(min_length=1, max_length=1)]  # rings are checked one by one below


class _Feature(_Part):
    type: Literal["Feature"]
    properties: _Properties
    geometry: _Geometry


class _Collection(_Part):
    type: Literal["FeatureCollection"]
    features: tuple[_Feature, ...]


@dataclass(frozen=True, eq=False)
class Zone:
    id: str
    kind: ZoneKind
    name: Text
    surface: Surface
    ring: FloatArray  # (n, 2) metres, closed
    polygon: shapely.Polygon
    window: Window
    max_height_amsl_m: float | None = None
    ground_amsl_m: float | None = None
    approval: str | None = None
    loiter_s: float = 0.0
    heading: Heading | None = None

    @property
    def centre(self) -> Enu:
        """A point inside, near the middle."""
        point = self.polygon.representative_point()
        return Enu(point.x, point.y)


class ZoneSet:
    """The zones of one site, indexed for point queries."""

    def __init__(self, zones: Sequence[Zone], frame: LocalFrame, geojson: dict[str, Any]) -> None:
        self.zones = tuple(zones)
        self.frame = frame
        self.geojson = geojson
        """The file's content, for maps."""
        self._tree = shapely.STRtree([zone.polygon for zone in self.zones])
        self._index = ZoneIndex([zone.polygon for zone in self.zones])

    def zone(self, zone_id: str) -> Zone:
        for zone in self.zones:
            if zone.id == zone_id:
                return zone
        raise KeyError(f"the site has no zone {zone_id!r}")

    def of_kind(self, kind: ZoneKind) -> tuple[Zone, ...]:
        return tuple(zone for zone in self.zones if zone.kind is kind)

    def containing(self, point: Enu, kinds: Collection[ZoneKind] | None = None) -> tuple[Zone, ...]:
        """The zones a point lies in or on the edge of, in the file's order."""
        hits = self._tree.query(shapely.Point(point.east_m, point.north_m), predicate="intersects")
        found = (self.zones[int(index)] for index in sorted(hits))
        return tuple(zone for zone in found if kinds is None or zone.kind in kinds)

    def contains(self, points: FloatArray, kind: ZoneKind) -> BoolArray:
        """(n,) whether each of (n, 2) points lies in any zone of the kind."""
        of_kind = np.array([zone.kind is kind for zone in self.zones], dtype=np.bool_)
        at, zone = self._index.query(points)
        inside = np.zeros(len(points), dtype=np.bool_)
        inside[at[of_kind[zone]]] = True
        return inside

    def memberships(self, points: FloatArray) -> tuple[IndexArray, IndexArray]:
        """(n, 2) points to pairs of indices: of the point, and of a zone in `zones` that it lies in."""
        return self._index.query(points)

    def active(self, zone: Zone, now: Conditions) -> bool:
        """Whether the zone's window is open. What is not known keeps it open: that is no all-clear."""
        return is_open(zone.window, zone.centre, now)

    def grounds(self) -> tuple[Ground, ...]:
        """Foreshore and groynes, for the current field."""
        return tuple(Ground(z.ring, z.ground_amsl_m) for z in self.zones if z.ground_amsl_m is not None)

    def barred(self, now: Conditions | None = None) -> tuple[Zone, ...]:
        """Where no drone may be: keep-outs and closures whose window is open; without `now`, all there are."""
        kinds = (ZoneKind.KEEP_OUT, ZoneKind.CLOSURE)
        return tuple(zone for zone in self.zones if zone.kind in kinds and (now is None or self.active(zone, now)))

    def keep_outs(self, now: Conditions | None = None) -> tuple[shapely.Polygon, ...]:
        return tuple(zone.polygon for zone in self.barred(now))

    def keep_in(self) -> shapely.Polygon | None:
        """The airspace allotted: the union of the keep-in zones when that is one piece, else the largest."""
        pieces = [zone.polygon for zone in self.of_kind(ZoneKind.KEEP_IN)]
        if not pieces:
            return None
        merged = shapely.union_all(pieces)
        if isinstance(merged, shapely.Polygon):
            return merged
        return max(pieces, key=lambda polygon: polygon.area)


def load_zones(path: Path, frame: LocalFrame) -> ZoneSet:
    """Reads and checks `zones.geojson`; raises InvalidInput with every fault at its line."""
    source = read_source(path)
    problems: list[Problem] = []
    collection: _Collection | None = None
    try:
        collection = _Collection.model_validate(source.data)
    except ValidationError as error:
        problems += problems_of(error, source)
    rings: list[FloatArray | None] = []
    for index, ring in _raw_rings(source.data):
        place: Place = ("features", index, "geometry", "coordinates", 0)
        rings.append(_checked_ring(ring, place, source, frame, problems))
    problems += _duplicates(source)
    if problems or collection is None:
        raise InvalidInput(sorted(problems, key=lambda problem: problem.line or 0))

    zones: list[Zone] = []
    for feature, ring in zip(collection.features, rings, strict=True):
        if ring is None:
            raise AssertionError("a ring without problems is a ring")
        polygon = shapely.Polygon(ring)
        shapely.prepare(polygon)
        p = feature.properties
        zones.append(
            Zone(
                p.id,
                p.kind,
                p.name,
                p.surface,
                ring,
                polygon,
                p.window,
                p.max_height_amsl_m,
                p.ground_amsl_m,
                p.approval,
                p.loiter_s,
                p.heading,
            )
        )
    return ZoneSet(zones, frame, cast("dict[str, Any]", source.data))


def _raw_rings(data: Any) -> list[tuple[int, list[Any]]]:
    """The outer ring of every feature that has one, whatever else is wrong with it."""
    found: list[tuple[int, list[Any]]] = []
    features: Any = cast("dict[str, Any]", data).get("features") if isinstance(data, dict) else None
    for index, feature in enumerate(cast("list[Any]", features) if isinstance(features, list) else []):
        try:
            ring = feature["geometry"]["coordinates"][0]
        except (KeyError, IndexError, TypeError):
            continue
        found.append((index, cast("list[Any]", ring) if isinstance(ring, list) else []))
    return found


def _checked_ring(
    ring: list[Any], place: Place, source: SourceFile, frame: LocalFrame, problems: list[Problem]
) -> FloatArray | None:
    before = len(problems)
    points: list[tuple[float, float]] = []
    for index, pair in enumerate(ring):
        point = _checked_pair(pair, (*place, index), source, frame, problems)
        if point is not None:
            points.append((point.east_m, point.north_m))
    if len(problems) > before:
        return None
    if len(points) < 4:
        problems.append(source.problem(place, f"a ring needs at least 4 positions, this has {len(points)}"))
        return None
    if points[0] != points[-1]:
        problems.append(source.problem(place, "the ring is open: its last position must equal its first"))
        return None
    if any(a == b for a, b in itertools.pairwise(points)):
        problems.append(source.problem(place, "the same position stands twice in a row"))
        return None
    array = np.array(points, dtype=np.float64)
    polygon = shapely.Polygon(array)
    if not polygon.is_valid:
        problems.append(source.problem(place, f"the ring is not a simple outline: {_fault(polygon, frame)}"))
        return None
    return array


def _fault(polygon: shapely.Polygon, frame: LocalFrame) -> str:
    """Shapely says `Self-intersection[12.3 45.6]` in metres; a reader of the file thinks in degrees."""
    text = explain_validity(polygon)
    what, _, where = text.partition("[")
    words = what.strip().lower()
    try:
        east, north = (float(part) for part in where.rstrip("]").split())
    except ValueError:
        return words
    at = frame.to_wgs84(Enu(east, north))
    return f"{words} at {at.lon:.6f}, {at.lat:.6f}"


def _checked_pair(
    pair: Any, place: Place, source: SourceFile, frame: LocalFrame, problems: list[Problem]
) -> Enu | None:
    numbers = cast("list[Any]", pair) if isinstance(pair, list) else []
    if len(numbers) not in (2, 3) or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        problems.append(source.problem(place, "a position is [longitude, latitude] in degrees"))
        return None
    lon, lat = float(numbers[0]), float(numbers[1])
    fault: str | None = None
    if not -90 <= lat <= 90:  # written so that a NaN fails
        fault = f"latitude {lat:g} is outside -90..90"
    elif not -180 <= lon <= 180:
        fault = f"longitude {lon:g} is outside -180..180"
    else:
        try:
            return frame.to_enu(LatLon(lat=lat, lon=lon))
        except OutOfFrame as error:
            fault = str(error)
    if _near_when_swapped(lat, lon, frame):
        fault = f"latitude and longitude look swapped ({lon:g}, {lat:g}): GeoJSON puts the longitude first"
    problems.append(source.problem(place, fault))
    return None


def _near_when_swapped(lat: float, lon: float, frame: LocalFrame) -> bool:
    if not (-90 <= lon <= 90 and -180 <= lat <= 180):
        return False
    try:
        frame.to_enu(LatLon(lat=lon, lon=lat))
    except OutOfFrame:
        return False
    return True


def _duplicates(source: SourceFile) -> list[Problem]:
    problems: list[Problem] = []
    first: dict[str, int] = {}
    data: Any = source.data
    features: Any = cast("dict[str, Any]", data).get("features") if isinstance(data, dict) else None
    for index, feature in enumerate(cast("list[Any]", features) if isinstance(features, list) else []):
        try:
            zone_id = feature["properties"]["id"]
        except (KeyError, TypeError):
            continue
        if not isinstance(zone_id, str):
            continue
        if zone_id in first:
            place = ("features", index, "properties", "id")
            problems.append(source.problem(place, f"{zone_id!r} is already features[{first[zone_id]}]"))
        first.setdefault(zone_id, index)
    return problems
