"""Settings of every test (the same examples in every run, no limit on one example's time: machines differ), and the
simulated Haining, loaded once: its river, zones and a forecast of its own for each test.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from geofence.bore import BoreForecast
from geofence.position import LatLon, LocalFrame
from geofence.river import River, load_river
from geofence.zones import ZoneSet, load_zones

settings.register_profile("chaoxun", deadline=None, derandomize=True)
settings.load_profile("chaoxun")

HAINING = Path(__file__).parents[1] / "sim" / "sites" / "haining"


@pytest.fixture(scope="session")
def frame() -> LocalFrame:
    return LocalFrame(LatLon(lat=30.4020, lon=120.5420))


@pytest.fixture(scope="session")
def river(frame: LocalFrame) -> River:
    return load_river(HAINING / "river.yaml", frame)


@pytest.fixture(scope="session")
def zones(frame: LocalFrame) -> ZoneSet:
    return load_zones(HAINING / "zones.geojson", frame)


@pytest.fixture
def forecast(river: River) -> BoreForecast:
    return BoreForecast(river)
