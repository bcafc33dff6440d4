"""Paces a camera by the event loop: renders and encodes in a thread, hands each frame on.

Works in real and in virtual time alike; a frame that is due while the last one is still being made is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sim.camera.camera import CameraFault
from sim.world.view import WorldView
from vision.frame import EncodedFrame


class Films(Protocol):
    """A simulated camera, on the bank or in the air."""

    @property
    def stream(self) -> str:
        """The address that the site names."""
        ...

    @property
    def fps(self) -> float: ...

    @property
    def fault(self) -> CameraFault | None: ...

    def encoded(self, view: WorldView, at: datetime) -> EncodedFrame | None:
        """None when it gives no picture now."""
        ...


async def film(
    camera: Films,
    view: Callable[[], WorldView],
    now: Callable[[], datetime],
    deliver: Callable[[EncodedFrame], None],
    *,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Films until cancelled. `wanted` is asked before each frame, so that nobody's picture is not made."""
    loop = asyncio.get_running_loop()
    period_s = 1.0 / camera.fps
    due_s = loop.time()
    while True:
        if wanted():
            frame = await loop.run_in_executor(None, camera.encoded, view(), now())
            if frame is not None:
                deliver(frame)
        missed = int(max(loop.time() - due_s, 0.0) / period_s)
        due_s += period_s * (missed + 1)
        await asyncio.sleep(due_s - loop.time())
