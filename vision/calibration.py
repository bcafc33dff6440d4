"""Where a pixel lies on the ground and where a point of the ground lies in the picture.

One rule for all of vision: a pixel is a ray, a ray meets a *named horizontal plane* (promenade, foreshore, or the
water at its present level), and every position says how sure it is. A homography of the whole picture would be wrong
by the tide.

Axes: camera x to the right, y down, z along the optical axis. Roll turns the camera clockwise as seen from behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geofence.position import Enu, FloatArray, LatLon, LocalFrame
from vision.camera import Camera

PERSON_HEIGHT_M = 1.7
PIXEL_SIGMA = 1.5
"""One-sigma error of a foot point: the blob's lower edge and the camera's angles together."""
_MIN_DEPTH_M = 0.5
_NEWTON_STEPS = 8
_ONE_DOWN = np.array([0.0, 1.0])
_ONE_RIGHT = np.array([1.0, 0.0])


@dataclass(frozen=True, slots=True)
class GroundPoints:
    """Points of a plane: metres east and north, and the one-sigma radius. NaN where the ray does not meet it."""

    enu: FloatArray  # (n, 2)
    sigma_m: FloatArray  # (n,)


class Projection:
    """A calibrated camera in the local frame."""

    def __init__(self, camera: Camera, frame: LocalFrame) -> None:
        self.camera = camera
        self.frame = frame
        lens = camera.lens
        self.position = frame.to_enu(camera.position)
        self.focal_px = (lens.width_px / 2) / math.tan(math.radians(lens.hfov_deg) / 2)
        self.centre_px = (lens.width_px / 2, lens.height_px / 2)
        self.rotation = rotation_of(camera.yaw_deg, camera.pitch_deg, camera.roll_deg)
        self._eye = np.array([self.position.east_m, self.position.north_m, camera.height_amsl_m])
        self._plain: list[list[float]] = [*self.rotation.tolist(), self._eye.tolist()]
        self._to_wgs84 = _LocalDegrees(frame, self.position)

    # --- picture to ground

    def slopes(self, pixels: FloatArray) -> FloatArray:
        """(n, 2): metres each pixel's ray runs east and north per metre it sinks; NaN at or above the horizon."""
        rays = self._rays(pixels)
        sinking = -rays[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = rays[:, :2] / sinking[:, None]
        slopes[~(sinking > 1e-4)] = np.nan
        return slopes

    def ground(
        self, pixels: FloatArray, plane_amsl_m: float | FloatArray, pixel_sigma: float = PIXEL_SIGMA
    ) -> GroundPoints:
        """Where the rays of (n, 2) pixels meet the horizontal plane; `plane_amsl_m` may differ for each."""
        pixels = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        drop = (self.camera.height_amsl_m - np.asarray(plane_amsl_m, dtype=np.float64)) * np.ones(len(pixels))
        drop[drop <= 0] = np.nan
        count = len(pixels)
        beside = np.concatenate([pixels, pixels + _ONE_DOWN, pixels + _ONE_RIGHT])
        slopes = self.slopes(beside).reshape(3, count, 2)
        enu = self._eye[:2] + slopes[0] * drop[:, None]
        per_row = np.linalg.norm(slopes[1] - slopes[0], axis=1) * drop
        per_column = np.linalg.norm(slopes[2] - slopes[0], axis=1) * drop
        return GroundPoints(enu, pixel_sigma * np.hypot(per_row, per_column))

    def _rays(self, pixels: FloatArray) -> FloatArray:
        x = (pixels[:, 0] - self.centre_px[0]) / self.focal_px
        y = (pixels[:, 1] - self.centre_px[1]) / self.focal_px
        lens = self.camera.lens
        if lens.k1 or lens.k2:
            scale = undistortion(np.hypot(x, y), lens.k1, lens.k2)
            x, y = x * scale, y * scale
        return np.column_stack([x, y, np.ones_like(x)]) @ self.rotation

    # --- ground to picture

    def pixels(self, enu: FloatArray, amsl_m: float | FloatArray) -> FloatArray:
        """(n, 2) metres at a height to (n, 2) pixels; NaN behind the camera or where the lens folds back."""
        enu = np.asarray(enu, dtype=np.float64).reshape(-1, 2)
        heights = np.asarray(amsl_m, dtype=np.float64) * np.ones(len(enu))
        lens = self.camera.lens
        points = np.column_stack([enu, heights])
        return seen_at(points, self._eye, self.rotation, self.focal_px, self.centre_px, lens.k1, lens.k2)

    def pixel(self, point: Enu, amsl_m: float) -> tuple[float, float]:
        """One point; the plain-number twin of `pixels`, for the inner loop."""
        (r0, r1, r2), (d0, d1, d2), (f0, f1, f2), (east, north, up) = self._plain
        de, dn, du = point.east_m - east, point.north_m - north, amsl_m - up
        z = f0 * de + f1 * dn + f2 * du
        if z <= _MIN_DEPTH_M:
            return math.nan, math.nan
        x = (r0 * de + r1 * dn + r2 * du) / z
        y = (d0 * de + d1 * dn + d2 * du) / z
        lens = self.camera.lens
        if lens.k1 or lens.k2:
            s = x * x + y * y
            if 1 + 3 * lens.k1 * s + 5 * lens.k2 * s * s <= 0:
                return math.nan, math.nan
            scale = 1 + lens.k1 * s + lens.k2 * s * s
            x, y = x * scale, y * scale
        return x * self.focal_px + self.centre_px[0], y * self.focal_px + self.centre_px[1]

    def height_px(
        self, feet: FloatArray, plane_amsl_m: float | FloatArray, height_m: float = PERSON_HEIGHT_M
    ) -> FloatArray:
        """(n,): how many pixels long something upright of `height_m` is in the picture when it stands there."""
        planes = np.asarray(plane_amsl_m, dtype=np.float64)
        low, high = self.pixels(feet, planes), self.pixels(feet, planes + height_m)
        return np.linalg.norm(high - low, axis=1)

    # --- for the map

    def wgs84(self, point: Enu) -> LatLon:
        """Linear about the camera: within a centimetre inside 300 m, and cheap enough for every track."""
        return self._to_wgs84(point)

    def field_of_view(self, plane_amsl_m: float, points_a_side: int = 12) -> list[LatLon]:
        """The ring on the ground that the camera sees, cut off at its range; closed."""
        lens = self.camera.lens
        along = np.linspace(0.0, lens.width_px, points_a_side)
        down = np.linspace(lens.height_px, 0.0, points_a_side)
        sides = [
            np.column_stack([np.zeros_like(down), down[::-1]])[::-1],  # up the left side
            np.column_stack([along, np.zeros_like(along)]),  # the top, left to right
            np.column_stack([np.full_like(down, lens.width_px), down[::-1]]),  # down the right side
            np.column_stack([along[::-1], np.full_like(along, lens.height_px)]),  # the bottom, back
        ]
        drop = self.camera.height_amsl_m - plane_amsl_m
        if drop <= 0:
            return []
        rays = self._rays(np.concatenate(sides))
        rays = rays[~np.isnan(rays).any(axis=1)]
        level = np.hypot(rays[:, 0], rays[:, 1])
        sinking = -rays[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(sinking > 1e-6, level / sinking * drop, np.inf)
            unit = rays[:, :2] / level[:, None]
        ring = self._eye[:2] + unit * np.minimum(reach, self.camera.range_m)[:, None]
        ring = ring[~np.isnan(ring).any(axis=1)]
        lats, lons = self.frame.to_wgs84_array(ring)
        points = [LatLon(lat=float(lat), lon=float(lon)) for lat, lon in zip(lats, lons, strict=True)]
        return [*points, points[0]] if points else []


class _LocalDegrees:
    """Metres to degrees by the Jacobian at one place."""

    def __init__(self, frame: LocalFrame, centre: Enu) -> None:
        step = 200.0
        e, n = centre.east_m, centre.north_m
        lats, lons = frame.to_wgs84_array(
            np.array([[e, n], [e + step, n], [e - step, n], [e, n + step], [e, n - step]], dtype=np.float64)
        )
        self._centre = (e, n)
        self._base = (float(lats[0]), float(lons[0]))
        self._per_east = (float(lats[1] - lats[2]) / (2 * step), float(lons[1] - lons[2]) / (2 * step))
        self._per_north = (float(lats[3] - lats[4]) / (2 * step), float(lons[3] - lons[4]) / (2 * step))

    def __call__(self, point: Enu) -> LatLon:
        de, dn = point.east_m - self._centre[0], point.north_m - self._centre[1]
        return LatLon(
            lat=self._base[0] + self._per_east[0] * de + self._per_north[0] * dn,
            lon=self._base[1] + self._per_east[1] * de + self._per_north[1] * dn,
        )


def seen_at(
    points: FloatArray,
    eye: FloatArray,
    rotation: FloatArray,
    focal_px: float,
    centre_px: tuple[float, float],
    k1: float = 0.0,
    k2: float = 0.0,
) -> FloatArray:
    """(n, 3) east, north, amsl to (n, 2) pixels: the projection itself, which `camera_fit` fits as it is used.

    NaN behind the camera or where the lens folds back.
    """
    seen = (points - eye) @ rotation.T
    depth = seen[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = seen[:, 0] / depth, seen[:, 1] / depth
    if k1 or k2:
        r2 = x * x + y * y
        scale = 1 + k1 * r2 + k2 * r2 * r2
        folded = 1 + 3 * k1 * r2 + 5 * k2 * r2 * r2 <= 0
        x, y = np.where(folded, np.nan, x * scale), y * scale
    result = np.column_stack([x * focal_px + centre_px[0], y * focal_px + centre_px[1]])
    result[~(depth > _MIN_DEPTH_M) | np.isnan(result).any(axis=1)] = np.nan
    return result


def rotation_of(yaw_deg: float, pitch_deg: float, roll_deg: float) -> FloatArray:
    """Rows are the camera's right, down and forward axes in east, north, up."""
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw_deg, pitch_deg, roll_deg))
    forward = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    down = np.cross(forward, right)
    return np.array(
        [right * math.cos(roll) + down * math.sin(roll), down * math.cos(roll) - right * math.sin(roll), forward]
    )


def undistortion(distorted: FloatArray, k1: float, k2: float) -> FloatArray:
    """By how much to multiply a distorted radius to get the true one; NaN where the lens model folds back."""
    radius = distorted.copy()
    for _ in range(_NEWTON_STEPS):
        r2 = radius * radius
        error = radius * (1 + k1 * r2 + k2 * r2 * r2) - distorted
        slope = 1 + 3 * k1 * r2 + 5 * k2 * r2 * r2
        with np.errstate(divide="ignore", invalid="ignore"):
            radius = radius - np.where(slope > 1e-3, error / slope, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distorted > 1e-9, radius / distorted, 1.0)
