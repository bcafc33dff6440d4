"""The water's own evaluation: cases from seeds, and sums of what came of them."""

from __future__ import annotations

from sim.evaluation.water import WaterKind, WaterPlayed, evaluate_water, play_water, water_case


def test_a_seed_is_always_the_same_case_and_every_kind_occurs() -> None:
    assert water_case(5) == water_case(5)
    assert {water_case(seed).kind for seed in range(8)} == set(WaterKind)
    assert all(
        (water_case(seed).bore is None) == (water_case(seed).kind is not WaterKind.PASSAGE) for seed in range(16)
    )


def test_the_figures_sum_what_was_played() -> None:
    played = [
        WaterPlayed(0, "passage", "cam-3", 1, 0, 46.0, 6.1, 0.1, 0.1, 1.5),
        WaterPlayed(1, "passage", "cam-4", 0, 0, 46.0),
        WaterPlayed(2, "level", "cam-5", 0, 1, 45.0, level_errors_cm=(1.0, -3.0), level_sigma_cm=7.0, level_seen=1.0),
        WaterPlayed(3, "rise", "cam-5", 0, 1, 60.0),
        WaterPlayed(4, "calm", "cam-5", 1, 0, 45.0),
    ]
    figures = dict(evaluate_water(range(5), "tune", played).rows())
    assert figures["passages told"] == "1/2"
    assert figures["speed error m/s, median / p95 / worst"] == "0.10 / 0.10 / 0.10"
    assert figures["speed within two sigma"] == "1/1"
    assert figures["level error cm, median / p95 / worst"] == "1.00 / 3.00 / 3.00"
    assert figures["rises told"] == "1/1"
    assert figures["false fronts"].startswith("1 in")
    assert figures["false rises"] == "1"


def test_a_level_is_read_within_five_centimetres() -> None:
    case = next(case for case in map(water_case, range(100)) if case.kind is WaterKind.LEVEL and not case.rain)
    played = play_water(case)
    assert played.level_errors_cm
    assert max(abs(error) for error in played.level_errors_cm) <= 5.0
    assert played.rises == played.fronts == 0
