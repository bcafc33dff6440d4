"""A camera's calibration from ground control points: pose, focal length and distortion, and how sure they are.

    starts (Wahba's problem at a known place, else SQPnP; one for each of several focal lengths)
      └─ least squares on pixels with the projection that vision itself uses (vision/calibration.py)
           └─ when not all points agree: RANSAC over small sets, then again on those that do
                └─ the covariance: the sigma of each value, and what it moves on the ground 100 m away

A fit is always whole; `vision/camera_fit_report.py` says whether it may be relied on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from geofence.position import FloatArray, LocalFrame
from vision.calibration import rotation_of, seen_at, undistortion
from vision.camera import Camera
from vision.control_points import ControlPoint
from vision.errors import CalibrationRefused

Chosen = NDArray[np.bool_]

_HFOVS_DEG = (15.0, 30.0, 45.0, 60.0, 80.0, 105.0)
_STARTS_REFINED = 3
_SAMPLES = 60
_EVALUATIONS = 400
_SAMPLE_EVALUATIONS = 80
_UNSEEN_PX = 5_000.0  # a finite residual for what would be behind the camera
_REFITS = 6
MARKING_SIGMA_PX = 0.5
"""Nobody marks a point in a picture better than this; a fit that happens to agree better is no surer."""
RMS_SHARE = 0.003
"""Of the picture's width: 2 px of 640, 6 px of 1920. More is not marking, but a wrong point or a wrong lens."""


@dataclass(frozen=True, slots=True)
class Solve:
    """What is sought; the rest stays as the camera has it."""

    position: bool = True
    focal: bool = True
    distortion: int = 0  # coefficients: 0, 1 (k1), 2 (k1 and k2)

    @property
    def names(self) -> tuple[str, ...]:
        names = ["yaw_deg", "pitch_deg", "roll_deg"]
        if self.focal:
            names.append("log_focal")
        names += ["k1", "k2"][: self.distortion]
        if self.position:
            names += ["east_m", "north_m", "up_m"]
        return tuple(names)

    @property
    def least_points(self) -> int:
        """Two numbers a point, and one point more, so that the residuals can say anything."""
        return math.ceil(len(self.names) / 2) + 1


@dataclass(frozen=True, slots=True)
class Pose:
    """All that the projection needs, in the local frame."""

    values: dict[str, float]

    @property
    def eye(self) -> FloatArray:
        return np.array([self.values["east_m"], self.values["north_m"], self.values["up_m"]])

    @property
    def rotation(self) -> FloatArray:
        return rotation_of(self.values["yaw_deg"], self.values["pitch_deg"], self.values["roll_deg"])

    @property
    def focal_px(self) -> float:
        return math.exp(min(self.values["log_focal"], 20.0))


@dataclass(frozen=True, slots=True)
class CameraFit:
    """The best pose for the points that agree."""

    pose: Pose
    solve: Solve
    residual_px: FloatArray  # (n, 2): marked minus projected, of all points
    agreeing: Chosen  # (n,)
    covariance: FloatArray  # of `solve.names`; infinite where the points do not determine a value
    rms_px: float  # of the points that agree
    rms_limit_px: float


