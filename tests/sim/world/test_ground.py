"""The simulated ground: bank coordinates there and back, heights, and agreement with the service's geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.river import load_river
from sim.world import BankPlace
from tests.sim.world.haining import FRAME, SITE, ground


@given(st.floats(-600, 600), st.floats(-60, 60))
def test_a_place_comes_back_from_metres_east_and_north(along_m: float, offset_m: float) -> None:
    there = ground().to_enu(BankPlace(along_m, offset_m))
    back = ground().to_enu(ground().to_bank(there))

    assert back.distance_m(there) < 1e-6


def test_one_point_and_many_points_are_converted_alike() -> None:
    rng = np.random.default_rng(2)
    places = np.column_stack([rng.uniform(-700, 700, 50), rng.uniform(-80, 300, 50)])
    many = ground().to_bank_array(ground().to_enu_array(places))

    for place, found in zip(places, many, strict=True):
        one = ground().to_bank(ground().to_enu(BankPlace(float(place[0]), float(place[1]))))
        assert one.along_m == pytest.approx(found[0], abs=1e-6)
        assert one.offset_m == pytest.approx(found[1], abs=1e-6)


def test_the_truth_and_the_service_mean_the_same_place_by_the_bank() -> None:
    bank = load_river(SITE / "river.yaml", FRAME).bank
    for along in range(-500, 501, 25):
        for offset in (-12.0, 0.0, 45.0, 200.0):
            truth = ground().to_enu(BankPlace(along, offset))
            assert truth.distance_m(bank.to_enu(along, offset)) < 1e-6


@pytest.mark.parametrize(
    ("along", "offset", "height"),
    [
        (100.0, -3.0, 8.5),
        (-250.0, 20.0, 3.0),
        (331.0, 60.0, 5.0),
        (-260.0, 4.0, 5.75),  # half-way down the steps
        (100.0, 3.0, -3.0),
    ],
)
def test_heights_of_wall_foreshore_groyne_steps_and_bed(along: float, offset: float, height: float) -> None:
    assert ground().height_at(BankPlace(along, offset)) == pytest.approx(height)
    assert ground().height_amsl_m(np.array([along]), np.array([offset]))[0] == pytest.approx(height)
