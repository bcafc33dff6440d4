"""Back into the dock: the cover is open before the drone comes down, and closes over it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from flightctl.dock.client import DockClient, DockRefused, DockTimeout
from flightctl.dock.protocol import DockAction
from flightctl.drone import DroneHands
from flightctl.mavlink.errors import LinkLost, MavlinkError
from flightctl.response.desk import Desk
from flightctl.tasks import all_of

_COVER_WITHIN_S = 30.0
_SECURE_WITHIN_S = 60.0
_TRY_AGAIN_S = 2.0


async def bring_home(desk: Desk, incident_id: UUID, hands: DroneHands, dock: DockClient) -> None:
    """Returns when the drone lies in its closed dock. A lost link is waited out: the drone's own failsafe flies it
    home meanwhile, and the dock's cover stays open for it."""
    actor = hands.actor
    await desk.note(incident_id, actor, "returning")
    await all_of(_receive(desk, incident_id, hands, dock), _land(desk, incident_id, hands))
    await desk.note(incident_id, actor, "landed")
    try:
        await dock.command(DockAction.SECURE, hands.id, incident_id=incident_id, timeout_s=_SECURE_WITHIN_S)
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))
        return
    await desk.note(incident_id, f"dock:{dock.dock.id}", "docked")


async def _receive(desk: Desk, incident_id: UUID, hands: DroneHands, dock: DockClient) -> None:
    try:
        await dock.command(DockAction.RECEIVE, hands.id, incident_id=incident_id, timeout_s=_COVER_WITHIN_S)
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))


async def _land(desk: Desk, incident_id: UUID, hands: DroneHands) -> None:
    """Says each trouble once, however often it is met."""
    told: set[type[MavlinkError]] = set()
    while True:
        try:
            if not hands.online and LinkLost in told:
                await hands.heard()
            async with desk.commands.command(hands.actor, "return_home", incident_id=incident_id):
                await hands.vehicle.return_home()
        except MavlinkError as error:
            if type(error) not in told:
                told.add(type(error))
                await desk.note(incident_id, hands.actor, "return_problem", str(error))
            if hands.online and not hands.armed:
                return  # it has come down by itself
            await asyncio.sleep(_TRY_AGAIN_S)
            continue
        return
