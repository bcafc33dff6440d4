"""What the panel sends and sees when it calibrates a camera."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vision.control_points import ControlPoint
from vision.overlay import LineKind

Pixels = Annotated[int, Field(ge=64, le=8192)]


class CalibrationRequest(BaseModel):
    """Points marked in a still of `width_px` x `height_px`, and what is sought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: Pixels
    height_px: Pixels
    points: Annotated[tuple[ControlPoint, ...], Field(min_length=1, max_length=100)]
    fix_position: bool = False
    fix_focal: bool = False
    distortion: Annotated[int, Field(ge=0, le=2)] = 0


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class OverlayLineView(_View):
    kind: LineKind
    label: str
    points: tuple[tuple[float, float], ...]  # pixels of the overlay's own size


class OverlayView(_View):
    """Where a calibration puts grid, distances, zones and the seawall's edge in the picture."""

    width_px: int
    height_px: int
    lines: tuple[OverlayLineView, ...]


class PointResidualView(_View):
    name: str
    off_u_px: float  # marked minus computed, in pixels of the camera's picture
    off_v_px: float
    off_px: float
    off_m: float | None  # on the point's own height
    agrees: bool


class CalibrationValueView(_View):
    name: str
    before: float
    after: float
    sigma: float | None  # None: kept, or not determined


class CalibrationResult(_View):
    """A fit, accepted or refused; nothing is changed by it."""

    accepted: bool
    refusals: tuple[str, ...]
    rms_px: float
    rms_limit_px: float
    ground_sigma_at_100_m: float | None
    points: tuple[PointResidualView, ...]
    values: tuple[CalibrationValueView, ...]
    block: str  # for site.yaml
    overlay: OverlayView


class CalibrationStored(_View):
    """The site file has it. Cameras are read when the service starts, so it works from then on."""

    camera_id: str
    in_force: Literal["after_restart"] = "after_restart"
    result: CalibrationResult
