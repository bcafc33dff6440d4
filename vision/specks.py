"""Rain, snow and grain: specks that are there for one frame, thin, everywhere. Thresholds rise until they are rare.

A drop that crosses the picture is foreground at a pixel once and neither just before nor just after; somebody who
walks overlaps himself from frame to frame. So the pixels that were foreground in one frame only measure the weather
and not the people, and each kind of surface gets as much added to its threshold as keeps them under a fixed share
(a constant false-alarm rate, as radar has it). Brighter and darker are held apart: rain and snow brighten, and must
not hide who is darker than the ground. Where that would take more than `most`, as in snow, the threshold stays and
time decides: what is foreground must have been so, there, in the two frames before (in one, where somebody at the
edge might be falling). Under somebody known neither holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray
from vision.scene import FIRST_FORESHORE, NOTHING, WATER

_LEVELS = 24
_LEVEL = 2.5  # grey levels to a step


@dataclass(frozen=True, slots=True)
class SpecksConfig:
    share: float = 0.0012  # of a surface's pixels that may be specks
    spread: float = (
        0.4  # at most so many of its blocks may have fewer: rain falls everywhere, a runner is in one place
    )
    block_px: int = 32
    time_constant_s: float = 4.0
    most: int = 26  # grey levels; more would hide people
    margin: float = 2.0  # grey levels above what keeps the share
    judge_every_s: float = 0.6
    settle_s: float = 0.6  # until it knows the weather


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the last frame looked like; a speck is known for one only when the next has come."""

    foreground: Gray
    before: Gray  # dilated foreground of the frame before it
    gray: Gray
    believed: Gray
    threshold: Gray


