"""How the water's surface moves: large-scale particle image velocimetry on the rectified water plane.

    picture ─► plane of the water near the camera, half a metre a pixel, less its own running mean
            ─► windows ─► cross-correlation with the look before, summed over many looks (ensemble correlation)
            ─► peak: displacement; its height over the next peak: quality; two half ensembles: sigma

What stands still (shadows, the lens's dirt, compression blocks) falls out with the running mean. What moves is foam,
silt and ripples; wind waves travel through the water as well as with it, so a sigma for that is always added.
Where nothing stands out, or half the looks say otherwise than the other half, the velocity is not known. The camera
must look down at 15 degrees or more at what it measures (USGS quick guide, VISION.md 1.5), which bounds the plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.background import Gray
from vision.scene import WATER, SceneModel


@dataclass(frozen=True, slots=True)
class VelocityConfig:
    look_every_s: float = 0.59
    read_every_s: float = 3.0
    time_constant_s: float = 6.0  # of the ensemble
    mean_s: float = 15.0  # of what stands still
    settle_s: float = 4.0
    learn_s: float = 10.0
    pixel_m: float = 0.4
    window_px: int = 32
    least_view_deg: float = 11.0
    least_px_per_m: float = 1.6
    most_windows: int = 6
    most_mps: float = 7.0
    least_deviation: float = 1.0  # grey levels, of what moves in a window
    least_ratio: float = 1.35  # of the peak to the next
    most_difference_mps: float = 0.5  # between the two halves of the looks
    wave_sigma_mps: float = 0.4  # ripples run through the water as fast as that, with the wind or against it
    plane_sigma_m: float = 0.2  # of the water's height


@dataclass(frozen=True, slots=True)
class SurfaceVelocity:
    """One vector."""

    place: Enu
    east_mps: float
    north_mps: float
    sigma_mps: float  # of each component
    quality: float  # the correlation's peak over the next one


@dataclass(frozen=True, slots=True)
class Plane:
    """The water near the camera as a picture of its own: columns along `ahead`, rows to the right of it."""

    columns: NDArray[np.float32]
    rows: NDArray[np.float32]
    windows: tuple[tuple[int, int], ...]  # row and column of each window's corner
    places: tuple[Enu, ...]
    ahead: FloatArray
    right: FloatArray
    above_m: float


def plane_of(scene: SceneModel, config: VelocityConfig) -> Plane | None:
    """Windows where the camera sees water well enough; None where it sees none."""
    projection, camera = scene.projection, scene.projection.camera
    eye = np.array([projection.position.east_m, projection.position.north_m])
    above = camera.height_amsl_m - scene.water_amsl_m
    if above <= 1.0 or scene.geometry.crest is None:
        return None
    yaw = math.radians(camera.yaw_deg)
    ahead, right = np.array([math.sin(yaw), math.cos(yaw)]), np.array([math.cos(yaw), -math.sin(yaw)])
    reach = min(above / math.tan(math.radians(config.least_view_deg)), camera.range_m)
    half = config.window_px * config.pixel_m / 2
    centres: list[tuple[float, float, float]] = []
    for a in np.arange(-reach + half, reach, 2 * half):
        for b in np.arange(-reach + half, reach, 2 * half):
            corners = np.array([[a + i * half, b + j * half] for i in (-1, 0, 1) for j in (-1, 0, 1)])
            if np.hypot(a, b) > reach:
                continue
            places = eye + corners[:, :1] * ahead + corners[:, 1:] * right
            pixels = projection.pixels(places, scene.water_amsl_m)
            if np.isnan(pixels).any() or not _all_water(scene, pixels):
                continue
            step = projection.pixels(places[4:5] + 0.5 * ahead, scene.water_amsl_m) - pixels[4]
            aside = projection.pixels(places[4:5] + 0.5 * right, scene.water_amsl_m) - pixels[4]
            area = abs(float(step[0, 0] * aside[0, 1] - step[0, 1] * aside[0, 0])) * 4  # square pixels a square metre
            finest = area / max(float(np.hypot(*step[0])), float(np.hypot(*aside[0]))) / 2
            if finest >= config.least_px_per_m:
                centres.append((float(np.hypot(a, b)), float(a), float(b)))
    if not centres:
        return None
    chosen = [(a, b) for _, a, b in sorted(centres)[: config.most_windows]]
    low = np.array(chosen).min(axis=0) - half
    high = np.array(chosen).max(axis=0) + half
    along = np.arange(low[0], high[0] - 1e-6, config.pixel_m)
    across = np.arange(low[1], high[1] - 1e-6, config.pixel_m)
    grid = eye + along[None, :, None] * ahead + across[:, None, None] * right
    pixels = np.nan_to_num(projection.pixels(grid.reshape(-1, 2), scene.water_amsl_m), nan=-9.0)
    pixels = pixels.reshape(len(across), len(along), 2)
    corners_px = [
        (round((b - half - low[1]) / config.pixel_m), round((a - half - low[0]) / config.pixel_m)) for a, b in chosen
    ]
    places = [eye + a * ahead + b * right for a, b in chosen]
    return Plane(
        np.ascontiguousarray(pixels[:, :, 0], np.float32), np.ascontiguousarray(pixels[:, :, 1], np.float32),
        tuple(corners_px), tuple(Enu(float(p[0]), float(p[1])) for p in places), ahead, right, above,
    )  # fmt: skip


def _all_water(scene: SceneModel, pixels: FloatArray) -> bool:
    rows, columns = scene.codes.shape
    if (pixels < 0).any() or (pixels[:, 0] > columns - 1).any() or (pixels[:, 1] > rows - 1).any():
        return False
    whole = np.rint(pixels).astype(np.intp)
    return bool((scene.codes[np.minimum(whole[:, 1], rows - 1), np.minimum(whole[:, 0], columns - 1)] == WATER).all())


class VelocityWatch:
    """Call `step` with every whole picture; `vectors` is the newest reading, empty while nothing is known."""

    def __init__(self, plane: Plane | None, config: VelocityConfig) -> None:
        self.vectors: tuple[SurfaceVelocity, ...] = ()
        self.read_at_s = -1e9
        self._config = config
        size = config.window_px
        taper = np.hanning(size + 2)[1:-1].astype(np.float32)
        self._taper = np.outer(taper, taper)
        # A tapered window overlaps itself less the farther it is shifted, which draws every peak towards no motion.
        overlap = np.fft.irfft2(np.abs(np.fft.rfft2(self._taper)) ** 2, s=(size, size))
        self._overlap = np.maximum(overlap / overlap.max(), 0.1)
        self._last_s = -1e9
        self.move(plane)

    def move(self, plane: Plane | None) -> None:
        """Another plane: the water stands at another level."""
        self.plane = plane
        self.vectors = ()
        self._forget()

    def _forget(self) -> None:
        count = 0 if self.plane is None else len(self.plane.windows)
        size = self._config.window_px
        self._mean: NDArray[np.float32] | None = None
        self._before: NDArray[np.complex128] | None = None
        self._halves = np.zeros((2, count, size, size // 2 + 1), np.complex128)
        self._deviation = np.zeros(count)
        self._elapsed_s = self._config.look_every_s
        self._turn = 0

    def step(self, gray: Gray, now_s: float) -> bool:
        """True when there is a new reading."""
        config, plane = self._config, self.plane
        elapsed_s = now_s - self._last_s
        if plane is None or 0.0 <= elapsed_s < config.look_every_s - 0.01:
            return False
        self._last_s = now_s
        value = cv2.remap(gray, plane.columns, plane.rows, cv2.INTER_LINEAR).astype(np.float32)
        if self._mean is None or not 0.0 <= elapsed_s < 2.0:
            self._forget()
            self._mean, self._since_s = value.copy(), now_s
            return False
        if abs(elapsed_s - self._elapsed_s) > 0.25 * self._elapsed_s:  # another rate of frames: another displacement
            self._halves[:] = 0
            self._before, self._elapsed_s, self._since_s = None, elapsed_s, now_s
        self._elapsed_s += 0.1 * (elapsed_s - self._elapsed_s)
        # What the mean still holds of its first picture would stand still: it is left to fade before anything counts.
        known_s = now_s - self._since_s
        cv2.accumulateWeighted(value, self._mean, min(1.0, elapsed_s / min(known_s + elapsed_s, config.mean_s)))
        if known_s < config.settle_s:
            return False
        self._correlate(value - self._mean, elapsed_s)
        if now_s - self._since_s < config.learn_s or 0.0 <= now_s - self.read_at_s < config.read_every_s:
            return False
        self.read_at_s = now_s
        self.vectors = tuple(self._read(plane))
        return True

    def _correlate(self, moving: NDArray[np.float32], elapsed_s: float) -> None:
        assert self.plane is not None
        size = self._config.window_px
        cut = np.stack([moving[r : r + size, c : c + size] for r, c in self.plane.windows])
        share = min(1.0, elapsed_s / self._config.time_constant_s)
        self._deviation += (cut.std(axis=(1, 2)) - self._deviation) * share
        cut = (cut - cut.mean(axis=(1, 2), keepdims=True)) * self._taper
        now = np.fft.rfft2(cut)
        if self._before is not None:
            cross = np.conj(self._before) * now
            half = self._halves[self._turn]
            half += (cross - half) * min(1.0, 2 * share)
            self._turn = 1 - self._turn
        self._before = now

    def _read(self, plane: Plane) -> list[SurfaceVelocity]:
        config = self._config
        both = self._halves.sum(axis=0)
        planes = np.fft.irfft2(np.concatenate([both, self._halves[0], self._halves[1]]), s=(config.window_px,) * 2)
        planes = planes / self._overlap
        count = len(plane.windows)
        found: list[SurfaceVelocity] = []
        scale = config.pixel_m / self._elapsed_s
        reach = min(int(config.most_mps / scale), config.window_px // 2 - 2)
        for index in range(count):
            if self._deviation[index] < config.least_deviation:
                continue
            shift, ratio = peak_of(planes[index], reach)
            halves = [peak_of(planes[count * k + index], reach)[0] for k in (1, 2)]
            difference = float(np.hypot(*(halves[0] - halves[1]))) * scale
            if ratio < config.least_ratio or difference > config.most_difference_mps:
                continue
            down, along = shift * scale
            vector = along * plane.ahead + down * plane.right
            speed = float(np.hypot(*vector))
            plane_sigma = speed * config.plane_sigma_m / plane.above_m
            sigma = math.sqrt(difference**2 / 4 + config.wave_sigma_mps**2 + plane_sigma**2)
            found.append(SurfaceVelocity(plane.places[index], float(vector[0]), float(vector[1]), sigma, ratio))
        return found


def peak_of(correlation: FloatArray, reach: int) -> tuple[FloatArray, float]:
    """Where its highest peak lies, in parts of a pixel (rows, columns), and how far that stands over the next one."""
    size = len(correlation)
    centred = np.roll(correlation, (size // 2, size // 2), axis=(0, 1))
    middle = size // 2
    near = centred[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    row, column = np.unravel_index(int(np.argmax(near)), near.shape)
    top = float(near[row, column])
    others = near.copy()
    others[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = -np.inf
    second = float(others.max())
    ratio = top / second if second > 1e-12 else 10.0
    place = np.array([row + _vertex(near[:, column], int(row)), column + _vertex(near[row], int(column))])
    return place - reach, min(ratio, 10.0) if top > 0 else 0.0


def _vertex(line: FloatArray, index: int) -> float:
    """The top of the parabola through three neighbours."""
    if not 0 < index < len(line) - 1:
        return 0.0
    a, b, c = (float(x) for x in line[index - 1 : index + 2])
    bend = a - 2 * b + c
    return 0.5 * (a - c) / bend if bend < 0 else 0.0
