"""A response is planned from heights above the right things, and a wrong plan is refused item by item."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from geofence.position import Enu, LatLon, LocalFrame
from geofence.reach import Performance
from geofence.river import River
from geofence.route import shortest_route
from geofence.windows import Conditions
from geofence.zones import ZoneSet, load_zones
from missions.plan import Drop, Hail, Hold, MissionPlan, ReturnHome, TakeOff, Watch, Waypoint
from missions.respond import ResponseHeights, plan_response
from missions.validate import Limits, PlanFault, check

FRAME = LocalFrame(LatLon(lat=30.4020, lon=120.5420))
HOME = LatLon(lat=30.4025264, lon=120.5415591)  # the middle dock
HEIGHTS = ResponseHeights(home_amsl_m=8.0, surface_amsl_m=1.5, transit_home_m=30.0, drop_surface_m=8.0)
LIMITS = Limits(ground_amsl_m=1.5)
SMALL = Performance(
    cruise_mps=17, climb_mps=6, descent_mps=3, max_wind_mps=13,
    capacity_wh=274, hover_w=420, cruise_w=390, reserve_percent=25,
)  # fmt: skip


def _place(river: River, along_m: float, offset_m: float) -> LatLon:
    return FRAME.to_wgs84(river.bank.to_enu(along_m, offset_m))


def _response(river: River, zones: ZoneSet, hook: int | None = 1) -> MissionPlan:
    target = river.bank.to_enu(220, 12)
    route = shortest_route(FRAME.to_enu(HOME), target, zones.keep_outs(), 10, keep_in=zones.keep_in())
    return plan_response(
        drone_id="cx-2",
        home=HOME,
        route=[FRAME.to_wgs84(corner) for corner in route],
        target=FRAME.to_wgs84(target),
        heights=HEIGHTS,
        hook=hook,
        hail_message_id="person_in_water",
        watch_s=15,
    )


def _plan(*items: TakeOff | Waypoint | Hold | Hail | Drop | Watch | ReturnHome) -> MissionPlan:
    return MissionPlan(purpose="watch", drone_id="cx-2", home=HOME, home_amsl_m=8.0, items=items)


def test_a_response_goes_out_hails_drops_watches_and_comes_home(river: River, zones: ZoneSet) -> None:
    plan = _response(river, zones)
    kinds = [item.type for item in plan.items]
    assert kinds[0] == "take_off"
    assert kinds[-1] == "return_home"
    assert kinds.index("hail") < kinds.index("drop") < kinds.index("watch")
    assert check(plan, zones, limits=LIMITS, performance=SMALL) == []


def test_the_drop_height_stands_above_the_water_not_above_the_dock(river: River, zones: ZoneSet) -> None:
    plan = _response(river, zones)
    drop = next(item for item in plan.items if isinstance(item, Drop))
    assert drop.height_m == pytest.approx(1.5)
    assert plan.amsl_m(drop.height_m) == pytest.approx(1.5 + 8.0)


def test_without_a_hook_the_response_only_hails_and_watches(river: River, zones: ZoneSet) -> None:
    plan = _response(river, zones, hook=None)
    assert plan.purpose == "hail"
    assert not any(isinstance(item, Drop) for item in plan.items)
    watch = next(item for item in plan.items if isinstance(item, Watch))
    assert plan.amsl_m(watch.height_m) == pytest.approx(1.5 + 20.0)


def test_a_plan_survives_json(river: River, zones: ZoneSet) -> None:
    plan = _response(river, zones)
    assert MissionPlan.model_validate_json(plan.model_dump_json()) == plan


def test_an_item_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ValidationError):
        MissionPlan.model_validate({"purpose": "watch", "drone_id": "a", "home": {"lat": 30.4, "lon": 120.5},
                                    "home_amsl_m": 8.0, "items": [{"type": "loop"}]})  # fmt: skip


def test_every_problem_is_told_at_its_item(river: River, zones: ZoneSet) -> None:
    promenade = _place(river, 50, -6)
    problems = check(
        _plan(
            Waypoint(position=_place(river, 130, -90), height_m=30),  # 0: no take-off; past the pagoda's far side
            Waypoint(position=_place(river, 20, -90), height_m=200),  # 1: through the pagoda, too high
            Drop(position=promenade, height_m=5, hook=1),  # 2: over people
            Drop(position=_place(river, 100, 20), height_m=-7, hook=1),  # 3: same hook, under water
            Waypoint(position=_place(river, 100, 2000), height_m=30),  # 4: out of the operations area
            Waypoint(position=_place(river, 100, 20), height_m=3),  # 5: too low, and nothing leads home
        ),
        zones,
        limits=LIMITS,
    )
    told = {(problem.item, problem.fault) for problem in problems}
    assert told >= {
        (0, PlanFault.ORDER),
        (1, PlanFault.KEEP_OUT),
        (1, PlanFault.HEIGHT),
        (2, PlanFault.DROP_AREA),
        (3, PlanFault.ORDER),
        (3, PlanFault.HEIGHT),
        (4, PlanFault.KEEP_IN),
        (5, PlanFault.HEIGHT),
        (5, PlanFault.ORDER),
    }
    assert [problem.item for problem in problems] == sorted(problem.item or 0 for problem in problems)
    assert any("crosses the keep-out zone pagoda" in problem.reason for problem in problems)


def test_a_second_take_off_and_a_flight_after_the_return_are_out_of_order(zones: ZoneSet) -> None:
    plan = _plan(TakeOff(height_m=30), ReturnHome(height_m=30), TakeOff(height_m=30), ReturnHome(height_m=30))
    assert {p.item for p in check(plan, zones, limits=LIMITS) if p.fault is PlanFault.ORDER} == {1, 2}


def test_a_hook_opened_twice_is_told_even_with_another_between(river: River, zones: ZoneSet) -> None:
    drops = [Drop(position=_place(river, 100, 20), height_m=5, hook=hook) for hook in (1, 2, 1)]
    plan = _plan(TakeOff(height_m=30), *drops, ReturnHome(height_m=30))
    assert [(p.item, p.fault) for p in check(plan, zones, limits=LIMITS)] == [(3, PlanFault.ORDER)]


def test_a_battery_too_low_is_told_at_the_item_where_the_reserve_is_reached(river: River, zones: ZoneSet) -> None:
    plan = _plan(
        TakeOff(height_m=30),
        Watch(position=_place(river, 100, 40), height_m=20, seconds=3600),
        ReturnHome(height_m=30),
    )
    problems = check(plan, zones, limits=LIMITS, performance=SMALL)
    assert [(p.item, p.fault) for p in problems] == [(1, PlanFault.BATTERY)]


def test_too_much_wind_is_told_for_the_whole_plan(river: River, zones: ZoneSet) -> None:
    problems = check(_response(river, zones), zones, limits=LIMITS, performance=SMALL, wind=Enu(0.0, 14.0))
    assert [(p.item, p.fault) for p in problems] == [(None, PlanFault.WIND)]


def test_a_route_needs_both_its_ends() -> None:
    with pytest.raises(ValueError, match="start and its end"):
        plan_response(drone_id="cx-2", home=HOME, route=[HOME], target=HOME, heights=HEIGHTS, hook=None,
                      hail_message_id=None, watch_s=1)  # fmt: skip


def _with(zones: ZoneSet, tmp_path: Path, kind: str, corners: list[LatLon], **properties: object) -> ZoneSet:
    ring = [[p.lon, p.lat] for p in (*corners, corners[0])]
    feature = {
        "type": "Feature",
        "properties": {
            "id": "new",
            "kind": kind,
            "name": {"zh": "新", "en": "New"},
            "surface": "water",
            **properties,
        },
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path = tmp_path / "zones.geojson"
    content = {"type": "FeatureCollection", "features": [*zones.geojson["features"], feature]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_zones(path, FRAME)


def _around(river: River, along: float, offset: float, half: float = 40.0) -> list[LatLon]:
    corners = ((-half, -half), (half, -half), (half, half), (-half, half))
    return [_place(river, along + a, offset + o) for a, o in corners]


def test_a_leg_over_an_altitude_limit_is_told_and_one_under_it_is_not(
    river: River, zones: ZoneSet, tmp_path: Path
) -> None:
    limited = _with(zones, tmp_path, "altitude_limit", _around(river, 220, 60), max_height_amsl_m=30.0)
    legs = [Waypoint(position=_place(river, along, 60), height_m=height) for along, height in ((150, 20), (300, 20))]
    assert check(_plan(TakeOff(height_m=20), *legs, ReturnHome(height_m=20)), limited, limits=LIMITS) == []
    high = [Waypoint(position=_place(river, along, 60), height_m=40) for along in (150, 300)]
    problems = check(_plan(TakeOff(height_m=40), *high, ReturnHome(height_m=40)), limited, limits=LIMITS)
    assert {(p.item, p.fault) for p in problems} >= {(2, PlanFault.HEIGHT)}
    assert "over the 30 m allowed in new" in problems[0].reason


def test_a_closed_area_is_told_with_its_order_while_it_is_in_force(
    river: River, zones: ZoneSet, tmp_path: Path
) -> None:
    day = datetime(2026, 9, 28, tzinfo=UTC)
    window = {"type": "period", "begins_at": day.isoformat(), "ends_at": (day + timedelta(days=1)).isoformat()}
    closed = _with(zones, tmp_path, "closure", _around(river, 220, 60), approval="17", window=window)
    legs = [Waypoint(position=_place(river, along, 60), height_m=20) for along in (150, 300)]
    plan = _plan(TakeOff(height_m=20), *legs, ReturnHome(height_m=20))
    problems = check(plan, closed, limits=LIMITS, now=Conditions(day + timedelta(hours=5)))
    assert any("closed by order 17" in p.reason and p.fault is PlanFault.KEEP_OUT for p in problems)
    assert check(plan, closed, limits=LIMITS, now=Conditions(day + timedelta(days=3))) == []


def test_nothing_is_dropped_on_a_crowd_while_it_gathers(river: River, zones: ZoneSet, tmp_path: Path) -> None:
    window = {"type": "clock", "from_time": "10:00", "to_time": "14:00"}
    crowded = _with(zones, tmp_path, "crowd", _around(river, 220, 30), window=window)
    plan = _plan(
        TakeOff(height_m=20), Drop(position=_place(river, 220, 30), height_m=5, hook=1), ReturnHome(height_m=20)
    )
    noon, night = (Conditions(datetime(2026, 9, 28, hour, tzinfo=UTC)) for hour in (4, 16))
    assert [p.fault for p in check(plan, crowded, limits=LIMITS, now=noon)] == [PlanFault.DROP_AREA]
    assert check(plan, crowded, limits=LIMITS, now=night) == []
