"""Evidence: what a clip holds, what is drawn and blurred on it, and that nothing but whole files is ever left."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import cv2
import numpy as np
import pytest

from tests.vision.clips import Image, empty_bank, somebody_on_the_foreshore
from tests.vision.toy import BEGIN, Thing, Toy, camera
from vision import evidence_file
from vision.alert import (
    Alert,
    AlertKind,
    Evidence,
    EvidenceUpdate,
    FrameReport,
    PixelBox,
    Surface,
    TrackView,
    UncertainPosition,
)
from vision.blur import ClipBlur, PeopleFinder, Region, blur, tracked_regions
from vision.camera import Lens
from vision.clip import Clip, ClipCollector, ClipLimits
from vision.errors import EvidenceUnwritable
from vision.evidence_drawing import draw, strip_height_px, with_strip
from vision.evidence_file import ClipWriter, blurred_name, sha256_of, write_bytes
from vision.evidence_keeper import EvidenceKeeper
from vision.evidence_recorder import EvidenceRecorder
from vision.kept_frame import FrameRing, KeptFrame, kept_jpeg
from vision.picture import Picture

PLACE = UncertainPosition(lat=30.4, lon=120.54, sigma_m=1.2)


def alert(number: int = 1, at_s: float = 0.0) -> Alert:
    return Alert(
        id=UUID(int=number), kind=AlertKind.FALL, camera_id="toy", at=BEGIN + timedelta(seconds=at_s),
        position=PLACE, track_id=3, confidence=0.9,
    )  # fmt: skip


def view(x: float = 300, y: float = 150, w: float = 20, h: float = 60, track_id: int = 3) -> TrackView:
    return TrackView(
        track_id=track_id, box=PixelBox(x=x, y=y, w=w, h=h), surface=Surface.FORESHORE, position=PLACE, alerting=True
    )


def kept(at_s: float, size: int = 1000, views: tuple[TrackView, ...] = ()) -> KeptFrame:
    return KeptFrame(BEGIN + timedelta(seconds=at_s), bytes(size), views)


def colour(image: Image) -> Image:
    return cast("Image", cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))


# --- what is remembered


def test_the_ring_holds_its_seconds_and_never_more_than_its_bytes() -> None:
    ring = FrameRing(seconds=4.0, most_bytes=10_000)
    for index in range(50):
        ring.add(kept(index / 5, 400))
    assert [ring.frames()[0].at, ring.frames()[-1].at] == [kept(5.8).at, kept(9.8).at]
    for index in range(50, 100):
        ring.add(kept(index / 5, 3000))
        assert ring.bytes == sum(len(frame.jpeg) for frame in ring.frames()) <= 10_000
    ring.add(kept(0.0, 20_000))
    assert (ring.frames(), ring.bytes) == ((), 0)


def test_time_that_runs_backwards_empties_the_ring() -> None:
    ring = FrameRing(seconds=4.0, most_bytes=10_000)
    ring.add(kept(100.0))
    ring.add(kept(3.0))
    assert [frame.at for frame in ring.frames()] == [kept(3.0).at]


def collected(collector: ClipCollector, seconds: float, alerts: dict[float, Alert], size: int = 1000) -> list[Clip]:
    found: list[Clip] = []
    for index in range(round(seconds * 5)):
        frame = kept(index / 5, size)
        collector.frame(frame)
        if index / 5 in alerts:
            collector.alert(alerts[index / 5], frame.at)
        clip = collector.ended(frame.at)
        if clip is not None:
            found.append(clip)
    return found


def span_s(clip: Clip) -> tuple[float, float]:
    return tuple((frame.at - BEGIN).total_seconds() for frame in (clip.frames[0], clip.frames[-1]))  # type: ignore[return-value]


def test_a_clip_reaches_from_before_the_alert_to_after_it() -> None:
    (clip,) = collected(ClipCollector(ClipLimits()), 40.0, {20.0: alert(at_s=20.0)})
    assert span_s(clip) == (12.0, 30.0)
    assert len({frame.at for frame in clip.frames}) == len(clip.frames) == 91
    assert clip.note == ""


def test_alerts_close_together_share_one_clip_that_lasts_until_after_the_last() -> None:
    alerts = {20.0: alert(1, 20.0), 25.0: alert(2, 25.0)}
    (clip,) = collected(ClipCollector(ClipLimits()), 50.0, alerts)
    assert [one.id.int for one in clip.alerts] == [1, 2]
    assert span_s(clip) == (12.0, 35.0)


def test_a_storm_of_alerts_is_cut_into_clips_and_none_is_left_out() -> None:
    alerts = {float(second): alert(second, float(second)) for second in range(10, 110)}
    clips = collected(ClipCollector(ClipLimits(longest_s=30.0)), 150.0, alerts)
    assert [one.id.int for clip in clips for one in clip.alerts] == list(range(10, 110))
    assert all(span_s(clip)[1] - span_s(clip)[0] <= 30.4 for clip in clips)
    assert all("cut at 30 s" in clip.note for clip in clips[:-1])


def test_memory_is_bounded_whatever_a_picture_weighs_and_the_clip_says_that_it_was_cut() -> None:
    limits = ClipLimits(most_bytes=500_000)
    collector = ClipCollector(limits)
    (clip,) = collected(collector, 40.0, {20.0: alert(at_s=20.0)}, size=9_000)
    assert sum(len(frame.jpeg) for frame in clip.frames) <= limits.most_bytes + 9_000
    assert "cut at" in clip.note
    assert collector.held_bytes <= limits.most_bytes // 2


def test_without_pictures_a_clip_still_ends_and_holds_what_was_before() -> None:
    collector = ClipCollector(ClipLimits())
    for index in range(20):
        collector.frame(kept(index / 5))
    collector.alert(alert(at_s=6.0), kept(6.0).at)
    assert collector.ended(kept(15.9).at) is None
    clip = collector.ended(kept(16.0).at)
    assert clip is not None
    assert len(clip.frames) == 20


# --- what is drawn


def test_what_is_drawn_hides_nothing_of_the_scene_but_the_boxes_own_lines() -> None:
    picture = np.full((360, 640, 3), 120, np.uint8)
    out = with_strip(picture)
    assert out.shape == (360 + strip_height_px(640), 640, 3)
    draw(out, camera(), BEGIN, (view(),), alert())
    untouched = out[:360].copy()
    untouched[120:220, :] = 120  # the box and its label
    assert (untouched == 120).all()
    assert (out[150:210, 302:318] == 120).all()  # inside the box
    assert out[360:].max() > 200  # the words
    assert out.shape[0] % 2 == 0


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (64, 64), (7680, 4320)])
def test_any_size_of_picture_can_be_drawn_on(size: tuple[int, int]) -> None:
    out = with_strip(np.zeros((size[1], size[0], 3), np.uint8))
    draw(out, camera(), BEGIN, (view(),), alert())
    assert out.shape[1] == size[0]


# --- privacy


def test_a_blurred_region_keeps_nothing_of_what_was_in_it_and_the_rest_is_untouched() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 255, (360, 640, 3), dtype=np.uint8)
    before = picture.copy()
    blur(picture, Region(300, 100, 60, 120))
    inside, was = picture[100:220, 300:360], before[100:220, 300:360]
    assert len(np.unique(inside.reshape(-1, 3), axis=0)) <= 3 * 6
    assert abs(np.corrcoef(inside.ravel(), was.ravel())[0, 1]) < 0.15
    picture[100:220, 300:360] = was
    assert (picture == before).all()


@pytest.mark.parametrize("region", [Region(-50, -50, 60, 60), Region(630, 350, 400, 400), Region(900, 9, 5, 5)])
def test_a_region_over_the_edge_is_blurred_as_far_as_there_is_a_picture(region: Region) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    blur(picture, region)
    assert picture.shape == (360, 640, 3)


def test_a_person_is_blurred_before_the_track_begins_and_after_it_ends() -> None:
    walked = [kept(second / 5, views=(view(x=300 + 4 * (second - 25)),)) for second in range(25, 50)]
    frames = [kept(second / 5) for second in range(25)] + walked + [kept(second / 5) for second in range(50, 75)]
    regions = tracked_regions(frames, scale=1.0)
    for index, at_s in ((20, 4.0), (15, 3.0), (55, 11.0)):
        true_x = 300 + 4 * (at_s * 5 - 25)
        assert any(r.x <= true_x and r.x + r.w >= true_x + 20 for r in regions[index]), at_s
    assert regions[5] == []  # four seconds before anything was known of them


def test_the_copy_that_leaves_is_blurred_where_people_are_and_only_the_original_shows_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    picture = np.full((360, 640, 3), 120, np.uint8)
    picture[150:210, 300:320] = rng.integers(0, 255, (60, 20, 3), dtype=np.uint8)
    keeper = EvidenceKeeper(tmp_path)
    recorder = EvidenceRecorder(camera(), keeper)
    report = FrameReport(camera_id="toy", at=BEGIN, health="ok", alerts=(alert(),), tracks=(view(),))  # type: ignore[arg-type]
    recorder.hear(report, Picture(bgr=picture))
    recorder.cut("the end")
    keeper.close(60.0)
    news = keeper.news("toy")
    assert [(one.what, one.note) for one in news] == [("snapshot", ""), ("clip", "the end")]
    for one in news:
        assert one.path is not None
        seen = {name: _first_picture(tmp_path / name)[155:205, 304:316] for name in one.sha256}
        assert set(seen) == {one.path, blurred_name(one.path)}
        detail = {name: float(np.abs(np.diff(part.astype(float), axis=0)).mean()) for name, part in seen.items()}
        assert detail[blurred_name(one.path)] < 0.2 * detail[one.path]


def _first_picture(path: Path) -> Image:
    if path.suffix == ".jpg":
        return cast("Image", cv2.imread(str(path)))
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    good, image = capture.read()
    assert good
    return cast("Image", image)


def figure() -> Image:
    """Somebody standing, as a drawing: head, shoulders, arms, legs apart."""
    picture = np.full((360, 640, 3), 190, np.uint8)
    for part in ([[300, 130], [340, 130], [346, 215], [294, 215]], [[296, 210], [316, 210], [312, 310], [298, 310]],
                 [[324, 210], [344, 210], [342, 310], [328, 310]], [[288, 135], [300, 135], [296, 215], [284, 215]],
                 [[340, 135], [352, 135], [356, 215], [344, 215]]):  # fmt: skip
        cv2.fillPoly(picture, [np.array(part, np.int32)], (60, 50, 40))
    cv2.ellipse(picture, (320, 108), (13, 18), 0, 0, 360, (90, 110, 160), -1)
    return cast("Image", cv2.GaussianBlur(picture, (0, 0), 1.5))


def test_somebody_whom_no_track_follows_is_found_by_shape() -> None:
    finder = PeopleFinder()
    assert any(r.x <= 308 and r.x + r.w >= 332 and r.y <= 95 and r.y + r.h >= 300 for r in finder.regions(figure()))
    assert finder.regions(np.full((360, 640, 3), 150, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (4000, 8), (8, 4000), (64, 64)])
def test_whom_to_blur_can_be_asked_of_any_picture(size: tuple[int, int]) -> None:
    assert PeopleFinder().regions(np.zeros((size[1], size[0], 3), np.uint8)) == []


def test_a_resolution_that_changes_in_the_middle_moves_the_blur_with_it() -> None:
    frames = [kept(0.0, views=(view(),)), kept(0.2, views=(view(),))]
    blurring = ClipBlur(frames, 640, None)
    for index, zoom in ((0, 1), (1, 3)):
        picture = np.random.default_rng(1).integers(0, 255, (360 * zoom, 640 * zoom, 3), dtype=np.uint8)
        blurring.apply(index, picture)
        inside = picture[155 * zoom : 205 * zoom, 302 * zoom : 318 * zoom]
        assert len(np.unique(inside.reshape(-1, 3), axis=0)) < 40


# --- files


def write_clip(path: Path, images: list[Image], seconds: list[float]) -> str:
    writer = ClipWriter(path, (640, 360), 5.0)
    for image, at_s in zip(images, seconds, strict=True):
        writer.add(colour(image), at_s)
    return writer.close()


def test_a_clip_keeps_to_the_time_of_its_frames_also_when_they_came_unevenly(tmp_path: Path) -> None:
    images = empty_bank(6)
    digest = write_clip(tmp_path / "a.webm", images, [0.0, 0.2, 0.4, 2.4, 2.6, 3.0])
    capture = cv2.VideoCapture(str(tmp_path / "a.webm"), cv2.CAP_FFMPEG)
    count = 0
    while capture.grab():
        count += 1
    assert count == 16  # three seconds at five a second, both ends included
    assert digest == hashlib.sha256((tmp_path / "a.webm").read_bytes()).hexdigest() == sha256_of(tmp_path / "a.webm")
    assert [path.name for path in tmp_path.iterdir()] == ["a.webm"]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path / "a.webm", (640, 360), 5.0)
    for index, image in enumerate(empty_bank(5)):
        writer.add(colour(image), index / 5)
    assert [path.name for path in tmp_path.iterdir()] == [".a.webm"]
    writer.drop()
    assert list(tmp_path.iterdir()) == []


def _write_six_seconds(path: Path) -> str:
    return write_clip(path, somebody_on_the_foreshore(6.0), [index / 5 for index in range(30)])


def _write_100_kb(path: Path) -> str:
    return write_bytes(path, bytes(100_000))


@contextmanager
def files_no_larger_than(size: int) -> Generator[None]:
    """As on a disk that is full in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "write",
    [_write_six_seconds, _write_100_kb],
)
def test_a_disk_that_fills_up_is_told_and_leaves_no_half_file(tmp_path: Path, write: Callable[[Path], str]) -> None:
    with files_no_larger_than(20_000), pytest.raises(EvidenceUnwritable, match="full"):
        write(tmp_path / "a.webm")
    assert list(tmp_path.iterdir()) == []


