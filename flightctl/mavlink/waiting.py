"""Waiting for what a component says next, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from flightctl.clock import Clock

T = TypeVar("T")


class Bell:
    """`ring` it at each change; `until` looks then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        for change in tuple(self._waiting):
            if not change.done():
                change.set_result(None)

    async def until(self, look: Callable[[], T | None], timeout_s: float) -> T | None:
        """Looks at each change until `look` gives something; None when the time is over. `look` may raise."""
        ends_s = self._clock.time_s() + timeout_s
        while True:
            found = look()
            if found is not None:
                return found
            left_s = ends_s - self._clock.time_s()
            if left_s <= 0:
                return None
            change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(change)
            try:
                async with asyncio.timeout(left_s):
                    await change
            except TimeoutError:
                return look()
            finally:
                self._waiting.discard(change)
