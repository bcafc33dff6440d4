"""Somebody falls down on land: who was upright is low and wide a moment later, and stays so.

Told by posture alone, in body heights and seconds, so it needs no calibration. What moved (vision/commotion.py) must

1. have been tall, then have come down by most of a body's height, quickly and with the whole body moving;
2. not have come up again while `stay_s` passed: who bends, picks something up or squats rises;
3. have left the place where head and chest were, and changed the place where it is now: somebody who stands still and
   moves one foot, or walks out of the picture, has not fallen;
4. be wider than tall where it lies.

Only somebody alone can be judged so: in a crowd, in waves and under a moving camera nothing is told. Falls of actors
in a laboratory are nearly all found; in real homes such rules raise false alarms every day (VISION.md §1.7), so it is
for people to look, and never a reason to launch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from vision.background import Gray
from vision.commotion import Actor, Commotion, Moment


@dataclass(frozen=True, slots=True)
class CollapseConfig:
    least_share: float = 0.12  # of the picture's height, and
    least_px: float = 24.0  # a body smaller than this shows no posture
    upright: float = 1.0  # height to width of who stands or sits, swinging arms and all
    drop: float = 0.45  # of the body's height, that the top comes down
    most_drop: float = 1.0
    thick: float = 0.28  # of the height: what is flatter is no body
    body: float = 0.15  # of its square, that the box where he lies fills
    slender: float = 1.4  # height to width of a whole standing body
    begun: float = 0.15  # of it: the fall has begun
    within_s: float = 1.5  # from begun to down, and
    plunge: float = 0.22  # of the height within `plunge_s` on the way: faster than anyone lies down with care
    plunge_s: float = 0.45
    last_s: float = 2.4  # from upright to down, at most
    stay_s: float = 1.0
    risen: float = 0.38  # of the height: higher than this he has risen again
    wide: float = 1.05  # width to height of who lies
    whole_body: float = 0.10  # moving pixels at the height of the fall, of the body's height squared
    left_share: float = 0.22  # of the place of head and chest that looks otherwise now
    lies_share: float = 0.15  # of the place where he lies
    border: float = 0.01  # of the picture's width: who was last seen so near to its side may have left
    alone: float = 0.6  # what else moves in the picture meanwhile, of what he moves
    aside: float = 1.3  # body heights
    again_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Collapse:
    """A fall on land. The boxes are in the analysed picture's pixels."""

    actor_id: int
    upright: Moment
    lying: Moment
    height_px: float
    dropped: float  # body heights
    took_s: float


