"""The drone's own eye: a place that was told wrongly is put right on the way, and without it the hook stays shut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from flightctl.api.face import ExternalAlert
from flightctl.clock import Clock
from flightctl.incidents.model import Incident
from flightctl.service import Service
from flightctl.site_loading import HAINING, load_site
from flightctl.store import Store
from geofence.position import Enu
from sim.hardware import SimulatedHardware
from sim.memory_links import MemoryNetwork
from sim.scenario.aerial import LockstepEyes
from sim.scenario.load import parse_scenario
from sim.scenario.stage import build_world, read_ground
from sim.virtual_time import run_virtual
from vision.alert import AlertKind, CameraHealth, FrameReport, UncertainPosition

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
STORY = """
version: 1
name: Somebody in the water
duration_s: 300
people: [{id: swimmer, at: {along_m: 100, offset_m: -1.2}, does: [fall_at_s: 1]}]
expect: [no alert]
"""
WRONG_BY = Enu(9.0, -3.0)
TOLD_SIGMA_M = 12.0


class Blind:
    async def run(self, on_report: Callable[[FrameReport], None]) -> None:
        del on_report
        await asyncio.Event().wait()


class Told:
    """What a run left behind."""

    def __init__(self, service: Service, incident: Incident, error_m: float) -> None:
        self.incident = service.book[incident.id]
        self.error_m = error_m  # of where the person is reckoned to be
        self.steps = [entry.step for entry in self.incident.timeline]
        self.texts = " ".join(entry.text for entry in self.incident.timeline)
        self.eye = service.cameras.state(f"{self.incident.drone_id}-eye")
        self.shown = {camera.id for camera in service.state_view().cameras}
        self.streams = {drone.camera.stream for drone in service.site_view().drones if drone.camera is not None}


def flown(tmp_path: Path, *, eyes: bool, until: str) -> Told:
    async def main() -> Told:
        site = load_site(HAINING)
        drones = tuple(drone for drone in site.file.drones if drone.dock_id == "dock-mid")
        site = replace(site, file=site.file.model_copy(update={"drones": drones, "cameras": ()}))
        clock = Clock(asyncio.get_running_loop(), START)
        scenario = parse_scenario(STORY, Path("story.yaml")).scenario
        world = build_world(scenario, read_ground(site.folder, site.frame), np.random.default_rng(1))
        hardware = SimulatedHardware(site.file, world, clock, np.random.default_rng(2), booted_for_s=60.0)
        network = MemoryNetwork()
        async with await Store.open(tmp_path / "store.db") as store:
            service = Service(
                site,
                clock=clock,
                transports=network,
                store=store,
                rng=np.random.default_rng(3),
                vision=Blind(),
                eyes=LockstepEyes(hardware, clock) if eyes else None,
            )
            tasks = [asyncio.create_task(hardware.run_in_memory(network)), asyncio.create_task(service.run())]
            try:
                await asyncio.sleep(8.0)
                swimmer = world.people["swimmer"]
                place = site.frame.to_wgs84(swimmer.position + WRONG_BY)
                alert = ExternalAlert(
                    kind=AlertKind.PERSON_IN_WATER,
                    position=UncertainPosition(lat=place.lat, lon=place.lon, sigma_m=TOLD_SIGMA_M),
                    key="call-1",
                )
                incident = (await service.raise_alert(alert, source="phone", test=False)).incident
                changed = asyncio.Event()
                service.subscribe(changed.set)
                async with asyncio.timeout(120.0):
                    while until not in {entry.step for entry in service.book[incident.id].timeline}:
                        changed.clear()
                        await changed.wait()
                await asyncio.sleep(1.0)
                reckoned = service.intake.casualty(incident.id).estimate().place
                return Told(service, incident, reckoned.distance_m(swimmer.position))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await network.close()

    return run_virtual(main())


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return flown(tmp_path_factory.mktemp("seen"), eyes=True, until="dropped")


def test_what_the_drone_sees_puts_the_place_right_and_opens_the_hook(seen: Told) -> None:
    assert seen.steps.index("camera_sees") < seen.steps.index("arrived")
    assert seen.error_m < 2.5


def test_its_camera_stands_among_the_others_and_its_address_stays_here(seen: Told) -> None:
    assert seen.eye.health is CameraHealth.OK
    assert seen.eye.frame is not None
    assert "cx-2-eye" in seen.shown
    assert seen.streams == {""}


def test_without_it_the_hook_stays_shut(tmp_path: Path) -> None:
    blind = flown(tmp_path, eyes=False, until="interlocks")
    assert "camera_sees" not in blind.steps
    assert "more than 8 m" in blind.texts
    assert blind.error_m > 5.0
