"""What a rule says: the pipeline makes the Alert of it, with an identifier, a place in degrees and a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from geofence.position import Enu
from vision.alert import AlertKind


@dataclass(frozen=True, slots=True)
class Finding:
    kind: AlertKind
    position: Enu
    sigma_m: float
    track_id: int | None
    confidence: float
    details: dict[str, Any] = field(default_factory=dict[str, Any])
