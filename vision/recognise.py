"""What says "this is a person": one small interface, whoever stands behind it.

    boxes of one picture ──verify──► confidence for each, or None where it cannot tell
    one whole picture    ──search──► the people in it

Two stand behind it: the HOG people detector whose weights are compiled into OpenCV's contrib wheel (here), and an
ONNX network that a site brings (vision/onnx_detector.py). Vision works without either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray
from vision.picture import Bgr


@dataclass(frozen=True, slots=True)
class PersonBox:
    """A person found: left, top, width and height in the pixels of the picture that was asked about."""

    x: float
    y: float
    w: float
    h: float
    confidence: float


class Recogniser(Protocol):
    """Blocking work of the processor. It may be slow and may raise: vision/looks.py bounds both."""

    @property
    def name(self) -> str: ...

    def search(self, bgr: Bgr) -> list[PersonBox]:
        """The people of a whole picture, or of a piece of one."""
        ...

    def verify(self, bgr: Bgr, boxes: Sequence[PersonBox]) -> list[float | None]:
        """How surely each box holds a person, 0 to 1; None where this one cannot tell (too small)."""
        ...


# --- HOG

_WINDOW = (64, 128)  # of the compiled-in detector: a person 96 px high in the middle
_PERSON_PX = 96
_MARGIN = 1.45  # the crop around the box: room for the window to slide and for a box that is too tight
_SIZES = (0.85, 1.0, 1.2)  # the box is not as tall as the person, more often too short
_LEAST_PX = 48  # below that HOG sees no legs
_MIDDLE = 0.35  # the SVM's weight at which a crop is as often a person as not
_SLOPE = 3.5


class HogRecogniser:
    """Dalal and Triggs' upright people, seen whole. It never sees who crouches or lies, so its no means little.

    About 1 ms a look at one box (VISION.md §3).
    """

    name = "hog"

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))

    def search(self, bgr: Bgr) -> list[PersonBox]:
        """People from a quarter of the picture's height upward."""
        gray = cast("Gray", cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)) if bgr.ndim == 3 else bgr
        shrink = min(1.0, 360.0 / max(gray.shape))
        if shrink < 1.0:
            gray = cast("Gray", cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
        # a person who fills the picture still needs a window around him
        pad = int(0.18 * gray.shape[0])
        gray = cast("Gray", cv2.copyMakeBorder(gray, pad, pad, pad, pad, cv2.BORDER_REPLICATE))
        boxes, weights = self._hog.detectMultiScale(
            gray, hitThreshold=0.0, winStride=(8, 8), padding=(0, 0), scale=1.2, groupThreshold=1.0
        )
        found: list[PersonBox] = []
        for box, weight in zip(np.array(boxes).reshape(-1, 4), np.array(weights).ravel(), strict=True):
            x, y, w, h = (float(value) for value in box)
            inner_w, inner_h = 0.62 * w, 0.78 * h  # the window's margin is no part of the person
            found.append(
                PersonBox(
                    (x + (w - inner_w) / 2 - pad) / shrink,
                    (y + (h - inner_h) / 2 - pad) / shrink,
                    inner_w / shrink,
                    inner_h / shrink,
                    _confidence(float(weight)),
                )
            )
        return found

    def verify(self, bgr: Bgr, boxes: Sequence[PersonBox]) -> list[float | None]:
        return [self._one(bgr, box) for box in boxes]

    def _one(self, picture: NDArray[np.uint8], box: PersonBox) -> float | None:
        if box.h < _LEAST_PX:
            return None
        best = -4.0
        for size in _SIZES:
            crop = _crop(picture, box, size)
            if crop is None:
                return None
            _, weights = self._hog.detect(crop, hitThreshold=-4.0, winStride=(8, 8), padding=(0, 0))
            best = max(best, float(np.max(weights)) if len(weights) else -4.0)
        return _confidence(best)


def _confidence(weight: float) -> float:
    return float(1.0 / (1.0 + np.exp(-_SLOPE * (weight - _MIDDLE))))


def _crop(picture: NDArray[np.uint8], box: PersonBox, size: float) -> NDArray[np.uint8] | None:
    """The piece around the box, scaled so that a person `size` times its height is 96 px tall."""
    scale = _PERSON_PX / (box.h * size)
    width, height = _WINDOW[0] * _MARGIN / scale, _WINDOW[1] * 1.2 / scale
    middle_x, middle_y = box.x + box.w / 2, box.y + box.h * (1.0 - size / 2)  # feet stay where they are
    left, top = round(middle_x - width / 2), round(middle_y - height / 2)
    right, bottom = left + round(width), top + round(height)
    rows, columns = picture.shape[:2]
    inside = picture[max(top, 0) : min(bottom, rows), max(left, 0) : min(right, columns)]
    if not inside.size:
        return None
    if inside.ndim == 3:
        inside = cv2.cvtColor(inside, cv2.COLOR_BGR2GRAY)
    padded = cv2.copyMakeBorder(
        inside, max(-top, 0), max(bottom - rows, 0), max(-left, 0), max(right - columns, 0), cv2.BORDER_REPLICATE
    )
    wanted = (round(_WINDOW[0] * _MARGIN), round(_WINDOW[1] * 1.2))
    shrinking = padded.shape[0] > wanted[1]
    return cast(
        "NDArray[np.uint8]",
        cv2.resize(padded, wanted, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR),
    )
