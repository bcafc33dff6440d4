"""Who flies and why not the others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightctl.dispatch.decide import decide
from flightctl.dispatch.decision import Candidate, Decision, Purpose, Refusal
from flightctl.dispatch.situation import DockSituation, DroneSituation, Situation, TargetTrack
from flightctl.dock.protocol import DockState
from flightctl.preflight_report import CheckId
from flightctl.site import DropPolicy, Policy
from flightctl.site_loading import HAINING, Site, load_site
from geofence.position import Enu

SITE: Site = load_site(HAINING)
POLICY = Policy(drop=DropPolicy.AUTO, transit_height_m=20)
PERSON = Enu(95.0, -4.0)
BREEZE = Enu(2.0, 0.0)


def situation(purpose: Purpose = Purpose.LIFEBUOY, place: Enu = PERSON, wind: Enu = BREEZE) -> Situation:
    docks = tuple(
        DockSituation(dock, SITE.frame.to_enu(dock.position), DockState.IDLE, "", wind.length_m)
        for dock in SITE.file.docks
    )
    homes = {dock.dock.id: dock.place for dock in docks}
    drones = tuple(
        DroneSituation(drone, True, "", False, homes[drone.dock_id], 0.0, 95.0, drone.payload.hooks, None)
        for drone in SITE.file.drones
    )
    return Situation(
        at=datetime(2026, 9, 28, 4, 0, tzinfo=UTC),
        incident_id=UUID(int=3),
        purpose=purpose,
        target=TargetTrack.standing(place, 1.5),
        wind=wind,
        docks=docks,
        drones=drones,
        frame=SITE.frame,
        keep_outs=SITE.zones.keep_outs(),
        keep_in=SITE.zones.keep_in(),
    )


def decided(present: Situation) -> Decision:
    return decide(present, POLICY, decision_id=UUID(int=5))


def with_drone(present: Situation, drone_id: str, **change: object) -> Situation:
    drones = tuple(replace(d, **change) if d.drone.id == drone_id else d for d in present.drones)  # type: ignore[arg-type]
    return replace(present, drones=drones)


def with_dock(present: Situation, dock_id: str, **change: object) -> Situation:
    docks = tuple(replace(d, **change) if d.dock.id == dock_id else d for d in present.docks)  # type: ignore[arg-type]
    return replace(present, docks=docks)


def candidate(decision: Decision, drone_id: str) -> Candidate:
    return next(c for c in decision.candidates if c.drone_id == drone_id)


def test_the_drone_that_is_there_first_goes_and_every_other_says_why_not() -> None:
    decision = decided(situation())
    assert (decision.dock_id, decision.drone_id) == ("dock-mid", "cx-2")
    assert {c.drone_id for c in decision.candidates} == {drone.id for drone in SITE.file.drones}
    assert candidate(decision, "cx-4").refusal is Refusal.NO_PAYLOAD
    assert candidate(decision, "cx-1").refusal is Refusal.LATER
    assert "s later" in candidate(decision, "cx-1").reason
    assert all(c.reason for c in decision.candidates)


def test_the_second_dock_goes_when_the_first_has_a_fault() -> None:
    decision = decided(with_dock(situation(), "dock-mid", state=DockState.FAULT, reason="cover stuck half open"))
    assert decision.dock_id == "dock-east"
    assert candidate(decision, "cx-2").refusal is Refusal.DOCK_FAULT
    assert "cover stuck half open" in candidate(decision, "cx-2").reason


def test_wind_over_a_docks_limit_is_said_in_numbers() -> None:
    decision = decided(with_dock(situation(), "dock-mid", wind_mps=13.2))
    assert candidate(decision, "cx-2").reason == "dock-mid cannot launch: wind 13.2 > 12 m/s"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"online": False, "place": None, "fault": "link lost"}, Refusal.DRONE_OFFLINE),
        ({"airborne": True}, Refusal.DRONE_BUSY),
        ({"serving": UUID(int=8)}, Refusal.DRONE_BUSY),
        ({"fault": "no position estimate yet"}, Refusal.DRONE_NOT_READY),
        ({"hooks_loaded": 0}, Refusal.NO_PAYLOAD),
        ({"battery_percent": 26.0}, Refusal.BATTERY),
    ],
)
def test_a_drone_that_cannot_serve_stays(change: dict[str, object], refusal: Refusal) -> None:
    decision = decided(with_drone(situation(), "cx-2", **change))
    assert decision.drone_id != "cx-2"
    assert candidate(decision, "cx-2").refusal is refusal


def test_a_drone_that_failed_for_this_incident_is_not_sent_again() -> None:
    decision = decided(replace(situation(), failed_drones=frozenset({"cx-2"})))
    assert candidate(decision, "cx-2").refusal is Refusal.FAILED_BEFORE


def test_when_nobody_can_go_the_decision_says_so_for_everyone() -> None:
    present = situation()
    for dock in SITE.file.docks:
        present = with_dock(present, dock.id, state=DockState.OFFLINE)
    decision = decided(present)
    assert decision.drone_id is None
    assert "no drone can go" in decision.explanation
    assert all(c.refusal is not None for c in decision.candidates)


def test_somebody_to_be_hailed_may_get_the_drone_without_lifebuoys() -> None:
    decision = decided(situation(Purpose.HAIL, Enu(540.0, 20.0)))
    assert decision.drone_id == "cx-4"


def test_the_target_leads_a_drifting_person() -> None:
    drifting = TargetTrack((0.0, 100.0), (PERSON, Enu(195.0, -4.0)), (1.0, 5.0))
    decision = decided(replace(situation(), target=drifting))
    assert decision.target is not None
    arrival_s = candidate(decision, decision.drone_id or "").on_scene_s or 0.0
    led = SITE.frame.to_enu(decision.target)
    assert led.east_m == pytest.approx(PERSON.east_m + arrival_s, abs=2.0)


def test_the_route_keeps_clear_of_the_pagoda() -> None:
    decision = decided(situation())
    pagoda = SITE.zones.zone("pagoda").centre
    points = [SITE.frame.to_enu(point) for point in decision.route]
    assert min(point.distance_m(pagoda) for point in points[1:-1] or points) > 38.0


def overriding(present: Situation, check: CheckId, drone_id: str = "cx-2") -> Situation:
    return replace(present, overridden=frozenset({(drone_id, check)}))


@pytest.mark.parametrize("wind_mps", [13.5, 11.0])
def test_a_word_on_the_wind_lets_its_drone_be_chosen_and_no_other(wind_mps: float) -> None:
    windy = situation(wind=Enu(wind_mps, 0.0))
    slow = windy.drones[1].drone.model_copy(update={"max_wind_mps": 9.0})
    windy = with_drone(windy, "cx-2", drone=slow)
    assert candidate(decided(windy), "cx-2").refusal is Refusal.WIND
    decision = decided(overriding(windy, CheckId.WIND))
    assert candidate(decision, "cx-2").refusal in {None, Refusal.LATER}
    assert candidate(decided(overriding(windy, CheckId.WIND, "cx-1")), "cx-2").refusal is Refusal.WIND


def test_a_word_on_the_wind_opens_no_dock_and_gives_no_headway() -> None:
    shut = with_dock(situation(), "dock-mid", state=DockState.WEATHER_HOLD, wind_mps=13.0)
    assert candidate(decided(overriding(shut, CheckId.WIND)), "cx-2").refusal is Refusal.WIND
    storm = overriding(situation(wind=Enu(40.0, 0.0)), CheckId.WIND)
    assert "no headway" in candidate(decided(storm), "cx-2").reason


def test_a_word_on_the_battery_lets_it_go_below_its_reserve_and_says_so() -> None:
    low = with_drone(situation(), "cx-2", battery_percent=26.0)
    decision = decided(overriding(low, CheckId.BATTERY))
    assert decision.drone_id == "cx-2"
    assert "below the reserve" in decision.explanation
    assert (candidate(decision, "cx-2").battery_margin_percent or 0.0) < 0
    assert candidate(decided(overriding(low, CheckId.WIND)), "cx-2").refusal is Refusal.BATTERY


def test_a_drone_that_is_not_back_from_this_incident_says_so() -> None:
    decision = decided(with_drone(situation(), "cx-2", serving=UUID(int=3)))
    assert "not back from its last try" in candidate(decision, "cx-2").reason


states = st.sampled_from(list(DockState))


@settings(deadline=None, max_examples=40)
@given(st.tuples(states, states, states), st.floats(0, 16), st.sets(st.sampled_from(["cx-1", "cx-2", "cx-3"])))
def test_whatever_the_docks_do_the_choice_is_one_that_can_fly(
    dock_states: tuple[DockState, DockState, DockState], wind_mps: float, empty: set[str]
) -> None:
    present = situation(wind=Enu(wind_mps, 0.0))
    for dock, state in zip(SITE.file.docks, dock_states, strict=True):
        present = with_dock(present, dock.id, state=state)
    for drone_id in empty:
        present = with_drone(present, drone_id, hooks_loaded=0)
    decision = decided(present)
    assert sum(c.chosen for c in decision.candidates) == (decision.drone_id is not None)
    if decision.drone_id is not None:
        chosen = next(d for d in present.drones if d.drone.id == decision.drone_id)
        dock = next(d for d in present.docks if d.dock.id == decision.dock_id)
        assert chosen.hooks_loaded > 0
        assert dock.state in {DockState.IDLE, DockState.CHARGING, DockState.READY, DockState.PREPARING}
        assert wind_mps <= dock.dock.max_launch_wind_mps
        assert (candidate(decision, decision.drone_id).battery_margin_percent or -1.0) >= 0
    assert json.loads(decision.model_dump_json())["version"] == 1
