"""When a drone is wanted for an incident, and what for. Pure.

Hailing from the bank comes first for somebody who only stands where they should not; somebody in the water gets a
lifebuoy at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flightctl.dispatch.decision import Purpose
from flightctl.incidents.lifecycle import happened, is_open
from flightctl.incidents.model import Incident, IncidentState, Priority
from flightctl.site import LaunchPolicy, Policy
from vision.alert import AlertKind

_SEEN_WITHIN_S = 8.0  # a drone is not sent after somebody who may have gone


@dataclass(frozen=True, slots=True)
class Wish:
    """What should fly, and whether a person must say so first."""

    purpose: Purpose
    needs_word: str = ""  # why it waits for a person; empty when it may go by itself


def wished(
    incident: Incident, policy: Policy, now: datetime, *, hold: bool, unseen_s: float, left: bool
) -> Wish | None:
    """None when no drone is wanted (now)."""
    if incident.test or not is_open(incident) or happened(incident, "dropped"):
        return None
    kinds = {alert.kind for alert in incident.alerts}
    ordered = was_ordered(incident)
    if incident.priority is Priority.P1 and kinds & {AlertKind.FALL, AlertKind.PERSON_IN_WATER}:
        purpose = Purpose.LIFEBUOY
    elif AlertKind.ZONE_ENTRY in kinds:
        if not ordered and (left or unseen_s > _SEEN_WITHIN_S or not _hailed_long_enough(incident, policy, now)):
            return None
        purpose = Purpose.HAIL
    else:
        return None
    if ordered:
        return Wish(purpose)
    if incident.state is IncidentState.ESCALATED:
        return None
    if _recalled(incident):
        return Wish(purpose, "the drone was recalled; a person decides whether another goes")
    rules = [policy.launch.get(kind, LaunchPolicy.NEVER) for kind in kinds]
    if hold:
        return Wish(purpose, "HOLD is on")
    if LaunchPolicy.AUTO in rules:
        return Wish(purpose)
    if LaunchPolicy.CONFIRM in rules:
        return Wish(purpose, "the site's policy asks for a person's word")
    return None


def _hailed_long_enough(incident: Incident, policy: Policy, now: datetime) -> bool:
    first = next((entry.at for entry in incident.timeline if entry.step in {"hail", "hail_failed"}), None)
    if first is None:
        return False
    wait_s = policy.hail_before_launch_p2_s if incident.priority is Priority.P2 else policy.hail_before_launch_s
    return (now - first).total_seconds() >= wait_s


def was_ordered(incident: Incident) -> bool:
    """A person ordered the launch, and nobody has called it back since."""
    for entry in reversed(incident.timeline):
        if entry.step == "launch_ordered":
            return True
        if entry.step in {"recalled", "state_escalated"}:
            return False
    return False


def _recalled(incident: Incident) -> bool:
    for entry in reversed(incident.timeline):
        if entry.step == "recalled":
            return True
        if entry.step == "launch_ordered":
            return False
    return False
