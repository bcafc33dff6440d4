"""A copter flown by a process, as the simulated hardware has it. The process is the simulated copter's own binary
stand-in; with CHAOXUN_ARDUCOPTER=PATH it is that ArduCopter."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from flightctl.clock import Clock
from flightctl.mavlink.errors import CommandFailed
from flightctl.transport import SocketTransports
from flightctl.vehicle import Vehicle
from flightctl.vehicle.fleet import Fleet
from geofence.position import Enu, LatLon, LocalFrame
from sim.ardupilot.copter import ProcessCopter, ProcessCopters
from sim.ardupilot.errors import SitlDied
from sim.backend import Fit
from sim.copter import Airframe, Environment, Mode, Pack, Release
from sim.scaled_time import run_scaled

HOME = LatLon(lat=30.4017, lon=120.5480)
FRAME = LocalFrame(HOME)
ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("CHAOXUN_ARDUCOPTER", ROOT / "sim" / "arducopter"))
SPEEDUP = 4.0


def fit(releases: list[Release]) -> Fit:
    return Fit(
        drone_id="cx-1",
        system_id=7,
        home=HOME,
        home_amsl_m=8.0,
        heading_deg=180.0,
        frame=FRAME,
        clock=Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC)),
        rng=np.random.default_rng(1),
        parameters={"RTL_LOIT_TIME": 0.0, "LAND_SPEED": 120.0, "LAND_ALT_LOW": 400.0},
        hooks=1,
        loads_kg=(2.5,),
        gimbal=False,
        booted_for_s=0.0,
        pack=Pack(),
        airframe=Airframe(),
        on_release=releases.append,
    )


def calm(_position: Enu, _amsl_m: float) -> Environment:
    return Environment(surface_amsl_m=8.0)


def endpoint() -> str:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def with_a_copter(
    folder: Path, binary: Path, story: Callable[[ProcessCopter, Vehicle, list[Release]], Awaitable[None]]
) -> None:
    """On a loop that is `SPEEDUP` times as fast as the wall's, and the autopilot with it."""

    async def main() -> None:
        releases: list[Release] = []
        address = endpoint()
        its = fit(releases)
        copter = ProcessCopters(binary, folder, boot_speedup=20.0, speedup=SPEEDUP)(its)
        fleet = Fleet(SocketTransports(), (f"udpin:{address}",), clock=its.clock)
        serving = asyncio.ensure_future(fleet.run())
        flying = asyncio.ensure_future(copter.run(SocketTransports(), f"udpout:{address}", calm))
        vehicle = fleet.vehicle(7)
        try:
            up = asyncio.ensure_future(vehicle.until(lambda: (copter.ready and vehicle.online) or None, 400.0))
            await asyncio.wait([flying, up], return_when=asyncio.FIRST_COMPLETED)
            if flying.done():
                up.cancel()
                flying.result()
            await story(copter, vehicle, releases)
        finally:
            flying.cancel()
            serving.cancel()
            await asyncio.gather(flying, serving, return_exceptions=True)

    run_scaled(main(), SPEEDUP)


async def until(look: Callable[[], bool], within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110 (another process has no event)
            await asyncio.sleep(0.1)


@pytest.mark.realtime
@pytest.mark.timeout(120)
def test_it_flies_drops_and_comes_home_and_the_hardware_sees_the_truth(tmp_path: Path) -> None:

    async def story(copter: ProcessCopter, vehicle: Vehicle, releases: list[Release]) -> None:
        rest = copter.state
        assert rest.on_ground
        assert not rest.armed
        assert rest.position.distance_m(FRAME.to_enu(HOME)) < 2.0
        assert (await vehicle.read_parameters(["RTL_LOIT_TIME"])) == {"RTL_LOIT_TIME": 0.0}

        copter.inhibited = "Dock: cover closed"
        with pytest.raises(CommandFailed, match="cover closed"):
            await vehicle.arm()
        copter.inhibited = ""
        await vehicle.take_off(12.0)
        flying = copter.state
        assert flying.armed
        assert not flying.on_ground
        assert flying.mode is Mode.GUIDED
        assert flying.height_m == pytest.approx(12.0, abs=1.5)

        place = FRAME.to_wgs84(Enu(30.0, 0.0))
        await vehicle.go_to(place, 12.0)
        copter.faults.gripper_jam = True
        await vehicle.release(1)
        await asyncio.sleep(1.0)
        assert releases == []
        copter.faults.gripper_jam = False
        await until(lambda: bool(releases), 5.0)
        (release,) = releases
        assert release.position.distance_m(Enu(30.0, 0.0)) < 4.0
        assert not copter.state.hooks[0].loaded

        copter.faults.link_lost = True
        await until(lambda: not vehicle.online, 15.0)
        assert copter.state.armed  # its truth is seen past the broken link
        copter.faults.link_lost = False
        await until(lambda: vehicle.online and vehicle.telemetry.airborne, 15.0)

        copter.faults.gps_lost = True
        await until(lambda: copter.state.mode is Mode.LAND, 30.0)
        await until(lambda: not copter.state.armed, 90.0)
        copter.recharge(55.0)
        assert copter.state.battery_percent == 55.0
        assert copter.state.on_ground

    with_a_copter(tmp_path, BINARY, story)


@pytest.mark.realtime
@pytest.mark.timeout(90)
@pytest.mark.skipif(
    importlib.util.find_spec("dronekit_sitl") is None, reason="dronekit-sitl is not installed (extra sitl)"
)
def test_dronekit_sitl_starts_it_too_and_nothing_is_left_behind(tmp_path: Path) -> None:

    async def main() -> None:
        copters = ProcessCopters(BINARY, tmp_path, boot_speedup=20.0, through_dronekit=True)
        copter = copters(fit([]))
        port = copter.launch.serial0_port
        flying = asyncio.ensure_future(copter.run(SocketTransports(), f"udpout:{endpoint()}", calm))
        await until(lambda: copter.ready or flying.done(), 60.0)
        assert copter.ready
        flying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await flying
        await until(lambda: not listens(port), 10.0)

    asyncio.run(main())


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.realtime
@pytest.mark.timeout(60)
def test_a_copter_whose_process_is_killed_ends_with_its_last_words(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_text(f'#!/bin/sh\necho $$ > "{tmp_path}/pid"\nexec "{ROOT}/sim/arducopter" "$@"\n', encoding="utf-8")
    path.chmod(0o755)

    async def main() -> None:
        copter = ProcessCopters(path, tmp_path, boot_speedup=20.0)(fit([]))
        flying = asyncio.ensure_future(copter.run(SocketTransports(), f"udpout:{endpoint()}", calm))
        await until(lambda: copter.ready or flying.done(), 50.0)
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), signal.SIGKILL)
        await flying

    with pytest.raises(BaseExceptionGroup) as raised:
        asyncio.run(main())
    assert raised.group_contains(SitlDied, match=r"cx-1 ended by signal 9;(.|\n)*Waiting for connection")


@pytest.mark.realtime
def test_a_binary_that_refuses_its_options_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_text('#!/bin/sh\necho "Vehicle model ($2) not found"\nexit 1\n', encoding="utf-8")
    path.chmod(0o755)

    async def never(*_: object) -> None:
        raise AssertionError("it came up")

    with pytest.raises(BaseExceptionGroup) as raised:
        with_a_copter(tmp_path, path, never)
    assert raised.group_contains(SitlDied, match=r"status 1;(.|\n)*Vehicle model \(quad\) not found")
