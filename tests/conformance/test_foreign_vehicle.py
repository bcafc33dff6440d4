"""Our ground side with a vehicle nobody here wrote: MAVSDK's autopilot servers on UDP.

They call themselves a generic autopilot (type 0, autopilot 0), lay whole parameters byte by byte into the float
without saying so in their capabilities, take PX4's mode numbers, and leave NAV_LAND and NAV_RETURN_TO_LAUNCH
unanswered.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flightctl.clock import Clock
from flightctl.mavlink.command import Command, Commander
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import CommandError, CommandTimedOut, ParameterUnknown
from flightctl.mavlink.mission import Item
from flightctl.transport import SocketTransports
from flightctl.vehicle import Fleet, Vehicle
from flightctl.vehicle.telemetry import LandedState
from geofence.position import LatLon

_PROGRAM = Path(__file__).with_name("mavsdk_vehicle.py")
_OFFBOARD = (1.0, 6.0, 0.0)  # PX4's main mode
ITEMS = (
    Item(mavlink.MAV_CMD_NAV_TAKEOFF, None, 12.0),
    Item(mavlink.MAV_CMD_NAV_WAYPOINT, LatLon(lat=30.402, lon=120.549), 15.0),
    Item(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, None, 0.0),
)
Told = list[dict[str, Any]]


@asynccontextmanager
async def foreign_vehicle() -> AsyncGenerator[tuple[Vehicle, Told]]:
    """It, heard by a fleet of ours, and what it says it was told."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
    fleet = Fleet(SocketTransports(), (f"udpin:127.0.0.1:{port}",), clock=clock)
    running = asyncio.create_task(fleet.run())
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_PROGRAM),
        str(port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told: Told = []

    async def read() -> None:
        assert program.stdout is not None
        while line := await program.stdout.readline():
            if line.startswith(b"{"):  # the library prints as well
                told.append(json.loads(line))

    reading = asyncio.create_task(read())
    vehicle = fleet.vehicle(1)
    try:
        assert await vehicle.until(lambda: vehicle.online or None, 20.0)
        assert await vehicle.until(lambda: vehicle.telemetry.position or None, 10.0)
        yield vehicle, told
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()
        for task in (running, reading):
            task.cancel()
        await asyncio.gather(running, reading, return_exceptions=True)


def commander_of(vehicle: Vehicle) -> Commander:
    return vehicle._commander  # pyright: ignore[reportPrivateUsage] - the bare commands, past ArduCopter's modes


async def act(vehicle: Vehicle, number: int, params: tuple[float, ...], done: Callable[[], bool]) -> None:
    """Sends it and waits until the vehicle's own words show it."""

    async def check(_sent_s: float) -> bool | None:
        return done()

    await commander_of(vehicle).act(Command(number, params), check)
    assert await vehicle.until(lambda: done() or None, 5.0)


@pytest.mark.realtime
@pytest.mark.timeout(120)
@pytest.mark.skipif(importlib.util.find_spec("mavsdk") is None, reason="MAVSDK is not installed (group dev)")
def test_mavsdks_own_autopilot_is_found_asked_given_a_mission_armed_and_flown() -> None:
    async def story() -> None:
        async with foreign_vehicle() as (vehicle, told):
            seen = vehicle.telemetry
            assert seen.position is not None
            assert (seen.position.lat, seen.position.lon) == pytest.approx((30.4017, 120.548), abs=1e-6)
            assert (seen.velocity_north_mps, seen.velocity_east_mps) == pytest.approx((0.5, 0.25))
            assert seen.heading_deg == pytest.approx(90.0)
            on_ground = LandedState.ON_GROUND
            assert await vehicle.until(lambda: vehicle.telemetry.landed_state is on_ground or None, 5.0)
            assert await vehicle.until(lambda: vehicle.telemetry.battery_volt == pytest.approx(22.5) or None, 5.0)
            assert await vehicle.until(lambda: vehicle.telemetry.home or None, 10.0)

            await vehicle.set_parameters({"CX_COUNT": 9, "CX_SPEED": 3.25})
            assert await vehicle.read_all_parameters() == {"CX_COUNT": 9.0, "FS_GCS_ENABLE": 1.0, "CX_SPEED": 3.25}
            assert {"what": "parameter", "name": "CX_COUNT", "value": 9} in told
            with pytest.raises(ParameterUnknown):
                await vehicle.read_parameters(["CX_NOTHING"])

            await vehicle.upload_mission(ITEMS)
            held = await vehicle.download_mission()
            assert all(sent.same_as(kept) for sent, kept in zip(ITEMS, held, strict=True))
            assert [one for one in told if one["what"] == "mission"] == [
                {
                    "what": "mission",
                    "result": "SUCCESS",
                    "commands": [16, 22, 16, 20],
                }  # home first, as ArduPilot has it
            ]

            with pytest.raises(CommandError, match="DO_SET_MODE"):  # it has no GUIDED: refused, nothing armed
                await vehicle.arm()
            assert not vehicle.telemetry.armed

            arming = mavlink.MAV_CMD_COMPONENT_ARM_DISARM
            await act(vehicle, arming, (1.0,), lambda: vehicle.telemetry.armed)
            await act(
                vehicle, mavlink.MAV_CMD_DO_SET_MODE, _OFFBOARD, lambda: vehicle.telemetry.mode == "MODE_393216"
            )
            up = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 12.0)
            await act(vehicle, mavlink.MAV_CMD_NAV_TAKEOFF, up, lambda: vehicle.telemetry.airborne)
            assert await vehicle.until(lambda: vehicle.telemetry.height_m == pytest.approx(12.0) or None, 5.0)
            with pytest.raises(CommandTimedOut):
                await commander_of(vehicle).request(Command(mavlink.MAV_CMD_NAV_LAND), tries=1)
            await act(vehicle, arming, (0.0,), lambda: not vehicle.telemetry.armed)
            said = [one["what"] for one in told]
            assert said.count("take off") == 1
            assert [one["arm"] for one in told if one["what"] == "arm"] == [True, False]

    asyncio.run(story())
