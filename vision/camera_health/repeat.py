"""A stream that plays the same seconds again and again: a live sensor's noise never gives the same picture twice."""

from __future__ import annotations

import zlib
from collections import deque

import numpy as np
from numpy.typing import NDArray

from vision.camera_health.config import SightConfig

_NOT_BEFORE_S = 1.5


class RepeatWatch:
    def __init__(self, config: SightConfig) -> None:
        self._config = config
        self._seen: dict[int, float] = {}  # mark of a picture: when it was last there
        self._recent: deque[tuple[float, int, float]] = deque()  # time, mark, seconds since it was there before
        self._last = 0

    def step(self, sample: NDArray[np.uint8], now_s: float) -> float | None:
        """Takes a thin grid of the picture; answers the loop's length in seconds while there is one."""
        mark = zlib.crc32(sample.tobytes())
        if mark == self._last:
            return self._loop_s(now_s)  # a still picture is another fault
        self._last = mark
        before_s = self._seen.get(mark)
        again_s = 0.0 if before_s is None or now_s - before_s < _NOT_BEFORE_S else now_s - before_s
        self._seen[mark] = now_s
        self._recent.append((now_s, mark, again_s))
        config = self._config
        while self._recent and now_s - self._recent[0][0] > config.loop_window_s:
            self._recent.popleft()
        if len(self._seen) > 16_384 or (len(self._seen) % 512 == 0):
            self._seen = {m: s for m, s in self._seen.items() if now_s - s <= config.loop_memory_s}
        return self._loop_s(now_s)

    def _loop_s(self, now_s: float) -> float | None:
        recent, config = self._recent, self._config
        if not recent or now_s - recent[0][0] < 0.8 * config.loop_window_s:
            return None
        again = [again_s for _, _, again_s in recent if again_s > 0]
        if len(again) < config.loop_share * len(recent):
            return None
        if len({mark for _, mark, _ in recent}) < config.loop_distinct:
            return None
        return float(np.median(again))
