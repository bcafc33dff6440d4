"""What a fit of control points means: the camera it gives, its errors in pixels and metres, and why it is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from geofence.position import Enu, FloatArray, LocalFrame
from vision.calibration import Projection
from vision.camera import Camera
from vision.camera_fit import CameraFit, Fitter, Pose, Solve
from vision.control_points import ControlPoint
from vision.errors import CalibrationRefused

REPORT_AT_M = 100.0
GROUND_LIMIT_M = 3.0
"""One sigma at 100 m; beyond it a person on the promenade is put into the river."""
_DROP_M = 10.0
"""Errors 100 m away are told for the plane this far below the lens, as a bank camera hangs over the promenade."""
_LINE_SHARE = 0.02  # of the points' length: less to the side of it is a line
_HFOV_LIMIT = 0.05  # one sigma of the field of view, as a share of it


@dataclass(frozen=True, slots=True)
class PointResidual:
    name: str
    u_px: float
    v_px: float
    off_u_px: float  # marked minus projected
    off_v_px: float
    off_px: float
    off_m: float | None  # on the point's own plane; None where its pixel's ray does not meet it
    agrees: bool


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the camera, as it was and as it is fitted."""

    name: str
    before: float
    after: float
    sigma: float | None  # None: not sought
    at_100_m: float | None  # metres that one sigma moves a point 100 m away


@dataclass(frozen=True, slots=True)
class Calibrated:
    camera: Camera
    points: tuple[PointResidual, ...]
    values: tuple[Value, ...]
    rms_px: float
    rms_limit_px: float
    ground_sigma_m: float | None  # at 100 m, all values together; None where nothing determines it
    refusals: tuple[str, ...]


def calibrate(
    points: Sequence[ControlPoint], camera: Camera, frame: LocalFrame, solve: Solve, rng: np.random.Generator
) -> Calibrated:
    """Fits, and judges. Raises CalibrationRefused when there is nothing to fit, or no camera comes of it."""
    lens = camera.lens
    outside = [p.name for p in points if p.u_px > lens.width_px or p.v_px > lens.height_px]
    if outside:
        size = f"{lens.width_px}x{lens.height_px}"
        raise CalibrationRefused(
            [f"{', '.join(outside)} outside the picture: pixels are of {size}, as `lens` has it."]
        )
    fitter = Fitter(points, camera, frame, solve, rng)
    fit = fitter.fit()
    hfov_deg = _hfov_deg(fit.pose, lens.width_px)
    if not 1.0 < hfov_deg < 170.0 or not np.isfinite(list(fit.pose.values.values())).all():
        raise CalibrationRefused([_off_text(fit), *_shape(fitter, fit)][-1:])
    fitted = _camera(camera, frame, fit.pose)
    shown = _values(camera, frame, fit)
    spread = _ground_sigma_m(fit, camera, frame)
    residuals = _points(points, fit, fitter, Projection(fitted, frame))
    done = Calibrated(fitted, residuals, shown, fit.rms_px, fit.rms_limit_px, spread, ())
    refusals = _refusals(done, fitter, fit)
    if refusals and _fits_mirrored(points, camera, frame, solve, rng):
        refusals = ("the picture is mirrored: flipped left to right, the points fit. Turn the camera's flip off.",)
    return replace(done, refusals=refusals)


