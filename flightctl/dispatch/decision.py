"""The contract of a dispatch decision: who flies where and why, and why the others do not (DESIGN §4)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from geofence.position import LatLon
from vision.alert import UncertainPosition


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(StrEnum):
    """Why a drone is not the one. The value is the stable name; `Candidate.reason` says it with numbers."""

    DOCK_OFFLINE = "dock_offline"
    DOCK_FAULT = "dock_fault"
    DOCK_BUSY = "dock_busy"
    WIND = "wind"
    DRONE_OFFLINE = "drone_offline"
    DRONE_NOT_READY = "drone_not_ready"
    DRONE_BUSY = "drone_busy"
    NO_PAYLOAD = "no_payload"
    BATTERY = "battery"
    NO_ROUTE = "no_route"
    FAILED_BEFORE = "failed_before"  # already tried for this incident
    LATER = "later"  # fit, but another is there sooner


class Candidate(_Part):
    """One drone as the decision saw it."""

    dock_id: str
    drone_id: str
    chosen: bool
    refusal: Refusal | None  # None only for the chosen one
    reason: str
    ready_s: float | None = None  # from the decision until it can leave the dock
    on_scene_s: float | None = None
    in_water_s: float | None = None  # until the lifebuoy is in the water
    battery_margin_percent: float | None = None  # above the reserve, back at the dock


class Purpose(StrEnum):
    LIFEBUOY = "lifebuoy"  # fly there, hail, drop
    HAIL = "hail"  # fly there, hail, watch


class Decision(_Part):
    version: Literal[1] = 1
    id: UUID
    incident_id: UUID
    at: AwareDatetime
    purpose: Purpose
    dock_id: str | None  # None: nobody can go; the candidates say why
    drone_id: str | None
    route: tuple[LatLon, ...] = ()  # from the dock to the scene
    target: UncertainPosition | None = None  # where the person is reckoned to be on arrival
    drop_point: LatLon | None = None
    candidates: tuple[Candidate, ...]
    explanation: str
    inputs: dict[str, Any] = {}  # wind, bore ETA and the like, as used
