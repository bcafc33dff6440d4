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
        self._speedup = speedup

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None else timeout / self._speedup)


class ScaledTimeLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and gains `speedup` seconds in each of the wall's."""

    def __init__(self, speedup: float) -> None:
        self._speedup = speedup
        self._began_s = time.monotonic()
        super().__init__(_ScaledSelector(speedup))

    def time(self) -> float:
        return (time.monotonic() - self._began_s) * self._speedup


def run_scaled(main: Coroutine[Any, Any, Result], speedup: float) -> Result:
    """Runs `main` to its end with the clock `speedup` times as fast, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=lambda: ScaledTimeLoop(speedup)) as runner:
        return runner.run(main)