def _refusals(done: Calibrated, fitter: Fitter, fit: CameraFit) -> tuple[str, ...]:
    reasons = list(_shape(fitter, fit))
    lowest = float(fitter.world[:, 2].min())
    if fit.pose.values["up_m"] <= lowest:
        height = fit.pose.values["up_m"]
        reasons.append(f"the camera would hang at {height:.1f} m, below the ground it sees ({lowest:.1f} m).")
    if done.rms_px > done.rms_limit_px:
        reasons.append(_off_text(fit))
    else:
        reasons += [
            f"point {p.name} is {p.off_px:.0f} px{'' if p.off_m is None else f' ({p.off_m:.1f} m)'} from where the "
            "others put it; measure it again or take it out."
            for p in done.points
            if not p.agrees
        ]
    if not reasons:
        hfov = next(value for value in done.values if value.name == "lens.hfov_deg")
        if hfov.sigma is not None and hfov.sigma > _HFOV_LIMIT * hfov.after:
            reasons.append(
                f"the focal length is not determined (field of view {hfov.after:.1f} ± {hfov.sigma:.1f} degrees): "
                "the points are too much at one distance or in one part of the picture. "
                "Add nearer and farther ones, or keep the lens with --fix-focal."
            )
        if done.ground_sigma_m is None or done.ground_sigma_m > GROUND_LIMIT_M:
            much = (
                "is not determined" if done.ground_sigma_m is None else f"is only sure to {done.ground_sigma_m:.1f} m"
            )
            reasons.append(
                f"a place {REPORT_AT_M:.0f} m away {much} (limit {GROUND_LIMIT_M:.0f} m); spread the points over "
                "the picture, near and far, and over its whole width."
            )
    return tuple(reasons)


def _shape(fitter: Fitter, fit: CameraFit) -> list[str]:
    """Points that cannot determine a camera however well they are measured."""
    world = fitter.world[fit.agreeing]
    spread = np.linalg.svd(world - world.mean(axis=0), compute_uv=False)
    if fit.solve.position and spread[1] <= _LINE_SHARE * spread[0]:
        return ["the points lie on one line, about which the camera can be turned freely; add some to its side."]
    if not np.isfinite(fit.covariance).all():
        return [
            "the points do not determine what is sought: all at one height and distance, or in one place of the "
            "picture. Add others, or keep more with --fix-position or --fix-focal."
        ]
    return []


def _off_text(fit: CameraFit) -> str:
    return (
        f"the points are {fit.rms_px:.1f} px (RMS) from where any camera would see them; {fit.rms_limit_px:.1f} px "
        "is the limit. Several are wrong, or their heights are, or the lens bends more than is solved (--distortion)."
    )


def _fits_mirrored(
    points: Sequence[ControlPoint], camera: Camera, frame: LocalFrame, solve: Solve, rng: np.random.Generator
) -> bool:
    flipped = [point.model_copy(update={"u_px": camera.lens.width_px - point.u_px}) for point in points]
    fitter = Fitter(flipped, camera, frame, solve, rng)
    fit = fitter.fit(search=False)
    above = fit.pose.values["up_m"] > float(fitter.world[:, 2].max())
    return bool(above and fit.agreeing.all() and fit.rms_px <= fit.rms_limit_px and not _shape(fitter, fit))


def _hfov_deg(pose: Pose, width_px: int) -> float:
    return math.degrees(2 * math.atan(width_px / 2 / pose.focal_px))


def _camera(camera: Camera, frame: LocalFrame, pose: Pose) -> Camera:
    values = pose.values
    where = {"position": frame.to_wgs84(Enu(values["east_m"], values["north_m"])), "height_amsl_m": values["up_m"]}
    pitch, yaw, roll = values["pitch_deg"], values["yaw_deg"], values["roll_deg"]
    lens = camera.lens.model_copy(
        update={"hfov_deg": _hfov_deg(pose, camera.lens.width_px), "k1": values["k1"], "k2": values["k2"]}
    )
    roll = (roll + 180.0) % 360.0 - 180.0
    return camera.model_copy(
        update={**where, "yaw_deg": yaw % 360.0, "pitch_deg": pitch, "roll_deg": roll, "lens": lens}
    )


def _ground(pose: Pose, camera: Camera, frame: LocalFrame, pixel: FloatArray, plane_amsl_m: float) -> FloatArray:
    return Projection(_camera(camera, frame, pose), frame).ground(pixel, plane_amsl_m).enu[0]


