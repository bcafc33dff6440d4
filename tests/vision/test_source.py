"""Sources: each fault is one sentence that names the source; what plays is delivered at the pace asked for."""

from __future__ import annotations

import threading
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vision.clips import LiveCamera, empty_bank, write_folder, write_video
from vision.errors import (
    SourceEmpty,
    SourceError,
    SourceMissing,
    SourceTruncated,
    SourceUnreachable,
    SourceUnreadable,
    SourceWithoutVideo,
)
from vision.picture import Picture
from vision.source import BackOff, Timeouts, keep_reading, live_pictures, open_recorded, shown

_QUICK = Timeouts(open_s=5.0, read_s=2.0)


def _missing(folder: Path) -> Path:
    return folder / "clip.mp4"


def _empty(folder: Path) -> Path:
    (folder / "clip.mp4").touch()
    return folder / "clip.mp4"


def _text(folder: Path) -> Path:
    (folder / "clip.mp4").write_text("not a video\n" * 200)
    return folder / "clip.mp4"


def _sound(folder: Path) -> Path:
    with wave.open(str(folder / "clip.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    return folder / "clip.wav"


def _cut_mp4(folder: Path) -> Path:
    whole = write_video(folder / "whole.mp4", empty_bank(20), code="mp4v").read_bytes()
    (folder / "clip.mp4").write_bytes(whole[: len(whole) // 2])
    return folder / "clip.mp4"


def _empty_folder(folder: Path) -> Path:
    return folder


def _folder_of_noise(folder: Path) -> Path:
    (folder / "0001.jpg").write_bytes(b"\xff\xd8 no picture")
    return folder


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (_missing, SourceMissing, "does not exist: check the path"),
        (_empty, SourceEmpty, "is empty (0 bytes)"),
        (_text, SourceUnreadable, "is not a video that can be decoded"),
        (_sound, SourceWithoutVideo, "WAV sound only"),
        (_cut_mp4, SourceTruncated, "is cut off"),
        (_empty_folder, SourceEmpty, "holds no image"),
        (_folder_of_noise, SourceUnreadable, "none of its 1 images can be decoded"),
    ],
)
def test_a_recording_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, make: Callable[[Path], Path], kind: type[SourceError], said: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(SourceError) as raised:
        list(open_recorded(str(path)).frames(5))
    assert type(raised.value) is kind
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_address_of_an_unknown_kind_is_said_to_be_one() -> None:
    with pytest.raises(SourceUnreadable, match="ftp:// is no kind of source"):
        open_recorded("ftp://camera/1")


def test_a_recording_cut_in_the_middle_gives_what_it_has_and_then_says_so(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", empty_bank(40)).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    seen: list[float] = []
    with pytest.raises(SourceTruncated, match="cut off: pictures stop after"):
        seen.extend(frame.at_s for frame in open_recorded(str(cut)).frames(5))
    assert 10 <= len(seen) <= 25


def test_no_more_pictures_are_decoded_than_asked_for(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.avi", empty_bank(25), fps=12.5)
    times = [frame.at_s for frame in open_recorded(str(clip)).frames(5)]
    assert len(times) == 10
    assert times[:3] == pytest.approx([0.0, 0.16, 0.4])  # those nearest to every fifth of a second


def test_a_folder_is_a_film_in_the_order_of_its_names(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "film", empty_bank(4))
    (folder / "notes.txt").write_text("no picture")
    (folder / "0002.jpg").write_bytes(b"spoilt")
    frames = list(open_recorded(str(folder)).frames(5))
    assert [frame.at_s for frame in frames] == pytest.approx([0.0, 0.2, 0.4, 0.6])
    assert [frame.picture is None for frame in frames] == [False, False, True, False]


def test_a_live_camera_hands_on_its_pictures() -> None:
    with LiveCamera(empty_bank(2), fps=50) as camera:
        pictures = live_pictures(camera.address, _QUICK, threading.Event())
        shapes = [picture.gray().shape for picture in (next(pictures), next(pictures))]  # type: ignore[union-attr]
        pictures.close()
    assert shapes == [(360, 640), (360, 640)]


def test_an_address_that_does_not_answer_is_said_to_be_dead() -> None:
    with LiveCamera(empty_bank(1)) as camera:
        wrong = camera.address.replace("/cam", "/other")
        with pytest.raises(SourceUnreachable, match="answers 404 Not Found: check the path"):
            next(live_pictures(wrong, _QUICK, threading.Event()))
    for address in (camera.address, f"rtsp://127.0.0.1:{camera.port}/cam"):  # nobody listens there any more
        with pytest.raises(SourceUnreachable, match="does not answer"):
            next(live_pictures(address, _QUICK, threading.Event()))


def test_a_lost_camera_is_called_again_with_growing_pauses_until_it_answers() -> None:
    live = LiveCamera(empty_bank(1), fps=50)
    live.close()
    stop = threading.Event()
    pauses: list[float] = []
    came: list[Picture] = []
    back: list[LiveCamera] = []

    def trouble(_error: SourceError, pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 5:
            back.append(LiveCamera(empty_bank(1), fps=50, port=live.port).__enter__())

    def picture(seen: Picture) -> None:
        came.append(seen)
        stop.set()

    keep_reading(
        live.address, picture, trouble, stop, timeouts=_QUICK, back_off=BackOff(first_s=0.01, most_s=0.05)
    )  # fmt: skip
    back[0].close()
    assert came
    assert pauses == pytest.approx([0.01, 0.02, 0.04, 0.05, 0.05])


def test_the_pause_never_passes_its_most_however_long_the_camera_is_away() -> None:
    assert BackOff(1.0, 30.0).after(100_000) == 30.0


def test_a_recording_named_as_a_camera_plays_over_and_over(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.avi", empty_bank(3), fps=50)
    pictures = live_pictures(str(clip), _QUICK, threading.Event(), fps=50)
    assert [next(pictures).gray() is not None for _ in range(7)] == [True] * 7


def test_a_password_is_never_shown() -> None:
    assert shown("rtsp://duty:secret@cam-1:554/live") == "rtsp://duty@cam-1:554/live"
