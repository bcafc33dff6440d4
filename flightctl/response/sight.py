"""The drone's own eye on the person: what it sees corrects where they are reckoned to be, until the drop and after.

Runs beside the flight, as the gaze does, and never in its way. It opens when the drone is near and the person is in
the water, and says once in the incident's timeline that it has found them. Whom it takes for the person is its own
judgement (it is told where they are reckoned to be), so a forecast that has drifted off is put right even where no
bank camera sees.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from flightctl.drone import DroneHands
from flightctl.eyes import PoseFeed
from flightctl.response.desk import Desk
from geofence.errors import ChaoxunError
from vision.aerial.eye import AerialContext, DroneEye
from vision.alert import FrameReport

OPENS_M = 170.0  # a little before the gimbal turns
_WAIT_S = 0.5
_FEED_S = 0.1
_TELL_EVERY = 3  # feeds
_AGAIN_S = 5.0


class Sight:
    """Of one drone for one incident; does nothing when the site gives it no camera."""

    def __init__(self, desk: Desk, incident_id: UUID, hands: DroneHands) -> None:
        self._desk = desk
        self._incident_id = incident_id
        self._hands = hands
        self._told: set[str] = set()
        self._found_sigma_m: float | None = None

    async def follow(self) -> None:
        """Until cancelled."""
        eye, port = self._desk.eyes.eye(self._hands.drone), self._desk.eyes.port
        if eye is None or port is None:
            return
        while True:
            try:
                await self._come_near()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._feed(eye))
                    group.create_task(port.look(eye, self._on_report))
            except* ChaoxunError as errors:
                await self._tell("camera_blind", "; ".join(str(error) for error in errors.exceptions))
            await asyncio.sleep(_AGAIN_S)

    async def _come_near(self) -> None:
        while True:
            casualty = self._desk.casualty(self._incident_id)
            if self._hands.armed and casualty.in_water:
                away_m = self._hands.place().distance_m(casualty.estimate().place)
                if away_m <= OPENS_M:
                    return
            await asyncio.sleep(_WAIT_S)

    async def _feed(self, eye: DroneEye) -> None:
        """Telemetry as it comes, and what the service reckons."""
        desk = self._desk
        poses = PoseFeed(eye, self._hands, desk.clock)
        round_ = 0
        while True:
            poses.feed()
            if round_ % _TELL_EVERY == 0:
                now = desk.casualty(self._incident_id).estimate()
                eye.set_context(
                    AerialContext(
                        at=desk.clock.now(),
                        water_amsl_m=desk.water_amsl_m(now.place),
                        expected=now.place,
                        sigma_m=now.sigma_m,
                        drift=now.velocity,
                        lifebuoy=desk.eyes.lifebuoy(self._incident_id, now.velocity),
                    )
                )
                if self._found_sigma_m is not None:
                    told = f"the drone's camera sees the person, ±{self._found_sigma_m:.1f} m"
                    await self._tell("camera_sees", told)
            round_ += 1
            await asyncio.sleep(_FEED_S)

    def _on_report(self, report: FrameReport) -> None:
        casualty = self._desk.casualty(self._incident_id)
        for view in report.tracks:
            if view.alerting:
                casualty.follow(report.camera_id, view.track_id)
                if self._found_sigma_m is None:
                    self._found_sigma_m = view.position.sigma_m
        self._desk.eyes.on_report(report)

    async def _tell(self, step: str, text: str) -> None:
        if step not in self._told:
            self._told.add(step)
            await self._desk.note(self._incident_id, self._hands.actor, step, text)
