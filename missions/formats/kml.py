"""KML and KMZ (OGC 12-007r2): a LineString or gx:Track is the way, polygons are outlines, points are places.

What is read is parsed by defusedxml, for such files come by mail: no external entities, no entity bombs.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as SafeTree

from geofence.errors import InvalidInput, Problem
from geofence.position import LatLon
from missions.formats import extension
from missions.formats.document import Document, Frame, MavCmd, Note, Ring, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

_KML = "http://www.opengis.net/kml/2.2"
_MOST_BYTES = 20_000_000  # unpacked; a mission is some kilobytes


def loads(data: bytes) -> Document:
    """KML, or KMZ: the first .kml in the archive."""
    if data[:2] == b"PK":
        data = _unpacked(data)
    try:
        root = SafeTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise InvalidInput([Problem("", f"is not XML: {error}", line=error.position[0])]) from None
    except DefusedXmlException as error:
        raise InvalidInput([Problem("", f"uses XML that is not allowed here: {type(error).__name__}")]) from None
    except ValueError as error:
        raise InvalidInput([Problem("", f"is not XML: {error}")]) from None
    if _local(root) != "kml":
        raise InvalidInput([Problem("", f"begins with <{_local(root)}> and not with <kml>")])
    return _Reader().read(root)


def dumps(document: Document) -> tuple[bytes, tuple[Note, ...]]:
    ElementTree.register_namespace("", _KML)
    root = ElementTree.Element(f"{{{_KML}}}kml")
    folder = ElementTree.SubElement(root, f"{{{_KML}}}Document")
    places = extension.places(document)
    notes: list[Note] = []
    kept: list[Step] = []
    coordinates: list[str] = []
    absolute = document.home_amsl_m is not None or all(step.frame is Frame.AMSL for step in places)
    for step in places:
        assert step.position is not None
        height = step.height_m
        if absolute and step.frame is Frame.HOME:
            height += document.home_amsl_m or 0.0
        coordinates.append(f"{step.position.lon!r},{step.position.lat!r},{height!r}")
        frame = Frame.AMSL if absolute else Frame.TERRAIN
        kept.append(Step(MavCmd.NAV_WAYPOINT, position=step.position, height_m=height, frame=frame))
    if places and not absolute:
        notes.append(Note("steps", "without a home's height, heights were written as above the ground"))
    if places:
        mark = _placemark(folder, "mission")
        line = ElementTree.SubElement(mark, f"{{{_KML}}}LineString" if len(places) > 1 else f"{{{_KML}}}Point")
        mode = ElementTree.SubElement(line, f"{{{_KML}}}altitudeMode")
        mode.text = "absolute" if absolute else "relativeToGround"
        ElementTree.SubElement(line, f"{{{_KML}}}coordinates").text = " ".join(coordinates)
    for name, rings in (
        ("inclusion", document.inclusions),
        ("exclusion", document.exclusions),
        ("area", document.areas),
    ):
        for ring in rings:
            polygon = ElementTree.SubElement(_placemark(folder, name), f"{{{_KML}}}Polygon")
            outer = ElementTree.SubElement(polygon, f"{{{_KML}}}outerBoundaryIs")
            linear = ElementTree.SubElement(outer, f"{{{_KML}}}LinearRing")
            text = " ".join(f"{p.lon!r},{p.lat!r}" for p in (*ring, ring[0]))
            ElementTree.SubElement(linear, f"{{{_KML}}}coordinates").text = text
    ours = extension.pack(document, kept)
    if ours is None:
        notes += document.notes
    else:
        extended = ElementTree.SubElement(folder, f"{{{_KML}}}ExtendedData")
        own = ElementTree.SubElement(extended, f"{{{_KML}}}Data", {"name": extension.KEY})
        ElementTree.SubElement(own, f"{{{_KML}}}value").text = json.dumps(ours, ensure_ascii=False)
    notes += extension.lost_in(document, "KML")
    if document.circles:
        notes.append(Note("circles", "KML has no circles; they were left out"))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True), tuple(notes)


def packed(kml: bytes) -> bytes:
    """KMZ."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", kml)
    return buffer.getvalue()


