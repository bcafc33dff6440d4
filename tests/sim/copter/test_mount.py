"""The simulated gimbal answers as ArduPilot's mount does, and truly turns, as fast as it can and no faster."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest

from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import NotFitted
from geofence.position import Enu
from sim.copter import SimCopter
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.test_flight import FRAME, beside_home, one_copter

WITH_GIMBAL = {"MNT1_TYPE": 1.0}
GROUND_AMSL_M = 8.0


def off_axis_deg(copter: SimCopter, place: Enu, amsl_m: float) -> float:
    state = copter.state
    assert state.gaze is not None
    away = place - state.position
    pitch = math.degrees(math.atan2(amsl_m - state.amsl_m, away.length_m))
    azimuth = math.degrees(math.atan2(away.east_m, away.north_m))
    aside = math.remainder(state.gaze.azimuth_deg - azimuth, 360.0) * math.cos(math.radians(pitch))
    return math.hypot(aside, state.gaze.pitch_deg - pitch)


def test_it_keeps_looking_at_a_place_while_the_copter_flies_past_it() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork(), parameters=WITH_GIMBAL) as (vehicle, truth, _):
            await vehicle.wait_ready()
            await vehicle.take_off(20.0)
            place = beside_home(60.0, 30.0)
            await vehicle.gimbal.look_at(place, GROUND_AMSL_M)
            flight = asyncio.ensure_future(vehicle.go_to(beside_home(120.0, 0.0), 20.0, speed_mps=10.0))
            await asyncio.sleep(3.0)
            off_deg: list[float] = []
            while not flight.done():
                off_deg.append(off_axis_deg(truth.copter, FRAME.to_enu(place), GROUND_AMSL_M))
                await asyncio.sleep(0.25)
            await flight
            assert max(off_deg) < 6.0
            heading = vehicle.telemetry.heading_deg
            attitude = vehicle.gimbal.attitude
            assert heading is not None
            assert attitude is not None
            assert not attitude.from_north
            assert truth.copter.state.gaze is not None
            assert attitude.azimuth_deg(heading) == pytest.approx(truth.copter.state.gaze.azimuth_deg, abs=3.0)
            assert heading == pytest.approx(104.0, abs=25.0)  # the nose flies ahead and does not follow the place
            await vehicle.begin_return()
            await asyncio.sleep(2.0)
            assert off_axis_deg(truth.copter, FRAME.to_enu(place), GROUND_AMSL_M) < 6.0  # also in another mode
            await vehicle.gimbal.look_ahead()
            await asyncio.sleep(4.0)
            assert truth.copter.state.gaze.pitch_deg == pytest.approx(0.0, abs=0.5)

    run_virtual(story())


def test_it_turns_no_faster_than_it_can_and_no_further_than_its_limits() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork(), parameters={**WITH_GIMBAL, "MNT1_PITCH_MIN": -60.0}) as (
            vehicle,
            truth,
            _,
        ):
            await vehicle.gimbal.point(-90.0, 120.0)
            gazes: list[float] = []
            for _ in range(16):
                gaze = truth.copter.state.gaze
                assert gaze is not None
                gazes.append(gaze.azimuth_deg)
                await asyncio.sleep(0.25)
            turned = [abs(math.remainder(b - a, 360.0)) for a, b in itertools.pairwise(gazes)]
            assert max(turned) < 60.0 * 0.5 + 1.0
            assert gazes[-1] == pytest.approx(180.0 + 120.0, abs=1.0)
            gaze = truth.copter.state.gaze
            assert gaze is not None
            assert gaze.pitch_deg == pytest.approx(-60.0, abs=0.1)
            await vehicle.gimbal.point(-20.0, 45.0, from_north=True)
            await asyncio.sleep(6.0)
            gaze = truth.copter.state.gaze
            assert gaze is not None
            assert (gaze.azimuth_deg, gaze.pitch_deg) == pytest.approx((45.0, -20.0), abs=0.5)
            vehicle.gimbal.steer(-10.0, 0.0)
            await asyncio.sleep(6.0)
            gaze = truth.copter.state.gaze
            assert gaze is not None
            assert (gaze.azimuth_deg, gaze.pitch_deg) == pytest.approx((180.0, -10.0), abs=0.5)
            await vehicle.gimbal.turn(-5.0, 0.0)
            await asyncio.sleep(4.0)
            gaze = truth.copter.state.gaze
            assert gaze is not None
            assert gaze.pitch_deg == pytest.approx(-30.0, abs=2.0)

    run_virtual(story())


def test_control_is_told_given_and_taken() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork(), parameters=WITH_GIMBAL) as (vehicle, _, __):
            await vehicle.gimbal.take_control()
            assert vehicle.gimbal.ours
            await vehicle.gimbal.give_back()
            controller = vehicle.gimbal.controller
            assert controller is not None
            assert controller.system_id == 0

    run_virtual(story())


def test_a_copter_without_a_gimbal_has_none() -> None:
    async def story() -> None:
        async with one_copter(MemoryNetwork()) as (vehicle, truth, _):
            assert truth.copter.state.gaze is None
            with pytest.raises(NotFitted):
                await vehicle.gimbal.take_control()
            names = await vehicle.read_all_parameters()
            assert "MNT1_TYPE" in names
            assert "MNT1_PITCH_MIN" not in names

    run_virtual(story())


def test_a_gimbal_that_cannot_pan_is_turned_with_the_nose() -> None:
    fixed = {**WITH_GIMBAL, "MNT1_YAW_MIN": 0.0, "MNT1_YAW_MAX": 0.0}

    async def story() -> None:
        async with one_copter(MemoryNetwork(), parameters=fixed) as (vehicle, truth, _):
            await vehicle.wait_ready()
            await vehicle.take_off(15.0)
            place = beside_home(40.0, 5.0)
            info = await vehicle.gimbal.find()
            assert not info.turns
            assert info.capabilities & mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_PITCH_AXIS
            await vehicle.gimbal.look_at(place, GROUND_AMSL_M)
            await asyncio.sleep(8.0)
            assert off_axis_deg(truth.copter, FRAME.to_enu(place), GROUND_AMSL_M) < 3.0

    run_virtual(story())
