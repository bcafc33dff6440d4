"""From a pixel of a flying camera to a point of the water, with its covariance, and back.

A point is wrong in two ways that must not be mixed. The *random* part (where in the picture the blob's middle is)
averages out over pictures; the *systematic* part (satellite position, height above the water, tilt, heading, the
picture's time) is the same for seconds and does not. A tracker filters with the first and reports both.

The covariance is first-order: J diag(sigma^2) J^T with the exact Jacobian of ray-meets-plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from geofence.position import Enu, FloatArray
from vision.aerial.pose import CameraPose
from vision.calibration import seen_at, undistortion
from vision.camera import Lens

PIXEL_SIGMA = 1.5
_GRAZING = math.sin(math.radians(6.0))
"""Rays flatter than this are refused: a degree of tilt is then a sixth of the distance."""


@dataclass(frozen=True, slots=True)
class PlanePoints:
    """Points of a horizontal plane. NaN where a ray does not meet it, or too flatly."""

    enu: FloatArray  # (n, 2)
    random: FloatArray  # (n, 2, 2)
    systematic: FloatArray  # (n, 2, 2)

    @property
    def sigma_m(self) -> FloatArray:
        """(n,) of one axis, both parts together."""
        both = self.random + self.systematic
        return np.sqrt((both[:, 0, 0] + both[:, 1, 1]) / 2.0)


class AerialProjection:
    """One picture's geometry."""

    def __init__(self, lens: Lens, pose: CameraPose) -> None:
        self.lens = lens
        self.pose = pose
        self.focal_px = (lens.width_px / 2) / math.tan(math.radians(lens.hfov_deg) / 2)
        self.centre_px = (lens.width_px / 2, lens.height_px / 2)
        self.rotation = pose.rotation

    # --- picture to plane

    def plane(
        self,
        pixels: FloatArray,
        plane_amsl_m: float,
        *,
        plane_sigma_m: float = 0.3,
        pixel_sigma: float = PIXEL_SIGMA,
    ) -> PlanePoints:
        """Where the rays of (n, 2) pixels meet the plane. `plane_sigma_m`: how sure its height is."""
        pixels = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        rays = self._rays(pixels)
        sinking = -rays[:, 2]
        drop = float(self.pose.eye[2]) - plane_amsl_m
        meets = (sinking > _GRAZING * np.linalg.norm(rays, axis=1)) & (drop > 0.5)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(meets, drop / sinking, np.nan)
        enu = self.pose.eye[:2] + rays[:, :2] * reach[:, None]

        def turned(axis: FloatArray) -> FloatArray:
            """(n, 2): metres the point moves for a radian of turn about an axis."""
            return _moved(rays, reach, np.cross(axis, rays))

        yaw = math.radians(self.pose.yaw_deg)
        right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
        by_yaw, by_pitch, by_roll = turned(np.array([0.0, 0.0, -1.0])), turned(right), turned(self.rotation[2])
        with np.errstate(divide="ignore", invalid="ignore"):
            by_height = rays[:, :2] / sinking[:, None]
        by_height[~meets] = np.nan
        rates, velocity = np.radians(self.pose.rates_dps), self.pose.velocity
        by_time = velocity[:2] + by_height * velocity[2]
        by_time = by_time + by_yaw * rates[0] + by_pitch * rates[1] + by_roll * rates[2]

        s = self.pose.sigmas
        tilt, heading = math.radians(s.tilt_deg), math.radians(s.yaw_deg)
        systematic = _outer(by_yaw * heading) + _outer(by_pitch * tilt) + _outer(by_roll * tilt)
        systematic += _outer(by_height * math.hypot(s.height_m, plane_sigma_m)) + _outer(by_time * s.time_s)
        systematic += np.eye(2) * s.position_m**2
        per_px = pixel_sigma / self.focal_px
        random = _outer(_moved(rays, reach, np.broadcast_to(self.rotation[0], rays.shape)) * per_px)
        random += _outer(_moved(rays, reach, np.broadcast_to(self.rotation[1], rays.shape)) * per_px)
        return PlanePoints(enu, random, systematic)

    def _rays(self, pixels: FloatArray) -> FloatArray:
        x = (pixels[:, 0] - self.centre_px[0]) / self.focal_px
        y = (pixels[:, 1] - self.centre_px[1]) / self.focal_px
        if self.lens.k1 or self.lens.k2:
            scale = undistortion(np.hypot(x, y), self.lens.k1, self.lens.k2)
            x, y = x * scale, y * scale
        return np.column_stack([x, y, np.ones_like(x)]) @ self.rotation

    # --- plane to picture

    def pixels(self, enu: FloatArray, amsl_m: float) -> FloatArray:
        """(n, 2) metres at a height to (n, 2) pixels; NaN behind the camera."""
        enu = np.asarray(enu, dtype=np.float64).reshape(-1, 2)
        points = np.column_stack([enu, np.full(len(enu), amsl_m)])
        lens = self.lens
        return seen_at(points, self.pose.eye, self.rotation, self.focal_px, self.centre_px, lens.k1, lens.k2)

    def shows(self, place: Enu, amsl_m: float, *, margin_px: float = 4.0) -> bool:
        """Whether a point lies in the picture, on a ray steep enough to be measured."""
        u, v = self.pixels(np.array([[place.east_m, place.north_m]]), amsl_m)[0].tolist()
        if not (
            margin_px <= u <= self.lens.width_px - margin_px and margin_px <= v <= self.lens.height_px - margin_px
        ):
            return False
        away = np.array([place.east_m, place.north_m, amsl_m]) - self.pose.eye
        return float(-away[2]) > _GRAZING * float(np.linalg.norm(away))

    def metres_per_px(self, place: Enu, amsl_m: float) -> float:
        """Across the line of sight."""
        away = np.array([place.east_m, place.north_m, amsl_m]) - self.pose.eye
        return max(float(self.rotation[2] @ away), 0.5) / self.focal_px

    def footprint(self, plane_amsl_m: float, *, most_m: float = 250.0) -> FloatArray:
        """(n, 2): the ring of the plane that the picture shows, no farther than `most_m`; empty when none."""
        width, height = self.lens.width_px, self.lens.height_px
        t = np.linspace(0.0, 1.0, 9)[:-1, None]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]], dtype=np.float64)
        edge = np.concatenate([a + (b - a) * t for a, b in pairwise(corners)])
        rays = self._rays(edge)
        drop = float(self.pose.eye[2]) - plane_amsl_m
        if drop <= 0.5:
            return np.zeros((0, 2))
        level = np.linalg.norm(rays[:, :2], axis=1)
        sinking = np.maximum(-rays[:, 2], 1e-9)
        reach = np.minimum(level / sinking * drop, most_m)
        flat = -rays[:, 2] <= 0
        if flat.all():
            return np.zeros((0, 2))
        return self.pose.eye[:2] + rays[:, :2] / np.maximum(level, 1e-9)[:, None] * reach[:, None]


def _moved(rays: FloatArray, reach: FloatArray, change: FloatArray) -> FloatArray:
    """(n, 2): by how much the meeting point moves when each ray changes by so much."""
    along = change[:, 2] / -rays[:, 2]
    return (change[:, :2] + rays[:, :2] * along[:, None]) * reach[:, None]


def _outer(columns: FloatArray) -> FloatArray:
    return columns[:, :, None] * columns[:, None, :]
