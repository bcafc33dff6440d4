"""One picture in whichever form it came; the other forms are made when asked for, once."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray

Bgr = NDArray[np.uint8]

_QUALITY = 80


Size = tuple[int, int]
"""Width and height in pixels."""


class Picture:
    """Made from encoded bytes (a camera) or from decoded pixels (a video file).

    A smaller copy is made once for all who ask for that size. Nobody draws on what is only lent (`copy=False`).
    """

    def __init__(self, *, data: bytes | None = None, bgr: Bgr | None = None) -> None:
        self._data, self._bgr = data, bgr
        self.is_encoded = data is not None
        """It came as JPEG; nothing has to be done to have that."""
        self.broken = data is None and bgr is None
        """It could not be decoded, as far as anybody has tried."""
        self._sized: dict[Size, Bgr] = {}
        self._jpegs: dict[Size | None, bytes | None] = {None: data}

    def gray(self, size: Size | None = None) -> Gray | None:
        """None when the bytes cannot be decoded. A whole picture unless a size is given."""
        if self._bgr is not None:
            bgr = self.bgr(size, copy=False)
            return None if bgr is None else cast("Gray", cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))
        gray = cast("Gray | None", _decoded(self._data, cv2.IMREAD_GRAYSCALE))
        self.broken = gray is None
        return gray if gray is None or size is None else resized(gray, size)

    def bgr(self, size: Size | None = None, *, copy: bool = True) -> Bgr | None:
        """To be drawn on: a fresh copy each time, unless the caller promises only to look."""
        whole = self._bgr
        if whole is None:
            whole = cast("Bgr | None", _decoded(self._data, cv2.IMREAD_COLOR))
            return whole if whole is None or size is None else resized(whole, size)
        if size is not None and (whole.shape[1], whole.shape[0]) != size:
            if size not in self._sized:
                self._sized[size] = resized(whole, size)
            whole = self._sized[size]
        return whole.copy() if copy else whole

    def jpeg(self, size: Size | None = None) -> bytes | None:
        """A camera's own bytes as they came, whatever size is wanted; else encoded once for each size."""
        if self.is_encoded:
            return self._data
        if size not in self._jpegs or (size is None and self._jpegs[None] is None):
            bgr = self.bgr(size, copy=False)
            self._jpegs[size] = None if bgr is None else encoded_jpeg(bgr, _QUALITY)
        return self._jpegs[size]


def resized(image: Bgr, size: Size) -> Bgr:
    """Halved by averaging as often as that goes, then linear: a quarter of what INTER_AREA costs, and no moiré."""
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cast("Bgr", cv2.resize(image, half, interpolation=cv2.INTER_LINEAR))
    if (image.shape[1], image.shape[0]) == size:
        return image
    return cast("Bgr", cv2.resize(image, size, interpolation=cv2.INTER_LINEAR))


def encoded_jpeg(bgr: Bgr, quality: int) -> bytes | None:
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes() if done else None


def _decoded(data: bytes | None, flag: int) -> object:
    if not data:
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        return None
