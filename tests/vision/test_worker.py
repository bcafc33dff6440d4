"""Worker processes against real MJPEG streams on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
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


async def reports_until(workers: VisionWorkers, enough: asyncio.Event, seen: list[FrameReport]) -> None:
    """Runs the workers until `enough` is set by whoever looks at `seen`."""
    running = asyncio.create_task(workers.run(seen.append))
    try:
        async with asyncio.timeout(60):
            await enough.wait()
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert workers.process_ids == ()


def test_reports_of_a_live_stream_arrive_and_shutdown_leaves_no_process() -> None:
    async def story() -> list[FrameReport]:
        with MjpegServer(noisy) as server:
            workers = workers_for([at(server.address)])
            workers.set_context(SceneContext(water_amsl_m=2.0))
            seen: list[FrameReport] = []
            enough = asyncio.Event()
            watch = asyncio.create_task(when(lambda: any(r.health is CameraHealth.OK for r in seen), enough))
            await reports_until(workers, enough, seen)
            await watch
            return seen

    seen = asyncio.run(story())
    assert {report.camera_id for report in seen} == {"toy"}
    times = [report.at for report in seen]
    assert times == sorted(times)


def test_a_dead_worker_is_replaced() -> None:
    async def story() -> None:
        with MjpegServer(noisy) as server:
            workers = workers_for([at(server.address)])
            seen: list[FrameReport] = []
            enough = asyncio.Event()

            async def kill_and_wait() -> None:
                await when(lambda: len(seen) > 3, asyncio.Event())
                first = workers.process_ids[0]
                os.kill(first, signal.SIGKILL)
                await when(lambda: workers.process_ids not in {(), (first,)}, asyncio.Event())
                already = len(seen)
                await when(lambda: len(seen) > already + 3, enough)

            watch = asyncio.create_task(kill_and_wait())
            await reports_until(workers, enough, seen)
            await watch

    asyncio.run(story())


def test_a_camera_that_is_not_there_is_reported_lost_once_while_the_other_goes_on(tmp_path: Path) -> None:
    async def story() -> list[FrameReport]:
        with MjpegServer(noisy) as server:
            dead = server.address.replace("camera.mjpg", "gone.mjpg")
            workers = workers_for([at(server.address, "good"), at(dead, "bad")], tmp_path)
            seen: list[FrameReport] = []
            enough = asyncio.Event()

            def told() -> bool:
                lost = [r for r in seen if r.camera_id == "bad" and r.health is CameraHealth.LOST]
                return len(lost) >= 3 and any(r.camera_id == "good" and r.health is CameraHealth.OK for r in seen)

            watch = asyncio.create_task(when(told, enough))
            await reports_until(workers, enough, seen)
            await watch
            return seen

    seen = asyncio.run(story())
    alerts = [alert for report in seen for alert in report.alerts]
    assert [(alert.kind, alert.camera_id) for alert in alerts] == [(AlertKind.CAMERA_FAULT, "bad")]
    assert "404" in alerts[0].details["reason"]


async def when(condition: object, event: asyncio.Event) -> None:
    """Looks again whenever the loop comes round; sets the event when the condition holds."""
    assert callable(condition)
    while not condition():
        await asyncio.sleep(0.02)
    event.set()
