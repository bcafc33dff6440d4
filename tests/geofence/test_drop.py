"""The fall against the computed table of RIVER.md §3.4 (itself ±30 % in drag), and the point of release."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.drop import (
    LIGHT_RING,
    POD,
    RING,
    RING_EDGE,
    RING_FLAT,
    FallingBody,
    fall,
    plan_release,
    pod,
    predict_impact,
)
from geofence.position import Enu

STILL = Enu(0.0, 0.0)
# height m, seconds, impact m/s, drift m in winds of 5, 8 and 12 m/s
TABLE = [
    (RING_FLAT, 5, 1.07, 8.3, (1.1, 2.4, 4.6)),
    (RING_FLAT, 10, 1.61, 10.0, (2.5, 5.0, 9.0)),
    (RING_FLAT, 20, 2.55, 11.1, (6, 11, 18)),
    (RING_FLAT, 30, 3.45, 11.3, (10, 17, 28)),
    (RING_EDGE, 5, 1.03, 9.3, (0.6, 1.3, 2.5)),
    (RING_EDGE, 10, 1.48, 12.5, (1.3, 2.6, 5.0)),
    (RING_EDGE, 20, 2.18, 15.9, (3, 6, 10)),
    (RING_EDGE, 30, 2.77, 17.7, (5, 9, 15)),
    (POD, 5, 1.02, 9.5, (0.4, 0.8, 1.7)),
    (POD, 10, 1.47, 12.9, (0.8, 1.7, 3.3)),
    (POD, 20, 2.13, 17, (2, 4, 7)),
    (POD, 30, 2.68, 19, (3, 6, 11)),
    (LIGHT_RING, 5, 1.21, 6.1, (2.9, 5.6, 9.8)),
    (LIGHT_RING, 10, 2.0, 6.4, (6, 11, 19)),
]


@pytest.mark.parametrize(
    ("body", "height", "seconds", "impact", "drifts"), TABLE, ids=lambda value: getattr(value, "name", None)
)
def test_the_fall_agrees_with_the_table(
    body: FallingBody, height: float, seconds: float, impact: float, drifts: tuple[float, ...]
) -> None:
    still = fall(body, height, STILL, STILL)
    assert still.time_s == pytest.approx(seconds, rel=0.06)
    assert still.impact_mps == pytest.approx(impact, rel=0.12)
    for wind, drift in zip((5, 8, 12), drifts, strict=True):
        # the table's own rounding is up to half a metre in its last rows
        assert fall(body, height, Enu(wind, 0.0), STILL).displacement.east_m == pytest.approx(drift, rel=0.15)


def test_thrown_forward_at_five_metres_a_second_it_goes_about_six_metres() -> None:
    assert fall(RING, 10, STILL, Enu(5.0, 0.0)).displacement.east_m == pytest.approx(6.0, abs=1.0)


def test_a_heavier_pod_of_the_same_make_drifts_less_far() -> None:
    light, heavy = fall(pod(0.2), 10, Enu(8, 0), STILL), fall(pod(0.6), 10, Enu(8, 0), STILL)
    assert heavy.displacement.east_m < light.displacement.east_m


def test_nothing_falls_from_below_the_water() -> None:
    with pytest.raises(ValueError, match="nothing falls"):
        fall(RING, 0.0, STILL, STILL)


speeds = st.floats(-5, 5)
vectors = st.builds(Enu, speeds, speeds)


@given(vectors, vectors, st.floats(4, 12), st.floats(0, 1), st.floats(0, 4))
def test_released_as_planned_it_lands_up_current_of_the_person_by_the_stand_off(
    current: Enu, wind: Enu, height: float, latency: float, standoff: float
) -> None:
    person = Enu(30.0, -40.0)
    plan = plan_release(
        person, current, wind=wind, height_m=height, body=RING, latency_s=latency, standoff_m=standoff
    )
    landed, after_s = predict_impact(
        plan.command_point, plan.velocity, height_m=height, wind=wind, body=RING, latency_s=latency
    )
    person_then = person + current.scaled(after_s)
    away = landed - person_then
    assert landed.distance_m(plan.impact_point) < 1e-6
    assert away.length_m == pytest.approx(standoff, abs=1e-6)
    if current.length_m > 0.2:
        along = (away.east_m * current.east_m + away.north_m * current.north_m) / current.length_m
        assert along == pytest.approx(-standoff, abs=1e-6)


def test_moving_with_the_person_costs_less_than_hovering() -> None:
    def sigma(drone_velocity: Enu | None) -> float:
        return plan_release(
            Enu(0, 0), Enu(3, 0), wind=Enu(0, 5), height_m=8, body=RING, drone_velocity=drone_velocity
        ).sigma_m  # fmt: skip

    assert sigma(None) < sigma(STILL)
    assert 1.0 < sigma(None) < 3.5  # RIVER.md §3.4


def test_the_budget_adds_up_and_the_wind_is_in_it() -> None:
    plan = plan_release(Enu(0, 0), Enu(1, 0), wind=Enu(0, 6), height_m=8, body=RING, person_sigma_m=2.0)
    parts = dict(plan.budget)
    assert plan.sigma_m**2 == pytest.approx(sum(part**2 for part in parts.values()))
    assert parts["person"] == 2.0
    assert parts["wind"] > 0.1
    assert plan.release_point.north_m < plan.impact_point.north_m  # let go upwind


def test_in_still_water_it_lands_upwind() -> None:
    plan = plan_release(Enu(0, 0), STILL, wind=Enu(6, 0), height_m=8, body=RING, standoff_m=2.5)
    assert plan.impact_point.east_m == pytest.approx(-2.5)
