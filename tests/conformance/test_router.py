"""MAVProxy flies a drone through the service's router, on the port where other ground stations call."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from pathlib import Path

import pytest

from flightctl.clock import Clock
from flightctl.mavlink.share import SharedEndpoint
from flightctl.transport import SocketTransports
from flightctl.vehicle import Fleet
from sim import sitl
from sim.copter import Mode, SimCopter
from sim.scaled_time import run_scaled
from tests.conformance.test_mavproxy import mavproxy_program, until

_SPEEDUP = 6.0


async def _fly(copter: SimCopter, instance: sitl.Instance, work: Path, program: str, router_port: int) -> str:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(sitl.serve(instance, copter, lambda ports: port.set_result(ports[0])))
    fleet = Fleet(
        SocketTransports(),
        (f"tcp:127.0.0.1:{await port}",),
        clock=Clock.of_wall(),
        system_id=254,
        share=(SharedEndpoint(f"tcpin:127.0.0.1:{router_port}", max_bytes_per_s=4000.0),),
    )
    controlling = asyncio.create_task(fleet.run())
    vehicle = fleet.vehicle(instance.system_id)
    try:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            program,
            f"--master=tcp:127.0.0.1:{router_port}",
            f"--state-basedir={work}",
            "--aircraft=copter",
            "--default-modules=mode,arm,cmdlong,param,misc",
            "--streamrate=-1",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"PYTHONWARNINGS": "ignore", "HOME": str(work), "TERM": "dumb"},
            cwd=work,
        )
        assert client.stdin is not None
        try:
            await asyncio.sleep(60.0)  # boot, and the position estimate takes so long, as the real one's
            client.stdin.write(b"mode GUIDED\n")
            await until(lambda: copter.state.mode is Mode.GUIDED, "guided", 200.0)
            client.stdin.write(b"param set RTL_ALT 1234\n")
            client.stdin.write(b"arm throttle\n")
            await until(lambda: copter.state.armed, "armed", 20.0)
            await until(lambda: vehicle.telemetry.armed and vehicle.telemetry.mode == "GUIDED", "seen", 5.0)
            client.stdin.write(b"takeoff 10\n")
            await until(lambda: copter.state.height_m > 9.0, "at height", 60.0)
            assert await vehicle.read_parameters(["RTL_ALT"]) == {"RTL_ALT": 1234.0}
            await vehicle.return_home()  # the service's own word, while the other station is there
            await until(lambda: copter.state.mode is Mode.RTL, "returns", 30.0)
            shared = fleet.shared[0]
            assert shared.endpoint.peers == 1
            assert shared.passed_on > 10
        finally:
            if client.returncode is None:
                client.kill()
            out, _ = await client.communicate()
        return out.decode(errors="replace")
    finally:
        for task in (controlling, serving):
            task.cancel()
        await asyncio.gather(controlling, serving, return_exceptions=True)


@pytest.mark.realtime
@pytest.mark.timeout(170)
@pytest.mark.skipif(
    importlib.util.find_spec("MAVProxy") is None or mavproxy_program() is None,
    reason="MAVProxy is not installed (group dev)",
)
def test_mavproxy_flies_through_the_router_what_the_service_flies_too(tmp_path: Path, free_tcp_port: int) -> None:
    instance = sitl.Instance(sitl.parse_home(sitl.DEFAULT_HOME), first_port=0)
    copter = sitl.build(instance)
    program = mavproxy_program()
    assert program is not None
    said = run_scaled(_fly(copter, instance, tmp_path, program, free_tcp_port), _SPEEDUP)
    assert not copter.state.crashed, said
    assert "GUIDED" in said
