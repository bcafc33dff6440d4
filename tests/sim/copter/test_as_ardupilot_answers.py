"""What a client notices of a real ArduCopter 4.7, seen line by line, and found again here.

The behaviours that fill a test file of their own (arming, commands, missions, fence, failsafes) are there; this
is the rest: who hears what, what is said when, and the oddities.
"""

from __future__ import annotations

import asyncio

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import Mode
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import POSITION_ONLY, Ground, another_ground, degrees_e7, flying_ground, off_m, until
from tests.sim.copter.test_missions import HOME_ITEM, Item, download, upload

ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
_TAKEOFF, _WAYPOINT, _RTL, _SPEED = 22, 16, 20, 178
_PREARM = 0x10000000
_POLYGON = [Enu(-60.0, -60.0), Enu(-60.0, 60.0), Enu(60.0, 60.0), Enu(60.0, -60.0)]


def _beats(ground: Ground) -> list[mavlink.MAVLink_heartbeat_message]:
    return ground.of(mavlink.MAVLink_heartbeat_message)


def _acks(ground: Ground) -> list[mavlink.MAVLink_command_ack_message]:
    return ground.of(mavlink.MAVLink_command_ack_message)


# --- the link, and what comes unasked ---------------------------------------------------------------------


def test_the_boot_is_told_in_order_and_in_ardupilot_s_words() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=0.0) as (ground, _, _world):
            await asyncio.sleep(50.0)
            told = [text for text in ground.texts() if not text.startswith("PreArm")]
            assert told[0].startswith("ArduCopter V4.7.0-dev")
            wanted = ["Frame: QUAD/PLUS", "ArduPilot Ready", "EKF3 IMU0 initialised"]
            wanted += ["EKF3 IMU0 tilt alignment complete", "EKF3 IMU0 is using GPS"]
            assert [told.index(text) for text in wanted] == sorted(told.index(text) for text in wanted)

    run_virtual(story())


def test_who_lists_the_parameters_or_asks_for_it_gets_the_banner_and_nobody_else() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, world), another_ground(world) as other:
            other.send(mavlink.MAVLink_param_request_list_message(1, 1))
            await asyncio.sleep(3.0)
            assert any(text.startswith("ArduCopter V4.7") for text in other.texts())
            assert "Frame: QUAD/PLUS" in other.texts()
            assert not any(text.startswith("ArduCopter V") for text in ground.texts())
            assert await ground.command(mavlink.MAV_CMD_DO_SEND_BANNER) == ACCEPTED
            await asyncio.sleep(0.5)
            assert ground.texts().count("Frame: QUAD/PLUS") == 1

    run_virtual(story())


def test_an_interval_belongs_to_its_link_works_from_the_first_heartbeat_and_zero_is_off() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=0.0) as (ground, _, world), another_ground(world) as other:
            await ground.stream(33, hz=10)
            await asyncio.sleep(5.0)
            count = len(ground.of(mavlink.MAVLink_global_position_int_message))
            assert 46 <= count <= 52
            assert not other.of(mavlink.MAVLink_global_position_int_message)
            assert await ground.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 33, 0) == ACCEPTED
            await asyncio.sleep(5.0)
            assert len(ground.of(mavlink.MAVLink_global_position_int_message)) <= count + 1

    run_virtual(story())


def test_mission_item_reached_as_a_stream_says_65535_before_anything_was_reached() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.stream(46)
            shown = await ground.expect(mavlink.MAVLink_mission_item_reached_message)
            assert shown.seq == 65535

    run_virtual(story())


def test_an_acknowledgement_goes_to_the_asking_link_only() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, world), another_ground(world) as other:
            assert await other.command(512, 148) == ACCEPTED
            await asyncio.sleep(1.0)
            ack = _acks(other)[-1]
            assert (ack.target_system, ack.target_component) == (254, 190)
            assert not _acks(ground)
            assert not ground.of(mavlink.MAVLink_autopilot_version_message)

    run_virtual(story())


