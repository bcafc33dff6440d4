"""A camera as the site describes it: where it hangs, where it looks, through what lens, at what address."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from geofence.position import LatLon


class Lens(BaseModel):
    """Pinhole with OpenCV's radial distortion; the principal point is the picture's middle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: Annotated[int, Field(ge=64, le=8192)]
    height_px: Annotated[int, Field(ge=64, le=8192)]
    hfov_deg: Annotated[float, Field(gt=1, lt=170)]  # horizontal field of view without distortion
    k1: float = 0.0
    k2: float = 0.0


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
