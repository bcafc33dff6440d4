"""The truth of how a camera sees: world to pixel and pixel to ray.

Pinhole with OpenCV's radial distortion. Pixel (0, 0) is the centre of the top left pixel and the optical axis
meets the picture at (width/2, height/2). Yaw is clockwise from true north, pitch negative looks down, roll
positive turns the camera clockwise as seen from behind it.
"""

from __future__ import annotations

import math

import numpy as np

from geofence.position import Enu, FloatArray, LocalFrame
from vision.camera import Camera, Lens


class TrueLens:
    """A camera's exact projection in the site's frame; third coordinate is metres above mean sea level."""

    def __init__(self, camera: Camera, frame: LocalFrame) -> None:
        angles = (camera.yaw_deg, camera.pitch_deg, camera.roll_deg)
        self._set(camera.lens, frame.to_enu(camera.position), camera.height_amsl_m, angles)

    @classmethod
    def posed(cls, lens: Lens, place: Enu, amsl_m: float, angles_deg: tuple[float, float, float]) -> TrueLens:
        """A lens that is there now, looking by yaw, pitch and roll."""
        made = cls.__new__(cls)
        made._set(lens, place, amsl_m, angles_deg)
        return made

    def _set(self, lens: Lens, at: Enu, amsl_m: float, angles_deg: tuple[float, float, float]) -> None:
        self.width_px = lens.width_px
        self.height_px = lens.height_px
        self.position = np.array([at.east_m, at.north_m, amsl_m])
        self.focal_px = self.width_px / 2 / math.tan(math.radians(lens.hfov_deg) / 2)
        self._k1, self._k2 = lens.k1, lens.k2
        yaw, pitch, roll = (math.radians(d) for d in angles_deg)
        forward = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
        level_right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
        level_down = np.cross(forward, level_right)
        right = level_right * math.cos(roll) + level_down * math.sin(roll)
        down = level_down * math.cos(roll) - level_right * math.sin(roll)
        self.axes = np.vstack([right, down, forward])

    @property
    def place(self) -> Enu:
        return Enu(float(self.position[0]), float(self.position[1]))

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n, 3) east, north, amsl to (n, 2) pixels and (n,) depths along the axis; depth <= 0 is behind."""
        local = (points - self.position) @ self.axes.T
        depth = local[:, 2]
        safe = np.where(depth > 0.05, depth, 0.05)
        x, y = local[:, 0] / safe, local[:, 1] / safe
        if self._k1 or self._k2:
            r2 = x * x + y * y
            bend = 1 + self._k1 * r2 + self._k2 * r2 * r2
            x, y = x * bend, y * bend
        return np.column_stack([x * self.focal_px + self.width_px / 2, y * self.focal_px + self.height_px / 2]), depth

    def rays(self) -> FloatArray:
        """(height * width, 3) unit rays through the pixel centres, row by row."""
        u, v = np.meshgrid(np.arange(self.width_px, dtype=np.float64), np.arange(self.height_px, dtype=np.float64))
        return self.rays_at(u, v)

    def rays_at(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """(n, 3) unit rays through pixels."""
        xd = (u.ravel() - self.width_px / 2) / self.focal_px
        yd = (v.ravel() - self.height_px / 2) / self.focal_px
        x, y = xd.copy(), yd.copy()
        if self._k1 or self._k2:
            for _ in range(20):
                r2 = x * x + y * y
                bend = 1 + self._k1 * r2 + self._k2 * r2 * r2
                x, y = xd / bend, yd / bend
        rays = np.column_stack([x, y, np.ones_like(x)]) @ self.axes
        return rays / np.linalg.norm(rays, axis=1)[:, None]
