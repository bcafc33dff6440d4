"""GPX 1.1 by gpxpy: routes and tracks are ways, waypoints are places; elevations are above sea level."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from xml.etree import ElementTree

import gpxpy
import gpxpy.gpx

from geofence.errors import InvalidInput, Problem
from geofence.position import LatLon
from missions.formats import extension
from missions.formats.document import Document, Frame, MavCmd, Note, Step

_NAMESPACE = "urn:chaoxun:mission"


def loads(text: str) -> Document:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidInput([Problem("", "uses XML that is not allowed here: a document type")])
    try:
        gpx = gpxpy.parse(text)
    except (gpxpy.gpx.GPXException, ValueError, TypeError, ElementTree.ParseError) as error:
        raise InvalidInput([Problem("", f"is no GPX: {error}")]) from None
    ways: list[Sequence[gpxpy.gpx.GPXRoutePoint | gpxpy.gpx.GPXTrackPoint | gpxpy.gpx.GPXWaypoint]] = []
    ways.extend(route.points for route in gpx.routes)
    ways.extend(segment.points for track in gpx.tracks for segment in track.segments)
    if gpx.waypoints:
        ways.append(gpx.waypoints)
    problems: list[Problem] = []
    notes = [Note("gpx", f"{len(ways)} ways were put one after the other")] if len(ways) > 1 else []
    steps: list[Step] = []
    for number, way in enumerate(ways):
        for index, point in enumerate(way):
            if not (-90 <= point.latitude <= 90 and -180 <= point.longitude <= 180):
                problems.append(Problem(f"way {number + 1}, point {index + 1}", "is no latitude and longitude"))
                continue
            place = LatLon(lat=float(point.latitude), lon=float(point.longitude))
            if point.elevation is None:
                steps.append(Step(MavCmd.NAV_WAYPOINT, position=place, height_m=math.nan))
            else:
                steps.append(
                    Step(MavCmd.NAV_WAYPOINT, position=place, height_m=float(point.elevation), frame=Frame.AMSL)
                )
    if problems:
        raise InvalidInput(problems)
    own = next((e for e in gpx.extensions if str(e.tag).endswith("plan")), None)
    return extension.unpack(None if own is None else own.text, Document(steps=tuple(steps), notes=tuple(notes)))


def dumps(document: Document) -> tuple[str, tuple[Note, ...]]:
    gpx = gpxpy.gpx.GPX()
    gpx.creator = "Chaoxun"
    route = gpxpy.gpx.GPXRoute(name="mission")
    kept: list[Step] = []
    notes: list[Note] = []
    for step in extension.places(document):
        assert step.position is not None
        amsl: float | None = step.height_m
        if step.frame is Frame.HOME:
            amsl = None if document.home_amsl_m is None else step.height_m + document.home_amsl_m
        elif step.frame is Frame.TERRAIN:
            amsl = None
        route.points.append(gpxpy.gpx.GPXRoutePoint(step.position.lat, step.position.lon, elevation=amsl))
        if amsl is None:
            kept.append(Step(MavCmd.NAV_WAYPOINT, position=step.position, height_m=math.nan))
        else:
            kept.append(Step(MavCmd.NAV_WAYPOINT, position=step.position, height_m=amsl, frame=Frame.AMSL))
    if any(math.isnan(step.height_m) for step in kept):
        notes.append(Note("steps", "heights above a home of unknown height were left out"))
    gpx.routes.append(route)
    ours = extension.pack(document, kept)
    if ours is None:
        notes += document.notes
    else:
        gpx.nsmap["cx"] = _NAMESPACE
        own = ElementTree.Element(f"{{{_NAMESPACE}}}plan")
        own.text = json.dumps(ours, ensure_ascii=False)
        gpx.extensions.append(own)
    notes += extension.lost_in(document, "GPX")
    if document.inclusions or document.exclusions or document.circles or document.areas or document.rally:
        notes.append(Note("fence", "GPX holds neither fences nor rally points; they were left out"))
    return gpx.to_xml(version="1.1"), tuple(notes)
