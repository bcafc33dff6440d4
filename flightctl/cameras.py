"""The newest word of every camera: health, tracks, picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flightctl.casualty import Casualty
from geofence.position import Enu, LocalFrame
from vision.alert import CameraHealth, FrameReport, Surface, TrackView, WaterReading
from vision.camera import Camera
from vision.vitals import CameraVitals

_FRESH_S = 1.5  # tracks older than this say nothing of now
_SAME_PERSON_M = 3.0


@dataclass(slots=True)
class CameraState:
    health: CameraHealth = CameraHealth.STARTING
    reason: str = ""
    at: datetime | None = None
    tracks: tuple[TrackView, ...] = ()
    water: WaterReading | None = None
    frame: bytes | None = None
    frame_seq: int = 0
    vitals: CameraVitals | None = None


class CameraDesk:
    def __init__(self, cameras: tuple[Camera, ...], eyes: tuple[str, ...] = ()) -> None:
        """`eyes`: the cameras of drones, which see only in flight."""
        self._states = {camera.id: CameraState() for camera in cameras}
        self._states |= {eye_id: CameraState(reason="on the ground") for eye_id in eyes}

    def knows(self, camera_id: str) -> bool:
        return camera_id in self._states

    def state(self, camera_id: str) -> CameraState:
        return self._states[camera_id]

    def frame(self, camera_id: str) -> bytes | None:
        return self._states[camera_id].frame

    def take(self, report: FrameReport) -> None:
        state = self._states.get(report.camera_id)
        if state is None:
            return
        state.health, state.reason = report.health, report.health_reason
        state.at, state.tracks, state.water = report.at, report.tracks, report.water
        if report.vitals is not None:
            state.vitals = report.vitals
        if report.preview_jpeg is not None:
            state.frame = report.preview_jpeg
            state.frame_seq += 1

    def nearest_other_m(self, place: Enu, casualty: Casualty, frame: LocalFrame, now: datetime) -> float | None:
        """Distance from `place` to the nearest person who is not the casualty; None when nobody is seen.

        Somebody in the water close to the casualty's reckoned place is taken for the casualty. People on the
        promenade do not count: the drop area ends short of the wall.
        """
        own = casualty.estimate()
        nearest: float | None = None
        for camera_id, state in self._states.items():
            if state.at is None or (now - state.at).total_seconds() > _FRESH_S:
                continue
            for view in state.tracks:
                if view.surface is Surface.PROMENADE or casualty.is_followed(camera_id, view.track_id):
                    continue
                where = frame.to_enu(view.position)
                same_m = max(_SAME_PERSON_M, 2.0 * (own.sigma_m + view.position.sigma_m))
                if view.surface is Surface.WATER and where.distance_m(own.place) <= same_m:
                    continue
                distance_m = where.distance_m(place)
                nearest = distance_m if nearest is None else min(nearest, distance_m)
        return nearest
