"""The fence: enabling, refusing targets, breaching."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from shapely.geometry import Point, Polygon

from geofence.position import Enu
from sim.copter import Mode, SimCopter
from sim.copter.fence import FenceType, Ring, names
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, degrees_e7, flying_ground, off_m, until
from tests.sim.copter.test_missions import Item, upload

_FENCE_BIT = 1 << 20
_RING = [Enu(-60.0, -60.0), Enu(-60.0, 60.0), Enu(60.0, 60.0), Enu(60.0, -60.0)]
_POLYGON = [Item(5001, place, 0.0, (4.0, 0.0, 0.0, 0.0), frame=0) for place in _RING]


async def _fenced(ground: Ground) -> None:
    await ground.parameter("FENCE_TYPE", 4)
    assert await upload(ground, _POLYGON, 1) == 0
    assert await ground.command(207, 1) == 0


async def _fence_enabled(ground: Ground) -> bool:
    await ground.command(512, 1)
    status = ground.of(mavlink.MAVLink_sys_status_message)[-1]
    return bool(status.onboard_control_sensors_enabled & _FENCE_BIT)


def test_enabling_shows_in_the_status_not_in_the_parameter() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await ground.command(512, 162) == 4
            await _fenced(ground)
            assert await _fence_enabled(ground)
            ground.send(mavlink.MAVLink_param_request_read_message(1, 1, b"FENCE_ENABLE", -1))
            assert (await ground.expect(mavlink.MAVLink_param_value_message)).param_value == 0
            assert await ground.command(512, 162) == 0
            assert await ground.command(207, 0) == 0
            assert not await _fence_enabled(ground)

    run_virtual(story())


def test_a_polygon_fence_that_was_never_loaded_cannot_be_enabled() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.parameter("FENCE_TYPE", 4)
            assert await ground.command(207, 1) == 4

    run_virtual(story())


def test_the_default_type_includes_the_circle_of_150_m() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            assert await ground.command(207, 1) == 0
            await ground.take_off(20.0)
            ground.go_to(Enu(200.0, 0.0), 20.0)
            await asyncio.sleep(5.0)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0

    run_virtual(story())


def test_targets_outside_are_ignored_or_refused() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await _fenced(ground)
            await ground.take_off(20.0)
            ground.go_to(Enu(80.0, 0.0), 20.0)
            x, y = degrees_e7(Enu(80.0, 0.0))
            assert await ground.command_int(192, 6, (-1.0, 1.0, 0.0, 0.0), (x, y, 20.0)) == 4
            await asyncio.sleep(5.0)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            ground.go_to(Enu(40.0, 0.0), 20.0)
            await until(lambda: off_m(copter, Enu(40.0, 0.0)) < 2.0, within_s=20)

    run_virtual(story())


def test_flown_out_by_velocity_it_returns_and_stays_in_rtl() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await _fenced(ground)
            await ground.take_off(20.0)
            await ground.stream(162)
            while copter.state.mode is Mode.GUIDED:
                ground.fly(0.0, 8.0)
                await asyncio.sleep(0.5)
                assert copter.state.position.east_m < 75.0
            assert copter.state.mode is Mode.RTL
            status = await ground.expect(mavlink.MAVLink_fence_status_message)
            assert (status.breach_status, status.breach_type) == (1, mavlink.FENCE_BREACH_BOUNDARY)
            assert "Polygon fence breached" in ground.texts()
            await until(lambda: copter.state.position.east_m < 50.0, within_s=20)
            status = await ground.expect(mavlink.MAVLink_fence_status_message)
            assert (status.breach_status, status.breach_count) == (0, 1)
            assert copter.state.mode is Mode.RTL

    run_virtual(story())


def test_above_the_height_fence_it_returns() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FENCE_TYPE": 1, "FENCE_ALT_MAX": 30}) as (ground, copter, _world):
            assert await ground.command(207, 1) == 0
            await ground.take_off(20.0)
            for _ in range(12):
                ground.fly(0.0, 0.0, -2.0)
                await asyncio.sleep(1.0)
            assert copter.state.mode is Mode.RTL
            assert "Max Alt fence breached" in ground.texts()

    run_virtual(story())


def test_far_outside_it_lands_where_it_is() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            ground.go_to(Enu(200.0, 0.0), 20.0)
            await until(lambda: off_m(copter, Enu(200.0, 0.0)) < 2.0, within_s=40)
            await _fenced(ground)
            await asyncio.sleep(1.0)
            assert copter.state.mode is Mode.LAND

    run_virtual(story())


def test_a_rejected_fence_leaves_the_old_one() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await _fenced(ground)
            broken = [Item(5001, place, 0.0, (9.0, 0.0, 0.0, 0.0), frame=0) for place in _RING]
            assert await upload(ground, broken, 1) == mavlink.MAV_MISSION_INVALID
            assert await _fence_enabled(ground)
            await ground.take_off(20.0)

    run_virtual(story())


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_depth_into_a_ring_is_the_signed_distance_to_its_edge(east: float, north: float) -> None:
    corners = ((-50.0, -40.0), (60.0, -45.0), (20.0, 0.0), (55.0, 50.0), (-40.0, 30.0))
    shape = Polygon(corners)
    edge_m = shape.exterior.distance(Point(east, north))
    depth = Ring(corners, inclusion=True).depth_m(east, north)
    assert abs(depth) == pytest.approx(edge_m, abs=1e-6)
    if edge_m > 1e-6:
        assert (depth > 0) == shape.contains(Point(east, north))
        assert (Ring(corners, inclusion=False).depth_m(east, north) > 0) != (depth > 0)


_CIRCLE_IN, _CIRCLE_OUT, _RING_OUT, _RALLY = 5003, 5004, 5002, 5100


def _around(centre: Enu, radius_m: float, command: int) -> Item:
    return Item(command, centre, 0.0, (radius_m, 0.0, 0.0, 0.0), frame=0)


async def _fly_east(ground: Ground, copter: SimCopter, *, seconds: float = 25.0) -> float:
    """At 8 m/s until it does something else; where that was."""
    for _ in range(int(seconds * 2)):
        ground.fly(0.0, 8.0)
        await asyncio.sleep(0.5)
        if copter.state.mode is not Mode.GUIDED:
            break
    return copter.state.position.east_m


@pytest.mark.parametrize(
    ("plan", "at_m"),
    [
        ([_around(Enu(0.0, 0.0), 50.0, _CIRCLE_IN)], 50.0),
        ([*_POLYGON, _around(Enu(45.0, 0.0), 15.0, _CIRCLE_OUT)], 30.0),
        (
            [
                *_POLYGON,
                *(
                    Item(_RING_OUT, place, 0.0, (4.0, 0.0, 0.0, 0.0), frame=0)
                    for place in (Enu(40.0, -20.0), Enu(40.0, 20.0), Enu(55.0, 20.0), Enu(55.0, -20.0))
                ),
            ],
            40.0,
        ),
    ],
    ids=["circle to stay in", "circle to stay out of", "polygon to stay out of"],
)
def test_every_shape_of_the_plan_turns_it_back(plan: list[Item], at_m: float) -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FENCE_TYPE": 4}) as (ground, copter, _world):
            assert await upload(ground, plan, 1) == 0
            assert await ground.command(207, 1) == 0
            await ground.take_off(20.0)
            assert await _fly_east(ground, copter) == pytest.approx(at_m + 3.0, abs=4.0)
            assert copter.state.mode is Mode.RTL
            assert "Polygon fence breached" in ground.texts()

    run_virtual(story())


@pytest.mark.parametrize(
    ("action", "mode"),
    [(0, Mode.GUIDED), (1, Mode.RTL), (2, Mode.LAND), (4, Mode.BRAKE)],
)
def test_a_breach_of_the_circle_round_home_does_what_the_action_says(action: int, mode: Mode) -> None:
    wanted = {"FENCE_TYPE": 2.0, "FENCE_RADIUS": 60.0, "FENCE_ACTION": float(action)}

    async def story() -> None:
        async with flying_ground(parameters=wanted) as (ground, copter, _world):
            assert await ground.command(207, 1) == 0
            await ground.take_off(20.0)
            await _fly_east(ground, copter, seconds=10.0)
            assert copter.state.mode is mode
            assert "Circle fence breached" in ground.texts()

    run_virtual(story())


def test_taken_over_beyond_the_circle_it_is_turned_back_again_20_m_further_out() -> None:
    wanted = {"FENCE_TYPE": 2.0, "FENCE_RADIUS": 50.0}

    async def story() -> None:
        async with flying_ground(parameters=wanted) as (ground, copter, _world):
            assert await ground.command(207, 1) == 0
            await ground.take_off(20.0)
            first_m = await _fly_east(ground, copter)
            assert await ground.mode(4) == 0
            second_m = await _fly_east(ground, copter)
            assert second_m - first_m > 15.0
            assert ground.texts().count("Circle fence breached") == 2
            assert await ground.command(512, 162) == 0
            assert ground.of(mavlink.MAVLink_fence_status_message)[-1].breach_count == 2

    run_virtual(story())


def test_the_least_height_counts_once_passed_and_not_in_a_landing() -> None:
    wanted = {"FENCE_TYPE": 8.0, "FENCE_ALT_MIN": 10.0}

    async def story() -> None:
        async with flying_ground(parameters=wanted) as (ground, copter, _world):
            assert await ground.command(207, 1) == 0
            await ground.take_off(20.0)  # from below it, and nothing happens
            assert copter.state.mode is Mode.GUIDED
            for _ in range(12):
                ground.fly(0.0, 0.0, 1.5)
                await asyncio.sleep(1.0)
                if copter.state.mode is not Mode.GUIDED:
                    break
            assert copter.state.mode is Mode.RTL
            assert "Min Alt fence breached" in ground.texts()
            await until(lambda: not copter.state.armed, within_s=90)
            assert ground.texts().count("Min Alt fence breached") == 1

    run_virtual(story())


def test_the_status_names_the_kind_of_breach() -> None:
    wanted = {"FENCE_TYPE": 1.0, "FENCE_ALT_MAX": 30.0, "FENCE_ACTION": 0.0}

    async def story() -> None:
        async with flying_ground(parameters=wanted) as (ground, _, _world):
            assert await ground.command(207, 1) == 0
            await ground.take_off(20.0)
            for _ in range(10):
                ground.fly(0.0, 0.0, -2.0)
                await asyncio.sleep(1.0)
            assert await ground.command(512, 162) == 0
            status = ground.of(mavlink.MAVLink_fence_status_message)[-1]
            assert (status.breach_status, status.breach_type) == (1, mavlink.FENCE_BREACH_MAXALT)

    run_virtual(story())


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"FENCE_MARGIN": 60.0, "FENCE_ALT_MIN": -10.0}, "FENCE_MARGIN too big"),
        ({"FENCE_ALT_MIN": 120.0}, "FENCE_ALT_MAX < FENCE_ALT_MIN"),
        ({"FENCE_MARGIN": -1.0}, "Invalid FENCE_MARGIN value"),
        ({"FENCE_ALT_MAX": -5.0}, "Invalid FENCE_ALT_MAX value"),
        ({"FENCE_RADIUS": 1.0}, "FENCE_MARGIN is less than FENCE_RADIUS"),
    ],
)
def test_numbers_that_do_not_fit_together_keep_it_from_arming(parameters: dict[str, float], reason: str) -> None:
    async def story() -> None:
        async with flying_ground(parameters=parameters) as (ground, _, _world):
            assert await ground.command(207, 1) == 0
            await ground.mode(4)
            assert await ground.arm() == 4
            await asyncio.sleep(0.2)
            assert f"Arm: {reason}" in ground.texts()

    run_virtual(story())


def test_standing_outside_it_does_not_arm_and_says_which_fence() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FENCE_TYPE": 4}) as (ground, _, _world):
            away = [Item(5001, Enu(p.east_m + 300.0, p.north_m), 0.0, (4.0, 0.0, 0.0, 0.0), frame=0) for p in _RING]
            assert await upload(ground, away, 1) == 0
            assert await ground.command(207, 1) == 0
            await asyncio.sleep(1.0)
            await ground.mode(4)
            assert await ground.arm() == 4
            await asyncio.sleep(0.2)
            assert "Arm: Vehicle breaching Polygon fence" in ground.texts()

    run_virtual(story())


def test_several_fences_are_named_as_a_list() -> None:
    assert names(FenceType.CIRCLE) == "Circle fence"
    assert names(FenceType.HEIGHT_MAX | FenceType.POLYGON) == "Max Alt and Polygon fences"
    assert names(FenceType.HEIGHT_MAX | FenceType.CIRCLE | FenceType.POLYGON) == "Max Alt, Circle and Polygon fences"


def test_a_return_stays_a_margin_below_the_height_fence() -> None:
    wanted = {"FENCE_TYPE": 1.0, "FENCE_ALT_MAX": 30.0, "FENCE_MARGIN": 4.0, "RTL_ALT": 5000.0, "RTL_CONE_SLOPE": 0.0}

    async def story() -> None:
        async with flying_ground(parameters=wanted) as (ground, copter, _world):
            assert await ground.command(207, 1) == 0
            await ground.take_off(15.0)
            await ground.command(20)
            await asyncio.sleep(15.0)
            assert copter.state.height_m == pytest.approx(26.0, abs=1.0)
            assert copter.state.mode is Mode.RTL

    run_virtual(story())


@pytest.mark.parametrize(
    ("limit_km", "with_home", "place"),
    [
        (0.3, 1, Enu(100.0, 40.0)),  # nearer than home
        (0.02, 0, Enu(0.0, 0.0)),  # too far for the limit
        (0.0, 0, Enu(100.0, 40.0)),  # no limit
    ],
)
def test_the_return_picks_the_nearest_rally_point_within_the_limit(
    limit_km: float, with_home: int, place: Enu
) -> None:
    wanted = {"RALLY_LIMIT_KM": limit_km, "RALLY_INCL_HOME": float(with_home)}

    async def story() -> None:
        async with flying_ground(parameters=wanted) as (ground, copter, _world):
            points = [Item(_RALLY, at, 25.0, frame=3) for at in (Enu(100.0, 40.0), Enu(-200.0, 0.0))]
            assert await upload(ground, points, 2) == 0
            await ground.take_off(15.0)
            ground.go_to(Enu(100.0, 0.0), 15.0)
            await until(lambda: off_m(copter, Enu(100.0, 0.0)) < 2.0, within_s=30)
            await ground.command(20)
            highest = 0.0
            for _ in range(150):
                await asyncio.sleep(1.0)
                highest = max(highest, copter.state.height_m)
                if not copter.state.armed:
                    break
            assert off_m(copter, place) < 2.0
            assert highest == pytest.approx(15.0 if place == Enu(0.0, 0.0) else 25.0, abs=1.2)

    run_virtual(story())


@pytest.mark.parametrize(("with_home", "place"), [(1, Enu(0.0, 0.0)), (0, Enu(60.0, 0.0))])
def test_home_is_one_of_the_rally_points_only_if_it_is_included(with_home: int, place: Enu) -> None:
    async def story() -> None:
        async with flying_ground(parameters={"RALLY_INCL_HOME": with_home}) as (ground, copter, _world):
            assert await upload(ground, [Item(_RALLY, Enu(60.0, 0.0), 15.0, frame=3)], 2) == 0
            await ground.take_off(15.0)
            await ground.command(20)
            await until(lambda: not copter.state.armed, within_s=120)
            assert off_m(copter, place) < 2.0

    run_virtual(story())