class Specks:
    """Call `clean` once a frame; `rise` says how much the weather has added, by surface."""

    def __init__(self, codes: NDArray[np.uint8], config: SpecksConfig) -> None:
        """`codes` is the scene's table of surfaces, cropped as the pictures are."""
        self._config = config
        self._last: _Frame | None = None
        self._wide: Gray | None = None
        self._kept: tuple[Gray, Gray] | None = None  # of the last two frames, dilated
        self.dense = False  # too much for thresholds
        self._since_judged_s = 0.0
        self.rise: dict[int, tuple[int, int]] = {}
        self._near = np.ones((3, 3), np.uint8)
        self.look_at(codes)

    def look_at(self, codes: NDArray[np.uint8]) -> None:
        """Takes new surfaces, and forgets what it knows when they are of another size."""
        size = self._config.block_px
        rows, columns = codes.shape
        kinds = np.minimum(codes, FIRST_FORESHORE)
        kinds = np.where((kinds == WATER) | (kinds == NOTHING), 255, kinds).astype(np.uint8)
        self._kinds = kinds
        self._solid = cast("Gray", cv2.compare(kinds, 255, cv2.CMP_LT))  # type: ignore[call-overload]
        across = -(-columns // size)
        block = (np.arange(rows) // size)[:, None] * across + (np.arange(columns) // size)[None]
        self._block = block.astype(np.int32)
        count = int(block.max()) + 1
        self._pixels: dict[int, NDArray[np.int64]] = {}
        for kind in np.unique(kinds).tolist():
            if kind != 255:
                self._pixels[kind] = np.bincount(block[kinds == kind], minlength=count)
        if getattr(self, "_count", 0) != count:
            self._count, self._weight, self._settled_s = count, 0.0, 0.0
            self._seen = np.zeros((2, count * _LEVELS))
            self._last = self._wide = self._kept = None
        known = self.rise
        self.rise = {kind: known.get(kind, (0, 0)) for kind in self._pixels}

    @property
    def settled(self) -> bool:
        """It has seen enough to tell specks from people."""
        return self._settled_s >= self._config.settle_s

    @property
    def falling(self) -> bool:
        """It rains or snows, or the picture is as grainy as if it did."""
        return any(max(both) > 0 for both in self.rise.values())

    def clean(
        self, gray: Gray, believed: Gray, threshold: Gray, foreground: Gray, known: Gray, below: Gray, dt_s: float
    ) -> Gray:
        """The foreground without specks. `known` is 255 where somebody is already, `below` where he might fall."""
        if self._last is not None and self._last.gray.shape != gray.shape:
            self._last = self._wide = self._kept = None
        self._settled_s = min(self._settled_s + dt_s, self._config.settle_s)
        wide = cast("Gray", cv2.dilate(foreground, self._near))
        if self._last is not None:
            self._measure(self._last, wide, dt_s)
        if self._wide is not None:
            self._last = _Frame(foreground, self._wide, gray, believed, threshold)
        self._wide = wide
        if not self.falling:
            self._kept = None
            return foreground
        brighter, darker = (self._lifted(threshold, side) for side in (0, 1))
        kept = cv2.bitwise_or(
            cv2.compare(cv2.subtract(gray, believed), brighter, cv2.CMP_GT),
            cv2.compare(cv2.subtract(believed, gray), darker, cv2.CMP_GT),
        )
        wide_kept = cast("Gray", cv2.dilate(kept, self._near))
        before = self._kept
        self._kept = (wide_kept, wide_kept if before is None else before[0])
        if self.dense and before is not None:
            kept = cv2.bitwise_and(kept, cv2.bitwise_and(before[0], cv2.bitwise_or(before[1], below)))
        cv2.copyTo(foreground, known, kept)
        return cast("Gray", kept)

    def _lifted(self, threshold: Gray, side: int) -> Gray:
        table = np.zeros(256, np.uint8)
        for kind, both in self.rise.items():
            table[kind] = both[side]
        return cast("Gray", cv2.add(threshold, cv2.LUT(self._kinds, table)))

    def _measure(self, last: _Frame, wide: Gray, dt_s: float) -> None:
        config = self._config
        around = cv2.bitwise_not(cv2.bitwise_or(wide, last.before))
        lonely = cv2.bitwise_and(cv2.bitwise_and(last.foreground, around), self._solid)
        share = min(max(dt_s, 1e-3) / config.time_constant_s, 1.0)
        self._seen *= 1.0 - share
        self._weight = self._weight * (1.0 - share) + share
        if cv2.countNonZero(lonely):
            found = cv2.findNonZero(lonely).reshape(-1, 2)
            places = found[:, 1].astype(np.intp) * lonely.shape[1] + found[:, 0]
            difference = last.gray.ravel()[places].astype(np.int16) - last.believed.ravel()[places]
            excess = np.abs(difference) - last.threshold.ravel()[places]
            level = np.clip(excess / _LEVEL, 0, _LEVELS - 1).astype(np.intp)
            cell = self._block.ravel()[places] * _LEVELS + level
            for side, those in enumerate((difference > 0, difference < 0)):
                self._seen[side] += share * np.bincount(cell[those], minlength=self._count * _LEVELS)
        self._since_judged_s += dt_s
        if self._since_judged_s < config.judge_every_s and self._settled_s >= config.settle_s:
            return
        self._since_judged_s = 0.0
        # How many specks a block has at each level or above.
        above = np.cumsum(self._seen.reshape(2, self._count, _LEVELS)[:, :, ::-1], axis=2)[:, :, ::-1] / self._weight
        self.dense = False
        for kind, pixels in self._pixels.items():
            blocks = np.flatnonzero(pixels >= config.block_px**2 // 4)
            if len(blocks) < 2:
                continue
            shares = np.quantile(above[:, blocks] / pixels[blocks][None, :, None], config.spread, axis=1)
            self.rise[kind] = (self._rise(shares[0]), self._rise(shares[1]))

    def _rise(self, shares: NDArray[np.float64]) -> int:
        """The first level at which specks are as rare as they must be."""
        config = self._config
        over = np.flatnonzero(shares > config.share)
        rise = 0 if not len(over) else round((int(over[-1]) + 1) * _LEVEL + config.margin)
        self.dense = self.dense or rise > config.most
        return min(rise, config.most)
