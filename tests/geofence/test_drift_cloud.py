"""A person adrift: carried by the current, turned by the bore, corrected by what is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geofence.bore import BoreForecast
from geofence.current import CurrentField
from geofence.drift import DriftCloud
from geofence.position import Enu
from geofence.river import River
from geofence.zones import ZoneSet

EBB = datetime(2026, 9, 28, 3, 31, tzinfo=UTC)  # an hour before the spring bore
SECOND = timedelta(seconds=1)


@pytest.fixture
def field(river: River, forecast: BoreForecast, zones: ZoneSet) -> CurrentField:
    return CurrentField(river, forecast, zones.grounds())


def _cloud(field: CurrentField, seed: int = 1, **options: float) -> DriftCloud:
    return DriftCloud(field, np.random.default_rng(seed), **options)  # pyright: ignore[reportArgumentType]


def test_the_ebb_carries_the_cloud_to_the_sea_and_spreads_it(field: CurrentField, river: River) -> None:
    cloud = _cloud(field)
    cloud.start(river.bank.to_enu(100, 40), 2.0, EBB)
    cloud.advance_to(EBB + 60 * SECOND)
    estimate = cloud.estimate(EBB + 60 * SECOND)
    there = river.bank.to_bank(estimate.position)
    assert there.along_m == pytest.approx(160, abs=4)
    assert there.offset_m == pytest.approx(40, abs=4)
    assert 10 < estimate.sigma_m < 30
    assert estimate.velocity.east_m == pytest.approx(1.0, abs=0.1)


def test_the_bore_turns_the_drift_upstream(field: CurrentField, river: River, forecast: BoreForecast) -> None:
    start = river.bank.to_enu(100, 60)
    front = forecast.next_passage(start, EBB).at
    cloud = _cloud(field)
    cloud.start(start, 2.0, front - 20 * SECOND)
    cloud.advance_to(front + 60 * SECOND)
    moved = river.bank.to_bank(cloud.estimate(front + 60 * SECOND).position).along_m - 100
    # 20 s of ebb east, then most of a minute of 4.4 m/s west; the front meets what drifts towards it sooner
    assert moved == pytest.approx(20 - 4.4 * 60, abs=30)


def test_asking_ahead_changes_nothing_and_agrees_with_what_comes(field: CurrentField, river: River) -> None:
    asked, unasked = _cloud(field), _cloud(field)
    for cloud in (asked, unasked):
        cloud.start(river.bank.to_enu(100, 40), 2.0, EBB)
    ahead = asked.estimate(EBB + 45 * SECOND)
    assert asked.estimate(EBB + 45 * SECOND) == ahead
    assert asked.at == EBB
    for cloud in (asked, unasked):
        cloud.advance_to(EBB + 45 * SECOND)
    assert np.array_equal(asked.positions, unasked.positions)
    now = asked.estimate(EBB + 45 * SECOND)
    assert now.position.distance_m(ahead.position) < 3.0
    assert now.sigma_m == pytest.approx(ahead.sigma_m, rel=0.2)


def test_a_track_is_the_estimates_one_after_the_other(field: CurrentField, river: River) -> None:
    cloud = _cloud(field)
    cloud.start(river.bank.to_enu(100, 40), 2.0, EBB)
    ats = [EBB + seconds * SECOND for seconds in (10, 20, 30)]
    track = cloud.track(ats)
    assert track == tuple(cloud.estimate(at) for at in ats)
    assert track[0].sigma_m < track[1].sigma_m < track[2].sigma_m


def test_the_same_seed_drifts_the_same_way(field: CurrentField, river: River) -> None:
    clouds = [_cloud(field, seed) for seed in (7, 7, 8)]
    for cloud in clouds:
        cloud.start(river.bank.to_enu(0, 20), 3.0, EBB)
        cloud.advance_to(EBB + 30 * SECOND)
    assert np.array_equal(clouds[0].positions, clouds[1].positions)
    assert not np.array_equal(clouds[0].positions, clouds[2].positions)


def test_watching_a_person_for_a_while_teaches_the_cloud_a_wrong_current(field: CurrentField, river: River) -> None:
    # given a river that runs 0.5 m/s faster than the field believes
    rng = np.random.default_rng(3)
    start, speed = river.bank.to_enu(100, 40), 1.5
    watched, unwatched = _cloud(field), _cloud(field)
    for cloud in (watched, unwatched):
        cloud.start(start, 2.0, EBB)
    # when it is watched for ten seconds, five times a second, with 1.5 m of error
    for step in range(1, 51):
        at = EBB + step * 0.2 * SECOND
        east, north = rng.normal(0, 1.5, 2)
        watched.observe(start + Enu(speed * step * 0.2 + east, north), 1.5, at)
    # then a minute on it is right where the unwatched one is 30 m off
    true = start + Enu(speed * 60, 0.0)
    at = EBB + 60 * SECOND
    assert watched.estimate(at).position.distance_m(true) < 10
    assert unwatched.estimate(at).position.distance_m(true) > 20
    assert watched.estimate(EBB + 10 * SECOND).sigma_m < 2.0
    assert watched.estimate(at).sigma_m < unwatched.estimate(at).sigma_m


def test_a_sighting_far_outside_the_cloud_starts_it_anew(field: CurrentField, river: River) -> None:
    cloud = _cloud(field)
    cloud.start(river.bank.to_enu(100, 40), 2.0, EBB)
    elsewhere = river.bank.to_enu(400, 60)
    cloud.observe(elsewhere, 2.0, EBB + 5 * SECOND)
    assert cloud.estimate(EBB + 5 * SECOND).position.distance_m(elsewhere) < 1.0


def test_a_report_that_comes_late_does_not_pull_the_cloud_back(field: CurrentField, river: River) -> None:
    start = river.bank.to_enu(100, 40)
    cloud = _cloud(field)
    cloud.start(start, 1.0, EBB)
    cloud.advance_to(EBB + 4 * SECOND)
    cloud.observe(start + Enu(2.0, 0.0), 1.0, EBB + 2 * SECOND)
    assert cloud.at == EBB + 4 * SECOND
    assert cloud.estimate(EBB + 4 * SECOND).position.distance_m(start + Enu(4.0, 0.0)) < 0.5


def test_the_first_sighting_starts_a_cloud_and_an_old_time_moves_nothing(field: CurrentField, river: River) -> None:
    cloud = _cloud(field)
    with pytest.raises(RuntimeError, match="started"):
        cloud.estimate(EBB)
    cloud.observe(river.bank.to_enu(100, 40), 2.0, EBB)
    before = cloud.positions
    cloud.advance_to(EBB - 5 * SECOND)
    assert np.array_equal(cloud.positions, before)
    assert cloud.at == EBB


def test_nothing_drifts_through_the_wall(field: CurrentField, river: River) -> None:
    cloud = _cloud(field)
    cloud.wind = Enu(0.0, 12.0)  # hard on to the wall
    cloud.start(river.bank.to_enu(100, 3), 2.0, EBB)
    cloud.advance_to(EBB + 120 * SECOND)
    assert river.bank.to_bank_array(cloud.positions)[:, 1].min() > 0.29


def test_on_dry_foreshore_nobody_drifts(field: CurrentField, river: River) -> None:
    cloud = _cloud(field)
    start = river.bank.to_enu(-300, 20)
    cloud.start(start, 0.5, EBB)
    cloud.advance_to(EBB + 60 * SECOND)
    assert cloud.estimate(EBB + 60 * SECOND).position.distance_m(start) < 0.1


def test_wind_pushes_a_person_by_about_a_percent_of_its_speed(field: CurrentField, river: River) -> None:
    start = river.bank.to_enu(100, 150)
    still, windy = _cloud(field, particles=4000), _cloud(field, particles=4000)
    windy.wind = Enu(0.0, -10.0)
    for cloud in (still, windy):
        cloud.start(start, 1.0, EBB)
        cloud.advance_to(EBB + 100 * SECOND)
    at = EBB + 100 * SECOND
    pushed = windy.estimate(at).position - still.estimate(at).position
    assert -20 < pushed.north_m < -7  # 0.96 % of 10 m/s for 100 s, more as slopes below zero are not drawn


def test_an_empty_cloud_is_refused(field: CurrentField) -> None:
    with pytest.raises(ValueError, match="particles"):
        _cloud(field, particles=3)
