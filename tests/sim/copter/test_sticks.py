"""The pilot's sticks over MAVLink: what they do in each mode, how long they count, and what happens without."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import Mode, SimCopter
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, another_ground, flying_ground, off_m, until

_LEFT_ALONE = 65535


def _override(ground: Ground, *first: int) -> None:
    channels = [*first, *[_LEFT_ALONE] * (8 - len(first))]
    ground.send(mavlink.MAVLink_rc_channels_override_message(1, 1, *channels))


async def _hold(ground: Ground, seconds: float, *first: int) -> None:
    for _ in range(round(seconds * 5)):
        _override(ground, *first)
        await asyncio.sleep(0.2)


def _speed(copter: SimCopter) -> float:
    return math.hypot(copter.state.east_mps, copter.state.north_mps)


def _story(play: Callable[[Ground, SimCopter], Awaitable[None]], **parameters: float) -> None:
    async def story() -> None:
        async with flying_ground(parameters=parameters) as (ground, copter, _world):
            await play(ground, copter)

    run_virtual(story())


def test_in_loiter_the_sticks_are_speed_in_the_direction_of_the_nose_and_letting_go_brakes_and_holds() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)  # the nose is south
        await ground.mode(5)
        await _hold(ground, 8.0, 1500, 1250, 1500, 1500)  # half forward
        assert copter.state.north_mps == pytest.approx(-6.0, abs=0.8)
        assert abs(copter.state.east_mps) < 0.5
        await _hold(ground, 6.0, 1500, 1500, 1500, 1500)
        assert _speed(copter) < 0.3
        before = copter.state.position
        await _hold(ground, 5.0, 1750, 1500, 1500, 1500)  # half right: west
        assert copter.state.position.east_m < before.east_m - 5.0
        assert copter.state.height_m == pytest.approx(20.0, abs=1.0)

    _story(play)


def test_in_alt_hold_the_sticks_are_the_angle_and_it_keeps_drifting_when_they_are_let_go() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        await ground.mode(2)
        await _hold(ground, 2.0, 1500, 1250, 1500, 1500)
        await ground.command(512, 30)
        pitch_deg = math.degrees(ground.of(mavlink.MAVLink_attitude_message)[-1].pitch)
        assert pitch_deg == pytest.approx(-15.0, abs=2.0)
        fast = _speed(copter)
        assert fast > 3.0
        await _hold(ground, 2.0, 1500, 1500, 1500, 1500)
        assert _speed(copter) > 0.7 * fast
        assert copter.state.height_m == pytest.approx(20.0, abs=1.0)

    _story(play)


def test_the_throttle_climbs_and_sinks_at_the_pilot_s_rates_and_yaw_turns() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        await ground.mode(5)
        await _hold(ground, 5.0, 1500, 1500, 2000, 1500)
        assert copter.state.up_mps == pytest.approx(2.5, abs=0.1)
        await _hold(ground, 6.0, 1500, 1500, 1000, 1500)
        assert copter.state.up_mps == pytest.approx(-2.5, abs=0.1)
        before = copter.state.yaw_deg
        await _hold(ground, 1.0, 1500, 1500, 1500, 1740)  # half right
        assert (copter.state.yaw_deg - before) % 360 == pytest.approx(90.0, abs=15.0)

    _story(play)


def test_in_stabilize_it_lifts_with_the_throttle_and_falls_without() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        assert await ground.arm() == 0
        await _hold(ground, 6.0, 1500, 1500, 1800, 1500)
        assert copter.state.height_m > 4.0
        await _hold(ground, 1.0, 1500, 1500, 1000, 1500)
        assert copter.state.up_mps < -5.0

    _story(play)


def test_manual_control_is_the_same_sticks_and_full_pitch_flies_forward() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        await ground.mode(5)
        for _ in range(40):
            ground.send(mavlink.MAVLink_manual_control_message(1, 500, 0, 500, 0, 0))
            await asyncio.sleep(0.2)
        assert copter.state.north_mps == pytest.approx(-6.0, abs=0.8)
        await ground.command(512, 65)
        shown = ground.of(mavlink.MAVLink_rc_channels_message)[-1]
        assert (shown.chan1_raw, shown.chan2_raw, shown.chan3_raw, shown.chan4_raw) == (1500, 1250, 1500, 1500)

    _story(play)


@pytest.mark.parametrize(("lasts_s", "still"), [(3.0, False), (-1.0, True), (8.0, True)])
def test_an_override_lasts_as_long_as_its_parameter_says(lasts_s: float, still: bool) -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        _override(ground, 1600, 1500, 1500, 1500)
        await asyncio.sleep(5.0)
        await ground.command(512, 65)
        assert (ground.of(mavlink.MAVLink_rc_channels_message)[-1].chan1_raw == 1600) is still
        _override(ground, 0, 0, 0, 0)
        await asyncio.sleep(0.5)
        await ground.command(512, 65)
        shown = ground.of(mavlink.MAVLink_rc_channels_message)[-1]
        assert (shown.chan1_raw, shown.chan3_raw) == (1500, 1000)

    _story(play, RC_OVERRIDE_TIME=lasts_s)


def test_sticks_of_another_system_than_the_ground_station_are_ignored() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, world), another_ground(world, system=77) as other:
            _override(other, 1600, 1600, 1600, 1600)
            other.send(mavlink.MAVLink_manual_control_message(1, 500, 500, 700, 0, 0))
            await asyncio.sleep(0.5)
            await ground.command(512, 65)
            assert ground.of(mavlink.MAVLink_rc_channels_message)[-1].chan1_raw == 1500

    run_virtual(story())


def test_a_raised_throttle_keeps_it_from_arming_but_not_in_guided() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        _override(ground, 1500, 1500, 1700, 1500)
        await asyncio.sleep(0.2)
        assert await ground.arm() == 4
        await ground.mode(5)
        assert await ground.arm() == 4
        await asyncio.sleep(0.2)
        assert ground.texts().count("Arm: Throttle too high") == 2
        await ground.mode(4)
        assert await ground.arm() == 0

    _story(play)


@pytest.mark.parametrize(("options", "turns"), [(0, True), (4, False)])
def test_in_guided_only_yaw_is_the_pilot_s_unless_the_options_take_it_away(options: int, turns: bool) -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        await _hold(ground, 2.0, 1900, 1100, 2000, 1700)
        assert (abs(copter.state.yaw_deg - 180.0) > 20.0) is turns
        assert off_m(copter, Enu(0.0, 0.0)) < 2.0
        assert copter.state.height_m == pytest.approx(20.0, abs=1.0)

    _story(play, GUID_OPTIONS=options)


@pytest.mark.parametrize(("allowed", "shifts"), [(1, True), (0, False)])
def test_while_it_lands_the_sticks_shift_the_spot_if_they_may(allowed: int, shifts: bool) -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(15.0)
        await ground.mode(9)
        await _hold(ground, 8.0, 1500, 1000, 1500, 1500)
        assert (copter.state.position.north_m < -6.0) is shifts
        await _hold(ground, 3.0, 1500, 1500, 1500, 1500)
        there = copter.state.position
        await until(lambda: not copter.state.armed, within_s=60)
        assert off_m(copter, there) < 2.5

    _story(play, LAND_REPOSITION=allowed)


@pytest.mark.parametrize(
    ("enable", "options", "mode"),
    [
        (0, 0, Mode.GUIDED),
        (1, 0, Mode.RTL),
        (3, 0, Mode.LAND),
        (7, 0, Mode.BRAKE),
        (1, 4, Mode.GUIDED),
    ],
)
def test_without_a_receiver_it_does_what_its_parameters_say(enable: int, options: int, mode: Mode) -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        await ground.parameter("SIM_RC_FAIL", 1)
        await asyncio.sleep(1.5)
        assert copter.state.mode is mode
        said = [text for text in ground.texts() if text.startswith("Radio Failsafe")]
        assert bool(said) is bool(enable)
        await ground.parameter("SIM_RC_FAIL", 0)
        await asyncio.sleep(0.5)
        assert ("Radio Failsafe Cleared" in ground.texts()) is bool(enable)

    _story(play, FS_THR_ENABLE=enable, FS_OPTIONS=options)


def test_overrides_stand_in_for_a_lost_receiver_until_they_stop() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        await ground.mode(5)
        _override(ground, 1500, 1500, 1500, 1500)
        await ground.parameter("SIM_RC_FAIL", 1)
        await _hold(ground, 5.0, 1500, 1500, 1500, 1500)
        assert copter.state.mode is Mode.LOITER
        await asyncio.sleep(4.0)
        assert copter.state.mode is Mode.RTL

    _story(play)


def test_a_throttle_below_its_failsafe_value_counts_as_lost() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        await ground.parameter("SIM_RC_FAIL", 2)
        await asyncio.sleep(1.0)
        assert copter.state.mode is Mode.RTL
        await ground.command(512, 65)
        assert ground.of(mavlink.MAVLink_rc_channels_message)[-1].chan3_raw == 950

    _story(play)


def test_a_silent_ground_station_loses_its_sticks_too() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        _override(ground, 1500, 1500, 1500, 1500)
        ground.heartbeats = False
        await asyncio.sleep(7.0)
        await ground.command(512, 65)
        assert ground.of(mavlink.MAVLink_rc_channels_message)[-1].chan3_raw == 1000
        assert copter.state.mode is Mode.RTL

    _story(play, FS_GCS_ENABLE=1, RC_OVERRIDE_TIME=-1)


def test_sticks_keep_the_ground_station_failsafe_away_as_heartbeats_do() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        ground.heartbeats = False
        await _hold(ground, 12.0, 1500, 1500, 1500, 1500)
        assert copter.state.mode is Mode.GUIDED

    _story(play, FS_GCS_ENABLE=1)


def test_moving_the_mode_switch_changes_the_mode_but_where_it_stands_does_not() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.take_off(20.0)
        assert copter.state.mode is Mode.GUIDED  # though the switch stands at FLTMODE6
        await _hold(ground, 1.0, 1500, 1500, 1500, 1500, 1700)
        assert copter.state.mode is Mode.LOITER
        await ground.mode(4)
        await _hold(ground, 1.0, 1500, 1500, 1500, 1500, 1700)
        assert copter.state.mode is Mode.GUIDED
        await _hold(ground, 1.0, 1500, 1500, 1500, 1500, 1425)
        assert copter.state.mode is Mode.RTL

    _story(play)


def test_another_channel_map_moves_the_sticks() -> None:
    async def play(ground: Ground, copter: SimCopter) -> None:
        await ground.command(512, 65)
        shown = ground.of(mavlink.MAVLink_rc_channels_message)[-1]
        assert (shown.chan1_raw, shown.chan3_raw) == (1000, 1500)
        ground.send(mavlink.MAVLink_manual_control_message(1, 0, 400, 700, 0, 0))
        await asyncio.sleep(0.2)
        await ground.command(512, 65)
        shown = ground.of(mavlink.MAVLink_rc_channels_message)[-1]
        assert (shown.chan1_raw, shown.chan3_raw) == (1700, 1700)

    _story(play, RCMAP_THROTTLE=1, RCMAP_ROLL=3)
