"""A simulated copter with a link: what scenarios build, fly and break."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from flightctl.transport import Datagrams, LinkUnavailable, Peer, Transports
from geofence.position import Enu, LatLon, LocalFrame
from sim.copter.autopilot import Autopilot, Environment, Release
from sim.copter.battery import FULL_CELL_V, Battery, Pack
from sim.copter.gripper import FIRST_OUTPUT, GRIPPER_FUNCTION, Gripper, Servos
from sim.copter.modes import Mode
from sim.copter.mount import Gaze
from sim.copter.parameters import Parameters
from sim.copter.physics import Airframe, Body
from sim.copter.streams import Link
from sim.copter.tcp import TcpPort
from sim.copter.vehicle import Faults, Vehicle

MAX_PEERS = 8
REBOOT_S = 1.0
_LOW_CELL_V = 3.5
_NO_CLOCK_UTC = datetime(2026, 1, 1, tzinfo=UTC)  # from then on it counts by itself


@dataclass(frozen=True, slots=True)
class HookState:
    number: int
    loaded: bool


@dataclass(frozen=True, slots=True)
class CopterState:
    """The truth about it, for the simulated world; clients see only MAVLink."""

    position: Enu
    amsl_m: float
    height_m: float  # above where it stood at the start
    east_mps: float
    north_mps: float
    up_mps: float
    yaw_deg: float
    armed: bool
    on_ground: bool
    crashed: bool
    mode: Mode
    battery_percent: float
    battery_v: float
    hooks: tuple[HookState, ...]
    gaze: Gaze | None = None  # of a camera on a gimbal


class SimCopter:
    """One copter. Build it inside or outside a loop, then `run` it until cancelled."""

    def __init__(
        self,
        *,
        system_id: int,
        home: LatLon,
        home_amsl_m: float,
        heading_deg: float,
        frame: LocalFrame,
        rng: np.random.Generator,
        parameters: Mapping[str, float] | None = None,
        hooks: int = 0,
        gimbal: bool = False,
        loads_kg: Sequence[float] = (),
        booted_for_s: float = 0.0,
        utc: Callable[[], datetime] | None = None,
        pack: Pack | None = None,
        airframe: Airframe | None = None,
        on_release: Callable[[Release], None] | None = None,
    ) -> None:
        pack, airframe = pack or Pack(), airframe or Airframe()
        table = Parameters(_fitted(system_id, hooks, pack, gimbal=gimbal) | dict(parameters or {}))
        start = frame.to_enu(home)
        body = Body(start.east_m, start.north_m, home_amsl_m, math.radians(heading_deg % 360.0))
        servos = Servos(table)
        servos.motors(1000)
        self.system_id = system_id
        self.on_release = on_release
        self._start_amsl_m = home_amsl_m
        self._vehicle = Vehicle(
            parameters=table,
            frame=frame,
            body=body,
            battery=Battery(pack),
            gripper=Gripper(table, servos, hooks, loads_kg),
            servos=servos,
            rng=rng,
            utc=utc or self._utc,
            empty_kg=airframe.empty_kg,
        )
        self._vehicle.full_pack_v = table["SIM_BATT_VOLTAGE"]
        self._environment: Callable[[Enu, float], Environment] = _calm(home_amsl_m)
        self._autopilot = Autopilot(self._vehicle, airframe, self._around, self._released)
        self._autopilot.skip_boot(booted_for_s)
        self._booted_for_s = booted_for_s
        self._flown_s = 0.0
        self._links: dict[Peer, Link] = {}
        self._ports: list[TcpPort] = []

    @property
    def faults(self) -> Faults:
        return self._vehicle.faults

    @property
    def ready(self) -> bool:
        """It may be flown from its first moment; how long it has been powered is said when it is built."""
        return True

    def parameter(self, name: str) -> float:
        """As it holds it now."""
        return self._vehicle.parameters[name]

    @property
    def inhibited(self) -> str:
        """Why it must not arm (a closed dock); empty when it may."""
        return self._vehicle.inhibited

    @inhibited.setter
    def inhibited(self, reason: str) -> None:
        self._vehicle.inhibited = reason

    @property
    def state(self) -> CopterState:
        vehicle, body = self._vehicle, self._vehicle.body
        return CopterState(
            position=Enu(body.east_m, body.north_m),
            amsl_m=body.amsl_m,
            height_m=body.amsl_m - self._start_amsl_m,
            east_mps=body.east_mps,
            north_mps=body.north_mps,
            up_mps=body.up_mps,
            yaw_deg=math.degrees(body.yaw_rad) % 360.0,
            armed=vehicle.armed,
            on_ground=body.on_ground,
            crashed=body.crashed,
            mode=vehicle.mode,
            battery_percent=100.0 * vehicle.battery.charge,
            battery_v=vehicle.battery.voltage_v,
            hooks=tuple(HookState(hook.number, hook.loaded) for hook in vehicle.gripper.hooks),
            gaze=vehicle.mount.gaze(body.yaw_rad),
        )

    def recharge(self, percent: float = 100.0) -> None:
        """The dock charged it to `percent`."""
        self._vehicle.battery.recharge(min(100.0, max(0.0, percent)) / 100.0)

    def reload(self) -> None:
        """Someone hung new loads on every hook and closed it."""
        for hook in self._vehicle.gripper.hooks:
            hook.loaded = True
            self._vehicle.gripper.command(hook.number, release=False, now_s=self._vehicle.now_s)

    async def run(
        self, transports: Transports, address: str, environment: Callable[[Enu, float], Environment]
    ) -> None:
        """Serves MAVLink on one datagram endpoint (`udpout:HOST:PORT` or `udpin:HOST:PORT`) until cancelled."""
        self._environment = environment
        endpoint = await transports.open_datagrams(address)
        try:
            if endpoint.peer is not None:
                self._link(endpoint, endpoint.peer)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(endpoint))
                tasks.create_task(self._fly())
        finally:
            for link in self._links.values():
                self._autopilot.drop_link(link)
            self._links.clear()
            endpoint.close()

    async def serve_tcp(self, host: str, port: int, listening: Callable[[int], None] | None = None) -> None:
        """A TCP port as SITL has them (5760, next copter 5770), beside `run`, until cancelled."""
        loop = asyncio.get_running_loop()
        tcp = TcpPort(self._autopilot, lambda: self._vehicle.reboot_asked or self._deaf(loop.time()))
        self._ports.append(tcp)
        try:
            await tcp.serve(host, port, listening)
        finally:
            self._ports.remove(tcp)

    async def _fly(self) -> None:
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            await asyncio.sleep(self._autopilot.step_s)
            now_s = loop.time()
            self._autopilot.advance(now_s - last_s)
            self._flown_s += now_s - last_s
            last_s = now_s
            if self._vehicle.reboot_asked:
                await asyncio.sleep(REBOOT_S)
                last_s = loop.time()
                self._restart_links()
                self._autopilot.reboot()

    async def _listen(self, endpoint: Datagrams) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data, peer = await endpoint.receive()
            except LinkUnavailable:
                return
            if self._vehicle.reboot_asked or self._deaf(loop.time()):
                continue
            link = self._links.get(peer)
            if link is None:
                if len(self._links) >= MAX_PEERS:
                    continue
                link = self._link(endpoint, peer)
            self._autopilot.hear(link, data)

    def _link(self, endpoint: Datagrams, peer: Peer) -> Link:
        loop = asyncio.get_running_loop()

        def write(data: bytes) -> None:
            if not self._deaf(loop.time()):
                endpoint.send(data, peer)

        link = self._links[peer] = self._autopilot.add_link(write)
        return link

    def _restart_links(self) -> None:
        """A reboot forgets what every link had asked for and closes TCP connections."""
        for link in self._links.values():
            link.forget()
        for port in self._ports:
            port.hang_up()

    def _deaf(self, loop_s: float) -> bool:
        return self.faults.link_lost or loop_s < self.faults.link_lost_until_s

    def _around(self, position: Enu, amsl_m: float) -> Environment:
        return self._environment(position, amsl_m)

    def _released(self, release: Release) -> None:
        if self.on_release is not None:
            self.on_release(release)

    def _utc(self) -> datetime:
        return _NO_CLOCK_UTC + timedelta(seconds=self._flown_s)


def _calm(surface_amsl_m: float) -> Callable[[Enu, float], Environment]:
    return lambda _position, _amsl_m: Environment(surface_amsl_m=surface_amsl_m)


def _fitted(system_id: int, hooks: int, pack: Pack, *, gimbal: bool) -> dict[str, float]:
    """Parameters that follow from what is built in."""
    fitted: dict[str, float] = {
        "MAV_SYSID": system_id,
        "BATT_CAPACITY": round(pack.capacity_mah),
        "BATT_LOW_VOLT": pack.cells * _LOW_CELL_V,
        "SIM_BATT_VOLTAGE": pack.cells * FULL_CELL_V,
    }
    if hooks:
        fitted |= {"GRIP_ENABLE": 1, "GRIP_TYPE": 1}
        fitted |= {f"SERVO{FIRST_OUTPUT + index}_FUNCTION": GRIPPER_FUNCTION for index in range(hooks)}
    if gimbal:
        fitted["MNT1_TYPE"] = 1
    return fitted
