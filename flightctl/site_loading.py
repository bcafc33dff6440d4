"""Reads a site folder and answers with everything that is wrong in it, each fault at its file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from flightctl.site import SiteFile
from flightctl.transport import MAVLINK, SHARED, parse_address
from geofence.bore import TableEntry
from geofence.bore_table import FILE_NAME, load_table
from geofence.errors import InvalidInput, OutOfFrame, Problem
from geofence.position import LatLon, LocalFrame
from geofence.river import River, load_river
from geofence.sourcefile import SourceFile, read_source, validated
from geofence.zones import ZoneSet, load_zones
from vision.pipeline import PipelineConfig
from vision.thresholds import Thresholds, faults, merged

Loaded = TypeVar("Loaded")

HAINING = Path(__file__).resolve().parent.parent / "sim" / "sites" / "haining"


class SiteInvalid(InvalidInput):
    """The site folder cannot be used; nothing of it has been applied."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site, checked: the file's content and what the ground floor makes of it."""

    folder: Path
    file: SiteFile
    frame: LocalFrame
    zones: ZoneSet
    river: River
    basemap: dict[str, Any]
    bore_table: tuple[TableEntry, ...] = ()  # official times; of days gone by none counts for another day


def load_site(folder: Path) -> Site:
    """Raises SiteInvalid with every problem of every file of the site."""
    if not folder.is_dir():
        raise SiteInvalid([Problem("", "there is no such folder; `chaoxun site init DIR` makes one", str(folder))])
    problems: list[Problem] = []

    def part(load: Callable[[], Loaded]) -> Loaded | None:
        try:
            return load()
        except InvalidInput as error:
            problems.extend(error.problems)
            return None

    def site_file() -> tuple[SourceFile, SiteFile]:
        source = read_source(folder / "site.yaml")
        return source, validated(source, SiteFile)

    taken = part(site_file)
    if taken is None:
        # Without the origin the other files cannot be placed; they can still be read for their own faults.
        part(lambda: read_source(folder / "zones.geojson"))
        part(lambda: read_source(folder / "river.yaml"))
        raise SiteInvalid(problems)
    source, file = taken
    problems.extend(_cross_problems(source, file))
    frame = LocalFrame(file.origin)
    zones = part(lambda: load_zones(folder / "zones.geojson", frame))
    river = part(lambda: load_river(folder / "river.yaml", frame))
    basemap = part(lambda: _basemap(folder / "basemap.geojson"))
    table = part(lambda: _bore_table(folder / FILE_NAME))
    if problems or zones is None or river is None or basemap is None or table is None:
        raise SiteInvalid(problems)
    return Site(folder, _with_thresholds(file), frame, zones, river, basemap, table)


def _bore_table(path: Path) -> tuple[TableEntry, ...]:
    return load_table(path).rows() if path.exists() else ()


def _basemap(path: Path) -> dict[str, Any]:
    """What the panel draws under everything; a site without one has only zones and the river's axis."""
    if not path.exists():
        return {"type": "FeatureCollection", "features": []}
    source = read_source(path)
    if not isinstance(source.data, dict) or source.data.get("type") != "FeatureCollection":
        raise InvalidInput([source.problem((), "is not a GeoJSON FeatureCollection")])
    return cast("dict[str, Any]", source.data)


