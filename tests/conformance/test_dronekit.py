"""Scripts written for dronekit-sitl run on the simulated copter: the wrapper is launched, DroneKit flies it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.ports import free_instance

_CLIENT = Path(__file__).with_name("dronekit_client.py")
_ROOT = Path(__file__).resolve().parents[2]
_SPEEDUP = 6


@pytest.mark.realtime
@pytest.mark.timeout(170)
@pytest.mark.skipif(
    importlib.util.find_spec("dronekit") is None or importlib.util.find_spec("dronekit_sitl") is None,
    reason="DroneKit is not installed (group dev)",
)
def test_dronekit_sitl_launches_it_and_dronekit_flies_it(tmp_path: Path) -> None:
    defaults = tmp_path / "copter.parm"
    defaults.write_text("FRAME_CLASS 1\nRTL_LOIT_TIME 0\n# a comment\nSOMETHING_ELSE,4\nLAND_SPEED 120\n")
    work = tmp_path / "work"
    work.mkdir()

    async def story() -> tuple[dict[str, Any], str]:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_CLIENT),
            *(str(_ROOT / "sim" / "arducopter"), str(free_instance()), str(_SPEEDUP), str(work), str(defaults)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"CHAOXUN_PYTHON": sys.executable, "PYTHONWARNINGS": "ignore"},
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(client.communicate(), 150)
        except TimeoutError:
            os.killpg(client.pid, signal.SIGKILL)  # the copter that it started goes with it
            raise
        lines = [line for line in out.decode().splitlines() if line.startswith("{")]  # the libraries print as well
        assert lines, out.decode() + err.decode()
        return json.loads(lines[-1]), err.decode()

    seen, errors = asyncio.run(story())
    connection = seen.pop("connection")
    assert connection.startswith("tcp:127.0.0.1:")
    assert seen == {
        "parameters": True,
        "armable": True,
        "parameter": True,
        "guided": True,
        "armed": True,
        "at_height": True,
        "there": True,
        "mission": [22, 16, 20],
        "auto": True,
        "way_point": True,
        "landed": True,
        "battery": True,
        "autopilot": 3,  # ArduPilot
        "stopped": True,
    }, errors
