"""A detector that a site brings: how it is read, refused, asked, bounded, and what its word does to tracks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from geofence.errors import InvalidInput
from geofence.position import Enu
from tests.vision.clips import somebody_on_the_foreshore, write_camera_file, write_video
from tests.vision.tiny_network import BOX, SIDE, write_network
from tests.vision.toy import FORESHORE_M, PROMENADE_M, Thing, Toy, camera
from vision.alert import AlertKind, CameraHealth
from vision.camera import DetectorFile
from vision.camera_file import load_camera_file
from vision.errors import DetectorUnusable
from vision.looks import Looks, LooksConfig, joined, loaded
from vision.onnx_detector import OnnxRecogniser
from vision.picture import Bgr
from vision.pipeline import CameraPipeline
from vision.recognise import HogRecogniser, PersonBox
from vision.watch import watch

Image = NDArray[np.uint8]


def red_thing(size: tuple[int, int] = (SIDE, SIDE), at: tuple[int, int] = (40, 32), scale: float = 1.0) -> Bgr:
    """A red block of the network's box size on gray; `at` is its left upper corner."""
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    right, bottom = at[0] + round(BOX[0] * scale), at[1] + round(BOX[1] * scale)
    picture[at[1] : bottom, at[0] : right] = (0, 0, 255)
    return picture


@pytest.mark.parametrize("style", ["v8", "v5", "end2end", "detr"])
def test_every_known_form_of_output_finds_the_red_thing_where_it_is(tmp_path: Path, style: str) -> None:
    network = OnnxRecogniser(write_network(tmp_path / "n.onnx", style), min_confidence=0.7)
    (found,) = network.search(red_thing(at=(40, 32)))
    assert (found.x, found.y, found.w, found.h) == pytest.approx((40, 32, *BOX), abs=1)
    assert network.search(np.full((SIDE, SIDE, 3), 90, np.uint8)) == []


def test_a_wide_picture_is_letterboxed_and_boxes_come_back_in_its_own_pixels(tmp_path: Path) -> None:
    network = OnnxRecogniser(write_network(tmp_path / "n.onnx"), min_confidence=0.7)
    (found,) = network.search(red_thing((512, 288), at=(160, 48), scale=4.0))
    assert (found.x, found.y) == pytest.approx((160, 48), abs=18)  # half a cell of the network, four times enlarged
    assert found.h == pytest.approx(4 * BOX[1], abs=6)


def test_a_box_too_small_for_the_whole_picture_is_recognised_in_a_crop(tmp_path: Path) -> None:
    network = OnnxRecogniser(write_network(tmp_path / "n.onnx"), min_confidence=0.7)
    picture = red_thing((1280, 720), at=(640, 320))
    assert network.search(picture) == []
    sure, nobody = network.verify(picture, [PersonBox(632, 312, 32, 64, 0), PersonBox(100, 300, 32, 64, 0)])
    assert sure is not None
    assert nobody is not None
    assert sure >= 0.7 > nobody


def test_overlapping_boxes_are_one_person_and_two_apart_are_two(tmp_path: Path) -> None:
    network = OnnxRecogniser(write_network(tmp_path / "n.onnx"), min_confidence=0.7)
    picture = red_thing(at=(16, 32))
    picture[64:112, 88:104] = (0, 0, 255)
    assert len(network.search(picture)) == 2


def test_a_file_that_is_no_detector_is_refused_in_a_sentence(tmp_path: Path) -> None:
    text, odd = tmp_path / "text.onnx", write_network(tmp_path / "odd.onnx", "odd")
    text.write_bytes(b"no network")
    for path, said in (
        (tmp_path / "gone.onnx", "does not exist"),
        (text, "is no ONNX network"),
        (odd, r"puts out \[1, \d+\], which is none of the known forms"),
    ):
        with pytest.raises(DetectorUnusable, match=said):
            OnnxRecogniser(path)


def test_a_class_the_network_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorUnusable, match="knows 1 classes, so person_class 7"):
        loaded(DetectorFile(model=write_network(tmp_path / "n.onnx"), person_class=7))


def test_without_onnxruntime_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(DetectorUnusable, match=r"pip install 'chaoxun\[onnx\]'"):
        OnnxRecogniser(write_network(tmp_path / "n.onnx"))


def _with_detector(path: Path, model: str) -> Path:
    write_camera_file(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("heights_amsl_m", f"  detector: {{model: {model}}}\nheights_amsl_m"), encoding="utf-8"
    )
    return path


def test_a_camera_files_detector_stands_beside_it_and_is_checked_at_its_line(tmp_path: Path) -> None:
    write_network(tmp_path / "n.onnx")
    scene = load_camera_file(_with_detector(tmp_path / "toy.yaml", "n.onnx"))
    assert scene.projection.camera.detector is not None
    assert scene.projection.camera.detector.model == tmp_path / "n.onnx"
    with pytest.raises(InvalidInput, match=r"toy\.yaml:\d+ camera\.detector: .*gone\.onnx does not exist"):
        load_camera_file(_with_detector(tmp_path / "toy.yaml", "gone.onnx"))


def test_watching_with_a_detector_runs_it_and_still_tells_the_entry(tmp_path: Path) -> None:
    write_network(tmp_path / "n.onnx")
    clip = write_video(tmp_path / "flat.avi", somebody_on_the_foreshore())
    summary = watch(str(clip), camera_file=_with_detector(tmp_path / "toy.yaml", "n.onnx"), emit=lambda _line: None)
    assert summary.alerts == {"zone_entry": 1}  # told before the detector had looked often enough to say no


