"""MAVProxy connects to the simulated copter and flies it from its command line."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sim import sitl
from sim.copter import Mode, SimCopter
from sim.scaled_time import run_scaled

_SPEEDUP = 5.0


def mavproxy_program() -> str | None:
    beside = Path(sys.executable).parent / "mavproxy.py"
    return str(beside) if beside.exists() else shutil.which("mavproxy.py")


async def until(look: Callable[[], bool], what: str, within_s: float) -> None:
    """In the copter's seconds."""
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110 (the truth has no event to wait for; this is simulated time)
            await asyncio.sleep(0.25)
    assert look(), what


async def _fly(copter: SimCopter, instance: sitl.Instance, work: Path, program: str) -> str:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(sitl.serve(instance, copter, lambda ports: port.set_result(ports[0])))
    try:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            program,
            f"--master=tcp:127.0.0.1:{await port}",
            f"--state-basedir={work}",
            "--aircraft=copter",
            "--default-modules=mode,arm,cmdlong,param,wp,misc",
            "--streamrate=4",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"PYTHONWARNINGS": "ignore", "HOME": str(work), "TERM": "dumb"},
            cwd=work,
        )
        assert client.stdin is not None

        def type_in(line: str) -> None:
            assert client.stdin is not None
            client.stdin.write(line.encode() + b"\n")

        try:
            await asyncio.sleep(60.0)  # boot, and the position estimate takes so long, as the real one's
            type_in("mode GUIDED")
            await until(lambda: copter.state.mode is Mode.GUIDED, "guided", 200.0)
            type_in("arm throttle")
            await until(lambda: copter.state.armed, "armed", 20.0)
            type_in("takeoff 15")
            await until(lambda: copter.state.height_m > 14.0, "at height", 60.0)
            type_in("param set RTL_LOIT_TIME 0")
            type_in("rtl")
            await until(lambda: copter.state.mode is Mode.RTL, "returns", 30.0)
            await until(lambda: not copter.state.armed, "landed", 150.0)
        finally:
            if client.returncode is None:
                client.kill()
            out, _ = await client.communicate()
        return out.decode(errors="replace")
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.realtime
@pytest.mark.timeout(170)
@pytest.mark.skipif(
    importlib.util.find_spec("MAVProxy") is None or mavproxy_program() is None,
    reason="MAVProxy is not installed (group dev)",
)
def test_mavproxy_flies_it_from_its_command_line(tmp_path: Path) -> None:
    instance = sitl.Instance(sitl.parse_home(sitl.DEFAULT_HOME), first_port=0)
    copter = sitl.build(instance)
    program = mavproxy_program()
    assert program is not None
    said = run_scaled(_fly(copter, instance, tmp_path, program), _SPEEDUP)
    assert copter.state.on_ground, said
    assert not copter.state.crashed, said
