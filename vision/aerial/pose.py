"""Where a drone's camera was and where it looked at the moment of a picture.

Telemetry comes in samples of two kinds, each with its own times: positions (GPS and barometer through the
autopilot) and attitudes (the gimbal's). A pose is both, interpolated to the picture's time. What is too old, or has
a hole there, is refused: a place computed from it would be believed.

Everything is in the site's local frame; angles are the optical axis's, as in `vision.calibration`: yaw clockwise from
north, pitch negative looks down, roll positive turns the camera clockwise as seen from behind it.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from geofence.position import Enu, FloatArray, LatLon, LocalFrame
from vision.aerial.camera import DroneCamera
from vision.calibration import rotation_of
from vision.errors import PoseUnknown

_KEPT = 240
_HOLE_S = 1.5  # between neighbours: longer, and what lies in between is a guess
_AHEAD_S = 0.6  # beyond the last sample
_ACCEL_MPS2 = 2.5  # what a multicopter may have done since the last sample
_TURN_ACCEL_DPS2 = 40.0  # of a gimbal or a nose


@dataclass(frozen=True, slots=True)
class PoseSigmas:
    """One-sigma errors, each of the same value for many pictures: they do not average out."""

    position_m: float  # each horizontal axis
    height_m: float
    tilt_deg: float  # pitch and roll, each
    yaw_deg: float
    time_s: float  # of the picture against the telemetry

    @staticmethod
    def of(camera: DroneCamera) -> PoseSigmas:
        return PoseSigmas(
            camera.position_sigma_m,
            camera.height_sigma_m,
            camera.tilt_sigma_deg,
            camera.yaw_sigma_deg,
            camera.latency_sigma_s,
        )


@dataclass(frozen=True, slots=True)
class CameraPose:
    at: datetime
    eye: FloatArray  # east, north, amsl
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    velocity: FloatArray  # (3,) m/s
    rates_dps: FloatArray  # (3,) of yaw, pitch, roll
    sigmas: PoseSigmas  # with what extrapolation adds

    @property
    def place(self) -> Enu:
        return Enu(float(self.eye[0]), float(self.eye[1]))

    @property
    def rotation(self) -> FloatArray:
        """Rows are the camera's right, down and forward axes in east, north, up."""
        return rotation_of(self.yaw_deg, self.pitch_deg, self.roll_deg)


class PoseTrack:
    """Of one drone's camera. Fed by the thread that hears telemetry, asked by the one that looks at pictures."""

    def __init__(self, frame: LocalFrame, sigmas: PoseSigmas) -> None:
        self._frame = frame
        self._sigmas = sigmas
        self._lock = threading.Lock()
        self._positions: deque[tuple[datetime, FloatArray]] = deque(maxlen=_KEPT)
        self._attitudes: deque[tuple[datetime, FloatArray]] = deque(maxlen=_KEPT)

    def heard_position(self, at: datetime, position: LatLon, amsl_m: float) -> None:
        """A sample that is not later than the last is left out: telemetry may come twice or out of order."""
        place = self._frame.to_enu(position)
        self._add(self._positions, at, np.array([place.east_m, place.north_m, amsl_m]))

    def heard_attitude(self, at: datetime, *, yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0) -> None:
        """Of the optical axis against the earth."""
        self._add(self._attitudes, at, np.array([yaw_deg % 360.0, pitch_deg, roll_deg]))

    def pose_at(self, at: datetime) -> CameraPose:
        """Raises PoseUnknown, with the reason, when there is no telemetry to trust for that moment."""
        with self._lock:
            positions, attitudes = list(self._positions), list(self._attitudes)
        eye, velocity, ahead_s = _at(positions, at, "position", _straight)
        angles, rates, turned_s = _at(attitudes, at, "attitude", _shorter_way)
        s = self._sigmas
        drift_m = 0.5 * _ACCEL_MPS2 * ahead_s**2
        turn_deg = 0.5 * _TURN_ACCEL_DPS2 * turned_s**2
        sigmas = PoseSigmas(
            math.hypot(s.position_m, drift_m),
            math.hypot(s.height_m, drift_m),
            math.hypot(s.tilt_deg, turn_deg),
            math.hypot(s.yaw_deg, turn_deg),
            s.time_s,
        )
        yaw, pitch, roll = angles.tolist()
        return CameraPose(at, eye, yaw % 360.0, pitch, roll, velocity, rates, sigmas)

    def _add(self, samples: deque[tuple[datetime, FloatArray]], at: datetime, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            return
        with self._lock:
            if not samples or at > samples[-1][0]:
                samples.append((at, values))


def of_gimbal(
    heading_deg: float, *, yaw_deg: float, pitch_deg: float, roll_deg: float, from_north: bool
) -> FloatArray:
    """(3,) yaw, pitch and roll of a camera on a gimbal, whose pitch and roll are told against the horizon (MAVLink
    gimbal protocol v2) and whose yaw is told from north or from the nose."""
    return np.array([(yaw_deg if from_north else heading_deg + yaw_deg) % 360.0, pitch_deg, roll_deg])


def _straight(difference: FloatArray) -> FloatArray:
    return difference


def _shorter_way(difference: FloatArray) -> FloatArray:
    return np.remainder(difference + 180.0, 360.0) - 180.0


def _at(
    samples: list[tuple[datetime, FloatArray]], at: datetime, what: str, way: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, FloatArray, float]:
    """The value at a time, its rate, and how many seconds it lies beyond the last sample."""
    if len(samples) < 2:
        raise PoseUnknown(f"no {what} of the drone's camera has been heard")
    after = bisect_right(samples, at, key=lambda sample: sample[0])
    if after == 0:
        raise PoseUnknown(f"the picture is older than all that is known of the {what}")
    after = min(after, len(samples) - 1)
    (begun, first), (ended, second) = samples[after - 1], samples[after]
    gap_s = (ended - begun).total_seconds()
    ahead_s = max((at - ended).total_seconds(), 0.0)
    if ahead_s > _AHEAD_S:
        raise PoseUnknown(f"the last {what} is {ahead_s:.1f} s older than the picture")
    if gap_s > _HOLE_S:
        raise PoseUnknown(f"no {what} for {gap_s:.1f} s around the picture")
    rate = way(second - first) / max(gap_s, 1e-3)
    return first + rate * ((at - begun) / timedelta(seconds=1)), rate, ahead_s
