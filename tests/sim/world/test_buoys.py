"""Lifebuoys fall as RIVER.md's drag figures say, and float with current and wind."""

from __future__ import annotations

import pytest

from geofence.position import Enu
from sim.world import BankPlace, BuoyKind, EventKind
from sim.world.buoys import Buoy
from tests.sim.world.haining import ground, happened, world


@pytest.mark.parametrize(
    ("kind", "height_m", "seconds", "impact_mps", "drift_m"),
    [  # RIVER.md §3.4, wind 5 m/s; the ring falls flat
        (BuoyKind.RING, 5.0, 1.07, 8.3, 1.1),
        (BuoyKind.RING, 10.0, 1.61, 10.0, 2.5),
    ],
)
def test_fall_time_impact_and_wind_drift(
    kind: BuoyKind, height_m: float, seconds: float, impact_mps: float, drift_m: float
) -> None:
    buoy = Buoy(1, kind, Enu(0.0, 0.0), height_m, (0.0, 0.0, 0.0))
    time_s, struck = 0.0, None
    while struck is None:
        struck = buoy.fall(0.01, Enu(5.0, 0.0), 0.0)
        time_s += 0.01

    assert time_s == pytest.approx(seconds, rel=0.06)
    assert struck == pytest.approx(impact_mps, rel=0.06)
    assert buoy.position.east_m == pytest.approx(drift_m, abs=0.35)


def test_a_lifebuoy_that_misses_the_water_lies_where_it_fell() -> None:
    given = world()
    given.release(ground().to_enu(BankPlace(50.0, -5.0)), 15.0, (0.0, 0.0, 0.0), BuoyKind.POD)
    given.advance(30.0)

    assert len(happened(given, EventKind.BUOY_ON_GROUND)) == 1
    assert happened(given, EventKind.BUOY_SPLASH) == []
    assert not given.view().buoys[0].afloat


def test_a_floating_lifebuoy_goes_with_the_stream() -> None:
    given = world(wind_mps=0.0)
    began = ground().to_enu(BankPlace(50.0, 60.0))
    given.release(began, 5.0, (0.0, 0.0, 0.0), BuoyKind.RING)
    given.advance(60.0)

    assert ground().to_bank(given.view().buoys[0].position).along_m > 50.0 + 30.0
