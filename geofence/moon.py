"""When the Moon crosses the meridian of a place: the clock the tide goes by."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import ephem  # pyright: ignore[reportMissingTypeStubs]

from geofence.position import LatLon

_ephem: Any = ephem


def transits(place: LatLon, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The upper and lower transits in `start` <= t < `end`, in order; about one every 12 h 25 min."""
    moments: list[datetime] = []
    for method in ("next_transit", "next_antitransit"):
        at = start
        while True:
            found = _next(place, at, method)
            if found >= end:
                break
            moments.append(found)
            at = found + timedelta(hours=1)
    return tuple(sorted(moments))


def elongation_deg(at: datetime) -> float:
    """Moon's ecliptic longitude less the Sun's, 0..360: 0 new, 180 full."""
    date = _ephem.Date(at.astimezone(UTC).replace(tzinfo=None))
    sun, moon = _ephem.Sun(date), _ephem.Moon(date)
    return math.degrees(float(_ephem.Ecliptic(moon).lon) - float(_ephem.Ecliptic(sun).lon)) % 360.0


def is_spring(at: datetime) -> bool:
    """Lunar days 1-5 and 15-20, told by the elongation (RIVER.md §1.4), not by a calendar."""
    past_syzygy = elongation_deg(at) % 180.0
    return past_syzygy <= 61.0 or past_syzygy >= 174.0


def _next(place: LatLon, at: datetime, method: str) -> datetime:
    observer = _ephem.Observer()
    observer.lat, observer.lon = str(place.lat), str(place.lon)
    observer.pressure = 0
    observer.date = _ephem.Date(at.astimezone(UTC).replace(tzinfo=None))
    found: datetime = getattr(observer, method)(_ephem.Moon()).datetime()
    return found.replace(tzinfo=UTC)
