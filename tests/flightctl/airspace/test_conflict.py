"""A predicted conflict is what stepping through time would find, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.airspace.conflict import Relative, approach

WITHIN_M, UP_M, AHEAD_S = 250.0, 60.0, 45.0
metres = st.floats(-4000, 4000)
heights = st.floats(-400, 400)
speeds = st.floats(-120, 120)
climbs = st.floats(-15, 15)


def too_near(relative: Relative, at_s: float, slack: float) -> bool:
    east = relative.east_m + relative.east_mps * at_s
    north = relative.north_m + relative.north_mps * at_s
    up = 0.0 if relative.up_m is None else relative.up_m + relative.up_mps * at_s
    return math.hypot(east, north) <= WITHIN_M + slack and abs(up) <= UP_M + slack


@given(metres, metres, st.none() | heights, speeds, speeds, climbs)
def test_it_is_what_stepping_through_time_finds(
    east: float, north: float, up: float | None, east_mps: float, north_mps: float, up_mps: float
) -> None:
    relative = Relative(east, north, up, east_mps, north_mps, up_mps)
    found = approach(relative, within_m=WITHIN_M, within_up_m=UP_M, ahead_s=AHEAD_S)
    instants = [0.05 * step for step in range(round(AHEAD_S / 0.05) + 1)]
    if found.enters_in_s is None:
        assert not any(too_near(relative, at_s, -0.5) for at_s in instants)
    else:
        assert 0.0 <= found.enters_in_s <= AHEAD_S
        assert too_near(relative, found.enters_in_s, 0.5)
        assert not any(too_near(relative, at_s, -0.5) for at_s in instants if at_s < found.enters_in_s - 0.01)
    nearest_m = min(math.hypot(east + east_mps * at_s, north + north_mps * at_s) for at_s in [*instants, found.in_s])
    assert found.distance_m <= nearest_m + 0.01


def test_head_on_it_enters_when_the_distance_is_used_up() -> None:
    found = approach(Relative(2250.0, 0.0, 20.0, -50.0, 0.0), within_m=WITHIN_M, within_up_m=UP_M, ahead_s=60.0)
    assert found.enters_in_s == pytest.approx(40.0)
    assert (found.in_s, found.distance_m, found.up_m) == pytest.approx((45.0, 0.0, 20.0))


def test_far_above_it_passes_clear_and_with_an_unknown_height_it_does_not() -> None:
    above = Relative(1000.0, 0.0, 300.0, -50.0, 0.0)
    assert approach(above, within_m=WITHIN_M, within_up_m=UP_M, ahead_s=60.0).enters_in_s is None
    unknown = Relative(1000.0, 0.0, None, -50.0, 0.0)
    assert approach(unknown, within_m=WITHIN_M, within_up_m=UP_M, ahead_s=60.0).enters_in_s == pytest.approx(15.0)


def test_what_climbs_through_our_height_elsewhere_is_no_conflict() -> None:
    """It is level with us only when it has long passed."""
    found = approach(
        Relative(500.0, 0.0, 400.0, -50.0, 0.0, -10.0), within_m=WITHIN_M, within_up_m=UP_M, ahead_s=60.0
    )
    assert found.enters_in_s is None
