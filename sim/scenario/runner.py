"""Plays one scenario to its end: the real service on simulated hardware, in virtual or in real time.

In virtual time everything lives in one process over in-memory links and the same seed gives the same log, byte for
byte. In real time the service speaks to the hardware over UDP, TCP and MJPEG on loopback.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flightctl.clock import Clock
from flightctl.scene import TakesContext, scene_geometry, tell_levels
from flightctl.service import Service
from flightctl.site_loading import Site, load_site
from flightctl.store.store import DATABASE_NAME, Store
from flightctl.transport import SocketTransports
from geofence.bore import TableEntry
from sim.hardware import SimulatedHardware
from sim.memory_links import MemoryNetwork
from sim.scenario.aerial import LockstepEyes
from sim.scenario.backends import Backend, TimeMode
from sim.scenario.director import Director
from sim.scenario.load import LoadedScenario
from sim.scenario.model import Scenario
from sim.scenario.observer import Observer
from sim.scenario.record import Record
from sim.scenario.result import ScenarioResult, steps_of
from sim.scenario.stage import build_world, read_ground, table_arrival
from sim.scenario.vision import LockstepEye, LockstepVision, ObservedVision
from sim.virtual_time import run_virtual
from vision.calibration import Projection
from vision.pipeline import CameraPipeline
from vision.scene import SceneModel

OnProgress = Callable[[float, float], None]
"""Called about once a second of scenario time with the seconds run and the scenario's length."""

_SETTLED_FOR_S = 3.0
_PROGRESS_EVERY_S = 1.0
_LEVEL_TOLD_EVERY_S = 2.0
_NO_PREVIEW_S = 1e9  # in virtual time nobody watches


@dataclass(frozen=True, slots=True)
class _Streams:
    """Independent generators for the parts of a run, all from its seed."""

    world: np.random.Generator
    hardware: np.random.Generator
    service: np.random.Generator

    @staticmethod
    def of(seed: int) -> _Streams:
        return _Streams(*np.random.default_rng(seed).spawn(3))


def run_scenario(
    loaded: LoadedScenario, *, seed: int | None = None, on_progress: OnProgress | None = None
) -> ScenarioResult:
    """In virtual time, as fast as the machine allows. Raises SiteInvalid; what breaks in the run is in the result."""
    scenario = loaded.scenario.with_seed(seed)
    site = load_site(loaded.site_folder)
    folder = Path(tempfile.mkdtemp(prefix="chaoxun-scenario-"))
    began_s = time.perf_counter()
    observers: list[Observer] = []
    error = ""
    try:
        run_virtual(_play(scenario, site, folder, observers, on_progress))
    except* Exception as group:
        error = "; ".join(_leaves(group))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _result(loaded, scenario, observers, "virtual", time.perf_counter() - began_s, error)


async def _play(
    scenario: Scenario, site: Site, folder: Path, observers: list[Observer], on_progress: OnProgress | None
) -> None:
    clock = Clock(asyncio.get_running_loop(), scenario.starts_at)
    streams = _Streams.of(scenario.seed)
    world = build_world(scenario, read_ground(site.folder, site.frame), streams.world)
    camera_ids = None if scenario.cameras == "all" else scenario.cameras
    hardware = SimulatedHardware(
        site.file, world, clock, streams.hardware, booted_for_s=scenario.boot_s, camera_ids=camera_ids
    )
    observer = Observer(hardware)
    observers.append(observer)
    network = MemoryNetwork()
    vision = _lockstep(scenario, site, hardware, clock)
    async with await Store.open(folder / DATABASE_NAME) as store:
        service = Service(
            site,
            clock=clock,
            transports=network,
            store=store,
            rng=streams.service,
            vision=ObservedVision(vision, observer),
            eyes=LockstepEyes(hardware, clock),
            forecast_table=forecast_table(scenario, site),
            policy=scenario.policy_over(site.file.policy),
        )
        run_hardware = hardware.run_in_memory(network)
        try:
            await _together(scenario, hardware, run_hardware, service, vision, observer, on_progress)
        finally:
            observer.finish()
            await network.close()


def run_scenario_in_real_time(
    loaded: LoadedScenario,
    *,
    seed: int | None = None,
    on_progress: OnProgress | None = None,
    backend: Backend = Backend(),  # noqa: B008  frozen
) -> ScenarioResult:
    """Over UDP, TCP and MJPEG on the site's own addresses, with vision in processes of its own.

    Raises SiteInvalid; what breaks in the run (an address that is taken, say) is in the result.
    """
    scenario = loaded.scenario.with_seed(seed)
    site = load_site(loaded.site_folder)
    began_s = time.perf_counter()
    observers: list[Observer] = []
    error = ""
    with tempfile.TemporaryDirectory(prefix="chaoxun-scenario-") as folder:
        try:
            asyncio.run(_play_in_real_time(scenario, site, Path(folder), observers, on_progress, backend))
        except* Exception as group:
            error = "; ".join(_leaves(group))
    return _result(loaded, scenario, observers, "real", time.perf_counter() - began_s, error)


