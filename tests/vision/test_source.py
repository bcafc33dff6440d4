"""Sources: what each fault says, and what still comes through."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.vision.mjpeg_server import MjpegServer
from vision.errors import (
    SourceEmpty,
    SourceError,
    SourceMissing,
    SourceTruncated,
    SourceUnreachable,
    SourceUnreadable,
    SourceWithoutVideo,
)
from vision.source import BackOff, ImageFolder, Timeouts, VideoFile, live_pictures, open_recorded


def video(path: Path, frames: int = 60) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (160, 120))
    rng = np.random.default_rng(1)
    for _ in range(frames):
        writer.write(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8))
    writer.release()
    return path


def test_a_video_gives_pictures_at_the_rate_asked_for(tmp_path: Path) -> None:
    seen = list(VideoFile(video(tmp_path / "a.mp4")).frames(5))
    assert [round(frame.at_s, 2) for frame in seen[:4]] == [0.0, 0.2, 0.4, 0.6]
    assert len(seen) == 15


def test_a_file_cut_off_before_its_index_says_so(tmp_path: Path) -> None:
    whole = video(tmp_path / "a.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceTruncated, match=r"cut\.mp4 is cut off"):
        VideoFile(cut)


def test_a_file_cut_off_later_gives_what_it_has_and_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (160, 120))
    for step in range(60):
        writer.write(np.full((120, 160, 3), step * 4, np.uint8))
    writer.release()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    seen: list[float] = []
    with pytest.raises(SourceTruncated, match="pictures stop after"):
        seen.extend(frame.at_s for frame in VideoFile(path).frames(20))
    assert seen


def silent_wav() -> bytes:
    data = b"\0" * 800
    body = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", 800) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("empty.mp4", b"", SourceEmpty, "is empty"),
        ("sound.wav", silent_wav(), SourceWithoutVideo, "sound only"),
        ("text.mp4", b"this is no video at all" * 40, SourceUnreadable, "not a video"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_sentence(
    tmp_path: Path, name: str, content: bytes, error: type[SourceError], words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=words) as told:
        open_recorded(str(path))
    assert name in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="nowhere"):
        open_recorded(str(tmp_path / "nowhere.mp4"))


def test_a_folder_gives_its_images_by_name_and_none_for_a_broken_one(tmp_path: Path) -> None:
    for index in (2, 1, 3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((48, 64, 3), index * 50, np.uint8))
    (tmp_path / "2.png").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("not an image")
    pictures = [frame.picture for frame in ImageFolder(tmp_path).frames(5)]
    shades = [None if picture is None else int(picture.bgr()[0, 0, 0]) for picture in pictures]  # type: ignore[index]
    assert shades == [50, None, 150]


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceEmpty, match="holds no image"):
        ImageFolder(tmp_path)


def test_the_pauses_between_attempts_double_up_to_a_limit() -> None:
    back_off = BackOff(first_s=1, most_s=10)
    assert [back_off.after(n) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@pytest.mark.realtime
@pytest.mark.parametrize("lengths", [True, False])
def test_mjpeg_bytes_arrive_as_they_were_sent(lengths: bool) -> None:
    sent = [cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))[1].tobytes() for shade in (20, 120, 220)]
    with MjpegServer(lambda index: sent[index % 3], lengths=lengths) as server:
        stop = threading.Event()
        got: list[bytes | None] = []
        for picture in live_pictures(server.address, Timeouts(5, 5), stop):
            got.append(picture.jpeg())
            if len(got) == 3:
                stop.set()
    assert got == sent


@pytest.mark.realtime
def test_an_http_error_is_one_sentence() -> None:
    with MjpegServer(lambda _index: b"") as server:
        address = server.address.replace("camera", "nobody")
        with pytest.raises(SourceUnreachable, match="answers 404"):
            next(live_pictures(address, Timeouts(5, 5), threading.Event()))
