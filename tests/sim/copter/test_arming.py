"""Readiness and arming: results, texts, and the times of a real ArduCopter."""

from __future__ import annotations

import asyncio

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.virtual_time import run_virtual
from tests.sim.copter.ground import flying_ground, until

ACCEPTED, REJECTED_FOR_NOW, DENIED, UNSUPPORTED, FAILED = 0, 1, 2, 3, 4
_PREARM = 0x10000000


def test_before_there_is_a_position_arming_fails_and_a_text_says_why() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=30.0) as (ground, copter, _world):
            assert await ground.mode(4) == ACCEPTED
            assert await ground.arm() == FAILED
            await asyncio.sleep(0.5)
            assert "Arm: Need Position Estimate" in ground.texts()
            assert "Arm: AHRS: waiting for home" in ground.texts()
            assert not copter.state.armed

    run_virtual(story())


def test_position_comes_42_s_after_boot_and_the_prearm_bit_depends_on_the_mode() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=0.0, settled=False) as (ground, _, _world):
            await asyncio.sleep(25.0)
            await ground.stream(1, 193, hz=4)
            status = await ground.expect(mavlink.MAVLink_sys_status_message)
            assert status.onboard_control_sensors_health & _PREARM  # STABILIZE needs no position
            await ground.mode(4)
            status = await ground.expect(mavlink.MAVLink_sys_status_message)
            assert not status.onboard_control_sensors_health & _PREARM
            await ground.expect(mavlink.MAVLink_ekf_status_report_message, lambda m: m.flags == 0x33F, within_s=30)
            assert asyncio.get_running_loop().time() == pytest.approx(42.1, abs=0.6)
            await ground.expect(
                mavlink.MAVLink_sys_status_message, lambda m: bool(m.onboard_control_sensors_health & _PREARM)
            )
            assert "EKF3 IMU0 is using GPS" in ground.texts()

    run_virtual(story())


def test_a_mode_set_in_the_first_seconds_is_accepted_and_overwritten() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=0.0) as (ground, _, _world):
            assert await ground.mode(4) == ACCEPTED
            beat = await ground.expect(mavlink.MAVLink_heartbeat_message, lambda m: m.system_status == 3)
            assert beat.custom_mode == 0

    run_virtual(story())


def test_any_mode_is_accepted_while_disarmed_but_not_every_mode_arms() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            for number, armable in ((0, True), (2, True), (3, False), (5, True), (6, False), (9, False), (17, False)):
                assert await ground.mode(number) == ACCEPTED
                assert await ground.arm() == (ACCEPTED if armable else FAILED), number
                assert await ground.command(400, 0) == ACCEPTED
            await asyncio.sleep(0.5)
            assert "Arm: AUTO mode not armable" in ground.texts()

    run_virtual(story())


def test_idle_on_the_ground_it_disarms_after_disarm_delay() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.mode(4)
            assert await ground.arm() == ACCEPTED
            assert copter.state.armed
            assert await until(lambda: not copter.state.armed, within_s=20) == pytest.approx(10.2, abs=0.4)

    run_virtual(story())


def test_disarming_in_flight_fails_and_forced_it_falls() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            assert await ground.command(400, 0) == FAILED
            assert copter.state.armed
            assert await ground.command(400, 0, 21196) == ACCEPTED
            assert await until(lambda: copter.state.on_ground, within_s=10) < 3.5
            assert copter.state.crashed
            assert await ground.mode(4) == ACCEPTED
            assert await ground.arm() == FAILED

    run_virtual(story())


def test_disarming_a_disarmed_one_is_accepted() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await ground.command(400, 0) == ACCEPTED

    run_virtual(story())


def test_prearm_checks_are_accepted_though_they_fail_and_refused_when_armed() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=20.0) as (ground, copter, _world):
            assert await ground.command(401) == ACCEPTED
            await asyncio.sleep(0.5)
            assert any(text.startswith("PreArm: ") for text in ground.texts())
            await asyncio.sleep(30.0)
            await ground.mode(4)
            await ground.arm()
            assert copter.state.armed
            assert await ground.command(401) == REJECTED_FOR_NOW

    run_virtual(story())


def test_in_a_closed_dock_it_refuses_even_a_forced_arming_with_the_dock_s_reason() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            copter.inhibited = "Dock cover closed"
            await ground.mode(4)
            assert await ground.arm() == FAILED
            assert await ground.command(400, 1, 21196) == FAILED
            await asyncio.sleep(0.5)
            assert ground.texts().count("Arm: Dock cover closed") == 2
            copter.inhibited = ""
            assert await ground.arm() == ACCEPTED

    run_virtual(story())


def test_a_long_reason_comes_in_chunks_that_join() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            copter.inhibited = "dock-west: the cover is jammed at 37 %, the aircraft must not be started inside"
            assert await ground.arm() == FAILED
            await asyncio.sleep(0.5)
            assert f"Arm: {copter.inhibited}" in ground.texts()
            assert all(len(message.text) <= 50 for message in ground.of(mavlink.MAVLink_statustext_message))

    run_virtual(story())


def test_arming_sets_home_to_where_it_stands() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.mode(4)
            ground.send(mavlink.MAVLink_command_long_message(1, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0))
            home = await ground.expect(mavlink.MAVLink_home_position_message)
            assert home.latitude / 1e7 == pytest.approx(30.4017, abs=2e-5)
            assert home.altitude / 1000 == pytest.approx(8.0, abs=1.0)

    run_virtual(story())


@pytest.mark.parametrize(("asked", "result"), [(1, FAILED), (1 << 2, FAILED), (1 << 8, ACCEPTED), (0, ACCEPTED)])
def test_arming_check_says_which_checks_are_made(asked: int, result: int) -> None:
    async def story() -> None:
        parameters = {"ARMING_CHECK": float(asked), "SIM_MAG1_FAIL": 1.0}
        async with flying_ground(parameters=parameters) as (ground, _, _world):
            assert await ground.arm() == result

    run_virtual(story())


def test_no_setting_arms_it_without_a_position_where_the_mode_needs_one() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=25.0, parameters={"ARMING_CHECK": 0}) as (ground, _, _world):
            await ground.mode(4)
            assert await ground.arm() == FAILED
            await asyncio.sleep(0.2)
            assert "Arm: Need Position Estimate" in ground.texts()

    run_virtual(story())