# --- what looks do


class Oracle:
    """Answers as told; counts the questions."""

    name = "oracle"

    def __init__(self, people: Sequence[PersonBox] = (), *, sure: float = 0.0, broken: bool = False) -> None:
        self.people, self.sure, self.broken = list(people), sure, broken
        self.searched = self.verified = 0

    def search(self, bgr: Bgr) -> list[PersonBox]:
        self.searched += 1
        if self.broken:
            raise RuntimeError("it broke")
        return self.people

    def verify(self, bgr: Bgr, boxes: Sequence[PersonBox]) -> list[float | None]:
        self.verified += len(boxes)
        return [self.sure] * len(boxes)


def toy_with(oracle: Oracle, stopwatch: list[float] | None = None, every_s: float = 1.0) -> Toy:
    toy = Toy()
    ticks = iter(stopwatch or [])
    watch_of = (lambda: next(ticks, 0.0)) if stopwatch else (lambda: 0.0)
    looks = Looks(oracle, LooksConfig(every_s=every_s, least_px=8.0), stopwatch=watch_of)
    toy.pipeline = CameraPipeline(camera(), toy.scene, seed=1, looks=looks)
    return toy


def test_it_is_asked_once_a_second_whatever_the_frame_rate() -> None:
    oracle = Oracle()
    toy = toy_with(oracle)
    toy.learn(seconds=14)
    assert 9 <= oracle.searched <= 12


@pytest.mark.parametrize(("sure", "told"), [(0.9, [AlertKind.ZONE_ENTRY]), (0.0, [])])
def test_what_turns_up_on_the_flat_enters_no_zone_when_looked_at_often_and_never_recognised(
    sure: float, told: list[AlertKind]
) -> None:
    oracle = Oracle(sure=sure)
    toy = toy_with(oracle, every_s=0.5)
    toy.learn()
    for step in range(50):
        toy.show(Thing(62 + 0.1 * step, -8, FORESHORE_M, tall_m=1.8))
    assert oracle.verified >= 4
    assert toy.kinds() == told


def test_a_detector_that_raises_leaves_the_camera_working_and_says_so() -> None:
    oracle = Oracle(broken=True)
    toy = toy_with(oracle)
    toy.learn()
    for step in range(50):
        toy.show(Thing(70 + 0.1 * step, -20, FORESHORE_M))
    assert toy.kinds() == [AlertKind.ZONE_ENTRY]
    assert toy.reports[-1].health is CameraHealth.OK
    assert toy.reports[-1].health_reason == "the detector oracle fails: it broke"
    assert oracle.searched == 3  # then it is left alone for a minute


def test_a_slow_detector_is_asked_less_often_and_that_is_told() -> None:
    times = [value for look in range(50) for value in (look * 10.0, look * 10.0 + 2.0)]
    oracle = Oracle()
    toy = toy_with(oracle, times)
    toy.learn(seconds=16)
    assert 2 <= oracle.searched <= 3
    assert "takes 2.0 s a look and is asked every 6 s only" in toy.reports[-1].health_reason


def test_a_detector_that_cannot_be_loaded_is_told_and_the_camera_works(tmp_path: Path) -> None:
    toy = Toy()
    lost = camera().model_copy(update={"detector": DetectorFile(model=tmp_path / "gone.onnx")})
    toy.pipeline = CameraPipeline(lost, toy.scene, seed=1)
    toy.learn()
    for step in range(50):
        toy.show(Thing(70 + 0.1 * step, -20, FORESHORE_M))
    assert toy.kinds() == [AlertKind.ZONE_ENTRY]
    assert "gone.onnx does not exist" in toy.reports[-1].health_reason


def test_who_stood_there_from_the_first_picture_is_found_by_the_detector() -> None:
    """Motion alone cannot see who never moves; a network can, and he becomes a track."""
    toy = Toy()
    foot = toy.projection.pixel(Enu(30, 4), PROMENADE_M)
    head = toy.projection.pixel(Enu(30, 4), PROMENADE_M + 1.7)
    tall = foot[1] - head[1]
    oracle = Oracle([PersonBox(foot[0] - tall / 6, head[1], tall / 3, tall, 0.9)])
    toy = toy_with(oracle)
    toy.learn(Thing(30, 4, PROMENADE_M), seconds=12)
    assert [track.recognised > 0 for track in toy.pipeline.tracks if track.confirmed] == [True]


def test_pieces_of_somebody_recognised_are_his() -> None:
    toy = Toy()
    detector = toy.pipeline.detector
    foot = toy.projection.pixel(Enu(40, 4), PROMENADE_M)
    tall = foot[1] - toy.projection.pixel(Enu(40, 4), PROMENADE_M + 1.7)[1]
    whole = (foot[0] - tall / 6, foot[1] - tall, tall / 3, tall)
    legs = (foot[0] - tall / 6, foot[1] - 0.45 * tall, tall / 3, 0.45 * tall)
    seen = detector.of_boxes([whole])
    assert joined(detector.of_boxes([legs]), seen) == seen


# --- HOG


def test_hog_says_no_to_an_even_block_and_cannot_tell_of_small_ones() -> None:
    block = np.full((240, 320, 3), 120, np.uint8)
    cv2.rectangle(block, (60, 60), (220, 140), (20, 20, 20), -1)
    sure, small = HogRecogniser().verify(block, [PersonBox(60, 60, 160, 80, 0), PersonBox(10, 10, 10, 30, 0)])
    assert sure is not None
    assert sure < 0.3
    assert small is None
    assert HogRecogniser().search(block) == []
