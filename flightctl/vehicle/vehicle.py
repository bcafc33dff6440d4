"""What a vehicle can be told to do: every method can be awaited and cancelled, and ends done or in a typed error.

An acknowledgement means begun; each method watches the telemetry until the thing is done. A flight that turns
into another one (a failsafe, a pilot, a reboot) ends in FlightInterrupted, a silent vehicle in LinkLost.
Cancelling a method stops the watching and not the vehicle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from flightctl.mavlink import gripper
from flightctl.mavlink.command import ACT_WINDOW_S, INSIST_WINDOW_S, Check, Command
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import (
    CommandFailed,
    CommandTimedOut,
    FlightInterrupted,
    FlightTimedOut,
    HookJammed,
    LinkLost,
    NotReady,
    ReleaseUnconfirmed,
    WrongState,
)
from flightctl.mavlink.gripper import HookState, Release
from flightctl.vehicle.ground_work import GroundWork
from flightctl.vehicle.telemetry import LandedState
from geofence.position import LatLon

_HEARTBEAT_SHOWS_S = 1.2  # it comes each second
_LIFT_SHOWS_S = 4.5  # motors spool up for up to 3 s before it counts as taking off (ARDUCOPTER.md)
_SERVO_SHOWS_S = 0.8
_TAKES_EFFECT_S = 6.0  # from acceptance until it must show; on a bad link some heartbeats are missed
_SERVO_FRESH_S = 3.0
_SLOWEST_MPS = 2.0  # against a strong wind; only time-outs hang on it
_SLOWEST_CLIMB_MPS = 0.5
_SLOWEST_SINK_MPS = 0.3
_STANDING_MPS = 0.5
_METRES_PER_DEGREE = 111_195.0
_MASK_POSITION_VELOCITY = 0b110111000000
_MASK_IGNORE_YAW = 1 << 10


class Vehicle(GroundWork):
    """One vehicle."""

    async def wait_ready(self, timeout_s: float = 90.0) -> None:
        """Until it could arm in the guided mode, which is selected while it is disarmed. Raises NotReady."""
        ends_s = self._clock.time_s() + timeout_s
        fold = self._fold
        booted = await self.until(lambda: (self.online and fold.system_status >= 3) or None, timeout_s)
        if booted is None:
            raise NotReady(f"{self.who} {'is still starting' if self.online else 'is not heard'}")
        if not fold.armed:
            await self.set_mode(self.autopilot.guided)

        def ready() -> bool | None:
            estimates = self.autopilot.estimates_position(fold.ekf_flags)
            return (self.online and estimates and fold.prearm_ok and fold.lat_lon is not None) or None

        if await self.until(ready, ends_s - self._clock.time_s()) is None:
            self.require_link()
            reasons = await self.prearm_reasons()
            raise NotReady(
                f"{self.who} is not ready after {timeout_s:.0f} s: {'; '.join(reasons) or 'no reason given'}"
            )

    async def set_mode(self, name: str) -> None:
        """Returns when its heartbeat shows the mode. Raises CommandError, LinkLost."""
        self.require_link()
        command = self.autopilot.set_mode(name)
        fold = self._fold
        if fold.mode == name:
            return
        safer = name in {self.autopilot.return_home, self.autopilot.land, self.autopilot.brake}
        await self._commander.act(
            command,
            self._shows(lambda: fold.mode == name, lambda: fold.heartbeat_s),
            window_s=INSIST_WINDOW_S if safer else ACT_WINDOW_S,
        )
        if await self.until(lambda: fold.mode == name or None, _TAKES_EFFECT_S) is None:
            raise CommandFailed(self.who, f"mode {name}", f"was accepted, but it is in {fold.mode}")

    async def arm(self) -> None:
        """In the guided mode. Idle on the ground it disarms itself again after about ten seconds."""
        self.require_link()
        fold = self._fold
        if fold.armed:
            return
        await self.set_mode(self.autopilot.guided)
        await self._commander.act(
            Command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, (1.0,)),
            self._shows(lambda: fold.armed, lambda: fold.heartbeat_s),
        )
        if await self.until(lambda: fold.armed or None, _TAKES_EFFECT_S) is None:
            raise CommandFailed(self.who, "arming", "was accepted, but it is not armed")

    async def disarm(self) -> None:
        """On the ground only; in the air it is refused."""
        self.require_link()
        fold = self._fold
        if not fold.armed:
            return
        await self._commander.act(
            Command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, (0.0,)),
            self._shows(lambda: not fold.armed, lambda: fold.heartbeat_s),
        )
        if await self.until(lambda: (not fold.armed) or None, _TAKES_EFFECT_S) is None:
            raise CommandFailed(self.who, "disarming", "was accepted, but it is armed")

    async def take_off(self, height_m: float) -> None:
        """Arms if need be, climbs, and returns at `height_m` above the spot it stood on, ready to be sent on."""
        self.require_link()
        if self.telemetry.airborne:
            raise WrongState(f"{self.who} is in the air already, {self._fold.height_m:.0f} m above home")
        await self.arm()
        await self.set_mode(self.autopilot.guided)
        fold = self._fold
        await self._commander.act(
            self.autopilot.take_off(height_m, fold.amsl_m),
            self._shows(lambda: self.telemetry.airborne, lambda: fold.landed_s, _LIFT_SHOWS_S),
        )
        near_m = max(0.5, 0.05 * height_m)
        await self._watch(
            f"climb to {height_m:.0f} m",
            lambda: fold.height_m >= height_m - near_m and fold.mode == self.autopilot.guided,
            modes=self.autopilot.climbing,
            timeout_s=20.0 + height_m / _SLOWEST_CLIMB_MPS,
        )

    async def go_to(
        self,
        position: LatLon,
        height_m: float,
        *,
        speed_mps: float | None = None,
        yaw_deg: float | None = None,
        arrive_within_m: float = 2.0,
        timeout_s: float | None = None,
    ) -> None:
        """Flies there and returns on arrival; takes over from any other mode. Heights are above home.

        A place outside the vehicle's fence is refused (CommandFailed).
        """
        self._require_airborne()
        await self.set_mode(self.autopilot.guided)
        way = self.autopilot.go_to(
            position, height_m, home_amsl_m=self._home_amsl_m(), speed_mps=speed_mps, yaw_deg=yaw_deg
        )
        sent_s = self._clock.time_s()
        for command in way:
            await self._commander.request(command)
        if timeout_s is None:
            way_m = self.distance_to_m(position)
            slowest_mps = _SLOWEST_MPS if speed_mps is None else min(_SLOWEST_MPS, speed_mps / 2)
            timeout_s = 30.0 + way_m / slowest_mps + abs(height_m - self._fold.height_m) / _SLOWEST_CLIMB_MPS
        doing = f"flight to {position.lat:.5f},{position.lon:.5f}"

        def arrived() -> bool:
            for said in self._fold.texts.reasons_since(sent_s):
                if any(words in said for words in self.autopilot.place_refused):
                    raise CommandFailed(self.who, doing, f"was accepted, and then: {said}")
            return self.distance_to_m(position) <= arrive_within_m and abs(self._fold.height_m - height_m) <= max(
                1.0, arrive_within_m
            )

        await self._watch(
            doing,
            arrived,
            modes=(self.autopilot.guided,),
            timeout_s=timeout_s,
        )

    def send_target(
        self,
        position: LatLon,
        height_m: float,
        velocity_mps: tuple[float, float] = (0.0, 0.0),
        *,
        yaw_deg: float | None = None,
    ) -> None:
        """One set-point of a moving target (velocity east, north), for callers that repeat it at 4-5 Hz.

        It is not acknowledged and ignored outside the guided mode, so that is checked here: raises
        FlightInterrupted, LinkLost. After three seconds without another one the vehicle stops.
        """
        self._require_airborne()
        if self._fold.mode != self.autopilot.guided:
            raise FlightInterrupted(f"{self.who} is in {self._fold.mode} and follows no target")
        if not self.autopilot.follows_set_points:
            way = self.autopilot.go_to(
                position, height_m, home_amsl_m=self._home_amsl_m(), speed_mps=None, yaw_deg=yaw_deg
            )
            for command in way:
                self._commander.tell(command)
            return
        east, north = velocity_mps
        self._talk.send(
            mavlink.MAVLink_set_position_target_global_int_message(
                0,
                self.system_id,
                self._talk.component_id,
                mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT,
                _MASK_POSITION_VELOCITY & ~(0 if yaw_deg is None else _MASK_IGNORE_YAW),
                round(position.lat * 1e7),
                round(position.lon * 1e7),
                height_m,
                north,
                east,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0 if yaw_deg is None else math.radians(yaw_deg),
                0.0,
            )
        )

    async def hold(self) -> None:
        """Stops as fast as it can and stays there, ready for the next target."""
        self._require_airborne()
        await self.set_mode(self.autopilot.brake)
        here = self.telemetry.position
        if self.autopilot.brake == self.autopilot.guided and here is not None:  # it may be flying to a place in it
            way = self.autopilot.go_to(
                here, self._fold.height_m, home_amsl_m=self._home_amsl_m(), speed_mps=None, yaw_deg=None
            )
            for command in way:
                await self._commander.request(command)
        await self._watch(
            "stop",
            lambda: self.telemetry.speed_mps <= _STANDING_MPS,
            modes=(self.autopilot.brake,),
            timeout_s=20.0,
        )
        await self.set_mode(self.autopilot.guided)

    async def begin_return(self) -> None:
        """On its way home when this returns."""
        self._require_airborne()
        await self.set_mode(self.autopilot.return_home)

    async def return_home(self) -> None:
        """Returns when it has landed at home and disarmed."""
        if not self.online or self.telemetry.airborne:
            await self.begin_return()
        await self.wait_landed()

    async def land(self) -> None:
        """Comes down where it is; returns when it has disarmed."""
        self._require_airborne()
        await self.set_mode(self.autopilot.land)
        await self.wait_landed()

    async def wait_landed(self) -> None:
        """Watches a return or landing that has begun, until it has disarmed on the ground."""
        fold = self._fold
        home_m = self.distance_to_m(fold.home.position) if fold.home is not None else 1000.0
        await self._watch(
            "landing",
            lambda: not fold.armed and fold.landed_state in {LandedState.ON_GROUND, LandedState.UNDEFINED},
            modes=self.autopilot.coming_down,
            timeout_s=120.0 + home_m / _SLOWEST_MPS + max(0.0, fold.height_m) / _SLOWEST_SINK_MPS,
            disarms=True,
        )

    async def release(self, hook: int) -> Release:
        """Opens hook `hook` (from 1) and returns when its servo was seen open.

        Raises HookJammed when it did not move, ReleaseUnconfirmed when that cannot be seen, CommandError when
        the autopilot refuses. Nothing is repeated unless the servo was seen to hold still.
        """
        self.require_link()
        if not 1 <= hook <= gripper.HOOKS:
            raise WrongState(f"{self.who} has no hook {hook}; hooks are 1 to {gripper.HOOKS}")
        fold = self._fold
        opened = self._opened(hook)
        if opened():
            return Release(hook, self._clock.time_s(), fold.servos_us[hook - 1], already=True)
        try:
            await self._commander.act(
                gripper.release_command(hook), self._shows(opened, lambda: fold.servos_s, _SERVO_SHOWS_S)
            )
        except CommandTimedOut as error:
            raise ReleaseUnconfirmed(f"{self.who}: hook {hook}: {error}") from error
        accepted_s = self._clock.time_s()
        if not self.autopilot.servos_show_hooks:
            return Release(hook, accepted_s, 0, already=False, seen=False)
        if await self.until(lambda: opened() or None, gripper.CONFIRM_S) is None:
            if fold.servos_s is None or fold.servos_s < accepted_s or len(fold.servos_us) < hook:
                raise ReleaseUnconfirmed(f"{self.who}: hook {hook}: accepted, but its servo output is not heard")
            servo_us = fold.servos_us[hook - 1]
            raise HookJammed(f"{self.who}: hook {hook} did not open: its servo stands at {servo_us} µs")
        return Release(hook, self._clock.time_s(), fold.servos_us[hook - 1], already=False)

    async def start_mission(self) -> None:
        """Arms in the guided mode if need be and starts; returns when it is in the air in the mission mode."""
        await self.arm()
        fold = self._fold

        def flies_it() -> bool:
            return fold.mode == self.autopilot.mission and self.telemetry.airborne

        await self._commander.act(
            Command(mavlink.MAV_CMD_MISSION_START), self._shows(flies_it, lambda: fold.landed_s, _LIFT_SHOWS_S)
        )
        if await self.until(lambda: flies_it() or None, 10.0) is None:
            now = f"it is {'armed' if fold.armed else 'disarmed'} in {fold.mode}"
            raise FlightTimedOut(f"{self.who}: the mission was accepted and it did not take off; {now}")

    def distance_to_m(self, position: LatLon) -> float:
        """Along the ground; infinite while its position is not known."""
        here = self._fold.lat_lon
        if here is None:
            return math.inf
        north = (position.lat - here[0]) * _METRES_PER_DEGREE
        east = (position.lon - here[1]) * _METRES_PER_DEGREE * math.cos(math.radians(position.lat))
        return math.hypot(east, north)

    def _home_amsl_m(self) -> float:
        return self._fold.amsl_m - self._fold.height_m

    def _opened(self, hook: int) -> Callable[[], bool]:
        fold = self._fold

        def opened() -> bool:
            servos = fold.servos_us
            if fold.servos_s is None or self._clock.time_s() - fold.servos_s > _SERVO_FRESH_S:
                return False
            return len(servos) >= hook and gripper.hook_state(servos[hook - 1]) is HookState.RELEASED

        return opened

    def _require_airborne(self) -> None:
        self.require_link()
        if not self.telemetry.airborne:
            raise WrongState(f"{self.who} is on the ground")

    def _shows(
        self, done: Callable[[], bool], heard_s: Callable[[], float | None], after_s: float = _HEARTBEAT_SHOWS_S
    ) -> Check:
        """Whether the vehicle's own words, heard long enough after a command, show it done.

        A reboot undoes what was done, so after one nothing is known.
        """
        reboots = self.reboots

        async def check(sent_s: float) -> bool | None:
            def look() -> bool | None:
                if done():
                    return True
                if self.reboots != reboots:
                    return None
                last_s = heard_s()
                return False if last_s is not None and last_s >= sent_s + after_s else None

            return await self.until(look, sent_s + after_s + _TAKES_EFFECT_S - self._clock.time_s())

        return check

    async def _watch(
        self,
        doing: str,
        done: Callable[[], bool],
        *,
        modes: Collection[str],
        timeout_s: float,
        disarms: bool = False,
    ) -> None:
        """Until `done`. Raises FlightInterrupted, FlightTimedOut, LinkLost."""
        fold = self._fold
        reboots = self.reboots

        def look() -> bool | None:
            if self.reboots != reboots:
                raise FlightInterrupted(f"{self.who} rebooted during its {doing}")
            if done():
                return True
            if not self.online:
                raise LinkLost(f"{self.who} is no longer heard during its {doing}")
            if not fold.armed and not disarms:
                raise FlightInterrupted(f"{self.who} disarmed during its {doing}{self._last_words()}")
            if fold.armed and fold.mode not in modes:
                raise FlightInterrupted(f"{self.who} went to {fold.mode} during its {doing}{self._last_words()}")
            return None

        if await self.until(look, timeout_s) is None:
            raise FlightTimedOut(f"{self.who}: {doing} not completed after {timeout_s:.0f} s")

    def _last_words(self) -> str:
        reasons = self._fold.texts.reasons_since(self._clock.time_s() - 10.0)
        return f": {'; '.join(reasons)}" if reasons else ""
