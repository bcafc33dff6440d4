"""A typhoon brings the bore earlier, a front that nobody saw is an alarm, and old tides teach new constants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geofence import moon
from geofence.bore import BoreForecast, TableEntry
from geofence.bore_fit import Seen, fit
from geofence.river import River

SPRING = datetime(2026, 9, 28, 4, 31, tzinfo=UTC)


def test_a_typhoon_brings_the_moons_bore_earlier_and_less_surely(river: River) -> None:
    forecast = BoreForecast(river)
    here = river.reference_station.enu
    calm = forecast.next_passage(here, SPRING)
    forecast.typhoon = True
    wild = forecast.next_passage(here, SPRING)
    assert calm.at - wild.at == timedelta(minutes=37)
    assert wild.sigma_s == pytest.approx(60 * np.hypot(22, 15))


def test_a_table_and_a_sighting_know_the_typhoon_already(river: River) -> None:
    here = river.reference_station.enu
    at = BoreForecast(river).next_passage(here, SPRING).at
    forecast = BoreForecast(river, (TableEntry("yanguan", at, "official"),))
    forecast.typhoon = True
    assert forecast.next_passage(here, SPRING).at == at
    seen = BoreForecast(river)
    seen.typhoon = True
    assert seen.observe(here, at).accepted
    assert seen.next_passage(here, SPRING).at == at


def test_a_front_not_seen_three_sigma_after_its_time_is_overdue_and_stays_so(river: River) -> None:
    forecast = BoreForecast(river)
    here = river.reference_station.enu
    passage = forecast.next_passage(here, SPRING)
    three = timedelta(seconds=3 * passage.sigma_s)
    second = timedelta(seconds=1)
    assert forecast.overdue(here, passage.at - second) is None
    assert forecast.overdue(here, passage.at + three - second) is None
    overdue = forecast.overdue(here, passage.at + three + second)
    assert overdue is not None
    assert overdue.expected == passage
    assert overdue.late_s == pytest.approx(3 * passage.sigma_s + 1)
    assert forecast.overdue(here, passage.at + three + timedelta(hours=2)) is not None


def test_a_front_that_was_seen_is_not_overdue(river: River) -> None:
    forecast = BoreForecast(river)
    here = river.reference_station.enu
    passage = forecast.next_passage(here, SPRING)
    forecast.observe(here, passage.at + timedelta(minutes=4))
    assert forecast.overdue(here, passage.at + timedelta(hours=2)) is None


def _history(river: River, *, lead_min: float, laoyancang_min: float, outlier: bool) -> list[Seen]:
    """A year of spring tides with some scatter, as a station's watch would note them."""
    rng = np.random.default_rng(7)
    start = datetime(2025, 9, 1, tzinfo=UTC)
    found: list[Seen] = []
    for transit in moon.transits(river.reference_station.position, start, start + timedelta(days=360)):
        if not moon.is_spring(transit) or rng.random() < 0.6:
            continue
        at = transit - timedelta(minutes=lead_min + rng.normal(0, 5))
        found.append(Seen("yanguan", at))
        found.append(Seen("laoyancang", at + timedelta(minutes=laoyancang_min + rng.normal(0, 2))))
    if outlier:
        found.append(Seen("yanguan", found[-2].at + timedelta(hours=5)))
        found.append(Seen("nowhere", found[-2].at))
    return found


def test_fitted_constants_follow_the_river_and_wrong_entries_do_not_move_them(river: River) -> None:
    result = fit(river, _history(river, lead_min=31.0, laoyancang_min=46.0, outlier=True))
    found = {one.name: one for one in result.fitted}
    assert found["lead_before_transit_min"].new_min == pytest.approx(31.0, abs=2.0)
    assert found["lead_before_transit_min"].mean_error_min == pytest.approx(-9.0, abs=3.0)  # it came early
    assert found["laoyancang"].new_min == pytest.approx(46.0, abs=1.0)
    assert found["laoyancang"].mean_error_min == pytest.approx(6.0, abs=1.5)
    assert found["laoyancang"].fitted_error_min < found["laoyancang"].mean_absolute_error_min
    assert {reason for _, reason in result.left_out} == {"no bore was due then", "the river has no such station"}


def test_only_the_last_spring_tides_count(river: River) -> None:
    long_ago = _history(river, lead_min=5.0, laoyancang_min=30.0, outlier=False)
    old = [Seen(seen.station_id, seen.at - timedelta(days=708.7)) for seen in long_ago]  # 24 lunations
    new = _history(river, lead_min=31.0, laoyancang_min=46.0, outlier=False)
    found = {one.name: one for one in fit(river, [*old, *new]).fitted}
    assert found["lead_before_transit_min"].new_min == pytest.approx(31.0, abs=2.0)


def test_two_sightings_change_nothing(river: River) -> None:
    few = _history(river, lead_min=31.0, laoyancang_min=46.0, outlier=False)[:4]
    assert fit(river, few).fitted == ()
