"""A whole flight in GUIDED, with the times of a real ArduCopter (ARDUCOPTER.md §1)."""

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
            assert loop.time() - start_s == pytest.approx(12.2, abs=1.0)
            place = Enu(200.0, 0.0)
            ground.go_to(place, 30.0)
            there_s = await until(lambda: off_m(copter, place) < 2.0, within_s=60)
            assert there_s == pytest.approx(24.0, abs=1.0)
            assert await ground.command(211, 1, 0) == 0
            await asyncio.sleep(1.0)
            assert [release.hook for release in world.releases] == [1]
            assert world.releases[0].amsl_m == pytest.approx(38.0, abs=1.5)
            assert await ground.command(20) == 0
            home_s = await until(lambda: not copter.state.armed, within_s=120)
            assert home_s == pytest.approx(64.0 + 6.0, abs=3.0)  # 60 m farther than the real flight
            assert copter.state.mode is Mode.RTL
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            assert copter.state.height_m == pytest.approx(0.0, abs=0.05)

    run_virtual(story())
