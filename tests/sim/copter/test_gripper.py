"""The hooks: what the servo shows, what is said, and what truly falls."""

from __future__ import annotations

import asyncio

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, flying_ground

_GRIPPER = 211


async def _outputs(ground: Ground) -> tuple[int, int]:
    await ground.command(512, 36)
    message = ground.of(mavlink.MAVLink_servo_output_raw_message)[-1]
    return message.servo9_raw, message.servo10_raw


@pytest.mark.parametrize(("number", "hook"), [(0, 1), (1, 1), (2, 2)])
def test_each_hook_releases_on_its_own_output(number: int, hook: int) -> None:
    async def story() -> None:
        async with flying_ground(hooks=2) as (ground, copter, world):
            assert await _outputs(ground) == (1900, 1900)
            assert await ground.command(_GRIPPER, number, 0) == 0
            assert await _outputs(ground) == ((1100, 1900) if hook == 1 else (1900, 1100))
            await asyncio.sleep(1.0)
            assert "Gripper load released" in ground.texts()
            assert [release.hook for release in world.releases] == [hook]
            assert [h.loaded for h in copter.state.hooks] == [hook != 1, hook != 2]

    run_virtual(story())


def test_a_release_tells_where_and_how_fast_it_left() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, world):
            await ground.take_off(20.0)
            for _ in range(6):
                ground.fly(0.0, 4.0)
                await asyncio.sleep(1.0)
            await ground.command(_GRIPPER, 1, 0)
            await asyncio.sleep(1.0)
            (release,) = world.releases
            assert release.east_mps == pytest.approx(4.0, abs=0.4)
            assert release.position.east_m > 10.0
            assert release.amsl_m == pytest.approx(28.0, abs=1.0)

    run_virtual(story())


def test_a_jammed_hook_looks_released_and_keeps_its_load() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, world):
            copter.faults.gripper_jam = True
            assert await ground.command(_GRIPPER, 1, 0) == 0
            await asyncio.sleep(1.0)
            assert (await _outputs(ground))[0] == 1100
            assert not world.releases
            assert copter.state.hooks[0].loaded

    run_virtual(story())


def test_an_empty_hook_releases_nothing_until_it_is_loaded_again() -> None:
    async def story() -> None:
        async with flying_ground(hooks=1) as (ground, copter, world):
            for _ in range(2):
                assert await ground.command(_GRIPPER, 1, 0) == 0
                await asyncio.sleep(1.0)
            assert len(world.releases) == 1
            copter.reload()
            await asyncio.sleep(1.0)
            assert (await _outputs(ground))[0] == 1900
            await ground.command(_GRIPPER, 1, 0)
            await asyncio.sleep(1.0)
            assert len(world.releases) == 2

    run_virtual(story())


def test_hooks_it_does_not_have_and_a_missing_gripper_fail() -> None:
    async def story(hooks: int, number: int) -> int:
        async with flying_ground(hooks=hooks) as (ground, _, _world):
            return await ground.command(_GRIPPER, number, 0)

    assert run_virtual(story(hooks=1, number=2)) == 4
    assert run_virtual(story(hooks=0, number=1)) == 4


def test_enabled_without_a_reboot_it_accepts_and_nothing_happens() -> None:
    async def story() -> None:
        disabled = {"GRIP_ENABLE": 0.0}
        async with flying_ground(hooks=1, parameters=disabled) as (ground, copter, world):
            await ground.parameter("GRIP_ENABLE", 1)
            await ground.parameter("GRIP_TYPE", 1)
            assert await ground.command(_GRIPPER, 1, 0) == 0
            await asyncio.sleep(1.0)
            assert (await _outputs(ground))[0] == 0
            assert not world.releases
            await ground.command(246, 1)
            await asyncio.sleep(3.0)
            assert await ground.command(_GRIPPER, 1, 0) == 0
            await asyncio.sleep(1.0)
            assert len(world.releases) == 1
            assert not copter.state.hooks[0].loaded

    run_virtual(story())


def test_it_closes_by_itself_after_grip_autoclose() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"GRIP_AUTOCLOSE": 3}) as (ground, _, _world):
            assert await ground.command(211, 1, 0) == 0
            await asyncio.sleep(2.0)
            await ground.command(512, 36)
            assert ground.of(mavlink.MAVLink_servo_output_raw_message)[-1].servo9_raw == 1100
            await asyncio.sleep(2.0)
            await ground.command(512, 36)
            assert ground.of(mavlink.MAVLink_servo_output_raw_message)[-1].servo9_raw == 1900
            assert "Gripper load grabbed" in ground.texts()

    run_virtual(story())
