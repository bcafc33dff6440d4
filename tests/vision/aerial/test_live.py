"""A flying camera's stream over a socket: its newest pictures are looked at, and one that is silent is said."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from geofence.position import Enu
from sim.camera.aerial import FlyingCamera, Gazing, SimDroneCamera
from sim.camera.mjpeg_server import MjpegServer
from sim.world import River, Weather, WorldView
from tests.vision.aerial.test_eye import ABOVE, CAMERA, GEOMETRY, GROUND, SITE
from vision.aerial.eye import DroneEye
from vision.aerial.live import LivePictures
from vision.alert import CameraHealth, FrameReport
from vision.camera import Lens
from vision.source import BackOff, Timeouts

SMALL = CAMERA.model_copy(update={"lens": Lens(width_px=160, height_px=96, hfov_deg=60), "analysis_fps": 10.0})


async def first_report(gazing: Gazing | None, wanted: CameraHealth) -> FrameReport:
    flying = FlyingCamera(
        SimDroneCamera("eye", SMALL.model_copy(update={"stream": "http://127.0.0.1/eye.mjpg"}), GROUND),
        lambda: gazing,
    )
    view = WorldView(1.0, River(), Weather(), Enu(0.0, 0.0))
    heard: asyncio.Queue[FrameReport] = asyncio.Queue()
    async with MjpegServer([flying], lambda: view, lambda: datetime.now(UTC), port=0) as server:
        at = SMALL.model_copy(update={"stream": f"http://127.0.0.1:{server.port}/eye.mjpg"})
        eye = DroneEye("eye", at, SITE.frame, GEOMETRY)
        pictures = LivePictures(lambda: datetime.now(UTC), timeouts=Timeouts(2.0, 0.5), back_off=BackOff(first_s=0.2))
        looking = asyncio.create_task(pictures.look(eye, heard.put_nowait))
        try:
            async with asyncio.timeout(20.0):
                while True:
                    report = await heard.get()
                    if report.health is wanted:
                        return report
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


def test_pictures_of_a_flying_drone_are_looked_at() -> None:
    report = asyncio.run(first_report(ABOVE, CameraHealth.STARTING))
    assert report.camera_id == "eye"
    assert report.preview_jpeg is not None
    assert "not told of the water" in report.health_reason


def test_a_drone_on_the_ground_sends_none_and_that_is_said() -> None:
    report = asyncio.run(first_report(None, CameraHealth.LOST))
    assert not report.tracks