def test_the_last_of_a_disk_is_left_to_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_file, "LEAVE_FREE_BYTES", 1 << 62)
    with pytest.raises(EvidenceUnwritable, match="is full"):
        ClipWriter(tmp_path / "a.webm", (640, 360), 5.0)


def test_a_full_disk_stops_no_alert_and_is_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_file, "LEAVE_FREE_BYTES", 1 << 62)
    keeper = EvidenceKeeper(tmp_path)
    recorder = EvidenceRecorder(camera(), keeper)
    report = FrameReport(camera_id="toy", at=BEGIN, health="ok", alerts=(alert(),))  # type: ignore[arg-type]
    heard = recorder.hear(report, Picture(bgr=colour(empty_bank(1)[0])))
    assert heard.alerts == report.alerts
    recorder.cut("the end")
    keeper.close(60.0)
    news = keeper.news("toy")
    assert {(one.what, one.path) for one in news} == {("snapshot", None), ("clip", None)}
    assert len(news) == 2
    assert all("full" in one.note for one in news)
    assert keeper.failures == 2


def test_more_alerts_than_can_be_written_are_told_and_the_queue_stays_short(tmp_path: Path) -> None:
    keeper = EvidenceKeeper(tmp_path)
    recorder = EvidenceRecorder(camera(), keeper)
    picture = Picture(bgr=np.zeros((360, 640, 3), np.uint8))
    alerts = tuple(alert(number) for number in range(40))
    report = FrameReport(camera_id="toy", at=BEGIN, health="ok", alerts=alerts)  # type: ignore[arg-type]
    told = recorder.hear(report, picture).evidence
    keeper.close(60.0)
    news = (*told, *keeper.news("toy"))
    assert keeper.failures == sum(one.path is None for one in news) >= 40 - 9 - 1
    assert "too many at once" in next(one.note for one in news if one.path is None)


