"""What a client hears unasked, and what it gets when it asks (shared page: Link and time, Streams)."""

from __future__ import annotations

import asyncio

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter.streams import FASTEST_US
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import flying_ground

_UNASKED = {"HEARTBEAT", "STATUSTEXT", "TIMESYNC", "HOME_POSITION"}


def test_says_only_heartbeats_and_texts_until_asked() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=0.0) as (ground, _, _world):
            await asyncio.sleep(60.0)
            kinds = {message.get_type() for _, message in ground.heard}
            assert kinds <= _UNASKED
            beats = ground.of(mavlink.MAVLink_heartbeat_message)
            assert 58 <= len(beats) <= 62
            assert (beats[-1].type, beats[-1].autopilot) == (2, 3)

    run_virtual(story())


def test_streams_what_was_asked_at_the_rate_asked_and_stops() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.stream(33, hz=4)
            await asyncio.sleep(20.0)
            count = len(ground.of(mavlink.MAVLink_global_position_int_message))
            assert 78 <= count <= 82
            assert await ground.command(511, 33, -1) == 0
            await asyncio.sleep(5.0)
            assert len(ground.of(mavlink.MAVLink_global_position_int_message)) <= count + 1

    run_virtual(story())


def test_refuses_to_stream_an_unknown_message_or_too_fast_a_rate_and_says_why() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await ground.command(511, 300, 1e6) == mavlink.MAV_RESULT_DENIED
            assert await ground.command(511, 33, FASTEST_US - 1) == mavlink.MAV_RESULT_DENIED
            await asyncio.sleep(0.5)
            assert "No ap_message for mavlink id (300)" in ground.texts()
            assert "Rate too fast for the main loop" in ground.texts()

    run_virtual(story())


def test_the_old_data_stream_request_still_works() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_request_data_stream_message(1, 1, mavlink.MAV_DATA_STREAM_POSITION, 4, 1))
            await asyncio.sleep(10.0)
            assert 38 <= len(ground.of(mavlink.MAVLink_global_position_int_message)) <= 42

    run_virtual(story())


def test_every_message_of_the_list_is_given_once_when_requested() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            for number in (1, 2, 24, 30, 32, 33, 36, 42, 74, 147, 148, 168, 193, 242, 245):
                assert await ground.command(512, number) == 0
                assert number in {message.get_msgId() for _, message in ground.heard}
            assert await ground.command(512, 300) == mavlink.MAV_RESULT_FAILED

    run_virtual(story())


def test_tells_its_version_and_uid_also_when_asked_by_broadcast() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.target = 0
            assert await ground.command(520, 1) == 0
            version = ground.of(mavlink.MAVLink_autopilot_version_message)[-1]
            assert version.uid != 0
            assert version.flight_sw_version >> 24 == 4
            assert version.capabilities & mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE

    run_virtual(story())


def test_stays_silent_to_commands_for_another_system() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_command_long_message(2, 1, 512, 0, 148, 0, 0, 0, 0, 0, 0))
            await asyncio.sleep(3.0)
            assert not ground.of(mavlink.MAVLink_command_ack_message)

    run_virtual(story())


def test_answers_time_synchronisation() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_timesync_message(0, 123456789))
            answer = await ground.expect(mavlink.MAVLink_timesync_message)
            assert answer.ts1 == 123456789
            assert answer.tc1 > 0

    run_virtual(story())


def test_survives_garbage_and_nonsense_numbers() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            nan = float("nan")
            ground._write(b"\xfd\x00garbage" * 40)  # pyright: ignore[reportPrivateUsage]
            for number in range(600):
                ground.send(mavlink.MAVLink_command_long_message(1, 1, number, 0, *[nan] * 7))
            ground.send(
                mavlink.MAVLink_set_position_target_global_int_message(
                    0, 1, 1, 6, 0b110111111000, 2**31 - 1, -(2**31), nan, nan, nan, nan, nan, nan, nan, nan, nan
                )
            )
            await asyncio.sleep(2.0)
            assert not copter.state.armed
            assert await ground.command(512, 148) == 0

    run_virtual(story())


def test_a_lost_link_is_silent_both_ways_and_comes_back() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            copter.faults.link_lost_until_s = asyncio.get_running_loop().time() + 10.0
            heard = len(ground.heard)
            ground.send(mavlink.MAVLink_command_long_message(1, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0))
            await asyncio.sleep(9.0)
            assert len(ground.heard) == heard
            assert not copter.state.armed
            await asyncio.sleep(3.0)
            assert len(ground.heard) > heard

    run_virtual(story())


def test_a_reboot_forgets_streams_and_mode_but_keeps_parameters() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.stream(33)
            await ground.parameter("RTL_ALT", 2500)
            assert await ground.mode(4) == 0
            assert await ground.command(246, 1) == 0
            await asyncio.sleep(3.0)
            seen = len(ground.of(mavlink.MAVLink_global_position_int_message))
            beat = await ground.expect(mavlink.MAVLink_heartbeat_message)
            assert beat.custom_mode == 0
            await asyncio.sleep(80.0)  # longer than it had been up before
            assert len(ground.of(mavlink.MAVLink_global_position_int_message)) == seen
            ground.send(mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_ALT", -1))
            assert (await ground.expect(mavlink.MAVLink_param_value_message)).param_value == 2500

    run_virtual(story())
