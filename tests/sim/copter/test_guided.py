"""GUIDED: position and velocity targets, frames, yaw, wind."""

from __future__ import annotations

import asyncio
import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import Environment
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import (
    FRAME,
    HOME_AMSL_M,
    POSITION_ONLY,
    Ground,
    degrees_e7,
    flying_ground,
    off_m,
    until,
)


def _global_target(ground: Ground, place: Enu, height: float, frame: int, mask: int = POSITION_ONLY) -> None:
    lat, lon = degrees_e7(place)
    ground.send(
        mavlink.MAVLink_set_position_target_global_int_message(
            0, 1, 1, frame, mask, lat, lon, height, 0, 0, 0, 0, 0, 0, 0, 0
        )
    )


@pytest.mark.parametrize(("frame", "height"), [(0, 33.0), (5, 33.0), (3, 25.0), (6, 25.0)])
def test_absolute_and_relative_frames_mean_the_same_place(frame: int, height: float) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            place = Enu(-40.0, 30.0)
            _global_target(ground, place, height, frame)
            await until(lambda: off_m(copter, place) < 1.5, within_s=30)
            await asyncio.sleep(5.0)
            assert copter.state.amsl_m == pytest.approx(33.0, abs=1.0)
            await ground.command(512, 87)
            shown = ground.of(mavlink.MAVLink_position_target_global_int_message)[-1]
            assert shown.coordinate_frame == 0
            assert shown.alt == pytest.approx(33.0, abs=1.0)

    run_virtual(story())


def test_terrain_frames_are_ignored_and_unknown_ones_named() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            _global_target(ground, Enu(100.0, 0.0), 20.0, 11)
            _global_target(ground, Enu(100.0, 0.0), 20.0, 1)
            await asyncio.sleep(5.0)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            assert ground.texts().count("Unknown mavlink coordinate frame") == 1

    run_virtual(story())


def test_targets_outside_guided_are_ignored() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.mode(17)
            ground.go_to(Enu(100.0, 0.0), 20.0)
            await asyncio.sleep(8.0)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0

    run_virtual(story())


def test_a_target_does_not_lift_it_from_the_ground_but_replaces_a_take_off() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.mode(4)
            await ground.arm()
            ground.go_to(Enu(50.0, 0.0), 20.0)
            await asyncio.sleep(3.0)
            assert copter.state.on_ground
            assert await ground.command(22, 0, 0, 0, 0, 0, 0, 20) == 0
            await until(lambda: copter.state.height_m > 0.1, within_s=5)
            ground.go_to(Enu(50.0, 0.0), 5.0)
            await asyncio.sleep(3.0)
            assert copter.state.east_mps > 1.0
            assert copter.state.height_m < 6.0

    run_virtual(story())


def test_a_velocity_target_is_flown_and_expires_after_three_seconds() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            for _ in range(6):
                ground.fly(0.0, 5.0, -1.0)
                await asyncio.sleep(1.0)
            assert copter.state.east_mps == pytest.approx(5.0, abs=0.4)
            assert copter.state.up_mps == pytest.approx(1.0, abs=0.2)
            await asyncio.sleep(1.9)
            assert copter.state.east_mps > 4.0
            await asyncio.sleep(5.0)
            assert math.hypot(copter.state.east_mps, copter.state.up_mps) < 0.5

    run_virtual(story())


def test_a_local_target_is_north_east_down_from_the_origin() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(10.0)
            ground.send(
                mavlink.MAVLink_set_position_target_local_ned_message(
                    0, 1, 1, 1, POSITION_ONLY, 30.0, -20.0, -15.0, 0, 0, 0, 0, 0, 0, 0, 0
                )
            )
            await asyncio.sleep(20.0)
            assert off_m(copter, Enu(-20.0, 30.0)) < 2.0
            assert copter.state.height_m == pytest.approx(15.0, abs=1.0)
            await ground.command(512, 32)
            shown = ground.of(mavlink.MAVLink_local_position_ned_message)[-1]
            assert (shown.x, shown.y, shown.z) == pytest.approx((30.0, -20.0, -15.0), abs=0.6)

    run_virtual(story())


