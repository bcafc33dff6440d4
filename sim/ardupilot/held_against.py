"""Flies the script on our copter and on a SITL binary, and holds one against the other: `chaoxun sim compare`.

Ours flies in virtual time; the binary, started with the same parameters, as fast as it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json as json_format
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flightctl.clock import Clock
from flightctl.transport import SocketTransports
from geofence.position import Enu, LocalFrame
from sim import sitl
from sim.ardupilot.compare import Row, compare
from sim.ardupilot.defaults import write_defaults
from sim.ardupilot.errors import SitlFailed
from sim.ardupilot.flight import Flight
from sim.ardupilot.launch import Launch
from sim.ardupilot.ports import free_instance
from sim.ardupilot.process import SitlProcess
from sim.ardupilot.script import fly_script
from sim.copter import Environment
from sim.memory_links import MemoryNetwork
from sim.scaled_time import run_scaled
from sim.virtual_time import run_virtual

_HOME = sitl.parse_home(sitl.DEFAULT_HOME)
_FRAME = LocalFrame(_HOME.position)
_SYSTEM_ID = 1
_HOOKS = 1
_AT = datetime(2026, 9, 28, tzinfo=UTC)
_ENDPOINT = "127.0.0.1:14550"
_LISTENS_WITHIN_S = 20.0  # of the wall's
MAX_SPEEDUP = 20.0  # above it our own answers come late in the autopilot's time


def held_against(binary: Path, *, speedup: float = 8.0) -> tuple[Row, ...]:
    """Raises SitlFailed when the binary does not run."""
    if not 0 < speedup <= MAX_SPEEDUP:
        raise SitlFailed(f"--speedup {speedup:g}: from just above 0 to {MAX_SPEEDUP:g}")
    with tempfile.TemporaryDirectory(prefix="chaoxun-compare-") as name:
        folder = Path(name)
        defaults = folder / "copter.parm"
        write_defaults(defaults, _SYSTEM_ID, _HOOKS, {})
        theirs = run_scaled(_their_flight(binary.absolute(), defaults, folder / "work", speedup), speedup)
        return compare(our_flight(defaults), theirs)


def our_flight(defaults: Path) -> Flight:
    """In virtual time, over memory."""
    return run_virtual(_our_flight(defaults))


async def _our_flight(defaults: Path) -> Flight:
    parameters = sitl.read_defaults(defaults, lambda name: None)
    copter = sitl.build(sitl.Instance(_HOME, 0, _SYSTEM_ID, _HOOKS, parameters))

    def calm(_position: Enu, _amsl_m: float) -> Environment:
        return Environment(surface_amsl_m=_HOME.amsl_m)

    network = MemoryNetwork()
    clock = Clock(asyncio.get_running_loop(), _AT)
    flying = asyncio.ensure_future(copter.run(network, f"udpout:{_ENDPOINT}", calm))
    try:
        return await fly_script(network, f"udpin:{_ENDPOINT}", _SYSTEM_ID, clock, _FRAME)
    finally:
        flying.cancel()
        await asyncio.gather(flying, return_exceptions=True)
        await network.close()


async def _their_flight(binary: Path, defaults: Path, folder: Path, speedup: float) -> Flight:
    launch = Launch(
        binary=binary,
        instance=free_instance(),
        system_id=_SYSTEM_ID,
        home=_HOME.position,
        home_amsl_m=_HOME.amsl_m,
        heading_deg=_HOME.heading_deg,
        defaults=defaults,
        speedup=speedup,
    )
    process = SitlProcess(binary.name, launch.command(), folder)
    clock = Clock(asyncio.get_running_loop(), _AT)
    try:
        await process.start()
        dying = asyncio.ensure_future(process.died())
        flying = asyncio.ensure_future(_fly_when_it_listens(process, launch.serial0_port, clock, speedup))
        await asyncio.wait([dying, flying], return_when=asyncio.FIRST_COMPLETED)
        for task in (dying, flying):
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if not dying.cancelled():
            dying.result()
        return flying.result()
    finally:
        await process.stop()


async def _fly_when_it_listens(process: SitlProcess, port: int, clock: Clock, speedup: float) -> Flight:
    with contextlib.suppress(TimeoutError):  # an old one says nothing of it
        async with asyncio.timeout(_LISTENS_WITHIN_S * speedup):
            await process.listens.wait()
    return await fly_script(SocketTransports(), f"tcp:127.0.0.1:{port}", _SYSTEM_ID, clock, _FRAME)


def compare_command(binary: Path, *, speedup: float, json: bool) -> int:
    """Writes the table; the exit status is 1 when anything differs."""
    rows = held_against(binary, speedup=speedup)
    differing = [row for row in rows if not row.same]
    if json:
        told = {"binary": str(binary), "differences": len(differing), "rows": [asdict(row) for row in rows]}
        sys.stdout.write(json_format.dumps(told, ensure_ascii=False, indent=1) + "\n")
        return 1 if differing else 0
    table = Table(title=f"Our copter and {binary}", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("step", "what", "ours", "theirs", ""):
        table.add_column(column, overflow="fold")
    for row in rows:
        mark = "" if row.same else "[red]differs[/]"
        table.add_row(*(escape(text) for text in (row.step, row.what, row.ours, row.theirs)), mark)
    console = Console(file=sys.stdout)
    console.print(table)
    console.print(f"{len(differing)} of {len(rows)} differ" if differing else f"all {len(rows)} agree")
    return 1 if differing else 0
