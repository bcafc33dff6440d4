"""A world in a line: incidents, alerts and decisions for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from flightctl.dispatch.decision import Candidate, Decision, Purpose
from flightctl.incidents.model import Incident, IncidentState, Priority, TimelineEntry
from geofence.identity import uuid7
from vision.alert import Alert, AlertKind, UncertainPosition

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
PLACE = UncertainPosition(lat=30.4020, lon=120.5420, sigma_m=2.0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def new_id(seconds: float = 0.0) -> UUID:
    return uuid7(at(seconds), np.random.default_rng(int(seconds * 1000)))


def alert(seconds: float = 0.0, kind: AlertKind = AlertKind.FALL) -> Alert:
    return Alert(
        id=new_id(seconds + 0.001), kind=kind, camera_id="cam-3", at=at(seconds), position=PLACE, confidence=0.9
    )


def decision(incident_id: UUID, seconds: float = 1.0) -> Decision:
    return Decision(
        id=new_id(seconds + 0.002),
        incident_id=incident_id,
        at=at(seconds),
        purpose=Purpose.LIFEBUOY,
        dock_id="dock-mid",
        drone_id="cx-2",
        candidates=(
            Candidate(dock_id="dock-mid", drone_id="cx-2", chosen=True, refusal=None, reason="first there: 41 s"),
        ),
        explanation="cx-2 is there first",
    )


def entry(seconds: float, step: str = "alert", text: str = "落水") -> TimelineEntry:
    return TimelineEntry(at=at(seconds), actor="vision:cam-3", step=step, text=text, data={"seen": 3})


def incident(
    seconds: float = 0.0,
    *,
    state: IncidentState = IncidentState.DETECTED,
    priority: Priority = Priority.P1,
    steps: int = 1,
) -> Incident:
    return Incident(
        id=new_id(seconds),
        opened_at=at(seconds),
        priority=priority,
        state=state,
        position=PLACE,
        alerts=(alert(seconds),),
        timeline=tuple(entry(seconds + step) for step in range(steps)),
    )
