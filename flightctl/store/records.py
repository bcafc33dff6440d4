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
    """Where a drone was and how it did, at an instant."""

    at: datetime
    drone_id: str
    lat: float
    lon: float
    height_m: float  # above its home
    heading_deg: float
    ground_speed_mps: float
    climb_mps: float
    battery_percent: float | None = None
    mode: str = ""
    armed: bool = False
    incident_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """What a person did: the audit trail's entry."""

    at: datetime
    actor: str
    action: str  # "hold", "consent", "recall", ...
    subject: str  # "incident:<id>", "drone:cx-1", "site"
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ExternalKey:
    """Another system's own name for an event, so that a repeated call changes nothing."""

    source: str
    key: str
