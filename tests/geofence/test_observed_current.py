"""What a camera sees of the current counts near by, for a while, and not across a front."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import sim
from geofence.bore import BoreForecast
from geofence.current import CurrentField
from geofence.position import Enu, LatLon, LocalFrame
from geofence.river import load_river

SITE = Path(sim.__file__).parent / "sites" / "haining"
NOW = datetime(2026, 9, 28, 10, 0, tzinfo=UTC)


@pytest.fixture
def field() -> CurrentField:
    river = load_river(SITE / "river.yaml", LocalFrame(LatLon(lat=30.402, lon=120.542)))
    return CurrentField(river, BoreForecast(river))


def _at(field: CurrentField, place: Enu, at: datetime = NOW) -> Enu:
    east, north = field.velocity(np.array([[place.east_m, place.north_m]]), at)[0]
    return Enu(float(east), float(north))


def test_a_sure_observation_is_believed_near_by_and_fades_with_distance_and_time(field: CurrentField) -> None:
    here = Enu(0.0, -80.0)
    before = _at(field, here)
    far_before, later_before = _at(field, here + Enu(400.0, 0.0)), _at(field, here, NOW + timedelta(minutes=8))
    assert field.observe(here, NOW, before + Enu(0.6, 0.2), 0.1)
    assert _at(field, here).distance_m(before + Enu(0.6, 0.2)) < 0.05
    assert _at(field, here + Enu(400.0, 0.0)).distance_m(far_before) < 0.01
    assert _at(field, here, NOW + timedelta(minutes=8)).distance_m(later_before) < 0.05


def test_an_observation_repeated_does_not_add_up(field: CurrentField) -> None:
    here = Enu(0.0, -80.0)
    seen = _at(field, here) + Enu(0.6, 0.2)
    for second in range(20):
        field.observe(here, NOW + timedelta(seconds=2 * second), seen, 0.1)
    assert _at(field, here, NOW + timedelta(seconds=38)).distance_m(seen) < 0.1


def test_an_unsure_observation_counts_little_and_an_absurd_one_not_at_all(field: CurrentField) -> None:
    here = Enu(0.0, -80.0)
    before = _at(field, here)
    assert field.observe(here, NOW, before + Enu(0.6, 0.0), 1.5)
    assert _at(field, here).distance_m(before) < 0.1
    assert not field.observe(here, NOW, before + Enu(9.0, 0.0), 0.1)


def test_a_front_that_comes_ends_it(field: CurrentField) -> None:
    river, forecast = field._river, field._forecast  # pyright: ignore[reportPrivateUsage]
    here = river.bank.to_enu(0.0, 60.0)
    arrives = forecast.next_passage(here, NOW, passed_s=0.0).at
    before = _at(field, here, arrives + timedelta(seconds=30))
    assert field.observe(here, arrives - timedelta(seconds=30), Enu(0.0, 0.0), 0.1)
    assert _at(field, here, arrives + timedelta(seconds=30)).distance_m(before) < 1e-9
