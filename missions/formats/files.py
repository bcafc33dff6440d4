"""Which file is which format, by its name and, where that lies, by its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from geofence.errors import InvalidInput, Problem
from missions.formats import geojson, gpx, kml, qgc_plan, waypoints
from missions.formats.document import Document, Note

_MOST_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes], Document]
    write: Callable[[Document], tuple[bytes, tuple[Note, ...]]]


def _text(read: Callable[[str], Document]) -> Callable[[bytes], Document]:
    def decoded(data: bytes) -> Document:
        try:
            return read(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise InvalidInput(
                [Problem("", f"is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}")]
            ) from None

    return decoded


def _bytes(
    write: Callable[[Document], tuple[str, tuple[Note, ...]]],
) -> Callable[[Document], tuple[bytes, tuple[Note, ...]]]:
    def encoded(document: Document) -> tuple[bytes, tuple[Note, ...]]:
        text, notes = write(document)
        return text.encode(), notes

    return encoded


def _kmz(document: Document) -> tuple[bytes, tuple[Note, ...]]:
    data, notes = kml.dumps(document)
    return kml.packed(data), notes


FORMATS = (
    Format("QGroundControl plan", (".plan",), _text(qgc_plan.loads), _bytes(qgc_plan.dumps)),
    Format("waypoint file", (".waypoints", ".wpl", ".txt"), _text(waypoints.loads), _bytes(waypoints.dumps)),
    Format("KML", (".kml",), kml.loads, kml.dumps),
    Format("KMZ", (".kmz",), kml.loads, _kmz),
    Format("GeoJSON", (".geojson", ".json"), _text(geojson.loads), _bytes(geojson.dumps)),
    Format("GPX", (".gpx",), _text(gpx.loads), _bytes(gpx.dumps)),
)


def format_of(path: Path) -> Format:
    suffix = path.suffix.lower()
    for one in FORMATS:
        if suffix in one.suffixes:
            return one
    known = ", ".join(suffix for one in FORMATS for suffix in one.suffixes)
    raise InvalidInput(
        [Problem("", f"{suffix or 'a name without an ending'} is no known format; known are {known}", path.name)]
    )


def load(path: Path) -> Document:
    """Raises InvalidInput with the file's name and the place in it."""
    form = format_of(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidInput([Problem("", f"is larger than {_MOST_BYTES // 1_000_000} MB", path.name)])
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput([Problem("", f"cannot be read: {error.strerror}", path.name)]) from None
    try:
        return form.read(data)
    except InvalidInput as error:
        raise InvalidInput([Problem(p.place, p.reason, path.name, p.line) for p in error.problems]) from None


def save(document: Document, path: Path) -> tuple[Note, ...]:
    """What could not be kept. The old file stays when the new one cannot be written whole."""
    data, notes = format_of(path).write(document)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidInput([Problem("", f"cannot be written: {error.strerror}", path.name)]) from None
    return notes
