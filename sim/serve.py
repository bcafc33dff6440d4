"""`chaoxun sim`: the simulated hardware alone, on the site's UDP, TCP and MJPEG addresses, in real time.

Also a program of its own (`python -m sim.serve SITE [SCENARIO]`), which is how the demonstration starts it as a
child: it writes one line, `ready`, once everything listens, and stops when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np

from flightctl.clock import NO_SHIFT, Clock
from flightctl.site import SiteFile
from geofence.errors import ChaoxunError
from geofence.position import LocalFrame
from geofence.sourcefile import read_source, validated
from sim.hardware import SimulatedHardware
from sim.scenario.director import Director
from sim.scenario.load import load_scenario, parse_scenario
from sim.scenario.model import Scenario
from sim.scenario.observer import Observer
from sim.scenario.stage import build_world, read_ground

READY = "ready"
_PEACEFUL = """\
version: 1
name: {zh: 平静, en: Peace}
duration_s: 7200
crowds: [{count: 12, along_from_m: -420, along_to_m: 260}]
gulls: 6
expect: [no alert]
"""


def run(site_dir: Path, scenario: Path | None = None) -> None:
    """Until Ctrl-C. Raises InvalidInput for a bad file, LinkUnavailable when an address is taken."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(site_dir, scenario, on_ready=lambda: None))


async def serve(
    site_dir: Path, scenario: Path | None, *, on_ready: Callable[[], None], shift: timedelta = NO_SHIFT
) -> None:
    """Serves until cancelled. The scenario's people and faults happen; what an officer does is left to people."""
    site = validated(read_source(site_dir / "site.yaml"), SiteFile)
    story = _story(site_dir, scenario)
    clock = Clock.of_wall(shift)
    rng = np.random.default_rng(story.seed)
    world_rng, hardware_rng = rng.spawn(2)
    world = build_world(story, read_ground(site_dir, LocalFrame(site.origin)), world_rng)
    hardware = SimulatedHardware(
        site,
        world,
        clock,
        hardware_rng,
        booted_for_s=story.boot_s,
        camera_ids=None if story.cameras == "all" else story.cameras,
        waits_to_be_seen=True,
    )
    observer = Observer(hardware)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hardware.run_on_sockets(ready=ready))
        await ready.wait()
        group.create_task(Director(story, hardware, None, observer).run())
        on_ready()


def _story(site_dir: Path, scenario: Path | None) -> Scenario:
    if scenario is not None:
        return load_scenario(scenario).scenario
    text = _PEACEFUL + f"site: {site_dir.resolve()}\n"
    return parse_scenario(text, Path("peace.yaml")).scenario


async def _child(site_dir: Path, scenario: Path | None, shift: timedelta) -> None:
    def say_ready() -> None:
        sys.stdout.write(READY + "\n")
        sys.stdout.flush()

    serving = asyncio.ensure_future(serve(site_dir, scenario, on_ready=say_ready, shift=shift))
    given = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    # Not a thread blocked in read(): it would keep a child that failed from ending.
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(given), sys.stdin)
    closed = asyncio.ensure_future(given.read())
    await asyncio.wait([serving, closed], return_when=asyncio.FIRST_COMPLETED)
    closed.cancel()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def main() -> None:
    parser = argparse.ArgumentParser(description="the simulated hardware of a site, as a child process")
    parser.add_argument("site", type=Path)
    parser.add_argument("scenario", type=Path, nargs="?")
    parser.add_argument("--shift-s", type=float, default=0.0, help="seconds from the computer's UTC to the story's")
    arguments = parser.parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_child(arguments.site, arguments.scenario, timedelta(seconds=arguments.shift_s)))
    except* ChaoxunError as group:
        sys.stderr.write("; ".join(str(error) for error in group.exceptions) + "\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
