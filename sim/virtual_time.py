"""An event loop whose clock jumps to the next timer, so that ten minutes of rescue run in seconds.

Work handed to threads with `run_in_executor` is waited for before time moves, so decoding a frame or
writing to the store takes no virtual time and the order of events does not depend on the machine's load.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

Result = TypeVar("Result")

_STALL_S = 60.0


class VirtualTimeStall(RuntimeError):
    """Every task waits for something that no timer, thread or message will bring."""


class _JumpingSelector(selectors.BaseSelector):
    """Wraps the real selector: instead of sleeping until the next timer it moves the virtual clock there."""

    def __init__(self, loop: VirtualTimeLoop, real: selectors.BaseSelector) -> None:
        self._loop = loop
        self._real = real

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Any:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._loop.threads_busy:
            return self._real.select(_STALL_S if timeout != 0 else 0)
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = self._real.select(_STALL_S)
            if not ready:
                raise VirtualTimeStall("nothing is scheduled and nothing arrives; a task waits for ever")
            return ready
        self._loop.advance(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual and starts at 0; it moves only when nothing is left to do now."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._threads_busy = 0
        super().__init__(_JumpingSelector(self, selectors.DefaultSelector()))

    def time(self) -> float:
        return self._now_s

    @property
    def threads_busy(self) -> bool:
        return self._threads_busy > 0

    def advance(self, seconds: float) -> None:
        self._now_s += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Result], *args: Any
    ) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = super().run_in_executor(executor, func, *args)  # type: ignore[arg-type]
        self._threads_busy += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._threads_busy -= 1


def run_virtual(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs `main` to its end in virtual time, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
