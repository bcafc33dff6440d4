"""A calibration put into site.yaml: however the block is written, only its numbers change."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from flightctl.cli.running import shipped_site
from flightctl.site_edit import SiteNotChanged, with_calibration, write_calibration
from geofence.position import LatLon
from vision.camera import Camera, Lens

NEW = Camera(
    id="cam-1", name={"en": "c"}, stream="x", position=LatLon(lat=30.5, lon=120.5), height_amsl_m=17.25, yaw_deg=12.5,
    pitch_deg=-9.5, roll_deg=0.75, lens=Lens(width_px=640, height_px=360, hfov_deg=51.5, k1=-0.12),
)  # fmt: skip
FLOW = """cameras: # all
  - {id: cam-0, position: {lat: 1.0, lon: 2.0}, yaw_deg: 3}
  - {id: cam-1, position: {lat: 30.1, lon: 120.1}, height_amsl_m: 18, yaw_deg: 1, pitch_deg: -2,
     lens: {width_px: 640, height_px: 360, hfov_deg: 46}}  # west
"""
BLOCK = """cameras:
- id: cam-1
  position:
    lat: 30.1  # by the map
    lon: 120.1
  height_amsl_m: 18
  yaw_deg: 1
  pitch_deg: -2 # a guess
  lens:
    width_px: 640
    height_px: 360
    hfov_deg: 46   # by the data sheet

# after
- id: cam-2
  roll_deg: 5
"""
SHARED = """cameras:
- {id: cam-1, position: {lat: 1.0, lon: 2.0}, height_amsl_m: 1, yaw_deg: 1, pitch_deg: 1, lens: &l {hfov_deg: 46}}
- {id: cam-2, lens: *l}
"""
WANTED = {
    "id": "cam-1",
    "position": {"lat": 30.5, "lon": 120.5},
    "height_amsl_m": 17.25,
    "yaw_deg": 12.5,
    "pitch_deg": -9.5,
    "roll_deg": 0.75,
    "lens": {"width_px": 640, "height_px": 360, "hfov_deg": 51.5, "k1": -0.12},
}


@pytest.mark.parametrize("text", [FLOW, BLOCK, BLOCK.replace("\n", "\r\n")], ids=["flow", "block", "crlf"])
def test_numbers_change_and_comments_stay(text: str) -> None:
    changed = with_calibration(text, NEW, Path("site.yaml"))
    before, after = yaml.safe_load(text)["cameras"], yaml.safe_load(changed)["cameras"]
    assert [one for one in after if one["id"] == "cam-1"] == [WANTED]
    assert [one for one in after if one["id"] != "cam-1"] == [one for one in before if one["id"] != "cam-1"]
    for comment in (word.split("\n")[0].strip() for word in text.split("#")[1:]):
        assert f"# {comment}" in changed.replace("\r", "")
    assert (changed.count("\r\n") == changed.count("\n")) == ("\r\n" in text)
    assert with_calibration(changed, NEW, Path("site.yaml")) == changed


def test_a_value_that_is_zero_and_not_there_is_not_put_in() -> None:
    plain = NEW.model_copy(update={"roll_deg": 0.0, "lens": NEW.lens.model_copy(update={"k1": 0.0})})
    changed = with_calibration(BLOCK, plain, Path("site.yaml"))
    assert "k1" not in changed
    assert changed.count("roll_deg") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FLOW.replace("cam-1", "cam-9"), "no camera 'cam-1'"),
        ("cameras: []\n", "no camera"),
        (SHARED, "cannot be changed by"),
        (FLOW.replace("{width_px: 640, height_px: 360, hfov_deg: 46}", "none"), "paste the printed block"),
    ],
    ids=["absent", "empty", "shared", "odd"],
)  # fmt: skip
def test_what_cannot_be_changed_safely_is_left_alone(text: str, said: str) -> None:
    with pytest.raises(SiteNotChanged, match=said):
        with_calibration(text, NEW, Path("site.yaml"))


def test_the_file_is_replaced_in_one_step_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes((shipped_site() / "site.yaml").read_bytes())
    write_calibration(path, NEW)
    assert yaml.safe_load(path.read_text("utf-8"))["cameras"][0]["yaw_deg"] == 12.5
    assert [file.name for file in tmp_path.iterdir()] == ["site.yaml"]
    with pytest.raises(SiteNotChanged, match="cannot be read"):
        write_calibration(tmp_path / "none.yaml", NEW)
