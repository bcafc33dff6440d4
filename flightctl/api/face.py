"""The service as the API sees it, so that the API can be tested without hardware and the service without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from flightctl.api.calibration_views import CalibrationRequest, CalibrationResult, CalibrationStored, OverlayView
from flightctl.api.views import SiteView, StateView
from flightctl.dispatch.decision import Decision
from flightctl.incidents.model import Incident
from flightctl.preflight_report import Override, PreflightReport
from geofence.errors import ChaoxunError
from vision.alert import AlertKind, UncertainPosition


class NotFound(ChaoxunError):
    """There is no such incident, drone, camera or speaker."""


class NotNow(ChaoxunError):
    """The request is understood and cannot be done in the present state; the text says why and what to do."""


class ExternalAlert(BaseModel):
    """What another system says when it raises an alert."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: AlertKind
    position: UncertainPosition
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    note: Annotated[str, Field(max_length=500)] = ""
    key: Annotated[str, Field(min_length=1, max_length=200)]
    """The sender's own key for this event; the same key again changes nothing."""


@dataclass(frozen=True, slots=True)
class AlertOutcome:
    """What an external alert came to."""

    incident: Incident
    decision: Decision | None  # the whole decision; None when the policy asks for no drone
    launched: bool
    repeated: bool  # the key was seen before


class ServiceFace(Protocol):
    """Actions take `actor`, the name of who acts; every one is written to the timeline and the store."""

    def site_view(self) -> SiteView: ...

    def state_view(self) -> StateView: ...

    def camera_frame(self, camera_id: str) -> bytes | None:
        """The newest preview JPEG, or None when there is none yet. Raises NotFound."""
        ...

    async def camera_overlay(self, camera_id: str) -> OverlayView:
        """The present calibration as lines in the picture. Raises NotFound."""
        ...

    async def try_calibration(self, camera_id: str, order: CalibrationRequest) -> CalibrationResult:
        """Raises NotFound, CalibrationRefused."""
        ...

    async def accept_calibration(self, camera_id: str, order: CalibrationRequest, *, actor: str) -> CalibrationStored:
        """Into the site file. Raises NotFound, CalibrationRefused, NotNow."""
        ...

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Calls back when something changed that should be seen at once; the result unsubscribes."""
        ...

    async def raise_alert(self, alert: ExternalAlert, *, source: str, test: bool) -> AlertOutcome: ...

    async def set_hold(self, hold: bool, *, actor: str) -> None: ...

    async def consent(self, incident_id: UUID, *, given: bool, actor: str) -> Incident: ...

    async def launch(self, incident_id: UUID, *, actor: str, overrides: tuple[Override, ...] = ()) -> Incident:
        """A person orders the launch that the policy, HOLD or a check kept back. Raises NotNow for a check that
        cannot be overridden."""
        ...

    async def preflight(self, drone_id: str) -> PreflightReport:
        """Every check of the drone, made now; it may take some seconds. Raises NotFound."""
        ...

    async def reject(self, incident_id: UUID, *, reason: str, actor: str) -> Incident: ...

    async def close(self, incident_id: UUID, *, note: str, actor: str) -> Incident: ...

    async def recall(self, drone_id: str, *, reason: str, actor: str) -> None: ...

    async def hail(
        self,
        *,
        text: str,
        language: str,
        speaker_ids: tuple[str, ...],
        drone_id: str | None,
        incident_id: UUID | None,
        actor: str,
    ) -> tuple[str, ...]:
        """Speaks on the given loudspeakers; answers which took it. Raises NotNow when none did."""
        ...
