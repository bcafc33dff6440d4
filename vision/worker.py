"""Vision in processes of its own: each reads a group of cameras and sends FrameReports to the control loop.

    asyncio loop ──contexts──► worker process (vision/worker_process.py) ── one reader thread a camera
                 ◄──reports───                └─ CameraPipeline a camera, always on the newest picture

A worker that dies or falls silent is replaced, later each time it happens again at once; until its successor has
pictures, its cameras are reported lost. One whose memory grows past its limit is retired: it finishes the evidence
under way, and its successor begins a moment later, which is no fault of the cameras.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import numpy as np
import structlog

from geofence.identity import uuid7
from geofence.position import LatLon
from vision.alert import Alert, AlertKind, CameraHealth, FrameReport
from vision.camera import Camera
from vision.clip import ClipLimits
from vision.scene import SceneContext, SceneGeometry
from vision.source import BackOff, Timeouts
from vision.vitals import Delays
from vision.worker_process import WorkerPlan, work

_log = structlog.get_logger(__name__)
_START_S = 90.0  # a new interpreter on a busy machine
_STOP_S = 5.0  # evidence under way may be finished
_RETIRE_S = 40.0
_RETIRED = "retired"
_WORKER_MB, _CAMERA_MB = 600.0, 250.0
"""Interpreter, OpenCV and evidence being written; a 1080p decoder, the model and the ring of a camera: about half."""
_SETTLED_S = 30.0  # who lived this long has not failed to start


class VisionWorkers:
    """The processes, and the way to and from them. Implements the service's `VisionPort`."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        geometry: SceneGeometry,
        origin: LatLon,
        *,
        evidence_dir: Path | None = None,
        clips: ClipLimits | None = None,
        workers: int = 1,
        seed: int = 0,
        preview_every_s: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timeouts: Timeouts | None = None,
        back_off: BackOff | None = None,
        restart: BackOff | None = None,
        silent_s: float = 15.0,
        most_mb: float | None = None,
    ) -> None:
        """`back_off` is between attempts at a stream, `restart` between workers.

        Every camera has something to report each second, so a worker silent for `silent_s` hangs and is replaced.
        `most_mb` is a worker's memory; None: what its cameras may need and as much again.
        """
        count = max(1, min(workers, len(cameras)))
        self._groups = [tuple(cameras[index::count]) for index in range(count)] if cameras else []
        self._geometry, self._origin, self._seed, self._now = geometry, origin, seed, now
        self._evidence_dir, self._preview_every_s = evidence_dir, preview_every_s
        self._clips = clips or ClipLimits()
        self._timeouts, self._back_off = timeouts or Timeouts(), back_off or BackOff()
        self._restart = restart or BackOff()
        self._silent_s = silent_s
        self.most_mb = most_mb
        self._restarts = [0] * len(self._groups)
        self._delays: dict[str, Delays] = {}
        self._rng = np.random.default_rng([seed, 0x10057])
        self._contexts: dict[str, SceneContext] = {}
        self._live: dict[int, _Worker] = {}
        self._started = 0
        self._lost: set[str] = set()  # cameras whose worker's end has been told

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the workers that run now."""
        return tuple(worker.process.pid for worker in self._live.values() if worker.process.pid is not None)

    def set_context(self, context: SceneContext, camera_id: str | None = None) -> None:
        """The water's level and the zones in force, for one camera or all; a worker's successor gets them too."""
        for index, group in enumerate(self._groups):
            for camera in group:
                if camera_id in {None, camera.id}:
                    self._contexts[camera.id] = context
                    if index in self._live:
                        self._live[index].tell(camera.id, context)

    def set_water_level(self, water_amsl_m: float) -> None:
        """Only the level; the zones in force stay as they are."""
        at = self._now()
        for group in self._groups:
            for camera in group:
                known = self._contexts.get(camera.id, SceneContext())
                self.set_context(replace(known, at=at, water_amsl_m=water_amsl_m), camera.id)

    async def run(self, on_report: Callable[[FrameReport], None]) -> None:
        """Runs the workers until cancelled; `on_report` is called in this loop's thread."""
        if not self._groups:
            await asyncio.Event().wait()
        # Two threads a worker: one blocked in receive, one to start and end it.
        with ThreadPoolExecutor(2 * len(self._groups), thread_name_prefix="vision") as threads:
            async with asyncio.TaskGroup() as group:
                for index in range(len(self._groups)):
                    group.create_task(self._keep(index, on_report, threads))

    async def _keep(self, index: int, on_report: Callable[[FrameReport], None], threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            begun_s = loop.time()
            reason = await self._one_life(index, on_report, threads)
            failures = 1 if loop.time() - begun_s >= _SETTLED_S else failures + 1
            self._restarts[index] += 1
            pause_s = self._restart.after(failures)
            names = [camera.id for camera in self._groups[index]]
            if reason == _RETIRED:
                _log.info("vision worker retired", cameras=names, in_s=pause_s)
                await asyncio.sleep(pause_s)
                continue
            _log.warning("vision worker replaced", cameras=names, reason=reason, in_s=pause_s)
            for camera in self._groups[index]:
                on_report(self._lost_report(camera, f"its vision worker {reason}; another starts"))
            await asyncio.sleep(pause_s)

    async def _one_life(
        self, index: int, on_report: Callable[[FrameReport], None], threads: ThreadPoolExecutor
    ) -> str:
        """One worker from start to end; answers why it ended."""
        loop = asyncio.get_running_loop()
        worker = _Worker(index, self._plan(index))
        retired = False
        try:
            await asyncio.shield(loop.run_in_executor(threads, worker.start))
            self._live[index] = worker
            for camera in self._groups[index]:  # told while it started
                if camera.id in self._contexts:
                    worker.tell(camera.id, self._contexts[camera.id])
            limit_s = _START_S
            while True:
                async with asyncio.timeout(limit_s):
                    report = await asyncio.shield(loop.run_in_executor(threads, worker.receive))
                if report is None:
                    break
                limit_s = self._silent_s if not retired else _RETIRE_S
                if report.health not in {CameraHealth.LOST, CameraHealth.STARTING}:
                    self._lost.discard(report.camera_id)
                report = self._completed(index, report)
                on_report(report)
                if not retired and self._too_large(index, report):
                    retired = True
                    worker.retire()
        except TimeoutError:
            return "fell silent"
        finally:
            self._live.pop(index, None)
            await asyncio.shield(loop.run_in_executor(threads, worker.end))
        return _RETIRED if retired else f"ended with exit code {worker.process.exitcode}"

    def _completed(self, index: int, report: FrameReport) -> FrameReport:
        """With what only this side knows of the vitals: when reports come, and how often the worker began anew."""
        delays = self._delays.setdefault(report.camera_id, Delays())
        delays.add((self._now() - report.at).total_seconds())
        if report.vitals is None:
            return report
        known = {
            "service_p50_s": delays.percentile(50),
            "service_p95_s": delays.percentile(95),
            "worker_restarts": self._restarts[index],
        }
        return report.model_copy(update={"vitals": report.vitals.model_copy(update=known)})

    def _too_large(self, index: int, report: FrameReport) -> bool:
        if report.vitals is None or report.vitals.worker_mb is None:
            return False
        most_mb = self.most_mb
        if most_mb is None:
            most_mb = _WORKER_MB + _CAMERA_MB * len(self._groups[index])
        if report.vitals.worker_mb <= most_mb:
            return False
        _log.warning("vision worker too large", worker_mb=report.vitals.worker_mb, most_mb=most_mb)
        return True

    def _plan(self, index: int) -> WorkerPlan:
        self._started += 1
        return WorkerPlan(
            cameras=self._groups[index],
            geometry=self._geometry,
            origin=self._origin,
            seed=self._seed + self._started,
            preview_every_s=self._preview_every_s,
            evidence_dir=self._evidence_dir,
            clips=self._clips,
            timeouts=self._timeouts,
            back_off=self._back_off,
            utc_anchor=self._now(),
            monotonic_anchor_s=time.monotonic(),
        )

    def _lost_report(self, camera: Camera, reason: str) -> FrameReport:
        at = self._now()
        alerts: tuple[Alert, ...] = ()
        if camera.id not in self._lost:
            self._lost.add(camera.id)
            details = {"health": CameraHealth.LOST.value, "reason": reason}
            alerts = (
                Alert(
                    id=uuid7(at, self._rng),
                    kind=AlertKind.CAMERA_FAULT,
                    camera_id=camera.id,
                    at=at,
                    position=None,
                    confidence=1.0,
                    details=details,
                ),
            )
        return FrameReport(
            camera_id=camera.id, at=at, health=CameraHealth.LOST, health_reason=reason, alerts=alerts
        )  # fmt: skip


class _Worker:
    """One process and our end of its pipe. `start`, `receive` and `end` block: they are called in threads."""

    def __init__(self, index: int, plan: WorkerPlan) -> None:
        spawn = multiprocessing.get_context("spawn")  # threads and forks do not mix
        ours, self._theirs = spawn.Pipe()
        self._ours: Connection = ours
        self.process = spawn.Process(target=work, args=(plan, self._theirs), name=f"vision-{index}", daemon=True)
        self._lock = threading.Lock()
        self._ended = False

    def start(self) -> None:
        with self._lock:
            if not self._ended:
                self.process.start()
                self._theirs.close()  # so that its death is our end of file

    def tell(self, camera_id: str, context: SceneContext) -> None:
        with contextlib.suppress(OSError):  # it has just died; its successor is told
            self._ours.send((camera_id, context))

    def retire(self) -> None:
        """It finishes what it has begun to write, says so, and ends."""
        with contextlib.suppress(OSError):
            self._ours.send(None)

    def receive(self) -> FrameReport | None:
        """The next report; None when the worker is gone."""
        try:
            return cast("FrameReport", self._ours.recv())
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        """The worker ends when its pipe does; if it does not, it is made to."""
        with self._lock:
            self._ended = True
            _hang_up(self._ours)
            if self.process.pid is None:
                self._theirs.close()
                return
            self.process.join(_STOP_S)
            if self.process.is_alive():
                self.process.terminate()
                self.process.join(_STOP_S)
            if self.process.is_alive():
                self.process.kill()
                self.process.join()


def _hang_up(connection: Connection) -> None:
    """Ends the conversation for both sides, and for a thread of ours that still listens."""
    with socket.socket(fileno=os.dup(connection.fileno())) as ours, contextlib.suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)
