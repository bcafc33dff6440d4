"""Faces and bodies made unrecognisable in pictures that leave the system.

Where people are is known from their tracks, with a margin, and for some seconds before a track begins and after it
ends from the way it moved; a people detector on every few pictures (OpenCV's HOG, whose weights are compiled in)
finds those large enough to be recognised whom nobody tracked. Each such box becomes a handful of flat blocks: what
was in it is not in the file any more. Somebody far off, in no track and too small for HOG, stays a few pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from vision.background import Gray
from vision.kept_frame import KeptFrame
from vision.picture import Bgr

_SIDE_MARGIN, _TOP_MARGIN, _FOOT_MARGIN = 0.4, 0.25, 0.1  # of the box's width, height, height
_LEAST_MARGIN_PX = 2.0
_ACROSS = 3  # blocks across a body
_LEAST_BLOCK_PX = 4
_BEYOND_S = 3.0  # a track is carried on this long before its first and after its last box
_GROWTH_PER_S = 0.35  # of its size, for what is not known of its way
_HOG_EVERY_S = 1.0
_HOG_EDGE_PX = 16
_HOG_LOOKS = ((480, -0.3), (800, 0.1))
"""Widths at which it looks, for near and for far people, and its threshold there: blurring a bush does no harm."""


@dataclass(frozen=True, slots=True)
class Region:
    """A box in picture pixels."""

    x: float
    y: float
    w: float
    h: float


def tracked_regions(frames: Sequence[KeptFrame], scale: float) -> list[list[Region]]:
    """For each frame the boxes of all tracks, in pixels of a picture `scale` times the lens."""
    seen: dict[int, list[tuple[float, Region]]] = {}
    begun = frames[0].at if frames else None
    times = [(frame.at - begun).total_seconds() for frame in frames if begun is not None]
    found: list[list[Region]] = [[] for _ in frames]
    for index, frame in enumerate(frames):
        for view in frame.views:
            box = Region(view.box.x * scale, view.box.y * scale, view.box.w * scale, view.box.h * scale)
            found[index].append(_with_margin(box))
            seen.setdefault(view.track_id, []).append((times[index], box))
    for boxes in seen.values():
        for index, at_s in enumerate(times):
            if not any(abs(at_s - known_s) < 1e-6 for known_s, _ in boxes):
                carried = _carried(boxes, at_s)
                if carried is not None:
                    found[index].append(_with_margin(carried))
    return found


def _carried(boxes: Sequence[tuple[float, Region]], at_s: float) -> Region | None:
    """Where the track was at a moment of which it has no box; None when that is too far from any."""
    nearest_s, box = min(boxes, key=lambda known: abs(known[0] - at_s))
    away_s = at_s - nearest_s
    if abs(away_s) > _BEYOND_S:
        return None
    others = [known for known in boxes if 0.1 < abs(known[0] - nearest_s) <= 1.5]
    vx = vy = 0.0
    if others:
        other_s, other = max(others, key=lambda known: abs(known[0] - nearest_s))
        vx, vy = ((b - a) / (other_s - nearest_s) for a, b in ((box.x, other.x), (box.y, other.y)))
    grown = 1.0 + _GROWTH_PER_S * abs(away_s)
    width, height = box.w * grown, box.h * grown
    return Region(
        box.x + vx * away_s - (width - box.w) / 2, box.y + vy * away_s - (height - box.h) / 2, width, height
    )


def _with_margin(box: Region) -> Region:
    side = max(_SIDE_MARGIN * box.w, _LEAST_MARGIN_PX)
    top, foot = max(_TOP_MARGIN * box.h, _LEAST_MARGIN_PX), max(_FOOT_MARGIN * box.h, _LEAST_MARGIN_PX)
    return Region(box.x - side, box.y - top, box.w + 2 * side, box.h + top + foot)


class PeopleFinder:
    """People in a picture by their shape, wherever they are."""

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cast("Gray", cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def regions(self, bgr: Bgr) -> list[Region]:
        return [region for width_px, threshold in _HOG_LOOKS for region in self._look(bgr, width_px, threshold)]

    def _look(self, bgr: Bgr, width_px: int, threshold: float) -> list[Region]:
        height, width = bgr.shape[:2]
        scale = width_px / width
        size = (width_px, round(height * scale))
        if scale > 1.5 or size[1] < 32:
            return []  # nobody can be recognised in so few pixels
        small = cv2.cvtColor(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        # Its window wants some room round a person: those at the edge, and those as tall as the picture, get it.
        edge = _HOG_EDGE_PX
        small = cv2.copyMakeBorder(small, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        if small.shape[0] < 128:
            return []
        boxes, _ = self._hog.detectMultiScale(small, hitThreshold=threshold, winStride=(8, 8), scale=1.05)
        found = [[float(v) for v in box] for box in np.asarray(boxes).reshape(-1, 4)]
        return [Region((x - edge) / scale, (y - edge) / scale, w / scale, h / scale) for x, y, w, h in found]


class ClipBlur:
    """Blurs the frames of one clip, asked for in their order."""

    def __init__(self, frames: Sequence[KeptFrame], lens_width_px: int, finder: PeopleFinder | None) -> None:
        self._frames, self._lens_width_px, self._finder = frames, lens_width_px, finder
        self._scale: float | None = None
        self._tracked: list[list[Region]] = []
        self._found: list[Region] = []
        self._before: list[Region] = []
        self._looked_s = -math.inf

    def apply(self, index: int, bgr: Bgr) -> None:
        """Changes the picture of frame `index` itself."""
        scale = bgr.shape[1] / self._lens_width_px
        if scale != self._scale:  # the camera's resolution changed in the middle
            self._scale, self._tracked = scale, tracked_regions(self._frames, scale)
        at_s = (self._frames[index].at - self._frames[0].at).total_seconds()
        if self._finder is not None and at_s - self._looked_s >= _HOG_EVERY_S:
            self._looked_s = at_s
            self._before, self._found = self._found, self._finder.regions(bgr)
        for region in (*self._tracked[index], *self._found, *self._before):
            blur(bgr, region)


def blur(bgr: Bgr, region: Region) -> None:
    """Turns the region into flat blocks, in the picture itself."""
    height, width = bgr.shape[:2]
    left, top = max(math.floor(region.x), 0), max(math.floor(region.y), 0)
    right, bottom = min(math.ceil(region.x + region.w), width), min(math.ceil(region.y + region.h), height)
    if right <= left or bottom <= top:
        return
    block = max(region.w / _ACROSS, _LEAST_BLOCK_PX)
    few = (max(round((right - left) / block), 1), max(round((bottom - top) / block), 1))
    part = bgr[top:bottom, left:right]
    blocks = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(blocks, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
