"""Aircraft heard by ADS-B: passed on, listed, and kept clear of as AVD_* says."""

from __future__ import annotations

import asyncio

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import Mode
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import HOME_AMSL_M, Ground, another_ground, degrees_e7, flying_ground, until

_VALID = 0b1111
_ON = {"ADSB_TYPE": 1.0, "AVD_ENABLE": 1.0}


def _aircraft(
    place: Enu, height_m: float, *, heading_deg: float = 270.0, speed_mps: float = 50.0, address: int = 0xABCDEF
) -> mavlink.MAVLink_adsb_vehicle_message:
    lat, lon = degrees_e7(place)
    return mavlink.MAVLink_adsb_vehicle_message(
        address,
        lat,
        lon,
        1,
        round((HOME_AMSL_M + height_m) * 1000),
        round(heading_deg * 100),
        round(speed_mps * 100),
        0,
        b"RESCUE1",
        1,
        1,
        _VALID,
        1200,
    )


async def _approach(ground: Ground, *, height_m: float = 40.0, miss_m: float = 0.0) -> None:
    """From the east, 50 m/s, a second a report, until well past."""
    for second in range(40):
        ground.send(_aircraft(Enu(1200.0 - 50.0 * second, miss_m), height_m))
        await asyncio.sleep(1.0)


def test_an_aircraft_heard_on_one_link_is_passed_on_to_the_others_with_its_sender() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, world), another_ground(world, system=66) as receiver:
            receiver.send(_aircraft(Enu(500.0, 0.0), 100.0))
            heard = await ground.expect(mavlink.MAVLink_adsb_vehicle_message)
            assert (heard.ICAO_address, heard.get_srcSystem()) == (0xABCDEF, 66)
            await asyncio.sleep(1.0)
            assert not receiver.of(mavlink.MAVLink_adsb_vehicle_message)

    run_virtual(story())


def test_with_a_receiver_set_it_lists_who_is_near_and_forgets_who_is_silent() -> None:
    async def story() -> None:
        async with (
            flying_ground(parameters={"ADSB_TYPE": 1}) as (ground, _, world),
            another_ground(world, system=66) as receiver,
        ):
            for _ in range(3):
                receiver.send(_aircraft(Enu(500.0, 0.0), 100.0, address=1))
                receiver.send(_aircraft(Enu(-900.0, 0.0), 100.0, address=2))
                receiver.send(_aircraft(Enu(5000.0, 0.0), 100.0, address=3))  # beyond ADSB_LIST_RADIUS
                await asyncio.sleep(1.0)
            told: set[int] = set()
            for _ in range(4):
                assert await ground.command(512, 246) == 0
                own = [m for m in ground.of(mavlink.MAVLink_adsb_vehicle_message) if m.get_srcSystem() == 1]
                told.add(own[-1].ICAO_address)
            assert told == {1, 2}
            await asyncio.sleep(6.0)
            assert await ground.command(512, 246) == mavlink.MAV_RESULT_FAILED

    run_virtual(story())


def test_by_default_a_threat_is_only_reported() -> None:
    async def story() -> None:
        async with flying_ground(parameters=_ON) as (ground, copter, _world):
            await ground.take_off(40.0)
            await _approach(ground)
            reports = ground.of(mavlink.MAVLink_collision_message)
            assert {report.id for report in reports} == {0xABCDEF}
            assert max(report.threat_level for report in reports) == 2
            assert {report.action for report in reports} == {mavlink.MAV_COLLISION_ACTION_REPORT}
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())


def test_one_that_passes_far_enough_is_no_threat_and_one_a_bit_nearer_a_warning() -> None:
    async def levels(miss_m: float) -> set[int]:
        async with flying_ground(parameters=_ON | {"AVD_F_ACTION": 5}) as (ground, copter, _world):
            await ground.take_off(40.0)
            await _approach(ground, miss_m=miss_m)
            assert copter.state.mode is Mode.GUIDED
            return {report.threat_level for report in ground.of(mavlink.MAVLink_collision_message)}

    assert run_virtual(levels(400.0)) == set()
    assert run_virtual(levels(200.0)) == {1}


@pytest.mark.parametrize(("action", "mode"), [(5, Mode.RTL), (2, Mode.AVOID_ADSB), (3, Mode.AVOID_ADSB)])
def test_a_threat_changes_the_mode_as_the_action_says_and_is_a_failsafe(action: int, mode: Mode) -> None:
    async def story() -> None:
        async with flying_ground(parameters=_ON | {"AVD_F_ACTION": action}) as (ground, copter, _world):
            await ground.take_off(40.0)
            flight = asyncio.ensure_future(_approach(ground, height_m=30.0))
            await until(lambda: copter.state.mode is mode, within_s=20)
            await asyncio.sleep(5.0)
            states = {beat.system_status for beat in ground.of(mavlink.MAVLink_heartbeat_message)}
            assert mavlink.MAV_STATE_CRITICAL in states
            if action == 2:
                assert copter.state.up_mps == pytest.approx(2.5, abs=0.2)  # it is above, so it climbs
            if action == 3:
                assert abs(copter.state.north_mps) > 5.0  # out of the way of who comes from the east
            await flight

    run_virtual(story())


@pytest.mark.parametrize(("recovery", "mode"), [(0, Mode.AVOID_ADSB), (1, Mode.GUIDED), (2, Mode.RTL)])
def test_when_it_has_passed_the_recovery_says_what_follows(recovery: int, mode: Mode) -> None:
    async def story() -> None:
        wanted = _ON | {"AVD_F_ACTION": 2.0, "AVD_F_RCVRY": float(recovery)}
        async with flying_ground(parameters=wanted) as (ground, copter, _world):
            await ground.take_off(40.0)
            await _approach(ground)
            await asyncio.sleep(10.0)
            assert copter.state.mode is mode
            assert ground.of(mavlink.MAVLink_heartbeat_message)[-1].system_status == mavlink.MAV_STATE_ACTIVE

    run_virtual(story())


def test_below_its_least_height_it_does_not_move() -> None:
    async def story() -> None:
        wanted = _ON | {"AVD_F_ACTION": 5.0, "AVD_F_ALT_MIN": 60.0}
        async with flying_ground(parameters=wanted) as (ground, copter, _world):
            await ground.take_off(40.0)
            await _approach(ground)
            assert copter.state.mode is Mode.GUIDED

    run_virtual(story())
