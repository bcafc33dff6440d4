"""Looking without a calibration: people-sized things are tracked, nothing is known of places, zones or water.

So no rule about people can work; what remains is who moves in the picture and whether the camera itself is well.
"""

from __future__ import annotations

import numpy as np

from geofence.position import LatLon, LocalFrame
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.camera_health import SightConfig
from vision.detect import DetectConfig
from vision.light import LightConfig
from vision.pipeline import PipelineConfig
from vision.scene import LAND, SceneGeometry, SceneModel
from vision.steady import SteadyConfig
from vision.upheaval import UpheavalConfig

NOMINAL_HEIGHT_M = 4.0
"""The picture is taken to be this tall; a person may fill from a tenth of it to nearly all."""
_HFOV_DEG = 60.0
_LARGEST_PX = 320

UNCALIBRATED = PipelineConfig(
    light=LightConfig(blocks=(1, 1)),  # people may fill blocks: only all of it is light
    upheaval=UpheavalConfig(leap=1.0),
    steady=SteadyConfig(min_detail=1e9),  # no ground is known that could hold the picture still
    detect=DetectConfig(
        min_person_m=0.4, max_person_m=3.9, max_person_width_m=2.2, min_part_m=0.25, max_group_height_m=4.0
    ),
    sight=SightConfig(references=False),  # there is no calibration to spoil, and it may be held in a hand
)


class UncalibratedScene(SceneModel):
    """All of the picture is ground, and a "metre" is a share of its height.

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


def uncalibrated_scene(width_px: int, height_px: int) -> UncalibratedScene:
    """For pictures of that size: a camera looking straight down, so high that a pixel is as wide as it should be."""
    shrink = min(1.0, _LARGEST_PX / max(width_px, height_px, 1))
    width_px, height_px = max(round(width_px * shrink), 64), max(round(height_px * shrink), 64)
    focal_px = width_px / 2 / np.tan(np.radians(_HFOV_DEG / 2))
    camera = Camera(
        id="uncalibrated",
        name={"en": "uncalibrated", "zh": "未标定"},
        stream="-",
        position=LatLon(lat=0.0, lon=0.0),
        height_amsl_m=float(focal_px * NOMINAL_HEIGHT_M / height_px),
        yaw_deg=0.0,
        pitch_deg=-90.0,
        lens=Lens(width_px=width_px, height_px=height_px, hfov_deg=_HFOV_DEG),
        range_m=1000.0,
    )
    return UncalibratedScene(Projection(camera, LocalFrame(camera.position)), SceneGeometry((), 0.0, -100.0))
