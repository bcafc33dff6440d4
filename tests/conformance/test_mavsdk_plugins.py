"""MAVSDK's plugins, one after the other, with the simulated copter at four times its pace."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flightctl.transport import SocketTransports
from sim.copter import SimCopter
from sim.scaled_time import run_scaled
from tests.sim.copter.ground import FRAME, HOME, HOME_AMSL_M, World

_CLIENT = Path(__file__).with_name("mavsdk_plugins_client.py")
_SPEEDUP = 4.0
_QUICK = {"WPNAV_SPEED_UP": 500.0, "WPNAV_SPEED_DN": 400.0, "LAND_SPEED": 250.0, "LAND_ALT_LOW": 200.0,
          "RTL_LOIT_TIME": 0.0, "WINCH_TYPE": 1.0, "WINCH_RATE_MAX": 3.0, "SERVO11_FUNCTION": 88.0}  # fmt: skip


@pytest.mark.realtime
@pytest.mark.timeout(150)
@pytest.mark.skipif(importlib.util.find_spec("mavsdk") is None, reason="MAVSDK is not installed (group dev)")
def test_mavsdks_plugins_find_in_it_what_they_look_for() -> None:
    world = World()
    line_out_m: list[float] = []

    async def story() -> dict[str, Any]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        copter = SimCopter(
            system_id=7,
            home=HOME,
            home_amsl_m=HOME_AMSL_M,
            heading_deg=0.0,
            frame=FRAME,
            rng=np.random.default_rng(1),
            parameters=_QUICK,
            hooks=1,
            booted_for_s=60.0,
            on_release=world.releases.append,
        )
        running = asyncio.create_task(copter.run(SocketTransports(), f"udpout:127.0.0.1:{port}", world.around))
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_CLIENT),
            str(port),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(client.communicate(), 130 * _SPEEDUP)
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()
            line_out_m.append(copter._vehicle.winch.length_m)  # pyright: ignore[reportPrivateUsage] - past the link
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        lines = [line for line in out.decode().splitlines() if line.startswith("{")]  # the library prints as well
        assert lines, err.decode()
        return json.loads(lines[-1])

    seen = run_scaled(story(), _SPEEDUP)
    assert line_out_m == [pytest.approx(3.0, abs=0.1)]
    refused = {"takes off disarmed", "reboot in the air", "disarm in the air", "unknown"}
    assert {what for what, result in seen.items() if str(result).endswith("Error")} == refused
    for what in refused:
        del seen[what]
    assert seen.pop("version") == [4, 7]
    assert seen.pop("get") == [400.0, 900]
    assert seen.pop("fence down") == [1, 4, 1]  # a polygon with its corners, a circle
    assert seen.pop("mission down") == [16, 22, 16, 20]  # home first, as ArduPilot has it
    assert len(seen) == 32
    assert {what: result for what, result in seen.items() if result not in {True, "SUCCESS"}} == {}
    assert [release.hook for release in world.releases] == [1]
