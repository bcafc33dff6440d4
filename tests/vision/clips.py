"""Short recordings and a live camera for the tests, drawn with the toy scene."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu
from tests.vision.toy import CREST, FORESHORE, FORESHORE_M, FRAME, PROMENADE_M, WATER_M, Thing, Toy, camera

Image = NDArray[np.uint8]


def empty_bank(count: int) -> list[Image]:
    toy = Toy()
    return [toy.picture([]) for _ in range(count)]


def somebody_on_the_foreshore(seconds: float = 12.0, empty_s: float = 4.0) -> list[Image]:
    """At five pictures a second: the empty scene, then somebody walking along the flat."""
    toy = Toy()
    images: list[Image] = []
    for index in range(round(seconds * toy.fps)):
        at_s = index / toy.fps
        walker = [Thing(70 + 0.5 * (at_s - empty_s), -20, FORESHORE_M)] if at_s >= empty_s else []
        images.append(toy.picture(walker))
    return images


def write_video(path: Path, images: Sequence[Image], fps: float = 5.0, code: str = "MJPG") -> Path:
    size = (images[0].shape[1], images[0].shape[0])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), fps, size)
    assert writer.isOpened()
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def write_folder(path: Path, images: Sequence[Image]) -> Path:
    path.mkdir()
    for index, image in enumerate(images):
        assert cv2.imwrite(str(path / f"{index:04d}.jpg"), cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    return path


def write_camera_file(path: Path) -> Path:
    """The toy's camera and bank as a camera file."""
    seen = camera()

    def points(ring: Iterable[Iterable[float]]) -> str:
        places = [FRAME.to_wgs84(Enu(*point)) for point in ring]
        return ", ".join(f"{{lat: {place.lat!r}, lon: {place.lon!r}}}" for place in places)

    path.write_text(
        f"""\
version: 1
camera:
  id: toy
  position: {{lat: {seen.position.lat!r}, lon: {seen.position.lon!r}}}
  height_amsl_m: {seen.height_amsl_m}
  yaw_deg: {seen.yaw_deg}
  pitch_deg: {seen.pitch_deg}
  lens: {{width_px: 640, height_px: 360, hfov_deg: {seen.lens.hfov_deg}}}
  range_m: {seen.range_m}
heights_amsl_m: {{promenade: {PROMENADE_M}, foreshore: {FORESHORE_M}, water: {WATER_M}}}
crest: [{points(CREST)}]
zones:
  - id: flat
    kind: danger
    surface: foreshore
    ring: [{points(FORESHORE)}]
""",
        encoding="utf-8",
    )
    return path


class LiveCamera:
    """An MJPEG camera on a loopback port: it sends its pictures over and over until the block ends."""

    def __init__(self, images: Sequence[Image], fps: float = 10.0, port: int = 0) -> None:
        self._pictures = [cv2.imencode(".jpg", image)[1].tobytes() for image in images]
        self._ended = threading.Event()
        ended, pictures, period_s = self._ended, self._pictures, 1.0 / fps

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/cam":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
                self.end_headers()
                index = 0
                try:
                    while not ended.wait(period_s):
                        data = pictures[index % len(pictures)]
                        self.wfile.write(
                            b"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data)
                        )
                        self.wfile.write(data + b"\r\n")
                        index += 1
                except OSError:
                    pass  # the client has gone

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.address = f"http://127.0.0.1:{self.port}/cam"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> LiveCamera:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            if self._thread.is_alive():
                self._server.shutdown()
                self._thread.join()
            self._server.server_close()
