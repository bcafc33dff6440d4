"""The simulated Haining, loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from geofence.bore import BoreForecast
from geofence.position import LatLon, LocalFrame
from geofence.river import River, load_river
from geofence.zones import ZoneSet, load_zones

HAINING = Path(__file__).parents[2] / "sim" / "sites" / "haining"


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
