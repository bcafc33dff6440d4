"""The routes by which the panel calibrates a camera."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from flightctl.api.acting import OPERATOR
from flightctl.api.calibration_views import CalibrationRequest, CalibrationResult, CalibrationStored, OverlayView
from flightctl.api.face import ServiceFace


def router(face: ServiceFace, *, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    routes = APIRouter(tags=["calibrate"], responses=errors)

    @routes.get("/cameras/{camera_id}/overlay")
    async def camera_overlay(camera_id: str) -> OverlayView:
        """Grid, distances, zones and seawall as the present calibration puts them into the picture."""
        return await face.camera_overlay(camera_id)

    @routes.post("/cameras/{camera_id}/calibration")
    async def try_calibration(camera_id: str, order: CalibrationRequest) -> CalibrationResult:
        """Fits the points and tells each one's error; nothing is changed. 422 when there is nothing to fit."""
        return await face.try_calibration(camera_id, order)

    @routes.put("/cameras/{camera_id}/calibration")
    async def accept_calibration(camera_id: str, order: CalibrationRequest) -> CalibrationStored:
        """Fits the points again and puts the result into the site file; it works from the service's next start.

        422 when the calibration is refused, 409 when the site file cannot be changed; then nothing is.
        """
        return await face.accept_calibration(camera_id, order, actor=OPERATOR)

    # FastAPI registers them by decorator; naming them here tells the type checker that they are used.
    _ = (camera_overlay, try_calibration, accept_calibration)
    return routes
