"""The fence: enabling, refusing targets, breaching."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from shapely.geometry import Point, Polygon

from geofence.position import Enu
from sim.copter import Mode
from sim.copter.fence import Ring
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
