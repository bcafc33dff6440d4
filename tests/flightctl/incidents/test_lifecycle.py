"""An incident's states follow one another as drawn, and in no other way."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.incidents.lifecycle import IllegalTransition, is_open, moved
from flightctl.incidents.model import OPEN_STATES, TRANSITIONS, Incident, IncidentState, Priority
from flightctl.incidents.priority import priority_of, raised
from vision.alert import Alert, AlertKind, UncertainPosition

AT = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)


def incident(state: IncidentState = IncidentState.DETECTED) -> Incident:
    position = UncertainPosition(lat=30.4017, lon=120.5431, sigma_m=1.5)
    alert = Alert(
        id=UUID(int=7),
        kind=AlertKind.FALL,
        camera_id="cam-3",
        at=AT,
        position=position,
        track_id=4,
        confidence=0.9,
    )
    return Incident(
        id=UUID(int=1), opened_at=AT, priority=Priority.P1, state=state, position=position, alerts=(alert,)
    )


@given(st.sampled_from(list(IncidentState)), st.sampled_from(list(IncidentState)))
def test_only_drawn_transitions_happen(before: IncidentState, after: IncidentState) -> None:
    start = incident(before)
    if after in TRANSITIONS[before]:
        changed = moved(start, after, AT, "operator", "why")
        assert changed.state is after
        assert changed.timeline[-1].step == f"state_{after.value}"
        assert changed.timeline[-1].actor == "operator"
    else:
        with pytest.raises(IllegalTransition, match="cannot become"):
            moved(start, after, AT, "operator")


@given(st.lists(st.sampled_from(list(IncidentState)), max_size=12))
def test_a_closed_incident_stays_closed(wishes: list[IncidentState]) -> None:
    present = incident(IncidentState.CLOSED)
    for wish in wishes:
        with pytest.raises(IllegalTransition):
            moved(present, wish, AT, "operator")


def test_every_open_state_can_be_ended_by_a_person() -> None:
    for state in OPEN_STATES:
        assert is_open(incident(state))
        assert IncidentState.RESOLVED in TRANSITIONS[state]
        assert IncidentState.REJECTED in TRANSITIONS[state]


@pytest.mark.parametrize(
    ("kinds", "eta_s", "expected"),
    [
        ({AlertKind.FALL}, None, Priority.P1),
        ({AlertKind.PERSON_IN_WATER}, 9000.0, Priority.P1),
        ({AlertKind.ZONE_ENTRY}, 9000.0, Priority.P3),
        ({AlertKind.ZONE_ENTRY}, 1799.0, Priority.P2),
        ({AlertKind.ZONE_ENTRY}, -600.0, Priority.P2),  # the turn-back bore is still to come
        ({AlertKind.ZONE_ENTRY}, None, Priority.P3),
        ({AlertKind.ZONE_ENTRY, AlertKind.FALL}, None, Priority.P1),
        ({AlertKind.CAMERA_FAULT}, 60.0, Priority.P4),
    ],
)
def test_priority_follows_what_was_seen_and_how_near_the_bore_is(
    kinds: set[AlertKind], eta_s: float | None, expected: Priority
) -> None:
    assert priority_of(kinds, eta_s) is expected


@given(st.floats(-3600, 36_000), st.floats(0, 3600))
def test_priority_never_falls_as_the_bore_nears(eta_s: float, passed_s: float) -> None:
    before = priority_of({AlertKind.ZONE_ENTRY}, eta_s)
    after = raised(before, priority_of({AlertKind.ZONE_ENTRY}, eta_s - passed_s))
    assert after <= before
    assert raised(after, Priority.P4) is after
