"""A camera that sends pictures and yet cannot be relied on: knocked, dirty, dark, blinded, covered, repeating.

Rendered pictures of Haining, changed as such a fault would change them; not real footage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from sim.camera.camera import CameraFault
from sim.world import Bore, CrowdPlan
from sim.world.weather import Light
from tests.vision.test_rendered import BEGIN, Story
from vision.alert import AlertKind, CameraHealth, FrameReport
from vision.background import Gray
from vision.camera_health import SightConfig, SightWatch
from vision.camera_health.latch import Latch
from vision.camera_health.reference import fingerprint, packed, take_reference, unpacked
from vision.camera_health.shelf import FolderShelf
from vision.frame import EncodedFrame
from vision.rules.camera_fault import HealthChange

FAULT_S = 40


@cache
def story(camera_id: str) -> Story:
    return Story(camera_id)


@cache
def filmed(camera_id: str, count: int = 24) -> tuple[Gray, ...]:
    """A promenade with people on it, one picture a second."""
    show = Story(camera_id, crowds=(CrowdPlan(12, 60, 160),))
    pictures: list[Gray] = []
    for index in range(count):
        show.world.advance(float(index))
        pictures.append(cv2.cvtColor(show.camera.render(show.world.view()), cv2.COLOR_BGR2GRAY))  # type: ignore[arg-type]
    return tuple(pictures)


def noisy(picture: np.ndarray, rng: np.random.Generator, sigma: float = 1.5) -> Gray:  # type: ignore[type-arg]
    return np.clip(picture.astype(np.float32) + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def moved(picture: Gray, right: float, down: float, turn_deg: float = 0.0) -> Gray:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -turn_deg, 1)
    matrix[:, 2] += (right, down)
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)  # type: ignore[return-value]


Change = Callable[[Gray, int, np.random.Generator], Gray]


@dataclass
class Played:
    watch: SightWatch
    said: list[tuple[int, HealthChange]]

    @property
    def faults(self) -> list[CameraHealth]:
        return [change.health for _, change in self.said if change.fault]


def play(
    change: Change, seconds: int, camera_id: str = "cam-3", until_s: int = 10_000, config: SightConfig | None = None
) -> Played:
    """One picture a second; what `change` does to them begins at FAULT_S and ends at `until_s`."""
    rng = np.random.default_rng(1)
    played = Played(SightWatch(story(camera_id).pipeline.scene, config or SightConfig()), [])
    pictures = filmed(camera_id)
    for at_s in range(seconds):
        turn, index = divmod(at_s, len(pictures))
        picture = pictures[-1 - index if turn % 2 else index]
        faulty = FAULT_S <= at_s < until_s
        shown = change(picture, at_s, rng) if faulty else noisy(picture, rng)
        played.said += [(at_s, said) for said in played.watch.step(shown, float(at_s))]
    return played


QUIET: dict[str, Change] = {
    "nothing": lambda p, _t, rng: noisy(p, rng),
    "a mast shaking in the wind": lambda p, _t, rng: noisy(moved(p, *rng.uniform(-5, 5, 2)), rng),
    "a mast leaning a pixel": lambda p, _t, rng: noisy(moved(p, 1.0, 0.4), rng),
    "clouds": lambda p, t, rng: noisy(p * (0.65 + 0.35 * np.cos(t / 7)), rng),
    "dusk to lamps": lambda p, t, rng: noisy(p * max(0.3, 1 - (t - FAULT_S) / 90), rng, 3),
    "a hazy day": lambda p, _t, rng: noisy(p * 0.4 + 130.0, rng),
    "a slightly soft picture": lambda p, _t, rng: noisy(cv2.GaussianBlur(p, (0, 0), 0.8), rng),
    "a shadow across": lambda p, t, rng: noisy(p * np.where(np.arange(640) < 3 * (t - FAULT_S), 0.45, 1.0), rng),
}


@pytest.mark.parametrize("name", QUIET)
def test_no_fault_is_told_of(name: str) -> None:
    assert play(QUIET[name], 220).said == []


@pytest.mark.parametrize("camera_id", ["cam-1", "cam-2", "cam-4", "cam-5", "cam-6"])
def test_the_other_cameras_are_quiet_too(camera_id: str) -> None:
    assert play(QUIET["nothing"], 150, camera_id).said == []


@pytest.mark.parametrize("camera_id", ["cam-1", "cam-2", "cam-3", "cam-4", "cam-5"])
def test_a_knock_of_three_pixels_is_told_with_its_size_and_so_is_its_end(camera_id: str) -> None:
    played = play(lambda p, _t, rng: noisy(moved(p, 3.0, -1.6), rng), 190, camera_id, until_s=110)
    assert played.faults == [CameraHealth.KNOCKED]
    begun_s, fault = played.said[0]
    assert begun_s - FAULT_S <= 45
    assert "px right" in fault.reason
    assert "at 100 m; mend its mount or calibrate it again" in fault.reason
    right = float(fault.reason.split("moved by ")[1].split(" px")[0])
    assert right == pytest.approx(3.0, abs=0.8)
    ended_s, end = played.said[-1]
    assert (end.health, end.fault) == (CameraHealth.OK, False)
    assert 110 < ended_s < 160


@pytest.mark.parametrize("by", [(0.0, 0.0, 1.0), (60.0, 25.0, 2.0)], ids=["turned", "far"])
def test_a_turn_and_a_far_knock_are_told(by: tuple[float, float, float]) -> None:
    assert play(lambda p, _t, rng: noisy(moved(p, *by), rng), 130).faults == [CameraHealth.KNOCKED]


def test_a_camera_that_shows_quite_another_place_is_told_in_the_end() -> None:
    elsewhere = filmed("cam-2")
    played = play(lambda _p, t, rng: noisy(elsewhere[t % len(elsewhere)], rng), 420, "cam-4")
    assert played.faults == [CameraHealth.KNOCKED]
    assert "something else than when it was calibrated" in played.said[0][1].reason


FAULTS: list[tuple[CameraHealth, int, Change]] = [
    (CameraHealth.DIRTY, 200, lambda p, _t, rng: noisy(cv2.GaussianBlur(p, (0, 0), 2.2), rng)),
    (CameraHealth.DARK, 90, lambda p, _t, rng: noisy(p * 0.03 + 8.0, rng, 9)),
    (CameraHealth.BLINDED, 80, lambda p, _t, rng: noisy(p * 0.15 + 225.0, rng)),
    (CameraHealth.COVERED, 70, lambda p, _t, rng: noisy(p * 0.0 + 118.0, rng)),
    (CameraHealth.FROZEN, 90, lambda _p, t, _rng: filmed("cam-3")[t % 15]),
]


@pytest.mark.parametrize(("health", "seconds", "change"), FAULTS, ids=[str(kind.value) for kind, _, _ in FAULTS])
def test_a_fault_is_told_once_with_its_reason_and_its_end(health: CameraHealth, seconds: int, change: Change) -> None:
    played = play(change, seconds + FAULT_S + 100, until_s=seconds + FAULT_S)
    assert [(said.health, said.fault) for _, said in played.said] == [(health, True), (CameraHealth.OK, False)]
    assert played.said[0][0] < seconds + FAULT_S
    assert ";" in played.said[0][1].reason  # what to do
    assert played.said[1][1].reason == f"the camera is well again after {health.value}"
    assert played.watch.health is CameraHealth.OK


def test_rain_and_the_bore_raise_no_fault_and_mud_on_the_lens_does() -> None:
    show = Story("cam-3", crowds=(CrowdPlan(12, 60, 160),), bore=Bore(passes_origin_s=110.0), gulls=5)
    rng = np.random.default_rng(2)
    watch = SightWatch(show.pipeline.scene, SightConfig())
    said: list[tuple[int, HealthChange]] = []
    for at_s in range(330):
        show.world.advance(float(at_s))
        view = show.world.view()
        if 40 <= at_s < 100:
            view = replace(view, weather=replace(view.weather, rain=True, light=Light.DAY))
        show.camera.fault = CameraFault.DIRTY if at_s >= 180 else None
        gray = cv2.cvtColor(show.camera.render(view), cv2.COLOR_BGR2GRAY)
        said += [(at_s, change) for change in watch.step(noisy(gray, rng), float(at_s))]
    assert [(change.health, change.fault) for _, change in said] == [(CameraHealth.DIRTY, True)]
    assert said[0][0] >= 180 + 100


class CountedShelf:
    def __init__(self) -> None:
        self.kept = 0

    def load(self) -> bytes | None:
        return None

    def keep(self, data: bytes) -> None:
        self.kept += 1


@pytest.mark.parametrize(("camera_id", "kept"), [("cam-6", 0), ("cam-3", 1)])
def test_a_reference_is_kept_only_when_its_tiles_are_found_again(camera_id: str, kept: int) -> None:
    """The bore watch has hardly a corner of its own: in the rain the first that it finds are the streaks."""
    show, shelf = Story(camera_id), CountedShelf()
    rng = np.random.default_rng(5)
    watch = SightWatch(show.pipeline.scene, SightConfig(), shelf)
    said: list[HealthChange] = []
    for at_s in range(0, 240, 3):
        show.world.advance(float(at_s))
        view = show.world.view()
        view = replace(view, weather=replace(view.weather, rain=at_s < 150))
        gray = cv2.cvtColor(show.camera.render(view), cv2.COLOR_BGR2GRAY)
        said += watch.step(noisy(gray, rng), float(at_s))
    assert (said, shelf.kept) == ([], kept)


def test_the_pipeline_tells_a_knock_and_marks_its_alerts(tmp_path: Path) -> None:
    """And after a restart the knock is known from the references that were kept."""
    shelf = FolderShelf(tmp_path, "cam-3")
    rng = np.random.default_rng(3)
    pictures = filmed("cam-3")

    def run(knocked_from_s: int, seconds: int) -> tuple[list[str], CameraHealth, str]:
        show = Story("cam-3", references=shelf)
        told: list[str] = []
        reports: list[FrameReport] = []
        for at_s in range(seconds):
            picture = pictures[at_s % len(pictures)]
            shown = noisy(moved(picture, 6, 3) if at_s >= knocked_from_s else picture, rng)
            data = cv2.imencode(".jpg", shown)[1].tobytes()
            report = show.pipeline.process(EncodedFrame("cam-3", BEGIN + timedelta(seconds=at_s), data))
            reports.append(report)
            faults = [alert for alert in report.alerts if alert.kind is AlertKind.CAMERA_FAULT]
            told += [alert.details["health"] for alert in faults]
            assert all("knocked" in a.details["degraded"] for a in report.alerts if told and a not in faults)
        return told, reports[-1].health, reports[-1].health_reason

    assert run(40, 90)[:2] == (["knocked"], CameraHealth.KNOCKED)
    told, health, reason = run(0, 60)
    assert (told, health) == (["knocked"], CameraHealth.KNOCKED)
    assert "px right" in reason


def test_references_survive_their_file_but_not_a_new_calibration_or_damage() -> None:
    scene = story("cam-3").pipeline.scene
    solid = np.ones(scene.codes.shape, bool)
    reference = take_reference(filmed("cam-3")[0], solid, np.zeros(3), 1.0)
    assert reference is not None
    camera = scene.projection.camera
    data = packed([reference], camera)
    (again,) = unpacked(data, camera)
    assert (again.tiles == reference.tiles).all()
    assert unpacked(data, camera.model_copy(update={"yaw_deg": 12.0})) == []
    assert fingerprint(camera) == fingerprint(camera.model_copy(update={"stream": "other"}))
    for damaged in (b"", None, data[: len(data) // 2], b"PK\x03\x04 nonsense", bytes(200)):
        assert unpacked(damaged, camera) == []


def test_a_latch_waits_and_a_pause_without_evidence_does_not_count() -> None:
    latch = Latch(begin_s=10, end_s=5, gap_s=20)
    assert [latch.update(True, at) for at in (0, 5, 9.9)] == [False] * 3
    assert latch.update(None, 10) is False
    assert latch.update(True, 10) is True
    assert [latch.update(False, 12), latch.update(True, 16), latch.update(False, 17)] == [False] * 3
    assert latch.update(False, 22) is True
    assert [latch.update(True, 30), latch.update(True, 60)] == [False, False]  # 30 s without a word between
    assert latch.update(True, 70) is True