def _cross_problems(source: SourceFile, file: SiteFile) -> Iterable[Problem]:
    """What no single field shows: identifiers used twice, references to nothing, places off the site."""
    for group in ("docks", "drones", "cameras", "speakers"):
        seen: set[str] = set()
        for index, part in enumerate(getattr(file, group)):
            if part.id in seen:
                yield source.problem((group, index, "id"), f"{part.id!r} stands here twice; every id is used once")
            seen.add(part.id)
    docks = {dock.id for dock in file.docks}
    systems: dict[int, str] = {}
    for index, drone in enumerate(file.drones):
        if drone.dock_id not in docks:
            known = ", ".join(sorted(docks))
            yield source.problem(("drones", index, "dock_id"), f"there is no dock {drone.dock_id!r}; docks: {known}")
        if drone.system_id in systems:
            other = systems[drone.system_id]
            yield source.problem(
                ("drones", index, "system_id"), f"{drone.system_id} is the MAVLink id of {other} too"
            )
        if drone.system_id == file.mavlink.system_id:
            yield source.problem(("drones", index, "system_id"), f"{drone.system_id} is the service's own MAVLink id")
        systems[drone.system_id] = drone.id
    for place, thresholds in _thresholds(file):
        for below, reason in faults(PipelineConfig(), thresholds):
            yield source.problem((*place, *below), reason)
    yield from _far_places(source, file)
    yield from _bad_addresses(source, file)
    policy = file.policy
    if not policy.drop_min_height_m <= policy.drop_height_m <= policy.drop_max_height_m:
        bounds = f"{policy.drop_min_height_m:g}..{policy.drop_max_height_m:g}"
        yield source.problem(("policy", "drop_height_m"), f"{policy.drop_height_m:g} m is outside {bounds} m")
    for language in ("zh", "en"):
        for index, camera in enumerate(file.cameras):
            if language not in camera.name:
                yield source.problem(("cameras", index, "name"), f"has no {language!r} text")


def _thresholds(file: SiteFile) -> Iterable[tuple[tuple[str | int, ...], Thresholds]]:
    yield ("vision",), file.vision
    for index, camera in enumerate(file.cameras):
        yield ("cameras", index, "thresholds"), camera.thresholds


def _with_thresholds(file: SiteFile) -> SiteFile:
    """Every camera with the site's thresholds beside its own."""
    cameras = [c.model_copy(update={"thresholds": merged(file.vision, c.thresholds)}) for c in file.cameras]
    return file.model_copy(update={"cameras": tuple(cameras)})


def _far_places(source: SourceFile, file: SiteFile) -> Iterable[Problem]:
    frame = LocalFrame(file.origin)

    def check(place: tuple[str | int, ...], point: LatLon) -> Iterable[Problem]:
        try:
            frame.to_enu(point)
        except OutOfFrame as error:
            yield source.problem(place, str(error))

    for group in ("docks", "cameras", "speakers"):
        for index, part in enumerate(getattr(file, group)):
            yield from check((group, index, "position"), part.position)


def _bad_addresses(source: SourceFile, file: SiteFile) -> Iterable[Problem]:
    places: list[tuple[tuple[str | int, ...], str, tuple[str, ...]]] = []
    for group in ("docks", "speakers"):
        for index, part in enumerate(getattr(file, group)):
            places.append(((group, index, "link"), part.link, ("tcp",)))
    for index, drone in enumerate(file.drones):
        if drone.speaker_link:
            places.append((("drones", index, "speaker_link"), drone.speaker_link, ("tcp",)))
    for index, endpoint in enumerate(file.mavlink.endpoints):
        places.append((("mavlink", "endpoints", index), endpoint, MAVLINK))
    for index, client in enumerate(file.mavlink.share):
        places.append((("mavlink", "share", index), client.endpoint, SHARED))
    yield from _said_twice(source, file)
    for place, address, kinds in places:
        try:
            parse_address(address, kinds)
        except ValueError as error:
            yield source.problem(place, str(error))


def _said_twice(source: SourceFile, file: SiteFile) -> Iterable[Problem]:
    """A port that listens for drones cannot listen for ground stations as well."""
    seen: set[str] = set()
    places = [(("mavlink", "endpoints", index), said) for index, said in enumerate(file.mavlink.endpoints)]
    places += [(("mavlink", "share", index), said.endpoint) for index, said in enumerate(file.mavlink.share)]
    for place, address in places:
        if address in seen:
            yield source.problem(place, f"{address!r} stands here twice; every address is used once")
        seen.add(address)