@pytest.mark.parametrize("component", [0, 1, 2, 190])
def test_a_command_is_carried_out_whatever_component_it_names(component: int) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_command_long_message(1, component, 512, 0, 148, 0, 0, 0, 0, 0, 0))
            ack = await ground.expect(mavlink.MAVLink_command_ack_message)
            assert ack.result == ACCEPTED

    run_virtual(story())


def test_it_flies_on_when_the_client_goes_silent() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            ground.go_to(Enu(100.0, 0.0), 20.0)
            ground.heartbeats = False
            await until(lambda: off_m(copter, Enu(100.0, 0.0)) < 2.0, within_s=30)
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())


# --- ready, armed -----------------------------------------------------------------------------------------


def test_the_pre_arm_bit_is_that_of_the_mode_and_guided_is_refused_in_words_when_armed_too_early() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=26.0) as (ground, copter, _world):
            await ground.stream(1)
            status = await ground.expect(mavlink.MAVLink_sys_status_message)
            assert status.onboard_control_sensors_health & _PREARM  # STABILIZE needs no position
            assert await ground.mode(4) == ACCEPTED
            await asyncio.sleep(0.5)
            status = await ground.expect(mavlink.MAVLink_sys_status_message)
            assert not status.onboard_control_sensors_health & _PREARM
            assert await ground.arm() == FAILED
            assert await ground.mode(0) == ACCEPTED
            assert await ground.arm() == ACCEPTED
            assert await ground.mode(4) == FAILED
            await asyncio.sleep(0.2)
            assert copter.state.mode is Mode.STABILIZE
            assert "Mode change to GUIDED failed: requires position" in ground.texts()

    run_virtual(story())


def test_the_reason_of_a_refused_arming_is_a_critical_text_never_in_the_acknowledgement() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=5.0) as (ground, _, _world):
            assert await ground.arm() == FAILED
            await asyncio.sleep(0.2)
            ack = _acks(ground)[-1]
            assert (ack.progress, ack.result_param2) == (0, 0)
            reasons = [
                text for text in ground.of(mavlink.MAVLink_statustext_message) if text.text.startswith("Arm: ")
            ]
            assert "Arm: Gyros inconsistent" in {str(text.text) for text in reasons}
            assert {text.severity for text in reasons} == {2}

    run_virtual(story())


def test_the_armed_bit_comes_with_the_next_regular_heartbeat_after_the_acknowledgement() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.mode(4)
            await ground.expect(mavlink.MAVLink_heartbeat_message, lambda m: m.custom_mode == 4)
            await ground.expect(mavlink.MAVLink_heartbeat_message)
            before = len(_beats(ground))
            start_s = asyncio.get_running_loop().time()
            assert await ground.arm() == ACCEPTED
            assert len(_beats(ground)) == before
            await ground.expect(mavlink.MAVLink_heartbeat_message, lambda m: bool(m.base_mode & 128))
            assert 0.5 < asyncio.get_running_loop().time() - start_s <= 1.1

    run_virtual(story())


def test_without_a_frame_class_it_does_not_arm() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FRAME_CLASS": 0}) as (ground, _, _world):
            assert await ground.arm() == FAILED
            await asyncio.sleep(0.2)
            assert "Arm: Motors: Check frame class and type" in ground.texts()

    run_virtual(story())


# --- commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, 3, 4, 5, 6, 9, 16, 17, 21])
def test_the_mode_numbers_are_ardupilot_s_and_the_heartbeat_shows_them(number: int) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            if number == 21:  # wants the way it has flown, so it is armed first
                assert await ground.mode(4) == ACCEPTED
                assert await ground.arm() == ACCEPTED
            assert await ground.mode(number) == ACCEPTED
            await asyncio.sleep(0.1)
            assert _beats(ground)[-1].custom_mode == number

    run_virtual(story())


