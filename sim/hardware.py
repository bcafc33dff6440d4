"""The whole simulated site: world, copters, docks, loudspeakers and cameras, on real sockets or in memory.

Everything a service can see of it goes over the links that `site.yaml` names; nothing here knows the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import numpy as np

from flightctl.clock import Clock
from flightctl.site import Battery, Dock, Drone, PayloadKind, SiteFile
from flightctl.speaker.protocol import Say
from flightctl.transport import LinkUnavailable, SocketTransports, Transports, parse_address
from geofence.position import Enu, LocalFrame
from sim.backend import Fit, Flyer, MakeFlyer, built_in
from sim.camera import SimCamera
from sim.camera.mjpeg_server import MjpegServer
from sim.copter import Airframe, Environment, Pack, Release
from sim.dock.dock import BayReading, DockWeather, SimDock
from sim.lines import LineServer
from sim.memory_links import MemoryNetwork
from sim.speaker.speaker import SimSpeaker
from sim.world import BuoyKind, DroneView, World, WorldView

STEP_S = 0.1
_ON_PAD_M = 2.0  # the centring bars reach so far
_APPROACH_M, _APPROACH_HEIGHT_M, _SINKING_MPS = 6.0, 15.0, -0.2
_BAY_SPACING_M = 2.4
_CHARGE_PERCENT_PER_S = 100.0 / 1800.0  # half an hour from empty
_HOVER_W_PER_KG = 150.0  # of multicopters between 2 and 20 kg
_CLOSED = "Dock: cover closed"
# How drones of a dock are set up: home by itself when the ground falls silent, no loitering over the pad,
# and down at a brisk walk, since the bay centres what lands in it.
_COMMISSIONED = {
    "FS_GCS_ENABLE": 1.0,
    "BATT_FS_LOW_ACT": 2.0,  # returns
    "BATT_FS_CRT_ACT": 1.0,  # lands where it is
    "RTL_ALT": 2000.0,
    "RTL_LOIT_TIME": 0.0,
    "LAND_SPEED": 120.0,
    "LAND_ALT_LOW": 400.0,
}


@dataclass(slots=True)
class CopterBay:
    """One bay of a dock, sensing its copter."""

    drone: Drone
    copter: Flyer
    pad: Enu

    @property
    def drone_id(self) -> str:
        return self.drone.id

    def read(self) -> BayReading:
        state = self.copter.state
        distance_m = state.position.distance_m(self.pad)
        low = state.height_m < _APPROACH_HEIGHT_M
        return BayReading(
            on_pad=state.on_ground and distance_m <= _ON_PAD_M,
            approaching=not state.on_ground and distance_m <= _APPROACH_M and low and state.up_mps < _SINKING_MPS,
            armed=state.armed,
        )

    def inhibit(self, inhibited: bool) -> None:
        self.copter.inhibited = _CLOSED if inhibited else ""

    def charge(self, dt_s: float) -> bool:
        percent = self.copter.state.battery_percent
        if percent < 100.0:
            self.copter.recharge(percent + _CHARGE_PERCENT_PER_S * dt_s)
        return percent >= 99.9


@dataclass(frozen=True, slots=True)
class WorldWeather:
    """What a dock's mast measures."""

    world: World

    def read(self) -> DockWeather:
        wind = self.world.wind
        from_deg = math.degrees(math.atan2(-wind.east_m, -wind.north_m)) % 360.0
        return DockWeather(wind_mps=wind.length_m, wind_from_deg=from_deg)


