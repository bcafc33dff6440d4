"""An event loop whose clock runs faster than the wall's, as a SITL's does with --speedup.

Sockets work as ever; every timer, rate and time-out of what runs on it counts in the faster seconds.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _ScaledSelector(selectors.DefaultSelector):
    def __init__(self, speedup: float) -> None:
        super().__init__()
        self.speedup = speedup

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None else timeout / self.speedup)


class ScaledTimeLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and gains `speedup` seconds in each of the wall's."""

    def __init__(self, speedup: float) -> None:
        self._selecting = _ScaledSelector(speedup)
        self._from_s, self._from_wall_s = 0.0, time.monotonic()
        super().__init__(self._selecting)

    def time(self) -> float:
        return self._from_s + (time.monotonic() - self._from_wall_s) * self._selecting.speedup

    def set_speedup(self, speedup: float) -> None:
        """From now on; what was waited for already ends a little early or late."""
        self._from_s, self._from_wall_s = self.time(), time.monotonic()
        self._selecting.speedup = speedup


def run_scaled(main: Coroutine[Any, Any, Result], speedup: float) -> Result:
    """Runs `main` to its end with the clock `speedup` times as fast, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=lambda: ScaledTimeLoop(speedup)) as runner:
        return runner.run(main)
