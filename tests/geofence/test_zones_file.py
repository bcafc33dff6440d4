"""Zones: what the file may say, which zone a point is in, and when a zone's window is open."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geofence.bore import BoreForecast
from geofence.errors import InvalidInput
from geofence.position import LocalFrame
from geofence.river import River
from geofence.windows import Conditions
from geofence.zones import ZoneKind, ZoneSet, load_zones

SPRING_BORE = datetime(2026, 9, 28, 4, 31, tzinfo=UTC)
SQUARE = [[120.540, 30.400], [120.542, 30.400], [120.542, 30.401], [120.540, 30.401], [120.540, 30.400]]


def _feature(**properties: Any) -> dict[str, Any]:
    base = {"id": "a", "kind": "danger", "name": {"zh": "甲", "en": "A"}, "surface": "water"}
    return {
        "type": "Feature",
        "properties": base | properties,
        "geometry": {"type": "Polygon", "coordinates": [copy.deepcopy(SQUARE)]},
    }


def _load(tmp_path: Path, frame: LocalFrame, *features: dict[str, Any]) -> ZoneSet:
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, indent=1), encoding="utf-8")
    return load_zones(path, frame)


def _faults(tmp_path: Path, frame: LocalFrame, *features: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        _load(tmp_path, frame, *features)
    assert all(problem.line is not None for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_the_shipped_zones_say_where_people_walk_stand_and_drown(zones: ZoneSet, river: River) -> None:
    def ids(along: float, offset: float, *kinds: ZoneKind) -> list[str]:
        return [zone.id for zone in zones.containing(river.bank.to_enu(along, offset), kinds=kinds or None)]

    assert ids(50, -6) == ["promenade", "operations"]
    assert ids(-300, 20, ZoneKind.DANGER) == ["foreshore-west"]
    assert ids(330, 40, ZoneKind.DANGER) == ["groyne-330"]
    assert ids(100, 30, ZoneKind.DANGER, ZoneKind.DROP_SAFE) == ["river-mid", "drop-safe"]
    assert ids(0, 5000) == []
    assert {ground.amsl_m for ground in zones.grounds()} == {3.0, 5.0}
    assert zones.keep_in() is not None


def test_many_points_are_asked_at_once(zones: ZoneSet, river: River) -> None:
    points = river.bank.to_enu_array(np.array([[100.0, 30.0], [100.0, -6.0]]))
    assert zones.contains(points, ZoneKind.DROP_SAFE).tolist() == [True, False]
    assert zones.contains(points, ZoneKind.PROMENADE).tolist() == [False, True]


def test_every_kind_of_fault_is_told_at_once_in_the_order_of_the_file(tmp_path: Path, frame: LocalFrame) -> None:
    unknown = _feature(id="u", kind="dangerous")
    crossed = _feature(id="b")
    ring = crossed["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]
    unclosed = _feature(id="c")
    unclosed["geometry"]["coordinates"][0].pop()
    swapped = _feature(id="d")
    swapped["geometry"]["coordinates"][0][2] = [30.401, 120.542]
    too_far = _feature(id="e")
    too_far["geometry"]["coordinates"][0][2] = [120.542, 230.4]
    twice = _feature(id="b")
    unnamed = _feature(id="f")
    del unnamed["properties"]["name"]

    faults = _faults(tmp_path, frame, unknown, crossed, unclosed, swapped, too_far, twice, unnamed)
    expected = [
        ("features[0].properties.kind", "'dangerous' is not one of 'danger', 'promenade'"),
        ("features[1].geometry.coordinates[0]", "not a simple outline: self-intersection at 120.541000, 30.400500"),
        ("features[2].geometry.coordinates[0]", "the ring is open"),
        ("features[3].geometry.coordinates[0][2]", "latitude and longitude look swapped"),
        ("features[4].geometry.coordinates[0][2]", "latitude 230.4 is outside -90..90"),
        ("features[5].properties.id", "'b' is already features[1]"),
        ("features[6].properties.name", "is missing"),
    ]
    assert len(faults) == len(expected)
    for fault, (place, reason) in zip(faults, expected, strict=True):
        assert fault.startswith("zones.geojson:")
        assert f" {place}: " in fault
        assert reason in fault


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"window": {"type": "bore_relative", "from_min": 10, "to_min": -60}}, "before it begins"),
        ({"window": {"type": "sometimes"}}, "sometimes"),
        ({"surface": "lava"}, "'lava' is not one of"),
        ({"max_height_amsl_m": -3}, "must be above 0"),
        ({"colour": "red"}, "is not a known field here"),
        ({"id": "Not An Id"}, "pattern"),
    ],
)
def test_a_fault_in_the_properties_is_told(
    tmp_path: Path, frame: LocalFrame, change: dict[str, Any], reason: str
) -> None:
    assert any(reason in fault for fault in _faults(tmp_path, frame, _feature(**change)))


@pytest.mark.parametrize(
    ("coordinates", "reason"),
    [
        ([], "at least 1"),
        ([SQUARE, SQUARE], "at most 1"),
        ([SQUARE[:3]], "at least 4 positions"),
        ([[[120.54, "30.4"], *SQUARE[1:]]], "a position is [longitude, latitude]"),
        ([[SQUARE[0], SQUARE[0], *SQUARE[1:]]], "twice in a row"),
        ([[[120.54, 31.9], *SQUARE[1:]]], "km from the site's origin"),
        ("nothing", "found 'nothing'"),
    ],
)
def test_a_fault_in_the_outline_is_told(tmp_path: Path, frame: LocalFrame, coordinates: Any, reason: str) -> None:
    feature = _feature()
    feature["geometry"]["coordinates"] = coordinates
    assert any(reason in fault for fault in _faults(tmp_path, frame, feature))


@pytest.mark.parametrize("content", ["[]", "7", "", '{"type": "FeatureCollection"}', '{"features": [null, 3]}'])
def test_a_file_that_is_no_feature_collection_is_refused(tmp_path: Path, frame: LocalFrame, content: str) -> None:
    path = tmp_path / "zones.geojson"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput):
        load_zones(path, frame)


def test_a_window_around_the_bore_opens_before_and_closes_after_widened_by_sigma(
    tmp_path: Path, frame: LocalFrame, forecast: BoreForecast
) -> None:
    window = {"type": "bore_relative", "from_min": -30, "to_min": 60}
    zones = _load(tmp_path, frame, _feature(window=window))
    zone = zones.zones[0]
    arrival = forecast.next_passage(zone.centre, SPRING_BORE)

    def active(minutes: float) -> bool:
        return zones.active(zone, Conditions(arrival.at + timedelta(minutes=minutes), forecast))

    assert [active(m) for m in (-60, -51, -1, 70, 81, 90)] == [False, True, True, True, True, False]
    assert zones.active(zone, Conditions(SPRING_BORE))  # no forecast is no all-clear


def test_an_always_zone_is_always_active(zones: ZoneSet, forecast: BoreForecast) -> None:
    assert zones.active(zones.zone("foreshore-west"), Conditions(SPRING_BORE + timedelta(hours=6), forecast))


def test_a_closure_names_its_order_and_bars_drones_while_it_is_in_force(tmp_path: Path, frame: LocalFrame) -> None:
    window = {"type": "period", "begins_at": "2026-09-28T00:00:00+08:00", "ends_at": "2026-09-29T00:00:00+08:00"}
    assert "number of the order" in _faults(tmp_path, frame, _feature(kind="closure", window=window))[0]
    zones = _load(tmp_path, frame, _feature(kind="closure", window=window, approval="嘉空管〔2026〕17号"))
    assert len(zones.keep_outs(Conditions(SPRING_BORE))) == 1
    assert zones.keep_outs(Conditions(SPRING_BORE + timedelta(days=2))) == ()
    assert len(zones.keep_outs()) == 1


def test_an_altitude_limit_needs_its_height(tmp_path: Path, frame: LocalFrame) -> None:
    assert "max_height_amsl_m" in _faults(tmp_path, frame, _feature(kind="altitude_limit"))[0]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"type": "clock", "from_time": "08:00", "to_time": "08:00"}, "same time"),
        ({"type": "clock", "from_time": "08:00", "to_time": "09:00", "timezone": "Moon/Base"}, "no time zone"),
        ({"type": "clock", "from_time": "08:00+08:00", "to_time": "09:00"}, "no zone of their own"),
        ({"type": "clock", "from_time": "08:00", "to_time": "09:00", "days": []}, "no day is named"),
        ({"type": "water_level"}, "over_amsl_m, under_amsl_m or both"),
        (
            {"type": "period", "begins_at": "2026-09-28T01:00:00Z", "ends_at": "2026-09-28T00:00:00Z"},
            "before it begins",
        ),
        ({"type": "period", "begins_at": "2026-09-28T01:00:00", "ends_at": "2026-09-28T02:00:00"}, "timezone"),
        ({"type": "tide"}, "clock"),
    ],
)
def test_a_window_that_means_nothing_is_refused(
    tmp_path: Path, frame: LocalFrame, window: dict[str, Any], said: str
) -> None:
    assert said in "\n".join(_faults(tmp_path, frame, _feature(window=window)))