def test_landed_state_and_system_status_tell_a_flight_and_no_command_says_in_progress() -> None:
    async def story() -> None:
        async with flying_ground(booted_for_s=0.0) as (ground, copter, _world):
            await ground.stream(245)
            await asyncio.sleep(45.0)
            await ground.take_off(20.0)
            await asyncio.sleep(5.0)
            await ground.command(20)
            await until(lambda: not copter.state.armed, within_s=60)
            await asyncio.sleep(1.5)
            landed = [m.landed_state for m in ground.of(mavlink.MAVLink_extended_sys_state_message)]
            assert _changes(landed) == [1, 3, 2, 4, 1]
            assert _changes([m.system_status for m in _beats(ground)]) == [1, 3, 4, 3]
            assert {ack.result for ack in _acks(ground)} == {ACCEPTED}

    run_virtual(story())


def _changes(values: list[int]) -> list[int]:
    return [value for index, value in enumerate(values) if index == 0 or values[index - 1] != value]


def test_take_off_to_a_height_above_home_and_the_next_place_take_the_seconds_seen() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.mode(4)
            await ground.arm()
            assert await ground.command(_TAKEOFF, 0, 0, 0, 0, 0, 0, 20) == ACCEPTED
            assert await until(lambda: copter.state.height_m >= 19.0, within_s=20) == pytest.approx(12.2, abs=1.0)
            await until(lambda: copter.state.height_m >= 19.8, within_s=20)
            await asyncio.sleep(2.0)
            place = Enu(200.0, 0.0)
            ground.go_to(place, 30.0)
            there_s = await until(lambda: off_m(copter, place) < 2.0, within_s=40)
            assert there_s == pytest.approx(24.0, abs=1.5)

    run_virtual(story())


def test_the_return_takes_the_seconds_seen_above_home_and_from_140_m_away() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.mode(4)
            await ground.arm()
            assert await ground.command(_TAKEOFF, 0, 0, 0, 0, 0, 0, 20) == ACCEPTED
            await until(lambda: copter.state.height_m >= 19.8, within_s=30)
            await asyncio.sleep(3.0)
            await ground.mode(6)
            assert await until(lambda: not copter.state.armed, within_s=80) == pytest.approx(40.5, abs=3.0)

            await ground.mode(4)
            await ground.arm()
            assert await ground.command(_TAKEOFF, 0, 0, 0, 0, 0, 0, 30) == ACCEPTED
            await until(lambda: copter.state.height_m >= 29.5, within_s=40)
            away = Enu(140.0, 0.0)
            ground.go_to(away, 30.0)
            await until(lambda: off_m(copter, away) < 1.0, within_s=60)
            await asyncio.sleep(3.0)
            await ground.mode(6)
            assert await until(lambda: not copter.state.armed, within_s=120) == pytest.approx(64.0, abs=4.0)

    run_virtual(story())


def test_loiter_with_the_simulated_stick_at_rest_lands_from_20_m_in_nine_seconds() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.mode(5)
            assert await until(lambda: copter.state.on_ground, within_s=15) == pytest.approx(9.0, abs=1.0)

    run_virtual(story())


# --- GUIDED -----------------------------------------------------------------------------------------------


def test_a_target_that_ignores_everything_stops_it_and_shows_no_new_target() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.stream(87)
            ground.go_to(Enu(100.0, 0.0), 20.0)
            await asyncio.sleep(4.0)
            shown = await ground.expect(mavlink.MAVLink_position_target_global_int_message)
            ground.send(
                mavlink.MAVLink_set_position_target_global_int_message(
                    0, 1, 1, 6, 0b111111111111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
                )
            )
            await asyncio.sleep(6.0)
            after = ground.of(mavlink.MAVLink_position_target_global_int_message)[-1]
            assert (after.lat_int, after.lon_int) == (shown.lat_int, shown.lon_int)
            assert abs(copter.state.east_mps) < 0.5
            assert off_m(copter, Enu(100.0, 0.0)) > 20.0

    run_virtual(story())


def test_a_velocity_target_is_shown_in_the_local_frame_only() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.take_off(20.0)
            ground.fly(0.0, 5.0)
            await asyncio.sleep(0.5)
            assert await ground.command(512, 87) == FAILED
            assert await ground.command(512, 85) == ACCEPTED
            shown = ground.of(mavlink.MAVLink_position_target_local_ned_message)[-1]
            assert (shown.vx, shown.vy, shown.type_mask & 0b111) == (0.0, 5.0, 0b111)

    run_virtual(story())


