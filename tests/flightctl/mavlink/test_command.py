"""Commands: acknowledgements, repetition only where it does no harm, and the reasons of refusals."""

from __future__ import annotations

import asyncio

import pytest

from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import (
    CommandDenied,
    CommandFailed,
    CommandTemporarilyRejected,
    CommandTimedOut,
    CommandUnsupported,
)
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying

ARM = mavlink.MAV_CMD_COMPONENT_ARM_DISARM
SPEED = mavlink.MAV_CMD_DO_CHANGE_SPEED
TAKEOFF = mavlink.MAV_CMD_NAV_TAKEOFF


def test_arming_returns_when_the_heartbeat_shows_it() -> None:
    async def story() -> None:
        copter = Scripted()

        def arm(_: object) -> None:
            copter.armed = True
            copter.ack(ARM, mavlink.MAV_RESULT_ACCEPTED)

        copter.on_command[ARM] = arm
        async with flying(copter) as (_, vehicle):
            await vehicle.arm()
            assert vehicle.telemetry.armed

    run_virtual(story())


def test_accepted_arming_that_never_shows_is_an_error() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.on_command[ARM] = lambda _: copter.ack(ARM, mavlink.MAV_RESULT_ACCEPTED)
        async with flying(copter) as (_, vehicle):
            with pytest.raises(CommandFailed, match="not armed"):
                await vehicle.arm()

    run_virtual(story())


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (mavlink.MAV_RESULT_TEMPORARILY_REJECTED, CommandTemporarilyRejected),
        (mavlink.MAV_RESULT_DENIED, CommandDenied),
        (mavlink.MAV_RESULT_UNSUPPORTED, CommandUnsupported),
        (mavlink.MAV_RESULT_FAILED, CommandFailed),
    ],
)
def test_a_refusal_carries_the_autopilots_reason(result: int, error: type[Exception]) -> None:
    async def story() -> None:
        copter = Scripted()

        def refuse(_: object) -> None:
            copter.ack(ARM, result)
            copter.text("Arm: Need Position Estimate")  # comes after the acknowledgement

        copter.on_command[ARM] = refuse
        async with flying(copter) as (_, vehicle):
            copter.text("an older complaint")
            await asyncio.sleep(1.0)
            with pytest.raises(error, match="Need Position Estimate") as caught:
                await vehicle.arm()
            assert "older" not in str(caught.value)
            assert len(copter.commands(ARM)) == 1

    run_virtual(story())


def test_arming_whose_answer_was_lost_is_not_repeated() -> None:
    async def story() -> None:
        copter = Scripted()

        def arm_silently(_: object) -> None:
            copter.armed = True

        copter.on_command[ARM] = arm_silently
        async with flying(copter) as (_, vehicle):
            await vehicle.arm()
            assert len(copter.commands(ARM)) == 1

    run_virtual(story())


def test_arming_that_did_not_arrive_is_repeated_with_a_growing_confirmation() -> None:
    async def story() -> None:
        copter = Scripted()

        def arm(message: mavlink.MAVLink_command_long_message) -> None:
            if message.confirmation == 2:
                copter.armed = True
                copter.ack(ARM, mavlink.MAV_RESULT_ACCEPTED)

        copter.on_command[ARM] = arm
        async with flying(copter) as (_, vehicle):
            await vehicle.arm()
            assert [m.confirmation for m in copter.commands(ARM)] == [0, 1, 2]

    run_virtual(story())


def test_take_off_is_not_repeated_when_its_state_cannot_be_told() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.armed = True

        def fall_silent(_: object) -> None:
            copter.silent = True

        copter.on_command[TAKEOFF] = fall_silent
        async with flying(copter) as (_, vehicle):
            with pytest.raises(CommandTimedOut, match="not repeated"):
                await vehicle.take_off(20.0)
            assert len(copter.commands(TAKEOFF)) == 1

    run_virtual(story())


def test_in_progress_is_waited_out() -> None:
    async def story() -> None:
        copter = Scripted()
        loop = asyncio.get_running_loop()

        def slowly(_: object) -> None:
            for step, percent in enumerate((10, 60)):
                loop.call_later(4.0 * (step + 1), copter.ack, ARM, mavlink.MAV_RESULT_IN_PROGRESS, percent)
            loop.call_later(12.0, setattr, copter, "armed", True)
            loop.call_later(12.0, copter.ack, ARM, mavlink.MAV_RESULT_ACCEPTED)
            copter.ack(ARM, mavlink.MAV_RESULT_IN_PROGRESS)

        copter.on_command[ARM] = slowly
        async with flying(copter) as (_, vehicle):
            await vehicle.arm()
            assert len(copter.commands(ARM)) == 1

    run_virtual(story())


def test_progress_that_stops_is_a_time_out() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.on_command[ARM] = lambda _: copter.ack(ARM, mavlink.MAV_RESULT_IN_PROGRESS, 40)
        async with flying(copter) as (_, vehicle):
            with pytest.raises(CommandTimedOut, match="40 %"):
                await vehicle.arm()

    run_virtual(story())


def test_an_acknowledgement_for_another_station_is_not_ours() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.on_command[ARM] = lambda _: copter.say(
            mavlink.MAVLink_command_ack_message(ARM, mavlink.MAV_RESULT_DENIED, 0, 0, 254, 190)
        )
        async with flying(copter) as (_, vehicle):
            with pytest.raises(CommandTimedOut):
                await vehicle.arm()

    run_virtual(story())


def test_nothing_but_heartbeats_and_questions_goes_to_a_vehicle_found_in_flight() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.armed, copter.landed, copter.height_m = True, mavlink.MAV_LANDED_STATE_IN_AIR, 30.0
        async with flying(copter) as (_, vehicle):
            await asyncio.sleep(30.0)
            assert vehicle.telemetry.airborne
            asked = {
                mavlink.MAV_CMD_SET_MESSAGE_INTERVAL,
                mavlink.MAV_CMD_GET_MESSAGE_INTERVAL,
                mavlink.MAV_CMD_REQUEST_MESSAGE,
            }
            for message in copter.heard:
                if isinstance(message, mavlink.MAVLink_command_long_message):
                    assert message.command in asked
                else:
                    assert isinstance(message, mavlink.MAVLink_heartbeat_message | mavlink.MAVLink_timesync_message)

    run_virtual(story())
