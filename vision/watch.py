"""Vision alone on any source: what `chaoxun watch SOURCE [--camera FILE] [--out DIR] [--json]` does.

With a camera file (vision/watchfile.py) alerts carry places and zones count. Without one the picture is all there
is: people are tracked and camera faults told, but there are no zones, no water and no falls (a fall by posture is
not judged).
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import cv2
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vision.alert import Alert, FrameReport
from vision.detect import DetectConfig
from vision.errors import SourceError
from vision.picture import Bgr, Picture
from vision.pipeline import CameraPipeline, PipelineConfig
from vision.preview import annotate
from vision.scene import SceneModel
from vision.source import BackOff, SourceFrame, Timeouts, is_live, live_pictures, open_recorded
from vision.watchfile import load_watch_file, scene_of, uncalibrated
from vision.worker import kept

RECORDED_FROM = datetime(1970, 1, 1, tzinfo=UTC)
"""A recording's own date is not known: its times count from here, and `video_s` says the second."""
_UNCALIBRATED = PipelineConfig(
    detect=DetectConfig(
        min_person_m=0.4, max_person_m=3.9, max_person_width_m=2.2, min_part_m=0.25, max_group_height_m=4.0
    )
)


@dataclass
class WatchSummary:
    """What a whole source came to."""

    frames: int = 0
    seconds: float = 0.0
    alerts: dict[str, int] = field(default_factory=dict[str, int])
    people: int = 0  # tracks confirmed
    video: Path | None = None
    problem: str | None = None  # why it ended early, when it did


@dataclass(slots=True)
class _Seen:
    first_s: float
    last_s: float


def watch(
    source: str,
    camera_file: Path | None = None,
    out_dir: Path | None = None,
    *,
    emit: Callable[[str], None],
    show_progress: bool = False,
    fps: float = 5.0,
    seed: int = 0,
    max_seconds: float | None = None,
    timeouts: Timeouts | None = None,
    stop: threading.Event | None = None,
    now: Callable[[], datetime] | None = None,
) -> WatchSummary:
    """Looks at a source to its end; each alert, and each person once gone, is one line of JSON to `emit`.

    Raises SourceError (one sentence) when the source cannot be used at all, InvalidInput when the camera file is
    wrong. A source that breaks off later ends the watch with `problem` set. `stop` ends it from another thread.
    """
    stop = stop or threading.Event()
    summary = WatchSummary()
    total = None
    if is_live(source):
        now = now or (lambda: datetime.now(UTC))
        began = now()
        frames = _live_frames(source, timeouts or Timeouts(), stop, now)
    else:
        recorded = open_recorded(source)
        total = recorded.declared_frames or None
        frames, began = recorded.frames(fps), RECORDED_FROM
    session = _Session(
        camera_file,
        out_dir,
        name="live" if is_live(source) else Path(source).stem,
        fps=fps,
        seed=seed,
        emit=emit,
        summary=summary,
    )
    with _progress(total, wanted=show_progress) as advance:
        try:
            for frame in frames:
                if stop.is_set() or (max_seconds is not None and frame.at_s > max_seconds):
                    break
                session.take(frame, began + timedelta(seconds=frame.at_s))
                advance(frame.index)
        except SourceError as error:
            if summary.frames == 0:
                raise
            summary.problem = str(error)
        finally:
            session.close()
    return summary


