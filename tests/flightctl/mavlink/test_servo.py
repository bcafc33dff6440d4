"""A servo output is set when it shows the pulse, and not before."""

from __future__ import annotations

import pytest

from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import CommandFailed, CommandTimedOut, NotMoved, WrongState
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying

SET = mavlink.MAV_CMD_DO_SET_SERVO


def test_an_output_counts_as_set_when_it_shows_the_pulse() -> None:
    async def story() -> None:
        copter = Scripted()

        def move(command: mavlink.MAVLink_command_long_message) -> None:
            assert (command.param1, command.param2) == (9, 1300)
            copter.servo_us = 1300
            copter.ack(SET, mavlink.MAV_RESULT_ACCEPTED)

        copter.on_command[SET] = move
        async with flying(copter) as (_, vehicle):
            await vehicle.servos.set(9, 1300)
            assert vehicle.servos.output_us(9) == 1300
            assert vehicle.servos.output_us(1) == 1000

    run_virtual(story())


def test_an_accepted_output_that_stays_where_it_was_is_an_error_and_is_not_set_again() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.on_command[SET] = lambda _: copter.ack(SET, mavlink.MAV_RESULT_ACCEPTED)
        async with flying(copter) as (_, vehicle):
            with pytest.raises(NotMoved, match="1900 µs and should be at 1300"):
                await vehicle.servos.set(9, 1300)
            assert len(copter.commands(SET)) == 1

    run_virtual(story())


def test_a_lost_command_is_sent_again_while_the_output_is_seen_to_stand() -> None:
    async def story() -> None:
        copter = Scripted()

        def second_time(_: object) -> None:
            if len(copter.commands(SET)) == 2:
                copter.servo_us = 1300

        copter.on_command[SET] = second_time
        async with flying(copter) as (_, vehicle):
            await vehicle.servos.set(9, 1300)
            assert len(copter.commands(SET)) == 2

    run_virtual(story())


def test_without_its_outputs_a_command_is_sent_once() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.streams = False
        async with flying(copter) as (_, vehicle):
            with pytest.raises(CommandTimedOut, match="not repeated"):
                await vehicle.servos.set(9, 1300)
            assert len(copter.commands(SET)) == 1

    run_virtual(story())


def test_a_refusal_carries_the_autopilots_reason() -> None:
    async def story() -> None:
        copter = Scripted()

        def refuse(_: object) -> None:
            copter.text("Channel 9 is already in use", mavlink.MAV_SEVERITY_WARNING)
            copter.ack(SET, mavlink.MAV_RESULT_FAILED)

        copter.on_command[SET] = refuse
        async with flying(copter) as (_, vehicle):
            with pytest.raises(CommandFailed, match="already in use"):
                await vehicle.servos.set(9, 1300)

    run_virtual(story())


@pytest.mark.parametrize(("channel", "pulse_us"), [(0, 1500), (33, 1500), (5, 100), (5, 3000)])
def test_impossible_outputs_and_pulses_are_not_sent(channel: int, pulse_us: int) -> None:
    async def story() -> None:
        copter = Scripted()
        async with flying(copter) as (_, vehicle):
            with pytest.raises(WrongState):
                await vehicle.servos.set(channel, pulse_us)
            assert not copter.commands(SET)

    run_virtual(story())
