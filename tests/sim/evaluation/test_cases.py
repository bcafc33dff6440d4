"""The scenes of the evaluation: which there are, and that tune and test never meet."""

from __future__ import annotations

import pytest

from sim.evaluation.cases import (
    TEST_SEEDS,
    TUNE_SEEDS,
    Distance,
    SeedsRefused,
    Situation,
    nuisance_case,
    rendered_case,
    seeds_of,
)
from sim.evaluation.disturbances import Nuisance
from tests.sim.world.haining import ground


def test_tune_and_test_seeds_have_none_in_common() -> None:
    assert not set(TUNE_SEEDS) & set(TEST_SEEDS)


@pytest.mark.parametrize(
    ("text", "name", "first", "last"),
    [("0-47", "tune", 0, 47), ("10000-10003", "test", 10000, 10003), ("7", "tune", 7, 7)],
)
def test_seeds_are_read_with_the_set_they_belong_to(text: str, name: str, first: int, last: int) -> None:
    found, seeds = seeds_of(text)
    assert (found, seeds[0], seeds[-1]) == (name, first, last)


@pytest.mark.parametrize("text", ["9990-10010", "20000", "5-3", "-4", "a-b", ""])
def test_seeds_of_both_sets_of_none_or_backwards_are_refused(text: str) -> None:
    with pytest.raises(SeedsRefused):
        seeds_of(text)


def test_a_seed_is_always_the_same_scene() -> None:
    assert rendered_case(31) == rendered_case(31)
    assert nuisance_case(31) == nuisance_case(31)
    assert nuisance_case(31) != nuisance_case(32)


def test_every_situation_comes_at_every_distance_it_can_come_at() -> None:
    cells = {(case.situation, case.distance) for case in map(rendered_case, range(48))}
    dangers = (Situation.ENTRY, Situation.FALL, Situation.TAKEN)
    assert cells >= {(situation, distance) for situation in dangers for distance in Distance}


def test_every_nuisance_comes_with_more_than_one_camera_and_strength() -> None:
    cases = [nuisance_case(seed) for seed in range(360)]
    for kind in Nuisance:
        those = [case for case in cases if kind in case.disturbances]
        assert len({case.camera_id for case in those}) > 1, kind
        assert len({case.disturbances.strength for case in those}) > 1, kind


def test_nobody_is_in_danger_in_a_nuisance_case() -> None:
    assert all(case.people == () for case in map(nuisance_case, range(50)))


def test_a_bore_that_takes_somebody_leaves_no_dry_foreshore_under_him() -> None:
    low_water_amsl_m, foreshore = 1.5, max(ledge.top_amsl_m for ledge in ground().ledges if "foreshore" in ledge.id)
    taken = [case for case in map(rendered_case, range(200)) if case.situation is Situation.TAKEN]
    assert taken
    for case in taken:
        assert case.bore is not None
        assert low_water_amsl_m + case.bore.step_m > foreshore + 0.3
