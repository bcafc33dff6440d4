"""Time and energy of a flight, and when it cannot be flown."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.position import Enu
from geofence.reach import Performance, ground_speed_mps, reach, transit_s

DRONE = Performance(
    cruise_mps=16, climb_mps=5, descent_mps=3, max_wind_mps=14,
    capacity_wh=548, hover_w=900, cruise_w=820, reserve_percent=25,
)  # fmt: skip
CALM = Enu(0.0, 0.0)
KILOMETRE = (Enu(0, 0), Enu(1000, 0))


def _reach(route: tuple[Enu, ...] = KILOMETRE, wind: Enu = CALM, battery: float = 100, drone: Performance = DRONE):
    return reach(
        drone, route, wind, transit_height_m=30, scene_height_m=1.5, scene_s=60, battery_percent=battery
    )  # fmt: skip


def test_a_kilometre_in_calm_air_takes_what_its_parts_take() -> None:
    flight = _reach()
    assert flight.climb_s == pytest.approx(7.0)
    assert flight.transit_s == pytest.approx(1000 / 16 + 16 / 2.5)
    assert flight.descent_s == pytest.approx(10.5)
    assert flight.out_s == flight.climb_s + flight.transit_s + flight.descent_s
    assert flight.feasible
    used = 100 * (flight.out_wh + flight.scene_wh + flight.back_wh) / 548
    assert flight.margin_percent == pytest.approx(75 - used)


def test_wind_across_and_ahead_slows_and_wind_behind_does_not_hurry_a_commanded_speed() -> None:
    calm = transit_s(DRONE, KILOMETRE, CALM)
    assert transit_s(DRONE, KILOMETRE, Enu(-8, 0)) == pytest.approx(1000 / 8 + 8 / 2.5)
    assert transit_s(DRONE, KILOMETRE, Enu(0, 8)) > calm
    assert transit_s(DRONE, KILOMETRE, Enu(8, 0)) == calm


@given(st.floats(0, 360), st.floats(0, 360), st.floats(0, 15))
def test_the_wind_triangle_closes(course_deg: float, wind_deg: float, wind_mps: float) -> None:
    course = Enu(math.sin(math.radians(course_deg)), math.cos(math.radians(course_deg)))
    wind = Enu(wind_mps * math.sin(math.radians(wind_deg)), wind_mps * math.cos(math.radians(wind_deg)))
    speed = ground_speed_mps(16, course, wind)
    through_air = course.scaled(speed) - wind
    assert speed > 0
    assert through_air.length_m == pytest.approx(16)


def test_a_wind_above_the_airspeed_cannot_be_flown() -> None:
    flight = _reach(wind=Enu(-20, 0), drone=replace(DRONE, max_wind_mps=30))
    assert not flight.feasible
    assert flight.refusal is not None
    assert "no headway" in flight.refusal
    assert math.isinf(flight.out_s)


def test_a_wind_above_the_drones_limit_is_refused_with_both_numbers() -> None:
    assert _reach(wind=Enu(0, 15)).refusal == "wind 15.0 m/s is above the drone's limit of 14 m/s"


def test_a_battery_that_would_come_home_below_its_reserve_is_refused() -> None:
    flight = _reach(battery=35)
    assert flight.margin_percent < 0
    assert flight.refusal is not None
    assert "below its reserve" in flight.refusal


@given(st.floats(1, 3000), st.floats(1, 500))
def test_farther_is_later_and_costs_more(distance: float, more: float) -> None:
    near, far = _reach((Enu(0, 0), Enu(distance, 0))), _reach((Enu(0, 0), Enu(distance + more, 0)))
    assert far.out_s > near.out_s
    assert far.margin_percent < near.margin_percent


def test_a_scene_at_the_dock_needs_no_transit() -> None:
    assert _reach((Enu(0, 0), Enu(0, 0))).transit_s == 0.0
