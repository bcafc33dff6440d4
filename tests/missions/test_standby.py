"""Drones wait where people would be reached soonest, as long as their batteries allow, and follow the front."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.bore import BoreForecast
from geofence.position import Enu, FloatArray
from geofence.river import River
from missions.standby import Demand, Waiting, danger_weights, follow_front, place

SPRING = datetime(2026, 9, 28, 4, 31, tzinfo=UTC)


def straight(start: Enu, places: FloatArray) -> FloatArray:
    return np.hypot(places[:, 0] - start.east_m, places[:, 1] - start.north_m) / 15.0


def ways(drones: int, spots: int, *, endurance_s: float = 1e4) -> list[Waiting]:
    found: list[Waiting] = []
    for n in range(drones):
        found.append(Waiting(f"d{n}", Enu(1000.0 * n, 0.0), airborne=False, start_s=40.0))
        found += [
            Waiting(f"d{n}", Enu(500.0 * k, 50.0), airborne=True, start_s=0.0, endurance_s=endurance_s)
            for k in range(spots)
        ]
    return found


def demand(*weighted: tuple[float, float]) -> Demand:
    places = np.array([[east, 50.0] for east, _ in weighted])
    weights = np.array([weight for _, weight in weighted])
    return Demand(places, weights / weights.sum())


@given(seed=st.integers(0, 500), drones=st.integers(1, 2), most=st.integers(0, 2))
def test_it_is_as_good_as_trying_everything(seed: int, drones: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.uniform(0.0, 2000.0, (6, 2))
    weights = rng.uniform(0.1, 1.0, 6)
    wanted = Demand(places, weights / weights.sum())
    all_ways = ways(drones, 3)
    found = place(all_ways, wanted, straight, for_s=600.0, max_airborne=most)
    by_drone = [[way for way in all_ways if way.drone_id == f"d{n}"] for n in range(drones)]
    best = math.inf
    for choice in itertools.product(*by_drone):
        if sum(way.airborne for way in choice) <= most:
            times = np.array([way.start_s + straight(way.place, places) for way in choice]).min(axis=0)
            best = min(best, float(times @ wanted.weights))
    assert found.expected_s == pytest.approx(best)
    assert {way.drone_id for way in found.chosen} == {f"d{n}" for n in range(drones)}
    assert found.gain_s >= -1e-9


def test_in_the_air_over_the_people_beats_the_dock_and_the_gain_is_told() -> None:
    found = place(ways(1, 4), demand((1500.0, 1.0)), straight, for_s=600.0)
    assert found.chosen[0].airborne
    assert found.expected_s == pytest.approx(0.0)
    assert found.in_docks_s == pytest.approx(40.0 + math.hypot(1500, 50) / 15.0)
    assert found.gain_s == pytest.approx(found.in_docks_s)


def test_a_battery_too_small_for_the_wait_leaves_the_drone_in_its_dock() -> None:
    found = place(ways(1, 4, endurance_s=500.0), demand((1500.0, 1.0)), straight, for_s=600.0)
    assert not found.chosen[0].airborne
    with pytest.raises(ValueError, match="d0 can wait nowhere"):
        place([way for way in ways(1, 2, endurance_s=5.0) if way.airborne], demand((0.0, 1.0)), straight, for_s=60.0)


def test_danger_is_greatest_where_the_front_is_about_to_arrive(river: River) -> None:
    forecast = BoreForecast(river)
    bank = [river.bank.to_enu(along, 20.0) for along in (-1000.0, 0.0, 1000.0)]
    places = np.array([[p.east_m, p.north_m] for p in bank])
    forecast.observe(bank[2], forecast.next_passage(bank[2], SPRING - timedelta(hours=1)).at)
    arrival = forecast.next_passage(bank[1], SPRING - timedelta(hours=1)).at
    near = danger_weights(places, np.ones(3), forecast, arrival)
    assert int(np.argmax(near.weights)) == 1
    assert near.weights.sum() == pytest.approx(1.0)
    quiet = danger_weights(places, np.ones(3), forecast, arrival - timedelta(hours=5))
    assert quiet.weights == pytest.approx([1 / 3] * 3)


def test_the_drones_move_up_the_bank_with_the_front(river: River) -> None:
    forecast = BoreForecast(river)
    low, high = river.bank.along_range_m
    alongs = np.linspace(low, high, 9)
    bank = [river.bank.to_enu(float(along), 20.0) for along in alongs]
    places = np.array([[p.east_m, p.north_m] for p in bank])
    forecast.observe(bank[-1], forecast.next_passage(bank[-1], SPRING - timedelta(hours=1)).at)
    first, last = (forecast.next_passage(p, SPRING - timedelta(hours=2)).at for p in (bank[-1], bank[0]))
    hover = [Waiting("d0", p, airborne=True, start_s=0.0, endurance_s=3600.0) for p in bank]
    dock = Waiting("d0", bank[4], airborne=False, start_s=40.0)
    shifts = follow_front(
        [dock, *hover], places, np.ones(9), forecast, straight,
        start=first - timedelta(minutes=2), end=last + timedelta(minutes=2), every_s=120.0,
    )  # fmt: skip
    flown = [river.bank.to_bank(shift.placement.chosen[0].place).along_m for shift in shifts]
    assert flown[-1] < flown[0]
    assert all(shift.placement.gain_s >= 0 for shift in shifts)
    tired = [Waiting("d0", p, airborne=True, start_s=0.0, endurance_s=240.0) for p in bank]
    short = follow_front(
        [dock, *tired], places, np.ones(9), forecast, straight,
        start=first - timedelta(minutes=2), end=last + timedelta(minutes=2), every_s=120.0,
    )  # fmt: skip
    assert sum(shift.placement.chosen[0].airborne for shift in short) <= 2
