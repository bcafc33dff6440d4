"""Which frames make the clip of an alert: from some seconds before it to some seconds after.

    ring ──alert──► open: every frame is taken, a further alert makes it longer ──after_s──► a Clip to be written
                     └─ full (bytes), too long, or the worker ends: cut, and the clip says so

Pure: the caller brings frames, alerts and the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vision.alert import Alert
from vision.kept_frame import FrameRing, KeptFrame


@dataclass(frozen=True, slots=True)
class ClipLimits:
    before_s: float = 8.0
    after_s: float = 10.0
    longest_s: float = 60.0
    most_bytes: int = 24 * 1024 * 1024
    """Of one camera: the ring has half of it, a clip under way all."""
    most_px: int = 960  # width at which decoded video is kept


@dataclass(frozen=True, slots=True)
class Clip:
    """What is to be written. The first alert gives it its name."""

    alerts: tuple[Alert, ...]
    frames: tuple[KeptFrame, ...]
    note: str = ""  # why it is shorter than it should be


@dataclass(slots=True)
class _Open:
    frames: list[KeptFrame]
    until: datetime
    bytes: int
    alerts: list[Alert] = field(default_factory=list[Alert])


class ClipCollector:
    def __init__(self, limits: ClipLimits) -> None:
        self._limits = limits
        self._after = timedelta(seconds=limits.after_s)
        self._longest = timedelta(seconds=limits.longest_s)
        self._ring = FrameRing(limits.before_s, limits.most_bytes // 2)
        self._open: _Open | None = None

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def held_bytes(self) -> int:
        """JPEG bytes in memory now. What is in the ring is in an open clip too, unless time ran backwards."""
        return max(self._ring.bytes, 0 if self._open is None else self._open.bytes)

    def frame(self, frame: KeptFrame) -> None:
        self._ring.add(frame)
        clip = self._open
        if clip is not None and (not clip.frames or frame.at > clip.frames[-1].at):
            clip.frames.append(frame)
            clip.bytes += len(frame.jpeg)

    def alert(self, alert: Alert, now: datetime) -> None:
        """Joins the clip under way, or begins one with what is remembered."""
        if self._open is None:
            frames = list(self._ring.frames())
            self._open = _Open(frames, now, sum(len(frame.jpeg) for frame in frames))
        self._open.alerts.append(alert)
        self._open.until = max(self._open.until, now + self._after)

    def ended(self, now: datetime) -> Clip | None:
        """The clip, once it is whole or may not grow any more."""
        clip = self._open
        if clip is None:
            return None
        if clip.bytes > self._limits.most_bytes:
            return self._close(f"cut at {self._limits.most_bytes / 2**20:.0f} MiB of pictures")
        begun = clip.frames[0].at if clip.frames else clip.alerts[0].at
        if now - begun >= self._longest and now < clip.until:
            return self._close(f"cut at {self._limits.longest_s:.0f} s; the next alert has a clip of its own")
        if now < begun:
            return self._close("cut: the clock was set back")
        return self._close("") if now >= clip.until else None

    def cut(self, why: str) -> Clip | None:
        """The clip as far as it has come."""
        return None if self._open is None else self._close(why)

    def _close(self, note: str) -> Clip:
        clip, self._open = self._open, None
        assert clip is not None
        return Clip(tuple(clip.alerts), tuple(clip.frames), note)
