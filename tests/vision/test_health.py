"""A camera that goes black, freezes or falls silent: told once, and once when it is back."""

from __future__ import annotations

from datetime import timedelta

import cv2
import numpy as np
import pytest

from tests.vision.toy import BEGIN, Toy
from vision.alert import AlertKind, CameraHealth, FrameReport
from vision.frame import EncodedFrame


def feed(toy: Toy, data: bytes, seconds: float) -> list[FrameReport]:
    reports: list[FrameReport] = []
    for _ in range(int(seconds * toy.fps)):
        reports.append(toy.pipeline.process(EncodedFrame("toy", toy.at, data)))
        toy.count += 1
    return reports


def jpeg(picture: np.ndarray) -> bytes:  # type: ignore[type-arg]
    return cv2.imencode(".jpg", picture)[1].tobytes()


@pytest.mark.parametrize(
    ("health", "seconds"), [(CameraHealth.DARK, 4.0), (CameraHealth.FROZEN, 8.0)], ids=["black", "frozen"]
)
def test_a_black_or_frozen_picture_is_told_once_and_its_return_is_said(health: CameraHealth, seconds: float) -> None:
    toy = Toy()
    toy.learn()
    still = np.zeros((360, 640), np.uint8) if health is CameraHealth.DARK else toy.picture([])
    bad = feed(toy, jpeg(still), seconds)
    assert bad[-1].health is health
    assert [(a.kind, a.details["health"]) for r in bad for a in r.alerts] == [(AlertKind.CAMERA_FAULT, health.value)]
    toy.reports.clear()
    toy.learn(seconds=4)
    assert toy.reports[-1].health is CameraHealth.OK
    assert toy.alerts == []
    assert [r.health_reason for r in toy.reports if "back" in r.health_reason] == [
        f"the picture is back after {health.value}"
    ]


def test_a_silent_camera_is_lost_after_three_seconds_and_told_once() -> None:
    toy = Toy()
    toy.learn()
    silent_from = toy.at
    reports = [toy.pipeline.note_missing(silent_from + timedelta(seconds=s), "no route") for s in range(10)]
    assert [r.health for r in reports[:3]] == [CameraHealth.OK] * 3
    assert reports[4].health is CameraHealth.LOST
    alerts = [a for r in reports for a in r.alerts]
    assert len(alerts) == 1
    assert "no route" in alerts[0].details["reason"]


def test_bytes_that_are_no_picture_count_as_a_missing_one() -> None:
    toy = Toy()
    reports = [
        toy.pipeline.process(EncodedFrame("toy", BEGIN + timedelta(seconds=s), b"\xff\xd8nonsense")) for s in range(6)
    ]
    assert reports[-1].health is CameraHealth.LOST
    assert "decoded" in reports[-1].health_reason
