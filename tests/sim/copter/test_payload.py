"""Loads have mass: what a release and what is left hanging does to the flight."""

from __future__ import annotations

import asyncio

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import SimCopter
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, flying_ground

_GRIPPER = 211
_LOADS = (1.0, 2.0)  # on a copter of 4 kg


async def _draw(ground: Ground) -> tuple[float, int]:
    """Amperes and throttle of a hover."""
    await asyncio.sleep(9.0)
    assert await ground.command(512, 1) == 0
    assert await ground.command(512, 74) == 0
    return (
        ground.of(mavlink.MAVLink_sys_status_message)[-1].current_battery / 100.0,
        ground.of(mavlink.MAVLink_vfr_hud_message)[-1].throttle,
    )


async def _highest(copter: SimCopter, for_s: float) -> float:
    highest = 0.0
    for _ in range(round(for_s / 0.05)):
        highest = max(highest, copter.state.height_m)
        await asyncio.sleep(0.05)
    return highest


def test_each_release_makes_the_hover_cheaper_by_the_mass_that_left() -> None:
    async def story() -> None:
        async with flying_ground(loads_kg=_LOADS) as (ground, _, _world):
            await ground.take_off(15.0)
            full_a, full_throttle = await _draw(ground)
            await ground.command(_GRIPPER, 1, 0)
            less_a, less_throttle = await _draw(ground)
            await ground.command(_GRIPPER, 2, 0)
            empty_a, empty_throttle = await _draw(ground)
            assert less_a / full_a == pytest.approx((6.0 / 7.0) ** 1.5, abs=0.03)
            assert empty_a / full_a == pytest.approx((4.0 / 7.0) ** 1.5, abs=0.03)
            assert full_throttle > less_throttle > empty_throttle

    run_virtual(story())


def test_it_hops_when_a_load_leaves_and_comes_back_to_its_height() -> None:
    async def story(hook: int) -> float:
        async with flying_ground(loads_kg=_LOADS) as (ground, copter, _):
            await ground.take_off(15.0)
            await asyncio.sleep(8.0)
            before_m = copter.state.height_m
            await ground.command(_GRIPPER, hook, 0)
            hop_m = await _highest(copter, 3.0) - before_m
            await asyncio.sleep(6.0)
            assert copter.state.height_m == pytest.approx(before_m, abs=0.15)
            return hop_m

    light_m, heavy_m = run_virtual(story(1)), run_virtual(story(2))
    assert 0.03 < light_m < heavy_m < 1.0


def test_a_jammed_hook_keeps_its_mass_and_an_unladen_one_has_none() -> None:
    async def story(loads_kg: tuple[float, ...], *, jam: bool) -> tuple[float, float]:
        async with flying_ground(loads_kg=loads_kg) as (ground, copter, _):
            copter.faults.gripper_jam = jam
            await ground.take_off(15.0)
            before_a, _ = await _draw(ground)
            await ground.command(_GRIPPER, 2, 0)
            after_a, _ = await _draw(ground)
            return before_a, after_a

    for before_a, after_a in (run_virtual(story(_LOADS, jam=True)), run_virtual(story((), jam=False))):
        assert after_a == pytest.approx(before_a, rel=0.02)


def test_new_loads_weigh_again() -> None:
    async def story() -> None:
        async with flying_ground(loads_kg=_LOADS) as (ground, copter, _):
            await ground.command(_GRIPPER, 2, 0)
            await asyncio.sleep(1.0)
            copter.reload()
            await asyncio.sleep(1.0)
            await ground.take_off(15.0)
            full_a, _ = await _draw(ground)
            await ground.command(_GRIPPER, 2, 0)
            assert (await _draw(ground))[0] < 0.7 * full_a

    run_virtual(story())
