"""A flight scenario on a SITL binary, in real time: the stand-in here, an ArduCopter with CHAOXUN_ARDUCOPTER=PATH."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from flightctl.site_loading import HAINING
from sim.scenario.command import run_files

BINARY = Path(os.environ.get("CHAOXUN_ARDUCOPTER", Path(__file__).resolve().parents[2] / "sim" / "arducopter"))

# The shortest rescue: the visitor falls soon, and the run ends once the lifebuoy is in the water.
STORY = """\
version: 1
name: {zh: 短, en: A fall and the lifebuoy}
site: site
seed: 11
duration_s: 56
cameras: [cam-3]
people:
  - id: visitor
    at: {along_m: 84, offset_m: -3}
    does:
      - walk: {to: {along_m: 95, offset_m: -1.2}}
      - fall_at_s: 10
expect:
  - alert fall within 5 s
  - incident P1 within 8 s
  - drone launched within 25 s of fall
  - lifebuoy within 6 m of visitor within 60 s
"""


def own_site(folder: Path) -> None:
    """Haining at addresses of its own, so that tests at the same time do not meet."""
    shutil.copytree(HAINING, folder)
    file = folder / "site.yaml"
    text = file.read_text(encoding="utf-8")
    probes: list[socket.socket] = []
    for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", text))):
        probe = socket.socket(type=socket.SOCK_DGRAM if port == "14550" else socket.SOCK_STREAM)
        probe.bind(("127.0.0.1", 0))
        probes.append(probe)
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:<{probe.getsockname()[1]}>")
    for probe in probes:
        probe.close()
    file.write_text(re.sub(r"<(\d+)>", r"\1", text), encoding="utf-8")


def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    own_site(folder / "site")
    story = folder / "rescue.yaml"
    story.write_text(STORY, encoding="utf-8")
    status = run_files([story], backend="ardupilot", binary=BINARY, json=True)
    out = capsys.readouterr().out
    return status, json.loads(out[out.index("[\n {") :])[0]


@pytest.mark.realtime
@pytest.mark.timeout(170)
def test_a_rescue_is_flown_by_autopilots_in_processes_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = run(tmp_path, capsys)
    assert status == 0, told
    assert told["time"] == "real"
