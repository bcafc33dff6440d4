"""When a drone is wanted, what for, and when a person must say so first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from flightctl.dispatch.decision import Purpose
from flightctl.dispatch.rules import Wish, wished
from flightctl.incidents.lifecycle import noted
from flightctl.incidents.model import Incident, IncidentState, Priority
from flightctl.site import LaunchPolicy, Policy
from vision.alert import Alert, AlertKind, UncertainPosition

AT = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
POLICY = Policy()


def incident(
    kind: AlertKind = AlertKind.FALL,
    priority: Priority = Priority.P1,
    state: IncidentState = IncidentState.VERIFIED,
    *,
    steps: tuple[str, ...] = (),
    test: bool = False,
) -> Incident:
    position = UncertainPosition(lat=30.4017, lon=120.5431, sigma_m=1.5)
    alert = Alert(id=UUID(int=7), kind=kind, camera_id="cam-3", at=AT, position=position, confidence=0.9)
    made = Incident(
        id=UUID(int=1), opened_at=AT, priority=priority, state=state, position=position, alerts=(alert,), test=test
    )
    for step in steps:
        made = noted(made, AT, "test", step)
    return made


def wish(
    subject: Incident,
    *,
    after_s: float = 0.0,
    policy: Policy = POLICY,
    hold: bool = False,
    unseen_s: float = 0.0,
    left: bool = False,
) -> Wish | None:
    return wished(subject, policy, AT + timedelta(seconds=after_s), hold=hold, unseen_s=unseen_s, left=left)


def test_somebody_in_the_water_gets_a_lifebuoy_at_once() -> None:
    assert wish(incident(), unseen_s=60.0) == Wish(Purpose.LIFEBUOY)


def test_hold_keeps_the_launch_for_a_person() -> None:
    kept = wish(incident(), hold=True)
    assert kept is not None
    assert kept.needs_word == "HOLD is on"
    assert wish(incident(steps=("launch_ordered",)), hold=True) == Wish(Purpose.LIFEBUOY)


def test_a_recalled_drone_is_not_replaced_without_a_persons_word() -> None:
    kept = wish(incident(steps=("recalled",)))
    assert kept is not None
    assert "recalled" in kept.needs_word
    assert wish(incident(steps=("recalled", "launch_ordered"))) == Wish(Purpose.LIFEBUOY)
    again = wish(incident(steps=("launch_ordered", "recalled")))
    assert again is not None
    assert again.needs_word


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (LaunchPolicy.AUTO, Wish(Purpose.LIFEBUOY)),
        (LaunchPolicy.CONFIRM, Wish(Purpose.LIFEBUOY, "the site's policy asks for a person's word")),
        (LaunchPolicy.NEVER, None),
    ],
)
def test_the_sites_policy_decides_by_kind(policy: LaunchPolicy, expected: Wish | None) -> None:
    assert wish(incident(), policy=Policy(launch={AlertKind.FALL: policy})) == expected


def test_the_bank_hails_first_and_a_drone_goes_only_to_somebody_who_stays() -> None:
    entered = incident(AlertKind.ZONE_ENTRY, Priority.P3)
    assert wish(entered, after_s=300) is None  # nobody has been hailed yet
    hailed = incident(AlertKind.ZONE_ENTRY, Priority.P3, steps=("hail",))
    assert wish(hailed, after_s=24) is None
    assert wish(hailed, after_s=26) == Wish(Purpose.HAIL)
    assert wish(hailed, after_s=26, unseen_s=20) is None
    assert wish(hailed, after_s=26, left=True) is None


def test_with_the_bore_near_the_wait_is_shorter() -> None:
    hailed = incident(AlertKind.ZONE_ENTRY, Priority.P2, steps=("hail",))
    assert wish(hailed, after_s=13) == Wish(Purpose.HAIL)


def test_a_broken_loudspeaker_does_not_keep_the_drone_home() -> None:
    deaf = incident(AlertKind.ZONE_ENTRY, Priority.P3, steps=("hail_failed",))
    assert wish(deaf, after_s=26) == Wish(Purpose.HAIL)


@pytest.mark.parametrize("state", [IncidentState.RESOLVED, IncidentState.REJECTED, IncidentState.CLOSED])
def test_nothing_flies_for_an_incident_that_is_over(state: IncidentState) -> None:
    assert wish(incident(state=state)) is None


def test_nothing_ever_flies_for_a_test_nor_twice_for_one_drop_nor_for_a_camera() -> None:
    assert wish(incident(test=True)) is None
    assert wish(incident(steps=("dropped",))) is None
    assert wish(incident(AlertKind.CAMERA_FAULT, Priority.P4)) is None


def test_an_escalated_incident_waits_for_a_person() -> None:
    assert wish(incident(state=IncidentState.ESCALATED)) is None
    ordered = incident(state=IncidentState.ESCALATED, steps=("launch_ordered",))
    assert wish(ordered) == Wish(Purpose.LIFEBUOY)