@pytest.mark.parametrize("frame", [0, 3, 5, 6])
def test_a_shown_target_is_absolute_whatever_frame_it_came_in(frame: int) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.take_off(20.0)
            lat, lon = degrees_e7(Enu(30.0, 0.0))
            height = 28.0 if frame in (0, 5) else 20.0
            ground.send(
                mavlink.MAVLink_set_position_target_global_int_message(
                    0, 1, 1, frame, POSITION_ONLY, lat, lon, height, 0, 0, 0, 0, 0, 0, 0, 0
                )
            )
            await asyncio.sleep(0.2)
            assert await ground.command(512, 87) == ACCEPTED
            shown = ground.of(mavlink.MAVLink_position_target_global_int_message)[-1]
            assert shown.coordinate_frame == 0
            assert shown.alt == pytest.approx(28.0, abs=0.5)

    run_virtual(story())


# --- missions ---------------------------------------------------------------------------------------------


def test_it_asks_for_items_with_the_old_request_and_says_the_end_once() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await upload(ground, [HOME_ITEM, Item(_TAKEOFF, None, 20.0), Item(_RTL)]) == ACCEPTED
            await asyncio.sleep(3.0)
            assert [m.seq for m in ground.of(mavlink.MAVLink_mission_request_message)] == [0, 1, 2]
            assert not ground.of(mavlink.MAVLink_mission_request_int_message)
            assert len(ground.of(mavlink.MAVLink_mission_ack_message)) == 1

    run_virtual(story())


def test_a_take_off_sent_as_item_0_is_lost() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            items = [Item(_TAKEOFF, None, 20.0), Item(_WAYPOINT, Enu(30.0, 0.0), 20.0)]
            assert await upload(ground, items) == ACCEPTED
            assert (await download(ground))[0].command == _WAYPOINT
            await ground.command(512, 42)
            assert ground.of(mavlink.MAVLink_mission_current_message)[-1].total == 1
            await ground.mode(4)
            await ground.arm()
            assert await ground.command(300) == FAILED
            await asyncio.sleep(0.2)
            assert "Auto: Missing Takeoff Cmd" in ground.texts()
            assert copter.state.on_ground

    run_virtual(story())


def test_while_one_uploads_another_is_denied() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, world), another_ground(world) as other:
            ground.send(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))
            await ground.expect(mavlink.MAVLink_mission_request_message)
            other.send(mavlink.MAVLink_mission_count_message(1, 1, 2, 0))
            refused = await other.expect(mavlink.MAVLink_mission_ack_message)
            assert refused.type == mavlink.MAV_MISSION_DENIED
            assert not other.of(mavlink.MAVLink_mission_request_message)

    run_virtual(story())


def test_the_mission_state_goes_through_none_ready_active_paused_and_complete() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):

            async def state() -> int:
                await ground.command(512, 42)
                return ground.of(mavlink.MAVLink_mission_current_message)[-1].mission_state

            assert await state() == mavlink.MISSION_STATE_NO_MISSION
            items = [HOME_ITEM, Item(_TAKEOFF, None, 10.0), Item(_WAYPOINT, Enu(40.0, 0.0), 10.0)]
            assert await upload(ground, items) == ACCEPTED
            assert await state() == mavlink.MISSION_STATE_NOT_STARTED
            await ground.mode(4)
            await ground.arm()
            assert await ground.command(300) == ACCEPTED
            assert await state() == mavlink.MISSION_STATE_ACTIVE
            await until(lambda: copter.state.position.east_m > 10.0, within_s=30)
            assert await ground.command(193, 0) == ACCEPTED
            assert await state() == mavlink.MISSION_STATE_PAUSED
            assert await ground.command(193, 1) == ACCEPTED
            await until(lambda: off_m(copter, Enu(40.0, 0.0)) < 2.5, within_s=30)
            await asyncio.sleep(3.0)
            assert await state() == mavlink.MISSION_STATE_COMPLETE
            assert copter.state.mode is Mode.AUTO
            assert await ground.command(193, 0) == FAILED
            assert await ground.command(224, 2) == ACCEPTED
            await asyncio.sleep(1.0)
            assert await state() == mavlink.MISSION_STATE_COMPLETE
            await ground.command(512, 42)
            assert ground.of(mavlink.MAVLink_mission_current_message)[-1].seq == 2
            assert await ground.command(300) == ACCEPTED
            assert await state() == mavlink.MISSION_STATE_ACTIVE

    run_virtual(story())


