"""Commands and their acknowledgements."""

from __future__ import annotations

import asyncio

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import Mode
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import degrees_e7, flying_ground, off_m, until

ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
_NONE = (0.0, 0.0, 0.0, 0.0)


def test_unknown_commands_and_waypoints_as_commands_are_unsupported() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await ground.command(31999) == UNSUPPORTED
            assert await ground.command(16) == UNSUPPORTED

    run_virtual(story())


def test_mode_numbers_are_checked_and_a_change_sends_a_heartbeat_at_once() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await ground.command(176, 0, 4) == DENIED
            assert await ground.command(176, 1, 99) == FAILED
            ground.send(mavlink.MAVLink_set_mode_message(1, 1, 4))
            beat = await ground.expect(mavlink.MAVLink_heartbeat_message, lambda m: m.custom_mode == 4, within_s=0.05)
            assert beat.base_mode & 1

    run_virtual(story())


def test_take_off_fails_disarmed_in_stabilize_and_in_flight() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            up = (22, 0, 0, 0, 0, 0, 0, 10)
            await ground.mode(4)
            assert await ground.command(*up) == FAILED
            await ground.mode(0)
            await ground.arm()
            assert await ground.command(*up) == FAILED
            assert await ground.command_int(22, 0, _NONE, (0, 0, 10.0)) == DENIED
            await ground.take_off(10.0)
            assert await ground.command(*up) == FAILED

    run_virtual(story())


def test_reposition_works_only_as_command_int_and_may_change_the_mode() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            place = Enu(48.0, 0.0)
            x, y = degrees_e7(place)
            assert await ground.command(192, -1, 1, 0, 0, x / 1e7, y / 1e7, 20) == UNSUPPORTED
            await ground.mode(17)
            assert await ground.command_int(192, 6, (-1.0, 0.0, 0.0, 0.0), (x, y, 20.0)) == DENIED
            assert await ground.command_int(192, 6, (-1.0, 1.0, 0.0, 0.0), (x, y, 20.0)) == ACCEPTED
            assert copter.state.mode is Mode.GUIDED
            assert await until(lambda: off_m(copter, place) < 2.0, within_s=20) == pytest.approx(8.8, abs=0.6)

    run_virtual(story())


def test_servos_with_a_function_are_refused_and_free_ones_move() -> None:
    async def story() -> None:
        async with flying_ground(hooks=1) as (ground, _, _world):
            assert await ground.command(183, 1, 1700) == FAILED
            assert await ground.command(183, 10, 1700) == ACCEPTED
            await ground.command(512, 36)
            assert ground.of(mavlink.MAVLink_servo_output_raw_message)[-1].servo10_raw == 1700
            assert "Channel 1 is already in use" in ground.texts()

    run_virtual(story())


def test_change_speed_is_kept_across_position_targets_but_lost_in_velocity_control() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            assert await ground.command(178, 1, 5) == FAILED  # STABILIZE cannot
            await ground.take_off(20.0)
            assert await ground.command(178, 1, 3) == ACCEPTED
            for place in (Enu(60.0, 0.0), Enu(60.0, 60.0)):
                ground.go_to(place, 20.0)
                await asyncio.sleep(8.0)
                assert copter.state.east_mps**2 + copter.state.north_mps**2 == pytest.approx(9.0, abs=1.0)
            ground.fly(0.0, 1.0)
            await asyncio.sleep(1.0)
            assert await ground.command(178, 1, 3) == ACCEPTED
            ground.go_to(Enu(-200.0, 0.0), 20.0)
            await asyncio.sleep(10.0)
            assert copter.state.east_mps < -9.0

    run_virtual(story())


def test_a_yaw_command_turns_it_and_home_can_be_moved() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            assert await ground.command(115, 45, 30, 1, 0) == ACCEPTED
            await asyncio.sleep(9.0)  # clockwise from 180, as asked
            assert copter.state.yaw_deg == pytest.approx(45.0, abs=2.0)
            x, y = degrees_e7(Enu(30.0, 0.0))
            assert await ground.command_int(179, 0, _NONE, (x, y, 8.0)) == ACCEPTED
            assert await ground.command(20) == ACCEPTED
            await until(lambda: not copter.state.armed, within_s=60)
            assert off_m(copter, Enu(30.0, 0.0)) < 2.0

    run_virtual(story())


def test_land_comes_down_where_it_is_and_disarms() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(15.0)
            ground.go_to(Enu(30.0, 0.0), 15.0)
            await until(lambda: off_m(copter, Enu(30.0, 0.0)) < 1.0, within_s=20)
            assert await ground.command(21) == ACCEPTED
            state = await ground.expect(mavlink.MAVLink_extended_sys_state_message, lambda m: m.landed_state == 4)
            assert state.landed_state == 4
            await until(lambda: not copter.state.armed, within_s=60)
            assert off_m(copter, Enu(30.0, 0.0)) < 3.0

    run_virtual(story())


@pytest.mark.parametrize(("throttle", "sinks"), [(None, True), (1500, False)])
def test_loiter_sinks_with_the_stick_at_rest_and_holds_with_an_override(throttle: int | None, sinks: bool) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(20.0)
            assert await ground.mode(5) == ACCEPTED
            for _ in range(10):
                if throttle is not None:
                    channels = [0, 0, throttle, 0, 0, 0, 0, 0]
                    ground.send(mavlink.MAVLink_rc_channels_override_message(1, 1, *channels))
                await asyncio.sleep(1.0)
            assert copter.state.on_ground is sinks

    run_virtual(story())
