"""Datums: known shifts at Yanguan, exact inverses, and landmarks that give a mix-up away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.datum import Datum, from_wgs84, landmark_fault, to_wgs84
from geofence.position import LatLon, LocalFrame

PAGODA = LatLon(lat=30.402, lon=120.542)


def test_at_yanguan_gcj02_lies_half_a_kilometre_to_the_south_east() -> None:
    lat, lon = from_wgs84(PAGODA, Datum.GCJ02)
    off = LocalFrame(PAGODA).to_enu(LatLon(lat=lat, lon=lon))
    assert off.east_m == pytest.approx(402, abs=5)  # RIVER.md §4
    assert off.north_m == pytest.approx(-283, abs=5)


def test_bd09_lies_about_a_kilometre_off() -> None:
    lat, lon = from_wgs84(PAGODA, Datum.BD09)
    assert 1000 < LocalFrame(PAGODA).to_enu(LatLon(lat=lat, lon=lon)).length_m < 1300


@given(st.floats(18, 53), st.floats(74, 134), st.sampled_from(list(Datum)))
def test_there_and_back_is_within_a_decimetre(lat: float, lon: float, datum: Datum) -> None:
    point = LatLon(lat=lat, lon=lon)
    back = to_wgs84(*from_wgs84(point, datum), datum)
    assert LocalFrame(point).to_enu(back).length_m < 0.1


def test_cgcs2000_is_taken_as_it_is() -> None:
    assert to_wgs84(30.402, 120.542, Datum.CGCS2000) == PAGODA


def test_outside_china_gcj02_is_no_shift() -> None:
    assert from_wgs84(LatLon(lat=48.0, lon=2.0), Datum.GCJ02) == (48.0, 2.0)


def test_a_landmark_in_place_has_no_fault_and_a_shifted_one_names_its_datum() -> None:
    gcj_lat, gcj_lon = from_wgs84(PAGODA, Datum.GCJ02)
    baidu_lat, baidu_lon = from_wgs84(PAGODA, Datum.BD09)
    assert landmark_fault(PAGODA, LatLon(lat=30.4021, lon=120.5421)) is None
    assert "read as gcj02" in str(landmark_fault(PAGODA, LatLon(lat=gcj_lat, lon=gcj_lon)))
    assert "read as bd09" in str(landmark_fault(PAGODA, LatLon(lat=baidu_lat, lon=baidu_lon)))
    twice = to_wgs84(PAGODA.lat, PAGODA.lon, Datum.GCJ02)
    assert "once too often" in str(landmark_fault(PAGODA, twice))
    assert "no known datum" in str(landmark_fault(PAGODA, LatLon(lat=30.5, lon=120.5)))
