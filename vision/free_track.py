"""Who is who in a picture without a calibration: boxes that go on, measured in their own heights.

A person close to the lens falls into pieces against the empty scene (a coat like the wall, a shadow, a reflection),
so the pieces are first given to those who are known: what lies where somebody was expected is his. Only what remains
can be somebody new, and not beside somebody known, where shadows are. A track that was lost is taken up again by who
turns up near where it ended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vision.background import Gray

_SLOW = 0.15
_TALL = 0.25  # of a larger piece: who is smaller than that is no part of it
_SETTLED = 3  # sightings until the box has its size
_THINNEST = 5.0  # nobody is so slender: the edge of something
_Piece = tuple[int, int, int, int, int]  # left, top, right, bottom, pixels


@dataclass(frozen=True, slots=True)
class FreeConfig:
    least_share: float = 0.045  # of the picture's height: who is smaller is not tracked, and
    least_px: float = 12.0
    most_share: float = 0.85  # of the picture covered by something: the light, not a person
    least_pixels: int = 12  # of a piece
    most_pieces: int = 60
    most_tracks: int = 40
    join: tuple[float, float] = (0.012, 0.045)  # of the picture's height, across and down
    confirm_s: float = 0.6
    confirm_hits: int = 3
    tentative_lost_s: float = 0.5
    lost_s: float = 2.5
    left_lost_s: float = 0.8  # who was last seen at the border has gone
    again_s: float = 6.0  # after which nobody is taken for who was lost
    again_heights: float = 0.9
    around: float = 0.22  # of the box, within which pieces are his
    mostly: float = 0.55  # of a piece, inside there
    spread: float = 2.4  # nor so much wider
    entering_s: float = 4.0
    together_s: float = 4.0  # it is believed to be there still within something larger
    growth: float = 1.6  # nobody grows by more who is not coming into the picture
    minor: float = 0.5  # of his height: smaller pieces around him are his too
    own_height: float = 0.7
    beside: float = 0.2  # of the height: nothing new begins so near to somebody
    thin: float = 0.15  # width to height: an edge of something, not somebody
    filled: float = 0.25  # of the box
    ease: float = 0.5  # of the way a box moves to what is seen
    border_px: int = 2
    rough_pixels: float = 0.02  # of the picture, moving in many small pieces: water, leaves, rain


@dataclass(eq=False)
class FreeTrack:
    """Somebody or something, with what there is to tell which."""

    id: int
    x: float
    y: float
    w: float
    h: float
    born_s: float
    last_seen_s: float
    hits: int = 1
    confirmed: bool = False
    speed: tuple[float, float] = (0.0, 0.0)  # of the box's foot, pixels a second
    looks: int = 0
    likes: list[float] = field(default_factory=list[float])  # what the recogniser said, highest first
    last_look_s: float = -1e9
    usual: tuple[float, float] = (0.0, 0.0)  # width and height, slowly
    alone_s: float = 0.0  # last seen by itself
    upright: int = 0
    whole: int = 0  # times it was seen clear of the border
    tallest: float = 0.0
    started: tuple[float, float] = (0.0, 0.0)  # where it stood at first
    reach: float = 0.0  # how far from there it has been, pixels

    def missing_s(self, now_s: float) -> float:
        return now_s - self.last_seen_s


class FreeTracker:
    def __init__(self, config: FreeConfig | None = None) -> None:
        self.config = config or FreeConfig()
        self.tracks: list[FreeTrack] = []
        self.rough = False
        self._lost: list[FreeTrack] = []
        self._next_id = 1
        self._shape = (1, 1)

    def step(self, foreground: Gray, now_s: float) -> list[FreeTrack]:
        """Takes one frame's mask of what differs from the empty scene."""
        config = self.config
        self._shape = (foreground.shape[0], foreground.shape[1])
        pieces = self._pieces(foreground)
        if cv2.countNonZero(foreground) > config.most_share * foreground.size:
            pieces = []
        free = pieces
        for track in sorted(self.tracks, key=lambda t: (not t.confirmed, t.born_s)):
            free = self._take(track, free, now_s)
        if not self.rough:
            for piece in sorted(free, key=lambda p: -p[4]):
                self._begin(piece, now_s)
        self._end(now_s)
        return self.tracks

    # --- pieces

    def _pieces(self, foreground: Gray) -> list[_Piece]:
        config, rows = self.config, foreground.shape[0]
        across, down = (max(round(share * rows), 1) for share in config.join)
        joined = cast("Gray", cv2.morphologyEx(foreground, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)))
        joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((down | 1, across | 1), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        found = np.asarray(stats[1:count], np.int64)
        found = found[found[:, 4] >= config.least_pixels]
        small = float(found[found[:, 3] < self._least_px()][:, 4].sum())
        self.rough = len(found) > config.most_pieces and small > config.rough_pixels * foreground.size
        found = found[np.argsort(-found[:, 4])][: config.most_pieces]
        return [(int(x), int(y), int(x + w), int(y + h), int(n)) for x, y, w, h, n in found]

    def _least_px(self) -> float:
        return max(self.config.least_px, self.config.least_share * self._shape[0])

    def _take(self, track: FreeTrack, free: list[_Piece], now_s: float) -> list[_Piece]:
        """What is his; the pieces that remain."""
        config = self.config
        gap_s = min(now_s - track.last_seen_s, 1.0)
        x, y = track.x + track.speed[0] * gap_s, track.y + track.speed[1] * gap_s
        reach = config.around * (1.0 + gap_s) * max(track.h, track.w)
        box = (x - reach, y - reach, x + track.w + reach, y + track.h + reach)
        close = 0.05 * track.h
        core = (x - close, y - close, x + track.w + close, y + track.h + close)
        own = [p for p in free if _mostly_in(p, core, config.mostly)]
        if not own:  # he has grown, or stepped aside, or is one with somebody else
            best = max(free, key=lambda p: _inside(p, box), default=None)
            own = [best] if best is not None and _inside(best, box) >= 0.3 * track.w * track.h else []
        if own:
            minor = config.minor * max(track.h, max(p[3] for p in own) - min(p[1] for p in own))
            own += [p for p in free if p not in own and p[3] - p[1] < minor and _mostly_in(p, box, config.mostly)]
        if len(own) > 1:  # as tall and beside it: a group that parts
            main = max(own, key=lambda p: p[4])
            tall = config.own_height * (main[3] - main[1])
            own = [p for p in own if p[3] - p[1] < tall or (p[0] < main[2] and p[2] > main[0])]
        if not own or sum(p[4] for p in own) < 0.08 * track.w * track.h:
            return free
        left, top = min(p[0] for p in own), min(p[1] for p in own)
        right, bottom = max(p[2] for p in own), max(p[3] for p in own)
        entering = self._touches(track) and now_s - track.born_s < config.entering_s
        larger = bottom - top > config.growth * track.usual[1] or right - left > config.spread * track.usual[0]
        if track.confirmed and larger and not entering:
            # One with somebody else, or behind him, or a thing that he moved: it goes on as it went, for a while.
            if track.usual[1] >= _TALL * (bottom - top) and now_s - track.alone_s <= config.together_s:
                track.x, track.y, track.last_seen_s = x, y, now_s
            return free
        self._move(track, (left, top, right - left, bottom - top), now_s)
        return [p for p in free if p not in own]

    def _move(self, track: FreeTrack, box: tuple[int, int, int, int], now_s: float) -> None:
        config = self.config
        gap_s = max(now_s - track.last_seen_s, 1e-3)
        old = (track.x + track.w / 2, track.y + track.h)
        grown = box[3] > track.h
        ease = 1.0 if track.hits < 3 or grown else config.ease
        track.x += ease * (box[0] - track.x)
        track.y += ease * (box[1] - track.y)
        track.w += ease * (box[2] - track.w)
        track.h += ease * (box[3] - track.h)
        now = (track.x + track.w / 2, track.y + track.h)
        step = (now[0] - old[0], now[1] - old[1])
        track.speed = tuple(0.6 * v + 0.4 * d / gap_s for v, d in zip(track.speed, step, strict=True))  # type: ignore[assignment]
        if track.hits == _SETTLED:
            track.started = now
        elif track.hits > _SETTLED:
            track.reach = max(track.reach, math.hypot(now[0] - track.started[0], now[1] - track.started[1]))
        track.hits += 1
        track.last_seen_s = now_s
        slow = _SLOW if track.hits > _SETTLED and not self._touches(track) else 1.0
        was = track.usual
        track.usual = (was[0] + slow * (track.w - was[0]), was[1] + slow * (track.h - was[1]))
        track.alone_s = now_s
        track.tallest = max(track.tallest, track.h)
        if not self._touches(track):
            track.whole += 1
            track.upright += 1.2 * track.w <= track.h <= _THINNEST * track.w
        if track.hits >= config.confirm_hits and now_s - track.born_s >= config.confirm_s:
            track.confirmed = True

    # --- beginnings and ends

    def _begin(self, piece: _Piece, now_s: float) -> None:
        config = self.config
        left, top, right, bottom, _ = piece
        w, h = float(right - left), float(bottom - top)
        if w < config.thin * h or piece[4] < config.filled * w * h:
            return
        if h < self._least_px() or len(self.tracks) >= config.most_tracks:
            return
        for track in self.tracks:
            reach = config.beside * max(track.h, h if track.confirmed else 0.0)
            if h >= config.own_height * track.h and track.hits > 1:
                reach = 0.0  # as tall as he is: somebody beside him
            near = (track.x - reach, track.y - reach, track.x + track.w + reach, track.y + track.h + reach)
            if _inside(piece, near) > 0:
                return
        again = self._taken_up(left + w / 2, top + h / 2, h, now_s)
        if again is not None:
            again.x, again.y, again.w, again.h = float(left), float(top), w, h
            again.last_seen_s, again.speed = now_s, (0.0, 0.0)
            self._lost.remove(again)
            self.tracks.append(again)
            return
        track = FreeTrack(self._next_id, float(left), float(top), w, h, now_s, now_s, tallest=h)
        self._next_id += 1
        self.tracks.append(track)

    def _taken_up(self, x: float, y: float, h: float, now_s: float) -> FreeTrack | None:
        config = self.config
        best, nearest = None, config.again_heights
        for lost in self._lost:
            tall = max(lost.h, h)
            apart = math.hypot(lost.x + lost.w / 2 - x, lost.y + lost.h / 2 - y) / tall
            if now_s - lost.last_seen_s <= config.again_s and apart < nearest and 0.4 < h / lost.h < 2.5:
                best, nearest = lost, apart
        return best

    def _end(self, now_s: float) -> None:
        config = self.config
        self._lost = [t for t in self._lost if now_s - t.last_seen_s <= config.again_s]
        kept: list[FreeTrack] = []
        for track in self.tracks:
            patience_s = config.tentative_lost_s
            if track.confirmed:
                patience_s = config.left_lost_s if self._touches(track) else config.lost_s
            if track.missing_s(now_s) <= patience_s:
                kept.append(track)
            elif track.confirmed:
                self._lost.append(track)
        self.tracks = kept

    def _touches(self, track: FreeTrack) -> bool:
        rows, columns = self._shape
        edge = self.config.border_px
        return (
            track.x <= edge
            or track.y <= edge
            or track.x + track.w >= columns - edge
            or track.y + track.h >= rows - edge
        )


def _mostly_in(piece: _Piece, box: tuple[float, float, float, float], share: float) -> bool:
    return _inside(piece, box) >= share * (piece[2] - piece[0]) * (piece[3] - piece[1])


def _inside(piece: _Piece, box: tuple[float, float, float, float]) -> float:
    """Square pixels of a piece's box within another."""
    wide = min(piece[2], box[2]) - max(piece[0], box[0])
    high = min(piece[3], box[3]) - max(piece[1], box[1])
    return max(wide, 0.0) * max(high, 0.0)


# --- what it is


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a track counts as a person, and why."""

    person: bool
    why: str
    recognised: bool = False


_LIKE = 0.6
_SURELY = 0.9
_RESOLVED_PX = 80.0  # of height in the camera's own picture; below, HOG's no means little
_WENT = 0.25  # of its height: a mark on the ground that the light brings out goes nowhere
_UPRIGHT = 0.5


def verdict(track: FreeTrack, px_per_px: float) -> Verdict:
    """`px_per_px` is how much larger the camera's own picture is than the analysed one."""
    likes = sorted(track.likes, reverse=True)
    if track.reach < _WENT * track.tallest:
        return Verdict(False, "has not moved from its place")
    if sum(like >= _LIKE for like in likes) >= 2 or (likes and likes[0] >= _SURELY):
        often = sum(like >= _LIKE for like in likes)
        return Verdict(True, f"recognised in {often} of {track.looks} looks", recognised=True)
    tall_px = track.tallest * px_per_px
    if track.looks > 0 and tall_px >= _RESOLVED_PX:
        return Verdict(False, f"{tall_px:.0f} px tall and not recognised in {track.looks} looks")
    if track.whole == 0:
        return Verdict(False, "never seen whole")
    share = track.upright / track.whole
    if share < _UPRIGHT:
        return Verdict(False, f"not of a standing person's shape in {1 - share:.0%} of its time")
    return Verdict(True, f"upright in {share:.0%} of its time, too small to be recognised")
