"""A drone that a check keeps on the ground, and the person who sends it in spite of that: the real service on
simulated hardware, in virtual time, with alerts of another system instead of cameras."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from flightctl.api.face import ExternalAlert, NotFound, NotNow
from flightctl.clock import Clock
from flightctl.incidents.model import Incident, TimelineEntry
from flightctl.preflight_report import CheckId, Override, Severity
from flightctl.service import Service
from flightctl.site import SiteFile
from flightctl.site_loading import HAINING, Site, load_site
from flightctl.store import Store
from sim.hardware import SimulatedHardware
from sim.memory_links import MemoryNetwork
from sim.scenario.load import parse_scenario
from sim.scenario.stage import build_world, read_ground
from sim.virtual_time import run_virtual
from vision.alert import AlertKind, FrameReport, UncertainPosition

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
CALM = "version: 1\nname: Nobody\nduration_s: 900\nweather: {wind_mps: WIND, gust: 0}\nexpect: [no alert]\n"
WITHIN_S = 240.0


class NoCameras:
    async def run(self, on_report: Callable[[FrameReport], None]) -> None:
        del on_report
        await asyncio.Event().wait()


@dataclass
class World:
    service: Service
    hardware: SimulatedHardware
    store: Store

    async def person_in_water(self, key: str = "call-1", along_m: float = 90.0) -> UUID:
        at = self.service.site.frame.to_wgs84(self.service.site.river.bank.to_enu(along_m, 8.0))
        position = UncertainPosition(lat=at.lat, lon=at.lon, sigma_m=2.0)
        alert = ExternalAlert(kind=AlertKind.PERSON_IN_WATER, position=position, key=key)
        return (await self.service.raise_alert(alert, source="phone", test=False)).incident.id

    async def until(self, incident_id: UUID, holds: Callable[[Incident], bool]) -> Incident:
        """The incident, once it holds."""
        changed = asyncio.Event()
        stop = self.service.subscribe(changed.set)
        try:
            async with asyncio.timeout(WITHIN_S):
                while not holds(incident := self.service.book[incident_id]):
                    changed.clear()
                    await changed.wait()
                return incident
        finally:
            stop()

    async def until_nobody_can_go(self, incident_id: UUID) -> Incident:
        return await self.until(incident_id, lambda i: bool(i.decisions) and i.decisions[-1].drone_id is None)

    async def flew(self, incident_id: UUID, drone_id: str) -> Incident:
        return await self.until(
            incident_id, lambda i: any(e.actor == f"drone:{drone_id}" for e in found(i, "airborne"))
        )


def found(incident: Incident, step: str) -> list[TimelineEntry]:
    return [entry for entry in incident.timeline if entry.step == step]


def word(check: CheckId, drone_id: str = "cx-2") -> Override:
    return Override(drone_id=drone_id, check=check, name="Li Wei", note="a child is in the water, the hook is tied")


def haining(*, only: str = "", **change: Any) -> Site:
    """The site with the drop left to the forecast, `change` made to each drone, and one drone only if named."""
    site = load_site(HAINING)
    data = site.file.model_dump(mode="json")
    data["policy"]["drop_max_sigma_m"] = 60.0  # nobody sees the person
    data["drones"] = [{**drone, **change} for drone in data["drones"] if only in {"", drone["id"]}]
    return replace(site, file=SiteFile.model_validate(data))


@asynccontextmanager
async def running(folder: Path, site: Site, wind_mps: float) -> AsyncGenerator[World]:
    clock = Clock(asyncio.get_running_loop(), START)
    scenario = parse_scenario(CALM.replace("WIND", str(wind_mps)), Path("calm.yaml")).scenario
    world = build_world(scenario, read_ground(HAINING, site.frame), np.random.default_rng(1))
    hardware = SimulatedHardware(site.file, world, clock, np.random.default_rng(2), booted_for_s=60.0, camera_ids=())
    network = MemoryNetwork()
    async with await Store.open(folder / "chaoxun.db") as store:
        service = Service(
            site, clock=clock, transports=network, store=store, rng=np.random.default_rng(3), vision=NoCameras()
        )
        tasks = [asyncio.create_task(hardware.run_in_memory(network)), asyncio.create_task(service.run())]
        hardware.look()  # the story begins
        try:
            await service.ready.wait()
            for hands in service.drones.values():
                await hands.heard()
            await asyncio.sleep(10.0)
            yield World(service, hardware, store)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await network.close()


def play(
    folder: Path, story: Callable[[World], Awaitable[None]], *, site: Site | None = None, wind_mps: float = 3.0
) -> None:
    async def main() -> None:
        async with running(folder, site or haining(only="cx-2"), wind_mps) as world:
            await story(world)

    run_virtual(main())


async def blocked_by_its_gripper(world: World) -> UUID:
    await world.service.drones["cx-2"].vehicle.set_parameters({"FS_OPTIONS": 32})
    incident_id = await world.person_in_water()
    await world.until_nobody_can_go(incident_id)
    return incident_id


def test_a_blocked_drone_flies_on_a_persons_word_and_the_word_is_kept(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        incident_id = await blocked_by_its_gripper(world)
        blocked = world.service.book[incident_id]
        [told] = found(blocked, "preflight_blocked")
        assert "FS_OPTIONS" in told.text
        assert told.data["blocks"] == ["gripper_failsafe"]
        assert "FS_OPTIONS" in found(blocked, "failed")[-1].text
        assert not world.hardware.copters["cx-2"].state.armed
        shown = world.service.state_view()
        assert "FS_OPTIONS" in shown.drones[0].reason
        assert f"override:{incident_id}" in shown.needs
        [block] = shown.blocks
        assert (block.drone_id, [check.check for check in block.checks]) == ("cx-2", [CheckId.GRIPPER_FAILSAFE])

        await world.service.launch(incident_id, actor="operator", overrides=(word(CheckId.GRIPPER_FAILSAFE),))
        flown = await world.flew(incident_id, "cx-2")
        assert world.service.state_view().blocks == ()
        assert f"override:{incident_id}" not in world.service.state_view().needs
        [ordered] = found(flown, "launch_ordered")
        assert ordered.actor == "operator"
        assert "Li Wei" in ordered.text
        assert "the hook is tied" in ordered.text
        assert ordered.data["overrides"][0]["check"] == "gripper_failsafe"
        assert "overridden by Li Wei" in found(flown, "preflight")[-1].text
        assert [report.blocking == () for report in flown.preflights] == [False, True]
        assert flown.preflights[-1].result(CheckId.GRIPPER_FAILSAFE).override == word(CheckId.GRIPPER_FAILSAFE)

        [audited] = [a for a in await world.store.operator_actions() if a.action == "preflight_override"]
        assert audited.actor == "operator"
        assert audited.details["incident_id"] == str(incident_id)
        assert audited.details["overrides"][0]["note"] == "a child is in the water, the hook is tied"
        stored = await world.store.incident(incident_id)
        assert stored is not None
        assert stored.preflights == flown.preflights
        assert found(stored, "launch_ordered") == [ordered]

    play(tmp_path, story)


def test_a_word_holds_for_one_flight(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        incident_id = await blocked_by_its_gripper(world)
        await world.service.launch(incident_id, actor="operator", overrides=(word(CheckId.GRIPPER_FAILSAFE),))
        await world.flew(incident_id, "cx-2")
        await world.service.recall("cx-2", reason="enough", actor="operator")
        await world.until(incident_id, lambda _: world.service.dispatcher.serving("cx-2") is None)
        await world.service.launch(incident_id, actor="operator")
        again = await world.until(incident_id, lambda i: len(found(i, "preflight_blocked")) == 2)
        assert found(again, "preflight_blocked")[-1].data["overridden"] == []
        assert len(found(again, "airborne")) == 1

    play(tmp_path, story)


def test_a_launch_that_nobody_ordered_uses_no_word(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        first = await blocked_by_its_gripper(world)
        words = (word(CheckId.GRIPPER_FAILSAFE),)
        world.hardware.copters["cx-2"].faults.link_lost = True  # so that the ordered launch must wait
        vehicle = world.service.drones["cx-2"].vehicle
        assert await vehicle.until(lambda: not vehicle.online or None, WITHIN_S)
        await world.service.launch(first, actor="operator", overrides=words)
        second = await world.person_in_water("call-2", along_m=-250.0)
        await world.service.reject(first, reason="a swimmer", actor="operator")
        world.hardware.copters["cx-2"].faults.link_lost = False
        told = await world.until(second, lambda i: bool(found(i, "preflight_blocked")))
        assert found(told, "preflight_blocked")[-1].data["overridden"] == []
        assert found(told, "launch_ordered") == []
        await world.until_nobody_can_go(second)
        assert not world.hardware.copters["cx-2"].state.armed

    play(tmp_path, story)


def test_a_word_for_one_drone_does_not_send_another(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        for drone_id in ("cx-1", "cx-2", "cx-3"):
            await world.service.drones[drone_id].vehicle.set_parameters({"FS_OPTIONS": 32})
        incident_id = await world.person_in_water()
        blocked = await world.until_nobody_can_go(incident_id)
        assert sorted(report.drone_id for report in blocked.preflights) == ["cx-1", "cx-2", "cx-3"]
        await world.service.launch(
            incident_id, actor="operator", overrides=(word(CheckId.GRIPPER_FAILSAFE, "cx-3"),)
        )  # the nearest is cx-2
        flown = await world.flew(incident_id, "cx-3")
        assert [report.drone_id for report in flown.preflights[3:]] == ["cx-3"]
        assert not world.hardware.copters["cx-2"].state.armed

    play(tmp_path, story, site=haining())


def test_wind_over_a_drones_limit_is_overridden_and_the_limit_of_its_dock_is_the_docks(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        incident_id = await world.person_in_water()
        blocked = await world.until_nobody_can_go(incident_id)
        assert "above the drone's limit of 5 m/s" in found(blocked, "decision")[-1].text
        [block] = world.service.state_view().blocks
        assert ([check.check for check in block.checks], block.overridable) == ([CheckId.WIND], True)
        report = await world.service.preflight("cx-2")
        assert report.result(CheckId.WIND).severity is Severity.BLOCK
        await world.service.launch(incident_id, actor="operator", overrides=(word(CheckId.WIND),))
        flown = await world.flew(incident_id, "cx-2")
        assert [r.check for r in flown.preflights[-1].overridden] == [CheckId.WIND]
        assert "Li Wei" in found(flown, "preflight")[-1].text

    play(tmp_path, story, site=haining(only="cx-2", max_wind_mps=5.0), wind_mps=8.0)


def test_a_dock_that_holds_its_cover_in_the_wind_hears_no_word(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        incident_id = await world.person_in_water()
        await world.until_nobody_can_go(incident_id)
        await world.service.launch(incident_id, actor="operator", overrides=(word(CheckId.WIND),))
        told = await world.until(incident_id, lambda i: bool(found(i, "launch_ordered")) and len(i.decisions) > 1)
        assert told.decisions[-1].drone_id is None
        assert "dock-mid cannot launch" in told.decisions[-1].explanation
        [block] = world.service.state_view().blocks
        assert ([check.check for check in block.checks], block.overridable) == ([CheckId.WIND], False)
        assert f"override:{incident_id}" not in world.service.state_view().needs

    play(tmp_path, story, wind_mps=13.0)


def test_a_battery_too_low_for_the_plan_is_overridden(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.hardware.copters["cx-2"].recharge(27.0)
        await asyncio.sleep(5.0)
        incident_id = await world.person_in_water()
        blocked = await world.until_nobody_can_go(incident_id)
        assert "below its reserve" in found(blocked, "decision")[-1].text
        await world.service.launch(incident_id, actor="operator", overrides=(word(CheckId.BATTERY),))
        flown = await world.flew(incident_id, "cx-2")
        assert [r.check for r in flown.preflights[-1].overridden] == [CheckId.BATTERY]
        assert "below the reserve" in found(flown, "decision")[-1].text

    play(tmp_path, story)


def test_some_words_are_refused_at_once(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        incident_id = await blocked_by_its_gripper(world)
        launch = world.service.launch
        with pytest.raises(NotNow, match="gps cannot be overridden"):
            await launch(incident_id, actor="operator", overrides=(word(CheckId.GPS),))
        with pytest.raises(NotFound, match="cx-9"):
            await launch(incident_id, actor="operator", overrides=(word(CheckId.WIND, "cx-9"),))
        assert found(world.service.book[incident_id], "launch_ordered") == []
        assert await world.store.operator_actions() == ()
        await launch(incident_id, actor="operator", overrides=(word(CheckId.WIND),))  # it does not block: of no use
        told = await world.until(incident_id, lambda i: len(found(i, "preflight_blocked")) == 2)
        assert found(told, "preflight_blocked")[-1].data["overridden"] == []

    play(tmp_path, story)


def test_two_who_order_at_once_send_one_flight(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        incident_id = await blocked_by_its_gripper(world)
        await world.until(incident_id, lambda _: world.service.dispatcher.serving("cx-2") is None)
        save = world.store.save_incident

        async def save_slowly(incident: Incident) -> None:
            await asyncio.sleep(0.3)
            await save(incident)

        world.store.save_incident = save_slowly  # a slow disk: everybody decides before anybody has launched
        words = (word(CheckId.GRIPPER_FAILSAFE),)
        await asyncio.gather(
            *(world.service.launch(incident_id, actor="operator", overrides=words) for _ in range(3)),
            return_exceptions=True,
        )
        flown = await world.flew(incident_id, "cx-2")
        assert len(found(flown, "dock_prepare")) == 2  # the blocked try, and this one

    play(tmp_path, story)


def test_after_a_restart_nobody_acts_on_a_word_of_before(tmp_path: Path) -> None:
    ordered: list[UUID] = []
    site = haining(only="cx-2", max_wind_mps=5.0)

    async def said(world: World) -> None:
        vehicle = world.service.drones["cx-2"].vehicle
        world.hardware.copters["cx-2"].faults.link_lost = True  # so that the order must wait
        assert await vehicle.until(lambda: not vehicle.online or None, WITHIN_S)
        ordered.append(await world.person_in_water())
        await world.service.launch(ordered[0], actor="operator", overrides=(word(CheckId.WIND),))
        assert not world.hardware.copters["cx-2"].state.armed

    async def restarted(world: World) -> None:
        told = await world.until(ordered[0], lambda i: "limit of 5 m/s" in i.decisions[-1].explanation)
        assert len(found(told, "launch_ordered")) == 1  # the word is remembered, and not acted on
        assert not world.hardware.copters["cx-2"].state.armed
        assert f"override:{ordered[0]}" in world.service.state_view().needs

    play(tmp_path, said, site=site, wind_mps=8.0)
    play(tmp_path, restarted, site=site, wind_mps=8.0)
