"""Which open incident an alert belongs to: the same person, or the same place. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from flightctl.incidents.model import Incident
from geofence.position import LocalFrame
from vision.alert import Alert, AlertKind

_REACH_M = 8.0  # two cameras, or two tracks, of one person
_MOST_M = 30.0
_SAME_MOMENT_S = 8.0
_SAME_MOMENT_REACH_M = 25.0

_FALLING = frozenset({AlertKind.FALL, AlertKind.PERSON_IN_WATER})
_PERSON = frozenset({AlertKind.FALL, AlertKind.PERSON_IN_WATER, AlertKind.ZONE_ENTRY})


def incident_for(alert: Alert, incidents: Iterable[Incident], frame: LocalFrame) -> Incident | None:
    """The open incident that this alert is about, or None when it is a new one."""
    best: tuple[float, Incident] | None = None
    for incident in incidents:
        if incident.test:
            continue
        distance_m = _distance_m(alert, incident, frame)
        if distance_m is not None and (best is None or distance_m < best[0]):
            best = (distance_m, incident)
    return None if best is None else best[1]


def _distance_m(alert: Alert, incident: Incident, frame: LocalFrame) -> float | None:
    """How far the alert is from the incident; None when they are about different things."""
    if alert.kind is AlertKind.CAMERA_FAULT:
        same = any(a.kind is AlertKind.CAMERA_FAULT and a.camera_id == alert.camera_id for a in incident.alerts)
        return 0.0 if same else None
    if (alert.kind in _PERSON) != any(a.kind in _PERSON for a in incident.alerts):
        return None
    if alert.kind not in _PERSON and alert.kind not in {a.kind for a in incident.alerts}:
        return None
    for other in incident.alerts:
        same_track = alert.track_id is not None and other.track_id == alert.track_id
        if same_track and other.camera_id == alert.camera_id:
            return 0.0
    where = incident.drift.position if incident.drift is not None else incident.position
    if where is None or alert.position is None:
        return None
    distance_m = frame.to_enu(where).distance_m(frame.to_enu(alert.position))
    limit_m = min(_REACH_M + 2.0 * (where.sigma_m + alert.position.sigma_m), _MOST_M)
    if _same_moment(alert, incident):
        limit_m = max(limit_m, _SAME_MOMENT_REACH_M)
    return distance_m if distance_m <= limit_m else None


def _same_moment(alert: Alert, incident: Incident) -> bool:
    """A fall seen by several cameras: while somebody falls, each places them a little elsewhere."""
    falls = [a.at for a in incident.alerts if a.kind in _FALLING]
    return alert.kind in _FALLING and any(abs((alert.at - at).total_seconds()) <= _SAME_MOMENT_S for at in falls)
