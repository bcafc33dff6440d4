"""The winch of a flying copter: our command side and the simulated ArduPilot winch (169) understand each other."""

from __future__ import annotations

import asyncio

import pytest

from flightctl.mavlink.errors import NotFitted
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.test_flight import one_copter

FITTED = {"WINCH_TYPE": 1.0, "SERVO9_FUNCTION": 88.0}


def test_line_is_paid_out_and_taken_in_by_the_length_that_the_winch_reports() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork(), hooks=0, parameters=FITTED) as (vehicle, _, _fleet):
            await vehicle.wait_ready()
            await vehicle.take_off(20.0)
            out = await vehicle.winch.wind(6.0, 1.0)
            assert out.length_m == pytest.approx(6.0, abs=0.2)
            assert out.standing
            back = await vehicle.winch.wind_to(1.0, 1.0)
            assert back.length_m == pytest.approx(1.0, abs=0.2)

    run_virtual(story())


def test_at_a_rate_it_runs_until_it_is_held() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork(), hooks=0, parameters=FITTED) as (vehicle, _, _fleet):
            await vehicle.wait_ready()
            await vehicle.winch.run(0.5)
            await asyncio.sleep(4.0)
            await vehicle.winch.hold()
            held = (await vehicle.winch.find()).length_m
            assert held is not None
            assert 2.0 < held < 4.0
            await asyncio.sleep(3.0)
            assert (await vehicle.winch.find()).length_m == pytest.approx(held, abs=0.3)

    run_virtual(story())


def test_a_copter_without_a_winch_says_that_it_has_none() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork(), hooks=0) as (vehicle, _, _fleet):
            await vehicle.wait_ready()
            with pytest.raises(NotFitted, match="no winch"):
                await vehicle.winch.wind(1.0)

    run_virtual(story())
