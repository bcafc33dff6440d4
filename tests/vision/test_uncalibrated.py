"""Watching without a calibration: who is one person, what is none, and foreign pictures full of things that move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision import moving
from tests.vision.moving import Pose, draw
from tests.vision.test_collapse import falls_sideways
from vision.alert import Alert, AlertKind
from vision.free_track import FreeTrack, FreeTracker, verdict
from vision.picture import Bgr, Picture
from vision.recognise import PersonBox
from vision.uncalibrated import UncalibratedPipeline
from vision.watch import RECORDED_FROM

Image = NDArray[np.uint8]


class Sure:
    """Recognises what it is told to, everywhere."""

    name = "sure"

    def __init__(self, like: float) -> None:
        self.like, self.verified = like, 0

    def search(self, bgr: Bgr) -> list[PersonBox]:
        rows, columns = bgr.shape[:2]
        return [PersonBox(columns * 0.3, 0, columns * 0.4, rows, self.like)] if self.like > 0.5 else []

    def verify(self, bgr: Bgr, boxes: Sequence[PersonBox]) -> list[float | None]:
        self.verified += len(boxes)
        return [self.like] * len(boxes)


class Seen:
    def __init__(self, images: Sequence[Image] | Iterator[Image], recogniser: Sure | None = None) -> None:
        self.alerts: list[Alert] = []
        self.tracks: set[int] = set()
        self.most = 0
        self.pipeline: UncalibratedPipeline | None = None
        for index, gray in enumerate(images):
            if self.pipeline is None:
                self.pipeline = UncalibratedPipeline(gray.shape[1], gray.shape[0], recogniser=recogniser)
            picture = Picture(bgr=np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8))
            report = self.pipeline.process_picture(RECORDED_FROM + timedelta(seconds=index / moving.FPS), picture)
            self.alerts += report.alerts
            self.tracks |= {view.track_id for view in report.tracks}
            self.most = max(self.most, len(report.tracks))

    @property
    def people(self) -> int:
        assert self.pipeline is not None
        told = [self.pipeline.verdict(track_id) for track_id in self.tracks]
        return sum(one is not None and one.person for one in told)


@pytest.mark.parametrize(
    "material",
    [
        moving.moving_noise,
        moving.torrent,
        moving.beach,
        moving.panning,
        moving.flicker,
        moving.letterboxed,
        moving.leaves,
    ],
)
def test_what_is_nobody_raises_no_alert_and_few_tracks(
    material: Callable[[np.random.Generator, int], Iterator[NDArray[np.float32]]],
) -> None:
    count = 100
    seen = Seen(np.clip(p, 0, 255).astype(np.uint8) for p in material(np.random.default_rng(3), count))
    assert seen.alerts == []
    assert len(seen.tracks) <= count / 4
    assert seen.people <= 1


def _empty_then(story: Callable[[float], Pose | None], seconds: float = 8.0, empty_s: float = 4.0) -> Iterator[Image]:
    rng = np.random.default_rng(2)
    for index in range(round((seconds + empty_s) * moving.FPS)):
        at_s = index / moving.FPS - empty_s
        yield draw(story(at_s) if at_s >= 0 else None, rng)


def _walks_through(at_s: float) -> Pose | None:
    return Pose(foot_x=-20 + 60 * at_s, swing=float(np.sin(9 * at_s))) if at_s < 6 else None


def test_who_walks_through_is_one_track_and_a_person_by_the_recognisers_word_only() -> None:
    assert (len((seen := Seen(_empty_then(_walks_through), Sure(0.95))).tracks), seen.people) == (1, 1)
    assert (len((seen := Seen(_empty_then(_walks_through), Sure(0.05))).tracks), seen.people) == (1, 0)


def test_at_most_one_box_a_picture_is_looked_at() -> None:
    recogniser = Sure(0.5)
    Seen(_empty_then(_walks_through), recogniser)
    assert 0 < recogniser.verified <= 12 * moving.FPS


def test_a_fall_is_told_with_its_surface_so_that_it_is_no_reason_to_launch() -> None:
    seen = Seen(_empty_then(falls_sideways), Sure(0.95))
    (alert,) = seen.alerts
    assert alert.kind is AlertKind.FALL
    assert alert.details["seen"] == "collapse"
    assert alert.details["surface"] == "promenade"
    assert Seen(_empty_then(falls_sideways), Sure(0.0)).alerts == []  # a thing that falls over


def test_a_camera_that_turns_its_brightness_up_sees_nobody_new() -> None:
    rng = np.random.default_rng(2)
    ground = np.clip(120 + 35 * moving.cloudy(rng, 180, 320), 30, 220)

    def pictures() -> Iterator[Image]:
        for index in range(60):
            gain = 1.0 if index < 20 else 1.18
            yield np.clip(ground * gain + rng.normal(0, 2, ground.shape), 0, 255).astype(np.uint8)

    assert Seen(pictures()).tracks == set()


# --- the tracker by itself


def masks(*boxes: tuple[int, int, int, int]) -> Image:
    mask = np.zeros((240, 320), np.uint8)
    for x, y, w, h in boxes:
        mask[y : y + h, x : x + w] = 255
    return mask


def test_a_body_in_pieces_stays_one_track() -> None:
    tracker = FreeTracker()
    for step in range(30):
        whole, head, legs = (100, 60, 40, 120), (108, 60, 24, 22), (100, 120, 40, 60)
        tracker.step(masks(whole) if step < 5 or step % 3 else masks(head, legs, (146, 150, 14, 20)), step / 5)
    assert len(tracker.tracks) == 1
    assert tracker.tracks[0].confirmed


def test_two_side_by_side_are_two() -> None:
    tracker = FreeTracker()
    for step in range(10):
        tracker.step(masks((80 + step, 80, 30, 90), (150 - step, 82, 30, 88)), step / 5)
    assert len(tracker.tracks) == 2


def test_who_is_hidden_for_a_while_is_the_same_afterwards() -> None:
    tracker = FreeTracker()
    for step in range(40):
        tracker.step(masks((100 + 2 * step, 80, 30, 90)) if not 15 <= step < 30 else masks(), step / 5)
    assert [track.id for track in tracker.tracks] == [1]


def test_a_small_thing_left_behind_does_not_become_the_person_who_comes_for_it() -> None:
    tracker = FreeTracker()
    for step in range(10):
        tracker.step(masks((150, 100, 20, 14)), step / 5)
    for step in range(10, 25):
        tracker.step(masks((150 - 2 * (25 - step), 60, 44, 120)), step / 5)
    heights = sorted(track.tallest for track in tracker.tracks)
    assert heights[-1] >= 110
    assert heights[0] < 40 or len(tracker.tracks) == 1


def test_what_never_leaves_its_place_or_is_wider_than_tall_is_no_person() -> None:
    def track(w: float, h: float, reach: float) -> FreeTrack:
        made = FreeTrack(1, 0, 0, w, h, 0.0, 5.0, hits=20, confirmed=True, tallest=h, reach=reach)
        made.whole = 20
        made.upright = 20 if h >= 1.2 * w else 0
        return made

    assert verdict(track(15, 40, 60), 1.0).person
    assert not verdict(track(15, 40, 0), 1.0).person
    assert not verdict(track(60, 30, 60), 1.0).person


def test_a_group_that_parts_becomes_several() -> None:
    tracker = FreeTracker()
    for step in range(5):
        tracker.step(masks((80, 80, 110, 90)), step / 5)
    for step in range(5, 20):
        tracker.step(masks((80 - 2 * step, 80, 30, 90), (122, 80, 30, 88), (160 + 2 * step, 82, 30, 88)), step / 5)
    assert sum(track.confirmed for track in tracker.tracks) == 3
