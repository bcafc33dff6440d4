"""The newest picture of a live camera, handed from the thread that reads to the one that looks.

A picture that comes while another waits replaces it: pictures are dropped, never queued.
"""

from __future__ import annotations

import threading
import time

from vision.picture import Picture

_MISSING_EVERY_S = 1.0
_EARLY_S = 0.01


class NewestPicture:
    """One slot. Times are readings of the machine's monotonic clock."""

    def __init__(self, period_s: float) -> None:
        """No more than one picture in `period_s` is given out."""
        self._period_s = period_s
        self._due_s = 0.0
        self._heard_s = time.monotonic()  # last picture given out, or last word that there is none
        self._waiting: tuple[float, Picture] | None = None
        self._trouble = ""
        self.dropped = 0  # pictures that were due and that a newer one replaced
        self.disconnects = 0
        self._lock = threading.Lock()

    # --- the reader's side

    def put(self, picture: Picture) -> None:
        with self._lock:
            now_s = time.monotonic()
            if self._waiting is not None and self._waiting[0] >= self._due_s + self._period_s / 2:
                self.dropped += 1
            self._waiting = (now_s, picture)
            self._trouble = ""

    def put_trouble(self, text: str) -> None:
        with self._lock:
            self._trouble = text
            self.disconnects += 1

    # --- the looker's side

    def take(self, now_s: float) -> tuple[float, Picture] | None:
        """The picture that waits and when it came, if the next one is due."""
        with self._lock:
            if self._waiting is None or now_s < self._due_s - _EARLY_S:
                return None
            taken, self._waiting = self._waiting, None
        self._due_s = max(self._due_s + self._period_s, now_s)
        self._heard_s = now_s
        return taken

    def missing(self, now_s: float) -> str | None:
        """Once a second while nothing comes: why, as far as known. None while all is well."""
        if now_s - self._heard_s < _MISSING_EVERY_S:
            return None
        self._heard_s = now_s
        with self._lock:
            return self._trouble