class SimulatedHardware:
    """Build it inside a running loop; `run_in_memory` or `run_on_sockets` gives it life until cancelled."""

    def __init__(
        self,
        site: SiteFile,
        world: World,
        clock: Clock,
        rng: np.random.Generator,
        *,
        booted_for_s: float = 0.0,
        camera_ids: tuple[str, ...] | None = None,
        waits_to_be_seen: bool = False,
        make_flyer: MakeFlyer = built_in,
    ) -> None:
        """`waits_to_be_seen`: the story begins when somebody first looks through a camera, not before.

        Nor does it begin before every copter is ready: a SITL takes its time to start.
        """
        self.site = site
        self.world = world
        self.frame = LocalFrame(site.origin)
        self._clock = clock
        self._make_flyer = make_flyer
        self.started = asyncio.Event()
        self._started_s = 0.0
        self._observers: list[Callable[[], None]] = []
        seeds = iter(rng.integers(2**62, size=len(site.drones) + len(site.cameras)).tolist())
        self.copters: dict[str, Flyer] = {}
        self.docks: dict[str, SimDock] = {}
        weather = WorldWeather(world)
        for dock in site.docks:
            bays: list[CopterBay] = []
            for number, drone in enumerate(d for d in site.drones if d.dock_id == dock.id):
                pad = self.frame.to_enu(dock.position) + Enu(_BAY_SPACING_M * number, 0.0)
                copter = self._copter(drone, dock, pad, np.random.default_rng(next(seeds)), booted_for_s)
                self.copters[drone.id] = copter
                bays.append(CopterBay(drone, copter, pad))
            self.docks[dock.id] = SimDock(
                dock.id,
                tuple(bays),
                weather,
                clock,
                cover_opens_s=dock.cover_opens_s,
                prepare_s=dock.prepare_s,
                max_launch_wind_mps=dock.max_launch_wind_mps,
            )
        self.speakers = self._speakers()
        wanted = [c for c in site.cameras if camera_ids is None or c.id in camera_ids]
        self.cameras = {
            camera.id: SimCamera(camera, self.frame, world.ground, seed=int(next(seeds)) % 2**32) for camera in wanted
        }

        self._seen = not (waits_to_be_seen and self.cameras)
        self._start_when_ready()

    # --- parts ----------------------------------------------------------------------------------------------

    def _copter(self, drone: Drone, dock: Dock, pad: Enu, rng: np.random.Generator, booted_for_s: float) -> Flyer:
        kind = BuoyKind.POD if drone.payload.kind is PayloadKind.POD else BuoyKind.RING

        def on_release(release: Release) -> None:
            velocity = (release.east_mps, release.north_mps, release.up_mps)
            self.world.release(release.position, release.amsl_m, velocity, kind)

        return self._make_flyer(
            Fit(
                drone_id=drone.id,
                system_id=drone.system_id,
                home=self.frame.to_wgs84(pad),
                home_amsl_m=dock.height_amsl_m,
                heading_deg=180.0,
                frame=self.frame,
                clock=self._clock,
                rng=rng,
                parameters={
                    **_COMMISSIONED,
                    "WPNAV_SPEED": drone.cruise_mps * 100.0,
                    "WPNAV_SPEED_UP": drone.climb_mps * 100.0,
                    "WPNAV_SPEED_DN": drone.descent_mps * 100.0,
                },
                hooks=drone.payload.hooks,
                loads_kg=(drone.payload.mass_kg,) * drone.payload.hooks,
                gimbal=drone.gimbal,
                booted_for_s=booted_for_s,
                pack=_pack(drone.battery, drone.cruise_mps),
                airframe=_airframe(drone),
                on_release=on_release,
            )
        )

    def _speakers(self) -> dict[str, SimSpeaker]:
        speakers: dict[str, SimSpeaker] = {}
        for fixed in self.site.speakers:
            at = self.frame.to_enu(fixed.position)
            speakers[fixed.id] = SimSpeaker(fixed.id, self._clock, self._heard_from(lambda at=at: at, fixed.range_m))
        for drone in self.site.drones:
            if drone.speaker_link:
                copter = self.copters[drone.id]
                heard = self._heard_from(lambda copter=copter: copter.state.position, drone.speaker_range_m)
                speakers[drone.id] = SimSpeaker(drone.id, self._clock, heard)
        return speakers

    def _heard_from(self, where: Callable[[], Enu], range_m: float) -> Callable[[Say], None]:
        def heard(say: Say) -> None:
            self.world.hear(where(), range_m, say.text)

        return heard

    def dock_of(self, drone_id: str) -> SimDock:
        return self.docks[next(drone.dock_id for drone in self.site.drones if drone.id == drone_id)]

    # --- time -----------------------------------------------------------------------------------------------

    @property
    def at_s(self) -> float:
        """Seconds since the story began; the world's own time."""
        return self._clock.time_s() - self._started_s if self.started.is_set() else 0.0

    def at_s_of(self, at: datetime) -> float:
        """The story's seconds of a UTC instant."""
        return self._clock.loop_s(at) - self._started_s if self.started.is_set() else 0.0

    def _start_when_ready(self) -> None:
        if self._seen and not self.started.is_set() and all(copter.ready for copter in self.copters.values()):
            self._started_s = self._clock.time_s()
            self.started.set()

    def observe(self, observer: Callable[[], None]) -> None:
        """Calls back after every step."""
        self._observers.append(observer)

    def look(self) -> WorldView:
        """The world as it is now, for the cameras."""
        self._seen = True
        self._start_when_ready()
        self.world.advance(self.at_s)
        return self.world.view()

    async def _step(self) -> None:
        due_s = last_s = self._clock.time_s()
        while True:
            due_s = max(due_s + STEP_S, self._clock.time_s())  # a late step is not made up for
            await asyncio.sleep(due_s - self._clock.time_s())
            now_s = self._clock.time_s()
            self._step_all(now_s - last_s)
            last_s = now_s

    def _step_all(self, dt_s: float) -> None:
        self._start_when_ready()
        self.world.advance(self.at_s)
        for drone_id, copter in self.copters.items():
            state = copter.state
            if state.on_ground and copter.inhibited:
                self.world.remove_drone(drone_id)
            else:
                self.world.place_drone(DroneView(drone_id, state.position, state.amsl_m, state.yaw_deg))
        for dock in self.docks.values():
            dock.step(dt_s)
        for speaker in self.speakers.values():
            speaker.step(dt_s)
        for observer in self._observers:
            observer()

    def _around(self, position: Enu, _amsl_m: float) -> Environment:
        world = self.world
        wind = world.wind
        place = world.ground.to_bank(position)
        surface = max(world.ground.height_at(place), world.river.level_amsl_m(place, world.at_s))
        return Environment(wind.east_m, wind.north_m, surface)

    # --- links ----------------------------------------------------------------------------------------------

    async def run_in_memory(self, network: MemoryNetwork) -> None:
        """On the addresses of the site, inside one process; cameras are looked through by lockstep vision."""
        stops = [server.listen_memory(network, link) for link, server in self._line_links()]
        try:
            await self._run_on(network)
        finally:
            for stop in stops:
                stop()

    async def run_on_sockets(self, *, ready: asyncio.Event | None = None, cameras: bool = True) -> None:
        """On UDP, TCP and MJPEG at the addresses of the site. Raises LinkUnavailable when one is taken."""
        if cameras:
            await self._warm_up()
        async with contextlib.AsyncExitStack() as stack:
            for link, server in self._line_links():
                listening = await server.listen_tcp(link)
                stack.callback(listening.close)
            if cameras:
                for host, port, there in self._by_server():
                    await stack.enter_async_context(
                        MjpegServer(there, self.look, self._clock.now, host=host, port=port)
                    )
            if ready is not None:
                ready.set()
            await self._run_on(SocketTransports())

    async def _warm_up(self) -> None:
        """A camera's first picture takes seconds; those are spent before anybody waits for it."""
        view = self.world.view()
        loop = asyncio.get_running_loop()
        for camera in self.cameras.values():
            await loop.run_in_executor(None, camera.render, view)

    def _by_server(self) -> list[tuple[str, int, list[SimCamera]]]:
        servers: dict[tuple[str, int], list[SimCamera]] = {}
        for camera in self.cameras.values():
            address = urlsplit(camera.camera.stream)
            servers.setdefault((address.hostname or "127.0.0.1", address.port or 80), []).append(camera)
        return [(host, port, there) for (host, port), there in servers.items()]

    def _line_links(self) -> list[tuple[str, LineServer]]:
        links = [(dock.link, self.docks[dock.id].link) for dock in self.site.docks]
        links += [(speaker.link, self.speakers[speaker.id].link) for speaker in self.site.speakers]
        links += [(d.speaker_link, self.speakers[d.id].link) for d in self.site.drones if d.speaker_link]
        return links

    async def _run_on(self, transports: Transports) -> None:
        places = [parse_address(endpoint) for endpoint in self.site.mavlink.endpoints]
        heard = next((place for place in places if place.kind == "udpin"), None)
        if heard is None:
            raise LinkUnavailable(
                "simulated drones speak to a udpin endpoint; mavlink.endpoints of site.yaml has none"
            )
        host, port = heard.place, heard.number
        async with asyncio.TaskGroup() as group:
            group.create_task(self._step())
            for copter in self.copters.values():
                group.create_task(copter.run(transports, f"udpout:{host}:{port}", self._around))


def _airframe(drone: Drone) -> Airframe:
    """Its mass follows from what it draws to hover with everything on."""
    full_kg = drone.battery.hover_w / _HOVER_W_PER_KG
    loads_kg = drone.payload.mass_kg * drone.payload.hooks
    return Airframe(empty_kg=max(full_kg / 2.0, full_kg - loads_kg))


def _pack(battery: Battery, cruise_mps: float) -> Pack:
    return Pack(
        capacity_wh=battery.capacity_wh,
        cells=12,
        hover_w=battery.hover_w,
        cruise_w=battery.cruise_w,
        cruise_mps=cruise_mps,
    )
