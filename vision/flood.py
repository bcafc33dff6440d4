"""Where the water has come over: the travelling front seen in the pixels, and the foreshore behind it.

The ground before the camera is cut into strips across the river. A front is a strip that changes as a whole, then the
next one, then the next. A forecast may say when; only the picture says that it is here, so a foreshore counts as
flooded strip by strip as the front is seen to cross it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu
from vision.background import Gray
from vision.scene import FIRST_FORESHORE, WATER, SceneModel


@dataclass(frozen=True, slots=True)
class FloodConfig:
    strip_m: float = 4.0
    changed_fraction: float = 0.35  # of a strip's pixels
    min_pixels: int = 8
    step_px: int = 4
    sudden_fraction: float = 0.6  # this share of all strips at once is light, not water
    near_front_m: float = 24.0
    stirred_fraction: float = 0.15
    stirred_s: float = 3.0
    stirred_strips: int = 3
    restless_s: float = 20.0  # the water is learnt anew for so long behind the front
    front_strips: int = 5
    front_within_s: float = 12.0
    min_front_mps: float = 1.5
    max_front_mps: float = 16.0
    again_after_s: float = 900.0


class FloodWatch:
    """Strips and the times at which they were crossed."""

    def __init__(self, scene: SceneModel, config: FloodConfig) -> None:
        self._scene = scene
        self._config = config
        self._strips: NDArray[np.intp] | None = None
        self._crossed_s: NDArray[np.float64] = np.zeros(0)
        self._recent: deque[tuple[float, int]] = deque()
        self.restless = False  # the front is passing or has just passed
        self._front_at_s = -1e9
        self._stirred_s: NDArray[np.float64] = np.zeros(0)
        self._prepare()

    def _prepare(self) -> None:
        """Which strip each sampled pixel lies in; -1 for what is neither water nor foreshore."""
        crest, scene = self._scene.geometry.crest, self._scene
        if crest is None:
            return
        projection, step = scene.projection, self._config.step_px
        eye = np.array([projection.position.east_m, projection.position.north_m])
        middles = (crest[:-1] + crest[1:]) / 2
        nearest = int(np.argmin(np.hypot(*(middles - eye).T)))
        along = crest[nearest + 1] - crest[nearest]
        self._along = along / np.hypot(*along)
        self._right = np.array([self._along[1], -self._along[0]])
        self._eye = eye
        codes = scene.codes[::step, ::step]
        rows, columns = np.indices(codes.shape)
        pixels = np.column_stack([columns.ravel() * step, rows.ravel() * step]).astype(np.float64)
        wet = (codes == WATER) | (codes >= FIRST_FORESHORE)
        drop = projection.camera.height_amsl_m - scene.planes(codes.ravel())
        places = projection.slopes(pixels) * drop[:, None]
        metres = places @ self._along
        usable = wet.ravel() & ~np.isnan(metres) & (np.hypot(*places.T) < projection.camera.range_m * 1.3)
        if not usable.any():
            return
        self._first_m = float(metres[usable].min())
        strips = np.full(len(pixels), -1)
        strips[usable] = ((metres[usable] - self._first_m) / self._config.strip_m).astype(np.intp)
        self._strips = strips.reshape(codes.shape)
        count = int(strips.max()) + 1
        self._pixels = np.bincount(strips[usable], minlength=count)
        self._crossed_s = np.full(count, -np.inf)
        self._stirred_s = np.full(count, -np.inf)

    def step(self, foreground: Gray, top_row: int, now_s: float) -> None:
        """Takes the raw change mask of one frame; floods the scene's foreshore where the front has passed."""
        config = self._config
        if self._strips is None:
            return
        step = config.step_px
        first = -(-top_row // step)
        strips = self._strips[first:]
        sampled = foreground[first * step - top_row :: step, ::step][: len(strips)]
        changed = strips[(sampled > 0) & (strips >= 0)]
        fraction = np.bincount(changed, minlength=len(self._pixels)) / np.maximum(self._pixels, 1)
        hit = (fraction >= config.changed_fraction) & (self._pixels >= config.min_pixels)
        self._stirred_s[(fraction >= config.stirred_fraction) & (self._pixels >= config.min_pixels)] = now_s
        self.restless = now_s - self._front_at_s < config.restless_s
        if not hit.any() or np.count_nonzero(hit) > config.sudden_fraction * np.count_nonzero(
            self._pixels >= config.min_pixels
        ):
            return
        new = np.flatnonzero(hit & (now_s - self._crossed_s > config.again_after_s))
        if not len(new):
            return
        self._crossed_s[new] = now_s
        self._recent.extend((now_s, int(strip)) for strip in new)
        while self._recent and now_s - self._recent[0][0] > config.front_within_s:
            self._recent.popleft()
        self._front(now_s)

    def near_front(self, point: Enu, now_s: float) -> bool:
        """The front is here, was just now or is about to be: what appears here is foam, not somebody arriving."""
        if self._strips is None:
            return False
        strip = self._strip_of(point)
        reach = int(self._config.near_front_m / self._config.strip_m)
        stirred = self._stirred_s[max(strip - reach, 0) : max(strip + reach + 1, 0)]
        if np.count_nonzero(now_s - stirred <= self._config.stirred_s) >= self._config.stirred_strips:
            return True  # much changes at once, and it has not yet been seen to travel
        if now_s - self._front_at_s > self._config.restless_s:
            return False
        window = self._crossed_s[max(strip - reach, 0) : max(strip + reach + 1, 0)]
        return bool((now_s - window < self._config.restless_s).any())

    def crossed(self, point: Enu, now_s: float) -> bool:
        """A seen front has passed this place within the last quarter of an hour."""
        strip = self._strip_of(point)
        known = self._strips is not None and self._front_at_s > -1e8 and 0 <= strip < len(self._crossed_s)
        return known and bool(now_s - self._crossed_s[strip] < self._config.again_after_s)

    def passed(self, now_s: float) -> bool:
        """A front went by within the last quarter of an hour."""
        return now_s - self._front_at_s < self._config.again_after_s

    def stirring(self, now_s: float) -> bool:
        """Something crosses the strips, or has just: what changes over a whole block there need not be light."""
        return self.restless or bool((now_s - self._crossed_s < self._config.stirred_s).any())

    def _strip_of(self, point: Enu) -> int:
        if self._strips is None:
            return -1
        metres = (point.east_m - self._eye[0]) * self._along[0] + (point.north_m - self._eye[1]) * self._along[1]
        return int((float(metres) - self._first_m) // self._config.strip_m)

    def _front(self, now_s: float) -> None:
        """Several strips crossed one after the other are flooded; what runs there is told by `vision.front`."""
        config = self._config
        times = np.array([at for at, _ in self._recent])
        places = np.array([strip for _, strip in self._recent]) * config.strip_m
        if len(set(times.tolist())) < 3 or len(times) < config.front_strips or np.ptp(places) < 3 * config.strip_m:
            return
        speed = float(np.polyfit(times - times[0], places, 1)[0])
        if config.min_front_mps <= abs(speed) <= config.max_front_mps:
            self._front_at_s = now_s
            self.restless = True
            self._flood()

    def _flood(self) -> None:
        if self._strips is not None:
            crossed = np.append(self._crossed_s > -np.inf, False)[self._strips]
            self._scene.flood(crossed)
