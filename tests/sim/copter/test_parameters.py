"""The parameter protocol as ArduCopter answers it."""

from __future__ import annotations

import asyncio

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


def test_a_misspelt_parameter_is_refused_when_the_copter_is_built() -> None:
    with pytest.raises(UnknownParameter, match="RTL_ALTITUDE"):
        Parameters({"RTL_ALTITUDE": 5})
