"""The drone's camera looks at the person while the drone serves them.

Runs beside the flight and never in its way: what fails here is said once in the incident's timeline and tried again
later. A place is sent anew only when the person has moved by metres; in between the gimbal's manager keeps to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

from flightctl.drone import DroneHands
from flightctl.mavlink.errors import MavlinkError
from flightctl.response.desk import Desk
from geofence.errors import ChaoxunError
from geofence.position import Enu

FROM_M = 150.0  # nearer than this the camera shows the person
MOVED_M = 3.0
_LOOK_S = 0.5
_AHEAD_S = 1.0  # what the person moves until the camera has turned
_AGAIN_S = 10.0  # after a failure
_LET_GO_S = 10.0


class Gaze:
    """Of one drone for one incident; does nothing when the site says that it has no gimbal."""

    def __init__(self, desk: Desk, incident_id: UUID, hands: DroneHands) -> None:
        self._desk = desk
        self._incident_id = incident_id
        self._hands = hands
        self._at: tuple[Enu, float] | None = None  # looked at, and how high above the sea
        self._told: set[str] = set()

    async def follow(self) -> None:
        """Until cancelled."""
        if not self._hands.drone.gimbal:
            return
        while True:
            try:
                moved = self._moved_to()
                if moved is not None:
                    await self._look_at(*moved)
            except ChaoxunError as error:
                await self._tell("camera_not_turned", str(error))
                await asyncio.sleep(_AGAIN_S)
            await asyncio.sleep(_LOOK_S)

    async def let_go(self) -> None:
        """Looks ahead again and leaves the gimbal to others; gives up soon, for the drone is on its way home."""
        if self._at is not None:
            with contextlib.suppress(TimeoutError, MavlinkError):
                async with asyncio.timeout(_LET_GO_S):
                    await self._hands.vehicle.gimbal.look_ahead()
                    await self._hands.vehicle.gimbal.give_back()

    def _moved_to(self) -> tuple[Enu, float] | None:
        """Where to look now; None when it looks there or the person is far away still."""
        casualty = self._desk.casualty(self._incident_id)
        place = casualty.estimate(ahead_s=_AHEAD_S).place
        if not self._hands.armed or self._hands.place().distance_m(place) > FROM_M:
            return None
        water_m = self._desk.water_amsl_m(place)
        amsl_m = water_m if casualty.in_water else max(water_m, self._desk.site.file.heights_amsl_m.foreshore)
        if self._at is not None:
            there, there_amsl_m = self._at
            if there.distance_m(place) < MOVED_M and abs(there_amsl_m - amsl_m) < MOVED_M:
                return None
        return place, amsl_m

    async def _look_at(self, place: Enu, amsl_m: float) -> None:
        await self._hands.vehicle.gimbal.look_at(self._desk.site.frame.to_wgs84(place), amsl_m)
        self._at = (place, amsl_m)
        await self._tell("camera_turned", "the camera follows the person")

    async def _tell(self, step: str, text: str) -> None:
        if step not in self._told:
            self._told.add(step)
            await self._desk.note(self._incident_id, self._hands.actor, step, text)
