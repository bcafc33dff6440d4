"""Datums of Chinese maps to and from WGS-84: GCJ-02 (Amap, Tencent), BD-09 (Baidu), CGCS2000.

At Yanguan GCJ-02 stands 491 m from WGS-84, the whole width of a river bank: a mixed datum puts the lifebuoy
on the road. Positions are converted once, where they come in; a known landmark tells whether that was right.
"""

from __future__ import annotations

import math
from enum import StrEnum

from geofence.position import LatLon, LocalFrame

_SEMI_MAJOR_M = 6_378_245.0  # Krasovsky 1940, on which the shift is defined
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BAIDU_PI = math.pi * 3000.0 / 180.0


class Datum(StrEnum):
    WGS84 = "wgs84"
    CGCS2000 = "cgcs2000"  # within centimetres of WGS-84
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_wgs84(lat: float, lon: float, datum: Datum) -> LatLon:
    """A position read from a source in `datum`, as WGS-84; exact to better than 0.1 m."""
    if datum is Datum.GCJ02:
        lat, lon = _inverse_shift(lat, lon)
    elif datum is Datum.BD09:
        lat, lon = _inverse_shift(*_baidu_to_gcj(lat, lon))
    return LatLon(lat=lat, lon=lon)


def from_wgs84(point: LatLon, datum: Datum) -> tuple[float, float]:
    """Latitude and longitude in `datum`."""
    if datum is Datum.GCJ02:
        return _shifted(point.lat, point.lon)
    if datum is Datum.BD09:
        return _gcj_to_baidu(*_shifted(point.lat, point.lon))
    return point.lat, point.lon


def landmark_fault(known: LatLon, given: LatLon, limit_m: float = 50.0) -> str | None:
    """Whether a landmark, converted like the rest of a batch, lies where it is known to; else what it looks like.

    None when it is within `limit_m`.
    """
    frame = LocalFrame(known)
    off_m = frame.to_enu(given).length_m
    if off_m <= limit_m:
        return None
    for datum in (Datum.GCJ02, Datum.BD09):
        if frame.to_enu(to_wgs84(given.lat, given.lon, datum)).length_m <= limit_m:
            return f"the landmark is {off_m:.0f} m off; read as {datum.value} it would be right"
        doubled = LatLon(**dict(zip(("lat", "lon"), from_wgs84(given, datum), strict=True)))
        if frame.to_enu(doubled).length_m <= limit_m:
            return f"the landmark is {off_m:.0f} m off; it looks converted from {datum.value} once too often"
    return f"the landmark is {off_m:.0f} m off, and no known datum explains it"


def _in_china(lat: float, lon: float) -> bool:
    """Outside this box the shift is defined to be none."""
    return 0.8293 <= lat <= 55.8271 and 72.004 <= lon <= 137.8347


def _shifted(lat: float, lon: float) -> tuple[float, float]:
    if not _in_china(lat, lon):
        return lat, lon
    x, y = lon - 105.0, lat - 35.0
    waves = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += (waves + 20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += (waves + 20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    radians = math.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQUARED * math.sin(radians) ** 2
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / magic**1.5
    parallel_m = _SEMI_MAJOR_M / math.sqrt(magic) * math.cos(radians)
    return lat + math.degrees(north / meridian_m), lon + math.degrees(east / parallel_m)


def _inverse_shift(lat: float, lon: float) -> tuple[float, float]:
    """The shift varies slowly, so taking it off at the last guess converges in a few rounds."""
    guess_lat, guess_lon = lat, lon
    for _ in range(10):
        there_lat, there_lon = _shifted(guess_lat, guess_lon)
        step_lat, step_lon = lat - there_lat, lon - there_lon
        guess_lat, guess_lon = guess_lat + step_lat, guess_lon + step_lon
        if abs(step_lat) < 1e-10 and abs(step_lon) < 1e-10:
            break
    return guess_lat, guess_lon


def _gcj_to_baidu(lat: float, lon: float) -> tuple[float, float]:
    radius = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _BAIDU_PI)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BAIDU_PI)
    return radius * math.sin(angle) + 0.006, radius * math.cos(angle) + 0.0065


def _baidu_to_gcj(lat: float, lon: float) -> tuple[float, float]:
    guess_lat, guess_lon = lat - 0.006, lon - 0.0065
    for _ in range(10):
        there_lat, there_lon = _gcj_to_baidu(guess_lat, guess_lon)
        guess_lat, guess_lon = guess_lat + lat - there_lat, guess_lon + lon - there_lon
    return guess_lat, guess_lon
