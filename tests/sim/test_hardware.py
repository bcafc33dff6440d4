"""The simulated site on its links: what a service would see of it, without a service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from flightctl.clock import Clock
from flightctl.dock.protocol import DockAction, DockCommand, DockState, DockStatus, dock_reply
from flightctl.site import SiteFile
from flightctl.speaker.protocol import Say
from flightctl.transport import LinkUnavailable, Stream
from geofence.position import LocalFrame
from geofence.sourcefile import read_source, validated
from sim.faults import set_fault
from sim.hardware import SimulatedHardware
from sim.memory_links import MemoryNetwork
from sim.scenario.load import SITES, parse_scenario
from sim.scenario.model import FaultKind
from sim.scenario.stage import build_world, read_ground
from sim.virtual_time import run_virtual

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
STORY = """\
version: 1
name: An angler on the foreshore
duration_s: 100
people:
  - id: angler
    at: {along_m: -181, offset_m: -2}
    does:
      - climb_down: {to: {along_m: -183, offset_m: 12}}
      - wander: {seconds: 300, radius_m: 2}
expect: [no alert]
"""


def on_the_site(story: Callable[[SimulatedHardware, MemoryNetwork, Clock], Awaitable[None]]) -> None:
    async def main() -> None:
        folder = SITES / "haining"
        site = validated(read_source(folder / "site.yaml"), SiteFile)
        clock = Clock(asyncio.get_running_loop(), START)
        scenario = parse_scenario(STORY, Path("story.yaml")).scenario
        world = build_world(scenario, read_ground(folder, LocalFrame(site.origin)), np.random.default_rng(1))
        hardware = SimulatedHardware(
            site, world, clock, np.random.default_rng(2), booted_for_s=60.0, camera_ids=("cam-2",)
        )
        network = MemoryNetwork()
        running = asyncio.create_task(hardware.run_in_memory(network))
        await asyncio.sleep(0.5)
        try:
            await story(hardware, network, clock)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await network.close()

    run_virtual(main())


def test_closed_dock_keeps_its_drone_from_arming_and_an_open_one_does_not() -> None:
    async def story(hardware: SimulatedHardware, network: MemoryNetwork, clock: Clock) -> None:
        stream = await network.open_stream("tcp:127.0.0.1:14702")
        assert hardware.copters["cx-2"].inhibited
        now = clock.now()
        command = DockCommand(
            cmd_id=UUID(int=1), action=DockAction.PREPARE, drone_id="cx-2", issued_at=now,
            expires_at=now + timedelta(seconds=30),
        )  # fmt: skip
        stream.write(command.model_dump_json().encode() + b"\n")
        await asyncio.sleep(9.0)
        assert hardware.docks["dock-mid"].state is DockState.READY
        assert not hardware.copters["cx-2"].inhibited
        assert hardware.copters["cx-1"].inhibited

    on_the_site(story)


def test_dock_measures_the_world_s_wind() -> None:
    async def story(hardware: SimulatedHardware, network: MemoryNetwork, _clock: Clock) -> None:
        stream = await network.open_stream("tcp:127.0.0.1:14701")
        status = dock_reply.validate_json(await stream.read_line())
        assert isinstance(status, DockStatus)
        assert status.wind_mps == pytest.approx(hardware.world.wind.length_m, abs=2.0)
        assert 60 < status.wind_from_deg < 160

    on_the_site(story)


def test_person_on_the_foreshore_walks_back_when_the_bank_speaker_calls() -> None:
    async def story(hardware: SimulatedHardware, network: MemoryNetwork, clock: Clock) -> None:
        stream = await network.open_stream("tcp:127.0.0.1:14752")
        await asyncio.sleep(20.0)
        now = clock.now()
        say = Say(
            cmd_id=UUID(int=1), text="请离开滩涂", repeat=1, issued_at=now, expires_at=now + timedelta(seconds=9)
        )
        stream.write(say.model_dump_json().encode() + b"\n")
        await asyncio.sleep(40.0)
        assert [event.kind.value for event in hardware.world.events] == ["climbed_down", "hailed", "walked_back"]

    on_the_site(story)


async def read_to_the_end(stream: Stream) -> None:
    while True:
        await stream.read_line()


def test_dock_that_goes_offline_hangs_up_and_answers_again_when_mended() -> None:
    async def story(hardware: SimulatedHardware, network: MemoryNetwork, _clock: Clock) -> None:
        stream = await network.open_stream("tcp:127.0.0.1:14703")
        await stream.read_line()
        set_fault(hardware, FaultKind.DOCK_OFFLINE, "dock-east", broken=True)
        await asyncio.sleep(1.0)
        with pytest.raises(LinkUnavailable):
            await read_to_the_end(stream)
        set_fault(hardware, FaultKind.DOCK_OFFLINE, "dock-east", broken=False)
        again = await network.open_stream("tcp:127.0.0.1:14703")
        assert isinstance(dock_reply.validate_json(await again.read_line()), DockStatus)

    on_the_site(story)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (FaultKind.COVER_JAM, "dock-mid"),
        (FaultKind.SELF_CHECK, "dock-mid"),
        (FaultKind.EMERGENCY_STOP, "dock-mid"),
        (FaultKind.LINK_LOST, "cx-1"),
        (FaultKind.GRIPPER_JAM, "cx-1"),
        (FaultKind.GPS_LOST, "cx-1"),
        (FaultKind.BATTERY_LOW, "cx-1"),
        (FaultKind.CAMERA_BLACK, "cam-2"),
        (FaultKind.CAMERA_FROZEN, "cam-2"),
        (FaultKind.CAMERA_LOST, "cam-2"),
        (FaultKind.SPEAKER_BROKEN, "spk-1"),
    ],
)
def test_every_fault_can_be_set_and_mended(kind: FaultKind, target: str) -> None:
    async def story(hardware: SimulatedHardware, _network: MemoryNetwork, _clock: Clock) -> None:
        set_fault(hardware, kind, target, broken=True)
        await asyncio.sleep(2.0)
        set_fault(hardware, kind, target, broken=False)
        await asyncio.sleep(8.0)
        assert all(dock.state in {DockState.IDLE, DockState.CHARGING} for dock in hardware.docks.values())

    on_the_site(story)