def test_with_a_do_item_behind_the_take_off_that_is_told_as_reached_instead() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            items = [HOME_ITEM, Item(_TAKEOFF, None, 10.0), Item(_SPEED, None, 0.0, (1.0, 5.0, 0.0, 0.0))]
            items += [Item(_WAYPOINT, Enu(30.0, 0.0), 10.0)]
            assert await upload(ground, items) == ACCEPTED
            await ground.mode(4)
            await ground.arm()
            await ground.command(300)
            await until(lambda: off_m(copter, Enu(30.0, 0.0)) < 2.5, within_s=40)
            await asyncio.sleep(2.0)
            assert [m.seq for m in ground.of(mavlink.MAVLink_mission_item_reached_message)] == [2, 3]

    run_virtual(story())


# --- fence, failsafe --------------------------------------------------------------------------------------


def test_a_mission_with_a_waypoint_outside_the_fence_is_taken() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FENCE_TYPE": 4}) as (ground, _, _world):
            corners = [Item(5001, place, 0.0, (4.0, 0.0, 0.0, 0.0), frame=0) for place in _POLYGON]
            assert await upload(ground, corners, 1) == ACCEPTED
            assert await ground.command(207, 1) == ACCEPTED
            items = [HOME_ITEM, Item(_TAKEOFF, None, 10.0), Item(_WAYPOINT, Enu(90.0, 0.0), 10.0)]
            assert await upload(ground, items) == ACCEPTED

    run_virtual(story())


def test_a_breach_is_found_within_a_metre_of_the_fence_and_returns() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FENCE_TYPE": 4}) as (ground, copter, _world):
            corners = [Item(5001, place, 0.0, (4.0, 0.0, 0.0, 0.0), frame=0) for place in _POLYGON]
            assert await upload(ground, corners, 1) == ACCEPTED
            assert await ground.command(207, 1) == ACCEPTED
            await ground.take_off(20.0)
            for _ in range(30):
                ground.fly(0.0, 5.0)
                await asyncio.sleep(0.5)
                if copter.state.mode is Mode.RTL:
                    break
            assert 60.0 < copter.state.position.east_m < 64.0
            assert copter.state.mode is Mode.RTL

    run_virtual(story())


def test_the_ground_station_failsafe_never_fires_when_none_was_ever_heard() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FS_GCS_ENABLE": 1, "MAV_GCS_SYSID": 200}) as (ground, copter, _world):
            ground.heartbeats = False
            await ground.take_off(20.0)
            await asyncio.sleep(20.0)
            assert copter.state.mode is Mode.GUIDED
            assert _beats(ground)[-1].system_status == mavlink.MAV_STATE_ACTIVE

    run_virtual(story())


def test_after_a_battery_failsafe_guided_can_be_chosen_again_in_the_air() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"BATT_FS_LOW_ACT": 2}) as (ground, copter, _world):
            await ground.take_off(20.0)
            await ground.parameter("SIM_BATT_VOLTAGE", 10.2)
            await until(lambda: copter.state.mode is Mode.RTL, within_s=20)
            assert await ground.mode(4) == ACCEPTED
            await asyncio.sleep(5.0)
            assert copter.state.mode is Mode.GUIDED
            assert _beats(ground)[-1].system_status == mavlink.MAV_STATE_CRITICAL

    run_virtual(story())
