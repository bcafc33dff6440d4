"""`chaoxun watch`: what it tells of a recording and of a live camera, and how it refuses what it cannot use."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import cv2
import pytest

from geofence.errors import InvalidInput
from tests.vision.clips import (
    LiveCamera,
    empty_bank,
    somebody_on_the_foreshore,
    write_camera_file,
    write_folder,
    write_video,
)
from vision.camera_file import load_camera_file
from vision.errors import OutputUnwritable, SourceTruncated, SourceUnreachable
from vision.source import BackOff, Timeouts
from vision.watch import Live, watch

_GUIDE = Path(__file__).parents[2] / "docs" / "watch.md"


class Lines:
    """Collects what is told."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def __call__(self, line: str) -> None:
        self.text.append(line)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [told for told in map(json.loads, self.text) if told["type"] == kind]


def test_a_recording_with_a_camera_file_tells_place_and_second_and_keeps_a_video(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "flat.avi", somebody_on_the_foreshore())
    lines, out = Lines(), tmp_path / "seen"
    summary = watch(
        str(clip), camera_file=write_camera_file(tmp_path / "toy.yaml"), out_dir=out, json=True, emit=lines
    )  # fmt: skip
    (alert,) = lines.of("alert")
    assert alert["kind"] == "zone_entry"
    assert 4.0 < alert["video_s"] < 8.0
    assert alert["position"]["sigma_m"] < 10
    assert (out / alert["evidence"]["snapshot"]).read_bytes().startswith(b"\xff\xd8")
    assert summary.alerts == {"zone_entry": 1}
    assert json.loads(lines.text[-1]) == summary.as_json()
    video = cv2.VideoCapture(str(out / "flat.webm"))
    frames = 0
    while video.grab():
        frames += 1
    assert frames == summary.frames == 60


def test_people_read_lines_without_json(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "flat.avi", somebody_on_the_foreshore())
    lines = Lines()
    watch(str(clip), camera_file=write_camera_file(tmp_path / "toy.yaml"), emit=lines)
    told = [line for line in lines.text if "zone_entry  track" in line]
    assert len(told) == 1
    assert re.match(r"00:0\d\.\d  zone_entry  track \d+  at 30\.\d+, 120\.\d+ ±\d+\.\d m  ", told[0])
    assert lines.text[-1].endswith("1 zone_entry")


def test_without_a_camera_file_people_are_tracks_without_places_and_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = empty_bank(60)
    for index, image in enumerate(images[20:], 20):
        cv2.rectangle(image, (10 * index - 150, 120), (10 * index - 110, 260), 20, -1)
    lines = Lines()
    summary = watch(str(write_folder(tmp_path / "film", images)), json=True, emit=lines)
    assert "no other rule can work" in capsys.readouterr().err
    assert summary.alerts == {}
    assert not summary.calibrated
    longest = max(track["to_s"] - track["from_s"] for track in lines.of("track"))
    assert longest > 4.0


def test_a_recording_cut_off_tells_what_it_has_and_then_that_it_is_cut(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", empty_bank(40)).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    lines = Lines()
    with pytest.raises(SourceTruncated, match="is cut off"):
        watch(str(tmp_path / "cut.avi"), json=True, emit=lines)
    (summary,) = lines.of("summary")
    assert summary["frames"] >= 10
    assert "is cut off" in summary["problem"]


@pytest.mark.realtime
def test_a_live_camera_that_is_lost_is_told_and_watched_again(tmp_path: Path) -> None:
    images, stop = empty_bank(10), threading.Event()
    lines = Lines()
    cameras = [LiveCamera(images).__enter__()]

    def emit(line: str) -> None:
        lines(line)
        told = json.loads(line)
        if told["type"] == "alert":
            cameras.append(LiveCamera(images, port=cameras[0].port).__enter__())
        elif told["type"] == "health" and len(cameras) == 2:
            stop.set()
        elif told["type"] == "health":
            cameras[0].close()

    patience = threading.Timer(60, stop.set)
    patience.start()
    try:
        summary = watch(
            cameras[0].address,
            out_dir=tmp_path,
            json=True,
            emit=emit,
            live=Live(stop, Timeouts(5.0, 1.0), BackOff(0.1, 0.5)),
        )
    finally:
        patience.cancel()
        for camera in cameras:
            camera.close()
    assert [alert["details"]["health"] for alert in lines.of("alert")] == ["lost"]
    assert [told["health"] for told in lines.of("health")] == ["ok", "ok"]
    assert summary.video == tmp_path / "cam.webm"


def test_a_live_address_that_never_answered_is_an_error_at_once() -> None:
    gone = LiveCamera(empty_bank(1))
    gone.close()
    lines = Lines()
    with pytest.raises(SourceUnreachable, match="does not answer"):
        watch(gone.address, json=True, emit=lines)
    assert lines.text == []


def test_the_video_goes_only_where_one_may_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    clip = write_video(tmp_path / "clip.avi", empty_bank(3))
    with pytest.raises(OutputUnwritable, match="cannot write into"):
        watch(str(clip), out_dir=tmp_path / "file" / "seen", emit=Lines())


def test_the_example_of_the_guide_is_a_camera_file_that_works(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", _GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    path = tmp_path / "pier.yaml"
    path.write_text(example[1], encoding="utf-8")
    scene = load_camera_file(path)
    assert [zone.id for zone in scene.watched] == ["flat"]
    assert {1, 3, 4} <= set(scene.codes.ravel().tolist())  # land, water and the flat are all in the picture


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("  pitch_deg: -14", "  pitch_deg: -140", r"toy\.yaml:7 camera\.pitch_deg: .*at least -90"),
        (
            "  height_amsl_m: 18.5",
            "  height_amsl_m: 8.5",
            r"toy\.yaml:5 camera\.height_amsl_m: .*above the promenade",
        ),
        ("    kind: danger", "    kind: dangerous", r"toy\.yaml:14 zones\[0\]\.kind: 'dangerous' is not one of"),
        ("crest: ", "#crest: ", r"nothing says where land is"),
        ("water: 1.5", "water: 9.5", r"heights_amsl_m\.water: must be below the promenade"),
        (", foreshore: 3.0", "", r"zones\[0\]: give height_amsl_m here, or heights_amsl_m\.foreshore"),
        ("  range_m:", "  rang_m:", r"camera\.rang_m: is not a known field"),
    ],
)
def test_a_wrong_camera_file_is_refused_at_its_line(tmp_path: Path, line: str, instead: str, said: str) -> None:
    path = write_camera_file(tmp_path / "toy.yaml")
    text = path.read_text(encoding="utf-8")
    assert line in text
    path.write_text(text.replace(line, instead), encoding="utf-8")
    with pytest.raises(InvalidInput, match=said):
        load_camera_file(path)


def test_a_calibration_of_another_shape_than_the_picture_is_refused(tmp_path: Path) -> None:
    square = [image[:, :360].copy() for image in empty_bank(3)]
    clip = write_video(tmp_path / "square.avi", square)
    with pytest.raises(InvalidInput, match="says 640x360, but the picture is 360x360"):
        watch(str(clip), camera_file=write_camera_file(tmp_path / "toy.yaml"), emit=Lines())
