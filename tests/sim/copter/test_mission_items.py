"""Mission items beside plain waypoints: conditions, DO items, delays and the way legs are flown."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import SimCopter
from sim.copter.places import Spot
from sim.copter.spline import Spline
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import HOME_AMSL_M, Ground, World, flying_ground, off_m, until
from tests.sim.copter.test_missions import (
    ACCEPTED,
    DELAY,
    HOME_ITEM,
    JUMP,
    RTL,
    SERVO,
    SPEED,
    TAKEOFF,
    WAYPOINT,
    Item,
    upload,
)
from tests.sim.copter.test_winch import FITTED

LOITER_UNLIM, LOITER_TIME, SPLINE, COND_DELAY, COND_DISTANCE, COND_YAW, WINCH, PLACE, LOITER_TO_ALT, SET_HOME = (
    17,
    19,
    82,
    112,
    114,
    115,
    42600,
    94,
    31,
    179,
)
UP = Item(TAKEOFF, height=15.0)


def servo(pwm: float) -> Item:
    return Item(SERVO, params=(12.0, pwm, 0.0, 0.0))


def way(east: float, north: float, height: float = 15.0, hold_s: float = 0.0, command: int = WAYPOINT) -> Item:
    return Item(command, Enu(east, north), height, (hold_s, 0.0, 0.0, 0.0))


@asynccontextmanager
async def flying(
    *items: Item, parameters: dict[str, float] | None = None
) -> AsyncGenerator[tuple[Ground, SimCopter, World]]:
    """A copter in AUTO on the mission `items` (home left out), from the ground."""
    async with flying_ground(parameters=parameters) as (ground, copter, world):
        assert await upload(ground, [HOME_ITEM, *items]) == ACCEPTED
        await ground.mode(4)
        assert await ground.arm() == ACCEPTED
        assert await ground.command(300) == ACCEPTED
        await ground.stream(36, hz=10.0)
        yield ground, copter, world


async def pwm_is(ground: Ground, pwm: int, within_s: float) -> None:
    await ground.expect(mavlink.MAVLink_servo_output_raw_message, lambda m: m.servo12_raw == pwm, within_s=within_s)


async def heard(ground: Ground, text: str, within_s: float = 60.0) -> None:
    await until(lambda: any(text in said for said in ground.texts()), within_s=within_s)


def test_a_condition_delay_holds_back_only_the_do_items_behind_it() -> None:
    async def story() -> None:
        delay = Item(COND_DELAY, params=(5.0, 0.0, 0.0, 0.0))
        async with flying(UP, servo(1300), delay, servo(1700), way(150.0, 0.0)) as (ground, copter, _):
            await pwm_is(ground, 1300, 30.0)
            began_s = asyncio.get_running_loop().time()
            await asyncio.sleep(3.0)
            assert copter.state.position.east_m > 3.0  # it flies meanwhile
            await pwm_is(ground, 1700, 10.0)
            assert asyncio.get_running_loop().time() - began_s == pytest.approx(5.0, abs=0.5)

    run_virtual(story())


def test_a_condition_distance_waits_until_the_waypoint_is_so_near() -> None:
    async def story() -> None:
        near = Item(COND_DISTANCE, params=(40.0, 0.0, 0.0, 0.0))
        async with flying(UP, near, servo(1700), way(150.0, 0.0)) as (ground, copter, _):
            await pwm_is(ground, 1700, 60.0)
            assert off_m(copter, Enu(150.0, 0.0)) == pytest.approx(40.0, abs=3.0)

    run_virtual(story())


def test_do_items_that_have_not_run_when_their_waypoint_is_reached_are_dropped() -> None:
    async def story() -> None:
        long = Item(COND_DELAY, params=(60.0, 0.0, 0.0, 0.0))
        items = (UP, long, servo(1700), way(30.0, 0.0), way(30.0, 200.0))
        async with flying(*items) as (ground, copter, _):
            await until(lambda: off_m(copter, Enu(30.0, 200.0)) < 3.0, within_s=90)
            await asyncio.sleep(60.0)
            assert all(m.servo12_raw != 1700 for m in ground.of(mavlink.MAVLink_servo_output_raw_message))

    run_virtual(story())


def test_past_the_last_waypoint_only_the_first_do_item_runs() -> None:
    async def story() -> None:
        items = (UP, way(20.0, 0.0), servo(1300), servo(1700))
        async with flying(*items) as (ground, _, _world):
            await pwm_is(ground, 1300, 60.0)
            await asyncio.sleep(5.0)
            assert ground.of(mavlink.MAVLink_servo_output_raw_message)[-1].servo12_raw == 1300

    run_virtual(story())


@pytest.mark.parametrize(
    ("params", "heading_deg"),
    [((90.0, 0.0, 0.0, 0.0), 90.0), ((45.0, 0.0, -1.0, 1.0), 135.0), ((30.0, 0.0, 1.0, 1.0), 210.0)],
)
def test_a_condition_yaw_turns_the_nose_for_the_leg_and_the_items_behind_it_wait(
    params: tuple[float, float, float, float], heading_deg: float
) -> None:
    async def story() -> None:
        turn = Item(COND_YAW, params=params)
        items = (UP, turn, servo(1700), way(0.0, -150.0), way(0.0, 0.0))
        async with flying(*items) as (ground, copter, _):
            await pwm_is(ground, 1700, 60.0)
            assert copter.state.yaw_deg == pytest.approx(heading_deg, abs=2.5)
            await asyncio.sleep(5.0)
            assert copter.state.yaw_deg == pytest.approx(heading_deg, abs=2.5)
            await heard(ground, "Mission: 5 WP")
            await asyncio.sleep(5.0)
            assert math.cos(math.radians(copter.state.yaw_deg)) > 0.99  # the next leg looks north again

    run_virtual(story())


def test_a_condition_yaw_takes_the_way_round_and_the_rate_that_were_asked() -> None:
    async def story() -> None:
        turn = Item(COND_YAW, params=(170.0, 20.0, 1.0, 0.0))  # from 180 clockwise
        async with flying(UP, turn, way(0.0, 0.0, command=LOITER_UNLIM)) as (ground, copter, _):
            await heard(ground, "CondYaw")
            began_s = asyncio.get_running_loop().time()
            await asyncio.sleep(5.0)
            assert 180.0 + 70.0 < copter.state.yaw_deg < 180.0 + 101.0
            await until(lambda: abs(copter.state.yaw_deg - 170.0) < 2.0, within_s=20)
            assert asyncio.get_running_loop().time() - began_s == pytest.approx(17.5, abs=1.5)

    run_virtual(story())


def test_change_speed_sets_ground_speed_climb_and_descent_apart() -> None:
    async def story() -> None:
        def speed(kind: float, mps: float) -> Item:
            return Item(SPEED, params=(kind, mps, -1.0, 0.0))

        items = (
            UP,
            speed(1, 4.0),
            way(80.0, 0.0),
            speed(2, 1.0),
            way(80.0, 0.0, 40.0),
            speed(3, 0.8),
            way(80.0, 0.0),
        )
        async with flying(*items) as (ground, copter, _):
            fastest = climb = sink = 0.0
            while not any("Reached command #7" in text for text in ground.texts()):
                state = copter.state
                if state.height_m > 16.0:
                    fastest = max(fastest, state.east_mps)
                    climb, sink = max(climb, state.up_mps), min(sink, state.up_mps)
                elif state.position.east_m > 20.0:
                    fastest = max(fastest, state.east_mps)
                await asyncio.sleep(0.1)
            assert fastest == pytest.approx(4.0, abs=0.3)
            assert climb == pytest.approx(1.0, abs=0.1)
            assert sink == pytest.approx(-0.8, abs=0.1)

    run_virtual(story())


def test_loiter_time_stays_so_long_where_it_is_and_loiter_unlimited_for_ever() -> None:
    async def story() -> None:
        stay = Item(LOITER_TIME, params=(8.0, 0.0, 0.0, 0.0))  # no place: at the waypoint before
        items = (UP, way(40.0, 0.0), stay, way(40.0, 40.0, command=LOITER_UNLIM), way(0.0, 0.0))
        async with flying(*items) as (ground, copter, _):
            await heard(ground, "LoitTime")
            began_s = asyncio.get_running_loop().time()
            await heard(ground, "LoitUnlim")
            assert asyncio.get_running_loop().time() - began_s == pytest.approx(8.0, abs=2.0)
            assert off_m(copter, Enu(40.0, 0.0)) < 2.5
            await asyncio.sleep(60.0)
            assert off_m(copter, Enu(40.0, 40.0)) < 2.5
            assert "Reached command #3" in ground.texts()
            assert "Reached command #4" not in ground.texts()

    run_virtual(story())


def test_a_delay_may_last_until_a_time_of_day() -> None:
    async def story() -> None:
        until_time = Item(DELAY, params=(-1.0, 0.0, 0.0, 45.0))  # the world began at midnight
        async with flying(UP, until_time, servo(1700), way(30.0, 0.0)) as (ground, _, _world):
            began_s = asyncio.get_running_loop().time()
            await pwm_is(ground, 1700, 60.0)
            assert 20.0 < asyncio.get_running_loop().time() - began_s <= 46.0
            assert asyncio.get_running_loop().time() == pytest.approx(45.0, abs=1.5)

    run_virtual(story())


def test_a_jump_repeats_its_do_items_as_well() -> None:
    async def story() -> None:
        jump = Item(JUMP, params=(2.0, 2.0, 0.0, 0.0))
        async with flying(UP, servo(1300), way(15.0, 0.0), way(0.0, 0.0), jump) as (ground, _, _world):
            await asyncio.sleep(120.0)
            assert sum("Mission: 2 SetServo" in text for text in ground.texts()) == 3
            assert sum("Reached command #4" in text for text in ground.texts()) == 3

    run_virtual(story())


def test_the_winch_works_from_a_mission() -> None:
    async def story() -> None:
        lower = Item(WINCH, params=(1.0, 1.0, 6.0, 0.0))
        async with flying(UP, lower, way(100.0, 0.0), parameters=FITTED) as (ground, _, _world):
            await heard(ground, "Winch: lowering  6.0m to  6.0m")
            await asyncio.sleep(10.0)
            assert await ground.command(512, 9005) == ACCEPTED
            out = ground.of(mavlink.MAVLink_winch_status_message)[-1]
            assert out.line_length == pytest.approx(6.0, abs=0.05)

    run_virtual(story())


def place(east: float, north: float, greatest_descent_m: float = 0.0) -> Item:
    return Item(PLACE, Enu(east, north), 0.0, (greatest_descent_m, 0.0, 0.0, 0.0))


def test_a_payload_is_placed_on_the_ground_and_it_climbs_back_and_goes_on() -> None:
    async def story() -> None:
        async with flying(UP, place(40.0, 0.0), way(0.0, 0.0)) as (ground, copter, world):
            await until(lambda: bool(world.releases), within_s=120)
            (release,) = world.releases
            assert release.amsl_m == pytest.approx(HOME_AMSL_M, abs=0.2)
            assert release.position.distance_m(Enu(40.0, 0.0)) < 2.5
            await heard(ground, "Mission: 3 WP")
            assert copter.state.height_m == pytest.approx(15.0, abs=1.0)
            assert copter.state.armed

    run_virtual(story())


def test_without_ground_within_the_greatest_descent_it_comes_back_with_its_load() -> None:
    async def story() -> None:
        async with flying(UP, place(40.0, 0.0, 5.0), way(0.0, 0.0)) as (ground, copter, world):
            await heard(ground, "PayloadPlace: Reached maximum descent", within_s=90)
            assert copter.state.height_m == pytest.approx(10.0, abs=0.7)
            await heard(ground, "Mission: 3 WP")
            assert not world.releases

    run_virtual(story())


def test_a_waypoint_at_height_zero_keeps_the_height() -> None:
    async def story() -> None:
        async with flying(UP, way(40.0, 0.0, 0.0)) as (_, copter, _world):
            await until(lambda: off_m(copter, Enu(40.0, 0.0)) < 2.5, within_s=60)
            assert copter.state.height_m == pytest.approx(15.0, abs=1.0)

    run_virtual(story())


def test_waypoints_in_line_are_passed_at_speed_and_one_with_a_hold_is_not() -> None:
    async def story(hold_s: float) -> float:
        async with flying(UP, way(100.0, 0.0, hold_s=hold_s), way(200.0, 0.0)) as (_, copter, _world):
            await until(lambda: copter.state.position.east_m > 90.0, within_s=60)
            slowest = 99.0
            while copter.state.position.east_m < 110.0:
                slowest = min(slowest, copter.state.east_mps)
                await asyncio.sleep(0.05)
            return slowest

    assert run_virtual(story(0.0)) > 9.0
    assert run_virtual(story(1.0)) < 0.6


def test_a_corner_is_cut_within_the_waypoint_radius() -> None:
    async def story() -> None:
        async with flying(UP, way(80.0, 0.0), way(80.0, 80.0)) as (_, copter, _world):
            nearest, farthest = 99.0, 0.0
            await until(lambda: copter.state.position.east_m > 60.0, within_s=60)
            slowest = 99.0
            while copter.state.position.north_m < 30.0:
                state = copter.state
                nearest = min(nearest, off_m(copter, Enu(80.0, 0.0)))
                farthest = max(farthest, state.position.east_m - 80.0)
                slowest = min(slowest, math.hypot(state.east_mps, state.north_mps))
                await asyncio.sleep(0.05)
            assert nearest < 2.6
            assert farthest < 2.0
            assert slowest > 1.5  # it does not stop there

    run_virtual(story())


def test_a_leg_climbs_along_its_line() -> None:
    async def story() -> None:
        async with flying(UP, way(100.0, 0.0, 15.0, 1.0), way(0.0, 0.0, 35.0)) as (ground, copter, _):
            await heard(ground, "Mission: 3 WP")
            await until(lambda: copter.state.position.east_m < 50.0, within_s=60)
            assert copter.state.height_m == pytest.approx(25.0, abs=2.0)
            await heard(ground, "Reached command #3")
            assert copter.state.amsl_m == pytest.approx(HOME_AMSL_M + 35.0, abs=2.0)

    run_virtual(story())


def test_spline_waypoints_are_one_smooth_curve_through_all_of_them() -> None:
    async def story() -> None:
        points = [(60.0, 0.0), (90.0, 50.0), (40.0, 90.0), (0.0, 50.0)]
        items = (UP, *(way(east, north, command=SPLINE) for east, north in points))
        async with flying(*items) as (ground, copter, _):
            await heard(ground, "Mission: 3 SplineWP")
            slowest, off_curve, off_line = 99.0, 0.0, 0.0
            leave, arrive = (90.0, 50.0, 0.0), (-20.0, 90.0, 0.0)  # from the point before to the one after
            start, end = Spot(60.0, 0.0, 23.0), Spot(90.0, 50.0, 23.0)
            ideal = [Spline(start, end, leave, arrive).place(step / 200) for step in range(201)]
            while not any("Mission: 4 SplineWP" in text for text in ground.texts()):
                state = copter.state
                slowest = min(slowest, math.hypot(state.east_mps, state.north_mps))
                east, north = state.position.east_m, state.position.north_m
                off_curve = max(off_curve, min(math.hypot(east - p.east_m, north - p.north_m) for p in ideal))
                off_line = max(off_line, _beside(state.position, Enu(60.0, 0.0), Enu(90.0, 50.0)))
                await asyncio.sleep(0.2)
            assert off_curve < 1.6
            assert slowest > 2.0  # it does not stop between
            assert off_line > 3.0  # and the curve is none of the straight legs
            await until(lambda: off_m(copter, Enu(0.0, 50.0)) < 2.0, within_s=60)
            await asyncio.sleep(10.0)
            assert off_m(copter, Enu(0.0, 50.0)) < 1.5

    run_virtual(story())


def _beside(position: Enu, start: Enu, end: Enu) -> float:
    """How far beside the line from start to end, while between them."""
    east, north = end.east_m - start.east_m, end.north_m - start.north_m
    size = math.hypot(east, north)
    off_east, off_north = position.east_m - start.east_m, position.north_m - start.north_m
    along = (off_east * east + off_north * north) / size
    return abs(off_east * north - off_north * east) / size if 0.0 < along < size else 0.0


def test_loiter_to_altitude_goes_on_when_it_is_as_high_as_asked() -> None:
    async def story() -> None:
        async with flying(UP, way(20.0, 0.0, 30.0, command=LOITER_TO_ALT), way(60.0, 0.0, 30.0)) as (
            ground,
            copter,
            _,
        ):
            await heard(ground, "Mission: 3 WP")
            assert copter.state.height_m == pytest.approx(30.0, abs=0.7)
            assert off_m(copter, Enu(20.0, 0.0)) < 2.5

    run_virtual(story())


def test_a_mission_may_move_home_and_its_return_goes_there() -> None:
    async def story() -> None:
        move = Item(SET_HOME, Enu(40.0, 0.0), 0.0)
        async with flying(UP, move, way(40.0, 40.0), Item(RTL)) as (_, copter, _world):
            await until(lambda: not copter.state.armed, within_s=150)
            assert off_m(copter, Enu(40.0, 0.0)) < 2.5

    run_virtual(story())


def test_camera_and_mount_items_are_taken_and_do_not_hold_the_flight() -> None:
    async def story() -> None:
        extras = [Item(command) for command in (189, 181, 202, 203, 205, 206)]
        async with flying(UP, *extras, servo(1700), way(40.0, 0.0)) as (ground, copter, _):
            await pwm_is(ground, 1700, 60.0)
            await until(lambda: off_m(copter, Enu(40.0, 0.0)) < 2.5, within_s=60)
            assert "Mission: 5 DigiCamCtrl" in ground.texts()

    run_virtual(story())
