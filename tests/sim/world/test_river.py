"""The true river: low water and ebb before the front, step and flood after it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.world import BankPlace, Bore, River
from sim.world.water import front_bow_m
from tests.sim.world.haining import ground

BORE = Bore(passes_origin_s=300.0)
CALM = River(bore=BORE, turbulence_mps=0.0)


def test_the_front_comes_from_the_east_at_its_speed() -> None:
    place = BankPlace(120.0, 60.0)
    passes = 300.0 - (120.0 - front_bow_m(60.0)) / BORE.speed_mps

    assert abs(BORE.seconds_since(place, passes)) < 1e-9
    assert (
        BORE.seconds_since(BankPlace(-400.0, 60.0), passes) < 0 < BORE.seconds_since(BankPlace(400.0, 60.0), passes)
    )


def test_the_water_steps_up_behind_the_front_and_goes_on_rising() -> None:
    place = BankPlace(0.0, 60.0)
    before, soon, later = (CALM.level_amsl_m(place, t) for t in (295.0, 310.0, 900.0))

    assert before == CALM.low_water_amsl_m
    assert BORE.step_m * 0.95 < soon - before < BORE.step_m + 0.1
    assert later > soon + 0.3


@given(st.floats(0, 3000), st.floats(0.1, 60))
def test_the_flood_never_falls(at_s: float, after_s: float) -> None:
    place = BankPlace(50.0, 20.0)
    assert CALM.level_amsl_m(place, at_s + after_s) >= CALM.level_amsl_m(place, at_s)


def test_the_current_turns_upstream_at_the_front() -> None:
    place = BankPlace(0.0, 60.0)

    assert CALM.current_mps(ground(), place, 290.0)[0] > 0.8
    assert -5.0 < CALM.current_mps(ground(), place, 312.0)[0] < -3.0


def test_the_current_is_slower_beside_the_wall_and_never_runs_into_it() -> None:
    river = River.with_eddies(np.random.default_rng(3), bore=BORE)
    for at_s in range(0, 900, 30):
        assert river.current_mps(ground(), BankPlace(10.0, 0.0), at_s)[1] == 0.0
    near, far = (CALM.current_mps(ground(), BankPlace(0.0, o), 400.0)[0] for o in (1.0, 80.0))
    assert abs(near) < 0.6 * abs(far)
