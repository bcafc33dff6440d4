"""What the store keeps besides incidents, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command to a dock, drone or speaker. Recorded before it is sent and again with what it came to."""

    cmd_id: UUID
    at: datetime
    target: str  # "dock:dock-mid", "drone:cx-1", "speaker:sp-2"
    action: str  # "prepare", "arm", "drop", "say", ...
    incident_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    result: str | None = None  # None while it is under way; "done", "failed: cover_jammed", ...


@dataclass(frozen=True, slots=True)
class TelemetryRow:
    """Where a drone was and how it did, at an instant; None is what it has not said."""

    at: datetime
    drone_id: str
    lat: float | None = None
    lon: float | None = None
    height_m: float | None = None  # above its home
    heading_deg: float | None = None
    speed_mps: float | None = None  # over ground
    climb_mps: float | None = None
    battery_percent: float | None = None
    mode: str = ""
    armed: bool = False
    incident_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """What a person did: an entry of the audit trail."""

    at: datetime
    actor: str
    action: str  # "hold", "consent", "recall", ...
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
