"""Worker processes against real MJPEG streams on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.vision.mjpeg_server import MjpegServer
from tests.vision.toy import GEOMETRY, ORIGIN, camera
from vision.alert import AlertKind, CameraHealth, FrameReport
from vision.camera import Camera
from vision.scene import SceneContext
from vision.source import BackOff, Timeouts
from vision.worker import VisionWorkers

pytestmark = pytest.mark.realtime


def noisy(index: int) -> bytes:
    rng = np.random.default_rng(index)
    return cv2.imencode(".jpg", rng.normal(120, 3, (360, 640)).astype(np.uint8))[1].tobytes()


def at(stream: str, camera_id: str = "toy") -> Camera:
    return camera(camera_id).model_copy(update={"stream": stream, "analysis_fps": 10.0})


def workers_for(cameras: list[Camera], evidence: Path | None = None) -> VisionWorkers:
    return VisionWorkers(
        cameras, GEOMETRY, ORIGIN, now=lambda: datetime.now(UTC), timeouts=Timeouts(2, 2),
        back_off=BackOff(first_s=0.2), restart_after_s=0.05, evidence_dir=evidence,
    )  # fmt: skip


async def run_until(workers: VisionWorkers, done: Callable[[FrameReport], bool]) -> list[FrameReport]:
    """Runs the workers until a report satisfies `done`; answers all reports, and checks that no process is left."""
    seen: list[FrameReport] = []
    enough = asyncio.Event()

    def on_report(report: FrameReport) -> None:
        seen.append(report)
        if done(report):
            enough.set()

    running = asyncio.create_task(workers.run(on_report))
    try:
        async with asyncio.timeout(90):
            await enough.wait()
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert workers.process_ids == ()
    return seen


def test_reports_of_a_live_stream_arrive_and_shutdown_leaves_no_process() -> None:
    with MjpegServer(noisy) as server:
        workers = workers_for([at(server.address)])
        workers.set_context(SceneContext(water_amsl_m=2.0))
        seen = asyncio.run(run_until(workers, lambda report: report.health is CameraHealth.OK))
    assert {report.camera_id for report in seen} == {"toy"}
    times = [report.at for report in seen]
    assert times == sorted(times)


def test_a_dead_worker_is_replaced() -> None:
    with MjpegServer(noisy) as server:
        workers = workers_for([at(server.address)])
        ids: list[int] = []

        def done(_report: FrameReport) -> bool:
            now = workers.process_ids[0]
            if not ids:
                ids.append(now)
                os.kill(now, signal.SIGKILL)
            return now != ids[0]

        asyncio.run(run_until(workers, done))


def test_a_camera_that_is_not_there_is_told_once_while_the_other_goes_on(tmp_path: Path) -> None:
    healths: dict[str, list[CameraHealth]] = {"good": [], "bad": []}

    def done(report: FrameReport) -> bool:
        healths[report.camera_id].append(report.health)
        return healths["bad"].count(CameraHealth.LOST) >= 3 and CameraHealth.OK in healths["good"]

    with MjpegServer(noisy) as server:
        dead = server.address.replace("camera.mjpg", "gone.mjpg")
        workers = workers_for([at(server.address, "good"), at(dead, "bad")], tmp_path)
        seen = asyncio.run(run_until(workers, done))
    alerts = [alert for report in seen for alert in report.alerts]
    assert [(alert.kind, alert.camera_id) for alert in alerts] == [(AlertKind.CAMERA_FAULT, "bad")]
    assert "404" in alerts[0].details["reason"]