class _Session:
    """One watch under way: its pipeline begins with the first picture, whose size an uncalibrated one needs."""

    def __init__(
        self,
        camera_file: Path | None,
        out_dir: Path | None,
        *,
        name: str,
        fps: float,
        seed: int,
        emit: Callable[[str], None],
        summary: WatchSummary,
    ) -> None:
        self._file = None if camera_file is None else load_watch_file(camera_file)
        self._out_dir, self._name, self._fps, self._seed = out_dir, name, fps, seed
        self._emit, self._summary = emit, summary
        self._pipeline: CameraPipeline | None = None
        self._writer: cv2.VideoWriter | None = None
        self._seen: dict[int, _Seen] = {}

    def take(self, frame: SourceFrame, at: datetime) -> None:
        self._summary.frames += 1
        self._summary.seconds = frame.at_s
        if frame.picture is None:
            if self._pipeline is not None:
                self._tell(self._pipeline.note_missing(at, "a picture could not be decoded"), frame.at_s)
            return
        if self._pipeline is None:
            self._pipeline = self._begin(frame.picture)
        report = self._pipeline.process_picture(at, frame.picture)
        self._tell(report, frame.at_s)
        if self._writer is not None:
            self._draw(frame.picture, report)

    def close(self) -> None:
        self._end_tracks(before_s=float("inf"))
        if self._writer is not None:
            self._writer.release()

    def _begin(self, picture: Picture) -> CameraPipeline:
        bgr = picture.bgr()
        if self._file is not None:
            scene: SceneModel = scene_of(self._file)
            config = None
        else:
            height, width = (360, 640) if bgr is None else bgr.shape[:2]
            shrink = min(1.0, 640 / width)
            scene, config = uncalibrated(round(width * shrink), round(height * shrink)), _UNCALIBRATED
        camera = scene.projection.camera
        sink = None
        if self._out_dir is not None:
            folder = self._out_dir
            folder.mkdir(parents=True, exist_ok=True)
            self._summary.video = folder / f"{self._name}.webm"
            size = (camera.lens.width_px, camera.lens.height_px)
            code = cv2.VideoWriter.fourcc(*"VP80")
            self._writer = cv2.VideoWriter(str(self._summary.video), cv2.CAP_FFMPEG, code, self._fps, size)

            def keep(name: str, data: bytes) -> str | None:
                return kept(folder, name, data)

            sink = keep
        return CameraPipeline(camera, scene, seed=self._seed, preview_every_s=1e9, evidence=sink, config=config)

    def _tell(self, report: FrameReport, at_s: float) -> None:
        for alert in report.alerts:
            self._summary.alerts[alert.kind.value] = self._summary.alerts.get(alert.kind.value, 0) + 1
            self._emit(_alert_line(alert, at_s, placed=self._file is not None))
        for view in report.tracks:
            seen = self._seen.setdefault(view.track_id, _Seen(at_s, at_s))
            seen.last_s = at_s
        self._end_tracks(before_s=at_s - 5.0)

    def _end_tracks(self, before_s: float) -> None:
        for track_id in [key for key, seen in self._seen.items() if seen.last_s < before_s]:
            seen = self._seen.pop(track_id)
            self._summary.people += 1
            line = {
                "type": "track",
                "track_id": track_id,
                "from_s": round(seen.first_s, 2),
                "to_s": round(seen.last_s, 2),
            }
            self._emit(json.dumps(line))

    def _draw(self, picture: Picture, report: FrameReport) -> None:
        bgr = picture.bgr()
        if bgr is None or self._writer is None or self._pipeline is None:
            return
        lens = self._pipeline.camera.lens
        if bgr.shape[:2] != (lens.height_px, lens.width_px):
            bgr = cast("Bgr", cv2.resize(bgr, (lens.width_px, lens.height_px), interpolation=cv2.INTER_AREA))
        annotate(bgr, report.tracks)
        self._writer.write(bgr)


def _alert_line(alert: Alert, at_s: float, *, placed: bool) -> str:
    content = alert.model_dump(mode="json")
    if not placed:
        content["position"] = None  # nominal metres are no place
    return json.dumps({"type": "alert", "video_s": round(at_s, 2), **content}, ensure_ascii=False)


def _live_frames(
    address: str, timeouts: Timeouts, stop: threading.Event, now: Callable[[], datetime]
) -> Iterator[SourceFrame]:
    """Pictures of a live address; once it has answered, a break is a missing picture and another attempt."""
    began, index, failures, back_off = now(), 0, 0, BackOff()
    while not stop.is_set():
        try:
            for picture in live_pictures(address, timeouts, stop):
                failures = 0
                yield SourceFrame((now() - began).total_seconds(), picture, index)
                index += 1
        except SourceError:
            if index == 0:
                raise
            failures += 1
            yield SourceFrame((now() - began).total_seconds(), None, index)
            stop.wait(back_off.after(failures))


@contextlib.contextmanager
def _progress(total: int | None, *, wanted: bool) -> Generator[Callable[[int], None]]:
    """A bar on the terminal, or nothing."""
    if not wanted:
        yield lambda _index: None
        return
    columns = (TextColumn("watching"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("watching", total=total)
        yield lambda index: bar.update(task, completed=index + 1)
