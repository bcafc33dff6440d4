"""Is the camera telling the truth? Black, frozen or lost pictures, each told once, and the recovery once.

STARTING ──pictures──► OK ◄──good for recover_s── DARK | FROZEN | LOST
                        └──bad for dark_s | frozen_s | lost_s──►┘   (a camera_fault, once)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.alert import CameraHealth


@dataclass(frozen=True, slots=True)
class CameraFaultConfig:
    dark_mean: float = 14.0  # grey levels
    dark_deviation: float = 6.0
    dark_s: float = 2.0
    frozen_s: float = 5.0
    lost_s: float = 3.0
    recover_s: float = 1.0
    frozen_levels: int = 1  # a live sensor's noise always exceeds this somewhere


@dataclass(frozen=True, slots=True)
class HealthChange:
    health: CameraHealth
    reason: str
    fault: bool  # a fault begins, to be told


class HealthWatch:
    def __init__(self, config: CameraFaultConfig) -> None:
        self._config = config
        self.health = CameraHealth.STARTING
        self.reason = "waiting for the first picture"
        self._sample: NDArray[np.uint8] | None = None
        self._changed_s: float | None = None
        self._bright_s: float | None = None
        self._first_s: float | None = None
        self._picture_s: float | None = None
        self._good_since_s: float | None = None

    @property
    def faulty(self) -> bool:
        return self.health in {CameraHealth.DARK, CameraHealth.FROZEN, CameraHealth.LOST}

    def picture(self, sample: NDArray[np.uint8], now_s: float) -> HealthChange | None:
        """A picture came; `sample` is a thin grid of its pixels."""
        config = self._config
        if self._first_s is None:
            self._first_s = self._changed_s = self._bright_s = now_s
        self._picture_s = now_s
        old = self._sample
        if old is None or old.shape != sample.shape or _largest_change(old, sample) > config.frozen_levels:
            self._changed_s = now_s
            self._sample = sample.copy()
        dark = float(sample.mean()) < config.dark_mean and float(sample.std()) < config.dark_deviation
        if not dark:
            self._bright_s = now_s
        assert self._changed_s is not None
        assert self._bright_s is not None
        if now_s - self._bright_s >= config.dark_s:
            return self._turn(
                CameraHealth.DARK, f"the picture has been black for {now_s - self._bright_s:.0f} s", now_s
            )
        if now_s - self._changed_s >= config.frozen_s:
            since = now_s - self._changed_s
            return self._turn(CameraHealth.FROZEN, f"the picture has not changed for {since:.0f} s", now_s)
        if dark or self._changed_s != now_s:
            return None
        return self._good(now_s)

    def missing(self, now_s: float, why: str = "") -> HealthChange | None:
        """No picture came, though one was due."""
        if self._first_s is None:
            self._first_s = now_s
        last = self._picture_s if self._picture_s is not None else self._first_s
        if now_s - last < self._config.lost_s:
            return None
        reason = f"no picture for {now_s - last:.0f} s" + (f": {why}" if why else "")
        return self._turn(CameraHealth.LOST, reason, now_s)

    def _good(self, now_s: float) -> HealthChange | None:
        if self.health is CameraHealth.STARTING:
            self.health, self.reason = CameraHealth.OK, ""
            return HealthChange(CameraHealth.OK, "", fault=False)
        if self.health is CameraHealth.OK:
            self.reason = ""
            return None
        if self._good_since_s is None:
            self._good_since_s = now_s
        if now_s - self._good_since_s < self._config.recover_s:
            return None
        was = self.health
        self._good_since_s = None
        self.health, self.reason = CameraHealth.OK, f"the picture is back after {was.value}"
        return HealthChange(CameraHealth.OK, self.reason, fault=False)

    def _turn(self, health: CameraHealth, reason: str, now_s: float) -> HealthChange | None:
        self._good_since_s = None
        self.reason = reason
        if self.health is health:
            return None
        self.health = health
        return HealthChange(health, reason, fault=True)


def _largest_change(old: NDArray[np.uint8], new: NDArray[np.uint8]) -> int:
    return int(np.abs(old.astype(np.int16) - new).max())
