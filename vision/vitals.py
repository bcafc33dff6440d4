"""How a camera's analysis fares, in figures: rate, delay, what was dropped, what could not be decoded, memory.

Delays count from the moment a picture came out of the decoder: the camera's own and the network's come on top.
"""

from __future__ import annotations

import os
from collections import deque
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

_MOST = 300  # pictures that the figures are about: a minute at five a second
EVERY_S = 2.0


class CameraVitals(BaseModel):
    """Of the last minute, and totals since the worker began."""

    model_config = ConfigDict(frozen=True)

    analysed_fps: float
    picture_at: AwareDatetime | None = None  # the last that was analysed
    worker_p50_s: float | None = None  # from the picture to its report (and alerts) leaving the worker
    worker_p95_s: float | None = None
    service_p50_s: float | None = None  # ... to its arrival in the service
    service_p95_s: float | None = None
    dropped: int = 0  # pictures that a newer one replaced although they were due
    undecodable: int = 0
    disconnects: int = 0
    evidence_failures: int = 0  # snapshots and clips of this worker that could not be kept
    evidence_mb: float = 0.0  # pictures held in memory for this camera's clips
    worker_mb: float | None = None  # the worker's memory (resident)
    worker_restarts: int = 0


class Delays:
    """The last delays and their percentiles."""

    def __init__(self) -> None:
        self._delays_s: deque[float] = deque(maxlen=_MOST)

    def add(self, delay_s: float) -> None:
        self._delays_s.append(max(delay_s, 0.0))

    def percentile(self, percent: float) -> float | None:
        """By nearest rank; None without any."""
        if not self._delays_s:
            return None
        ordered = sorted(self._delays_s)
        return round(ordered[min(int(percent / 100.0 * len(ordered)), len(ordered) - 1)], 4)


class VitalsWatch:
    """Counts for one camera inside its worker. Times are readings of one clock, passed in."""

    def __init__(self) -> None:
        self._delays = Delays()
        self._looked_s: deque[float] = deque(maxlen=_MOST)
        self._told_s: float | None = None
        self._picture_at: datetime | None = None
        self.undecodable = 0

    def looked(self, came_s: float, done_s: float, at: datetime, *, broken: bool) -> None:
        if broken:
            self.undecodable += 1
            return
        self._picture_at = at
        self._looked_s.append(done_s)
        self._delays.add(done_s - came_s)

    def due(self, now_s: float) -> bool:
        """True once every EVERY_S."""
        if self._told_s is not None and 0.0 <= now_s - self._told_s < EVERY_S:
            return False
        self._told_s = now_s
        return True

    def figures(
        self, now_s: float, *, dropped: int, disconnects: int, evidence_failures: int = 0, evidence_bytes: int = 0
    ) -> CameraVitals:
        window_s = 60.0
        recent = [at_s for at_s in self._looked_s if now_s - at_s <= window_s]
        over_s = now_s - recent[0] if recent else 0.0
        return CameraVitals(
            analysed_fps=round((len(recent) - 1) / over_s, 2) if len(recent) > 1 and over_s > 0 else 0.0,
            picture_at=self._picture_at,
            worker_p50_s=self._delays.percentile(50),
            worker_p95_s=self._delays.percentile(95),
            dropped=dropped,
            undecodable=self.undecodable,
            disconnects=disconnects,
            evidence_failures=evidence_failures,
            evidence_mb=round(evidence_bytes / 2**20, 2),
            worker_mb=resident_mb(),
        )


def resident_mb() -> float | None:
    """This process's memory; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
