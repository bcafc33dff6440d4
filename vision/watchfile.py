"""`chaoxun watch --camera FILE`: one camera and, if wished, the bank and zones before it, without a whole site.

version: 1
camera:
  id: pier
  name: {en: Pier, zh: 码头}
  position: {lat: 30.4017, lon: 120.5374}
  height_amsl_m: 18.5            # of the lens
  yaw_deg: 92.5                  # clockwise from true north
  pitch_deg: -14                 # negative looks down
  lens: {width_px: 640, height_px: 360, hfov_deg: 64}
  range_m: 130
heights_amsl_m: {promenade: 8.5, foreshore: 3.0, water: 1.5}
bank:                            # optional: the wall's edge, the river on the right of its direction
  - {lat: 30.4017, lon: 120.5370}
  - {lat: 30.4020, lon: 120.5420}
zones:                           # optional
  - id: flat
    kind: danger                 # danger | promenade
    surface: foreshore           # promenade | foreshore | water
    ring: [{lat: 30.4017, lon: 120.5376}, {lat: 30.4019, lon: 120.5405}, {lat: 30.4015, lon: 120.5405}]
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from geofence.position import LatLon, LocalFrame
from geofence.sourcefile import read_source, validated
from vision.alert import Surface
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.scene import LAND, SceneGeometry, SceneModel, SceneZone


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Heights(_Part):
    promenade: float = 0.0
    foreshore: float = 0.0
    water: float = -100.0


class _Zone(_Part):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    kind: Literal["danger", "promenade"]
    surface: Surface
    ring: Annotated[tuple[LatLon, ...], Field(min_length=3)]
    height_amsl_m: float | None = None  # of the ground there; the surface's height when not said


class WatchFile(_Part):
    version: Literal[1] = 1
    camera: Camera
    heights_amsl_m: _Heights = _Heights()
    bank: Annotated[tuple[LatLon, ...], Field(min_length=2)] | None = None
    zones: tuple[_Zone, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _stream_is_the_source(cls, data: Any) -> Any:
        """The source is named on the command line, so the camera here needs no address."""
        if isinstance(data, dict) and isinstance(data.get("camera"), dict):
            return {**data, "camera": {"stream": "-", **data["camera"]}}
        return data


def load_watch_file(path: Path) -> WatchFile:
    """Raises InvalidInput with every fault at its line."""
    return validated(read_source(path), WatchFile)


def scene_of(file: WatchFile) -> SceneModel:
    frame = LocalFrame(file.camera.position)
    heights = {
        Surface.PROMENADE: file.heights_amsl_m.promenade,
        Surface.FORESHORE: file.heights_amsl_m.foreshore,
        Surface.WATER: file.heights_amsl_m.water,
    }
    zones = tuple(
        SceneZone(
            zone.id,
            zone.kind,
            zone.surface,
            frame.line_to_enu(zone.ring),
            heights[zone.surface] if zone.height_amsl_m is None else zone.height_amsl_m,
        )
        for zone in file.zones
    )
    crest = None if file.bank is None else frame.line_to_enu(file.bank)
    geometry = SceneGeometry(zones, file.heights_amsl_m.promenade, file.heights_amsl_m.water, crest)
    return SceneModel(Projection(file.camera, frame), geometry)


class UncalibratedScene(SceneModel):
    """A scene that knows nothing but the picture: all of it is ground, and a "metre" is a share of its height.

    Sizes and places are nominal: good for telling who is who, worthless on a map.
    """

    def _draw(self) -> None:
        super()._draw()
        lens = self.projection.camera.lens
        shape = (lens.height_px, lens.width_px)
        self.codes = np.full(shape, LAND, np.uint8)
        self.px_per_m = np.full(shape, lens.height_px / NOMINAL_HEIGHT_M, np.float32)
        self.crest_px_per_m = self.px_per_m
        self.crest_offset_m = np.full(shape, -1e3, np.float32)


NOMINAL_HEIGHT_M = 4.0
"""The picture is taken to be this tall; a person may fill from a tenth to nearly all of it."""


def uncalibrated(width_px: int, height_px: int) -> UncalibratedScene:
    """A camera that looks straight down from where a pixel is NOMINAL_HEIGHT_M / height_px wide."""
    width_px, height_px = max(width_px, 64), max(height_px, 64)
    focal_px = width_px / 2 / np.tan(np.radians(30.0))
    camera = Camera(
        id="uncalibrated",
        name={"en": "uncalibrated", "zh": "未标定"},
        stream="-",
        position=LatLon(lat=0.0, lon=0.0),
        height_amsl_m=float(focal_px * NOMINAL_HEIGHT_M / height_px),
        yaw_deg=0.0,
        pitch_deg=-90.0,
        lens=Lens(width_px=width_px, height_px=height_px, hfov_deg=60.0),
        range_m=1000.0,
    )
    return UncalibratedScene(Projection(camera, LocalFrame(camera.position)), SceneGeometry((), 0.0, -100.0))