class Fitter:
    """The points in metres and pixels, and the camera they are of."""

    def __init__(
        self,
        points: Sequence[ControlPoint],
        camera: Camera,
        frame: LocalFrame,
        solve: Solve,
        rng: np.random.Generator,
    ) -> None:
        lens = camera.lens
        self.solve, self._rng = solve, rng
        ground = [frame.to_enu(point) for point in points]
        self.world = np.array(
            [(at.east_m, at.north_m, p.height_amsl_m) for at, p in zip(ground, points, strict=True)]
        ).reshape(-1, 3)
        self.marked = np.array([(p.u_px, p.v_px) for p in points], dtype=np.float64).reshape(-1, 2)
        self.centre_px = (lens.width_px / 2, lens.height_px / 2)
        self.rms_limit_px = max(lens.width_px * RMS_SHARE, 1.0)
        self._outlier_px = 3.0 * self.rms_limit_px
        at = frame.to_enu(camera.position)
        focal_px = self.centre_px[0] / math.tan(math.radians(lens.hfov_deg) / 2)
        self.before = Pose(
            {
                "yaw_deg": camera.yaw_deg,
                "pitch_deg": camera.pitch_deg,
                "roll_deg": camera.roll_deg,
                "log_focal": math.log(focal_px),
                "k1": lens.k1,
                "k2": lens.k2,
                "east_m": at.east_m,
                "north_m": at.north_m,
                "up_m": camera.height_amsl_m,
            }
        )

    def fit(self, *, search: bool = True) -> CameraFit:
        """Without `search` no wrong point is looked for. Raises CalibrationRefused when the points are too few."""
        count, least = len(self.world), self.solve.least_points
        if count < least:
            sought = ", ".join(name.replace("log_focal", "focal length") for name in self.solve.names)
            reason = f"{count} points are too few; {least} are needed for {sought}, and more to find a wrong one."
            raise CalibrationRefused([reason])
        everyone = np.ones(count, bool)
        best = self._from_scratch(everyone)
        if search and count > least and self._off(best).max() > self._outlier_px:
            best = min([best, *self._sampled(least)], key=self._score)
        agreeing = everyone
        for _ in range(_REFITS):
            now = self._off(best) <= self._outlier_px
            if now.sum() < least or (now == agreeing).all():
                break
            agreeing, best = now, self._refined(best, now)
        return self._finished(best, agreeing)

    # --- searching

    def _sampled(self, least: int) -> list[Pose]:
        """Fits of small sets, at least one of which has no wrong point in it."""
        count = len(self.world)
        size = min(least + 1, count - 1)
        if math.comb(count, size) <= _SAMPLES:
            sets = [list(chosen) for chosen in itertools.combinations(range(count), size)]
        else:
            sets = [self._rng.choice(count, size, replace=False).tolist() for _ in range(_SAMPLES)]
        poses: list[Pose] = []
        for indices in sets:
            chosen = np.zeros(count, bool)
            chosen[indices] = True
            pose = self._from_scratch(chosen, refined=1, evaluations=_SAMPLE_EVALUATIONS)
            poses.append(pose)
            if (self._off(pose) <= self._outlier_px).sum() >= count - 1:
                break  # it cannot be better: with nobody wrong there would be no search
        return poses

    def _score(self, pose: Pose) -> float:
        return float(np.minimum(self._off(pose), self._outlier_px).sum())

    def _from_scratch(self, chosen: Chosen, refined: int = _STARTS_REFINED, evaluations: int = _EVALUATIONS) -> Pose:
        starts = self._starts(chosen)
        starts.sort(key=lambda pose: float(np.square(self._residuals(pose, chosen)).sum()))
        poses = [self._refined(pose, chosen, evaluations) for pose in starts[:refined]]
        return min(poses, key=lambda pose: float(np.square(self._residuals(pose, chosen)).sum()))

    def _starts(self, chosen: Chosen) -> list[Pose]:
        known = self.before.focal_px
        focals = [known]
        if self.solve.focal:
            focals += [self.centre_px[0] / math.tan(math.radians(hfov) / 2) for hfov in _HFOVS_DEG]
        starts = [self.before]
        for focal_px in focals:
            rays = (self.marked[chosen] - self.centre_px) / focal_px
            k1, k2 = self.before.values["k1"], self.before.values["k2"]
            if k1 or k2:
                rays = rays * np.nan_to_num(undistortion(np.hypot(*rays.T), k1, k2), nan=1.0)[:, None]
            found = self._resected(rays, chosen) if self.solve.position else self._turned(rays, chosen)
            if found is not None:
                rotation, eye = found
                starts.append(_pose(self.before, rotation, eye, focal_px))
        return starts

    def _turned(self, rays: FloatArray, chosen: Chosen) -> tuple[FloatArray, FloatArray]:
        """Wahba's problem: the rotation that turns the known directions into the rays (Markley 1988, by SVD)."""
        seen = np.column_stack([rays, np.ones(len(rays))])
        seen /= np.linalg.norm(seen, axis=1)[:, None]
        ways = self.world[chosen] - self.before.eye
        ways /= np.maximum(np.linalg.norm(ways, axis=1), 1e-9)[:, None]
        u, _, vt = np.linalg.svd(seen.T @ ways)
        turn = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
        return u @ turn @ vt, self.before.eye

    def _resected(self, rays: FloatArray, chosen: Chosen) -> tuple[FloatArray, FloatArray] | None:
        """SQPnP (Terzakis and Lourakis 2020), about the points' middle to keep the numbers small."""
        middle = self.world[chosen].mean(axis=0)
        near = (self.world[chosen] - middle).reshape(-1, 1, 3)
        try:
            done, turn, shift = cv2.solvePnP(near, rays.reshape(-1, 1, 2), np.eye(3), None, flags=cv2.SOLVEPNP_SQPNP)
        except cv2.error:
            return None
        if not done or not (np.isfinite(turn).all() and np.isfinite(shift).all()):
            return None
        rotation = np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)
        return rotation, middle - rotation.T @ np.asarray(shift, dtype=np.float64).ravel()

    def _refined(self, start: Pose, chosen: Chosen, evaluations: int = _EVALUATIONS) -> Pose:
        names = self.solve.names

        def residuals(vector: FloatArray) -> FloatArray:
            return self._residuals(_changed(start, names, vector), chosen).ravel()

        begin = np.array([start.values[name] for name in names])
        found = least_squares(residuals, begin, method="lm", x_scale=_steps(names), max_nfev=evaluations)
        return _changed(start, names, np.asarray(found.x, dtype=np.float64))

    # --- measuring

    def projected(self, pose: Pose) -> FloatArray:
        values = pose.values
        return seen_at(
            self.world, pose.eye, pose.rotation, pose.focal_px, self.centre_px, values["k1"], values["k2"]
        )  # fmt: skip

    def _residuals(self, pose: Pose, chosen: Chosen | None = None) -> FloatArray:
        left = np.nan_to_num(self.marked - self.projected(pose), nan=_UNSEEN_PX)
        left = np.clip(left, -_UNSEEN_PX, _UNSEEN_PX)
        return left if chosen is None else left[chosen]

    def _off(self, pose: Pose) -> FloatArray:
        return np.linalg.norm(self._residuals(pose), axis=1)

    def _finished(self, pose: Pose, agreeing: Chosen) -> CameraFit:
        names = self.solve.names
        left = self._residuals(pose)
        kept = left[agreeing]
        steps = _steps(names) * 1e-4
        begin = np.array([pose.values[name] for name in names])
        columns: list[FloatArray] = []
        for index, step in enumerate(steps):
            aside = np.zeros(len(names))
            aside[index] = step
            ahead = self._residuals(_changed(pose, names, begin + aside), agreeing)
            behind = self._residuals(_changed(pose, names, begin - aside), agreeing)
            columns.append((ahead - behind).ravel() / (2 * step))
        freedom = max(kept.size - len(names), 1)
        sigma_px = max(math.sqrt(float(np.square(kept).sum()) / freedom), MARKING_SIGMA_PX)
        return CameraFit(
            pose=pose,
            solve=self.solve,
            residual_px=left,
            agreeing=agreeing,
            covariance=_covariance(np.column_stack(columns), steps) * sigma_px**2,
            rms_px=math.sqrt(float(np.square(kept).sum(axis=1).mean())),
            rms_limit_px=self.rms_limit_px,
        )


