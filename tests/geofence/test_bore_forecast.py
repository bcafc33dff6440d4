"""The bore's arrival: against dated observations, official tables, sightings, and along the river.

The Moon's rule was fitted to the five dated bores below (RIVER.md §1.4), so they test that the ephemeris and
the lead reproduce it: within 26 minutes of each, 19 minutes root mean square. They do not prove its skill on
others; the stated sigma of 22 minutes is what the forecast may be believed to.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.bore import BoreForecast, PassageSource, TableEntry
from geofence.moon import is_spring
from geofence.position import Enu
from geofence.river import River

CHINA = timezone(timedelta(hours=8))


def beijing(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=CHINA)


DATED = [
    beijing(2014, 9, 11, 12, 57),
    beijing(2020, 8, 22, 14, 13),
    beijing(2022, 9, 12, 13, 9),
    beijing(2023, 10, 1, 13, 20),
    beijing(2026, 8, 30, 13, 20),
]
SPRING_BORE = beijing(2026, 9, 28, 12, 31)  # the rule's own example


@pytest.mark.parametrize("seen", DATED, ids=lambda at: at.date().isoformat())
def test_dated_bores_at_yanguan_are_within_half_an_hour_and_sigma_says_so(river: River, seen: datetime) -> None:
    passage = BoreForecast(river).next_passage(river.reference_station.enu, seen, passed_s=2 * 3600)
    assert abs((passage.at - seen).total_seconds()) < 26.5 * 60
    assert passage.sigma_s == 22 * 60
    assert passage.source is PassageSource.ASTRONOMY


def test_over_the_dated_bores_the_error_is_the_stated_nineteen_minutes(river: River) -> None:
    forecast = BoreForecast(river)
    errors = [
        (forecast.next_passage(river.reference_station.enu, at, passed_s=2 * 3600).at - at).total_seconds() / 60
        for at in DATED
    ]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(18.7, abs=1.0)
    assert abs(np.mean(errors)) < 3.0


def test_a_day_may_have_one_bore_only(forecast: BoreForecast) -> None:
    day = forecast.reference_passages(beijing(2026, 9, 27, 0), beijing(2026, 9, 28, 0))
    assert [passage.at.astimezone(CHINA).strftime("%H:%M") for passage in day] == ["11:43"]


def test_outside_spring_tides_the_forecast_is_less_sure(forecast: BoreForecast, river: River) -> None:
    neap = beijing(2026, 10, 5, 0)
    assert not is_spring(neap)
    assert forecast.next_passage(river.reference_station.enu, neap).sigma_s == 45 * 60


def test_offsets_carry_the_time_to_the_other_stations(forecast: BoreForecast, river: River) -> None:
    at_yanguan = forecast.next_passage(river.reference_station.enu, SPRING_BORE).at
    for station in river.stations:
        passage = forecast.next_passage(station.enu, at_yanguan + timedelta(minutes=station.offset_min), passed_s=600)
        assert (passage.at - at_yanguan).total_seconds() / 60 == pytest.approx(station.offset_min, abs=0.1)
        assert passage.sigma_s >= 22 * 60


@given(st.floats(0, 91_000), st.floats(1, 5000), st.integers(0, 700))
def test_upstream_the_front_is_always_later(river: River, chainage: float, further: float, hours: int) -> None:
    forecast = BoreForecast(river, [TableEntry("yanguan", SPRING_BORE + timedelta(minutes=9), "official")])
    start = beijing(2026, 9, 20, 0) + timedelta(hours=hours)
    here = forecast.next_passage(river.point_at(chainage), start, passed_s=0)
    there = forecast.next_passage(river.point_at(chainage + further), here.at, passed_s=0)
    assert timedelta(0) < there.at - here.at < timedelta(hours=6)


def test_danger_lasts_past_arrival_and_then_the_next_bore_is_told(forecast: BoreForecast) -> None:
    place = Enu(0.0, -20.0)
    passage = forecast.next_passage(place, SPRING_BORE)
    just_after = forecast.next_passage(place, passage.at + timedelta(minutes=59))
    assert just_after.at == passage.at
    assert just_after.eta_s(passage.at + timedelta(minutes=59)) == -59 * 60
    next_bore = forecast.next_passage(place, passage.at + timedelta(minutes=61))
    assert timedelta(hours=12) < next_bore.at - passage.at < timedelta(hours=13)


def test_an_official_time_overrides_the_moon_for_its_own_bore_only(river: River) -> None:
    official = SPRING_BORE + timedelta(minutes=17)
    forecast = BoreForecast(river, [TableEntry("yanguan", official, "Haining water bureau", 240)])
    passage = forecast.next_passage(river.reference_station.enu, SPRING_BORE)
    assert (passage.at, passage.source, passage.sigma_s) == (official, PassageSource.TABLE, 240)
    other = forecast.next_passage(river.reference_station.enu, official + timedelta(hours=2))
    assert other.source is PassageSource.ASTRONOMY


def test_a_table_three_hours_off_is_refused_with_the_reason(river: River) -> None:
    # The public app of RIVER.md §1.4 that lists 15:20 for 2026-09-28.
    forecast = BoreForecast(river, [TableEntry("yanguan", beijing(2026, 9, 28, 15, 20), "hobby app")])
    assert "+169 min from the Moon's time" in forecast.refused[0].reason
    assert forecast.next_passage(river.reference_station.enu, SPRING_BORE).source is PassageSource.ASTRONOMY


def test_a_table_with_stations_in_the_wrong_order_is_refused_whole(river: River) -> None:
    entries = [
        TableEntry("yanguan", SPRING_BORE, "hobby app"),
        TableEntry("daquekou", SPRING_BORE + timedelta(minutes=5), "hobby app"),
        TableEntry("nowhere", SPRING_BORE, "hobby app"),
    ]
    reasons = sorted(refused.reason for refused in BoreForecast(river, entries).refused)
    assert len(reasons) == 3
    assert "not in the order" in reasons[1]
    assert "no station 'nowhere'" in reasons[0]


def test_the_official_table_of_2026_agrees_with_the_seed_offsets(river: River) -> None:
    entries = [
        TableEntry("yanguan", beijing(2026, 8, 30, 13, 20), "2026-08-30"),
        TableEntry("guanchaocheng", beijing(2026, 8, 30, 14, 30), "2026-08-30"),
        TableEntry("qibao", beijing(2026, 8, 30, 15, 15), "2026-08-30"),
        TableEntry("chengshiyangtai", beijing(2026, 8, 30, 15, 34), "2026-08-30"),
    ]
    forecast = BoreForecast(river, entries)
    assert forecast.refused == ()
    xiasha = forecast.next_passage(river.station("xiasha").enu, beijing(2026, 8, 30, 14, 0))
    assert abs(xiasha.at - beijing(2026, 8, 30, 14, 47)) < timedelta(minutes=5)


def test_a_sighting_in_the_east_corrects_the_arrival_here_to_minutes(forecast: BoreForecast, river: River) -> None:
    place = Enu(0.0, -20.0)
    before = forecast.next_passage(place, SPRING_BORE)
    daquekou = river.station("daquekou").enu
    due = forecast.next_passage(daquekou, SPRING_BORE - timedelta(hours=1)).at
    assert forecast.observe(daquekou, due - timedelta(minutes=14), 20).accepted
    after = forecast.next_passage(place, SPRING_BORE)
    assert after.source is PassageSource.OBSERVATION
    assert (before.at - after.at).total_seconds() == pytest.approx(14 * 60, abs=1)
    assert 60 < after.sigma_s < 300


def test_a_second_sighting_is_weighed_in_and_an_impossible_one_refused(forecast: BoreForecast, river: River) -> None:
    east, here = river.bank.to_enu(700.0, 30.0), river.bank.to_enu(0.0, 30.0)
    seen = SPRING_BORE
    assert forecast.observe(east, seen, 5).accepted
    assert not forecast.observe(here, seen + timedelta(seconds=10), 5).accepted  # 70 m/s
    assert "m/s" in forecast.observe(here, seen + timedelta(minutes=10), 5).reason  # 1.2 m/s
    assert forecast.observe(here, seen + timedelta(seconds=100), 5).accepted
    passage = forecast.next_passage(here, seen)
    assert abs((passage.at - seen).total_seconds() - 100) < 8
    assert passage.sigma_s <= 5


def test_a_sighting_when_no_bore_is_due_is_refused(forecast: BoreForecast) -> None:
    sighting = forecast.observe(Enu(0.0, -20.0), SPRING_BORE + timedelta(hours=5))
    assert not sighting.accepted
    assert "no bore is due" in sighting.reason


def test_the_front_is_where_its_passage_says(forecast: BoreForecast, river: River) -> None:
    babao = river.station("babao")
    at = forecast.next_passage(babao.enu, SPRING_BORE - timedelta(hours=2)).at
    front = forecast.front(at)
    assert front is not None
    assert front.position.distance_m(river.point_at(babao.chainage_m)) < 5.0
    assert 3.0 < front.speed_mps < 12.0
    assert not front.observed
    forecast.observe(babao.enu, at + timedelta(minutes=3), 10)
    later = forecast.front(at + timedelta(minutes=3))
    assert later is not None
    assert later.observed
    assert later.chainage_m == pytest.approx(babao.chainage_m, abs=5.0)
    assert forecast.front(at + timedelta(hours=6)) is None


def test_seconds_since_the_front_start_again_as_it_passes(forecast: BoreForecast, river: River) -> None:
    points = river.bank.to_enu_array(np.array([[300.0, 30.0], [0.0, 30.0], [-300.0, 30.0]]))
    passed_middle = forecast.next_passage(Enu(float(points[1, 0]), float(points[1, 1])), SPRING_BORE).at
    since = forecast.since_front_s(points, passed_middle + timedelta(seconds=5))
    assert 30 < since[0] < 120  # the eastern place was first
    assert since[1] == pytest.approx(5.0, abs=0.01)
    assert since[2] > 11 * 3600


def test_a_time_without_its_zone_is_refused(forecast: BoreForecast) -> None:
    with pytest.raises(ValueError, match="zone"):
        forecast.next_passage(Enu(0.0, 0.0), datetime(2026, 9, 28, 12))  # noqa: DTZ001
    assert forecast.next_passage(Enu(0.0, 0.0), datetime(2026, 9, 28, 4, tzinfo=UTC)).at.tzinfo is UTC
