"""Patrols go where they say and when; with the bore they stay ahead of its front."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from geofence.bore import BoreForecast
from geofence.position import Enu, LatLon, LocalFrame
from geofence.river import River
from missions.patrol import (
    Patroller,
    Stop,
    ahead_of_front,
    along_bank,
    loop,
    out_and_back,
    plan_follow_bore,
    plan_hail_tour,
    plan_patrol,
)
from missions.plan import Hail, Hold, ReturnHome, TakeOff, Waypoint

DRONE = Patroller("cx-2", LatLon(lat=30.4025264, lon=120.5415591), 8.0, 30.0, 12.0)
MORNING = datetime(2026, 9, 28, 1, 0, tzinfo=UTC)


def test_out_and_back_ends_where_it_began_and_a_loop_closes() -> None:
    track = (Enu(0, 0), Enu(100, 0), Enu(100, 50))
    there = out_and_back(track, times=2)
    assert there[0] == there[-1] == track[0]
    assert there.count(track[2]) == 2
    assert all(a != b for a, b in itertools.pairwise(there))
    around = loop(track, times=3)
    assert around[0] == around[-1] == track[0]
    assert len(around) == 3 * 3 + 1


def test_a_patrol_along_the_bank_keeps_its_distance_from_the_crest(river: River, frame: LocalFrame) -> None:
    track = along_bank(river, -200.0, 300.0, 25.0, every_m=50.0)
    assert len(track) == 11
    assert all(river.bank.to_bank(place).offset_m == pytest.approx(25.0, abs=1.0) for place in track)
    plan = plan_patrol(DRONE, frame, out_and_back(track), hold_s=5.0)
    assert isinstance(plan.items[0], TakeOff)
    assert isinstance(plan.items[-1], ReturnHome)
    assert sum(isinstance(item, Hold) for item in plan.items) == 21
    assert plan.purpose == "patrol"


def test_a_hail_tour_takes_a_short_way_round(frame: LocalFrame) -> None:
    stops = [Stop(Enu(east, 30.0), "leave") for east in (900.0, 100.0, 500.0, 300.0, 700.0)]
    plan = plan_hail_tour(DRONE, frame, stops)
    east = [frame.to_enu(item.position).east_m for item in plan.items if isinstance(item, Waypoint)]
    assert east in (sorted(east), sorted(east, reverse=True))
    hails = [item for item in plan.items if isinstance(item, Hail)]
    assert [hail.message_id for hail in hails] == ["leave"] * 5


def test_following_the_bore_it_is_ahead_of_the_front_at_every_place(
    river: River, forecast: BoreForecast, frame: LocalFrame
) -> None:
    low, high = river.bank.along_range_m
    paces = ahead_of_front(river, forecast, MORNING, from_m=low, to_m=high, offset_m=20.0, lead_s=120.0)
    assert all(later.front_at > earlier.front_at for earlier, later in itertools.pairwise(paces))
    assert all((pace.front_at - pace.at).total_seconds() == pytest.approx(120 + pace.sigma_s) for pace in paces)
    plan = plan_follow_bore(DRONE, frame, paces, "leave")
    at = paces[0].at
    places = iter(paces)
    where = paces[0].place
    for item in plan.items:
        if isinstance(item, Waypoint):
            pace = next(places)
            at += timedelta(seconds=where.distance_m(pace.place) / DRONE.speed_mps)
            where = pace.place
            assert at < pace.front_at
        elif isinstance(item, Hold):
            at += timedelta(seconds=item.seconds)
    assert next(places, None) is None


def test_a_front_faster_than_the_drone_is_refused(river: River, forecast: BoreForecast, frame: LocalFrame) -> None:
    low, high = river.bank.along_range_m
    forecast.observe(river.bank.to_enu(high, 20.0), forecast.next_passage(river.bank.to_enu(high, 20.0), MORNING).at)
    paces = ahead_of_front(river, forecast, MORNING, from_m=low, to_m=high, offset_m=20.0, lead_s=5.0)
    slow = Patroller("cx-2", DRONE.home, 8.0, 30.0, 1.5)
    with pytest.raises(ValueError, match="more lead"):
        plan_follow_bore(slow, frame, paces, None)
