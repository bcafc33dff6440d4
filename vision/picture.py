"""One picture in whichever form it came; the other forms are made when asked for, once."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray

Bgr = NDArray[np.uint8]

_QUALITY = 80


class Picture:
    """Made from encoded bytes (a camera) or from decoded pixels (a video file)."""

    def __init__(self, *, data: bytes | None = None, bgr: Bgr | None = None) -> None:
        self._data, self._bgr = data, bgr
        self.is_encoded = data is not None
        """It came as JPEG; nothing has to be done to have that."""

    def gray(self) -> Gray | None:
        """None when the bytes cannot be decoded."""
        if self._bgr is not None:
            return cast("Gray", cv2.cvtColor(self._bgr, cv2.COLOR_BGR2GRAY))
        return cast("Gray | None", _decoded(self._data, cv2.IMREAD_GRAYSCALE))

    def bgr(self, *, copy: bool = True) -> Bgr | None:
        """To be drawn on: a fresh copy each time, unless the caller promises only to look."""
        if self._bgr is not None:
            return self._bgr.copy() if copy else self._bgr
        return cast("Bgr | None", _decoded(self._data, cv2.IMREAD_COLOR))

    def jpeg(self) -> bytes | None:
        if self._data is None and self._bgr is not None:
            self._data = encoded_jpeg(self._bgr, _QUALITY)
        return self._data


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
