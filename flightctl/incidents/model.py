"""What an incident is: its data, its states and which may follow which (DESIGN §4).

detected ─► verified ─► dispatched ─► airborne ─► on_scene ─► acting ─► resolved ─► closed
    │           │            │            │           │           │         ▲
    │           └────────────┴────────────┴───────────┴───────────┴─────────┘  (over without the later steps)
    ├─► rejected ─► closed          a person (or vision) says it was nothing
    └─► cancelled ─► closed         recalled before the end
escalated can be reached from every open state and leads on like the state it interrupted.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flightctl.dispatch.decision import Decision
from flightctl.preflight_report import PreflightReport
from vision.alert import Alert, UncertainPosition


class Priority(IntEnum):
    P1 = 1  # person in the water, or a fall
    P2 = 2  # person beyond the seawall with the bore within 30 minutes
    P3 = 3  # zone entry otherwise
    P4 = 4  # crowd, equipment


class IncidentState(StrEnum):
    DETECTED = "detected"
    VERIFIED = "verified"
    DISPATCHED = "dispatched"
    AIRBORNE = "airborne"
    ON_SCENE = "on_scene"
    ACTING = "acting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    ESCALATED = "escalated"


_S = IncidentState
_OVER = frozenset({_S.RESOLVED, _S.REJECTED, _S.CANCELLED, _S.ESCALATED})
TRANSITIONS: dict[IncidentState, frozenset[IncidentState]] = {
    _S.DETECTED: frozenset({_S.VERIFIED}) | _OVER,
    _S.VERIFIED: frozenset({_S.DISPATCHED}) | _OVER,
    # A drone that fails on the way sends the incident back to `verified` until the next one is chosen.
    _S.DISPATCHED: frozenset({_S.AIRBORNE, _S.VERIFIED}) | _OVER,
    _S.AIRBORNE: frozenset({_S.ON_SCENE, _S.VERIFIED}) | _OVER,
    _S.ON_SCENE: frozenset({_S.ACTING, _S.VERIFIED}) | _OVER,
    _S.ACTING: frozenset({_S.VERIFIED}) | _OVER,
    _S.ESCALATED: frozenset({_S.VERIFIED, _S.DISPATCHED, _S.AIRBORNE, _S.ON_SCENE, _S.ACTING})
    | _OVER - {_S.ESCALATED},
    _S.RESOLVED: frozenset({_S.CLOSED}),
    _S.REJECTED: frozenset({_S.CLOSED}),
    _S.CANCELLED: frozenset({_S.CLOSED}),
    _S.CLOSED: frozenset(),
}
OPEN_STATES = frozenset({_S.DETECTED, _S.VERIFIED, _S.DISPATCHED, _S.AIRBORNE, _S.ON_SCENE, _S.ACTING, _S.ESCALATED})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TimelineEntry(_Part):
    """One thing that happened: who or what did it, when, and why."""

    at: AwareDatetime
    actor: str  # "vision:cam-3", "dispatch", "dock:dock-mid", "drone:cx-1", "operator"
    step: str  # stable name for software and the catalogue: "alert", "hail", "cover_open", "armed", "dropped", ...
    text: str = ""  # the reason or measure, for people, in English
    data: dict[str, Any] = {}


class Consent(StrEnum):
    """A person's word on the drop; without one the policy decides."""

    UNASKED = "unasked"
    GIVEN = "given"
    REFUSED = "refused"


class Drift(_Part):
    """Where the person is reckoned to be now."""

    at: AwareDatetime
    position: UncertainPosition
    east_mps: float  # velocity over ground
    north_mps: float
    observed_at: AwareDatetime  # the last sighting the estimate rests on


class Outcome(_Part):
    """What came of it, said at the end."""

    summary: str
    buoy_distance_m: float | None = None  # from the person's reckoned position when the buoy met the water
    steps_s: dict[str, float] = {}  # seconds from the alert to each named step


class Incident(_Part):
    version: Literal[1] = 1
    id: UUID
    opened_at: AwareDatetime
    priority: Priority
    state: IncidentState
    position: UncertainPosition | None
    zone_id: str | None = None
    alerts: tuple[Alert, ...]
    drift: Drift | None = None
    decisions: tuple[Decision, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    preflights: tuple[PreflightReport, ...] = ()  # of every flight that was tried, with what a person overrode
    consent: Consent = Consent.UNASKED
    drone_id: str | None = None  # the one that serves it now
    test: Annotated[bool, Field(description="raised by a test call: never launches")] = False
    outcome: Outcome | None = None
