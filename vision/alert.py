"""The contract by which vision speaks: alerts, sightings and camera health (DESIGN §4)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from geofence.position import LatLon
from geofence.zones import Surface
from vision.vitals import CameraVitals


class AlertKind(StrEnum):
    ZONE_ENTRY = "zone_entry"
    FALL = "fall"
    PERSON_IN_WATER = "person_in_water"
    RISING_WATER = "rising_water"
    BORE_FRONT = "bore_front"
    CROWD_DENSITY = "crowd_density"
    LEFT_BEHIND = "left_behind"
    CAMERA_FAULT = "camera_fault"


class UncertainPosition(LatLon):
    """A WGS-84 point and the one-sigma radius of its error on the ground."""

    sigma_m: Annotated[float, Field(strict=True, gt=0, le=5000, allow_inf_nan=False)]


class EvidenceUpdate(BaseModel):
    """What came of keeping a snapshot or clip; it follows its alert when the file is on the disk, or cannot be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert_id: UUID
    what: Literal["snapshot", "clip"]
    path: str | None  # None: it was not kept; the note says why
    sha256: dict[str, str] = {}  # of each file written, the blurred copy included, by its path
    alert_s: float | None = None  # the second of the clip at which the alert was raised
    length_s: float | None = None
    note: str = ""


class Evidence(BaseModel):
    """The pictures kept for an alert. Paths are relative to the evidence folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    snapshot: str | None = None
    clip: str | None = None
    sha256: dict[str, str] = {}  # of each file, by its path
    clip_alert_s: float | None = None  # the second of the clip at which the alert was raised
    note: str = ""  # why something is missing or shorter

    def updated(self, update: EvidenceUpdate) -> Evidence:
        note = "; ".join(dict.fromkeys(text for text in (self.note, update.note) if text))
        change: dict[str, Any] = {update.what: update.path, "sha256": {**self.sha256, **update.sha256}, "note": note}
        if update.what == "clip":
            change["clip_alert_s"] = update.alert_s
        return self.model_copy(update=change)


class Alert(BaseModel):
    """Something a camera (or another system) saw that people must know of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: UUID  # UUIDv7
    kind: AlertKind
    camera_id: Annotated[str, Field(min_length=1, max_length=64)]
    at: AwareDatetime
    position: UncertainPosition | None  # None only for camera_fault
    track_id: int | None = None
    confidence: Annotated[float, Field(ge=0, le=1)]
    evidence: Evidence = Evidence()
    details: dict[str, Any] = {}  # zone_id, reason, thresholds met; plain JSON values


class PixelBox(BaseModel):
    """A box in the analysed picture: left, top, width, height in pixels."""

    model_config = ConfigDict(frozen=True)

    x: float
    y: float
    w: float
    h: float


class TrackView(BaseModel):
    """One tracked person as seen in one frame: for the panel's boxes and for following a casualty."""

    model_config = ConfigDict(frozen=True)

    track_id: int
    box: PixelBox
    surface: Surface
    position: UncertainPosition
    zone_ids: tuple[str, ...] = ()
    alerting: bool = False  # part of an alert raised or in force


class CameraHealth(StrEnum):
    STARTING = "starting"  # no picture yet, or the background is still being learnt
    OK = "ok"
    DARK = "dark"
    FROZEN = "frozen"
    LOST = "lost"  # the stream is gone; reconnecting


class FrameReport(BaseModel):
    """What a camera's pipeline says of one analysed frame, or of a frame that did not come."""

    model_config = ConfigDict(frozen=True)

    camera_id: str
    at: datetime  # UTC; when the frame was taken
    health: CameraHealth
    health_reason: str = ""
    alerts: tuple[Alert, ...] = ()
    tracks: tuple[TrackView, ...] = ()
    preview_jpeg: bytes | None = None  # the picture with boxes drawn; not on every frame
    evidence: tuple[EvidenceUpdate, ...] = ()  # of alerts told earlier
    vitals: CameraVitals | None = None  # now and then
