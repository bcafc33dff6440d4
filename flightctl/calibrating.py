"""Calibrates the site's cameras for the panel: fits, shows what comes of it, and puts it into the site file.

The fit is work for seconds of the processor, so it runs in a thread. What is accepted takes effect at the next start:
the workers, the map and the drone's reckoning all read a camera once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import numpy as np

from flightctl.api.calibration_views import (
    CalibrationRequest,
    CalibrationResult,
    CalibrationStored,
    CalibrationValueView,
    OverlayLineView,
    OverlayView,
    PointResidualView,
)
from flightctl.api.face import NotFound, NotNow
from flightctl.scene import scene_geometry
from flightctl.site_edit import write_calibration
from flightctl.site_loading import Site
from geofence.position import Enu
from vision.calibration import Projection
from vision.camera import Camera
from vision.camera_block import camera_block
from vision.camera_fit import Solve
from vision.camera_fit_report import Calibrated, calibrate
from vision.control_points import rescaled
from vision.errors import CalibrationRefused
from vision.overlay import overlay
from vision.scene import SceneModel


class CalibrationDesk:
    def __init__(
        self,
        site: Site,
        water_amsl_m: Callable[[Enu], float],
        write: Callable[[Camera], None] | None = None,
    ) -> None:
        """`write` stands for the site file in tests."""
        self._site, self._water_amsl_m, self._write = site, water_amsl_m, write
        self._one_at_a_time = asyncio.Lock()

    async def overlay(self, camera_id: str) -> OverlayView:
        """What the present calibration says. Raises NotFound."""
        camera = self._camera(camera_id)
        return await asyncio.to_thread(self._overlay, camera)

    async def trial(self, camera_id: str, order: CalibrationRequest) -> CalibrationResult:
        """Raises NotFound, and CalibrationRefused when there is nothing to show."""
        camera = self._camera(camera_id)
        async with self._one_at_a_time:
            return (await asyncio.to_thread(self._fitted, camera, order))[1]

    async def accept(self, camera_id: str, order: CalibrationRequest) -> CalibrationStored:
        """Fits once more and writes. Raises NotFound, CalibrationRefused, NotNow, SiteNotChanged."""
        camera = self._camera(camera_id)
        if self._site.file.simulated and self._write is None:
            raise NotNow(
                "this site is simulated: its cameras hang where the simulation has them; nothing was written"
            )
        async with self._one_at_a_time:
            done, result = await asyncio.to_thread(self._fitted, camera, order)
            if done.refusals:
                raise CalibrationRefused(done.refusals)
            await asyncio.to_thread(self._stored, done.camera)
        return CalibrationStored(camera_id=camera_id, result=result)

    def _stored(self, camera: Camera) -> None:
        if self._write is not None:
            self._write(camera)
        else:
            write_calibration(self._site.folder / "site.yaml", camera)

    def _camera(self, camera_id: str) -> Camera:
        for camera in self._site.file.cameras:
            if camera.id == camera_id:
                return camera
        raise NotFound(f"there is no camera {camera_id!r}")

    def _fitted(self, camera: Camera, order: CalibrationRequest) -> tuple[Calibrated, CalibrationResult]:
        names = [point.name for point in order.points]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise CalibrationRefused([f"{', '.join(twice)} stands here twice; a wrong point is told by its name."])
        points = rescaled(order.points, (order.width_px, order.height_px), camera.lens)
        solve = Solve(position=not order.fix_position, focal=not order.fix_focal, distortion=order.distortion)
        done = calibrate(points, camera, self._site.frame, solve, np.random.default_rng(0))
        return done, CalibrationResult(
            accepted=not done.refusals,
            refusals=done.refusals,
            rms_px=done.rms_px,
            rms_limit_px=done.rms_limit_px,
            ground_sigma_at_100_m=done.ground_sigma_m,
            points=tuple(
                PointResidualView(
                    name=p.name,
                    off_u_px=p.off_u_px,
                    off_v_px=p.off_v_px,
                    off_px=p.off_px,
                    off_m=p.off_m,
                    agrees=p.agrees,
                )
                for p in done.points
            ),
            values=tuple(
                CalibrationValueView(name=v.name, before=v.before, after=v.after, sigma=_finite(v.sigma))
                for v in done.values
            ),
            block=camera_block(done.camera),
            overlay=self._overlay(done.camera),
        )

    def _overlay(self, camera: Camera) -> OverlayView:
        site = self._site
        projection = Projection(camera, site.frame)
        geometry = scene_geometry(site, water_amsl_m=self._water_amsl_m(projection.position))
        lines = overlay(projection, geometry.promenade_amsl_m, SceneModel(projection, geometry))
        return OverlayView(
            width_px=camera.lens.width_px,
            height_px=camera.lens.height_px,
            lines=tuple(OverlayLineView(kind=line.kind, label=line.label, points=line.points) for line in lines),
        )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
