"""What cameras and disks really deliver: half files, uneven and reversed time, sizes that change."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from tests.vision.clips import Image, empty_bank, somebody_on_the_foreshore, write_video
from tests.vision.toy import BEGIN, FRAME, GEOMETRY, Thing, Toy, camera
from vision.alert import AlertKind, CameraHealth, FrameReport
from vision.calibration import Projection
from vision.errors import SourceError, SourceTruncated
from vision.evidence_keeper import EvidenceKeeper
from vision.evidence_recorder import EvidenceRecorder
from vision.picture import Picture
from vision.pipeline import CameraPipeline
from vision.scene import SceneModel
from vision.source import VideoFile

_SEGMENT, _CLUSTER, _SIMPLE_BLOCK = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\xa3"


def with_times(path: Path, time_ms: Callable[[int], int]) -> Path:
    """The WebM's pictures at other times, counted from their cluster's: a recorder that wrote them unevenly."""
    data = bytearray(path.read_bytes())
    count = 0

    def length(at: int) -> tuple[int, int]:
        first = data[at]
        width = 9 - first.bit_length()
        value = first & ((1 << (8 - width)) - 1)
        for byte in data[at + 1 : at + width]:
            value = value << 8 | byte
        unknown = value == (1 << (7 * width)) - 1
        return (len(data) if unknown else at + width + value), at + width

    def walk(at: int, end: int) -> None:
        nonlocal count
        while at < end - 1:
            name = bytes(data[at : at + 9 - data[at].bit_length()])
            stop, inside = length(at + len(name))
            stop = min(stop, end)
            if name in {_SEGMENT, _CLUSTER}:
                walk(inside, stop)
            elif name == _SIMPLE_BLOCK:
                data[inside + 1 : inside + 3] = time_ms(count).to_bytes(2, "big", signed=True)
                count += 1
            at = stop

    walk(0, len(data))
    assert count > 10
    path.write_bytes(data)
    return path


def times_of(path: Path, fps: float = 100.0) -> list[float]:
    return [frame.at_s for frame in VideoFile(path).frames(fps)]


def film(path: Path, count: int = 20) -> Path:
    """A four second .webm in a single cluster."""
    return write_video(path, empty_bank(count), code="VP80")


# --- files


def test_a_variable_rate_is_told_by_the_file_s_times_never_by_counting(tmp_path: Path) -> None:
    uneven = [0, 40, 80, 1000, 1040, 1100, 3000, 3100, 3200, 3300]
    path = with_times(film(tmp_path / "a.webm"), lambda n: uneven[n] if n < 10 else 3300 + 200 * (n - 9))
    times = times_of(path)
    assert times[:10] == pytest.approx([ms / 1000 for ms in uneven], abs=0.002)
    picked = times_of(path, fps=5.0)
    assert all(b - a > 0.15 for a, b in pairwise(picked))
    assert picked[:3] == pytest.approx([0.0, 1.0, 3.0], abs=0.002)


@pytest.mark.parametrize(("first_ms", "step_ms", "again"), [(4000, -200, 100), (0, 0, 100), (0, 200, 5)])
def test_time_that_runs_backwards_or_stands_still_is_put_right(
    tmp_path: Path, first_ms: int, step_ms: int, again: int
) -> None:
    times = times_of(with_times(film(tmp_path / "a.webm"), lambda n: first_ms + step_ms * (n % again)))
    assert len(times) > 10
    assert all(0.0 < b - a < 1.0 for a, b in pairwise(times))


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("code", ["VP80", "MJPG", "mp4v"])
def test_a_file_cut_anywhere_gives_what_is_there_and_one_clear_error(tmp_path: Path, kept: float, code: str) -> None:
    suffix = {"VP80": "webm", "MJPG": "avi", "mp4v": "mp4"}[code]
    whole = write_video(tmp_path / f"whole.{suffix}", empty_bank(20), code=code).read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: int(len(whole) * kept)])
    shown, told = 0, ""
    try:
        for frame in VideoFile(path).frames(100.0):
            shown += frame.picture is not None
    except SourceError as error:
        told = str(error)
    assert shown <= 20
    assert str(path) in told or shown >= 17


def test_bytes_turned_over_in_the_middle_of_a_file_end_nothing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", somebody_on_the_foreshore(6.0))
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(3)
    for place in rng.integers(10_000, len(data) - 10_000, 400):
        data[place] ^= 0xFF
    path.write_bytes(data)
    pipeline = fresh()
    frames = VideoFile(path).frames(5.0)
    seen = 0
    with contextlib.suppress(SourceTruncated):
        for frame in frames:
            at = BEGIN + timedelta(seconds=frame.at_s)
            report = pipeline.process_picture(at, frame.picture or Picture())
            seen += report.health is not CameraHealth.LOST
    assert seen > 0


# --- pictures


def fresh() -> CameraPipeline:
    return CameraPipeline(camera(), SceneModel(Projection(camera(), FRAME), GEOMETRY), seed=1)


def bgr(image: Image) -> Image:
    return cast("Image", cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))


def test_a_resolution_that_changes_in_mid_stream_neither_stops_the_watch_nor_raises_an_alert() -> None:
    toy, reports = Toy(), list[FrameReport]()
    for index in range(60):
        image = toy.picture([])
        size = (640, 360) if index < 25 or index >= 45 else (1280, 720)
        picture = Picture(bgr=bgr(cast("Image", cv2.resize(image, size))))
        reports.append(toy.pipeline.process_picture(toy.at, picture))
        toy.count += 1
    assert [report.health for report in reports[-5:]] == [CameraHealth.OK] * 5
    assert [alert for report in reports for alert in report.alerts] == []


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (16, 9), (7680, 4320)])
def test_pictures_of_one_pixel_and_of_8k_are_looked_at_like_any_other(size: tuple[int, int], tmp_path: Path) -> None:
    pipeline, keeper = fresh(), EvidenceKeeper(tmp_path)
    recorder = EvidenceRecorder(camera(), keeper)
    picture = Picture(bgr=np.full((size[1], size[0], 3), 90, np.uint8))
    for index in range(3):
        report = pipeline.process_picture(BEGIN + timedelta(seconds=index / 5), picture)
        recorder.hear(report, picture)
        assert report.health is CameraHealth.STARTING
    assert recorder.held_bytes < 3 * 100_000  # kept no larger than it is analysed
    keeper.close()


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8" + bytes(5000), b"<html>401</html>"])
def test_what_is_no_picture_counts_as_none_and_the_camera_is_told_lost(data: bytes) -> None:
    pipeline = fresh()
    for index in range(30):
        pipeline.process_picture(BEGIN + timedelta(seconds=index / 5), Picture(data=data))
    report = pipeline.process_picture(BEGIN + timedelta(seconds=8), Picture(data=data))
    assert report.health is CameraHealth.LOST
    assert "cannot be decoded" in report.health_reason


def test_a_clock_set_back_by_an_hour_costs_no_alert_afterwards() -> None:
    toy = Toy()
    toy.learn(seconds=6)
    back = -3600.0
    alerts: list[AlertKind] = []
    for index in range(60):
        at = BEGIN + timedelta(seconds=back + index / 5)
        walker = [Thing(70 + 0.1 * (index - 20), -20, 3.0)] if index >= 20 else []
        report = toy.pipeline.process_picture(at, Picture(bgr=bgr(toy.picture(walker))))
        alerts += [alert.kind for alert in report.alerts]
        assert all(math.isfinite(view.position.sigma_m) for view in report.tracks)
    assert alerts == [AlertKind.ZONE_ENTRY]
