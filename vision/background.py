"""The empty scene, learnt: a running mean and a running deviation of every pixel's brightness.

Water moves all the time, so its own deviation raises its threshold; land is quiet and stays sensitive. Nothing is
learnt under a tracked person, however long it stands. A mixture model costs ten times as much and learns a person
standing still in about ten seconds (VISION.md §2).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BackgroundConfig:
    """All times in seconds, so that a slower camera behaves the same."""

    learn_s: float = 2.4  # from the first picture until detections count
    time_constant_s: float = 12.0
    foreground_time_constant_s: float = 45.0  # what differs but is no track: a parked cart, a moved bench
    light_time_constant_s: float = 4.0  # a picture set back to the light of the model; the model follows
    flood_time_constant_s: float = 1.2  # when a whole region changes at once
    deviation_factor: float = 5.5  # of the mean deviation, 4.4 standard deviations
    floor: int = 13  # grey levels
    ceiling: int = 70
    flood_fraction: float = 0.45
    ghosts_for_s: float = 60.0
    ghost_contrast: float = 0.5
    threshold_every_s: float = 0.6


class Background:
    """One picture's worth of model. `difference` is read after `apply`."""

    def __init__(self, config: BackgroundConfig) -> None:
        self.config = config
        self.ready = False
        self.flooded = False
        self.upheaved = False  # the whole picture changes, and not by water
        self._mean: NDArray[np.float32] | None = None
        self._deviation: NDArray[np.float32] | None = None
        self._threshold: Gray | None = None
        self._shown: Gray | None = None
        self._age_s = 0.0
        self._since_threshold_s = 0.0
        self._turn = False
        self.difference: Gray = np.zeros((1, 1), np.uint8)

    @property
    def picture(self) -> Gray | None:
        """The empty scene as it is now believed to look."""
        return self._shown

    @property
    def threshold(self) -> Gray:
        """How far from `picture` each pixel may be and still count as empty."""
        assert self._threshold is not None
        return self._threshold

    def foreground(self, gray: Gray) -> Gray:
        """255 where the picture differs from the empty scene. Call `learn` afterwards, once a frame."""
        if self._mean is None or self._mean.shape != gray.shape:
            self._mean = gray.astype(np.float32)
            self._deviation = np.full(gray.shape, 4.0, np.float32)
            self._threshold = np.full(gray.shape, 24, np.uint8)
            self._shown = gray.copy()
            self._age_s = 0.0
            self.ready = False
        assert self._threshold is not None
        assert self._shown is not None
        self.difference = cv2.absdiff(gray, self._shown)  # type: ignore[assignment]
        return cv2.compare(self.difference, self._threshold, cv2.CMP_GT)  # type: ignore[return-value]

    def changed(self, gray: Gray) -> Gray:
        """As `foreground`, of another picture than is to be learnt."""
        assert self._shown is not None
        return cv2.compare(cv2.absdiff(gray, self._shown), self.threshold, cv2.CMP_GT)  # type: ignore[return-value]

    def learn(self, gray: Gray, foreground: Gray, protected: Gray | None, dt_s: float) -> None:
        """Moves the model towards the picture: quickly where empty, slowly where not, never under `protected`."""
        assert self._mean is not None
        assert self._deviation is not None
        config = self.config
        self._age_s += dt_s
        self._since_threshold_s += dt_s
        if not self.ready:
            alpha = max(0.12, 1.0 - self._age_s / config.learn_s)
            cv2.accumulateWeighted(gray, self._mean, alpha)
            cv2.accumulateWeighted(self.difference, self._deviation, 0.25)
            self.ready = self._age_s >= config.learn_s
        else:
            empty = cv2.bitwise_not(foreground)
            if protected is not None:
                cv2.bitwise_and(empty, cv2.bitwise_not(protected), dst=empty)
            # The deviation and what is strange change slowly: each takes every second frame, at twice the weight.
            self._turn = not self._turn
            alpha = min(1.0, dt_s / config.time_constant_s)
            cv2.accumulateWeighted(gray, self._mean, alpha, mask=empty)
            if self._turn and not (self.flooded or self.upheaved):
                cv2.accumulateWeighted(self.difference, self._deviation, min(1.0, 2 * alpha), mask=empty)
                self._show()
                return
            if self.flooded or self.upheaved:
                cv2.accumulateWeighted(self.difference, self._deviation, alpha, mask=empty)
            strange = foreground if protected is None else cv2.bitwise_and(foreground, cv2.bitwise_not(protected))
            hurried = self.flooded or self.upheaved
            slow = config.flood_time_constant_s if hurried else config.foreground_time_constant_s
            alpha = min(1.0, (dt_s if hurried else 2 * dt_s) / slow)
            cv2.accumulateWeighted(gray, self._mean, alpha, mask=strange)
            cv2.accumulateWeighted(self.difference, self._deviation, alpha, mask=strange)
        self._show()

    def relight(self, gain: NDArray[np.float32], dt_s: float) -> None:
        """The empty scene follows the light: `gain`, for each pixel, is how much brighter it is now than then."""
        if self._mean is None:
            return
        share = min(dt_s / self.config.light_time_constant_s, 1.0)
        cv2.multiply(self._mean, gain * share + (1.0 - share), dst=self._mean)

    def _show(self) -> None:
        """The model as bytes, and now and then its threshold."""
        config = self.config
        assert self._mean is not None
        assert self._deviation is not None
        self._shown = cv2.convertScaleAbs(self._mean)  # type: ignore[assignment]
        if self._since_threshold_s >= config.threshold_every_s or not self.ready:
            self._since_threshold_s = 0.0
            levels = cv2.convertScaleAbs(self._deviation, alpha=config.deviation_factor)
            self._threshold = np.clip(levels, config.floor, config.ceiling).astype(np.uint8)

    def forget_ghost(self, gray: Gray, box: tuple[int, int, int, int]) -> bool:
        """Somebody who stood there while the scene was learnt and has gone leaves a hole shaped like him.

        Then it is the model that stands out from its surroundings inside the box (left, top, right, bottom) and the
        picture is plain; the picture is taken as empty there.
        """
        if self._mean is None or self._shown is None or self._age_s > self.config.ghosts_for_s:
            return False
        left, top, right, bottom = box
        seen, believed = gray[top:bottom, left:right], self._shown[top:bottom, left:right]
        if not seen.size or float(seen.std()) > self.config.ghost_contrast * float(believed.std()):
            return False
        self._mean[top:bottom, left:right] = seen
        return True
