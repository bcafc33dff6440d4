"""The last seconds of a camera, as JPEGs in memory: what a clip shows from before its alert.

Bounded twice, in seconds and in bytes: whichever limit is met first, the oldest picture goes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from vision.alert import TrackView
from vision.camera import Lens
from vision.picture import Picture


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """One analysed picture and who was seen in it. Boxes are in the pixels of the camera's lens."""

    at: datetime
    jpeg: bytes
    views: tuple[TrackView, ...]


def kept_jpeg(picture: Picture, lens: Lens, most_px: int) -> bytes | None:
    """The picture as JPEG: a camera's own bytes as they came, decoded video as large as it is analysed.

    That is the size the previews have too, so that one encoding serves both; never wider than `most_px`.
    """
    width = min(lens.width_px, most_px)
    return picture.jpeg((width, max(round(lens.height_px * width / lens.width_px), 1)))


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
