"""A drone's camera as the site describes it: its lens, its address, and how far its telemetry may be trusted."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vision.camera import Lens

Sigma = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class DroneCamera(BaseModel):
    """A camera on a gimbal that keeps level; it looks where the gimbal says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: str  # http(s)://, rtsp:// or a path
    lens: Lens
    analysis_fps: Annotated[float, Field(gt=0, le=30)] = 5.0
    latency_s: Annotated[float, Field(ge=0, le=5)] = 0.15
    """From the shutter until the picture is here, less the telemetry's own way: measured once, see the manual."""
    latency_sigma_s: Sigma = 0.05
    tilt_sigma_deg: Sigma = 1.0  # gimbal, mounting and horizon together
    yaw_sigma_deg: Sigma = 2.0  # the compass and the mounting
    position_sigma_m: Sigma = 1.0  # each horizontal axis, as satellites give it
    height_sigma_m: Sigma = 1.5