def _unpacked(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".kml")]
            if not inside:
                raise InvalidInput([Problem("", "the archive holds no .kml")])
            if inside[0].file_size > _MOST_BYTES:
                raise InvalidInput([Problem("", f"unpacks to more than {_MOST_BYTES // 1_000_000} MB")])
            with archive.open(inside[0]) as file:
                return file.read(_MOST_BYTES)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise InvalidInput([Problem("", f"is a damaged archive: {error}")]) from None


def _placemark(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    mark = ElementTree.SubElement(parent, f"{{{_KML}}}Placemark")
    ElementTree.SubElement(mark, f"{{{_KML}}}name").text = name
    return mark


class _Reader:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.inclusions: list[Ring] = []
        self.exclusions: list[Ring] = []
        self.areas: list[Ring] = []
        self.notes: list[Note] = []
        self.problems: list[Problem] = []

    def read(self, root: ElementTree.Element) -> Document:
        for number, mark in enumerate(e for e in root.iter() if _local(e) == "Placemark"):
            name = (_text(mark, "name") or f"Placemark {number + 1}").strip()
            self._placemark(mark, name)
        if self.problems:
            raise InvalidInput(self.problems)
        document = Document(
            steps=tuple(self.steps),
            inclusions=tuple(self.inclusions),
            exclusions=tuple(self.exclusions),
            areas=tuple(self.areas),
            notes=tuple(self.notes),
        )
        own = next((e for e in root.iter() if _local(e) == "Data" and e.get("name") == extension.KEY), None)
        return extension.unpack(None if own is None else _text(own, "value"), document)

    def _placemark(self, mark: ElementTree.Element, name: str) -> None:
        drawn = 0
        for element in mark.iter():
            match _local(element):
                case "Point" | "LineString":
                    self._way((_text(element, "coordinates") or "").split(), element, name)
                case "Track":
                    lines = [(e.text or "").replace(" ", ",") for e in element if _local(e) == "coord"]
                    self._way(lines, element, name)
                case "Polygon":
                    self._outline(element, name)
                case "Model" | "PhotoOverlay" | "GroundOverlay":
                    self.notes.append(Note(name, f"a {_local(element)} is no way and was left out"))
                case _:
                    continue
            drawn += 1
        if not drawn:
            self.notes.append(Note(name, "draws nothing and was left out"))

    def _way(self, tuples: Iterable[str], element: ElementTree.Element, name: str) -> None:
        mode = _text(element, "altitudeMode") or "clampToGround"
        frame = Frame.AMSL if mode == "absolute" else Frame.TERRAIN
        for text in tuples:
            found = self._position(text, name)
            if found is None:
                continue
            place, height = found
            if mode in {"clampToGround", "clampToSeaFloor"} or height is None:
                self.steps.append(Step(MavCmd.NAV_WAYPOINT, position=place, height_m=float("nan")))
            else:
                self.steps.append(Step(MavCmd.NAV_WAYPOINT, position=place, height_m=height, frame=frame))

    def _outline(self, polygon: ElementTree.Element, name: str) -> None:
        outer = next((e for e in polygon if _local(e) == "outerBoundaryIs"), None)
        text = "" if outer is None else next((e.text or "" for e in outer.iter() if _local(e) == "coordinates"), "")
        found = [self._position(one, name) for one in text.split()]
        ring = tuple(place for one in found if one is not None for place in (one[0],))
        if len(ring) > 1 and ring[0] == ring[-1]:
            ring = ring[:-1]
        if len(ring) < 3:
            self.problems.append(Problem(name, f"an outline of {len(ring)} points encloses nothing"))
            return
        if any(_local(e) == "innerBoundaryIs" for e in polygon):
            self.notes.append(Note(name, "the holes of an outline were left out"))
        {"inclusion": self.inclusions, "exclusion": self.exclusions}.get(name, self.areas).append(ring)

    def _position(self, text: str, name: str) -> tuple[LatLon, float | None] | None:
        parts = [part for part in text.split(",") if part]
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) < 2 or not (-180 <= numbers[0] <= 180 and -90 <= numbers[1] <= 90):
            self.problems.append(Problem(name, f"{text!r} is not longitude,latitude or longitude,latitude,height"))
            return None
        return LatLon(lat=numbers[1], lon=numbers[0]), numbers[2] if len(numbers) > 2 else None


def _local(element: ElementTree.Element) -> str:
    """The name without its namespace: programs use several."""
    return str(element.tag).rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str | None:
    return next((child.text for child in element if _local(child) == name), None)
