"""The winch: component 169 of the copter, driven by DO_WINCH."""

from __future__ import annotations

import asyncio
import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, flying_ground

DO_WINCH, WINCH_STATUS = 42600, 9005
ACCEPTED, UNSUPPORTED, FAILED = 0, 3, 4
FITTED = {"WINCH_TYPE": 1.0, "WINCH_RATE_MAX": 2.0, "SERVO16_FUNCTION": 88.0, "WINCH_OPTIONS": 2.0}


async def winch(ground: Ground, action: int, length: float = 0.0, rate: float = 0.0) -> tuple[int, int]:
    """To component 169: the result, and who answered."""
    return await command_169(ground, DO_WINCH, 1, action, length, rate)


async def command_169(ground: Ground, number: int, *params: float) -> tuple[int, int]:
    filled = [*params, *[0.0] * (7 - len(params))]
    ground.send(mavlink.MAVLink_command_long_message(1, 169, number, 0, *filled))
    ack = await ground.expect(mavlink.MAVLink_command_ack_message, lambda m: m.command == number)
    return ack.result, ack.get_srcComponent()


async def status(ground: Ground) -> mavlink.MAVLink_winch_status_message:
    assert await command_169(ground, 512, WINCH_STATUS) == (ACCEPTED, 169)
    return ground.of(mavlink.MAVLink_winch_status_message)[-1]


def test_a_winch_shows_itself_by_a_heartbeat_of_its_own_and_is_silent_else() -> None:
    async def story() -> None:
        async with flying_ground(parameters=FITTED) as (ground, _, _world):
            await asyncio.sleep(5.0)
            beats = [m for m in ground.of(mavlink.MAVLink_heartbeat_message) if m.get_srcComponent() == 169]
            assert 4 <= len(beats) <= 6
            assert (beats[0].type, beats[0].autopilot) == (mavlink.MAV_TYPE_WINCH, mavlink.MAV_AUTOPILOT_INVALID)
            assert not ground.of(mavlink.MAVLink_winch_status_message)

    run_virtual(story())


def test_a_length_is_paid_out_at_most_at_the_greatest_rate_and_then_stands() -> None:
    async def story() -> None:
        async with flying_ground(parameters=FITTED) as (ground, _, _world):
            assert await winch(ground, 1, 10.0) == (ACCEPTED, 169)
            await asyncio.sleep(1.0)
            assert "Winch: lowering 10.0m to 10.0m" in ground.texts()
            halfway = await status(ground)
            assert halfway.speed == pytest.approx(2.0)
            assert halfway.line_length == pytest.approx(2.0, abs=0.3)
            assert math.isnan(halfway.tension)
            await asyncio.sleep(14.0)
            there = await status(ground)
            assert there.line_length == pytest.approx(10.0, abs=0.05)
            assert there.speed == pytest.approx(0.0, abs=0.05)
            assert await winch(ground, 1, -4.0) == (ACCEPTED, 169)
            await asyncio.sleep(10.0)
            assert (await status(ground)).line_length == pytest.approx(6.0, abs=0.05)

    run_virtual(story())


def test_a_rate_winds_until_told_otherwise_and_a_relaxed_drum_gets_no_pulse() -> None:
    async def story() -> None:
        async with flying_ground(parameters=FITTED) as (ground, _, _world):
            assert await winch(ground, 2, rate=9.0) == (ACCEPTED, 169)
            await asyncio.sleep(5.0)
            running = await status(ground)
            assert running.speed == pytest.approx(2.0)  # WINCH_RATE_MAX
            assert running.line_length == pytest.approx(10.0, abs=0.5)
            await ground.command(512, 36)
            assert ground.of(mavlink.MAVLink_servo_output_raw_message)[-1].servo16_raw == 1900
            assert await winch(ground, 0) == (ACCEPTED, 169)
            stopped = await status(ground)
            await asyncio.sleep(3.0)
            assert (await status(ground)).line_length == pytest.approx(stopped.line_length)
            await ground.command(512, 36)
            assert ground.of(mavlink.MAVLink_servo_output_raw_message)[-1].servo16_raw == 0

    run_virtual(story())


def test_its_status_streams_from_its_component_when_asked_of_either() -> None:
    async def story() -> None:
        async with flying_ground(parameters=FITTED) as (ground, _, _world):
            assert await ground.command(511, WINCH_STATUS, 500_000) == ACCEPTED
            await asyncio.sleep(4.0)
            heard = ground.of(mavlink.MAVLink_winch_status_message)
            assert 7 <= len(heard) <= 9
            assert {message.get_srcComponent() for message in heard} == {169}

    run_virtual(story())


@pytest.mark.parametrize("action", [3, 4, 5, 6])
def test_actions_that_ardupilot_does_not_know_fail(action: int) -> None:
    async def story() -> None:
        async with flying_ground(parameters=FITTED) as (ground, _, _world):
            assert await winch(ground, action) == (FAILED, 169)

    run_virtual(story())


def test_the_winch_does_not_fly_the_copter() -> None:
    async def story() -> None:
        async with flying_ground(parameters=FITTED) as (ground, copter, _world):
            assert await command_169(ground, 400, 1) == (UNSUPPORTED, 169)
            assert not copter.state.armed

    run_virtual(story())


def test_the_autopilot_takes_do_winch_too_and_without_a_winch_it_fails() -> None:
    async def story(parameters: dict[str, float]) -> int:
        async with flying_ground(parameters=parameters) as (ground, _, _world):
            result = await ground.command(DO_WINCH, 1, 1, 5.0, 0.0)
            assert ground.of(mavlink.MAVLink_command_ack_message)[-1].get_srcComponent() == 1
            return result

    assert run_virtual(story(FITTED)) == ACCEPTED
    assert run_virtual(story({})) == FAILED


def test_a_winch_enabled_at_run_time_works_after_a_reboot_and_without_an_output_it_hinders_arming() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.parameter("WINCH_TYPE", 1)
            assert await ground.command(DO_WINCH, 1, 1, 5.0) == FAILED
            assert await ground.command(246, 1) == ACCEPTED
            await asyncio.sleep(60.0)
            assert await ground.command(DO_WINCH, 1, 1, 5.0) == ACCEPTED
            assert await ground.arm() == FAILED
            await asyncio.sleep(0.5)
            assert "Arm: winch unhealthy" in ground.texts()
            await ground.parameter("SERVO16_FUNCTION", 88)
            assert await ground.arm() == ACCEPTED

    run_virtual(story())
