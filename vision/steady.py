"""Holds the picture still: the sway of a pole in the wind is measured on small solid patches and taken out again.

Correlating phases finds a shift to a tenth of a pixel in a patch of 64 x 64 for some tens of microseconds. Patches
lie where the empty scene has detail both ways and does not move by itself (no water); each tells its own shift and
how sure it is, and the median of those that are sure is the camera's. So neither a crowd nor a boat in one of them
moves the picture. What is below a twelfth of a pixel, or more than a pole sways, is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray

_cv: Any = cv2


@dataclass(frozen=True, slots=True)
class SteadyConfig:
    patch_px: int = 64
    patches: int = 6
    min_patches: int = 3
    min_detail: float = 3.0  # mean gradient, grey levels a pixel, of the weaker direction
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
        config, size = self._config, self._config.patch_px
        if len(self._places) < config.min_patches:
            return 0.0, 0.0
        shifts: list[tuple[float, float]] = []
        for index, (left, top) in enumerate(self._places):
            if index == config.min_patches and all(max(abs(x), abs(y)) < config.least_px for x, y in shifts):
                return 0.0, 0.0  # the first few say that it stands still
            here = np.s_[top : top + size, left : left + size]
            a, b = believed[here].astype(np.float32), gray[here].astype(np.float32)
            shift, response = cv2.phaseCorrelate(a, b, self._window)
            if response >= config.min_response:
                shifts.append((float(shift[0]), float(shift[1])))
        if len(shifts) < config.min_patches:
            return 0.0, 0.0
        told: NDArray[np.float64] = np.array(shifts)
        middle = np.median(told, axis=0)
        agreeing = np.abs(told - middle).max(axis=1) <= config.agree_px
        length = float(np.hypot(*middle))
        if np.count_nonzero(agreeing) * 2 <= len(told) or not config.least_px <= length <= config.most_px:
            return 0.0, 0.0
        x, y = told[agreeing].mean(axis=0).tolist()
        return x, y
