"""Vision in step with virtual time: each tick every camera renders, encodes, decodes and analyses one frame.

Pixels only: the pipelines get the same JPEG bytes a stream would carry. The work of a tick runs in threads while
the control loop lives on through the tick, and is handed over at the next one, in the cameras' order. So a frame
takes one tick to be understood, as with real cameras, and the order of events never depends on the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flightctl.clock import Clock
from sim.camera import SimCamera
from sim.world import WorldView
from vision.alert import FrameReport
from vision.pipeline import CameraPipeline
from vision.scene import SceneContext

_THREADS = 2
_MISSING_TOLD_EVERY_S = 1.0


@dataclass(slots=True)
class LockstepEye:
    """One camera and the pipeline that looks through it."""

    camera: SimCamera
    pipeline: CameraPipeline
    missing_told_s: float = -1e9

    def look(self, view: WorldView, at: datetime) -> FrameReport | None:
        frame = self.camera.encoded(view, at)
        if frame is not None:
            return self.pipeline.process(frame)
        if view.at_s - self.missing_told_s < _MISSING_TOLD_EVERY_S:
            return None
        self.missing_told_s = view.at_s
        return self.pipeline.note_missing(at, "no picture arrives")


class LockstepVision:
    """Implements the service's `VisionPort` under virtual time."""

    def __init__(
        self, eyes: Sequence[LockstepEye], look_at_world: Callable[[], WorldView], clock: Clock, *, fps: float
    ) -> None:
        self._eyes = tuple(eyes)
        self._look_at_world = look_at_world
        self._clock = clock
        self._period_s = 1.0 / fps
        self._contexts: dict[str, SceneContext] = {}

    def set_context(self, context: SceneContext, camera_id: str | None = None) -> None:
        """The water's level and the zones in force, for one camera or all; taken over with the next frame."""
        for eye in self._eyes:
            if camera_id in {None, eye.camera.camera.id}:
                self._contexts[eye.camera.camera.id] = context

    async def run(self, on_report: Callable[[FrameReport], None]) -> None:
        """Until cancelled."""
        due_s = self._clock.time_s()
        pending: list[Future[FrameReport | None]] = []
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="lockstep-vision") as pool:
            try:
                while True:
                    # Waiting here blocks the loop on purpose: virtual time may not run ahead of the pictures.
                    for report in [future.result() for future in pending]:
                        if report is not None:
                            on_report(report)
                    for eye in self._eyes:
                        context = self._contexts.pop(eye.camera.camera.id, None)
                        if context is not None:
                            eye.pipeline.set_context(context)
                    view, at = self._look_at_world(), self._clock.now()
                    pending = [pool.submit(eye.look, view, at) for eye in self._eyes]
                    due_s += self._period_s
                    await asyncio.sleep(due_s - self._clock.time_s())
            finally:
                for future in pending:
                    future.cancel()


class VisionSource(Protocol):
    """What the service takes reports from."""

    async def run(self, on_report: Callable[[FrameReport], None]) -> None: ...


class Listener(Protocol):
    """Who hears every report before the service does."""

    def reporting_to(self, on_report: Callable[[FrameReport], None]) -> Callable[[FrameReport], None]: ...


class ObservedVision:
    """Passes vision's reports on to the service, and lets the observer of a run hear them."""

    def __init__(self, vision: VisionSource, listener: Listener) -> None:
        self._vision = vision
        self._listener = listener

    async def run(self, on_report: Callable[[FrameReport], None]) -> None:
        await self._vision.run(self._listener.reporting_to(on_report))
