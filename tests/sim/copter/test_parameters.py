"""The parameter protocol as ArduCopter answers it."""

from __future__ import annotations

import asyncio
import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter.parameters import Parameters, UnknownParameter
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, flying_ground


async def _listed(ground: Ground) -> list[mavlink.MAVLink_param_value_message]:
    before = len(ground.of(mavlink.MAVLink_param_value_message))
    ground.send(mavlink.MAVLink_param_request_list_message(1, 1))
    await asyncio.sleep(3.0)
    return ground.of(mavlink.MAVLink_param_value_message)[before:]


def test_the_list_is_complete_numbered_and_quick() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            values = await _listed(ground)
            assert [value.param_index for value in values] == list(range(values[0].param_count))
            named = {value.param_id: value.param_value for value in values}
            assert named["MAV_SYSID"] == 1
            assert named["RTL_ALT"] == 1500
            assert named["WPNAV_SPEED"] == 1000
            assert named["FS_GCS_ENABLE"] == 0
            assert all(len(name) <= 16 for name in named)

    run_virtual(story())


def test_reads_by_name_and_by_index() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_param_request_read_message(1, 1, b"LAND_SPEED", -1))
            by_name = await ground.expect(mavlink.MAVLink_param_value_message)
            assert (by_name.param_value, by_name.param_index) == (50, 65535)
            ground.send(mavlink.MAVLink_param_request_read_message(1, 1, b"", 3))
            assert (await ground.expect(mavlink.MAVLink_param_value_message)).param_index == 3

    run_virtual(story())


def test_sets_answer_with_the_stored_value_and_unchanged_ones_with_type_9() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            changed = await ground.parameter("RTL_ALT", 2500.4)
            assert (changed.param_value, changed.param_type) == (2500, 6)
            same = await ground.parameter("RTL_ALT", 2500)
            assert (same.param_value, same.param_type) == (2500, 9)

    run_virtual(story())


@pytest.mark.parametrize("name", ["NO_SUCH_NAME", "SYSID_THISMAV", "SR0_POSITION"])
def test_unknown_and_old_names_get_no_answer(name: str) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_param_set_message(1, 1, name.encode(), 5, 9))
            ground.send(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
            await asyncio.sleep(3.0)
            assert not ground.of(mavlink.MAVLink_param_value_message)

    run_virtual(story())


def test_the_count_changes_with_an_enable_parameter() -> None:
    async def story() -> None:
        async with flying_ground(hooks=0) as (ground, _, _world):
            without = (await _listed(ground))[0].param_count
            await ground.parameter("GRIP_ENABLE", 1)
            assert (await _listed(ground))[0].param_count == without + 6

    run_virtual(story())


_KINDS = {"FS_GCS_ENABLE": 2, "LAND_SPEED": 4, "RTL_ALT": 6, "WPNAV_SPEED": 9, "FORMAT_VERSION": 4, "FENCE_TYPE": 2}


def test_every_value_comes_with_ardupilot_s_type_and_no_name_twice() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            values = await _listed(ground)
            kinds = {value.param_id: value.param_type for value in values}
            assert len(kinds) == len(values) >= 140
            assert {name: kinds[name] for name in _KINDS} == _KINDS
            assert set(kinds.values()) <= {2, 4, 6, 9}

    run_virtual(story())


@pytest.mark.parametrize(
    ("name", "asked", "stored"),
    [
        ("FS_GCS_ENABLE", 300.0, 127.0),  # held to its type, not to its documented values
        ("FS_GCS_ENABLE", -300.0, -128.0),
        ("LAND_SPEED", 40_000.0, 32_767.0),
        ("RTL_ALT", 2500.9, 2500.0),  # cut off, not rounded
        ("RTL_ALT", 2499.995, 2500.0),
        ("WPNAV_SPEED", 1234.5, 1234.5),
        ("LAND_SPEED", -12.5, -12.0),
    ],
)
def test_a_value_out_of_range_is_held_to_its_type_and_the_answer_says_what_is_stored(
    name: str, asked: float, stored: float
) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert (await ground.parameter(name, asked)).param_value == stored
            ground.send(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
            assert (await ground.expect(mavlink.MAVLink_param_value_message)).param_value == stored

    run_virtual(story())


def test_a_value_that_is_no_number_gets_no_answer() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            for value in (math.nan, math.inf):
                ground.send(mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", value, 9))
            await asyncio.sleep(1.0)
            assert not ground.of(mavlink.MAVLink_param_value_message)

    run_virtual(story())


@pytest.mark.parametrize("name", ["MIS_TOTAL", "FENCE_TOTAL", "RALLY_TOTAL"])
def test_what_the_copter_counts_itself_cannot_be_written(name: str) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert (await ground.parameter(name, 7)).param_value == 0
            await asyncio.sleep(0.5)
            assert f"Param write denied ({name})" in ground.texts()

    run_virtual(story())


async def _read(ground: Ground, name: str) -> float:
    ground.send(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
    return (await ground.expect(mavlink.MAVLink_param_value_message)).param_value


def test_a_change_outlives_a_reboot_until_all_are_reset_which_the_next_reboot_carries_out() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"FS_GCS_ENABLE": 1}) as (ground, _, _world):
            await ground.parameter("RTL_ALT", 3000)
            await ground.parameter("FS_GCS_ENABLE", 0)
            assert await ground.command(246, 1) == 0
            await asyncio.sleep(5.0)
            assert await _read(ground, "RTL_ALT") == 3000
            assert await ground.command(245, 1) == mavlink.MAV_RESULT_UNSUPPORTED
            assert await ground.command(245, 2) == 0
            await asyncio.sleep(0.5)
            assert "All parameters reset, reboot board" in ground.texts()
            assert await _read(ground, "RTL_ALT") == 3000
            assert await ground.command(246, 1) == 0
            await asyncio.sleep(5.0)
            assert await _read(ground, "RTL_ALT") == 1500
            assert await _read(ground, "FS_GCS_ENABLE") == 1  # as it was built, like SITL's --defaults

    run_virtual(story())


def test_another_format_version_resets_all_at_the_next_boot() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await _read(ground, "FORMAT_VERSION") == 120
            await ground.parameter("RTL_ALT", 3000)
            await ground.parameter("FORMAT_VERSION", 0)
            assert await ground.command(246, 1) == 0
            await asyncio.sleep(5.0)
            assert await _read(ground, "RTL_ALT") == 1500
            assert await _read(ground, "FORMAT_VERSION") == 120

    run_virtual(story())


def test_stream_rates_kept_as_parameters_count_from_the_next_boot_and_interval_0_goes_back_to_them() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await ground.parameter("MAV1_POSITION", 4)
            await asyncio.sleep(3.0)
            positions = mavlink.MAVLink_global_position_int_message
            assert not ground.of(positions)
            assert await ground.command(246, 1) == 0
            await asyncio.sleep(13.0)
            count = len(ground.of(positions))
            assert count == pytest.approx(48, abs=4)
            assert await ground.command(511, 33, -1) == 0
            await asyncio.sleep(2.0)
            count = len(ground.of(positions))
            await asyncio.sleep(5.0)
            assert len(ground.of(positions)) == count
            assert await ground.command(511, 33, 0) == 0
            await asyncio.sleep(5.0)
            assert len(ground.of(positions)) - count == pytest.approx(20, abs=2)

    run_virtual(story())


def test_a_misspelt_parameter_is_refused_when_the_copter_is_built() -> None:
    with pytest.raises(UnknownParameter, match="RTL_ALTITUDE"):
        Parameters({"RTL_ALTITUDE": 5})
