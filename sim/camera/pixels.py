"""cv2's arithmetic of a picture with one number, which its type hints leave out."""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from cv2.typing import MatLike

Picture = MatLike  # (height, width, 3) bytes, blue green red; masks are (height, width) bytes, 0 or 255

_cv: Any = cv2


def minus(picture: Picture, number: float) -> Picture:
    """Every channel lowered, saturating."""
    return cast("Picture", _cv.subtract(picture, (number, number, number, 0)))


def above(values: Picture, number: float) -> Picture:
    """A mask of where the values are greater."""
    return cast("Picture", _cv.compare(values, number, cv2.CMP_GT))


def where(mask: Picture, number: int) -> Picture:
    """`number` under the mask, 0 elsewhere."""
    return cast("Picture", _cv.bitwise_and(mask, number))


def thrice(channel: Picture) -> Picture:
    """A grey picture as one of three channels."""
    return cv2.merge([channel, channel, channel])


def looked_up(source: Picture, table: Picture) -> Picture:
    """The source's pixel that the table names, for each place in the table."""
    return cast("Picture", _cv.remap(source, table, None, cv2.INTER_NEAREST))


def touched(before: Picture, after: Picture) -> Picture:
    """A mask of the pixels that differ."""
    return (np.any(before != after, axis=2) * 255).astype(np.uint8)
