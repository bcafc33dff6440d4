"""What a vehicle is asked and given on the ground: parameters, fence, rally points, mission, pre-flight checks.

And what hangs on it: servos, camera, gimbal, winch. All of it may be done in the air too; none of it flies.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from flightctl.mavlink.camera import Camera
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import CommandFailed, LinkLost, ParameterUnknown, TransferFailed
from flightctl.mavlink.gimbal import Gimbal
from flightctl.mavlink.mission import Item, Plan, Rally, fence_items, rally_items
from flightctl.mavlink.servo import Servos
from flightctl.mavlink.winch import Winch
from flightctl.preflight_report import CheckResult
from flightctl.vehicle import preflight
from flightctl.vehicle.contact import Contact
from geofence.position import LatLon

_REASONS_S = 1.0  # for the status texts with which it answers
_FENCE_SHOWS_S = 12.0  # from acceptance until its status shows it; on a bad link some are missed


class GroundWork(Contact):
    """What `Vehicle` stands on."""

    @cached_property
    def servos(self) -> Servos:
        return Servos(self.components)

    @cached_property
    def camera(self) -> Camera:
        return Camera(self.components)

    @cached_property
    def gimbal(self) -> Gimbal:
        return Gimbal(self.components)

    @cached_property
    def winch(self) -> Winch:
        return Winch(self.components)

    async def read_parameters(self, names: Iterable[str]) -> dict[str, float]:
        """Raises ParameterUnknown."""
        self.require_link()
        return {name: await self._parameters.read(name) for name in names}

    async def read_all_parameters(self) -> dict[str, float]:
        """Every parameter it has, by name, in its order. Raises ParametersIncomplete, LinkLost."""
        self.require_link()
        return await self._parameters.read_all()

    async def set_parameters(self, values: Mapping[str, float]) -> None:
        """Each verified. Raises ParameterUnknown, ParameterNotTaken."""
        self.require_link()
        for name, value in values.items():
            await self._parameters.set(name, value)

    async def upload_fence(
        self, inclusion: Sequence[LatLon], exclusions: Sequence[Sequence[LatLon]] = (), *, enable: bool = True
    ) -> None:
        """Puts the polygons into the vehicle, reads them back, and has it keep them. Raises TransferFailed."""
        self.require_link()
        await self._transfers.upload(Plan.FENCE, fence_items(inclusion, exclusions))
        if enable:
            for name, value in self.autopilot.fence_on.items():
                await self._parameters.set(name, value)
            if self.autopilot.fence_by_command:
                await self._enable_fence()

    async def upload_rally_points(self, points: Sequence[Rally]) -> None:
        """Where it may return to instead of home. Raises TransferFailed."""
        self.require_link()
        await self._transfers.upload(Plan.RALLY, rally_items(points))

    async def download_rally_points(self) -> tuple[Item, ...]:
        self.require_link()
        return await self._transfers.download(Plan.RALLY)

    async def upload_mission(self, items: Sequence[Item]) -> None:
        """Without home: the first item is the take-off. Raises TransferFailed."""
        self.require_link()
        await self._transfers.upload(Plan.MISSION, self.autopilot.mission_items(items, self.telemetry.position))

    async def download_mission(self) -> tuple[Item, ...]:
        self.require_link()
        return await self._transfers.download(Plan.MISSION)

    async def download_fence(self) -> tuple[Item, ...]:
        self.require_link()
        return await self._transfers.download(Plan.FENCE)

    async def read_for_preflight(self, asked: preflight.Asked) -> preflight.Readings:
        """Its parameters and its fence, within the time the site gives; what did not come is unknown."""
        names = self.autopilot.preflight_parameters
        parameters: dict[str, float | None] = dict.fromkeys(names)
        fence: tuple[Item, ...] | None = None
        if not self.online or self.conflict:
            return preflight.Readings(parameters)
        with contextlib.suppress(TimeoutError, LinkLost, TransferFailed):
            async with asyncio.timeout(asked.limits.read_within_s):
                for name in names:
                    with contextlib.suppress(ParameterUnknown):
                        parameters[name] = await self._parameters.read(name)
                wanted = asked.fence and asked.limits.fence != "none"
                if wanted and self.autopilot.fence_kept(self._fold.fence_enabled, parameters):
                    fence = await self._transfers.download(Plan.FENCE)
        return preflight.Readings(parameters, fence)

    async def preflight(
        self, asked: preflight.Asked | None = None, readings: preflight.Readings | None = None
    ) -> tuple[CheckResult, ...]:
        """Every check, made now; `readings` may have been read while something else was waited for."""
        asked = asked or preflight.Asked()
        readings = readings or await self.read_for_preflight(asked)
        return preflight.results(
            preflight.Snapshot(
                asked=asked,
                telemetry=self.telemetry,
                autopilot=self.autopilot,
                known=self.known,
                conflict=self.conflict,
                estimator_flags=self._fold.ekf_flags,
                clock_ahead_s=self._clock_ahead_s(),
                readings=readings,
                reasons=await self.prearm_reasons(),
            )
        )

    async def prearm_reasons(self) -> tuple[str, ...]:
        """Why it would not arm, in its own words; empty when it would."""
        if not self.online or self.conflict or self._fold.armed or self._fold.prearm_ok:
            return ()
        asked_s = self._clock.time_s()
        self._commander.tell(Command(mavlink.MAV_CMD_RUN_PREARM_CHECKS))
        await asyncio.sleep(_REASONS_S)
        return self._fold.texts.reasons_since(asked_s)

    def _clock_ahead_s(self) -> float | None:
        said = self._fold.unix_s
        if said is None:
            return None
        unix_s, at_s = said
        return unix_s - (self._clock.now().timestamp() - (self._clock.time_s() - at_s))

    async def _enable_fence(self) -> None:
        for tries_left in (2, 1, 0):  # just after an upload it may fail while the polygon loads
            try:
                await self._commander.request(Command(mavlink.MAV_CMD_DO_FENCE_ENABLE, (1.0,)))
                break
            except CommandFailed:
                if tries_left == 0:
                    raise
                await asyncio.sleep(1.0)
        if await self.until(lambda: self._fold.fence_enabled or None, _FENCE_SHOWS_S) is None:
            raise CommandFailed(self.who, "enabling the fence", "was accepted, but its status does not show it")
