"""A camera as the site describes it: where it hangs, where it looks, through what lens, at what address."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from geofence.position import LatLon


class Lens(BaseModel):
    """Pinhole with OpenCV's radial distortion; the principal point is the picture's middle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: Annotated[int, Field(ge=64, le=8192)]
    height_px: Annotated[int, Field(ge=64, le=8192)]
    hfov_deg: Annotated[float, Field(gt=1, lt=170)]  # horizontal field of view without distortion
    k1: float = 0.0
    k2: float = 0.0


class DetectorFile(BaseModel):
    """A network of the site's own that recognises people (vision/onnx_detector.py)."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: Path  # an ONNX file; relative to the file that names it
    style: Literal["auto", "yolo", "detr"] = "auto"
    person_class: Annotated[int, Field(ge=0, le=10_000)] = 0
    min_confidence: Annotated[float, Field(gt=0, lt=1)] = 0.35
    every_s: Annotated[float, Field(ge=0.2, le=60)] = 1.0  # it looks at the whole picture no more often
    pixels: Literal["auto", "rgb01", "bgr255", "imagenet"] = "auto"  # how it wants them

    def under(self, folder: Path) -> DetectorFile:
        """With its path made absolute."""
        return self.model_copy(update={"model": folder / self.model})


class TransectPoint(LatLon):
    """A surveyed point of a transect."""

    amsl_m: float


class Transect(BaseModel):
    """A line that the water climbs: up a staff, a wall's face or a slope, from its lowest point to its highest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: Annotated[tuple[TransectPoint, ...], Field(min_length=2, max_length=32)]

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        heights = [point.amsl_m for point in self.points]
        if any(high <= low for low, high in itertools.pairwise(heights)):
            raise ValueError("a transect climbs: each point's amsl_m is above the one before")
        return self


class Camera(BaseModel):
    """A fixed camera with its calibration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    name: dict[str, str]  # "zh", "en"
    stream: str  # http(s)://, rtsp:// or a path
    position: LatLon
    height_amsl_m: float  # of the lens
    yaw_deg: Annotated[float, Field(ge=0, lt=360)]  # of the optical axis, clockwise from true north
    pitch_deg: Annotated[float, Field(ge=-90, le=90)]  # of the optical axis, negative looks down
    roll_deg: float = 0.0
    lens: Lens
    analysis_fps: Annotated[float, Field(gt=0, le=30)] = 5.0
    range_m: Annotated[float, Field(gt=0)] = 90.0  # beyond it a person is too small to be seen reliably
    thresholds: dict[str, dict[str, StrictBool | float]] = {}  # of this camera's rules (vision/thresholds.py)
    detector: DetectorFile | None = None
    transects: tuple[Transect, ...] = ()  # where the water's level is read; none: on the face of the seawall
