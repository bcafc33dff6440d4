"""Mission Planner and MAVProxy `.waypoints` (QGC WPL 110): one item a line, tabs between, home first.

https://mavlink.io/en/file_formats/. There is no room for anything else: what has no command is a note.
"""

from __future__ import annotations

import math

from geofence.errors import InvalidInput, Problem
from geofence.position import LatLon
from missions.formats.document import Document, Frame, MavCmd, Note, Step

_HEAD = "QGC WPL 110"
_FRAMES = {0: Frame.AMSL, 3: Frame.HOME, 5: Frame.AMSL, 6: Frame.HOME, 10: Frame.TERRAIN, 11: Frame.TERRAIN}
_NUMBERS = {Frame.AMSL: 0, Frame.HOME: 3, Frame.TERRAIN: 10}


def loads(text: str) -> Document:
    lines = text.splitlines()
    if not lines or not lines[0].startswith("QGC WPL"):
        raise InvalidInput([Problem("", f"does not begin with {_HEAD!r}: this is no waypoint file", line=1)])
    notes = [] if lines[0].strip() == _HEAD else [Note("line 1", f"{lines[0].strip()!r} was read as {_HEAD}")]
    problems: list[Problem] = []
    home: LatLon | None = None
    home_amsl: float | None = None
    steps: list[Step] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = line.split("\t") if "\t" in line else line.split()
        try:
            seq, frame, command = int(fields[0]), int(fields[2]), int(fields[3])
            p1, p2, p3, p4, lat, lon, height = (float(field) for field in fields[4:11])
        except (ValueError, IndexError):
            problems.append(Problem("", "is not twelve numbers with tabs between", line=number))
            continue
        position = None
        if lat or lon:
            if not (-90 <= lat <= 90 and -180 <= lon <= 180):
                problems.append(Problem("", f"{lat:g}, {lon:g} is no latitude and longitude", line=number))
                continue
            position = LatLon(lat=lat, lon=lon)
        if seq == 0:
            home, home_amsl = position, height if position is not None else None
            continue
        if command in (MavCmd.NAV_TAKEOFF, MavCmd.NAV_RETURN_TO_LAUNCH):
            position = None
        steps.append(Step(command, (p1, p2, p3, p4), position, height, _FRAMES.get(frame, Frame.HOME)))
    if problems:
        raise InvalidInput(problems)
    return Document(steps=tuple(steps), home=home, home_amsl_m=home_amsl, notes=tuple(notes))


def dumps(document: Document) -> tuple[str, tuple[Note, ...]]:
    home = document.home
    first = (0.0, 0.0, 0.0) if home is None else (home.lat, home.lon, document.home_amsl_m or 0.0)
    rows = [_row(0, 1, 0, MavCmd.NAV_WAYPOINT, (0.0, 0.0, 0.0, 0.0), *first)]
    for number, step in enumerate(document.steps, start=1):
        lat, lon = (0.0, 0.0) if step.position is None else (step.position.lat, step.position.lon)
        rows.append(_row(number, 0, _NUMBERS[step.frame], step.command, step.params, lat, lon, step.height_m))
    notes = list(document.notes)
    for what, held in (
        ("the fence", (*document.inclusions, *document.exclusions, *document.circles)),
        ("the rally points", document.rally),
        ("the outlines", document.areas),
    ):
        if held:
            notes.append(Note(what, "has no place in a waypoint file and was left out"))
    return "\n".join([_HEAD, *rows]) + "\n", tuple(notes)


def _row(
    seq: int,
    current: int,
    frame: int,
    command: int,
    params: tuple[float, float, float, float],
    lat: float,
    lon: float,
    height: float,
) -> str:
    four = [repr(0.0 if math.isnan(p) else p) for p in params]
    numbers = [str(seq), str(current), str(frame), str(int(command)), *four, repr(lat), repr(lon), repr(height), "1"]
    return "\t".join(numbers)
