"""Where pictures come from: a video file, a folder of images, or a live address; each fault in one clear sentence.

Files and folders are read to their end as fast as asked. Live sources are blocking readers for a thread of their own:
OpenCV with its time-outs for RTSP and HTTP video, a small reader of our own for MJPEG, which hands the camera's JPEG
bytes on as they are instead of decoding them twice.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit

import cv2

from vision.errors import (
    SourceEmpty,
    SourceError,
    SourceMissing,
    SourceTruncated,
    SourceUnreachable,
    SourceUnreadable,
)
from vision.picture import Bgr, Picture
from vision.sniff import reason_it_cannot_play

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg writes its complaints to our standard error otherwise
# RTSP over TCP loses no packets; 1.5 s of a stream tell what it is (FFmpeg would look at 5 s).
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|analyzeduration;1500000")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
LIVE_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
ONE_THREAD = [cv2.CAP_PROP_N_THREADS, 1]
"""Cameras are many and cores few: decoding in several threads costs a tenth more and hands each picture on later."""
_LONGEST_LEAP_S = 600.0  # a recording that was paused; more is a broken clock
_MAX_JPEG_BYTES = 16 * 1024 * 1024
_EARLY_S = 0.02  # a picture this much too early is taken rather than the next one waited for


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A picture and the seconds since the source began; None where a picture was due and could not be read."""

    at_s: float
    picture: Picture | None
    index: int


@dataclass(frozen=True, slots=True)
class Timeouts:
    open_s: float = 10.0  # a slow stream needs some seconds to show what it is
    read_s: float = 5.0


def is_live(address: str) -> bool:
    return urlsplit(address).scheme.lower() in LIVE_SCHEMES


class VideoFile:
    """A video on disk. Every frame is grabbed, only those asked for are decoded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise SourceMissing(f"{path} does not exist: check the path") from error
        except OSError as error:
            raise SourceUnreadable(f"{path} cannot be read: {error.strerror or error}") from error
        if size == 0:
            raise SourceEmpty(f"{path} is empty (0 bytes): copy or record it again")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, ONE_THREAD)
        if not self._capture.isOpened():
            raise reason_it_cannot_play(path)
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or 25.0
        self.declared_frames = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        if self.fps > 1000:
            self.fps = 25.0  # some containers carry a tick rate instead

    def frames(self, fps: float) -> Generator[SourceFrame]:
        """About `fps` pictures a second. Raises SourceTruncated at the end when much less came than was declared.

        Times are the file's own, so that a variable rate does not matter; where they stand still or run backwards
        each picture counts as one period after the last.
        """
        index, due_s, at_s = 0, 0.0, -1.0 / self.fps
        early_s = min(0.5 / self.fps, 0.25 / fps)  # so near before its time it is nearer than the next
        try:
            while self._capture.grab():
                at_s = _next_time_s(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0, at_s, 1.0 / self.fps)
                if at_s + early_s >= due_s:
                    due_s = due_s + 1.0 / fps if at_s < due_s + 1.0 / fps else at_s + 1.0 / fps
                    good, image = self._capture.retrieve()
                    yield SourceFrame(at_s, Picture(bgr=cast("Bgr", image)) if good else None, index)
                index += 1
        finally:
            self._capture.release()
        if index == 0:
            raise SourceUnreadable(f"{self.path} holds no picture that can be decoded: try another recording")
        if index < 0.9 * self.declared_frames - 2:
            raise SourceTruncated(
                f"{self.path} is cut off: pictures stop after {index / self.fps:.1f} s "
                f"of {self.declared_frames / self.fps:.1f} s; copy it again if the rest matters"
            )


def _next_time_s(told_s: float, last_s: float, period_s: float) -> float:
    """The time of a picture: as the file tells, if that leads on from the last one within reason."""
    if last_s < 0.0:
        return 0.0
    leads_on = last_s + 0.05 * period_s < told_s < last_s + _LONGEST_LEAP_S
    return told_s if leads_on else last_s + period_s


class ImageFolder:
    """Pictures in a folder, in the order of their names, taken as `fps` a second."""

    def __init__(self, path: Path, fps: float = 5.0) -> None:
        self.path, self.fps = path, fps
        self.files = sorted(f for f in path.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
        if not self.files:
            raise SourceEmpty(f"{path} holds no image (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
        self.declared_frames = len(self.files)
        self.size = (0, 0)
        for file in self.files:
            first = Picture(data=file.read_bytes()).bgr()
            if first is not None:
                self.size = (int(first.shape[1]), int(first.shape[0]))
                break
        else:
            raise SourceUnreadable(f"{path}: none of its {len(self.files)} images can be decoded")

    def frames(self, fps: float) -> Generator[SourceFrame]:
        del fps  # every picture of a folder counts
        for index, file in enumerate(self.files):
            bgr = Picture(data=file.read_bytes()).bgr()
            yield SourceFrame(index / self.fps, None if bgr is None else Picture(bgr=bgr), index)


def open_recorded(source: str, folder_fps: float = 5.0) -> VideoFile | ImageFolder:
    """A file or folder by its path."""
    scheme, separator, _ = source.partition("://")
    if separator:
        known = ", ".join(f"{name}://" for name in sorted(LIVE_SCHEMES))
        raise SourceUnreadable(
            f"{scheme}:// is no kind of source: give a path, or an address that begins with {known}"
        )
    path = Path(source)
    if path.is_dir():
        return ImageFolder(path, folder_fps)
    return VideoFile(path)


# --- live


def live_pictures(
    address: str, timeouts: Timeouts, stop: threading.Event, *, fps: float = 30.0
) -> Generator[Picture]:
    """Pictures as they arrive, until `stop` is set; more than about `fps` a second are not decoded.

    A path instead of an address is a recording, played over and over at its own speed.
    Raises SourceUnreachable when the address does not answer, or stops sending.
    """
    if not is_live(address):
        yield from _played_pictures(address, stop, fps)
        return
    if urlsplit(address).scheme.lower() in {"http", "https"}:
        stream = _mjpeg_stream(address, timeouts)
        if stream is not None:
            yield from _mjpeg_pictures(stream, address, stop)
            return
    yield from _captured_pictures(address, timeouts, stop, fps)


def _played_pictures(path: str, stop: threading.Event, fps: float) -> Iterator[Picture]:
    while not stop.is_set():
        begun_s = time.monotonic()
        for frame in open_recorded(path).frames(fps):
            if stop.wait(max(begun_s + frame.at_s - time.monotonic(), 0.0)):
                return
            if frame.picture is not None:
                yield frame.picture


def _captured_pictures(address: str, timeouts: Timeouts, stop: threading.Event, fps: float) -> Iterator[Picture]:
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(timeouts.open_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(timeouts.read_s * 1000), *ONE_THREAD,
    ]  # fmt: skip
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    due_s = 0.0
    try:
        if not capture.isOpened():
            raise SourceUnreachable(
                f"{shown(address)} does not answer with video within {timeouts.open_s:g} s: "
                "check the address, the network and that the camera is on"
            )
        while not stop.is_set():
            if not capture.grab():
                raise SourceUnreachable(f"{shown(address)} has stopped sending pictures")
            now_s = time.monotonic()
            if now_s < due_s - _EARLY_S:
                continue
            due_s = max(due_s + 1.0 / fps, now_s)
            good, image = capture.retrieve()
            yield Picture(bgr=cast("Bgr", image)) if good else Picture()
    finally:
        capture.release()


@dataclass(frozen=True, slots=True)
class _Stream:
    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse


def _mjpeg_stream(address: str, timeouts: Timeouts) -> _Stream | None:
    """The open response when the address sends MJPEG; None when it sends something else."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme.lower() == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeouts.open_s)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers=_credentials(parts))
        response = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise SourceUnreachable(
            f"{shown(address)} does not answer ({error}): check the address, the network and that the camera is on"
        ) from error
    if response.status == http.client.UNAUTHORIZED and parts.username:
        connection.close()
        return None  # FFmpeg knows more ways to log in
    if response.status != http.client.OK:
        connection.close()
        raise SourceUnreachable(
            f"{shown(address)} answers {response.status} {response.reason}: check the path, and the user and password"
        )
    if "multipart/x-mixed-replace" not in response.headers.get("Content-Type", "").lower():
        connection.close()
        return None
    if connection.sock is not None:
        connection.sock.settimeout(timeouts.read_s)
    return _Stream(connection, response)


