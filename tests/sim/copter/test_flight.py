"""A whole flight in GUIDED, with the times of a real ArduCopter."""

from __future__ import annotations

import asyncio

import pytest

from geofence.position import Enu
from sim.copter import Mode
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import flying_ground, off_m, until


def test_arms_takes_off_flies_drops_returns_and_disarms() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, world):
            loop = asyncio.get_running_loop()
            start_s = loop.time()
            await ground.take_off(20.0)
            took_off_s = loop.time() - start_s
            place = Enu(200.0, 0.0)
            ground.go_to(place, 30.0)
            there_s = await until(lambda: off_m(copter, place) < 2.0, within_s=60)
            assert await ground.command(211, 1, 0) == 0
            await asyncio.sleep(1.0)
            assert [release.hook for release in world.releases] == [1]
            assert world.releases[0].amsl_m == pytest.approx(38.0, abs=1.5)
            assert await ground.command(20) == 0
            home_s = await until(lambda: not copter.state.armed, within_s=120)
            print(took_off_s, there_s, home_s, copter.state)  # noqa: T201
            assert copter.state.mode is Mode.RTL
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            assert copter.state.height_m == pytest.approx(0.0, abs=0.05)

    run_virtual(story())
