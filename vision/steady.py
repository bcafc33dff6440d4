"""Holds the picture still: the sway of a pole in the wind is measured on small solid patches and taken out again.

Correlating phases finds the shift of a patch of 64 x 64 to the pixel, the slopes of the brightness the rest of it, to
a tenth. Patches lie where the empty scene has detail both ways and does not move by itself (no water); each tells
its own shift and how sure it is, and the median of those that are sure is the camera's. So neither a crowd nor a
boat in one of them moves the picture. What is below a twelfth of a pixel, or more than a pole sways, is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray

_cv: Any = cv2
_FLAT = 0.85  # a slope over two pixels is flatter than the brightness runs


@dataclass(frozen=True, slots=True)
class SteadyConfig:
    patch_px: int = 64
    patches: int = 6
    min_patches: int = 3
    min_detail: float = 0.7  # mean gradient, grey levels a pixel, of the weaker direction
    min_response: float = 0.12
    least_px: float = 0.08
    most_px: float = 12.0
    agree_px: float = 0.6  # of the median, by most of the patches
    choose_every_s: float = 30.0


class Steady:
    """`shift` says how far the picture lies from the empty scene; `held` gives it moved back."""

    def __init__(self, config: SteadyConfig) -> None:
        self._config = config
        self._window = cv2.createHanningWindow((config.patch_px, config.patch_px), cv2.CV_32F)
        self._places: list[tuple[int, int]] = []
        self._chosen_at_s = -1e9
        self.shift: tuple[float, float] = (0.0, 0.0)

    def choose(self, believed: Gray, solid: Gray, now_s: float) -> None:
        """Picks patches of the empty scene, now and then anew. `solid` is 255 where nothing moves by itself."""
        config = self._config
        if now_s - self._chosen_at_s < config.choose_every_s:
            return
        self._chosen_at_s = now_s
        size = config.patch_px
        across = np.abs(np.asarray(cv2.Sobel(believed, cv2.CV_32F, 1, 0, scale=0.125)))
        down = np.abs(np.asarray(cv2.Sobel(believed, cv2.CV_32F, 0, 1, scale=0.125)))
        found: list[tuple[float, int, int]] = []
        rows, columns = believed.shape
        for top in range(0, rows - size + 1, size // 2):
            for left in range(0, columns - size + 1, size // 2):
                here = np.s_[top : top + size, left : left + size]
                if float(solid[here].mean()) < 255 * 0.9:
                    continue
                detail = min(float(across[here].mean()), float(down[here].mean()))
                if detail >= config.min_detail:
                    found.append((detail, left, top))
        found.sort(reverse=True)
        self._places = []
        for _, left, top in found:
            if all(abs(left - x) >= size or abs(top - y) >= size for x, y in self._places):
                self._places.append((left, top))
            if len(self._places) == config.patches:
                break

    def held(self, gray: Gray, believed: Gray) -> Gray:
        """The picture where the empty scene lies."""
        self.shift = self._measured(gray, believed)
        x, y = self.shift
        if x == 0.0 and y == 0.0:
            return gray
        back = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]])
        size = (gray.shape[1], gray.shape[0])
        return cast("Gray", _cv.warpAffine(gray, back, size, None, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE))

    def _measured(self, gray: Gray, believed: Gray) -> tuple[float, float]:
        config = self._config
        if len(self._places) < config.min_patches:
            return 0.0, 0.0
        shifts: list[tuple[float, float]] = []
        for index, (left, top) in enumerate(self._places):
            if index == config.min_patches and all(max(abs(x), abs(y)) < config.least_px for x, y in shifts):
                return 0.0, 0.0  # the first few say that it stands still
            told = self._patch(gray, believed, left, top)
            if told is not None:
                shifts.append(told)
        if len(shifts) < config.min_patches:
            return 0.0, 0.0
        every: NDArray[np.float64] = np.array(shifts)
        agreeing = np.abs(every - np.median(every, axis=0)).max(axis=1) <= config.agree_px
        x, y = every[agreeing].mean(axis=0).tolist() if agreeing.any() else (0.0, 0.0)
        enough = np.count_nonzero(agreeing) * 2 > len(every)
        return (x, y) if enough and config.least_px <= float(np.hypot(x, y)) <= config.most_px else (0.0, 0.0)

    def _patch(self, gray: Gray, believed: Gray, left: int, top: int) -> tuple[float, float] | None:
        """The shift that one patch tells: to the pixel by its phases, to the rest by its slopes."""
        size = self._config.patch_px
        rows, columns = gray.shape
        still = believed[top : top + size, left : left + size].astype(np.float32)
        here = gray[top : top + size, left : left + size].astype(np.float32)
        coarse, response = cv2.phaseCorrelate(still.copy(), here, self._window)  # it lays the window on its arguments
        if response < self._config.min_response:
            return None
        x0 = min(max(left + round(coarse[0]), 0), columns - size)
        y0 = min(max(top + round(coarse[1]), 0), rows - size)
        for _ in range(3):
            here = gray[y0 : y0 + size, x0 : x0 + size].astype(np.float32)
            dx, dy = _slope_shift(still, here)
            if max(abs(dx), abs(dy)) <= 0.75:
                return x0 - left + dx, y0 - top + dy
            x0 = min(max(x0 + round(dx), 0), columns - size)
            y0 = min(max(y0 + round(dy), 0), rows - size)
        return None


def _slope_shift(still: NDArray[np.float32], here: NDArray[np.float32]) -> tuple[float, float]:
    """How far `here` has moved, by least squares on the slopes of both: good below a pixel."""
    middle = (still + here) / 2
    across = (middle[1:-1, 2:] - middle[1:-1, :-2]).ravel() / 2
    down = (middle[2:, 1:-1] - middle[:-2, 1:-1]).ravel() / 2
    change = still - here
    change = (change - np.median(change))[1:-1, 1:-1].ravel()
    aa, ad, dd = float(across @ across), float(across @ down), float(down @ down)
    determinant = aa * dd - ad * ad
    if determinant < 1e-6:
        return 0.0, 0.0
    a, d = float(across @ change), float(down @ change)
    x, y = (dd * a - ad * d) / determinant, (aa * d - ad * a) / determinant
    return _FLAT * x, _FLAT * y
