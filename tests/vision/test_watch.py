"""`watch`: vision alone on a recording, with and without a calibrated camera."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from geofence.errors import InvalidInput
from tests.vision.toy import FORESHORE_M, FRAME, PROMENADE_M, WATER_M, Thing, Toy, camera
from vision.errors import SourceMissing
from vision.watch import watch
from vision.watchfile import load_watch_file


def camera_file(path: Path, *, yaw: float = 97.0) -> Path:
    cam = camera()
    lines = [
        "camera:",
        "  id: toy",
        "  name: {en: toy}",
        f"  position: {{lat: {cam.position.lat}, lon: {cam.position.lon}}}",
        "  height_amsl_m: 18.5",
        f"  yaw_deg: {yaw}",
        "  pitch_deg: -14",
        "  lens: {width_px: 640, height_px: 360, hfov_deg: 64}",
        f"heights_amsl_m: {{promenade: {PROMENADE_M}, foreshore: {FORESHORE_M}, water: {WATER_M}}}",
        "bank:",
        *(f"  - {{lat: {p.lat}, lon: {p.lon}}}" for p in places((-400, 0), (400, 0))),
        "zones:",
        "  - id: flat",
        "    kind: danger",
        "    surface: foreshore",
        "    ring:",
        *(f"      - {{lat: {p.lat}, lon: {p.lon}}}" for p in places((60, 0), (110, 0), (110, -45), (60, -45))),
    ]
    path.write_text("\n".join(lines))
    return path


def places(*points: tuple[float, float]):  # type: ignore[no-untyped-def]
    from geofence.position import Enu

    return [FRAME.to_wgs84(Enu(east, north)) for east, north in points]


def recording(folder: Path) -> Path:
    folder.mkdir()
    toy = Toy()
    for index in range(60):
        things = [] if index < 20 else [Thing(70 + 0.1 * index, -20, FORESHORE_M)]
        cv2.imwrite(str(folder / f"{index:04d}.jpg"), toy.picture(things))
    return folder


def test_a_calibrated_camera_tells_zone_entry_and_draws_a_video(tmp_path: Path) -> None:
    lines: list[str] = []
    out = tmp_path / "out"
    summary = watch(
        str(recording(tmp_path / "pictures")), camera_file(tmp_path / "camera.yaml"), out, emit=lines.append
    )
    told = [json.loads(line) for line in lines]
    alerts = [line for line in told if line["type"] == "alert"]
    assert [alert["kind"] for alert in alerts] == ["zone_entry"]
    assert alerts[0]["details"]["zone_id"] == "flat"
    assert alerts[0]["position"]["lat"] == pytest.approx(30.4, abs=0.01)
    assert (out / alerts[0]["evidence"]["snapshot"]).stat().st_size > 1000
    assert summary.alerts == {"zone_entry": 1}
    assert summary.video is not None
    drawn = cv2.VideoCapture(str(summary.video))
    assert sum(1 for _ in iter(drawn.grab, False)) == 60


def test_without_calibration_people_are_tracked_and_no_place_is_claimed(tmp_path: Path) -> None:
    lines: list[str] = []
    summary = watch(str(recording(tmp_path / "pictures")), emit=lines.append)
    assert summary.frames == 60
    assert all(json.loads(line)["type"] == "track" for line in lines)


def test_a_wrong_camera_file_names_every_fault_with_its_line(tmp_path: Path) -> None:
    path = camera_file(tmp_path / "camera.yaml", yaw=400.0)
    path.write_text(path.read_text() + "\ncolour: red\n")
    with pytest.raises(InvalidInput) as told:
        load_watch_file(path)
    text = str(told.value)
    assert "camera.yaml:6 camera.yaw_deg" in text
    assert "colour" in text


def test_a_source_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        watch(str(tmp_path / "nothing.mp4"), emit=print)
