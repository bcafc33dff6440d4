"""Search patterns cover what they claim, also on moving water; a search that found nobody says where to look next."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.position import Enu
from missions.detection import SearchedCloud, Sensor, footprint_m, probability_of_detection, together
from missions.drifting import Overtaken, drifted, steady, still
from missions.patterns import (
    Rectangle,
    Track,
    barrier,
    barrier_gap_s,
    creeping_line,
    expanding_square,
    heading,
    parallel_track,
    sector,
)

DATUM = Enu(120.0, -40.0)
BEARINGS = st.floats(0.0, 360.0)


def furthest_gap_m(track: Track, points: list[Enu]) -> float:
    """The largest distance of any of the points from the track."""
    return max(min(_off(point, a, b) for a, b in itertools.pairwise(track)) for point in points)


def _off(point: Enu, a: Enu, b: Enu) -> float:
    leg, off = b - a, point - a
    square = leg.length_m**2
    share = 0.0 if square == 0 else min(1.0, max(0.0, (off.east_m * leg.east_m + off.north_m * leg.north_m) / square))
    return off.distance_m(leg.scaled(share))


@given(bearing=BEARINGS, spacing=st.floats(10.0, 40.0), radius=st.floats(40.0, 150.0))
def test_an_expanding_square_leaves_no_gap_wider_than_its_spacing(
    bearing: float, spacing: float, radius: float
) -> None:
    track = expanding_square(DATUM, spacing, radius, bearing)
    inside = [DATUM + heading(a).scaled(r * radius) for a in range(0, 360, 20) for r in (0.2, 0.5, 0.8, 1.0)]
    assert track[0] == DATUM
    assert furthest_gap_m(track, inside) <= spacing / 2 * math.sqrt(2) + 1e-6


@given(bearing=BEARINGS)
def test_each_leg_of_a_square_turns_right(bearing: float) -> None:
    track = expanding_square(DATUM, 20.0, 60.0, bearing)
    for a, b, c in zip(track, track[1:], track[2:], strict=False):
        first, then = b - a, c - b
        assert first.east_m * then.north_m - first.north_m * then.east_m < 0


@given(bearing=BEARINGS, turns=st.integers(1, 3))
def test_a_sector_search_crosses_the_datum_three_times_a_turn(bearing: float, turns: int) -> None:
    track = sector(DATUM, 80.0, bearing, turns=turns)
    assert sum(point == DATUM for point in track) == 3 * turns + 1
    assert all(point == DATUM or point.distance_m(DATUM) == pytest.approx(80.0) for point in track)
    assert all(a.distance_m(b) == pytest.approx(80.0) for a, b in itertools.pairwise(track))


@given(bearing=BEARINGS, length=st.floats(60.0, 600.0), width=st.floats(30.0, 300.0), spacing=st.floats(12.0, 60.0))
def test_parallel_tracks_and_creeping_lines_cover_their_rectangle(
    bearing: float, length: float, width: float, spacing: float
) -> None:
    area = Rectangle(DATUM, max(length, width), min(length, width), bearing)
    along, across = heading(bearing), heading(bearing + 90.0)
    inside = [
        DATUM + along.scaled(i * area.length_m / 2) + across.scaled(j * area.width_m / 2)
        for i in (-1, -0.4, 0.3, 1)
        for j in (-1, -0.6, 0.2, 1)
    ]
    for track in (parallel_track(area, spacing), creeping_line(area, spacing)):
        assert furthest_gap_m(track, inside) <= spacing / 2 + 1e-6


def test_a_creeping_line_starts_at_the_end_it_creeps_from() -> None:
    area = Rectangle(DATUM, 400.0, 100.0, 90.0)  # creeps to the east
    track = creeping_line(area, 40.0)
    assert track[0].east_m < DATUM.east_m - 150.0
    assert track[-1].east_m > DATUM.east_m + 150.0


def test_a_spacing_too_fine_to_fly_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="widen it or shrink the area"):
        expanding_square(DATUM, 0.5, 500.0)
    with pytest.raises(ValueError, match="searches nothing"):
        parallel_track(Rectangle(DATUM, 10, 10, 0), 0.0)


# --- on moving water --------------------------------------------------------------------------------------


@given(east=st.floats(-4.0, 4.0), north=st.floats(-4.0, 4.0), start_s=st.floats(0.0, 60.0))
def test_seen_from_the_water_a_drifted_pattern_is_the_pattern(east: float, north: float, start_s: float) -> None:
    track = expanding_square(DATUM, 25.0, 60.0)
    current = Enu(east, north)
    fixes = drifted(track, 10.0, steady(current), start_s)
    for fix, point in zip(fixes, track, strict=True):
        assert (fix.position - current.scaled(fix.at_s)).distance_m(point) < 0.01
    for a, b in itertools.pairwise(fixes):
        assert b.at_s > a.at_s
        assert a.position.distance_m(b.position) / (b.at_s - a.at_s) == pytest.approx(10.0, rel=0.01)


def test_on_still_water_the_track_is_flown_as_drawn() -> None:
    track = sector(DATUM, 50.0)
    fixes = drifted(track, 10.0, still)
    assert [fix.position for fix in fixes] == list(track)
    assert fixes[-1].at_s == pytest.approx(45.0)


def test_a_drift_as_fast_as_the_drone_is_refused_with_the_way_out() -> None:
    upstream = (DATUM, DATUM + Enu(100.0, 0.0))
    with pytest.raises(Overtaken, match="fly a barrier"):
        drifted(upstream, 8.0, steady(Enu(8.5, 0.0)))


def test_a_barrier_holds_while_the_drone_is_back_before_the_water_has_crossed_the_swath() -> None:
    track = barrier(Enu(0, 0), Enu(0, 100), passes=3)
    assert [point.north_m for point in track] == [0, 100, 0, 100]
    assert barrier_gap_s(100.0, 60.0, 15.0, 2.0) == 0.0
    assert barrier_gap_s(100.0, 60.0, 15.0, 6.0) == pytest.approx(200 / 15 - 10)


# --- detection --------------------------------------------------------------------------------------------


def test_probability_of_detection_follows_random_search() -> None:
    assert probability_of_detection(30.0, 1000.0, 30_000.0) == pytest.approx(1 - math.exp(-1))
    assert together(0.5, 0.5) == 0.75
    assert footprint_m(30.0, 60.0, usable=1.0) == pytest.approx(34.64, abs=0.01)


@given(seed=st.integers(0, 1000), pod=st.floats(0.1, 0.95))
def test_looking_in_vain_moves_the_weight_to_where_nobody_looked(seed: int, pod: float) -> None:
    positions = np.random.default_rng(seed).normal(0.0, 40.0, (500, 2))
    cloud = SearchedCloud(500)
    west, sensor = (Enu(-100.0, 0.0), Enu(0.0, 0.0)), Sensor(60.0, pod)
    expected = cloud.chance_of(*west, positions, sensor)
    assert cloud.looked(*west, positions, sensor) == pytest.approx(expected)
    assert cloud.found == pytest.approx(expected)
    assert cloud.weights.sum() == pytest.approx(1.0)
    assert cloud.mean(positions).east_m > float(positions[:, 0].mean())
    assert cloud.chance_of(*west, positions, sensor) < expected


def test_passes_over_the_whole_cloud_add_up_as_independent_looks() -> None:
    positions = np.random.default_rng(1).normal(0.0, 3.0, (200, 2))
    cloud = SearchedCloud(200)
    for _ in range(3):
        cloud.looked(Enu(-50.0, 0.0), Enu(50.0, 0.0), positions, Sensor(60.0, 0.5))
    assert cloud.found == pytest.approx(together(0.5, 0.5, 0.5))
