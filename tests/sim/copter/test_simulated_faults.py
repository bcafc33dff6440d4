"""The simulator's own parameters, set over MAVLink in flight, and how the copter answers what they break."""

from __future__ import annotations

import asyncio
import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import Mode
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, flying_ground, off_m, until

_METRES_A_DEGREE = 111_319.5


async def _report(ground: Ground) -> mavlink.MAVLink_ekf_status_report_message:
    assert await ground.command(512, 193) == 0
    return ground.of(mavlink.MAVLink_ekf_status_report_message)[-1]


@pytest.mark.parametrize("motors", [0b0001, 0b1000])
def test_a_dead_motor_tips_it_over_spinning_and_brings_it_down(motors: int) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(30.0)
            await ground.parameter("SIM_ENGINE_MUL", 0)
            await asyncio.sleep(3.0)
            assert copter.state.height_m > 29.0  # no motor is named yet
            await ground.parameter("SIM_ENGINE_FAIL", motors)
            await asyncio.sleep(1.0)
            await ground.command(512, 30)
            attitude = ground.of(mavlink.MAVLink_attitude_message)[-1]
            assert max(abs(attitude.roll), abs(attitude.pitch)) > math.radians(30.0)
            assert abs(attitude.yawspeed) > 3.0
            await until(lambda: not copter.state.armed, within_s=15)
            assert copter.state.crashed

    run_virtual(story())


def test_a_weak_motor_keeps_it_up_but_slow_to_turn_and_climb_until_it_is_mended() -> None:
    async def turn_rate(ground: Ground) -> float:
        await ground.command(115, 170, 0, 1, 1)
        fastest = 0.0
        for _ in range(10):
            await asyncio.sleep(0.2)
            await ground.command(512, 30)
            fastest = max(fastest, abs(ground.of(mavlink.MAVLink_attitude_message)[-1].yawspeed))
        await asyncio.sleep(20.0)
        return fastest

    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(30.0)
            whole = await turn_rate(ground)
            await ground.parameter("SIM_ENGINE_MUL", 0.6)
            await ground.parameter("SIM_ENGINE_FAIL", 2)
            assert await turn_rate(ground) < 0.5 * whole
            assert copter.state.height_m == pytest.approx(30.0, abs=1.0)
            await ground.parameter("SIM_ENGINE_FAIL", 0)
            assert await turn_rate(ground) == pytest.approx(whole, rel=0.1)

    run_virtual(story())


def test_wind_grows_with_height_comes_from_its_direction_and_is_seen_by_the_copter() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(15.0)
            await ground.parameter("SIM_WIND_DIR", 270)
            await ground.parameter("SIM_WIND_SPD", 10)
            await asyncio.sleep(30.0)
            await ground.command(512, 168)
            shown = ground.of(mavlink.MAVLink_wind_message)[-1]
            assert shown.speed == pytest.approx(5.0, abs=0.5)  # the root of 15 m of 60
            assert shown.direction % 360 == pytest.approx(270.0, abs=5.0)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            await ground.parameter("SIM_WIND_T", 1)
            await asyncio.sleep(10.0)
            await ground.command(512, 168)
            assert ground.of(mavlink.MAVLink_wind_message)[-1].speed == pytest.approx(10.0, abs=0.5)
            await ground.parameter("SIM_WIND_SPD", 0)
            await asyncio.sleep(40.0)
            await ground.command(512, 168)
            assert ground.of(mavlink.MAVLink_wind_message)[-1].speed < 0.2

    run_virtual(story())


def test_turbulence_shakes_it_the_same_way_for_the_same_seed() -> None:
    async def path(turbulence: float, seed: int) -> list[float]:
        async with flying_ground(seed=seed, parameters={"SIM_WIND_T": 1}) as (ground, copter, _world):
            await ground.take_off(15.0)
            await ground.parameter("SIM_WIND_TURB", turbulence)
            seen: list[float] = []
            for _ in range(40):
                await asyncio.sleep(0.5)
                seen.append(copter.state.east_mps)
            return seen

    rough = run_virtual(path(6.0, 3))
    assert max(map(abs, rough)) > 2 * max(map(abs, run_virtual(path(0.0, 3))))
    assert run_virtual(path(6.0, 3)) == rough


def test_a_gps_switched_off_over_mavlink_ends_in_land_and_the_failsafe_clears_when_it_is_back() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(60.0)
            await ground.parameter("SIM_GPS1_ENABLE", 0)
            took_s = await until(lambda: copter.state.mode is Mode.LAND, within_s=12)
            assert took_s == pytest.approx(8.0, abs=0.5)
            await asyncio.sleep(1.2)
            beat = ground.of(mavlink.MAVLink_heartbeat_message)[-1]
            assert beat.system_status == mavlink.MAV_STATE_CRITICAL
            await ground.command(512, 24)
            assert ground.of(mavlink.MAVLink_gps_raw_int_message)[-1].fix_type == 0
            await ground.parameter("SIM_GPS1_ENABLE", 1)
            await asyncio.sleep(13.0)
            assert "EKF Failsafe Cleared" in ground.texts()
            assert copter.state.mode is Mode.LAND
            assert await ground.mode(4) == 0

    run_virtual(story())


