"""On scene the camera looks at the person, in three dimensions, and one that does not turn delays nobody."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
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
from sim.copter.copter import CopterState
from sim.hardware import SimulatedHardware
from sim.memory_links import MemoryNetwork
from sim.scenario.load import parse_scenario
from sim.scenario.stage import build_world, read_ground
from sim.virtual_time import run_virtual
from vision.alert import AlertKind, FrameReport, UncertainPosition

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
CALM = "version: 1\nname: A calm river\nduration_s: 300\npeople: []\nexpect: [no alert]\n"
ALONG_M, OUT_M = 100.0, 12.0


class Blind:
    """No camera sees anything."""

    async def run(self, on_report: Callable[[FrameReport], None]) -> None:
        del on_report
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Rescue:
    service: Service
    hardware: SimulatedHardware
    network: MemoryNetwork
    incident: Incident

    @property
    def now(self) -> Incident:
        return self.service.book[self.incident.id]

    @property
    def copter(self) -> CopterState:
        assert self.now.drone_id is not None
        return self.hardware.copters[self.now.drone_id].state

    def person(self) -> tuple[Enu, float]:
        place = self.service.intake.casualty(self.incident.id).estimate().place
        return place, self.service.surroundings.water_amsl_m(place)

    def steps(self) -> list[str]:
        return [entry.step for entry in self.now.timeline]

    async def until(self, step: str, within_s: float = 200.0) -> None:
        """Until the incident's timeline says it."""
        changed = asyncio.Event()
        end = self.service.subscribe(changed.set)
        try:
            async with asyncio.timeout(within_s):
                while step not in self.steps():
                    changed.clear()
                    await changed.wait()
        finally:
            end()


def rescue(tmp_path: Path, tale: Callable[[Rescue], Awaitable[None]], **of_drones: object) -> None:
    """A person is reported in the water and a drone goes; `of_drones` changes what the site says of each."""

    async def main() -> None:
        site = load_site(HAINING)
        drones = tuple(
            drone.model_copy(update=of_drones) for drone in site.file.drones if drone.dock_id == "dock-mid"
        )
        policy = site.file.policy.model_copy(update={"drop_max_sigma_m": 60.0})  # only the forecast follows them
        site = replace(site, file=site.file.model_copy(update={"drones": drones, "cameras": (), "policy": policy}))
        clock = Clock(asyncio.get_running_loop(), START)
        scenario = parse_scenario(CALM, Path("calm.yaml")).scenario
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
            )
            tasks = [asyncio.create_task(hardware.run_in_memory(network)), asyncio.create_task(service.run())]
            try:
                await asyncio.sleep(8.0)
                place = site.frame.to_wgs84(site.river.bank.to_enu(ALONG_M, OUT_M))
                alert = ExternalAlert(
                    kind=AlertKind.PERSON_IN_WATER,
                    position=UncertainPosition(lat=place.lat, lon=place.lon, sigma_m=2.0),
                    key="call-1",
                )
                outcome = await service.raise_alert(alert, source="phone", test=False)
                await tale(Rescue(service, hardware, network, outcome.incident))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await network.close()

    run_virtual(main())


def looked_past_m(copter: CopterState, person: Enu, amsl_m: float) -> float:
    """How far from the person the camera's axis passes."""
    assert copter.gaze is not None
    azimuth, pitch = math.radians(copter.gaze.azimuth_deg), math.radians(copter.gaze.pitch_deg)
    axis = np.array([math.cos(pitch) * math.sin(azimuth), math.cos(pitch) * math.cos(azimuth), math.sin(pitch)])
    away = person - copter.position
    to_person = np.array([away.east_m, away.north_m, amsl_m - copter.amsl_m])
    return float(np.linalg.norm(np.cross(axis, to_person))) if axis @ to_person > 0 else math.inf


def test_the_camera_looks_at_the_person_while_the_drone_comes_and_hovers(tmp_path: Path) -> None:
    async def tale(there: Rescue) -> None:
        await there.until("camera_turned")
        assert there.copter.position.distance_m(there.person()[0]) > 40.0
        past_m: list[float] = []
        while "dropped" not in there.steps():
            await asyncio.sleep(0.5)
            past_m.append(looked_past_m(there.copter, *there.person()))
        assert len(past_m) > 10
        assert max(past_m[4:]) < 6.0
        assert np.median(past_m) < 3.0

    rescue(tmp_path, tale)


def test_on_the_way_home_it_looks_ahead_and_the_gimbal_is_free(tmp_path: Path) -> None:
    async def tale(there: Rescue) -> None:
        await there.until("state_resolved")
        await asyncio.sleep(6.0)
        assert not there.copter.on_ground
        assert there.copter.gaze is not None
        assert there.copter.gaze.pitch_deg == pytest.approx(0.0, abs=1.0)
        hands = there.service.drones[there.now.drone_id or ""]
        holder = hands.vehicle.gimbal.controller
        assert holder is not None
        assert holder.system_id == 0

    rescue(tmp_path, tale)


def times_of(tmp_path: Path, **of_drones: object) -> tuple[dict[str, float], list[str]]:
    seconds: dict[str, float] = {}
    steps: list[str] = []

    async def tale(there: Rescue) -> None:
        await there.until("splash")
        steps.extend(there.steps())
        for entry in there.now.timeline:
            seconds.setdefault(entry.step, (entry.at - there.now.opened_at).total_seconds())

    rescue(tmp_path, tale, **of_drones)
    return seconds, steps


def test_a_gimbal_that_is_not_there_is_said_once_and_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    without, quiet = times_of(tmp_path / "a", gimbal=False)
    assert "camera_not_turned" not in quiet
    monkeypatch.setattr("sim.copter.mount.Mount.fitted", property(lambda _: False, lambda _, __: None), raising=False)
    broken, steps = times_of(tmp_path / "b", gimbal=True)
    assert steps.count("camera_not_turned") == 1
    assert "camera_turned" not in steps
    assert broken["splash"] == pytest.approx(without["splash"], abs=1.0)
