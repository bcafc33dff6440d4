"""One simulated copter that starts and listens as an ArduCopter SITL binary does, for the tools made for SITL.

`chaoxun sim --home ...` serves it; `python -m sim.sitl` takes the binary's own options, and the executable
`sim/arducopter` wraps that, so that it can be given wherever a path to a SITL binary is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from flightctl.transport import SocketTransports
from geofence.errors import ChaoxunError
from geofence.position import LatLon, LocalFrame
from sim.copter import Environment, SimCopter
from sim.copter.parameters import Parameters, UnknownParameter
from sim.memory_links import MemoryNetwork
from sim.scaled_time import ScaledTimeLoop, run_scaled

FIRST_PORT, PORTS_APART = 5760, 10  # SERIAL0 of instance N listens on 5760 + 10 N
EXTRA_SERIALS = (2, 3)  # SERIAL1 and SERIAL2
DEFAULT_HOME = "30.4017,120.5480,8,180"
MAX_SPEEDUP = 50.0
_SPEEDUP = "SIM_SPEEDUP"
_LOOK_EVERY_S = 0.2
_PLAIN_NUMBER = re.compile(r"^\s*([A-Z][A-Z0-9_]*)[\s,]+(-?[0-9.]+(?:[eE][-+]?\d+)?)\s*$")


class SitlOptionInvalid(ChaoxunError):
    """An option cannot be understood."""


@dataclass(frozen=True, slots=True)
class Home:
    position: LatLon
    amsl_m: float
    heading_deg: float


@dataclass(frozen=True, slots=True)
class Instance:
    """One copter to serve."""

    home: Home
    number: int = 0
    system_id: int = 1
    hooks: int = 2
    parameters: dict[str, float] = field(default_factory=dict[str, float])
    udp: str | None = None  # HOST:PORT to send to instead of waiting at SERIAL0
    first_port: int | None = None  # other than the convention; 0 takes free ones

    def ports(self) -> tuple[int, ...]:
        if self.first_port == 0:
            return (0, 0, 0)
        first = FIRST_PORT + PORTS_APART * self.number if self.first_port is None else self.first_port
        return (first, *(first + offset for offset in EXTRA_SERIALS))


def parse_home(text: str) -> Home:
    """`LAT,LON,ALT,HEADING`. Raises SitlOptionInvalid."""
    try:
        lat, lon, amsl_m, heading_deg = (float(part) for part in text.split(","))
    except ValueError as error:
        raise SitlOptionInvalid(f"--home {text}: write LAT,LON,ALT,HEADING, as in {DEFAULT_HOME}") from error
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and math.isfinite(amsl_m) and math.isfinite(heading_deg)):
        raise SitlOptionInvalid(f"--home {text}: no such place; latitude comes first")
    return Home(LatLon(lat=lat, lon=lon), amsl_m, heading_deg)


def read_defaults(path: Path, unknown: Callable[[str], None]) -> dict[str, float]:
    """A `.parm` file: `NAME value` or `NAME,value` a line. Names this copter lacks go to `unknown`."""
    known = Parameters().every()
    found: dict[str, float] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SitlOptionInvalid(f"--defaults {path}: cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        text = line.split("#", 1)[0].strip()
        if not text or text.startswith("@"):
            continue
        match = _PLAIN_NUMBER.match(text)
        if match is None:
            raise SitlOptionInvalid(f"{path}:{number} {text!r}: write NAME and a number")
        name, value = match[1], float(match[2])
        if name in known:
            found[name] = value
        else:
            unknown(name)
    return found


def build(instance: Instance) -> SimCopter:
    frame = LocalFrame(instance.home.position)
    try:
        return SimCopter(
            system_id=instance.system_id,
            home=instance.home.position,
            home_amsl_m=instance.home.amsl_m,
            heading_deg=instance.home.heading_deg,
            frame=frame,
            rng=np.random.default_rng(instance.number),
            hooks=instance.hooks,
            parameters=instance.parameters,
        )
    except UnknownParameter as error:
        raise SitlOptionInvalid(str(error)) from error


async def serve(instance: Instance, copter: SimCopter, on_listening: Callable[[tuple[int, ...]], None]) -> None:
    """Until cancelled. Raises SitlOptionInvalid when a port is taken."""
    amsl_m = instance.home.amsl_m

    def calm(_position: object, _amsl_m: float) -> Environment:
        return Environment(surface_amsl_m=amsl_m)

    listening: dict[int, int] = {}
    ports = instance.ports()
    everything: asyncio.Event = asyncio.Event()

    def note(index: int) -> Callable[[int], None]:
        def listens(port: int) -> None:
            listening[index] = port
            if len(listening) == len(ports):
                everything.set()

        return listens

    async def fly() -> None:
        if instance.udp is None:  # nobody at the datagram end; clients come over TCP
            await copter.run(MemoryNetwork(), "udpout:127.0.0.1:14550", calm)
        else:
            await copter.run(SocketTransports(), f"udpout:{instance.udp}", calm)

    async def port(index: int, number: int) -> None:
        try:
            await copter.serve_tcp("127.0.0.1", number, note(index))
        except OSError as error:
            raise SitlOptionInvalid(f"port {number} is taken; choose another instance with -I") from error

    async with asyncio.TaskGroup() as group:
        group.create_task(fly())
        group.create_task(_follow_speedup(copter))
        for index, number in enumerate(ports):
            group.create_task(port(index, number))
        await everything.wait()
        on_listening(tuple(listening[index] for index in range(len(ports))))


async def _follow_speedup(copter: SimCopter) -> None:
    """Time runs as SIM_SPEEDUP says, once somebody sets it."""
    loop = asyncio.get_running_loop()
    last = copter.parameter(_SPEEDUP)
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        asked = copter.parameter(_SPEEDUP)
        if asked != last and asked > 0 and isinstance(loop, ScaledTimeLoop):
            loop.set_speedup(min(asked, MAX_SPEEDUP))
        last = asked


def run(instance: Instance, speedup: float, on_listening: Callable[[tuple[int, ...]], None]) -> None:
    """Until Ctrl-C."""
    if not 0 < speedup <= MAX_SPEEDUP:
        raise SitlOptionInvalid(f"--speedup {speedup:g}: from just above 0 to {MAX_SPEEDUP:g}")
    instance = replace(instance, parameters={**instance.parameters, _SPEEDUP: speedup})
    with contextlib.suppress(KeyboardInterrupt):
        run_scaled(serve(instance, build(instance), on_listening), speedup)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    """With the options of a SITL binary; those that mean nothing here are taken and ignored, as tools pass many."""
    parser = argparse.ArgumentParser(prog="arducopter", description="a simulated copter, started as SITL is")
    parser.add_argument("-I", "--instance", type=int, default=0)
    parser.add_argument("--home", "-O", default=DEFAULT_HOME)
    parser.add_argument("--model", "-M", default="quad")
    parser.add_argument("--speedup", "-s", type=float, default=1.0)
    parser.add_argument("--sysid", type=int, default=1)
    parser.add_argument("--defaults", default=None, metavar="path")
    parser.add_argument("--serial0", default=None)
    given, _ = parser.parse_known_args(arguments)
    try:
        parameters: dict[str, float] = {}
        for path in filter(None, (given.defaults or "").split(",")):
            parameters |= read_defaults(Path(path), lambda name: None)
        udp = given.serial0.removeprefix("udpclient:") if (given.serial0 or "").startswith("udpclient:") else None
        instance = Instance(parse_home(given.home), given.instance, given.sysid, parameters=parameters, udp=udp)

        def on_listening(ports: tuple[int, ...]) -> None:
            for serial, port in enumerate(ports):
                _say(f"SERIAL{serial} on TCP port {port}")
            _say("Waiting for connection ....")

        run(instance, given.speedup, on_listening)
    except* ChaoxunError as group:
        sys.stderr.write("; ".join(str(error) for error in group.exceptions) + "\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
