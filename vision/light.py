"""Light that changes over the whole picture or a part of it: exposure steps, a cloud's edge, dusk, lamps, fog.

Somebody covers a small part of his surroundings; light covers all of them. So where the middle of a block's pixels
has grown brighter or darker by the same share, it is the light, and the picture is set back by that much before it is
compared with the empty scene. Blocks are far larger than people, and between them the light is taken to run evenly.
A share and not a difference, because a shadow takes the same share of what lies in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray


@dataclass(frozen=True, slots=True)
class LightConfig:
    blocks: tuple[int, int] = (12, 20)  # rows, columns
    step_px: int = 6  # every so many pixels one is looked at
    dead_band: float = 0.012  # of the brightness; less than this is noise
    most: float = 0.75  # no light changes more within a background's memory
    darkest: int = 12  # grey levels; below this a share means nothing


class Light:
    """`evened` gives the picture as it would look in the light in which the empty scene was learnt."""

    def __init__(self, config: LightConfig) -> None:
        self._config = config
        self.gain: NDArray[np.float32] | None = None  # of each pixel of the last picture; None: as it was

    def evened(self, gray: Gray, believed: Gray, usable: Gray) -> Gray:
        """`usable` is 255 where light may be read: not on water, whose look changes by itself."""
        config = self._config
        step = config.step_px
        self.gain = None
        seen = gray[::step, ::step].astype(np.float32)
        was = believed[::step, ::step].astype(np.float32)
        fit = (usable[::step, ::step] > 0) & (was > config.darkest) & (seen < 252) & (was < 252)
        ratio = np.where(fit, seen / np.maximum(was, 1.0), np.nan)
        gain, known = _block_medians(ratio, config.blocks)
        if not known.any():
            return gray
        _fill(gain, known)
        gain = np.clip(gain, 1.0 - config.most, 1.0 + config.most).astype(np.float32)
        if np.abs(gain - 1.0).max() < config.dead_band:
            return gray
        # One block's median is a crowd's as soon as a crowd fills it; its neighbours' middle is not.
        gain = cast("NDArray[np.float32]", cv2.medianBlur(gain, 3))
        gain[np.abs(gain - 1.0) < config.dead_band] = 1.0
        self.gain = spread(gain, gray.shape[0], gray.shape[1], step)
        return cast("Gray", cv2.divide(gray, self.gain, dtype=cv2.CV_8U))  # type: ignore[call-overload]


def spread(blocks: NDArray[np.float32], rows: int, columns: int, step_px: int) -> NDArray[np.float32]:
    """A value for each pixel from the blocks', evenly between their middles."""
    high, wide = (
        math.ceil(math.ceil(rows / step_px) / blocks.shape[0]),
        math.ceil(math.ceil(columns / step_px) / blocks.shape[1]),
    )
    size = (wide * step_px * blocks.shape[1], high * step_px * blocks.shape[0])
    full = cv2.resize(blocks, size, interpolation=cv2.INTER_LINEAR)
    return cast("NDArray[np.float32]", full[:rows, :columns])


def _fill(gain: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
    """What could not be read takes after what lies nearest, and after the whole picture where nothing is near."""
    gain[~known] = float(np.median(gain[known]))
    left, have = ~known, known.astype(np.float32)
    for size in (3, 5, 9):
        weight = np.asarray(cv2.blur(have, (size, size)))
        near = left & (weight > 0)
        if near.any():
            mean = np.asarray(cv2.blur(gain * have, (size, size))) / np.maximum(weight, 1e-6)
            gain[near] = mean[near]
            left &= ~near


def _block_medians(
    values: NDArray[np.float32], blocks: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The median of each block without its gaps, and where enough is known to have one."""
    rows, columns = values.shape
    high, wide = -(-rows // blocks[0]), -(-columns // blocks[1])
    padded = np.full((high * blocks[0], wide * blocks[1]), np.nan, np.float32)
    padded[:rows, :columns] = values
    cells = padded.reshape(blocks[0], high, blocks[1], wide).transpose(0, 2, 1, 3).reshape(*blocks, -1)
    cells = np.sort(cells, axis=2)  # gaps go to the end
    count = np.count_nonzero(~np.isnan(cells), axis=2)
    middle = np.take_along_axis(cells, np.maximum(count // 2, 0)[:, :, None].clip(max=cells.shape[2] - 1), axis=2)
    known = count * 3 >= cells.shape[2]
    return np.where(known, middle[:, :, 0], 1.0).astype(np.float32), known
