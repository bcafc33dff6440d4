"""Vision workers: real processes on real streams, killed, cut off and stopped."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vision.clips import LiveCamera, empty_bank, somebody_on_the_foreshore, write_video
from tests.vision.toy import GEOMETRY, ORIGIN, camera
from vision.alert import AlertKind, CameraHealth, FrameReport
from vision.camera import Camera
from vision.scene import SceneContext
from vision.source import BackOff, Timeouts
from vision.worker import VisionWorkers

pytestmark = pytest.mark.realtime

_LONGEST_S = 90.0
_BACK_OFF = BackOff(0.2, 0.5)


class Heard:
    """What was reported, and waiting for a certain report."""

    def __init__(self) -> None:
        self.reports: list[FrameReport] = []
        self._news = asyncio.Event()

    def __call__(self, report: FrameReport) -> None:
        self.reports.append(report)
        self._news.set()

    async def next(self, wanted: Callable[[FrameReport], bool]) -> FrameReport:
        """The first such report from now on."""
        seen = len(self.reports)
        async with asyncio.timeout(_LONGEST_S):
            while True:
                for report in self.reports[seen:]:
                    if wanted(report):
                        return report
                seen = len(self.reports)
                self._news.clear()
                await self._news.wait()


def eye(camera_id: str, stream: str) -> Camera:
    return camera(camera_id).model_copy(update={"stream": stream})


def workers(
    *cameras: Camera, evidence_dir: Path | None = None, most_mb: float | None = None, silent_s: float = 15.0
) -> VisionWorkers:
    return VisionWorkers(
        cameras,
        GEOMETRY,
        ORIGIN,
        evidence_dir=evidence_dir,
        timeouts=Timeouts(5.0, 1.0),
        back_off=_BACK_OFF,
        restart=_BACK_OFF,
        most_mb=most_mb,
        silent_s=silent_s,
    )


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait({task})
    assert task.cancelled()


def ok(report: FrameReport) -> bool:
    return report.health is CameraHealth.OK


def lost(report: FrameReport) -> bool:
    return report.health is CameraHealth.LOST


def test_a_dead_worker_is_replaced_its_camera_lost_meanwhile_and_nothing_is_left_behind() -> None:
    async def story(live: LiveCamera) -> None:
        heard = Heard()
        vision = workers(eye("toy", live.address))
        task = asyncio.create_task(vision.run(heard))
        first = await heard.next(ok)
        assert any(report.preview_jpeg for report in heard.reports)
        (victim,) = vision.process_ids
        os.kill(victim, signal.SIGKILL)
        gone = await heard.next(lost)
        assert [alert.kind for alert in gone.alerts] == [AlertKind.CAMERA_FAULT]
        assert "vision worker ended" in gone.health_reason
        again = await heard.next(ok)
        assert again.at > gone.at > first.at
        (successor,) = vision.process_ids
        assert successor != victim
        await stopped(task)
        assert vision.process_ids == ()
        assert multiprocessing.active_children() == []

    with LiveCamera(empty_bank(10)) as live:
        asyncio.run(story(live))


def test_a_silent_stream_is_told_once_and_found_again() -> None:
    async def story() -> None:
        loop, heard, images = asyncio.get_running_loop(), Heard(), empty_bank(10)
        live = LiveCamera(images).__enter__()
        task = asyncio.create_task(workers(eye("toy", live.address)).run(heard))
        await heard.next(ok)
        await loop.run_in_executor(None, live.close)
        gone = await heard.next(lost)
        assert "no picture for" in gone.health_reason
        assert [alert.kind for alert in gone.alerts] == [AlertKind.CAMERA_FAULT]
        with LiveCamera(images, port=live.port):
            await heard.next(ok)
            await stopped(task)
        faults = [alert for report in heard.reports for alert in report.alerts]
        assert len(faults) == 1

    asyncio.run(story())


def test_cameras_share_a_worker_and_each_hears_its_own_context(tmp_path: Path) -> None:
    async def story() -> None:
        clip = str(write_video(tmp_path / "clip.avi", somebody_on_the_foreshore()))
        heard = Heard()
        vision = workers(eye("watched", clip), eye("free", clip), evidence_dir=tmp_path / "evidence")
        vision.set_context(SceneContext(active_zone_ids=frozenset()), "free")
        task = asyncio.create_task(vision.run(heard))
        told = await heard.next(lambda report: bool(report.alerts))
        kept = await heard.next(lambda report: bool(report.evidence))
        await heard.next(lambda report: report.camera_id == "free" and bool(report.tracks))
        await stopped(task)
        assert (told.camera_id, told.alerts[0].kind) == ("watched", AlertKind.ZONE_ENTRY)
        assert {report.camera_id for report in heard.reports if report.alerts} == {"watched"}
        (snapshot,) = kept.evidence
        assert (snapshot.what, snapshot.alert_id) == ("snapshot", told.alerts[0].id)
        assert snapshot.path is not None
        for path, digest in snapshot.sha256.items():
            data = (tmp_path / "evidence" / path).read_bytes()
            assert data.startswith(b"\xff\xd8")
            assert hashlib.sha256(data).hexdigest() == digest
        # It was stopped in the middle of the clip: finished or dropped, never half.
        files = sorted(path.name for path in (tmp_path / "evidence" / "watched").iterdir())
        assert not [name for name in files if name.startswith(".")]
        assert len([name for name in files if name.endswith(".webm")]) in {0, 1, 2}

    asyncio.run(story())


def test_a_worker_cancelled_while_it_starts_leaves_nothing_behind() -> None:
    async def story() -> None:
        vision = workers(eye("toy", "http://127.0.0.1:9/cam"))
        task = asyncio.create_task(vision.run(Heard()))
        await asyncio.sleep(0)
        await stopped(task)
        assert multiprocessing.active_children() == []

    asyncio.run(story())


def test_without_cameras_there_is_nothing_to_run_and_it_still_waits() -> None:
    async def story() -> None:
        task = asyncio.create_task(workers().run(Heard()))
        await asyncio.sleep(0)
        assert not task.done()
        await stopped(task)

    asyncio.run(story())


def test_a_worker_that_grows_too_large_is_replaced_without_a_fault_and_its_clip_is_finished(tmp_path: Path) -> None:
    async def story() -> None:
        clip = str(write_video(tmp_path / "clip.avi", somebody_on_the_foreshore()))
        heard = Heard()
        vision = workers(eye("toy", clip), evidence_dir=tmp_path / "evidence", most_mb=1e6)
        task = asyncio.create_task(vision.run(heard))
        told = await heard.next(lambda report: bool(report.alerts))
        (first,) = vision.process_ids
        vision.most_mb = 1.0
        kept = await heard.next(lambda report: any(one.what == "clip" for one in report.evidence))
        vision.most_mb = 1e6
        await heard.next(lambda report: report.vitals is not None and report.vitals.worker_restarts == 1)
        assert vision.process_ids != (first,)
        await stopped(task)
        assert [one.alert_id for one in kept.evidence if one.what == "clip"] == [told.alerts[0].id]
        (update,) = (one for one in kept.evidence if one.what == "clip")
        assert update.note == "cut: the vision worker ended"
        assert all((tmp_path / "evidence" / path).is_file() for path in update.sha256)
        assert AlertKind.CAMERA_FAULT not in {alert.kind for report in heard.reports for alert in report.alerts}

    asyncio.run(story())


def test_a_worker_that_hangs_is_replaced() -> None:
    async def story(live: LiveCamera) -> None:
        heard = Heard()
        vision = workers(eye("toy", live.address), silent_s=2.0)
        task = asyncio.create_task(vision.run(heard))
        await heard.next(ok)
        (victim,) = vision.process_ids
        os.kill(victim, signal.SIGSTOP)
        gone = await heard.next(lost)
        assert "fell silent" in gone.health_reason
        await heard.next(ok)
        assert vision.process_ids != (victim,)
        await stopped(task)

    with LiveCamera(empty_bank(10)) as live:
        asyncio.run(story(live))


def test_a_camera_s_vitals_tell_rate_delay_and_memory() -> None:
    async def story(live: LiveCamera) -> None:
        heard = Heard()
        task = asyncio.create_task(workers(eye("toy", live.address)).run(heard))
        report = await heard.next(lambda report: report.vitals is not None and report.vitals.analysed_fps > 0)
        await stopped(task)
        vitals = report.vitals
        assert vitals is not None
        assert vitals.picture_at is not None
        assert vitals.worker_p50_s is not None
        assert vitals.worker_p95_s is not None
        assert vitals.service_p95_s is not None
        assert 0 <= vitals.worker_p50_s <= vitals.worker_p95_s
        assert vitals.worker_mb is not None
        assert vitals.worker_mb > 20
        assert (vitals.undecodable, vitals.disconnects, vitals.worker_restarts) == (0, 0, 0)

    with LiveCamera(empty_bank(10)) as live:
        asyncio.run(story(live))