def _covariance(slopes: FloatArray, steps: FloatArray) -> FloatArray:
    """The inverse of the normal equations; what they do not determine gets infinity."""
    scaled = slopes * steps
    _, sizes, ways = np.linalg.svd(scaled, full_matrices=False)
    if sizes[-1] <= 1e-9 * sizes[0]:
        return np.diag(np.full(len(steps), np.inf))
    half = ways.T / sizes
    return (half @ half.T) * np.outer(steps, steps)


def _steps(names: Sequence[str]) -> FloatArray:
    """How far each value moves to shift the picture about alike."""
    sizes = {"log_focal": 0.05, "k1": 0.1, "k2": 0.1, "east_m": 1.0, "north_m": 1.0, "up_m": 1.0}
    return np.array([sizes.get(name, 1.0) for name in names])


def _changed(pose: Pose, names: Sequence[str], vector: FloatArray) -> Pose:
    return Pose({**pose.values, **dict(zip(names, vector.tolist(), strict=True))})


def _pose(before: Pose, rotation: FloatArray, eye: FloatArray, focal_px: float) -> Pose:
    """The angles of a rotation whose rows are right, down and forward."""
    forward = rotation[2]
    yaw = math.atan2(forward[0], forward[1])
    level = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    down = np.cross(forward, level)
    roll = math.atan2(float(rotation[0] @ down), float(rotation[0] @ level))
    return Pose(
        {
            **before.values,
            "yaw_deg": math.degrees(yaw),
            "pitch_deg": math.degrees(math.asin(max(-1.0, min(1.0, float(forward[2]))))),
            "roll_deg": math.degrees(roll),
            "log_focal": math.log(focal_px),
            "east_m": float(eye[0]),
            "north_m": float(eye[1]),
            "up_m": float(eye[2]),
        }
    )
