"""`river.yaml`: what is read from it, and every fault at its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geofence.errors import InvalidInput
from geofence.position import LocalFrame
from geofence.river import River, load_river

GOOD = """\
version: 1
axis:
  - {lat: 30.392, lon: 120.642}
  - {lat: 30.392, lon: 120.542}
  - {lat: 30.392, lon: 120.442}
reference_station: middle
stations:
  - {id: east, name: {zh: 东, en: East}, position: {lat: 30.392, lon: 120.6}, offset_min: -20, offset_sigma_min: 5}
  - {id: middle, name: {zh: 中, en: Mid}, position: {lat: 30.392, lon: 120.542}, offset_min: 0, offset_sigma_min: 0}
  - {id: west, name: {zh: 西, en: West}, position: {lat: 30.392, lon: 120.500}, offset_min: 15, offset_sigma_min: 5}
seawall:
  crest_amsl_m: 8.5
  crest:
    - {lat: 30.402, lon: 120.53}
    - {lat: 30.402, lon: 120.55}
"""


def _load(tmp_path: Path, frame: LocalFrame, text: str) -> River:
    path = tmp_path / "river.yaml"
    path.write_text(text, encoding="utf-8")
    return load_river(path, frame)


def _faults(tmp_path: Path, frame: LocalFrame, text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        _load(tmp_path, frame, text)
    return [str(problem) for problem in caught.value.problems]


def test_chainage_grows_upstream_from_the_sea(tmp_path: Path, frame: LocalFrame) -> None:
    river = _load(tmp_path, frame, GOOD)
    assert river.chainage_m(river.station("east").enu) < river.chainage_m(river.station("west").enu)
    assert (
        river.point_at(river.station("west").chainage_m).distance_m(river.station("west").enu) < 5.0
    )  # a parallel is no straight line
    assert river.reference_station.id == "middle"
    assert river.crest_amsl_m == 8.5


def test_outside_a_bend_of_the_axis_places_stay_apart(river: River) -> None:
    # Yanguan lies outside the axis's bend, where a plain projection gives a kilometre of bank one chainage.
    along = np.arange(-1400.0, 1401.0, 50.0)
    points = river.bank.to_enu_array(np.column_stack([along, np.full(len(along), 20.0)]))
    steps = -np.diff(river.chainage_array(points))
    assert (steps > 45.0).all()
    assert (steps < 55.0).all()


def test_several_faults_are_named_at_once_each_at_its_line(tmp_path: Path, frame: LocalFrame) -> None:
    bad = GOOD.replace("lat: 30.402, lon: 120.55", "lat: 230.4, lon: 120.55").replace("offset_min: 15,", "")
    faults = _faults(tmp_path, frame, bad)
    assert "river.yaml:15 seawall.crest[1]: latitude 230.4 is outside -90..90" in faults
    assert any(fault.startswith("river.yaml:10 stations[2].offset_min: is missing") for fault in faults)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("reference_station: middle", "reference_station: nowhere", "reference_station: 'nowhere' is not among"),
        ("id: west", "id: east", "river.yaml:10 stations[2].id: 'east' is already stations[0]"),
        ("offset_min: 15", "offset_min: -5", "the bore would reach west before middle"),
        ("lon: 120.500", "lon: 120.580", "west is not upstream of middle"),
        ("offset_min: 0,", "offset_min: 3,", "is the reference station's, so it must be 0"),
        ("lat: 30.392, lon: 120.442", "lat: 30.392, lon: 12.442", "river.yaml:5 axis[2]:"),
        ("version: 1", "version: 1\ndepth: 4", "depth: is not a known field here"),
        ("version: 1", "version: 1\nbore: {speed_max_mps: 2}", "must be above speed_min_mps"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_reason(
    tmp_path: Path, frame: LocalFrame, old: str, new: str, fault: str
) -> None:
    assert old in GOOD
    assert any(fault in said for said in _faults(tmp_path, frame, GOOD.replace(old, new)))
