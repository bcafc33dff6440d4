"""SMART_RTL: back the way it came, and what it does without one."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.position import Enu
from sim.copter import Mode, SimCopter
from sim.copter.parameters import Parameters
from sim.copter.places import Spot
from sim.copter.return_path import ReturnPath, distance_m, simplified, without_loops
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, flying_ground, off_m, until

SMART_RTL, GUIDED = 21, 4
ACCEPTED, FAILED = 0, 4


async def fly_round(ground: Ground, copter: SimCopter, *places: tuple[float, float]) -> None:
    for east, north in places:
        await fly_to(ground, copter, Enu(east, north))


async def fly_to(ground: Ground, copter: SimCopter, place: Enu) -> None:
    ground.go_to(place, 15.0)
    await until(lambda: off_m(copter, place) < 1.5, within_s=60)


def test_it_flies_back_round_the_corners_it_came_by_and_lands_where_it_was_armed() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _):
            await ground.take_off(15.0)
            await fly_round(ground, copter, (60.0, 0.0), (60.0, 60.0), (0.0, 60.0))
            assert await ground.mode(SMART_RTL) == ACCEPTED
            corners = [Enu(60.0, 60.0), Enu(60.0, 0.0)]
            nearest = [99.0, 99.0]
            highest = 0.0
            while copter.state.armed:
                highest = max(highest, copter.state.height_m)
                nearest = [min(m, off_m(copter, corner)) for m, corner in zip(nearest, corners, strict=True)]
                await asyncio.sleep(0.2)
            assert max(nearest) < 5.0
            assert highest < 16.5  # RTL_ALT is no matter
            assert off_m(copter, Enu(0.0, 0.0)) < 1.5
            assert copter.state.mode is Mode.SMART_RTL

    run_virtual(story())


def test_a_loop_on_the_way_is_not_flown_again() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _):
            await ground.take_off(15.0)
            await fly_round(ground, copter, (40.0, 0.0), (80.0, 40.0), (80.0, -40.0), (40.0, 0.0), (0.0, -40.0))
            assert await ground.mode(SMART_RTL) == ACCEPTED
            farthest = 0.0
            while copter.state.armed:
                farthest = max(farthest, copter.state.position.east_m)
                await asyncio.sleep(0.2)
            assert farthest < 50.0

    run_virtual(story())


def test_without_a_path_the_mode_is_refused_armed_or_not() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"SRTL_POINTS": 0.0}) as (ground, copter, _):
            assert await ground.mode(SMART_RTL) == FAILED
            await ground.take_off(10.0)
            assert await ground.mode(SMART_RTL) == FAILED
            await asyncio.sleep(0.5)
            assert "Mode change to SMART_RTL failed: init failed" in ground.texts()
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())


def test_when_its_points_are_full_the_way_back_is_lost() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"SRTL_POINTS": 12.0}) as (ground, copter, _):
            await ground.take_off(15.0)
            places = [(12.0 * step, 12.0 * (step % 2)) for step in range(1, 14)]
            await fly_round(ground, copter, *places)
            assert "SmartRTL deactivated: buffer full" in ground.texts()
            assert await ground.mode(SMART_RTL) == FAILED

    run_virtual(story())


def test_a_failsafe_that_finds_no_way_back_returns_straight() -> None:
    async def story(points: float) -> Mode:
        parameters = {"SRTL_POINTS": points, "FS_THR_ENABLE": 4.0}
        async with flying_ground(parameters=parameters) as (ground, copter, _):
            await ground.take_off(15.0)
            await fly_round(ground, copter, (30.0, 0.0))
            await ground.parameter("SIM_RC_FAIL", 1)
            await until(lambda: copter.state.mode is not Mode.GUIDED, within_s=5)
            await asyncio.sleep(0.3)
            assert ("SmartRTL Unavailable, Trying RTL Mode" in ground.texts()) == (points == 0)
            return copter.state.mode

    assert run_virtual(story(300.0)) is Mode.SMART_RTL
    assert run_virtual(story(0.0)) is Mode.RTL


def test_left_on_the_way_it_can_be_taken_up_again() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _):
            await ground.take_off(15.0)
            await fly_round(ground, copter, (60.0, 0.0), (60.0, 60.0))
            assert await ground.mode(SMART_RTL) == ACCEPTED
            await until(lambda: copter.state.position.north_m < 30.0, within_s=30)
            assert await ground.mode(GUIDED) == ACCEPTED
            await fly_round(ground, copter, (90.0, 30.0))
            assert await ground.mode(SMART_RTL) == ACCEPTED
            corner = 99.0
            while copter.state.armed:
                corner = min(corner, off_m(copter, Enu(60.0, 0.0)))
                await asyncio.sleep(0.2)
            assert corner < 5.0
            assert off_m(copter, Enu(0.0, 0.0)) < 1.5

    run_virtual(story())


def test_a_bad_position_for_fifteen_seconds_ends_it() -> None:
    path = ReturnPath(Parameters())
    path.begin(Spot(0.0, 0.0, 0.0), 0.0)
    texts = [
        path.record(Spot(0.0, 0.0, 10.0), 0.5 * step, position_good=step < 10, saving=True) for step in range(1, 60)
    ]
    assert [text for text in texts if text] == ["SmartRTL deactivated: bad position"]
    assert not path.active


_SPOTS = st.lists(
    st.builds(Spot, st.floats(-200, 200), st.floats(-200, 200), st.floats(0, 60)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(_SPOTS)
def test_clean_ups_keep_the_ends_and_only_shorten_the_way(points: list[Spot]) -> None:
    def length(way: list[Spot]) -> float:
        return sum(distance_m(a, b) for a, b in itertools.pairwise(way))

    fewer = simplified(points, 1.0)
    assert (fewer[0], fewer[-1]) == (points[0], points[-1])
    assert length(fewer) <= length(points) + 1e-6
    cut = without_loops(fewer, 1.98)
    assert cut[0] == points[0]
    assert cut[-1] == points[-1]
    assert length(cut) <= length(fewer) + 2.0 * len(fewer)


def test_a_straight_way_is_two_points() -> None:
    straight = [Spot(2.0 * step, math.sin(step) * 0.3, 15.0) for step in range(50)]
    assert len(simplified(straight, 1.0)) == 2
    assert simplified([Spot(0.0, 0.0, 0.0)], 1.0) == [Spot(0.0, 0.0, 0.0)]
    assert distance_m(Spot(0.0, 0.0, 0.0), Spot(3.0, 4.0, 0.0)) == pytest.approx(5.0)
