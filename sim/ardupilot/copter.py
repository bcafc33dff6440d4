"""A copter flown by a SITL process, in the place of the simulated one: real time only.

    start (fast) ──► heard ──► position ──► slowed to real time ──► ready, the link opens ──► until cancelled

What scenarios break goes into the simulator's own parameters; the radio and the hook's load are ours.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from pathlib import Path

from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import ParameterUnknown
from flightctl.mavlink.gripper import HookState as Servo
from flightctl.transport import Transports
from flightctl.vehicle.telemetry import LandedState, Telemetry
from geofence.errors import ChaoxunError
from geofence.position import Enu
from sim.ardupilot.defaults import write_defaults
from sim.ardupilot.errors import SitlNotReady
from sim.ardupilot.launch import Launch
from sim.ardupilot.ports import free_instance
from sim.ardupilot.process import SitlProcess
from sim.ardupilot.relay import Relay
from sim.ardupilot.truth import Motion, Truth
from sim.backend import Fit
from sim.copter import CopterState, Environment, Faults, HookState, Mode, Pack, Release
from sim.copter.battery import Battery

log = logging.getLogger(__name__)

BOOT_SPEEDUP = 10.0  # a position takes 42 s of its time (ARDUCOPTER.md §1)
_LISTENS_WITHIN_S = 30.0
_READY_WITHIN_S = 90.0
_LOOK_EVERY_S = 0.2
_WIND_EVERY_S = 2.0
_WIND_CHANGED_MPS = 0.3
_CHARGE_STEP_PERCENT = 1.0
_PACK = Pack()  # the three cells of the SITL's own quad
_NOMINAL_V = 11.1
_ALL_BATTERIES = 255.0
_GPS = (("SIM_GPS1_ENABLE", 1.0, 0.0), ("SIM_GPS_DISABLE", 0.0, 1.0))
_MOTOR = (("SIM_ENGINE_FAIL", 0.0, 1.0),)
_Switch = tuple[tuple[str, float, float], ...]
"""Names by version, newest first: the value when whole and when broken."""


class ProcessCopters:
    """Makes them, each with its own instance number and folder below `folder`."""

    def __init__(
        self,
        binary: Path | None,
        folder: Path,
        *,
        through_dronekit: bool = False,
        boot_speedup: float = BOOT_SPEEDUP,
        speedup: float = 1.0,
    ) -> None:
        """`speedup` is that of the event loop it runs on, for which see `sim.scaled_time`."""
        self._binary = None if binary is None else binary.absolute()  # it starts in a folder of its own
        self._folder = folder.absolute()
        self._through_dronekit = through_dronekit
        self._boot_speedup = boot_speedup
        self._speedup = speedup
        self._taken: set[int] = set()

    def __call__(self, fit: Fit) -> ProcessCopter:
        instance = free_instance(self._taken)
        self._taken.add(instance)
        launch = Launch(
            binary=self._binary,
            instance=instance,
            system_id=fit.system_id,
            home=fit.home,
            home_amsl_m=fit.home_amsl_m,
            heading_deg=fit.heading_deg,
            defaults=self._folder / f"{fit.drone_id}.parm",
            speedup=self._boot_speedup,
            through_dronekit=self._through_dronekit,
        )
        return ProcessCopter(fit, launch, self._folder / fit.drone_id, self._speedup)


class ProcessCopter:
    """One drone of the site; implements `sim.backend.Flyer`."""

    def __init__(self, fit: Fit, launch: Launch, folder: Path, speedup: float) -> None:
        self.faults = Faults()
        self.ready = False
        self.launch = launch
        self._fit = fit
        self._folder = folder
        self._speedup = speedup
        self._relay = Relay(fit.system_id, self._link_broken)
        self._truth: Truth | None = None
        self._environment: Callable[[Enu, float], Environment] | None = None
        self._mode = Mode.STABILIZE
        self._loaded = [True] * fit.hooks
        self._charged: float | None = None  # percent, by the dock, until it flies
        self._charge_told: float | None = None

    @property
    def inhibited(self) -> str:
        return self._relay.inhibited

    @inhibited.setter
    def inhibited(self, reason: str) -> None:
        self._relay.inhibited = reason

    @property
    def state(self) -> CopterState:
        told = None if self._truth is None else self._truth.vehicle.telemetry
        motion = self._motion()
        if told is not None and told.mode in Mode.__members__:  # the others show as the one before
            self._mode = Mode[told.mode]
        armed = told is not None and told.armed
        if armed:
            self._charged = None
        percent = None if told is None else told.battery_percent
        charge = self._charged if self._charged is not None else percent
        return CopterState(
            position=motion.position,
            amsl_m=motion.amsl_m,
            height_m=motion.amsl_m - self._fit.home_amsl_m,
            east_mps=motion.east_mps,
            north_mps=motion.north_mps,
            up_mps=motion.up_mps,
            yaw_deg=self._fit.heading_deg if told is None or told.heading_deg is None else told.heading_deg,
            armed=armed,
            on_ground=told is None or _on_ground(told),
            crashed=told is not None and any(text.text.startswith("Crash: ") for text in told.texts),
            mode=self._mode,
            battery_percent=100.0 if charge is None else charge,
            battery_v=0.0 if told is None else told.battery_volt or 0.0,
            hooks=tuple(HookState(number, loaded) for number, loaded in enumerate(self._loaded, start=1)),
        )

    def recharge(self, percent: float = 100.0) -> None:
        self._charged = min(100.0, max(0.0, percent))

    async def run(
        self, transports: Transports, address: str, environment: Callable[[Enu, float], Environment]
    ) -> None:
        """Until cancelled. Raises SitlFailed when it cannot be started, SitlDied, SitlNotReady."""
        self._environment = environment
        fit, launch = self._fit, self.launch
        self._folder.mkdir(parents=True, exist_ok=True)
        capacity_mah = round(1000.0 * fit.pack.capacity_wh / _NOMINAL_V)
        write_defaults(launch.defaults, fit.system_id, fit.hooks, {**fit.parameters, "BATT_CAPACITY": capacity_mah})
        process = SitlProcess(fit.drone_id, launch.command(), self._folder)
        serial1 = f"tcp:127.0.0.1:{launch.serial1_port}"
        truth = self._truth = Truth(transports, serial1, fit.system_id, fit.clock, fit.frame)
        try:
            await process.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(process.died())
                group.create_task(self._relay.run(transports, f"tcp:127.0.0.1:{launch.serial0_port}", address))
                await self._come_up(group, truth, process)
                group.create_task(self._watch_hooks(truth))
                group.create_task(self._follow_wind(truth))
                await self._keep_in_step(truth)
        finally:
            self.ready = self._relay.is_open = False
            await process.stop()

    async def _come_up(self, group: asyncio.TaskGroup, truth: Truth, process: SitlProcess) -> None:
        try:
            async with asyncio.timeout(_LISTENS_WITHIN_S):
                await self._relay.connected.wait()
        except TimeoutError as error:
            port = self.launch.serial0_port
            raise SitlNotReady(
                f"{process.name}: nothing listens on TCP port {port} after {_LISTENS_WITHIN_S:.0f} s; {process.tail}"
            ) from error
        group.create_task(truth.run())
        try:
            await truth.wait_ready(_READY_WITHIN_S)
            if self.launch.speedup != self._speedup:
                await truth.vehicle.set_parameters({"SIM_SPEEDUP": self._speedup})
        except ChaoxunError as error:
            raise SitlNotReady(f"{process.name} did not come up: {error}; {process.tail}") from error
        self._relay.is_open = self.ready = True

    # --- what happens to it ---------------------------------------------------------------------------------

    async def _keep_in_step(self, truth: Truth) -> None:
        """Faults and charge as asked."""
        gps_lost = motor_failed = False
        while True:
            if self.faults.gps_lost != gps_lost and await self._switch(truth, _GPS, self.faults.gps_lost):
                gps_lost = not gps_lost
            if self.faults.motor_failed != motor_failed and await self._switch(
                truth, _MOTOR, self.faults.motor_failed
            ):
                motor_failed = not motor_failed
            await self._charge(truth)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _switch(self, truth: Truth, names: _Switch, broken: bool) -> bool:
        """Whether that is settled; False: try again."""
        for name, whole, value in names:
            try:
                await truth.vehicle.set_parameters({name: value if broken else whole})
            except ParameterUnknown:
                continue
            except ChaoxunError as error:
                log.warning("%s: %s", self._fit.drone_id, error)
                return False
            return True
        log.warning("%s: this autopilot has none of %s", self._fit.drone_id, ", ".join(name for name, _, _ in names))
        return True

    async def _charge(self, truth: Truth) -> None:
        wanted, told = self._charged, self._charge_told
        if wanted is None or (told is not None and abs(wanted - told) < _CHARGE_STEP_PERCENT and wanted < 100.0):
            return
        if wanted == told:
            return
        self._charge_told = wanted
        truth.tell(Command(mavlink.MAV_CMD_BATTERY_RESET, (_ALL_BATTERIES, wanted)))
        battery = Battery(_PACK)
        battery.recharge(wanted / 100.0)
        await self._switch(truth, (("SIM_BATT_VOLTAGE", 0.0, round(battery.voltage_v, 2)),), True)

    async def _follow_wind(self, truth: Truth) -> None:
        last = (0.0, 0.0)
        while True:
            motion = self._motion()
            assert self._environment is not None
            around = self._environment(motion.position, motion.amsl_m)
            wind = (around.wind_east_mps, around.wind_north_mps)
            if math.dist(wind, last) > _WIND_CHANGED_MPS:
                from_deg = math.degrees(math.atan2(-wind[0], -wind[1])) % 360.0
                try:
                    await truth.vehicle.set_parameters({"SIM_WIND_SPD": math.hypot(*wind), "SIM_WIND_DIR": from_deg})
                    last = wind
                except ParameterUnknown:
                    return  # it flies in calm air
                except ChaoxunError as error:
                    log.warning("%s: %s", self._fit.drone_id, error)
            await asyncio.sleep(_WIND_EVERY_S)

    async def _watch_hooks(self, truth: Truth) -> None:
        """A hook's servo seen open lets its load go, unless that is jammed."""
        vehicle = truth.vehicle
        while True:

            def opened() -> list[int] | None:
                told = vehicle.telemetry
                numbers = range(1, len(self._loaded) + 1)
                return [n for n in numbers if self._loaded[n - 1] and told.hook(n) is Servo.RELEASED] or None

            for number in await vehicle.until(opened, math.inf) or ():
                if not self.faults.gripper_jam:
                    self._loaded[number - 1] = False
                    motion = self._motion()
                    self._fit.on_release(
                        Release(
                            number,
                            motion.position,
                            motion.amsl_m,
                            motion.east_mps,
                            motion.north_mps,
                            motion.up_mps,
                        )
                    )
            await asyncio.sleep(_LOOK_EVERY_S)

    # --- where it is ----------------------------------------------------------------------------------------

    def _motion(self) -> Motion:
        now_s = self._fit.clock.time_s()
        known = None if self._truth is None else self._truth.motion(now_s)
        fit = self._fit
        return known or Motion(fit.frame.to_enu(fit.home), fit.home_amsl_m, 0.0, 0.0, 0.0, now_s)

    def _link_broken(self) -> bool:
        return self.faults.link_lost or self._fit.clock.time_s() < self.faults.link_lost_until_s


def _on_ground(told: Telemetry) -> bool:
    return told.landed_state is LandedState.ON_GROUND or (
        told.landed_state is LandedState.UNDEFINED and not told.armed
    )
