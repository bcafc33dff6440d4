"""`chaoxun camera`: points in, residuals and a calibration out; a bad one is refused and changes no file."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from flightctl.cli.running import shipped_site
from flightctl.site_loading import Site, load_site
from geofence.datum import Datum, from_wgs84
from geofence.position import Enu
from tests.flightctl.cli.test_cli import chaoxun
from vision.calibration import Projection
from vision.camera import Camera

NEAR_AND_FAR = [(u, v) for v in (110, 170, 240, 320) for u in (60, 250, 420, 590)]


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(shipped_site())


def cam(site: Site, camera_id: str = "cam-3") -> Camera:
    return next(one for one in site.file.cameras if one.id == camera_id)


def points_file(
    path: Path, site: Site, camera: Camera, *, scale: float = 1.0, wrong_px: float = 0.0, datum: Datum | None = None
) -> Path:
    """Places that `camera` sees, each under its true pixel; one of them marked wrong."""
    rng = np.random.default_rng(4)
    projection = Projection(camera, site.frame)
    rows = ["name,u_px,v_px,lat,lon,height_amsl_m" + ("" if datum is None else ",datum")]
    for index, (u, v) in enumerate(NEAR_AND_FAR):
        height = (8.5, 3.0, 1.5)[index % 3]
        east, north = projection.ground(np.array([[u, v]]), height).enu[0]
        place = site.frame.to_wgs84(Enu(float(east), float(north)))
        lat, lon = (place.lat, place.lon) if datum is None else from_wgs84(place, datum)
        du, dv = rng.normal(0, 0.3, 2) + ((wrong_px, 0) if index == 5 else (0, 0))
        tail = "" if datum is None else f",{datum}"
        rows.append(f"p{index},{(u + du) * scale:.2f},{(v + dv) * scale:.2f},{lat:.8f},{lon:.8f},{height}{tail}")
    path.write_text("\n".join(rows), "utf-8")
    return path


@pytest.fixture
def own_site(tmp_path: Path) -> Path:
    """A copy of the shipped site in which cam-3 looks somewhere else than it does."""
    folder = tmp_path / "site"
    folder.mkdir()
    for file in shipped_site().iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    text = (folder / "site.yaml").read_text("utf-8")
    off = text.replace(
        "    yaw_deg: 95.9\n    pitch_deg: -13\n", "    yaw_deg: 90  # by compass\n    pitch_deg: -10\n", 1
    )
    assert off != text
    (folder / "site.yaml").write_text(off, "utf-8")
    return folder


def test_a_good_calibration_is_told_point_by_point_and_written_with_the_comments_kept(
    tmp_path: Path, site: Site, own_site: Path
) -> None:
    before = (own_site / "site.yaml").read_text("utf-8")
    points = points_file(tmp_path / "p.csv", site, cam(site))
    told = chaoxun("camera", "calibrate", points, "--site", own_site, "--camera", "cam-3", "--write")
    assert told.exit_code == 0, told.stderr
    for word in ("16 points", "px RMS", "p15", "yaw_deg", "90.0000", "lens.hfov_deg", "A place 100 m away: ±"):
        assert word in told.stdout, word
    after = (own_site / "site.yaml").read_text("utf-8")
    assert [line for line in after.splitlines() if "#" in line and "by compass" not in line] == [
        line for line in before.splitlines() if "#" in line and "by compass" not in line
    ]
    assert "# by compass" in after
    new, true = load_site(own_site), cam(site)
    got = cam(new)
    assert got.yaw_deg == pytest.approx(true.yaw_deg, abs=0.2)
    assert got.pitch_deg == pytest.approx(true.pitch_deg, abs=0.2)
    assert got.lens.hfov_deg == pytest.approx(true.lens.hfov_deg, abs=0.7)
    assert cam(new, "cam-4") == cam(site, "cam-4")


def test_a_refused_calibration_names_its_wrong_point_and_changes_no_file(
    tmp_path: Path, site: Site, own_site: Path
) -> None:
    before = (own_site / "site.yaml").read_bytes()
    points = points_file(tmp_path / "p.csv", site, cam(site), wrong_px=45)
    answer = chaoxun("camera", "calibrate", points, "--site", own_site, "--camera", "cam-3", "--write")
    assert answer.exit_code == 1
    assert "point p5 is 4" in answer.stderr
    assert "p5" in answer.stdout  # its residuals are shown all the same
    assert (own_site / "site.yaml").read_bytes() == before
    as_json = chaoxun("camera", "calibrate", points, "--site", own_site, "--camera", "cam-3", "--json")
    assert as_json.exit_code == 1
    told = json.loads(as_json.stdout)
    assert (told["accepted"], told["written"]) == (False, False)
    assert [p["name"] for p in told["points"] if not p["agrees"]] == ["p5"]


def test_points_of_a_chinese_map_are_converted(tmp_path: Path, site: Site) -> None:
    points = points_file(tmp_path / "p.csv", site, cam(site), datum=Datum.GCJ02)
    told = chaoxun("camera", "calibrate", points, "--site", shipped_site(), "--camera", "cam-3", "--json")
    assert told.exit_code == 0, told.stdout
    east = next(v for v in json.loads(told.stdout)["values"] if v["name"] == "east_m")
    assert abs(east["after"] - east["before"]) < 3


def test_points_marked_in_a_larger_still_are_scaled_and_drawn_over_it(tmp_path: Path, site: Site) -> None:
    still = tmp_path / "still.jpg"
    cv2.imwrite(str(still), np.full((1080, 1920, 3), 90, np.uint8))
    points = points_file(tmp_path / "p.csv", site, cam(site), scale=3.0)
    out = tmp_path / "seen.png"
    options = ("--site", shipped_site(), "--camera", "cam-3", "--image", still, "--plot", out, "--json")
    told = chaoxun("camera", "calibrate", points, *options)
    assert told.exit_code == 0, told.stderr
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape == (1080, 1920, 3)
    assert (np.abs(picture.astype(int) - 90).max(axis=2) > 40).mean() > 0.01
    cv2.imwrite(str(still), np.full((1080, 1080, 3), 90, np.uint8))
    answer = chaoxun("camera", "calibrate", points, *options)
    assert (answer.exit_code, "their shapes differ" in answer.stdout) == (1, True)


def test_a_camera_without_a_site_is_calibrated_and_its_block_printed(tmp_path: Path, site: Site) -> None:
    true = cam(site)
    points = points_file(tmp_path / "p.csv", site, true)
    place = f"{true.position.lat + 3e-5},{true.position.lon},{true.height_amsl_m}"
    told = chaoxun("camera", "calibrate", points, "--size", "640x360", "--at", place)
    assert told.exit_code == 0, told.stderr
    assert "yaw_deg: 9" in told.stdout
    assert "lens: {width_px: 640, height_px: 360, hfov_deg: " in told.stdout
    kept = chaoxun(
        "camera", "calibrate", points, "--size", "640x360", "--at", place, "--fix-focal", "--hfov", 50, "--json"
    )
    assert json.loads(kept.stdout)["camera"]["lens"]["hfov_deg"] == pytest.approx(50)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--site and --camera, or its picture"),
        (("--size", "big", "--at", "1,2,3"), "cannot be read; write them like"),
        (("--site", shipped_site()), "name the camera with --camera"),
        (("--site", shipped_site(), "--camera", "cam-99"), "there are: cam-1"),
        (("--size", "640x360", "--at", "30.4,120.5,18", "--write"), "--write changes a site"),
    ],
)
def test_what_is_asked_wrongly_is_said(tmp_path: Path, site: Site, options: tuple[object, ...], said: str) -> None:
    points = points_file(tmp_path / "p.csv", site, cam(site))
    answer = chaoxun("camera", "calibrate", points, *options)
    assert answer.exit_code == 1
    assert said in answer.stderr


def test_a_look_at_a_calibration_draws_zones_and_grid(tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), np.full((360, 640, 3), 60, np.uint8))
    out = tmp_path / "out.png"
    done = chaoxun("camera", "check", "--site", shipped_site(), "--camera", "cam-1", "--image", still, "--out", out)
    assert done.exit_code == 0, done.stderr
    picture = cv2.imread(str(out))
    assert picture is not None
    orange = (picture[:, :, 2] > 200) & (picture[:, :, 0] < 100)  # zones
    assert orange.sum() > 200
    bad = chaoxun("camera", "check", "--site", shipped_site(), "--camera", "cam-1", "--image", tmp_path / "none.png")
    assert (bad.exit_code, "cannot be read" in bad.stderr) == (1, True)
