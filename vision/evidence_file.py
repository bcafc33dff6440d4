"""Evidence on the disk: written whole or not at all, read back, and known by its SHA-256.

`cam-3/ID.webm` is the picture as it was, `cam-3/ID.blurred.webm` the copy that may leave the system. While
it is written, a file begins with a dot; it gets its name when it is complete and synced.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2

from vision.errors import EvidenceUnwritable
from vision.picture import Bgr
from vision.quiet import quiet_standard_error

LEAVE_FREE_BYTES = 256 * 1024 * 1024
"""Evidence never takes the last of a disk on which the incidents are stored as well."""
_BLURRED = ".blurred"
_CHUNK = 1 << 20
_LONGEST_GAP_S = 10.0  # a pause of the stream is shown no longer than this


def blurred_name(path: str) -> str:
    """`cam-3/ID.webm` to `cam-3/ID.blurred.webm`."""
    stem, dot, suffix = path.rpartition(".")
    return f"{stem}{_BLURRED}{dot}{suffix}"


def is_blurred(path: str) -> bool:
    return Path(path).stem.endswith(_BLURRED)


def under_way(path: Path) -> Path:
    """Where the file is while it is written; its ending tells FFmpeg what to write."""
    return path.with_name(f".{path.name}")


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def make_room(folder: Path) -> None:
    """Raises EvidenceUnwritable when the folder cannot be made or its disk is full."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unwritable(folder, error) from error
    if free < LEAVE_FREE_BYTES:
        raise EvidenceUnwritable(f"the disk of {folder} is full: {free / 2**20:.0f} MiB left")


def write_bytes(path: Path, data: bytes) -> str:
    """Answers the SHA-256. Raises EvidenceUnwritable; then nothing is left."""
    make_room(path.parent)
    temporary = under_way(path)
    try:
        temporary.write_bytes(data)
        _finish(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    return hashlib.sha256(data).hexdigest()


class ClipWriter:
    """A VP8 .webm that keeps to the frames' own times: a pause repeats the last picture."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        """Raises EvidenceUnwritable."""
        make_room(path.parent)
        self.path = path
        self._temporary = under_way(path)
        self._size, self._fps = size, fps
        self._written = 0
        with quiet_standard_error():
            code = cv2.VideoWriter.fourcc(*"VP80")
            self._writer = cv2.VideoWriter(str(self._temporary), cv2.CAP_FFMPEG, code, fps, size)
        if not self._writer.isOpened():
            self.drop()
            raise EvidenceUnwritable(f"{path} cannot be written: the folder refuses, or the disk is full")

    @property
    def length_s(self) -> float:
        return self._written / self._fps

    def add(self, bgr: Bgr, at_s: float) -> None:
        if (bgr.shape[1], bgr.shape[0]) != self._size:
            bgr = cv2.resize(bgr, self._size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportAssignmentType]
        wanted = max(round(at_s * self._fps) + 1, self._written + 1)
        repeats = min(wanted - self._written, max(round(_LONGEST_GAP_S * self._fps), 1))
        for _ in range(repeats):
            self._writer.write(bgr)
        self._written += repeats

    def close(self) -> str:
        """Reads the file back, gives it its name, answers the SHA-256. Raises EvidenceUnwritable.

        OpenCV does not say when the disk refuses: only a file that has every picture in it counts.
        """
        self._writer.release()
        try:
            found = _pictures_in(self._temporary)
            if found < self._written:
                make_room(self.path.parent)  # says so if that is why
                reason = f"only {found} of {self._written} pictures are in the file; is the disk full?"
                raise EvidenceUnwritable(f"{self.path} could not be written whole: {reason}")
            digest = sha256_of(self._temporary)
            _finish(self._temporary, self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        finally:
            self.drop()
        return digest

    def drop(self) -> None:
        """Nothing is left of what was begun."""
        self._writer.release()
        self._temporary.unlink(missing_ok=True)


def _pictures_in(path: Path) -> int:
    if not path.exists() or path.stat().st_size == 0:
        return 0
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def _finish(temporary: Path, path: Path) -> None:
    _synced(temporary, os.O_RDONLY)
    temporary.replace(path)
    _synced(path.parent, os.O_RDONLY)


def _synced(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> EvidenceUnwritable:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    reason = "the disk is full" if full else (error.strerror or str(error))
    return EvidenceUnwritable(f"{path} cannot be written: {reason}")


Abandoned = Callable[[], bool]
"""Asked between pictures: whether whoever wanted the file has gone."""
