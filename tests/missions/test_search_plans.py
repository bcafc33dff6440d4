"""A search is planned for where the person will be, and says how likely it is to find them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geofence.bore import BoreForecast
from geofence.current import CurrentField
from geofence.drift import DriftCloud
from geofence.position import LatLon, LocalFrame
from geofence.river import River
from geofence.zones import ZoneSet
from missions.detection import Sensor
from missions.patrol import Patroller
from missions.plan import Waypoint
from missions.search import drift_of, plan_search, search_mission

EBB = datetime(2026, 9, 28, 3, 31, tzinfo=UTC)  # an hour before the spring bore
SENSOR = Sensor(sweep_width_m=24.0, pass_pod=0.8)
DRONE = Patroller("cx-2", LatLon(lat=30.4025264, lon=120.5415591), 8.0, 30.0, 12.0)


@pytest.fixture
def cloud(river: River, forecast: BoreForecast, zones: ZoneSet) -> DriftCloud:
    made = DriftCloud(CurrentField(river, forecast, zones.grounds()), np.random.default_rng(4), particles=400)
    made.start(river.bank.to_enu(100, 60), 5.0, EBB)
    return made


def test_the_search_is_where_the_cloud_will_be_and_probably_finds_them(cloud: DriftCloud) -> None:
    plan = plan_search(cloud, EBB, reach_s=60.0, speed_mps=12.0, sensor=SENSOR, max_s=300.0)
    assert plan.duration_s <= 300.0
    assert plan.success > 0.6
    assert list(plan.found_by) == sorted(plan.found_by)
    begun = cloud.estimate(EBB + timedelta(seconds=60))
    assert plan.fixes[0].position.distance_m(begun.position) < 4 * begun.sigma_m + 30


def test_more_time_finds_no_less(cloud: DriftCloud) -> None:
    found = [
        plan_search(cloud, EBB, reach_s=60.0, speed_mps=12.0, sensor=SENSOR, max_s=seconds).success
        for seconds in (60.0, 150.0, 400.0)
    ]
    assert found[0] <= found[1] + 0.02
    assert found[1] <= found[2] + 0.02


def test_the_track_is_flown_at_the_search_speed_over_the_moving_water(cloud: DriftCloud) -> None:
    plan = plan_search(cloud, EBB, reach_s=60.0, speed_mps=12.0, sensor=SENSOR, max_s=200.0)
    way = [fix.position for fix in plan.fixes]
    assert sum(a.distance_m(b) for a, b in itertools.pairwise(way)) == pytest.approx(12.0 * plan.duration_s, rel=0.02)


def test_the_drift_goes_straight_on_after_its_last_forecast(cloud: DriftCloud) -> None:
    drift = drift_of(cloud, EBB, 200.0)
    assert drift.displaced(0.0).length_m == 0.0
    assert drift.displaced(200.0).length_m > 100.0
    beyond = drift.displaced(260.0) - drift.displaced(200.0)
    assert beyond.length_m == pytest.approx((drift.displaced(200.0) - drift.displaced(140.0)).length_m, rel=0.2)
    assert drift.grown(0.0) == 1.0
    assert drift.grown(200.0) > 1.5


def test_the_search_becomes_a_flight(cloud: DriftCloud, frame: LocalFrame) -> None:
    search = plan_search(cloud, EBB, reach_s=60.0, speed_mps=12.0, sensor=SENSOR, max_s=200.0)
    plan = search_mission(DRONE, frame, search)
    flown = [frame.to_enu(item.position) for item in plan.items if isinstance(item, Waypoint)]
    assert len(flown) == len(search.fixes)
    assert all(a.distance_m(fix.position) < 0.05 for a, fix in zip(flown, search.fixes, strict=True))
    assert plan.purpose == "search"
