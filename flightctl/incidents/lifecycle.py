"""Changes of an incident, each giving a new one. Pure; the one place where its state moves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flightctl.incidents.model import OPEN_STATES, TRANSITIONS, Incident, IncidentState, Priority, TimelineEntry
from geofence.errors import ChaoxunError
from vision.alert import Alert, EvidenceUpdate

_WATCHED_AFTER_S = 600.0


class IllegalTransition(ChaoxunError):
    """The incident's state does not lead there."""


def noted(
    incident: Incident, at: datetime, actor: str, step: str, text: str = "", data: dict[str, Any] | None = None
) -> Incident:
    """With one more line in its timeline."""
    entry = TimelineEntry(at=at, actor=actor, step=step, text=text, data=data or {})
    return incident.model_copy(update={"timeline": (*incident.timeline, entry)})


def moved(incident: Incident, state: IncidentState, at: datetime, actor: str, text: str = "") -> Incident:
    """In the next state; raises IllegalTransition when the present one does not lead there."""
    if state not in TRANSITIONS[incident.state]:
        raise IllegalTransition(f"an incident that is {incident.state.value} cannot become {state.value}")
    return noted(incident.model_copy(update={"state": state}), at, actor, f"state_{state.value}", text)


def with_alert(incident: Incident, alert: Alert, at: datetime, actor: str) -> Incident:
    """With one more alert about the same person or place."""
    update: dict[str, Any] = {"alerts": (*incident.alerts, alert)}
    if alert.position is not None:
        update["position"] = alert.position
    zone_id = alert.details.get("zone_id")
    if isinstance(zone_id, str):
        update["zone_id"] = zone_id
    return noted(
        incident.model_copy(update=update),
        at,
        actor,
        "alert",
        str(alert.details.get("reason", "")),
        {"kind": alert.kind.value, "alert_id": str(alert.id), "confidence": alert.confidence},
    )


def with_evidence(incident: Incident, update: EvidenceUpdate, at: datetime, actor: str) -> Incident:
    """With a snapshot or clip of one of its alerts, and its hashes in the timeline."""
    alerts = tuple(
        alert.model_copy(update={"evidence": alert.evidence.updated(update)})
        if alert.id == update.alert_id
        else alert
        for alert in incident.alerts
    )
    text = update.note
    if update.path is not None:
        length = "" if update.length_s is None else f" of {update.length_s:.0f} s"
        text = f"{update.what}{length}" + (f"; {update.note}" if update.note else "")
    data = {"alert_id": str(update.alert_id), "what": update.what, "sha256": update.sha256}
    changed = incident.model_copy(update={"alerts": alerts})
    return noted(changed, at, actor, "evidence" if update.path is not None else "evidence_missing", text, data)


def with_priority(incident: Incident, priority: Priority, at: datetime, why: str) -> Incident:
    if priority == incident.priority:
        return incident
    return noted(
        incident.model_copy(update={"priority": priority}),
        at,
        "dispatch",
        "priority",
        f"P{incident.priority.value} to P{priority.value}: {why}",
    )


def is_open(incident: Incident) -> bool:
    return incident.state in OPEN_STATES


def still_watched(incident: Incident, now: datetime) -> bool:
    """Open, or resolved so lately that what is seen there now is still the same person: a lifebuoy does not take
    anybody out of the water."""
    if is_open(incident):
        return True
    if incident.state is not IncidentState.RESOLVED:
        return False
    ended = next((e.at for e in reversed(incident.timeline) if e.step == "state_resolved"), incident.opened_at)
    return (now - ended).total_seconds() <= _WATCHED_AFTER_S


def happened(incident: Incident, step: str) -> bool:
    return any(entry.step == step for entry in incident.timeline)
