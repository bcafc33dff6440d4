"""Pictures of a flying camera as they come: a thread reads the newest, another looks at it.

As with bank cameras a picture that comes while the last is still looked at replaces the one that waits. Nothing runs
while the drone lies in its dock.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from vision.aerial.eye import DroneEye
from vision.alert import FrameReport
from vision.errors import SourceError
from vision.newest import NewestPicture
from vision.picture import Picture
from vision.source import BackOff, Timeouts, keep_reading

_POLL_S = 0.03


class LivePictures:
    """Implements the service's `EyePort` with the addresses that the site names."""

    def __init__(
        self, now: Callable[[], datetime], *, timeouts: Timeouts | None = None, back_off: BackOff | None = None
    ) -> None:
        self._now = now
        self._timeouts = timeouts or Timeouts()
        self._back_off = back_off or BackOff(most_s=5.0)

    async def look(self, eye: DroneEye, on_report: Callable[[FrameReport], None]) -> None:
        """Until cancelled; `on_report` is called in this loop's thread."""
        newest, stop = NewestPicture(1.0 / eye.camera.analysis_fps), threading.Event()
        reader = threading.Thread(target=self._read, args=(eye, newest, stop), name=f"read {eye.id}", daemon=True)
        reader.start()
        try:
            while True:
                now_s = time.monotonic()
                taken = newest.take(now_s)
                if taken is not None:
                    at = self._now() - timedelta(seconds=time.monotonic() - taken[0])
                    on_report(await asyncio.to_thread(eye.process_picture, at, taken[1]))
                    continue
                why = newest.missing(now_s)
                if why is not None:
                    on_report(eye.note_missing(self._now(), why))
                await asyncio.sleep(_POLL_S)
        finally:
            stop.set()

    def _read(self, eye: DroneEye, newest: NewestPicture, stop: threading.Event) -> None:
        def on_picture(picture: Picture) -> None:
            newest.put(picture)

        def on_trouble(error: SourceError, pause_s: float) -> None:
            newest.put_trouble(f"{error}; next attempt in {pause_s:g} s")

        keep_reading(
            eye.camera.stream,
            on_picture,
            on_trouble,
            stop,
            fps=eye.camera.analysis_fps,
            timeouts=self._timeouts,
            back_off=self._back_off,
        )
