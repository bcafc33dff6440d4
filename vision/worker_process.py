"""What runs inside a vision worker: a reader thread and a CameraPipeline for each of its cameras.

A picture that comes while the last is still being looked at replaces the one that waits: pictures are dropped, never
queued. The worker ends when its pipe to the service does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import structlog

from geofence.position import LatLon, LocalFrame
from vision.alert import FrameReport
from vision.analysis_size import analysed
from vision.calibration import Projection
from vision.camera import Camera
from vision.camera_health.shelf import FolderShelf
from vision.clip import ClipLimits
from vision.errors import SourceError
from vision.evidence_keeper import EvidenceKeeper
from vision.evidence_recorder import EvidenceRecorder
from vision.newest import NewestPicture
from vision.picture import Picture
from vision.pipeline import CameraPipeline
from vision.scene import SceneContext, SceneGeometry, SceneModel
from vision.source import BackOff, Timeouts, keep_reading
from vision.vitals import CameraVitals, VitalsWatch

_POLL_S = 0.05
_JOIN_S = 1.0
_KEEP_WITHIN_S = 1.5  # evidence under way when the service is gone
_RETIRE_WITHIN_S = 20.0  # the same when the worker is only replaced


@dataclass(frozen=True)
class WorkerPlan:
    """All a worker needs; travels to the new process."""

    cameras: tuple[Camera, ...]
    geometry: SceneGeometry
    origin: LatLon
    seed: int
    preview_every_s: float
    evidence_dir: Path | None
    clips: ClipLimits
    timeouts: Timeouts
    back_off: BackOff
    utc_anchor: datetime  # the service's UTC ...
    monotonic_anchor_s: float  # ... at this reading of the machine's monotonic clock

    def utc(self, monotonic_s: float) -> datetime:
        return self.utc_anchor + timedelta(seconds=monotonic_s - self.monotonic_anchor_s)


@dataclass(slots=True)
class Eye:
    """One camera in the worker."""

    camera: Camera
    pipeline: CameraPipeline
    newest: NewestPicture
    recorder: EvidenceRecorder | None = None
    vitals: VitalsWatch = field(default_factory=VitalsWatch)
    last: FrameReport | None = None

    def look(self, plan: WorkerPlan) -> FrameReport | None:
        """The report of the picture that waits, when one is due; or of none having come."""
        now_s = time.monotonic()
        taken = self.newest.take(now_s)
        picture: Picture | None = None
        if taken is not None:
            came_s, picture = taken
            report = self.pipeline.process_picture(plan.utc(came_s), picture)
            self.vitals.looked(came_s, time.monotonic(), report.at, broken=picture.broken)
        elif (why := self.newest.missing(now_s)) is not None:
            report = self.pipeline.note_missing(plan.utc(now_s), why)
        else:
            return None
        if self.recorder is not None:
            report = self.recorder.hear(report, picture)
        if self.vitals.due(now_s):
            report = report.model_copy(update={"vitals": self._figures(now_s)})
        self.last = report
        return report

    def _figures(self, now_s: float) -> CameraVitals:
        newest, recorder = self.newest, self.recorder
        return self.vitals.figures(
            now_s,
            dropped=newest.dropped,
            disconnects=newest.disconnects,
            evidence_failures=0 if recorder is None else recorder.failures,
            evidence_bytes=0 if recorder is None else recorder.held_bytes,
        )

    def last_words(self, keeper: EvidenceKeeper) -> FrameReport | None:
        """The evidence that was finished at the end."""
        news = keeper.news(self.camera.id)
        if not news or self.last is None:
            return None
        quiet = {"alerts": (), "tracks": (), "preview_jpeg": None, "vitals": None}
        return self.last.model_copy(update={**quiet, "evidence": news})


def work(plan: WorkerPlan, connection: Connection) -> None:
    """The worker's main function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the service's to handle
    if not structlog.is_configured():
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stop, news = threading.Event(), threading.Event()
    frame = LocalFrame(plan.origin)
    keeper = None if plan.evidence_dir is None else EvidenceKeeper(plan.evidence_dir)
    eyes = {camera.id: _eye(camera, plan, frame, keeper) for camera in plan.cameras}
    readers = [threading.Thread(target=_read, args=(eye, plan, stop, news), daemon=True) for eye in eyes.values()]
    for reader in readers:
        reader.start()
    retiring = False
    with contextlib.suppress(EOFError, OSError):  # the service is gone, or wants us gone
        while not retiring:
            while connection.poll():
                told = cast("tuple[str, SceneContext] | None", connection.recv())
                if told is None:
                    retiring = True
                    break
                camera_id, context = told
                eyes[camera_id].pipeline.set_context(context)
            news.wait(_POLL_S)
            news.clear()
            for eye in eyes.values():
                report = eye.look(plan)
                if report is not None:
                    connection.send(report)
    stop.set()
    if keeper is not None:
        for eye in eyes.values():
            if eye.recorder is not None:
                eye.recorder.cut("cut: the vision worker ended")
        keeper.close(_RETIRE_WITHIN_S if retiring else _KEEP_WITHIN_S)
        with contextlib.suppress(OSError):
            for words in (eye.last_words(keeper) for eye in eyes.values()):
                if words is not None:
                    connection.send(words)
    connection.close()
    give_up_s = time.monotonic() + _JOIN_S
    for reader in readers:
        reader.join(max(give_up_s - time.monotonic(), 0.0))
    if any(reader.is_alive() for reader in readers):  # inside a decoder that still waits for a dead address
        sys.stderr.flush()
        os._exit(0)


def _eye(camera: Camera, plan: WorkerPlan, frame: LocalFrame, keeper: EvidenceKeeper | None) -> Eye:
    camera = analysed(camera)
    scene = SceneModel(Projection(camera, frame), plan.geometry)
    shelf = None if plan.evidence_dir is None else FolderShelf(plan.evidence_dir.parent / "references", camera.id)
    pipeline = CameraPipeline(camera, scene, seed=plan.seed, preview_every_s=plan.preview_every_s, references=shelf)
    recorder = None if keeper is None else EvidenceRecorder(camera, keeper, plan.clips)
    return Eye(camera, pipeline, NewestPicture(1.0 / camera.analysis_fps), recorder)


def _read(eye: Eye, plan: WorkerPlan, stop: threading.Event, news: threading.Event) -> None:
    def on_picture(picture: Picture) -> None:
        eye.newest.put(picture)
        news.set()

    def on_trouble(error: SourceError, pause_s: float) -> None:
        eye.newest.put_trouble(f"{error}; next attempt in {pause_s:g} s")

    keep_reading(
        eye.camera.stream,
        on_picture,
        on_trouble,
        stop,
        fps=eye.camera.analysis_fps,
        timeouts=plan.timeouts,
        back_off=plan.back_off,
    )
