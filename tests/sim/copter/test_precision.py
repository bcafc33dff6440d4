"""Precision landing on the pad: by the simulated beacon and by a companion's LANDING_TARGET."""

from __future__ import annotations

import asyncio
import dataclasses
import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import SimCopter
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import Ground, World, flying_ground, off_m, until

LAND, RTL = 9, 6
ACCEPTED = 0
BEACON = {"PLND_ENABLED": 1.0, "PLND_TYPE": 4.0, "SIM_PLD_ENABLE": 1.0}
COMPANION = {"PLND_ENABLED": 1.0, "PLND_TYPE": 1.0}
GPS_OFF_M = 2.0
_METRES_A_DEGREE = 111_319.5


async def gusts(world: World) -> None:
    while True:
        for east, north in ((5.0, 2.0), (8.0, -1.0), (3.0, 4.0)):
            world.environment = dataclasses.replace(world.environment, wind_east_mps=east, wind_north_mps=north)
            await asyncio.sleep(2.0)


async def touch_down(parameters: dict[str, float], seed: int) -> float:
    """How far from its pad it lands by RTL in gusts, with a GPS that has come to be two metres off."""
    async with flying_ground(parameters=parameters, seed=seed) as (ground, copter, world):
        await ground.take_off(12.0)
        blowing = asyncio.create_task(gusts(world))
        ground.go_to(Enu(20.0, 10.0), 12.0)
        await ground.parameter("SIM_GPS1_GLTCH_X", GPS_OFF_M / _METRES_A_DEGREE)
        await until(lambda: off_m(copter, Enu(20.0, 10.0)) < 4.0, within_s=30)
        await ground.mode(RTL)
        await until(lambda: not copter.state.armed, within_s=180)
        blowing.cancel()
        return off_m(copter, Enu(0.0, 0.0))


def test_a_beacon_brings_it_to_the_middle_of_the_pad_where_gps_does_not() -> None:
    without = [run_virtual(touch_down({}, seed)) for seed in range(4)]
    with_it = [run_virtual(touch_down(BEACON, seed)) for seed in range(4)]
    assert min(without) > 1.0
    assert max(with_it) < 0.3
    assert sum(with_it) < 0.2 * sum(without)


def test_it_tells_when_it_finds_the_beacon_and_when_it_loses_it() -> None:
    async def story() -> None:
        async with flying_ground(parameters=BEACON) as (ground, copter, _):
            await ground.take_off(12.0)
            await asyncio.sleep(4.0)
            assert "PrecLand: Target Found" in ground.texts()
            assert "PrecLand: Init Complete" in ground.texts()
            ground.go_to(Enu(30.0, 0.0), 12.0)
            await until(lambda: off_m(copter, Enu(30.0, 0.0)) < 2.0, within_s=30)
            await asyncio.sleep(3.0)
            assert "PrecLand: Target Lost" in ground.texts()
            assert await ground.mode(LAND) == ACCEPTED
            await until(lambda: not copter.state.armed, within_s=90)
            assert off_m(copter, Enu(30.0, 0.0)) < 2.0  # it does not fly back to a beacon out of sight

    run_virtual(story())


def test_not_enabled_nothing_looks_for_a_beacon() -> None:
    async def story() -> None:
        async with flying_ground(parameters=BEACON | {"PLND_ENABLED": 0.0}) as (ground, _, _world):
            await ground.take_off(12.0)
            await asyncio.sleep(4.0)
            assert not [text for text in ground.texts() if "PrecLand" in text]

    run_virtual(story())


async def _point_at(ground: Ground, copter: SimCopter, mark: Enu, *, by_angles: bool) -> None:
    """A companion with a camera held level, ten times a second."""
    while copter.state.armed:
        state = copter.state
        east, north = mark.east_m - state.position.east_m, mark.north_m - state.position.north_m
        yaw = math.radians(state.yaw_deg)
        ahead, right = north * math.cos(yaw) + east * math.sin(yaw), east * math.cos(yaw) - north * math.sin(yaw)
        down = max(0.05, state.height_m)
        if by_angles:
            angle_x, angle_y = math.atan2(right, down), -math.atan2(ahead, down)
            place, valid, reach = (0.0, 0.0, 0.0), 0, math.sqrt(ahead**2 + right**2 + down**2)
        else:
            angle_x = angle_y = reach = 0.0
            place, valid = (ahead, right, down), 1
        ground.send(
            mavlink.MAVLink_landing_target_message(
                0, 0, 12, angle_x, angle_y, reach, 0.0, 0.0, *place, (1.0, 0.0, 0.0, 0.0), 2, valid
            )
        )
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("by_angles", [False, True])
def test_a_companion_s_landing_target_leads_it_to_a_mark(by_angles: bool) -> None:
    async def story() -> None:
        async with flying_ground(parameters=COMPANION) as (ground, copter, _):
            mark = Enu(3.0, -2.0)
            await ground.take_off(12.0)
            pointing = asyncio.create_task(_point_at(ground, copter, mark, by_angles=by_angles))
            await asyncio.sleep(3.0)
            assert await ground.mode(LAND) == ACCEPTED
            await until(lambda: not copter.state.armed, within_s=120)
            await pointing
            assert off_m(copter, mark) < 0.4
            assert "PrecLand: Target Found" in ground.texts()

    run_virtual(story())