async def _play_in_real_time(
    scenario: Scenario,
    site: Site,
    folder: Path,
    observers: list[Observer],
    on_progress: OnProgress | None,
    backend: Backend,
) -> None:
    from vision.aerial.live import LivePictures
    from vision.worker import VisionWorkers

    clock = Clock(asyncio.get_running_loop(), scenario.starts_at)
    streams = _Streams.of(scenario.seed)
    world = build_world(scenario, read_ground(site.folder, site.frame), streams.world)
    camera_ids = None if scenario.cameras == "all" else scenario.cameras
    hardware = SimulatedHardware(
        site.file,
        world,
        clock,
        streams.hardware,
        booted_for_s=scenario.boot_s,
        camera_ids=camera_ids,
        waits_to_be_seen=True,
        make_flyer=backend.flyers(folder / "sitl"),
    )
    observer = Observer(hardware)
    observers.append(observer)
    cameras = [camera.camera for camera in hardware.cameras.values()]
    geometry = scene_geometry(site, water_amsl_m=scenario.river.low_water_amsl_m)
    vision = VisionWorkers(cameras, geometry, site.file.origin, now=clock.now, seed=scenario.seed)
    async with await Store.open(folder / DATABASE_NAME) as store:
        service = Service(
            site,
            clock=clock,
            transports=SocketTransports(),
            store=store,
            rng=streams.service,
            vision=ObservedVision(vision, observer),
            eyes=LivePictures(clock.now),
            forecast_table=forecast_table(scenario, site),
            policy=scenario.policy_over(site.file.policy),
        )
        try:
            run_hardware = hardware.run_on_sockets()
            await _together(scenario, hardware, run_hardware, service, vision, observer, on_progress)
        finally:
            observer.finish()


async def _together(
    scenario: Scenario,
    hardware: SimulatedHardware,
    run_hardware: Coroutine[None, None, None],
    service: Service,
    vision: TakesContext,
    observer: Observer,
    on_progress: OnProgress | None,
) -> None:
    """Hardware, service, faults and deeds side by side until the scenario ends."""
    observer.watch(service.book.all)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(run_hardware),
            group.create_task(service.run()),
            group.create_task(
                tell_levels(
                    service.site,
                    [eye.camera for eye in hardware.cameras.values()],
                    service.surroundings.water_amsl_m,
                    vision,
                )
            ),
            group.create_task(Director(scenario, hardware, service, observer).run()),
        ]
        await _to_the_end(scenario, hardware, observer, on_progress)
        for task in tasks:
            task.cancel()


async def _to_the_end(
    scenario: Scenario, hardware: SimulatedHardware, observer: Observer, on_progress: OnProgress | None
) -> None:
    settled_since_s: float | None = None
    while hardware.at_s < scenario.duration_s:
        await asyncio.sleep(min(_PROGRESS_EVERY_S, scenario.duration_s - hardware.at_s))
        if on_progress is not None:
            on_progress(hardware.at_s, scenario.duration_s)
        if scenario.ends == "when_settled" and observer.settled:
            settled_since_s = hardware.at_s if settled_since_s is None else settled_since_s
            if hardware.at_s - settled_since_s >= _SETTLED_FOR_S:
                return
        else:
            settled_since_s = None


def _lockstep(scenario: Scenario, site: Site, hardware: SimulatedHardware, clock: Clock) -> LockstepVision:
    geometry = scene_geometry(site, water_amsl_m=scenario.river.low_water_amsl_m)
    eyes: list[LockstepEye] = []
    for camera in hardware.cameras.values():
        model = SceneModel(Projection(camera.camera, site.frame), geometry)
        pipeline = CameraPipeline(camera.camera, model, seed=scenario.seed, preview_every_s=_NO_PREVIEW_S)
        eyes.append(LockstepEye(camera, pipeline))
    fps = max((camera.camera.analysis_fps for camera in hardware.cameras.values()), default=1.0)
    return LockstepVision(eyes, hardware.look, clock, fps=fps)


def forecast_table(scenario: Scenario, site: Site) -> tuple[TableEntry, ...]:
    """What the official table says of the scenario's bore, at the site's own station."""
    at = table_arrival(scenario)
    if at is None:
        return ()
    return (TableEntry(site.river.reference_station.id, at, "scenario"),)


def _result(
    loaded: LoadedScenario,
    scenario: Scenario,
    observers: list[Observer],
    mode: TimeMode,
    wall_s: float,
    error: str,
) -> ScenarioResult:
    record = observers[0].record if observers else Record()
    return ScenarioResult(
        id=loaded.id,
        title=scenario.title,
        seed=scenario.seed,
        time_mode=mode,
        verdicts=tuple((expectation.text, expectation.check(record)) for expectation in scenario.expect),
        record=record,
        steps_s=steps_of(record),
        ran_s=record.ended_s,
        wall_s=wall_s,
        error=error,
    )


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[str]:
    texts: list[str] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            texts += _leaves(error)
        else:
            texts.append(f"{type(error).__name__}: {error}")
    return texts