class CollapseRule:
    def __init__(self, config: CollapseConfig | None = None) -> None:
        self.config = config or CollapseConfig()
        self._told: list[tuple[float, float]] = []  # when, and where across the picture

    def step(
        self,
        commotion: Commotion,
        gray: Gray,
        now_s: float,
        *,
        person: Callable[[Actor, Moment], bool] | None = None,
        foreground: Gray | None = None,
        known_since_s: float = float("inf"),
    ) -> list[Collapse]:
        """`person` answers whether an actor was recognised as one; without it everybody upright counts.

        `foreground` is what differs from the empty scene, which has been known since `known_since_s`.
        """
        config = self.config
        self._told = [told for told in self._told if now_s - told[0] < config.again_s]
        found: list[Collapse] = []
        for actor in commotion.actors:
            fall = self._of(actor, commotion, gray, now_s)
            if fall is None or (person is not None and not person(actor, fall.upright)):
                continue
            known = foreground if fall.upright.at_s >= known_since_s else None
            if not self._still_there(fall.lying, known, gray.shape[1]):
                continue
            across = fall.lying.foot[0]
            if any(abs(across - other) < 2.0 * fall.height_px for _, other in self._told):
                continue
            self._told.append((now_s, across))
            found.append(fall)
        return found

    def _of(self, actor: Actor, commotion: Commotion, gray: Gray, now_s: float) -> Collapse | None:
        config, history = self.config, list(actor.history)
        least_px = max(config.least_px, config.least_share * gray.shape[0])
        for index, tall in reversed(list(enumerate(history))):
            if tall.h < max(least_px, config.upright * tall.w):
                continue
            near = [m for m in history if abs(m.at_s - tall.at_s) <= 0.45 and m.h >= config.upright * m.w]
            earlier = [
                m.h for m in history if 0 <= tall.at_s - m.at_s <= config.last_s and m.h >= config.slender * m.w
            ]
            height = max([m.h for m in near] + earlier)
            top = min(m.y for m in near)
            if height > 1.6 * tall.h:
                continue  # only a part of him moved then
            down = self._down(history[index + 1 :], top, height)
            if down is None or down[0].at_s - tall.at_s > config.last_s or now_s - down[0].at_s < config.stay_s:
                continue
            took_s = self._took(history[index:], down[0], top, height)
            if took_s is None or took_s > config.within_s or not self._plunges(history[index:], down[0], height):
                continue
            rest = [m for m in down if m.at_s <= down[0].at_s + config.stay_s]
            if sum(m.pixels for m in rest) < config.whole_body * height * height:  # he lies still at once
                rest += [_below(m, top + config.drop * height) for m in history if 0 < down[0].at_s - m.at_s <= 0.25]
            lying = _around(rest)
            if lying.w < config.wide * lying.h or abs(lying.foot[0] - tall.foot[0]) > config.aside * height:
                continue
            if not lying.y - top <= config.most_drop * height:
                continue  # what lies there is somebody else, or what stood was only a part of him
            if lying.h < config.thick * height or lying.w * lying.h < config.body * height * height:
                continue  # hands
            falling = [m for m in history if down[0].at_s - took_s < m.at_s <= down[0].at_s]
            if not self._by_himself(falling, commotion, height):
                continue
            before = commotion.before(tall.at_s)
            if before is None or not self._moved_there(before, gray, tall, top, height, lying, commotion.levels):
                continue
            return Collapse(actor.id, tall, lying, height, (lying.y - top) / height, took_s)
        return None

    def _down(self, later: list[Moment], top: float, height: float) -> list[Moment] | None:
        """From when on he is down for good; None when he is not."""
        low = top + self.config.drop * height
        for index, moment in enumerate(later):
            if moment.y < low:
                continue
            rest = later[index:]
            if all(m.y >= top + self.config.risen * height for m in rest):
                return rest
        return None

    def _took(self, moments: list[Moment], down: Moment, top: float, height: float) -> float | None:
        """Seconds from where the fall had begun; None when his top was not seen on its way."""
        for earlier, later in pairwise(reversed([m for m in moments if m.at_s <= down.at_s])):
            if later.y <= top + self.config.begun * height:
                return down.at_s - later.at_s
            if earlier.at_s - later.at_s > 0.65:
                return None
        return None

    def _plunges(self, moments: list[Moment], down: Moment, height: float) -> bool:
        way = [m for m in moments if m.at_s <= down.at_s]
        return any(
            later.at_s - m.at_s <= self.config.plunge_s and later.y - m.y >= self.config.plunge * height
            for index, m in enumerate(way)
            for later in way[index + 1 : index + 6]
        )

    def _by_himself(self, falling: list[Moment], commotion: Commotion, height: float) -> bool:
        config = self.config
        if not falling or max(m.pixels for m in falling) < config.whole_body * height * height:
            return False
        first_s, last_s = falling[0].at_s, falling[-1].at_s
        everything = sum(pixels for at_s, pixels in commotion.pixels if first_s <= at_s <= last_s)
        his = sum(m.pixels for m in falling)
        return everything - his <= config.alone * his

    def _still_there(self, lying: Moment, foreground: Gray | None, width_px: int) -> bool:
        """Not gone out of the picture, feet last."""
        if foreground is not None:
            return _share(foreground, (lying.x, lying.y, lying.w, lying.h)) >= self.config.lies_share
        margin = self.config.border * width_px
        return lying.x > margin and lying.x + lying.w < width_px - margin

    def _moved_there(
        self, before: Gray, gray: Gray, tall: Moment, top: float, height: float, lying: Moment, levels: int
    ) -> bool:
        config = self.config
        above = _changed(before, gray, (tall.x, top, tall.w, 0.4 * height), levels)
        below = _changed(before, gray, (lying.x, lying.y, lying.w, lying.h), levels)
        return above >= config.left_share and below >= config.lies_share


def _below(moment: Moment, row: float) -> Moment:
    """The part of it under a row."""
    y = max(moment.y, row)
    return Moment(moment.at_s, moment.x, y, moment.w, max(moment.y + moment.h - y, 1.0), moment.pixels)


def _around(moments: list[Moment]) -> Moment:
    """One box around several, weighed towards where most of them are."""
    weights = np.array([m.pixels for m in moments], float)
    weights /= max(float(weights.sum()), 1.0)
    left = float(np.dot(weights, [m.x for m in moments]))
    top = float(np.dot(weights, [m.y for m in moments]))
    right = float(np.dot(weights, [m.x + m.w for m in moments]))
    bottom = float(np.dot(weights, [m.y + m.h for m in moments]))
    return Moment(moments[-1].at_s, left, top, right - left, bottom - top, sum(m.pixels for m in moments))


def _share(mask: Gray, box: tuple[float, float, float, float]) -> float:
    x, y, w, h = (max(round(value), 0) for value in box)
    inside = mask[y : y + max(h, 1), x : x + max(w, 1)]
    return cv2.countNonZero(inside) / inside.size if inside.size else 0.0


def _changed(before: Gray, now: Gray, box: tuple[float, float, float, float], levels: int) -> float:
    """The share of a box that looks otherwise."""
    x, y, w, h = (round(value) for value in box)
    x, y = max(x, 0), max(y, 0)
    old, new = before[y : y + max(h, 1), x : x + max(w, 1)], now[y : y + max(h, 1), x : x + max(w, 1)]
    if not old.size:
        return 0.0
    return float(np.count_nonzero(cv2.absdiff(old, new) > levels)) / old.size
