"""Where `chaoxun watch` writes: lines for people or programs, an annotated video, a bar on the terminal."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from vision.alert import Alert, FrameReport, PixelBox, TrackView
from vision.camera import Lens
from vision.errors import OutputUnwritable
from vision.free_track import Verdict
from vision.picture import Bgr
from vision.preview import annotate
from vision.quiet import quiet_standard_error

Emit = Callable[[str], None]

_LONGEST_GAP_S = 10.0
_WHITE = (230, 230, 230)


@dataclass
class Summary:
    """What watching a source came to."""

    source: str
    calibrated: bool
    frames: int = 0
    seconds: float = 0.0
    tracks: int = 0
    people: int | None = None  # of the tracks; None where it is not told
    alerts: dict[str, int] = field(default_factory=dict[str, int])
    video: Path | None = None
    problem: str | None = None  # why it ended before its end
    at_once: Counter[int] = field(default_factory=Counter[int])  # people seen together: for how many seconds
    too_dense_s: int = 0  # in which nobody could be told from his neighbour

    def count(self, people: int | None) -> None:
        """Once a second."""
        if people is None:
            self.too_dense_s += 1
        else:
            self.at_once[people] += 1

    def _at_once(self) -> dict[str, float] | None:
        if not self.at_once:
            return None
        spread = sorted(self.at_once.elements())
        mean = sum(spread) / len(spread)
        return {"mean": round(mean, 2), "median": spread[len(spread) // 2], "most": spread[-1]}

    def as_json(self) -> dict[str, Any]:
        return {
            "type": "summary",
            "source": self.source,
            "calibrated": self.calibrated,
            "frames": self.frames,
            "seconds": round(self.seconds, 2),
            "tracks": self.tracks,
            "people": self.people,
            "people_at_once": self._at_once(),
            "too_dense_s": self.too_dense_s if self.people is not None else None,
            "alerts": self.alerts,
            "video": None if self.video is None else str(self.video),
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class Teller:
    """One line each for an alert, a person who has gone, a change of the camera's health, and the end."""

    emit: Emit
    as_json: bool
    placed: bool  # positions mean something

    def alert(self, alert: Alert, at_s: float) -> None:
        if self.as_json:
            content = alert.model_dump(mode="json")
            if not self.placed:
                content["position"] = None
            self._json({"type": "alert", "video_s": round(at_s, 2), **content})
            return
        parts = [alert.kind.value]
        if alert.track_id is not None:
            parts.append(f"track {alert.track_id}")
        if alert.position is not None and self.placed:
            place = alert.position
            parts.append(f"at {place.lat:.6f}, {place.lon:.6f} ±{place.sigma_m:.1f} m")
        if (reason := alert.details.get("reason")) is not None:
            parts.append(str(reason))
        parts.append(f"confidence {alert.confidence:.2f}")
        if alert.evidence.snapshot is not None:
            parts.append(alert.evidence.snapshot)
        self._line(at_s, "  ".join(parts))

    def track(self, track_id: int, from_s: float, to_s: float, verdict: Verdict | None = None) -> None:
        if self.as_json:
            told: dict[str, Any] = {
                "type": "track",
                "track_id": track_id,
                "from_s": round(from_s, 2),
                "to_s": round(to_s, 2),
            }
            if verdict is not None:
                told |= {"person": verdict.person, "why": verdict.why}
            self._json(told)
        elif not self.placed:
            what = "" if verdict is None else f", {'a person' if verdict.person else 'no person'}: {verdict.why}"
            self._line(to_s, f"track {track_id} ends, seen for {to_s - from_s:.1f} s{what}")

    def health(self, report: FrameReport, at_s: float) -> None:
        if self.as_json:
            told = {"type": "health", "video_s": round(at_s, 2), "health": report.health.value}
            self._json({**told, "reason": report.health_reason})
        else:
            self._line(
                at_s, f"camera {report.health.value}" + (f": {report.health_reason}" * bool(report.health_reason))
            )

    def end(self, summary: Summary) -> None:
        if self.as_json:
            self._json(summary.as_json())
            return
        alerts = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.alerts.items())) or "no alert"
        self.emit(f"{summary.seconds:.1f} s, {summary.frames} pictures looked at, {summary.tracks} tracks: {alerts}")
        if summary.video is not None:
            self.emit(f"annotated video: {summary.video}")

    def _line(self, at_s: float, text: str) -> None:
        minutes, seconds = divmod(at_s, 60.0)
        self.emit(f"{int(minutes):02d}:{seconds:04.1f}  {text}")

    def _json(self, content: dict[str, Any]) -> None:
        self.emit(json.dumps(content, ensure_ascii=False))


class AnnotatedVideo:
    """A VP8 .webm that keeps to the source's own time: what is skipped repeats the last picture."""

    def __init__(self, path: Path, lens: Lens, size: tuple[int, int], fps: float) -> None:
        """`lens` is what the boxes are measured in, `size` the video's width and height."""
        self.path = path
        self._size = size
        self._scale = size[0] / lens.width_px
        self._fps = fps
        self._written = 0
        with quiet_standard_error():
            code = cv2.VideoWriter.fourcc(*"VP80")
            self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, self._size)
        if not self._writer.isOpened():
            raise OutputUnwritable(f"cannot write {path}: choose another folder with --out")

    def add(self, bgr: Bgr | None, views: tuple[TrackView, ...], at_s: float) -> None:
        """`bgr` is drawn on; None is a picture that did not come."""
        if bgr is None:
            bgr = np.zeros((self._size[1], self._size[0], 3), np.uint8)
            cv2.putText(bgr, "no picture", (16, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.6, _WHITE, 1, cv2.LINE_AA)
        elif (bgr.shape[1], bgr.shape[0]) != self._size:
            bgr = cast("Bgr", cv2.resize(bgr, self._size, interpolation=cv2.INTER_AREA))
        annotate(bgr, tuple(_scaled(view, self._scale) for view in views))
        wanted = round(at_s * self._fps) + 1
        self._written = max(self._written, wanted - round(_LONGEST_GAP_S * self._fps))
        while self._written < wanted:
            self._writer.write(bgr)
            self._written += 1

    def close(self) -> None:
        self._writer.release()


def _scaled(view: TrackView, scale: float) -> TrackView:
    box = view.box
    scaled = PixelBox(x=box.x * scale, y=box.y * scale, w=box.w * scale, h=box.h * scale)
    return view.model_copy(update={"box": scaled})


@contextlib.contextmanager
def progress_bar(total_s: float | None) -> Generator[Callable[[float], None]]:
    """A bar on standard error for a source of known length; nothing when that is no terminal."""
    if total_s is None or not sys.stderr.isatty():
        yield lambda _at_s: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("watching"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn()
    together = sys.stdout.isatty()  # else what goes to a file or a pipe must not pass through the bar's console
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=together) as bar:
        task = bar.add_task("watching", total=total_s)
        yield lambda at_s: bar.update(task, completed=at_s)
