"""Which water level the service reckons with: a camera's when it is fresh and sure, else the forecast's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from flightctl.clock import Clock
from flightctl.site_loading import HAINING, load_site
from flightctl.surroundings import Surroundings
from geofence.bore import BoreForecast, PassageSource
from geofence.identity import uuid7
from geofence.position import Enu
from vision.alert import Alert, AlertKind, UncertainPosition, WaterReading

NOW = datetime(2026, 9, 28, 10, 0, tzinfo=UTC)


class _Still(Clock):
    """It is always the same moment."""

    def __init__(self) -> None:
        pass

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def around() -> Surroundings:
    site = load_site(Path(HAINING))
    return Surroundings(site, _Still(), {}, BoreForecast(site.river))


def _reading(around: Surroundings, place: Enu, *, level: float | None, sigma: float = 0.08, age_s: float = 2.0):
    position = around.forecast.river.frame.to_wgs84(place)
    return WaterReading(
        at=NOW - timedelta(seconds=age_s), position=position, level_amsl_m=level, sigma_m=sigma, cm_per_px=5.0
    )


def test_a_fresh_and_sure_reading_is_believed_over_the_forecast(around: Surroundings) -> None:
    here = around.forecast.river.bank.to_enu(0.0, 10.0)
    forecast = around.water_amsl_m(here)
    around.water_read("cam-5", _reading(around, here, level=forecast + 0.8))
    assert around.water_amsl_m(here) == pytest.approx(forecast + 0.8)


@pytest.mark.parametrize(("sigma", "age_s", "away_m"), [(0.5, 2.0, 0.0), (0.08, 60.0, 0.0), (0.08, 2.0, 900.0)])
def test_an_unsure_an_old_and_a_far_reading_are_not(
    around: Surroundings, sigma: float, age_s: float, away_m: float
) -> None:
    here = around.forecast.river.bank.to_enu(0.0, 10.0)
    forecast = around.water_amsl_m(here)
    there = here + Enu(away_m, 0.0)
    around.water_read("cam-5", _reading(around, there, level=forecast + 0.8, sigma=sigma, age_s=age_s))
    assert around.water_amsl_m(here) == pytest.approx(forecast)


def test_a_camera_that_does_not_see_the_edge_leaves_the_forecast(around: Surroundings) -> None:
    here = around.forecast.river.bank.to_enu(0.0, 10.0)
    forecast = around.water_amsl_m(here)
    around.water_read("cam-5", _reading(around, here, level=None))
    around.water_read("cam-3", None)
    assert around.water_amsl_m(here) == pytest.approx(forecast)


def test_a_front_seen_anchors_the_forecast_as_surely_as_it_was_seen(around: Surroundings) -> None:
    river = around.forecast.river
    start = around.forecast.next_passage(river.bank.to_enu(0.0, 30.0), NOW)
    place = river.frame.to_wgs84(river.bank.to_enu(0.0, 30.0))
    alert = Alert(
        id=uuid7(start.at, np.random.default_rng(1)),
        kind=AlertKind.BORE_FRONT,
        camera_id="cam-3",
        at=start.at + timedelta(minutes=4),
        position=UncertainPosition(lat=place.lat, lon=place.lon, sigma_m=30.0),
        confidence=0.9,
        details={"speed_mps": 6.0, "front_sigma_m": 36.0},
    )
    around.front_seen(alert)
    passage = around.forecast.next_passage(river.bank.to_enu(0.0, 30.0), NOW)
    assert passage.source is PassageSource.OBSERVATION
    assert passage.at == alert.at
    assert passage.sigma_s == pytest.approx(6.0, abs=0.5)
