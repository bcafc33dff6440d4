"""The last seconds of a camera, as JPEGs in memory: what a clip shows from before its alert.

Bounded twice, in seconds and in bytes: whichever limit is met first, the oldest picture goes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import cv2

from vision.alert import TrackView
from vision.picture import Bgr, Picture, encoded_jpeg

_QUALITY = 80


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """One analysed picture and who was seen in it. Boxes are in the pixels of the camera's lens."""

    at: datetime
    jpeg: bytes
    views: tuple[TrackView, ...]


def kept_jpeg(picture: Picture, most_px: int) -> bytes | None:
    """The picture as JPEG: a camera's own bytes as they came, decoded video no wider than `most_px`."""
    if picture.is_encoded:
        return picture.jpeg()
    bgr = picture.bgr(copy=False)
    if bgr is None:
        return None
    height, width = bgr.shape[:2]
    if width > most_px:
        size = (most_px, max(round(height * most_px / width / 2) * 2, 2))
        bgr = cast("Bgr", cv2.resize(bgr, size, interpolation=cv2.INTER_LINEAR))
    return encoded_jpeg(bgr, _QUALITY)


class FrameRing:
    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._span = timedelta(seconds=seconds)
        self._most_bytes = most_bytes
        self._frames: deque[KeptFrame] = deque()
        self.bytes = 0

    def add(self, frame: KeptFrame) -> None:
        """Time that runs backwards (a clock set anew) makes what was kept before worthless: it goes."""
        if self._frames and frame.at < self._frames[-1].at:
            self._frames.clear()
            self.bytes = 0
        self._frames.append(frame)
        self.bytes += len(frame.jpeg)
        while self._frames and (frame.at - self._frames[0].at > self._span or self.bytes > self._most_bytes):
            self.bytes -= len(self._frames.popleft().jpeg)

    def frames(self) -> tuple[KeptFrame, ...]:
        return tuple(self._frames)
