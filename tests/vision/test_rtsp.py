"""A real RTSP server (GStreamer's), H.264 over TCP: watched, killed, brought back."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.vision.clips import empty_bank, write_folder
from vision.source import BackOff, Timeouts
from vision.watch import Live, watch

pytestmark = pytest.mark.realtime

_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_PYTHON = "/usr/bin/python3"  # Debian's, whose packages carry the bindings
_LONGEST_S = 90.0


class RtspServer:
    """The server as a child process."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        command = [_PYTHON, str(_SCRIPT), str(folder), *([] if port is None else [str(port)])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def reason_to_skip() -> str:
    try:
        done = subprocess.run([_PYTHON, str(_SCRIPT), "--check"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"no RTSP server: {error}"
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["it does not start"])[-1]
    return f"no RTSP server ({said}); apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good"


def test_an_rtsp_camera_that_vanishes_is_told_lost_and_ok_when_it_is_back(tmp_path: Path) -> None:
    if reason := reason_to_skip():
        pytest.skip(reason)
    folder = write_folder(tmp_path / "film", empty_bank(10))
    servers = [RtspServer(folder)]
    stop = threading.Event()
    out_of_patience = threading.Timer(_LONGEST_S, stop.set)
    out_of_patience.start()
    lines: list[dict[str, Any]] = []
    watched_at: list[float] = []

    def emit(line: str) -> None:
        told = json.loads(line)
        lines.append(told)
        if told["type"] == "health" and told["health"] == "ok" and not watched_at:
            watched_at.append(told["video_s"])
            servers[0].kill()
        elif told["type"] == "alert":
            servers.append(RtspServer(folder, servers[0].port))
        elif told["type"] == "health" and told["health"] == "ok":
            stop.set()

    try:
        summary = watch(
            f"rtsp://127.0.0.1:{servers[0].port}/cam",
            json=True,
            emit=emit,
            live=Live(stop, Timeouts(open_s=10.0, read_s=1.0), BackOff(0.2, 0.5)),
        )
    finally:
        out_of_patience.cancel()
        for server in servers:
            server.kill()
    assert [(line["type"], line.get("health") or line.get("kind")) for line in lines if line["type"] != "track"] == [
        ("health", "ok"),
        ("alert", "camera_fault"),
        ("health", "ok"),
        ("summary", None),
    ]
    fault = next(line for line in lines if line["type"] == "alert")
    assert fault["details"]["health"] == "lost"
    assert summary.alerts == {"camera_fault": 1}
    assert summary.frames > 10
