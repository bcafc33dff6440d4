"""From the dock into the air: cover, checks, arming, take-off. Each step is named in the incident's timeline."""

from __future__ import annotations

from uuid import UUID

from flightctl.dock.client import DockClient, DockRefused, DockTimeout
from flightctl.dock.protocol import DockAction
from flightctl.drone import DroneHands
from flightctl.incidents.model import IncidentState
from flightctl.mavlink.errors import MavlinkError
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.tasks import all_of
from flightctl.vehicle import Severity

CLEAR_OF_DOCK_M = 10.0  # straight up to here; a position target before it would replace the take-off (ARDUCOPTER.md)
_DOCK_SLACK_S = 12.0
_READY_WITHIN_S = 20.0


async def launch(desk: Desk, incident_id: UUID, hands: DroneHands, dock: DockClient) -> None:
    """Raises ResponseFailed with the reason of whoever could not."""
    actor = hands.actor
    try:
        await all_of(
            _open_dock(desk, incident_id, hands, dock),
            hands.vehicle.wait_ready(timeout_s=_READY_WITHIN_S),
        )
        findings = await hands.vehicle.preflight(hooks=hands.drone.payload.hooks)
        blocks = [finding.text for finding in findings if finding.severity is Severity.BLOCK]
        if blocks:
            raise ResponseFailed(f"{hands.id} fails its checks: {'; '.join(blocks)}")
        async with desk.commands.command(actor, "arm", incident_id=incident_id):
            await hands.vehicle.arm()
        await desk.note(incident_id, actor, "armed")
        async with desk.commands.command(actor, "take_off", incident_id=incident_id):
            await hands.vehicle.take_off(CLEAR_OF_DOCK_M)
    except (DockRefused, DockTimeout, MavlinkError) as error:
        raise ResponseFailed(str(error)) from error
    await desk.note(incident_id, actor, "airborne")
    await desk.move(incident_id, IncidentState.AIRBORNE, actor)


async def _open_dock(desk: Desk, incident_id: UUID, hands: DroneHands, dock: DockClient) -> None:
    actor = f"dock:{dock.dock.id}"
    await desk.note(incident_id, actor, "dock_prepare")
    expected_s = dock.dock.prepare_s + dock.dock.cover_opens_s
    await dock.command(DockAction.PREPARE, hands.id, incident_id=incident_id, timeout_s=expected_s + _DOCK_SLACK_S)
    await desk.note(incident_id, actor, "cover_open")


async def tell_launched(desk: Desk, incident_id: UUID, hands: DroneHands, dock: DockClient) -> None:
    """The dock notices the drone leaving by itself; telling it is a courtesy that must not stop the flight."""
    try:
        await dock.command(DockAction.LAUNCHED, hands.id, incident_id=incident_id, timeout_s=5.0)
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))


async def stand_down(desk: Desk, incident_id: UUID, hands: DroneHands, dock: DockClient) -> None:
    """The drone never left: the cover closes again, if it can."""
    try:
        await dock.command(DockAction.ABORT, hands.id, incident_id=incident_id, timeout_s=30.0)
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))
