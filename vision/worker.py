"""Vision in processes of its own: each reads a group of cameras and sends FrameReports to the control loop.

    asyncio loop ──contexts──► worker process ── one reader thread a camera ──► latest picture only
                 ◄──reports───                └─ one loop: CameraPipeline a camera

A picture that comes while the last is still being looked at replaces the one that waits: frames are dropped, never
queued. A worker that dies is replaced; its cameras begin to learn their empty scene again.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import structlog

from geofence.position import LatLon, LocalFrame
from vision.alert import FrameReport
from vision.calibration import Projection
from vision.camera import Camera
from vision.errors import SourceError
from vision.picture import Picture
from vision.pipeline import CameraPipeline
from vision.scene import SceneContext, SceneGeometry, SceneModel
from vision.source import BackOff, Timeouts, keep_reading

_log = structlog.get_logger()
_MISSING_EVERY_S = 1.0
_STOP_WAIT_S = 5.0


@dataclass(frozen=True)
class WorkerPlan:
    """All a worker needs; travels to the new process."""

    cameras: tuple[Camera, ...]
    geometry: SceneGeometry
    origin: LatLon
    seed: int
    preview_every_s: float
    evidence_dir: Path | None
    timeouts: Timeouts
    back_off: BackOff
    contexts: dict[str, SceneContext]  # by camera id
    utc_anchor: datetime  # the control loop's UTC ...
    monotonic_anchor_s: float  # ... at this reading of the machine's monotonic clock


class VisionWorkers:
    """The processes and the way to and from them."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        geometry: SceneGeometry,
        origin: LatLon,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        workers: int = 1,
        preview_every_s: float = 1.0,
        evidence_dir: Path | None = None,
        timeouts: Timeouts | None = None,
        back_off: BackOff | None = None,
        restart_after_s: float = 1.0,
    ) -> None:
        count = max(1, min(workers, len(cameras)))
        self._groups = [tuple(cameras[index::count]) for index in range(count)] if cameras else []
        self._geometry, self._origin, self._now, self._seed = geometry, origin, now, seed
        self._preview_every_s, self._evidence_dir = preview_every_s, evidence_dir
        self._timeouts, self._back_off = timeouts or Timeouts(), back_off or BackOff()
        self._restart_after_s = restart_after_s
        self._contexts: dict[str, SceneContext] = {}
        self._live: dict[int, tuple[BaseProcess, Connection]] = {}
        self._spawn = multiprocessing.get_context("spawn")

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the workers that run now."""
        return tuple(process.pid for process, _ in self._live.values() if process.pid is not None)

    def set_context(self, context: SceneContext, camera_id: str | None = None) -> None:
        """The water's level and the zones in force, for one camera or all; survives a worker's replacement."""
        for index, group in enumerate(self._groups):
            for camera in group:
                if camera_id in {None, camera.id}:
                    self._contexts[camera.id] = context
                    if index in self._live:
                        with contextlib.suppress(OSError):  # it has just died; its successor gets the context
                            self._live[index][1].send((camera.id, context))

    async def run(self, on_report: Callable[[FrameReport], None]) -> None:
        """Runs the workers until cancelled; reports arrive in this task's loop."""
        if not self._groups:
            await asyncio.get_running_loop().create_future()
        # A thread a worker, blocked in recv: works on every platform's event loop.
        with ThreadPoolExecutor(len(self._groups), thread_name_prefix="vision-reports") as threads:
            async with asyncio.TaskGroup() as group:
                for index in range(len(self._groups)):
                    group.create_task(self._keep(index, on_report, threads))

    async def _keep(self, index: int, on_report: Callable[[FrameReport], None], threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            process, connection = self._start(index)
            try:
                while True:
                    report = await loop.run_in_executor(threads, _received, connection)
                    if report is None:
                        break
                    on_report(report)
            finally:
                self._live.pop(index, None)
                _end(process, connection)
            names = [camera.id for camera in self._groups[index]]
            _log.warning("vision worker ended, starting another", cameras=names, exit_code=process.exitcode)
            await asyncio.sleep(self._restart_after_s)

    def _start(self, index: int) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._spawn.Pipe()
        plan = WorkerPlan(
            cameras=self._groups[index],
            geometry=self._geometry,
            origin=self._origin,
            seed=self._seed,
            preview_every_s=self._preview_every_s,
            evidence_dir=self._evidence_dir,
            timeouts=self._timeouts,
            back_off=self._back_off,
            contexts={c.id: self._contexts[c.id] for c in self._groups[index] if c.id in self._contexts},
            utc_anchor=self._now(),
            monotonic_anchor_s=time.monotonic(),
        )
        process = self._spawn.Process(target=work, args=(plan, theirs), name=f"vision-{index}", daemon=True)
        process.start()
        theirs.close()  # so that its death is our end of file
        self._live[index] = (process, ours)
        return process, ours


def _received(connection: Connection) -> FrameReport | None:
    """Blocks for the next report; None when the worker is gone."""
    try:
        return cast("FrameReport", connection.recv())
    except (EOFError, OSError):
        return None


def _end(process: BaseProcess, connection: Connection) -> None:
    """Asks the worker to stop and makes sure of it."""
    with contextlib.suppress(OSError):
        connection.send(None)
    process.join(_STOP_WAIT_S)
    if process.is_alive():
        process.terminate()
        process.join(_STOP_WAIT_S)
    if process.is_alive():
        process.kill()
        process.join()
    connection.close()


# --- in the worker's process


@dataclass
class _Eye:
    """One camera in the worker: its pipeline and the one picture that waits."""

    pipeline: CameraPipeline
    period_s: float
    waiting: tuple[float, Picture] | None = None
    due_s: float = 0.0
    heard_s: float = 0.0  # last picture or report of its absence
    trouble: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


def work(plan: WorkerPlan, connection: Connection) -> None:
    """The worker's main function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    stop, news = threading.Event(), threading.Event()
    frame = LocalFrame(plan.origin)
    eyes = {camera.id: _eye(camera, plan, frame) for camera in plan.cameras}
    readers = [
        threading.Thread(target=_read, args=(camera.stream, eyes[camera.id], plan, stop, news), daemon=True)
        for camera in plan.cameras
    ]
    for reader in readers:
        reader.start()
    try:
        while _obeyed(connection, eyes):
            news.wait(0.05)
            news.clear()
            for eye in eyes.values():
                report = _look(eye, plan)
                if report is not None:
                    connection.send(report)
    except (EOFError, OSError):
        pass  # the service is gone
    finally:
        stop.set()


def _eye(camera: Camera, plan: WorkerPlan, frame: LocalFrame) -> _Eye:
    sink = None
    if plan.evidence_dir is not None:
        folder = plan.evidence_dir

        def keep(name: str, data: bytes) -> str | None:
            return kept(folder, f"{camera.id}/{name}", data)

        sink = keep
    scene = SceneModel(Projection(camera, frame), plan.geometry)
    pipeline = CameraPipeline(
        camera, scene, seed=plan.seed, preview_every_s=plan.preview_every_s, evidence=sink
    )  # fmt: skip
    if camera.id in plan.contexts:
        pipeline.set_context(plan.contexts[camera.id])
    return _Eye(pipeline, 1.0 / camera.analysis_fps, heard_s=time.monotonic())


def kept(folder: Path, name: str, data: bytes) -> str | None:
    """An EvidenceSink into a folder; answers the relative path, or None when the disk refuses."""
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        _log.error("evidence could not be written", path=str(path), error=str(error))
        return None
    return name


def _read(stream: str, eye: _Eye, plan: WorkerPlan, stop: threading.Event, news: threading.Event) -> None:
    def on_picture(picture: Picture) -> None:
        with eye.lock:
            eye.waiting = (time.monotonic(), picture)
            eye.trouble = ""
        news.set()

    def on_trouble(error: SourceError, pause_s: float) -> None:
        with eye.lock:
            eye.trouble = f"{error}; next attempt in {pause_s:g} s"

    keep_reading(stream, on_picture, on_trouble, stop, timeouts=plan.timeouts, back_off=plan.back_off)


def _look(eye: _Eye, plan: WorkerPlan) -> FrameReport | None:
    """The report of the picture that waits, if one is due; or of none having come."""
    now_s = time.monotonic()
    with eye.lock:
        due = now_s >= eye.due_s - 0.01
        waiting, trouble = eye.waiting if due else None, eye.trouble
        if waiting is not None:
            eye.waiting = None
    if waiting is not None:
        taken_s, picture = waiting
        eye.due_s = max(eye.due_s + eye.period_s, now_s)
        eye.heard_s = now_s
        return eye.pipeline.process_picture(_utc(plan, taken_s), picture)
    if now_s - eye.heard_s >= _MISSING_EVERY_S:
        eye.heard_s = now_s
        return eye.pipeline.note_missing(_utc(plan, now_s), trouble)
    return None


def _utc(plan: WorkerPlan, monotonic_s: float) -> datetime:
    return plan.utc_anchor + timedelta(seconds=monotonic_s - plan.monotonic_anchor_s)


def _obeyed(connection: Connection, eyes: dict[str, _Eye]) -> bool:
    """Takes the messages that have come; False when one of them says stop."""
    while connection.poll():
        message: Any = connection.recv()
        if message is None:
            return False
        camera_id, context = cast("tuple[str, SceneContext]", message)
        eyes[camera_id].pipeline.set_context(context)
    return True
