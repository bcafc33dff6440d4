"""Back into the dock: the cover is open before the drone comes down, and closes over it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from flightctl.dock.client import DockClient, DockRefused, DockTimeout
from flightctl.dock.protocol import DockAction
from flightctl.mavlink.errors import MavlinkError
from flightctl.response.desk import Desk
from flightctl.site import Drone
from flightctl.tasks import all_of
from flightctl.drone import DroneHands

_COVER_WITHIN_S = 30.0
_SECURE_WITHIN_S = 60.0
_TRY_AGAIN_S = 2.0


async def bring_home(desk: Desk, incident_id: UUID, drone: Drone, dock: DockClient, hands: DroneHands) -> None:
    """Returns when the drone lies in its closed dock. A lost link is waited out: the drone's own failsafe flies it
    home meanwhile, and the dock's cover stays open for it."""
    actor = f"drone:{drone.id}"
    await desk.note(incident_id, actor, "returning")
    await all_of(_receive(desk, incident_id, drone, dock), _land(desk, incident_id, drone, vehicle))
    await desk.note(incident_id, actor, "landed")
    try:
        await dock.command(
            DockAction.SECURE, drone.id, incident_id=incident_id, timeout_s=_SECURE_WITHIN_S
        )
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))
        return
    await desk.note(incident_id, f"dock:{dock.dock.id}", "docked")


async def _receive(desk: Desk, incident_id: UUID, drone: Drone, dock: DockClient) -> None:
    try:
        await dock.command(DockAction.RECEIVE, drone.id, incident_id=incident_id, timeout_s=_COVER_WITHIN_S)
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))


async def _land(desk: Desk, incident_id: UUID, drone: Drone, hands: DroneHands) -> None:
    told = ""
    while True:
        try:
            await vehicle.return_home()
        except MavlinkError as error:
            if str(error) != told:
                told = str(error)
                await desk.note(incident_id, f"drone:{drone.id}", "return_problem", told)
            if vehicle.online and not vehicle.armed:
                return  # it has come down by itself
            await asyncio.sleep(_TRY_AGAIN_S)
            continue
        return
