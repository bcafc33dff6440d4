"""What moves from one picture to the next, and who it belongs to: needs no empty scene to have been learnt.

A person who is there in the very first picture is no foreground to a background model, and leaves a hole in it where
he stood. The difference of two pictures a fifth of a second apart knows neither. Each thing that moves by itself is
an `Actor` with a short history of boxes; it says what moved, not what is there: of who waves, a hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import Gray

_SAMPLE = 6


@dataclass(frozen=True, slots=True)
class CommotionConfig:
    apart_s: float = 0.15  # of the two pictures compared, at least
    levels: tuple[int, int] = (8, 14)  # of grey that count as motion: in a dull picture, in one of usual contrast
    contrast: float = 0.28  # of the picture's deviation
    noise: float = 5.0  # times the usual difference of two pictures, which is the sensor's
    join_share: float = 0.06  # of the picture's height: gaps between moving edges of one body
    least_px: int = 40  # moving pixels of something worth following
    most: int = 24  # of the largest things; more is a crowd or water, and nobody's posture can be told
    flash_share: float = 0.4  # more of the picture than this: light, a cut, the camera itself
    keep_s: float = 4.0
    margin: float = 0.15  # of its box, within which what moves is its own
    part: float = 0.12  # of the largest piece's moving pixels


@dataclass(frozen=True, slots=True)
class Moment:
    """What moved at one time. The box holds all but the outermost hundredths of the moving pixels."""

    at_s: float
    x: float
    y: float
    w: float
    h: float
    pixels: int

    @property
    def foot(self) -> tuple[float, float]:
        return self.x + self.w / 2, self.y + self.h


@dataclass(eq=False)
class Actor:
    """Something that moves by itself."""

    id: int
    history: deque[Moment] = field(default_factory=deque[Moment])

    @property
    def last(self) -> Moment:
        return self.history[-1]


class Commotion:
    """One camera's. `step` once a picture."""

    def __init__(self, config: CommotionConfig | None = None) -> None:
        self.config = config or CommotionConfig()
        self.actors: list[Actor] = []
        self.moving: Gray = np.zeros((1, 1), np.uint8)
        self.pixels: deque[tuple[float, int]] = deque()  # that moved in the whole picture, by time
        self.levels = self.config.levels[1]  # in force now
        self._past: deque[tuple[float, Gray]] = deque()
        self._next_id = 1

    def before(self, at_s: float) -> Gray | None:
        """The picture as it was then."""
        earlier = [gray for taken_s, gray in self._past if taken_s <= at_s + 1e-6]
        return earlier[-1] if earlier else None

    def step(self, gray: Gray, now_s: float) -> Sequence[Actor]:
        config = self.config
        if self._past and self._past[-1][1].shape != gray.shape:
            self._past.clear()
            self.actors.clear()
        reference = self.before(now_s - config.apart_s)
        self._past.append((now_s, gray.copy()))
        self._forget(now_s)
        if reference is None:
            return self.actors
        difference = cv2.absdiff(gray, reference)
        usual = float(np.median(difference[::_SAMPLE, ::_SAMPLE]))
        contrast = config.contrast * float(gray[::_SAMPLE, ::_SAMPLE].std())
        low, high = config.levels
        self.levels = min(max(round(contrast), low, round(config.noise * usual)), high)
        _, moving = cv2.threshold(difference, self.levels, 255, cv2.THRESH_BINARY)
        self.moving = cast("Gray", cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)))
        count = cv2.countNonZero(self.moving)
        self.pixels.append((now_s, count))
        if count > config.flash_share * gray.size:
            self.actors.clear()
            return self.actors
        if count >= config.least_px:
            self._follow(self._pieces(gray.shape[0]), now_s)
        return self.actors

    def _forget(self, now_s: float) -> None:
        oldest_s = now_s - self.config.keep_s
        while self._past and self._past[0][0] < oldest_s:
            self._past.popleft()
        while self.pixels and self.pixels[0][0] < oldest_s:
            self.pixels.popleft()
        for actor in self.actors:
            while len(actor.history) > 1 and actor.history[0].at_s < oldest_s:
                actor.history.popleft()
        self.actors = [actor for actor in self.actors if actor.last.at_s >= oldest_s]

    def _pieces(self, height_px: int) -> list[tuple[int, int, int, int, int]]:
        """Left, top, right, bottom and moving pixels of what hangs together, the largest first."""
        side = max(round(self.config.join_share * height_px), 3) | 1
        joined = cv2.morphologyEx(self.moving, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
        outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        pieces: list[tuple[int, int, int, int, int]] = []
        for outline in outlines:
            x, y, w, h = cv2.boundingRect(outline)
            pixels = cv2.countNonZero(self.moving[y : y + h, x : x + w])
            if pixels >= self.config.least_px // 2:
                pieces.append((x, y, x + w, y + h, pixels))
        pieces.sort(key=lambda piece: -piece[4])
        return pieces[: self.config.most]

    def _follow(self, pieces: list[tuple[int, int, int, int, int]], now_s: float) -> None:
        free = list(pieces)
        for actor in sorted(self.actors, key=lambda one: (-one.last.at_s, -one.last.pixels)):
            box, margin = actor.last, self.config.margin * max(actor.last.h, actor.last.w)
            own = [
                p
                for p in free
                if p[0] <= box.x + box.w + margin
                and p[2] >= box.x - margin
                and p[1] <= box.y + box.h + margin
                and p[3] >= box.y - margin
            ]
            own = [p for p in own if p[4] >= self.config.part * own[0][4]]
            if own:
                free = [p for p in free if p not in own]
                actor.history.append(self._moment(own, now_s))
        for piece in free:
            if piece[4] >= self.config.least_px and len(self.actors) < self.config.most:
                actor = Actor(self._next_id)
                actor.history.append(self._moment([piece], now_s))
                self.actors.append(actor)
                self._next_id += 1

    def _moment(self, pieces: list[tuple[int, int, int, int, int]], now_s: float) -> Moment:
        left, top = min(p[0] for p in pieces), min(p[1] for p in pieces)
        right, bottom = max(p[2] for p in pieces), max(p[3] for p in pieces)
        inside = self.moving[top:bottom, left:right] > 0
        y0, y1 = _span(inside.sum(axis=1), 0.03, 0.02)
        x0, x1 = _span(inside.sum(axis=0), 0.02, 0.02)
        return Moment(
            now_s, float(left + x0), float(top + y0), float(x1 - x0), float(y1 - y0), int(np.count_nonzero(inside))
        )


def _span(counts: NDArray[np.int64], first: float, last: float) -> tuple[int, int]:
    """From where to where all but these shares of the counts are."""
    total = np.cumsum(counts)
    low = int(np.searchsorted(total, first * total[-1]))
    high = int(np.searchsorted(total, (1.0 - last) * total[-1])) + 1
    return low, max(high, low + 1)