def test_it_turns_to_where_it_flies_and_to_the_yaw_asked_for() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            ground.go_to(Enu(80.0, 0.0), 20.0)
            await asyncio.sleep(6.0)
            assert copter.state.yaw_deg == pytest.approx(90.0, abs=3.0)
            lat, lon = degrees_e7(Enu(80.0, 0.0))
            ground.send(
                mavlink.MAVLink_set_position_target_global_int_message(
                    0, 1, 1, 6, 0b100111111000, lat, lon, 20, 0, 0, 0, 0, 0, 0, math.radians(-30.0), 0
                )
            )
            await asyncio.sleep(6.0)
            assert copter.state.yaw_deg == pytest.approx(330.0, abs=3.0)

    run_virtual(story())


def test_in_a_gale_it_still_holds_its_place_and_costs_more_charge() -> None:
    async def used(wind_mps: float) -> float:
        async with flying_ground() as (ground, copter, world):
            world.environment = Environment(wind_east_mps=wind_mps, surface_amsl_m=HOME_AMSL_M)
            await ground.take_off(20.0)
            await asyncio.sleep(20.0)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            await ground.command(512, 168)
            shown = ground.of(mavlink.MAVLink_wind_message)[-1]
            assert shown.speed == pytest.approx(wind_mps, abs=0.5)
            return 100.0 - copter.state.battery_percent

    assert run_virtual(used(14.0)) > run_virtual(used(0.0))


def test_over_lower_ground_it_lands_on_what_is_there() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, world):
            await ground.take_off(20.0)
            world.environment = Environment(surface_amsl_m=3.0)
            ground.go_to(Enu(40.0, 0.0), 10.0)
            await until(lambda: off_m(copter, Enu(40.0, 0.0)) < 1.0, within_s=20)
            await ground.command(21)
            await until(lambda: not copter.state.armed, within_s=90)
            assert copter.state.amsl_m == pytest.approx(3.0, abs=0.01)
            assert copter.state.height_m == pytest.approx(-5.0, abs=0.01)

    run_virtual(story())


def test_a_seed_replays_the_same_flight_byte_for_byte() -> None:
    async def flight(seed: int) -> list[str]:
        async with flying_ground(seed=seed) as (ground, _, _world):
            await ground.take_off(20.0)
            ground.go_to(Enu(40.0, 0.0), 20.0)
            await asyncio.sleep(10.0)
            return [f"{at_s:.3f} {message}" for at_s, message in ground.heard]

    first = run_virtual(flight(7))
    assert run_virtual(flight(7)) == first
    assert run_virtual(flight(8)) != first


def test_a_lone_waypoint_with_current_2_is_flown_and_with_3_only_its_height() -> None:
    """The old way to say "go there", which DroneKit still uses; outside GUIDED it is refused."""

    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):

            async def say(place: Enu, height_m: float, current: int) -> int:
                point = FRAME.to_wgs84(place)
                ground.send(
                    mavlink.MAVLink_mission_item_message(
                        1, 1, 0, 3, 16, current, 0, 0, 0, 0, 0, point.lat, point.lon, height_m
                    )
                )
                return int((await ground.expect(mavlink.MAVLink_mission_ack_message)).type)

            await ground.take_off(20.0)
            place = Enu(30.0, -20.0)
            assert await say(place, 25.0, 2) == mavlink.MAV_MISSION_ACCEPTED
            await until(lambda: off_m(copter, place) < 2.0 and copter.state.height_m > 24.0, within_s=30)
            assert await say(Enu(0.0, 0.0), 18.0, 3) == mavlink.MAV_MISSION_ACCEPTED
            await until(lambda: copter.state.height_m < 18.5, within_s=20)
            assert off_m(copter, place) < 2.0
            await ground.command(176, 1, 6)
            assert await say(Enu(90.0, 0.0), 20.0, 2) == mavlink.MAV_MISSION_ERROR

    run_virtual(story())
