"""A live RTSP address: pictures arrive, a break is told, a dead address is one sentence."""

from __future__ import annotations

import socket
import threading

import cv2
import numpy as np
import pytest

from tests.vision.rtsp_server import RtspServer
from vision.errors import SourceError, SourceUnreachable
from vision.picture import Picture
from vision.source import BackOff, Timeouts, keep_reading, live_pictures

pytestmark = pytest.mark.realtime


def jpeg(index: int) -> bytes:
    image = np.full((240, 320, 3), 90, np.uint8)
    cv2.circle(image, (20 + 5 * (index % 50), 120), 15, (30, 30, 220), -1)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def test_pictures_arrive_over_rtsp() -> None:
    with RtspServer(jpeg, (320, 240)) as server:
        stop = threading.Event()
        seen: list[tuple[int, ...]] = []
        for picture in live_pictures(server.address, Timeouts(5, 5), stop):
            image = picture.bgr()
            assert image is not None
            assert abs(float(image[10, 10, 0]) - 90) < 6
            seen.append(image.shape)
            if len(seen) == 10:
                stop.set()
    assert seen == [(240, 320, 3)] * 10


def test_a_stream_that_breaks_off_is_told_and_taken_up_again() -> None:
    stop, pictures, troubles = threading.Event(), list[Picture](), list[SourceError]()

    def on_picture(picture: Picture) -> None:
        pictures.append(picture)
        if troubles:
            stop.set()

    with RtspServer(lambda index: jpeg(index) if index < 30 else None, (320, 240)) as server:
        keep_reading(
            server.address,
            on_picture,
            lambda error, _pause: troubles.append(error),
            stop,
            timeouts=Timeouts(5, 5),
            back_off=BackOff(first_s=0.05),
        )
    assert isinstance(troubles[0], SourceUnreachable)
    assert "stopped sending" in str(troubles[0])
    assert len(pictures) > 1


def test_a_dead_address_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceUnreachable, match="does not answer"):
        next(live_pictures(f"rtsp://user:secret@127.0.0.1:{port}/x", Timeouts(2, 2), threading.Event()))


def test_the_password_of_an_address_is_never_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceUnreachable) as told:
        next(live_pictures(f"rtsp://user:secret@127.0.0.1:{port}/x", Timeouts(2, 2), threading.Event()))
    assert "secret" not in str(told.value)