def test_the_toy_s_fall_gives_a_clip_that_plays_from_before_to_after_and_holds_the_person(tmp_path: Path) -> None:
    toy, keeper = Toy(), EvidenceKeeper(tmp_path)
    recorder = EvidenceRecorder(toy.camera, keeper, ClipLimits(before_s=2.0, after_s=2.0))
    alerts: list[Alert] = []
    updates: list[EvidenceUpdate] = []
    for index in range(60):
        at_s = index / toy.fps
        things = [Thing(70 + 0.5 * (at_s - 4), -20, 3.0)] if at_s >= 4 else []
        image = toy.picture(things)
        report = toy.pipeline.process_picture(toy.at, Picture(bgr=colour(image)))
        toy.count += 1
        updates += recorder.hear(report, Picture(bgr=colour(image))).evidence
        alerts += report.alerts
    keeper.close(60.0)
    updates += keeper.news("toy")
    (told,) = alerts
    evidence = Evidence()
    for update in updates:
        assert update.alert_id == told.id
        evidence = evidence.updated(update)
    assert evidence.snapshot == f"toy/{told.id}.jpg"
    assert evidence.clip == f"toy/{told.id}.webm"
    assert evidence.clip_alert_s == pytest.approx(2.0, abs=0.21)
    assert evidence.note == ""
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == set(evidence.sha256)
    for path, digest in evidence.sha256.items():
        assert sha256_of(tmp_path / path) == digest
    capture = cv2.VideoCapture(str(tmp_path / f"toy/{told.id}.webm"), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 640
    count = 0
    while capture.grab():
        count += 1
    assert count == pytest.approx(21, abs=1)


def test_jpegs_of_a_camera_are_kept_as_they_came_and_decoded_video_is_made_smaller() -> None:
    data = cv2.imencode(".jpg", np.zeros((1080, 1920, 3), np.uint8))[1].tobytes()
    lens = Lens(width_px=1280, height_px=720, hfov_deg=60)
    assert kept_jpeg(Picture(data=data), lens, 960) is data
    small = kept_jpeg(Picture(bgr=np.zeros((1080, 1920, 3), np.uint8)), lens, 960)
    assert small is not None
    again = Picture(data=small).bgr()
    assert again is not None
    assert again.shape == (540, 960, 3)
