"""Level and current around the front."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geofence.bore import BoreForecast
from geofence.current import CurrentField
from geofence.level import WaterLevel
from geofence.position import Enu, FloatArray
from geofence.river import River
from geofence.zones import ZoneSet

SPRING_BORE = datetime(2026, 9, 28, 4, 31, tzinfo=UTC)


def _at_bank(river: River, *places: tuple[float, float]) -> FloatArray:
    return river.bank.to_enu_array(np.array(places))


@pytest.fixture
def passes(river: River, forecast: BoreForecast) -> datetime:
    """When the front passes along 0, 30 m off the wall."""
    return forecast.next_passage(river.bank.to_enu(0.0, 30.0), SPRING_BORE).at


def test_the_level_steps_up_with_the_front_and_goes_on_rising_ever_slower(
    river: River, forecast: BoreForecast, passes: datetime
) -> None:
    level = WaterLevel(river, forecast)
    here = _at_bank(river, (0, 30))

    def after(minutes: float) -> float:
        return float(level.amsl_m(here, passes + timedelta(minutes=minutes))[0])

    assert after(-1) == pytest.approx(1.5, abs=0.05)
    assert after(0.2) - after(-0.2) == pytest.approx(1.8, abs=0.1)
    assert 0.03 * 20 < after(20) - after(0.2) < 0.10 * 20  # RIVER.md §1.1
    assert after(60) - after(40) < after(20) - after(0.2)
    assert after(12 * 60) == pytest.approx(1.5, abs=0.1)


def test_the_current_turns_upstream_within_seconds_of_the_front_and_decays(
    river: River, forecast: BoreForecast, passes: datetime
) -> None:
    field = CurrentField(river, forecast)
    here = _at_bank(river, (0, 30))

    def east_mps(seconds: float) -> float:
        return float(field.velocity(here, passes + timedelta(seconds=seconds))[0, 0])

    assert east_mps(-60) == pytest.approx(1.0, abs=0.05)  # ebb, to the sea
    assert east_mps(10) == pytest.approx(-4.5, abs=0.1)
    assert -6.0 < east_mps(600) < -3.0
    assert -1.5 < east_mps(3600) < -1.0
    assert east_mps(8 * 3600) == pytest.approx(1.0, abs=0.1)


def test_the_front_reverses_the_east_first(river: River, forecast: BoreForecast, passes: datetime) -> None:
    velocity = CurrentField(river, forecast).velocity(_at_bank(river, (200, 30), (-200, 30)), passes)
    assert velocity[0, 0] < -3.0
    assert velocity[1, 0] > 0.9


def test_the_current_follows_the_wall_and_is_slower_at_it_and_none_on_land(
    river: River, forecast: BoreForecast, passes: datetime
) -> None:
    places = _at_bank(river, (450, 2), (450, 40), (450, -1), (450, -12))
    velocity = CurrentField(river, forecast).velocity(places, passes - timedelta(minutes=10))
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    assert 0.4 <= speed[0] < 0.6
    assert speed[1] == pytest.approx(1.0, abs=0.02)
    assert (speed[2:] == 0).all()
    wall = river.bank.direction(450.0)
    assert abs(velocity[1, 0] * wall.north_m - velocity[1, 1] * wall.east_m) < 0.01


def test_foreshore_and_groyne_are_dry_before_the_bore_and_the_foreshore_is_swept_after(
    river: River, forecast: BoreForecast, zones: ZoneSet, passes: datetime
) -> None:
    field = CurrentField(river, forecast, zones.grounds())
    foreshore, groyne = (-300.0, 20.0), (330.0, 40.0)
    before = field.velocity(_at_bank(river, foreshore, groyne), passes - timedelta(minutes=5))
    assert (before == 0).all()
    after = field.velocity(_at_bank(river, foreshore, groyne), passes + timedelta(minutes=3))
    assert np.hypot(*after[0]) > 3.0
    assert (after[1] == 0).all()


def test_a_body_on_the_wall_is_put_back_to_the_waters_edge(river: River, forecast: BoreForecast) -> None:
    field = CurrentField(river, forecast)
    points = _at_bank(river, (100, -3), (100, 5))
    back = river.bank.to_bank_array(field.off_land(points))
    assert back[0] == pytest.approx([100.0, 0.3], abs=1e-6)
    assert back[1] == pytest.approx([100.0, 5.0], abs=1e-6)


def test_asking_for_no_points_gives_none(river: River, forecast: BoreForecast, zones: ZoneSet) -> None:
    nothing = np.zeros((0, 2))
    assert CurrentField(river, forecast, zones.grounds()).velocity(nothing, SPRING_BORE).shape == (0, 2)
    assert WaterLevel(river, forecast).amsl_m(nothing, SPRING_BORE).shape == (0,)


def test_the_field_knows_when_a_front_passes(river: River, forecast: BoreForecast, passes: datetime) -> None:
    field = CurrentField(river, forecast)
    here = np.array([[p.east_m, p.north_m] for p in (river.bank.to_enu(0.0, 30.0), Enu(10.0, -30.0))])
    assert field.front_passes(here, passes - timedelta(seconds=30), passes + timedelta(seconds=30))
    assert not field.front_passes(here, passes - timedelta(minutes=10), passes - timedelta(minutes=5))
    assert not field.front_passes(here, passes + timedelta(minutes=5), passes + timedelta(minutes=10))
