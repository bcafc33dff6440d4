"""Winch: pays line out and in, and says so only when its own report shows it.

MAVLink guide: https://mavlink.io/en/services/payload.html. DO_WINCH goes to component 169 when one is heard there,
else to the autopilot, which then drives the winch itself. A length is relative, so a command that may have been heard
is sent again only when WINCH_STATUS shows that the line stands where it stood.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from flightctl.mavlink.command import Check, Command
from flightctl.mavlink.components import Component, Components
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import LinkLost, NotFitted, NotMoved
from flightctl.mavlink.waiting import Bell

COMPONENT = mavlink.MAV_COMP_ID_WINCH
_STATUS_ID = mavlink.MAVLINK_MSG_ID_WINCH_STATUS
_STATUS_EVERY_S = 0.5
_FRESH_S = 3.0
_SHOWS_S = 2.0  # from a command until the line must be seen to run
_SETTLED_MPS = 0.02
_NEAR_M = 0.15
_SLOWEST_MPS = 0.1  # when no rate is asked for; only time-outs hang on it
_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class WinchStatus:
    """As it last said. None: it does not measure this."""

    at_s: float  # loop time
    length_m: float | None  # of line out
    speed_mps: float | None  # positive pays out
    tension_kg: float | None
    healthy: bool
    retracted: bool
    moving: bool
    clutch_engaged: bool

    @property
    def standing(self) -> bool:
        return not self.moving and (self.speed_mps is None or abs(self.speed_mps) <= _SETTLED_MPS)


class Winch:
    """Of one vehicle; winch `number` counts from 1. Every method raises NotFitted, CommandError or LinkLost."""

    def __init__(self, components: Components, number: int = 1) -> None:
        self._components = components
        self._clock = components.clock
        self._number = number
        self._status: WinchStatus | None = None
        self._reporter: int | None = None  # the component that says WINCH_STATUS
        self._bell = Bell(components.clock)
        components.everybody.talk.on(mavlink.MAVLink_winch_status_message, self._take)

    @property
    def status(self) -> WinchStatus | None:
        """The last one; None when none was heard lately."""
        status = self._status
        return status if status is not None and self._clock.time_s() - status.at_s <= _FRESH_S else None

    async def find(self) -> WinchStatus:
        """Its present status. Raises NotFitted when nothing tells of a winch."""
        self._components.require_link()
        if self.status is None:
            await self._components.everybody.ask(mavlink.MAVLink_winch_status_message)
        status = self.status
        if status is None:
            raise NotFitted(f"{self._components.autopilot.who} has no winch: no WINCH_STATUS came")
        if self._reporter is not None:
            self._components.keep_coming(self._components.of(self._reporter), _STATUS_ID, _STATUS_EVERY_S)
        return status

    async def wind(self, length_m: float, rate_mps: float | None = None) -> WinchStatus:
        """Pays out so much more line (negative: takes in) and returns when it is out and stands.

        Raises NotMoved when the line stops short.
        """
        start = await self.find()
        start_m = start.length_m
        if start_m is None:
            raise NotFitted(f"{self._target().who}: its winch does not measure the line")
        goal_m = start_m + length_m
        signed_mps = 0.0 if rate_mps is None else math.copysign(abs(rate_mps), length_m)
        await self._act(
            (mavlink.WINCH_RELATIVE_LENGTH_CONTROL, length_m, signed_mps),
            lambda now: now.moving or (now.length_m is not None and abs(now.length_m - start_m) > _NEAR_M / 3),
        )
        slowest_mps = _SLOWEST_MPS if rate_mps is None else max(0.01, abs(rate_mps) / 2)
        return await self._come_to(
            f"{length_m:+.1f} m of line",
            lambda now: now.length_m is not None and abs(now.length_m - goal_m) <= _NEAR_M,
            abs(length_m) / slowest_mps,
        )

    async def wind_to(self, length_m: float, rate_mps: float | None = None) -> WinchStatus:
        """Until so much line is out."""
        status = await self.find()
        if status.length_m is None:
            raise NotFitted(f"{self._target().who}: its winch does not measure the line")
        missing_m = length_m - status.length_m
        return status if abs(missing_m) <= _NEAR_M else await self.wind(missing_m, rate_mps)

    async def run(self, rate_mps: float) -> None:
        """Pays out (negative: takes in) at this rate until told otherwise; returns when it runs."""
        await self.find()
        wanted = _runs(rate_mps)
        await self._act((mavlink.WINCH_RATE_CONTROL, 0.0, rate_mps), wanted)
        await self._come_to(f"{rate_mps:+.1f} m/s", wanted, _SHOWS_S, settles=False)

    async def hold(self) -> None:
        """Stops the line where it is."""
        await self.run(0.0)

    async def relax(self) -> None:
        """Lets the line run free: a load on it falls."""
        await self.find()
        await self._act((mavlink.WINCH_RELAXED,), None)

    async def lock(self) -> None:
        """Holds by its brake, with the motor off."""
        await self._act((mavlink.WINCH_LOCK,), lambda now: now.standing)

    async def deliver(self) -> None:
        """Begins its own sequence that lowers the load, lets it go and takes the line in."""
        await self.find()
        await self._act((mavlink.WINCH_DELIVER,), lambda now: now.moving)

    async def retract(self) -> WinchStatus:
        """Takes the whole line in."""
        start = await self.find()
        await self._act((mavlink.WINCH_RETRACT,), lambda now: now.retracted or now.moving)
        return await self._come_to("retracting", lambda now: now.retracted, (start.length_m or 30.0) / _SLOWEST_MPS)

    async def abandon_line(self) -> None:
        """Lets the whole line go, with what hangs on it; for a line that is caught."""
        await self.find()
        await self._act((mavlink.WINCH_ABANDON_LINE,), None)

    async def _act(self, values: tuple[float, ...], shows: Callable[[WinchStatus], bool] | None) -> None:
        """Commands it; `shows` tells from a status that it was begun, None that no status can."""
        self._components.require_link()
        action, length_m, rate_mps = (*values, 0.0, 0.0)[:3]
        command = Command(mavlink.MAV_CMD_DO_WINCH, (self._number, action, length_m, rate_mps))
        await self._target().commander.act(command, _unseen if shows is None else self._check(shows))

    def _check(self, shows: Callable[[WinchStatus], bool]) -> Check:
        async def check(sent_s: float) -> bool | None:
            def look() -> bool | None:
                status = self._status
                if status is None or status.at_s < sent_s:
                    return None
                return True if shows(status) else False if status.at_s >= sent_s + _SHOWS_S else None

            return await self._bell.until(look, 2 * _SHOWS_S)

        return check

    async def _come_to(
        self, what: str, there: Callable[[WinchStatus], bool], within_s: float, *, settles: bool = True
    ) -> WinchStatus:
        """Watches it move. Raises NotMoved when it stands elsewhere, LinkLost when it is silent."""
        begun_s = self._clock.time_s()

        def look() -> WinchStatus | None:
            status = self._status
            now_s = self._clock.time_s()
            if status is None or now_s - status.at_s > _FRESH_S:
                raise LinkLost(f"{self._target().who}: its winch is no longer heard during {what}")
            if status.at_s < begun_s:
                return None
            if there(status) and (status.standing or not settles):
                return status
            if settles and status.standing and status.at_s - begun_s > _SHOWS_S:
                raise NotMoved(f"{self._target().who}: {what}: the winch stopped with {_out(status)}")
            return None

        ends_s = begun_s + within_s + _GRACE_S
        found = None
        while found is None and self._clock.time_s() < ends_s:  # a look each second notices its silence
            found = await self._bell.until(look, min(1.0, ends_s - self._clock.time_s()))
        if found is None:
            status = self._status
            out = _out(status) if status is not None else "nothing heard"
            raise NotMoved(f"{self._target().who}: {what} not reached after {within_s + _GRACE_S:.0f} s, {out}")
        return found

    def _target(self) -> Component:
        components = self._components
        return components.of(COMPONENT) if components.has_spoken(COMPONENT) else components.autopilot

    def _take(self, message: mavlink.MAVLink_winch_status_message) -> None:
        flags = message.status
        self._reporter = message.get_srcComponent()
        self._status = WinchStatus(
            at_s=self._clock.time_s(),
            length_m=_measured(message.line_length),
            speed_mps=_measured(message.speed),
            tension_kg=_measured(message.tension),
            healthy=bool(flags & mavlink.MAV_WINCH_STATUS_HEALTHY),
            retracted=bool(flags & mavlink.MAV_WINCH_STATUS_FULLY_RETRACTED),
            moving=bool(flags & mavlink.MAV_WINCH_STATUS_MOVING),
            clutch_engaged=bool(flags & mavlink.MAV_WINCH_STATUS_CLUTCH_ENGAGED),
        )
        self._bell.ring()


async def _unseen(sent_s: float) -> bool | None:
    """No report tells whether it was done, so it is sent once."""
    del sent_s
    return None


def _runs(rate_mps: float) -> Callable[[WinchStatus], bool]:
    def runs(now: WinchStatus) -> bool:
        if rate_mps == 0:
            return now.standing
        return now.moving if now.speed_mps is None else now.speed_mps * rate_mps > 0

    return runs


def _measured(value: float) -> float | None:
    return None if math.isnan(value) else value


def _out(status: WinchStatus) -> str:
    return "the line's length not known" if status.length_m is None else f"{status.length_m:.1f} m of line out"
