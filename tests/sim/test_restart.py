"""`kill -9` while a drone is on its way: nothing acknowledged is lost, and the rescue goes on after the restart.

Everything is real: two processes, UDP, TCP, HTTP, SQLite on disk, the wall clock.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from websockets.sync.client import connect

from flightctl.site_loading import HAINING, load_site

KEY = "a-key-of-the-duty-phone"
ROOT = Path(__file__).resolve().parents[2]
_WITHIN_S = 60.0

State = dict[str, Any]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def site_on_free_ports(folder: Path) -> Path:
    """Haining without cameras, on addresses of its own, so that tests may run side by side."""
    site = folder / "site"
    shutil.copytree(HAINING, site)
    text = (site / "site.yaml").read_text(encoding="utf-8")
    text = re.sub(r"tcp:127\.0\.0\.1:\d+", lambda _: f"tcp:127.0.0.1:{free_port()}", text)
    text = text.replace("udpin:127.0.0.1:14550", f"udpin:127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    data = yaml.safe_load(text)
    data["cameras"] = []
    data["policy"]["drop_max_sigma_m"] = 60.0  # nobody sees the person: only the forecast follows them
    (site / "site.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return site


@contextmanager
def started(*command: str, **environment: str) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


@contextmanager
def service(site: Path, data: Path, port: int) -> Generator[subprocess.Popen[str]]:
    arguments = ["flightctl.cli", "serve", "--site", str(site), "--data", str(data), "--port", str(port)]
    with started(*arguments, CHAOXUN_ALERT_KEYS=f"phone={KEY}") as process:
        assert process.stdout is not None
        for line in process.stdout:  # ends when the process does
            if "serving" in line:
                break
        assert process.poll() is None, "the service did not start"
        yield process


def until(port: int, holds: Callable[[State], bool]) -> State:
    """The first state, as the stream tells them, for which it holds."""
    with connect(f"ws://127.0.0.1:{port}/api/v1/stream", open_timeout=20, max_size=2**24) as stream:
        last: State = {}
        for _ in range(int(_WITHIN_S * 5)):  # five a second
            last = json.loads(stream.recv(timeout=10))
            if holds(last):
                return last
    raise AssertionError(f"never came to be; last: {json.dumps(last.get('incidents'), ensure_ascii=False)[-3000:]}")


def incident(state: State) -> State:
    return state["incidents"][0] if state["incidents"] else {"state": None, "timeline": []}


def steps(state: State) -> list[str]:
    return [entry["step"] for entry in incident(state)["timeline"]]


@pytest.mark.realtime
@pytest.mark.timeout(300)
def test_a_killed_service_takes_its_flying_drone_up_again(tmp_path: Path) -> None:
    site, data, port = site_on_free_ports(tmp_path), tmp_path / "data", free_port()
    place = load_site(HAINING).river.bank.to_enu(100.0, 8.0)
    position = load_site(HAINING).frame.to_wgs84(place)
    with started("sim.serve", str(site)) as hardware:
        assert hardware.stdout is not None
        assert hardware.stdout.readline().strip() == "ready"
        with service(site, data, port) as first:
            until(port, lambda s: sum(d["online"] and not d["reason"] for d in s["drones"]) == 4)
            answer = httpx.post(
                f"http://127.0.0.1:{port}/api/v1/alerts",
                headers={"X-Api-Key": KEY},
                json={
                    "kind": "person_in_water",
                    "position": {"lat": position.lat, "lon": position.lon, "sigma_m": 2.0},
                    "key": "call-1",
                },
                timeout=10,
            )
            assert answer.status_code == 201, answer.text
            assert answer.json()["launched"]
            before = until(port, lambda s: incident(s)["state"] == "airborne")
            first.send_signal(signal.SIGKILL)
            first.wait(timeout=10)
        known = incident(before)
        with service(site, data, port):
            found = until(port, lambda s: "adopted" in steps(s))
            after = incident(found)
            assert after["id"] == known["id"]
            assert after["drone_id"] == known["drone_id"]
            assert after["timeline"][: len(known["timeline"])] == known["timeline"]
            ended = until(port, lambda s: "splash" in steps(s))
            assert steps(ended).count("dropped") == 1
            repeated = httpx.post(
                f"http://127.0.0.1:{port}/api/v1/alerts",
                headers={"X-Api-Key": KEY},
                json={
                    "kind": "person_in_water",
                    "position": {"lat": position.lat, "lon": position.lon, "sigma_m": 2.0},
                    "key": "call-1",
                },
                timeout=10,
            )
            assert (repeated.status_code, repeated.json()["repeated"]) == (200, True)
