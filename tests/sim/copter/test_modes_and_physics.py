"""Laws of the mode rule, the body and the small parts below the protocol."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.position import Enu, LatLon, LocalFrame
from sim.copter.battery import Battery, Pack
from sim.copter.modes import RETURN_TRANSITIONS, TRAITS, Mode, ReturnPhase, refusal
from sim.copter.physics import (
    Airframe,
    Body,
    Demand,
    Horizontal,
    Limits,
    Surroundings,
    Thrust,
    Vertical,
    step,
)
from sim.copter.places import LocalPatch

_STEP_S = 0.04


@given(st.sampled_from(list(Mode)), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_a_mode_is_refused_only_armed_and_only_for_a_drawn_reason(
    mode: Mode, armed: bool, position: bool, landed: bool, take_off_first: bool
) -> None:
    why = refusal(mode, armed=armed, position_good=position, landed=landed, take_off_first=take_off_first)
    blind = TRAITS[mode].needs_position and not position
    grounded = mode is Mode.AUTO and landed and not take_off_first
    assert (why is not None) == (armed and (blind or grounded))


def test_the_return_has_one_way_through_its_phases() -> None:
    phase: ReturnPhase | None = ReturnPhase.CLIMB
    passed: list[ReturnPhase] = []
    while phase is not None:
        passed.append(phase)
        phase = RETURN_TRANSITIONS[phase]
    assert passed == list(ReturnPhase)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.floats(-300, 300), st.floats(-300, 300), st.floats(2, 60)),
    st.floats(2, 18),
    st.tuples(st.floats(-10, 10), st.floats(-10, 10)),
)
def test_it_arrives_within_its_limits_wherever_and_in_whatever_wind(
    goal: tuple[float, float, float], speed: float, wind: tuple[float, float]
) -> None:
    (east, north, height), (wind_east, wind_north) = goal, wind
    body, limits = Body(0.0, 0.0, 10.0, 0.0, on_ground=False), Limits()
    demand = Demand(
        thrust=Thrust.FLYING,
        horizontal=Horizontal.PLACE,
        east=east,
        north=north,
        speed_mps=speed,
        vertical=Vertical.HEIGHT,
        up=height,
    )
    around = Surroundings(wind_east=wind_east, wind_north=wind_north, ground_amsl_m=-1000.0)
    body.felt_wind_east, body.felt_wind_north = wind_east, wind_north
    before = (body.accel_east, body.accel_north)
    for _ in range(int((math.hypot(east, north) / speed + 50.0 / 1.5 + 25.0) / _STEP_S)):
        step(body, demand, limits, Airframe(), around, dt=_STEP_S)
        assert math.hypot(body.accel_east, body.accel_north) <= limits.accel_mps2 + 1e-9
        jerk = math.hypot(body.accel_east - before[0], body.accel_north - before[1]) / _STEP_S
        assert jerk <= limits.jerk_mps3 + 1e-6
        before = (body.accel_east, body.accel_north)
        assert body.speed_mps <= speed + 1.0
    assert math.hypot(body.east_m - east, body.north_m - north) < 0.3
    assert body.amsl_m == pytest.approx(height, abs=0.2)


def test_wind_beyond_its_airspeed_carries_it_away() -> None:
    body = Body(0.0, 0.0, 30.0, 0.0, on_ground=False)
    demand = Demand(thrust=Thrust.FLYING, horizontal=Horizontal.PLACE, vertical=Vertical.HEIGHT, up=30.0)
    around = Surroundings(wind_east=20.0, ground_amsl_m=0.0)
    for _ in range(1000):
        step(body, demand, Limits(), Airframe(max_airspeed_mps=15.0), around, dt=_STEP_S)
    assert body.east_mps == pytest.approx(5.0, abs=0.5)


@given(st.floats(0.02, 1.0))
def test_a_fuller_battery_has_more_volts_and_sags_under_load(charge: float) -> None:
    battery, emptier = Battery(Pack()), Battery(Pack())
    battery.recharge(charge)
    emptier.recharge(charge - 0.02)
    rest_v = battery.voltage_v
    assert rest_v > emptier.voltage_v
    battery.draw(250.0, 1.0)
    assert battery.voltage_v < rest_v
    assert battery.charge < charge


@given(st.floats(-4000, 4000), st.floats(-4000, 4000))
def test_the_fast_conversion_agrees_with_the_frame_to_two_centimetres(east: float, north: float) -> None:
    frame = LocalFrame(LatLon(lat=30.4020, lon=120.5420))
    centre = Enu(-760.0, 12.0)
    lat, lon = LocalPatch(frame, centre).degrees(centre.east_m + east, centre.north_m + north)
    there = frame.to_enu_array(np.array([lat]), np.array([lon]))[0]
    assert math.hypot(there[0] - centre.east_m - east, there[1] - centre.north_m - north) < 0.02
