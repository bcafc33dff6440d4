"""What it does by itself when something is lost."""

from __future__ import annotations

import asyncio

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import Environment, Mode, Pack
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import HOME_AMSL_M, Ground, flying_ground, off_m, until


def _critical(ground: Ground) -> bool:
    return ground.of(mavlink.MAVLink_heartbeat_message)[-1].system_status == mavlink.MAV_STATE_CRITICAL


def test_without_the_failsafe_a_silent_ground_station_changes_nothing() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            ground.heartbeats = False
            await asyncio.sleep(20.0)
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())


def test_with_it_the_copter_returns_five_seconds_after_the_last_heartbeat_and_keeps_returning() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FS_GCS_ENABLE": 1}) as (ground, copter, _world):
            await ground.take_off(20.0)
            ground.heartbeats = False
            took_s = await until(lambda: copter.state.mode is Mode.RTL, within_s=10)
            assert took_s == pytest.approx(5.0, abs=1.0)
            await asyncio.sleep(1.5)
            assert _critical(ground)
            ground.heartbeats = True
            await asyncio.sleep(3.0)
            assert not _critical(ground)
            assert copter.state.mode is Mode.RTL
            assert await ground.mode(4) == 0

    run_virtual(story())


def test_a_lost_link_alone_brings_it_home() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FS_GCS_ENABLE": 1}) as (ground, copter, world):
            await ground.take_off(20.0)
            ground.go_to(Enu(150.0, 0.0), 20.0)
            await asyncio.sleep(8.0)
            copter.faults.link_lost = True
            await until(lambda: not copter.state.armed, within_s=120)
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            assert not world.releases

    run_virtual(story())


def test_heartbeats_of_another_system_do_not_count_and_it_never_fires_unheard() -> None:
    async def story() -> None:
        other = {"FS_GCS_ENABLE": 1.0, "MAV_GCS_SYSID": 254.0}
        async with flying_ground(parameters=other) as (ground, copter, _world):
            await ground.take_off(20.0)
            await asyncio.sleep(15.0)
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())


def test_a_low_battery_returns_after_ten_seconds_and_refuses_the_next_arming() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"BATT_FS_LOW_ACT": 2}) as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.parameter("SIM_BATT_VOLTAGE", 10.2)
            took_s = await until(lambda: copter.state.mode is Mode.RTL, within_s=20)
            assert took_s == pytest.approx(10.0, abs=0.6)
            await until(lambda: not copter.state.armed, within_s=60)
            await ground.parameter("SIM_BATT_VOLTAGE", 12.6)
            await asyncio.sleep(50.0)
            await ground.mode(4)
            assert await ground.arm() == 4
            await asyncio.sleep(0.5)
            assert "Arm: Battery failsafe" in ground.texts()
            await ground.command(246, 1)
            await asyncio.sleep(50.0)
            await ground.mode(4)
            assert await ground.arm() == 0

    run_virtual(story())


def test_the_battery_sags_in_flight_drains_and_a_drain_empties_it() -> None:
    async def story() -> None:
        async with flying_ground(pack=Pack(capacity_wh=60.0)) as (ground, copter, _world):
            resting_v = copter.state.battery_v
            await ground.take_off(20.0)
            assert copter.state.battery_v < resting_v - 0.2
            before = copter.state.battery_percent
            await asyncio.sleep(60.0)
            assert before - copter.state.battery_percent == pytest.approx(100 * 250 / 60 / 60, rel=0.1)
            copter.faults.battery_drain_w = 20_000.0
            await until(lambda: copter.state.crashed, within_s=20)
            copter.recharge()
            assert copter.state.battery_percent == 100.0

    run_virtual(story())


def test_without_gps_it_lands_after_eight_seconds_refuses_guided_and_drifts_with_the_wind() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, world):
            await ground.take_off(20.0)
            world.environment = Environment(wind_east_mps=5.0, surface_amsl_m=HOME_AMSL_M)
            copter.faults.gps_lost = True
            took_s = await until(lambda: copter.state.mode is Mode.LAND, within_s=12)
            assert took_s == pytest.approx(8.0, abs=0.5)
            assert await ground.mode(4) == 4
            await until(lambda: not copter.state.armed, within_s=60)
            assert copter.state.position.east_m > 10.0
            assert "EKF Failsafe: changed to LAND Mode" in ground.texts()

    run_virtual(story())


def test_a_radio_failsafe_returns_within_a_second() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.parameter("SIM_RC_FAIL", 1)
            assert await until(lambda: copter.state.mode is Mode.RTL, within_s=5) < 1.0

    run_virtual(story())


def test_a_failed_motor_brings_it_down_and_it_disarms_in_the_crash() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(30.0)
            copter.faults.motor_failed = True
            await until(lambda: not copter.state.armed, within_s=15)
            await asyncio.sleep(0.5)
            assert copter.state.crashed
            assert "Crash: Disarming" in ground.texts()

    run_virtual(story())


def test_the_return_climbs_flies_home_waits_and_lands_in_the_time_of_the_real_one() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            assert await ground.command(20) == 0
            took_s = await until(lambda: not copter.state.armed, within_s=60)
            assert took_s == pytest.approx(40.0, abs=2.0)

    run_virtual(story())


def test_from_low_it_first_climbs_to_rtl_alt() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(5.0)
            ground.go_to(Enu(100.0, 0.0), 5.0)
            await until(lambda: off_m(copter, Enu(100.0, 0.0)) < 2.0, within_s=30)
            await ground.command(20)
            await until(lambda: off_m(copter, Enu(0.0, 0.0)) < 30.0, within_s=40)
            assert copter.state.height_m == pytest.approx(15.0, abs=1.0)

    run_virtual(story())


def test_with_a_final_height_the_return_stays_there_unless_the_radio_is_lost() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"RTL_ALT_FINAL": 500}) as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.command(20)
            await asyncio.sleep(60.0)
            assert copter.state.armed
            assert copter.state.height_m == pytest.approx(5.0, abs=0.5)
            await ground.parameter("SIM_RC_FAIL", 1)
            await until(lambda: not copter.state.armed, within_s=40)
            assert copter.state.mode is Mode.RTL

    run_virtual(story())


@pytest.mark.parametrize(("source", "returns"), [(0, True), (1, False)])
def test_the_battery_failsafe_looks_at_the_sagging_or_the_resting_voltage(source: int, returns: bool) -> None:
    """10.8 V at rest sag below the 10.5 V of BATT_LOW_VOLT while it flies."""

    async def story() -> None:
        parameters = {"BATT_FS_LOW_ACT": 2.0, "BATT_FS_VOLTSRC": float(source)}
        async with flying_ground(parameters=parameters) as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.parameter("SIM_BATT_VOLTAGE", 10.8)
            await asyncio.sleep(15.0)
            assert copter.state.battery_v < 10.5
            assert (copter.state.mode is Mode.RTL) is returns

    run_virtual(story())


def test_without_a_battery_monitor_there_is_no_battery_failsafe() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"BATT_FS_LOW_ACT": 2, "BATT_MONITOR": 0}) as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.parameter("SIM_BATT_VOLTAGE", 10.0)
            await asyncio.sleep(20.0)
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())
