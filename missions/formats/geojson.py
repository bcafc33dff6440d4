"""GeoJSON (RFC 7946): a line is the way, polygons are outlines, points are places; heights are above the ellipsoid
by the RFC, but every program writes sea level, and so do we: the third coordinate is metres above sea level."""

from __future__ import annotations

import json
from typing import Any, cast

from geofence.errors import InvalidInput, Problem
from geofence.position import LatLon
from missions.formats import extension
from missions.formats.document import Document, Frame, MavCmd, Note, Ring, Step


def loads(text: str) -> Document:
    try:
        root: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput([Problem("", f"is not JSON: {error.msg}", line=error.lineno)]) from None
    if not isinstance(root, dict):
        raise InvalidInput([Problem("", "is no GeoJSON object")])
    content = cast("dict[str, Any]", root)
    kind = content.get("type")
    features: list[Any]
    if kind == "FeatureCollection":
        raw = content.get("features")
        features = cast("list[Any]", raw) if isinstance(raw, list) else []
    else:
        features = [content if kind == "Feature" else {"type": "Feature", "properties": {}, "geometry": content}]
    reader = _Reader()
    for index, feature in enumerate(features):
        reader.take(feature, f"features[{index}]")
    if reader.problems:
        raise InvalidInput(reader.problems)
    document = Document(steps=tuple(reader.steps), areas=tuple(reader.areas), notes=tuple(reader.notes))
    return extension.unpack(content.get(extension.KEY), document)


def dumps(document: Document) -> tuple[str, tuple[Note, ...]]:
    places = extension.places(document)
    home_amsl = document.home_amsl_m
    features: list[dict[str, Any]] = []
    notes: list[Note] = []
    kept: list[Step] = []
    if places:
        line: list[list[float]] = []
        for step in places:
            assert step.position is not None
            amsl = _amsl(step, home_amsl)
            line.append([step.position.lon, step.position.lat, *([] if amsl is None else [amsl])])
            kept.append(_waypoint(step.position, amsl))
        if any(len(point) == 2 for point in line):
            notes.append(Note("steps", "heights above a home of unknown height were left out"))
        shape = (
            {"type": "LineString", "coordinates": line}
            if len(line) > 1
            else {"type": "Point", "coordinates": line[0]}
        )
        features.append({"type": "Feature", "properties": {"name": "mission"}, "geometry": shape})
    for name, rings in (
        ("inclusion", document.inclusions),
        ("exclusion", document.exclusions),
        ("area", document.areas),
    ):
        for ring in rings:
            outline = [[p.lon, p.lat] for p in (*ring, ring[0])]
            features.append(
                {
                    "type": "Feature",
                    "properties": {"name": name},
                    "geometry": {"type": "Polygon", "coordinates": [outline]},
                }
            )
    root: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    ours = extension.pack(document, kept)
    if ours is not None:
        root[extension.KEY] = ours
    else:
        notes += document.notes
    notes += extension.lost_in(document, "GeoJSON")
    if document.circles:
        notes.append(Note("circles", "GeoJSON has no circles; they were left out"))
    return json.dumps(root, ensure_ascii=False, indent=2) + "\n", tuple(notes)


def _amsl(step: Step, home_amsl_m: float | None) -> float | None:
    if step.frame is Frame.AMSL:
        return step.height_m
    return None if home_amsl_m is None or step.frame is Frame.TERRAIN else step.height_m + home_amsl_m


def _waypoint(place: LatLon, amsl_m: float | None) -> Step:
    if amsl_m is None:
        return Step(MavCmd.NAV_WAYPOINT, position=place, height_m=float("nan"))
    return Step(MavCmd.NAV_WAYPOINT, position=place, height_m=amsl_m, frame=Frame.AMSL)


class _Reader:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.areas: list[Ring] = []
        self.notes: list[Note] = []
        self.problems: list[Problem] = []

    def take(self, feature: Any, where: str) -> None:
        geometry: Any = cast("dict[str, Any]", feature).get("geometry") if isinstance(feature, dict) else None
        self._geometry(geometry, f"{where}.geometry")

    def _geometry(self, geometry: Any, where: str) -> None:
        if not isinstance(geometry, dict):
            self.notes.append(Note(where, "has no geometry and was left out"))
            return
        shape = cast("dict[str, Any]", geometry)
        coordinates = shape.get("coordinates")
        match shape.get("type"):
            case "Point":
                self._line([coordinates], where)
            case "LineString" | "MultiPoint":
                self._line(coordinates, where)
            case "MultiLineString":
                for part in _listed(coordinates):
                    self._line(part, where)
            case "Polygon":
                self._polygon(coordinates, where)
            case "MultiPolygon":
                for part in _listed(coordinates):
                    self._polygon(part, where)
            case "GeometryCollection":
                for part in _listed(shape.get("geometries")):
                    self._geometry(part, where)
            case other:
                self.problems.append(Problem(where, f"{other!r} is no GeoJSON geometry"))

    def _line(self, raw: Any, where: str) -> None:
        for one in _listed(raw):
            found = self._position(one, where)
            if found is not None:
                self.steps.append(_waypoint(*found))

    def _polygon(self, raw: Any, where: str) -> None:
        rings = _listed(raw)
        found = [self._position(one, where) for one in _listed(rings[0] if rings else None)]
        ring = tuple(place for one in found if one is not None for place in (one[0],))
        if len(ring) > 1 and ring[0] == ring[-1]:
            ring = ring[:-1]
        if len(ring) < 3:
            self.problems.append(Problem(where, f"an outline of {len(ring)} points encloses nothing"))
            return
        if len(rings) > 1:
            self.notes.append(Note(where, "the holes of an outline were left out"))
        self.areas.append(ring)

    def _position(self, raw: Any, where: str) -> tuple[LatLon, float | None] | None:
        numbers = [n for n in _listed(raw) if isinstance(n, int | float) and not isinstance(n, bool)]
        if len(numbers) < 2:
            self.problems.append(Problem(where, "a position is [longitude, latitude] or with a height"))
            return None
        lon, lat = float(numbers[0]), float(numbers[1])
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            self.problems.append(
                Problem(where, f"longitude {lon:g}, latitude {lat:g} is no place; is the order right?")
            )
            return None
        return LatLon(lat=lat, lon=lon), float(numbers[2]) if len(numbers) > 2 else None


def _listed(raw: Any) -> list[Any]:
    return cast("list[Any]", raw) if isinstance(raw, list) else []
