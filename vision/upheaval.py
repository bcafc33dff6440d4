"""The whole picture changes at once: lamps come on, lightning, the camera's exposure or its infrared filter.

People come one by one, so the share of the solid ground that differs from the empty scene grows slowly with a crowd.
When it leaps, it is not people: nobody new is believed for a while, and the empty scene is learnt anew, but for those
who are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from vision.background import Gray


@dataclass(frozen=True, slots=True)
class UpheavalConfig:
    leap: float = 0.06  # of the solid ground, over what was usual
    usual_s: float = 6.0
    lasts_s: float = 3.0
    longest_s: float = 12.0  # then what is there is there


class Upheaval:
    def __init__(self, config: UpheavalConfig) -> None:
        self._config = config
        self._usual: float | None = None
        self._since_s = -1e9
        self._until_s = -1e9

    def step(self, foreground: Gray, solid: Gray, known: Gray, now_s: float, dt_s: float) -> bool:
        """Whether the picture is changing as a whole. Masks: where it differs, where ground is, where people are."""
        config = self._config
        counted = cv2.bitwise_and(solid, cv2.bitwise_not(known))
        ground = max(cv2.countNonZero(counted), 1)
        share = cv2.countNonZero(cv2.bitwise_and(foreground, counted)) / ground
        if self._usual is None:
            self._usual = share
        if share > self._usual + config.leap:
            if now_s > self._until_s:
                self._since_s = now_s
            self._until_s = now_s + config.lasts_s
        changing = now_s <= self._until_s and now_s - self._since_s <= config.longest_s
        self._usual += (share - self._usual) * min(dt_s / config.usual_s, 1.0)
        return changing
