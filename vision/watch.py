"""Vision alone on any source: what `chaoxun watch SOURCE [--camera FILE] [--out DIR] [--json]` does.

A recording is looked at to its end as fast as the machine can; a live address until Ctrl-C, connecting again whenever
it falls silent. Without a camera file the picture is all there is (vision/uncalibrated.py).
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from geofence.errors import InvalidInput, Problem
from vision.alert import CameraHealth, FrameReport
from vision.camera_file import load_camera_file
from vision.errors import OutputUnwritable, SourceError
from vision.evidence import folder_sink
from vision.newest import NewestPicture
from vision.picture import Picture
from vision.pipeline import CameraPipeline, EvidenceSink
from vision.scene import SceneModel
from vision.source import BackOff, Timeouts, is_live, keep_reading, open_recorded, shown
from vision.uncalibrated import UncalibratedPipeline
from vision.watch_output import AnnotatedVideo, Emit, Summary, Teller, progress_bar

RECORDED_FROM = datetime(1970, 1, 1, tzinfo=UTC)
"""When a recording was made is not known: its times count from here, and `video_s` says the second."""
_TRACK_GONE_S = 5.0
_ASPECT_TOLERANCE = 0.03
_POLL_S = 0.05
_JOIN_S = 1.0
_WIDEST_VIDEO_PX = 640
_FPS = 5.0  # without a camera file


@dataclass(frozen=True, slots=True)
class Live:
    """How a live source is read; `stop` ends the watch from another thread."""

    stop: threading.Event
    timeouts: Timeouts
    back_off: BackOff

    @classmethod
    def usual(cls) -> Live:
        return cls(threading.Event(), Timeouts(), BackOff())


def watch(
    source: str,
    *,
    camera_file: Path | None = None,
    out_dir: Path | None = None,
    json: bool = False,
    scene: SceneModel | None = None,
    emit: Emit | None = None,
    live: Live | None = None,
) -> Summary:
    """Tells alerts as they are seen, one a line; with `json` each line is a JSON object.

    `scene` stands in for a camera file. Raises SourceError when the source cannot be used, or ends before its end
    (what came before has been told); InvalidInput for a wrong camera file; OutputUnwritable.
    """
    if scene is None and camera_file is not None:
        scene = load_camera_file(camera_file)
    if scene is None:
        _note(
            "no --camera: people are tracked and a fall on land is told, "
            "but without places and zones no other rule can work"
        )
    summary = Summary(shown(source), calibrated=scene is not None)
    session = _Session(scene, out_dir, _stem(source), Teller(emit or _print, json, scene is not None), summary)
    with session.whole():
        if is_live(source):
            _watch_live(source, session, live or Live.usual())
        else:
            _watch_recorded(source, session)
    return summary


def _watch_recorded(source: str, session: _Session) -> None:
    recorded = open_recorded(source)
    session.fps = min(session.fps, recorded.fps)
    length_s = recorded.declared_frames / recorded.fps if recorded.declared_frames else None
    with progress_bar(length_s) as advance, closing(recorded.frames(session.fps)) as frames:
        for frame in frames:
            at = RECORDED_FROM + timedelta(seconds=frame.at_s)
            if frame.picture is None:
                session.missing("the picture cannot be decoded", at, frame.at_s)
            else:
                session.look(frame.picture, at, frame.at_s)
            advance(frame.at_s)


def _watch_live(source: str, session: _Session, live: Live) -> None:
    newest, news, ended = NewestPicture(1.0 / session.fps), threading.Event(), threading.Event()
    first_trouble: list[SourceError] = []

    def on_picture(picture: Picture) -> None:
        newest.put(picture)
        news.set()

    def on_trouble(error: SourceError, pause_s: float) -> None:
        newest.put_trouble(f"{error}; next attempt in {pause_s:g} s")
        first_trouble.append(error)
        del first_trouble[1:]
        news.set()

    def read() -> None:
        try:
            keep_reading(
                source, on_picture, on_trouble, ended, fps=session.fps, timeouts=live.timeouts, back_off=live.back_off
            )
        finally:
            ended.set()

    reader = threading.Thread(target=read, name="watch-reader", daemon=True)
    begun, begun_s = datetime.now(UTC), time.monotonic()
    reader.start()
    try:
        while not live.stop.is_set() and not ended.is_set():
            news.wait(_POLL_S)
            news.clear()
            now_s = time.monotonic()
            if (taken := newest.take(now_s)) is not None:
                at_s = taken[0] - begun_s
                session.look(taken[1], begun + timedelta(seconds=at_s), at_s)
            elif not session.begun:
                if first_trouble:
                    raise first_trouble[0]  # it never answered: more likely a wrong address than a lost camera
            elif (why := newest.missing(now_s)) is not None:
                session.missing(why, begun + timedelta(seconds=now_s - begun_s), now_s - begun_s)
    finally:
        ended.set()
        reader.join(_JOIN_S)


class _Session:
    """One watch under way. Its pipeline begins with the first picture, whose size an uncalibrated one needs."""

    def __init__(
        self, scene: SceneModel | None, out_dir: Path | None, name: str, teller: Teller, summary: Summary
    ) -> None:
        self.fps = _FPS if scene is None else scene.projection.camera.analysis_fps
        self._scene, self._out_dir, self._name = scene, out_dir, name
        self._teller, self._summary = teller, summary
        self._pipeline: CameraPipeline | None = None
        self._video: AnnotatedVideo | None = None
        self._health = CameraHealth.STARTING
        self._counted_s = float("-inf")
        self._seen: dict[int, tuple[float, float]] = {}  # track: first and last second

    @property
    def begun(self) -> bool:
        return self._pipeline is not None

    @contextmanager
    def whole(self) -> Generator[None]:
        """Whatever ends it, the video is closed and the summary told, if there was a picture at all."""
        try:
            yield
        except SourceError as error:
            self._summary.problem = str(error)
            raise
        finally:
            if self._video is not None:
                self._video.close()
            if self._pipeline is not None:
                self._end_tracks(before_s=float("inf"))
                self._teller.end(self._summary)

    def look(self, picture: Picture, at: datetime, at_s: float) -> None:
        bgr = picture.bgr()
        if self._pipeline is None:
            if bgr is None:
                return
            self._pipeline = self._begin(bgr.shape[1], bgr.shape[0])
        self._summary.frames += 1
        report = self._pipeline.process_picture(at, picture)
        self._tell(report, at_s)
        if self._video is not None:
            self._video.add(bgr, report.tracks, at_s)

    def missing(self, why: str, at: datetime, at_s: float) -> None:
        if self._pipeline is None:
            return
        self._tell(self._pipeline.note_missing(at, why), at_s)
        if self._video is not None:
            self._video.add(None, (), at_s)

    def _begin(self, width_px: int, height_px: int) -> CameraPipeline:
        pipeline = self._pipeline_for(width_px, height_px)
        lens = pipeline.camera.lens
        if abs(width_px / height_px * lens.height_px / lens.width_px - 1.0) > _ASPECT_TOLERANCE:
            reason = (
                f"says {lens.width_px}x{lens.height_px}, but the picture is {width_px}x{height_px}, of another "
                "shape: this calibration is of another camera or another of its streams"
            )
            raise InvalidInput([Problem("camera.lens", reason)])
        if self._out_dir is not None:
            shrink = min(1.0, _WIDEST_VIDEO_PX / width_px)
            size = (lens.width_px, lens.height_px)
            if self._scene is None:
                size = (2 * round(width_px * shrink / 2), 2 * round(height_px * shrink / 2))
            self._video = AnnotatedVideo(self._out_dir / f"{self._name}.webm", lens, size, self.fps)
            self._summary.video = self._video.path
        return pipeline

    def _pipeline_for(self, width_px: int, height_px: int) -> CameraPipeline:
        scene = self._scene
        if scene is None:
            self._summary.people = 0
            return UncalibratedPipeline(width_px, height_px, evidence=self._sink())
        camera = scene.projection.camera
        return CameraPipeline(camera, scene, seed=0, preview_every_s=float("inf"), evidence=self._sink())

    def _sink(self) -> EvidenceSink | None:
        if self._out_dir is None:
            return None
        try:
            self._out_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputUnwritable(f"cannot write into {self._out_dir}: {error.strerror or error}") from error
        return folder_sink(self._out_dir)

    def _tell(self, report: FrameReport, at_s: float) -> None:
        self._summary.seconds = at_s
        for alert in report.alerts:
            self._summary.alerts[alert.kind.value] = self._summary.alerts.get(alert.kind.value, 0) + 1
            self._teller.alert(alert, at_s)
        if report.health is not self._health:
            if report.health is CameraHealth.OK:
                self._teller.health(report, at_s)
            self._health = report.health
        for view in report.tracks:
            first_s, _ = self._seen.get(view.track_id, (at_s, at_s))
            self._seen[view.track_id] = (first_s, at_s)
        if isinstance(self._pipeline, UncalibratedPipeline) and at_s >= self._counted_s + 1.0:
            self._counted_s = at_s
            self._summary.count(self._pipeline.people_now())
        self._end_tracks(before_s=at_s - _TRACK_GONE_S)

    def _end_tracks(self, before_s: float) -> None:
        for track_id in [key for key, (_, last_s) in self._seen.items() if last_s < before_s]:
            first_s, last_s = self._seen.pop(track_id)
            self._summary.tracks += 1
            told = self._pipeline.verdict(track_id) if isinstance(self._pipeline, UncalibratedPipeline) else None
            if told is not None and told.person:
                self._summary.people = (self._summary.people or 0) + 1
            self._teller.track(track_id, first_s, last_s, told)


def _stem(source: str) -> str:
    """The name of the annotated video."""
    path = Path(urlsplit(source).path if is_live(source) else source)
    return path.stem or "watch"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _note(text: str) -> None:
    sys.stderr.write(text + "\n")