@pytest.mark.parametrize(("action", "mode"), [(0, Mode.GUIDED), (1, Mode.LAND), (2, Mode.ALT_HOLD)])
def test_the_ekf_failsafe_does_what_its_parameter_says(action: int, mode: Mode) -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FS_EKF_ACTION": action}) as (ground, copter, _world):
            await ground.take_off(30.0)
            await ground.parameter("SIM_GPS1_ENABLE", 0)
            await asyncio.sleep(9.0)
            assert copter.state.mode is mode
            assert ("EKF variance" in ground.texts()) is True
            assert (f"EKF Failsafe: changed to {mode.name} Mode" in ground.texts()) is (action > 0)

    run_virtual(story())


def test_a_mode_without_position_is_left_alone_by_the_ekf_failsafe() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(30.0)
            await ground.mode(2)
            await ground.parameter("SIM_GPS1_ENABLE", 0)
            await asyncio.sleep(9.0)
            assert copter.state.mode is Mode.ALT_HOLD

    run_virtual(story())


def test_a_gps_jump_is_reported_after_a_second_believed_after_ten_and_cleared_ten_later() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.parameter("SIM_GPS1_GLTCH_X", 20.0 / _METRES_A_DEGREE)
            await asyncio.sleep(1.5)
            assert "GPS Glitch or Compass error" in ground.texts()
            report = await _report(ground)
            assert report.flags & mavlink.EKF_GPS_GLITCHING
            assert report.pos_horiz_variance > 1.0
            await ground.command(512, 24)
            raw, home_lat = ground.of(mavlink.MAVLink_gps_raw_int_message)[-1], 30.4017
            assert (raw.lat / 1e7 - home_lat) * _METRES_A_DEGREE == pytest.approx(20.0, abs=1.5)
            await asyncio.sleep(7.0)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0  # not followed so far
            await asyncio.sleep(8.0)
            assert off_m(copter, Enu(0.0, -20.0)) < 3.0  # it flies back to where it thinks it was
            await asyncio.sleep(6.0)
            assert "Glitch cleared" in ground.texts()
            assert not (await _report(ground)).flags & mavlink.EKF_GPS_GLITCHING
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())


def test_a_gps_that_creeps_away_is_followed_unnoticed() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            for metre in range(1, 21):
                await ground.parameter("SIM_GPS1_GLTCH_X", metre / _METRES_A_DEGREE)
                await asyncio.sleep(1.0)
            await asyncio.sleep(4.0)
            assert off_m(copter, Enu(0.0, -20.0)) < 2.5
            assert "GPS Glitch or Compass error" not in ground.texts()

    run_virtual(story())


def test_too_few_satellites_keep_it_from_finding_itself_and_arming_says_so() -> None:
    async def story() -> None:
        few = {"SIM_GPS1_NUMSATS": 4.0}
        async with flying_ground(booted_for_s=41.0, parameters=few) as (ground, _, _world):
            await ground.mode(4)
            await asyncio.sleep(5.0)
            await ground.command(512, 24)
            assert ground.of(mavlink.MAVLink_gps_raw_int_message)[-1].satellites_visible == 4
            assert await ground.arm() == 4
            await asyncio.sleep(0.2)
            assert "Arm: AHRS: GPS numsats 4 (needs 6)" in ground.texts()
            await ground.parameter("SIM_GPS1_NUMSATS", 12)
            await asyncio.sleep(1.0)
            assert await ground.arm() == 0

    run_virtual(story())


def test_gps_noise_moves_the_receiver_s_height_only() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"SIM_GPS1_NOISE": 5.0}) as (ground, _, _world):
            await ground.stream(24, 33)
            await asyncio.sleep(20.0)
            raw = [m.alt / 1000 for m in ground.of(mavlink.MAVLink_gps_raw_int_message)]
            believed = [m.alt / 1000 for m in ground.of(mavlink.MAVLink_global_position_int_message)]
            assert max(raw) - min(raw) == pytest.approx(10.0, abs=1.0)
            assert max(believed) - min(believed) < 1.0

    run_virtual(story())


def test_a_failed_compass_keeps_it_on_the_ground_and_shows_in_the_status() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.parameter("SIM_MAG1_FAIL", 1)
            assert await ground.arm() == 4
            await ground.command(512, 1)
            assert not ground.of(mavlink.MAVLink_sys_status_message)[-1].onboard_control_sensors_health & 4
            assert "Arm: Compass not healthy" in ground.texts()
            await ground.parameter("SIM_MAG1_FAIL", 0)
            assert await ground.arm() == 0

    run_virtual(story())


def test_a_magnet_beside_the_compass_turns_the_heading_and_strong_ends_in_the_ekf_failsafe() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.parameter("SIM_MAG1_OFS_Y", 13 + 60)
            await asyncio.sleep(2.0)
            await ground.command(512, 30)
            shown_deg = math.degrees(ground.of(mavlink.MAVLink_attitude_message)[-1].yaw) % 360.0
            assert shown_deg - copter.state.yaw_deg == pytest.approx(10.3, abs=1.0)
            assert copter.state.mode is Mode.GUIDED
            await ground.parameter("SIM_MAG1_OFS_Y", 13 + 300)
            await until(lambda: copter.state.mode is Mode.LAND, within_s=4)
            assert (await _report(ground)).compass_variance > 0.8

    run_virtual(story())
