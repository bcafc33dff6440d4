"""`chaoxun watch --camera FILE`: one camera and the bank before it, without a whole site. docs/watch.md has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import shapely
from pydantic import BaseModel, ConfigDict, Field, model_validator

from geofence.errors import InvalidInput, OutOfFrame, Problem
from geofence.position import LatLon, LocalFrame
from geofence.sourcefile import SourceFile, read_source, validated
from geofence.zones import Heading
from vision.alert import Surface
from vision.calibration import Projection
from vision.camera import Camera
from vision.pipeline import PipelineConfig
from vision.scene import SceneGeometry, SceneModel, SceneZone
from vision.thresholds import faults

_NO_WATER_BELOW_M = 100.0  # without water in the picture its plane lies this deep


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heights(_Part):
    promenade: float
    foreshore: float | None = None
    water: float | None = None


class Zone(_Part):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    kind: Literal["danger", "promenade"]
    surface: Surface
    ring: Annotated[tuple[LatLon, ...], Field(min_length=3)]
    height_amsl_m: float | None = None  # of what one stands on there; that of its surface when not said
    loiter_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    heading: Heading | None = None


class CameraFile(_Part):
    version: Literal[1] = 1
    camera: Camera
    heights_amsl_m: Heights
    crest: Annotated[tuple[LatLon, ...], Field(min_length=2)] | None = None  # the river to the right of its direction
    zones: tuple[Zone, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _source_is_named_elsewhere(cls, data: Any) -> Any:
        """The address is on the command line, and one camera needs no name to be told from others."""
        if isinstance(data, dict) and isinstance(cast("dict[str, Any]", data).get("camera"), dict):
            content = cast("dict[str, Any]", data)
            camera = {"id": "camera", "stream": "-", **content["camera"]}
            return {**content, "camera": {"name": {"en": str(camera["id"])}, **camera}}
        return cast("Any", data)


def load_camera_file(path: Path) -> SceneModel:
    """The camera's scene, ready for a pipeline. Raises InvalidInput with every fault at its line."""
    source = read_source(path)
    file = validated(source, CameraFile)
    problems = list(_problems(file, source))
    if problems:
        raise InvalidInput(problems)
    return _scene(file)


def _problems(file: CameraFile, source: SourceFile) -> Iterator[Problem]:
    """What a field alone cannot show."""
    heights = file.heights_amsl_m
    if file.camera.height_amsl_m <= heights.promenade:
        reason = f"the lens must be above the promenade ({heights.promenade:g} m)"
        yield source.problem(("camera", "height_amsl_m"), reason)
    if file.crest is None and not any(zone.surface is Surface.PROMENADE for zone in file.zones):
        yield source.problem((), "nothing says where land is: give `crest`, or a zone with surface: promenade")
    wet = file.crest is not None or any(zone.surface is Surface.WATER for zone in file.zones)
    if wet and heights.water is None:
        yield source.problem(("heights_amsl_m",), "water is missing: the level of the river, above mean sea level")
    if heights.water is not None and heights.water >= heights.promenade:
        yield source.problem(("heights_amsl_m", "water"), "must be below the promenade")
    for below, reason in faults(PipelineConfig(), file.camera.thresholds):
        yield source.problem(("camera", "thresholds", *below), reason)
    frame = LocalFrame(file.camera.position)
    if file.crest is not None and _too_far(frame, file.crest):
        yield source.problem(("crest",), "lies too far from the camera to be meant")
    seen: set[str] = set()
    for index, zone in enumerate(file.zones):
        place = ("zones", index)
        if zone.id in seen:
            yield source.problem((*place, "id"), f"the zone {zone.id!r} is there twice")
        seen.add(zone.id)
        if zone.surface is Surface.FORESHORE and zone.height_amsl_m is None and heights.foreshore is None:
            yield source.problem(place, "give height_amsl_m here, or heights_amsl_m.foreshore")
        if _too_far(frame, zone.ring):
            yield source.problem((*place, "ring"), "lies too far from the camera to be meant")
        elif not shapely.Polygon(frame.line_to_enu(zone.ring)).is_valid:
            yield source.problem((*place, "ring"), "crosses itself: list its corners in order, all one way round")


def _too_far(frame: LocalFrame, points: tuple[LatLon, ...]) -> bool:
    try:
        frame.line_to_enu(points)
    except OutOfFrame:
        return True
    return False


def _scene(file: CameraFile) -> SceneModel:
    frame = LocalFrame(file.camera.position)
    heights = file.heights_amsl_m
    water_m = heights.promenade - _NO_WATER_BELOW_M if heights.water is None else heights.water
    height_of = {Surface.PROMENADE: heights.promenade, Surface.FORESHORE: heights.foreshore, Surface.WATER: water_m}
    zones: list[SceneZone] = []
    for zone in file.zones:
        height_m = height_of[zone.surface] if zone.height_amsl_m is None else zone.height_amsl_m
        assert height_m is not None  # _problems has seen to it
        ring = frame.line_to_enu(zone.ring)
        zones.append(SceneZone(zone.id, zone.kind, zone.surface, ring, height_m, zone.loiter_s, zone.heading))
    crest = None if file.crest is None else frame.line_to_enu(file.crest)
    geometry = SceneGeometry(tuple(zones), heights.promenade, water_m, crest)
    return SceneModel(Projection(file.camera, frame), geometry)
