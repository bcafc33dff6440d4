"""The whole picture changes at once: lamps come on, lightning, the camera's exposure or its infrared filter.

People come one by one, so the share of the solid ground that differs from the empty scene grows slowly with a crowd.
When it leaps, it is not people: nobody new is believed for a while, and the empty scene is learnt anew, but for those
who are known.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2

from vision.background import Gray


@dataclass(frozen=True, slots=True)
class UpheavalConfig:
    leap: float = 0.06  # of the solid ground
    within_s: float = 1.2
    lasts_s: float = 3.0  # after the last leap


class Upheaval:
    def __init__(self, config: UpheavalConfig) -> None:
        self._config = config
        self._shares: deque[tuple[float, float]] = deque()
        self._until_s = -1e9

    def step(self, foreground: Gray, solid: Gray, known: Gray, now_s: float) -> bool:
        """Whether the picture is changing as a whole. Masks: where it differs, where ground is, where people are."""
        config = self._config
        counted = cv2.bitwise_and(solid, cv2.bitwise_not(known))
        ground = max(cv2.countNonZero(counted), 1)
        share = cv2.countNonZero(cv2.bitwise_and(foreground, counted)) / ground
        while self._shares and now_s - self._shares[0][0] > config.within_s:
            self._shares.popleft()
        if self._shares and share - min(before for _, before in self._shares) > config.leap:
            self._until_s = now_s + config.lasts_s
        self._shares.append((now_s, share))
        return now_s <= self._until_s
