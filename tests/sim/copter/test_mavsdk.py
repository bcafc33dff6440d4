"""An independent client over real UDP cannot tell the difference in what it uses."""

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
from geofence.position import Enu
from sim.copter import SimCopter
from tests.sim.copter.ground import FRAME, HOME, HOME_AMSL_M, World

_CLIENT = Path(__file__).with_name("mavsdk_client.py")
_QUICK = {
    "WPNAV_SPEED": 1500.0,
    "WPNAV_ACCEL": 500.0,
    "WPNAV_SPEED_UP": 500.0,
    "WPNAV_SPEED_DN": 400.0,
    "WPNAV_ACCEL_Z": 300.0,
    "LAND_SPEED": 250.0,
    "LAND_ALT_LOW": 200.0,
    "RTL_LOIT_TIME": 0.0,
    "RTL_ALT": 800.0,
}


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.realtime
@pytest.mark.timeout(120)
@pytest.mark.skipif(importlib.util.find_spec("mavsdk") is None, reason="MAVSDK is not installed (group dev)")
def test_mavsdk_finds_it_arms_takes_off_goes_releases_and_returns() -> None:
    world = World()
    place = Enu(30.0, 20.0)
    point = FRAME.to_wgs84(place)

    async def story() -> dict[str, Any]:
        port = _free_udp_port()
        copter = SimCopter(
            system_id=7,
            home=HOME,
            home_amsl_m=HOME_AMSL_M,
            heading_deg=0.0,
            frame=FRAME,
            rng=np.random.default_rng(1),
            parameters=_QUICK,
            hooks=2,
            booted_for_s=60.0,
            on_release=world.releases.append,
        )
        running = asyncio.create_task(copter.run(SocketTransports(), f"udpout:127.0.0.1:{port}", world.around))
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_CLIENT),
            *(str(port), str(point.lat), str(point.lon)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            out, _ = await asyncio.wait_for(client.communicate(), 100)
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return json.loads(out.decode().strip().splitlines()[-1])

    seen = asyncio.run(story())
    succeeded = "SUCCESS"
    assert seen == {
        "found": True,
        "arms": succeeded,
        "takes_off": succeeded,
        "at_height": True,
        "goes": succeeded,
        "there": True,
        "releases": succeeded,
        "returns": succeeded,
        "home": True,
        "landed_state": "ON_GROUND",
    }
    (release,) = world.releases
    assert release.hook == 1
    assert release.position.distance_m(place) < 6.0
