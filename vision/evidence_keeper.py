"""Keeps evidence beside the work: alerts never wait for a picture to be drawn, encoded or written.

    EvidenceRecorder ──work──► snapshots │ clips  (two threads, bounded queues, clips at low priority)
         of a camera ◄─updates──┘

What the disk refuses, or what comes faster than it can be written, is counted and told in an update, never raised.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import structlog

from vision.alert import EvidenceUpdate
from vision.blur import PeopleFinder
from vision.errors import EvidenceUnwritable
from vision.evidence_work import ClipWork, SnapshotWork, not_kept, write_clip, write_snapshot

_log = structlog.get_logger(__name__)
_MOST_SNAPSHOTS, _MOST_CLIPS = 8, 4  # waiting, of all cameras of a worker
_NICENESS = 10
_JOIN_S = 5.0

Work = SnapshotWork | ClipWork


class EvidenceKeeper:
    """Writes into one folder. `news` and `failures` may be asked from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._news: dict[str, list[EvidenceUpdate]] = {}
        self._abandoned = threading.Event()
        self._snapshots: queue.Queue[SnapshotWork | None] = queue.Queue(_MOST_SNAPSHOTS)
        self._clips: queue.Queue[ClipWork | None] = queue.Queue(_MOST_CLIPS)
        self._waiting = 0
        self.failures = 0
        self._threads = [
            threading.Thread(target=self._write_snapshots, name="snapshots", daemon=True),
            threading.Thread(target=self._write_clips, name="clips", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def keep(self, work: Work) -> None:
        """At once; an update follows."""
        try:
            if isinstance(work, SnapshotWork):
                self._snapshots.put_nowait(work)
            else:
                self._clips.put_nowait(work)
        except queue.Full:
            self._failed(work, "too many at once for this machine to write")
            return
        with self._lock:
            self._waiting += 1

    def news(self, camera_id: str) -> tuple[EvidenceUpdate, ...]:
        """What came of work of this camera since last asked."""
        with self._lock:
            return tuple(self._news.pop(camera_id, ()))

    @property
    def idle(self) -> bool:
        """Nothing waits or is under way."""
        with self._lock:
            return self._waiting == 0

    def close(self, within_s: float = _JOIN_S) -> None:
        """What can be written in this time is; the rest is dropped and leaves nothing behind."""
        give_up_s = time.monotonic() + within_s
        for waiting, thread in zip((self._snapshots, self._clips), self._threads, strict=True):
            with contextlib.suppress(queue.Full):
                waiting.put(None, timeout=max(give_up_s - time.monotonic(), 0.001))
            thread.join(max(give_up_s - time.monotonic(), 0.0))
        self._abandoned.set()
        for waiting in (self._snapshots, self._clips):
            with contextlib.suppress(queue.Full, queue.Empty):
                if waiting.full():  # nobody waits for it any more
                    waiting.get_nowait()
                waiting.put_nowait(None)
        for thread in self._threads:
            thread.join(_JOIN_S)

    # --- the threads

    def _write_snapshots(self) -> None:
        finder = PeopleFinder()
        while (work := self._snapshots.get()) is not None and not self._abandoned.is_set():
            self._done(work, lambda work=work: write_snapshot(work, self._folder, finder))

    def _write_clips(self) -> None:
        if sys.platform == "linux":  # there the priority of a thread can be set
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        finder = PeopleFinder()
        while (work := self._clips.get()) is not None and not self._abandoned.is_set():
            self._done(work, lambda work=work: write_clip(work, self._folder, finder, self._abandoned.is_set))

    def _done(self, work: Work, write: Callable[[], list[EvidenceUpdate]]) -> None:
        try:
            self._tell(work, write())
        except EvidenceUnwritable as error:
            self._failed(work, str(error))
        except (cv2.error, MemoryError, OSError) as error:
            self._failed(work, f"it cannot be made: {error}")
        finally:
            with self._lock:
                self._waiting -= 1

    def _failed(self, work: Work, why: str) -> None:
        with self._lock:
            self.failures += 1
        _log.error("evidence not kept", camera=work.camera.id, reason=why)
        self._tell(work, not_kept(work, why))

    def _tell(self, work: Work, updates: list[EvidenceUpdate]) -> None:
        with self._lock:
            self._news.setdefault(work.camera.id, []).extend(updates)