def _credentials(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


def _mjpeg_pictures(stream: _Stream, address: str, stop: threading.Event) -> Iterator[Picture]:
    with contextlib.closing(stream.connection):
        while not stop.is_set():
            try:
                data = _next_part(stream.response)
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise SourceUnreachable(f"{shown(address)} has stopped sending pictures: {error}") from error
            if data is None:
                raise SourceUnreachable(f"{shown(address)} has closed the stream")
            yield Picture(data=data)


def _next_part(response: http.client.HTTPResponse) -> bytes | None:
    """The body of the next part: by its Content-Length, or from start to end marker of the JPEG."""
    length: int | None = None
    begun = False
    while True:
        line = response.readline(65536)
        if not line:
            return None
        text = line.strip()
        if text.startswith(b"--"):
            begun, length = True, None
        elif begun and not text:
            break
        elif text.lower().startswith(b"content-length:"):
            length = int(text.split(b":", 1)[1])
    if length is not None:
        if not 0 <= length <= _MAX_JPEG_BYTES:
            raise ValueError(f"a part of {length} bytes is no picture")
        data = response.read(length)
        return data if len(data) == length else None
    collected = bytearray()
    while not collected.endswith(b"\xff\xd9"):
        byte = response.read(1)
        if not byte:
            return None
        collected += byte
        if len(collected) > _MAX_JPEG_BYTES:
            raise ValueError("a part without end is no picture")
    return bytes(collected)


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits between attempts: doubled each time, never more than `most_s`, back to the first after good pictures."""

    first_s: float = 1.0
    most_s: float = 30.0

    def after(self, failures: int) -> float:
        doublings = min(max(failures - 1, 0), 30)
        return min(self.first_s * 2.0**doublings, self.most_s)


def keep_reading(
    address: str,
    on_picture: Callable[[Picture], None],
    on_trouble: Callable[[SourceError, float], None],
    stop: threading.Event,
    *,
    fps: float = 30.0,
    timeouts: Timeouts | None = None,
    back_off: BackOff | None = None,
) -> None:
    """Reads a live address until `stop`, connecting again and again with growing pauses. Blocks; give it a thread."""
    timeouts, back_off = timeouts or Timeouts(), back_off or BackOff()
    failures = 0
    while not stop.is_set():
        try:
            for picture in live_pictures(address, timeouts, stop, fps=fps):
                failures = 0
                on_picture(picture)
        except (SourceError, OSError, cv2.error) as error:
            failures += 1
            pause_s = back_off.after(failures)
            if not isinstance(error, SourceError):
                error = SourceUnreachable(f"{shown(address)} cannot be read: {error}")
            on_trouble(error, pause_s)
            stop.wait(pause_s)


def shown(address: str) -> str:
    """The address without a password, fit for a log."""
    parts = urlsplit(address)
    if parts.password is None:
        return address
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{parts.username}@{host}{port}").geturl()
