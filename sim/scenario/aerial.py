"""The eyes of drones in step with virtual time: rendered in a thread, looked at one tick later in the loop itself.

A picture reaches the eye after its latency, by when the telemetry of its moment is here as well; looking happens in
the loop so that what the eye knows of the pose never depends on the machine's speed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from flightctl.clock import Clock
from sim.hardware import SimulatedHardware
from vision.aerial.eye import DroneEye
from vision.alert import FrameReport
from vision.frame import EncodedFrame


class LockstepEyes:
    """Implements the service's `EyePort` under virtual time."""

    def __init__(self, hardware: SimulatedHardware, clock: Clock) -> None:
        self._hardware = hardware
        self._clock = clock

    async def look(self, eye: DroneEye, on_report: Callable[[FrameReport], None]) -> None:
        """Until cancelled."""
        flying = self._hardware.eyes[eye.id]
        period_s = 1.0 / eye.camera.analysis_fps
        late = timedelta(seconds=eye.camera.latency_s + flying.camera.askew.late_s)
        due_s = self._clock.time_s()
        pending: Future[EncodedFrame | None] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="lockstep-eye") as pool:
            while True:
                if pending is not None:
                    # Waiting here blocks the loop on purpose: virtual time may not run ahead of the pictures.
                    frame = pending.result()
                    if frame is not None:
                        on_report(eye.process(frame))
                    else:
                        on_report(eye.note_missing(self._clock.now(), "no picture arrives"))
                gazing = flying.gazing()
                view = self._hardware.look()
                pending = None
                if gazing is not None:
                    pending = pool.submit(flying.camera.encoded, view, gazing, self._clock.now() + late)
                due_s += period_s
                await asyncio.sleep(due_s - self._clock.time_s())