def _shifts(fit: CameraFit, camera: Camera, frame: LocalFrame, plane_amsl_m: float) -> FloatArray | None:
    """(2, values): metres that a point 100 m ahead moves on its plane per unit of each fitted value."""
    pose = fit.pose
    ahead = math.radians(pose.values["yaw_deg"])
    place = pose.eye[:2] + REPORT_AT_M * np.array([math.sin(ahead), math.cos(ahead)])
    pixel = Projection(_camera(camera, frame, pose), frame).pixels(place, plane_amsl_m)
    columns: list[FloatArray] = []
    for name in fit.solve.names:
        step = 1e-4
        sides = [
            _ground(Pose({**pose.values, name: pose.values[name] + side}), camera, frame, pixel, plane_amsl_m)
            for side in (step, -step)
        ]
        columns.append((sides[0] - sides[1]) / (2 * step))
    shifts = np.column_stack(columns)
    return shifts if np.isfinite(shifts).all() else None


def _ground_sigma_m(fit: CameraFit, camera: Camera, frame: LocalFrame) -> float | None:
    shifts = _shifts(fit, camera, frame, fit.pose.values["up_m"] - _DROP_M)
    if shifts is None or not np.isfinite(fit.covariance).all():
        return None
    return math.sqrt(float(np.trace(shifts @ fit.covariance @ shifts.T)))


def _values(camera: Camera, frame: LocalFrame, fit: CameraFit) -> tuple[Value, ...]:
    shifts = _shifts(fit, camera, frame, fit.pose.values["up_m"] - _DROP_M)
    sigmas = dict(zip(fit.solve.names, np.sqrt(np.diag(fit.covariance)).tolist(), strict=True))
    moved: dict[str, float] = {}
    if shifts is not None:
        lengths = np.linalg.norm(shifts, axis=0).tolist()
        moved = {n: sigmas[n] * length for n, length in zip(fit.solve.names, lengths, strict=True)}
    after = _camera(camera, frame, fit.pose)
    at, was = frame.to_enu(after.position), frame.to_enu(camera.position)
    per_log = 2 * math.degrees(math.sin(math.radians(after.lens.hfov_deg)) / 2)  # d hfov / d log focal
    rows = [
        ("yaw_deg", "yaw_deg", camera.yaw_deg, after.yaw_deg, 1.0),
        ("pitch_deg", "pitch_deg", camera.pitch_deg, after.pitch_deg, 1.0),
        ("roll_deg", "roll_deg", camera.roll_deg, after.roll_deg, 1.0),
        ("lens.hfov_deg", "log_focal", camera.lens.hfov_deg, after.lens.hfov_deg, per_log),
        ("lens.k1", "k1", camera.lens.k1, after.lens.k1, 1.0),
        ("lens.k2", "k2", camera.lens.k2, after.lens.k2, 1.0),
        ("east_m", "east_m", was.east_m, at.east_m, 1.0),
        ("north_m", "north_m", was.north_m, at.north_m, 1.0),
        ("height_amsl_m", "up_m", camera.height_amsl_m, after.height_amsl_m, 1.0),
    ]
    return tuple(
        Value(name, before, now, sigmas[key] * factor if key in sigmas else None, moved.get(key))
        for name, key, before, now, factor in rows
    )


def _points(
    points: Sequence[ControlPoint], fit: CameraFit, fitter: Fitter, projection: Projection
) -> tuple[PointResidual, ...]:
    seen = projection.ground(fitter.marked, fitter.world[:, 2]).enu
    metres = np.linalg.norm(seen - fitter.world[:, :2], axis=1)
    return tuple(
        PointResidual(
            name=point.name,
            u_px=point.u_px,
            v_px=point.v_px,
            off_u_px=float(off[0]),
            off_v_px=float(off[1]),
            off_px=float(np.hypot(*off)),
            off_m=None if np.isnan(metre) else float(metre),
            agrees=bool(agrees),
        )
        for point, off, metre, agrees in zip(points, fit.residual_px, metres, fit.agreeing, strict=True)
    )
