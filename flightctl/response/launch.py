"""From the dock into the air: cover, checks, arming, take-off. Each step is named in the incident's timeline."""

from __future__ import annotations

from uuid import UUID

from flightctl.dock.client import DockClient, DockRefused, DockTimeout
from flightctl.dock.protocol import DockAction
from flightctl.incidents.model import IncidentState
from flightctl.mavlink.errors import MavlinkError
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.site import Drone
from flightctl.tasks import all_of
from flightctl.drone import DroneHands
from flightctl.vehicle import Severity

CLEAR_OF_DOCK_M = 10.0  # straight up to here; a position target before it would replace the take-off (ARDUCOPTER.md)
_DOCK_SLACK_S = 12.0
_READY_WITHIN_S = 20.0


async def launch(desk: Desk, incident_id: UUID, drone: Drone, dock: DockClient, hands: DroneHands) -> None:
    """Raises ResponseFailed with the reason of whoever could not."""
    actor = f"drone:{drone.id}"
    try:
        await all_of(
            _open_dock(desk, incident_id, drone, dock),
            vehicle.wait_ready(timeout_s=_READY_WITHIN_S),
        )
        blocks = [finding.text for finding in await vehicle.preflight() if finding.severity is Severity.BLOCK]
        if blocks:
            raise ResponseFailed(f"{drone.id} fails its checks: {'; '.join(blocks)}")
        await vehicle.arm()
        await desk.note(incident_id, actor, "armed")
        await vehicle.take_off(CLEAR_OF_DOCK_M)
    except (DockRefused, DockTimeout, MavlinkError) as error:
        raise ResponseFailed(str(error)) from error
    await desk.note(incident_id, actor, "airborne")
    await desk.move(incident_id, IncidentState.AIRBORNE, actor)


async def _open_dock(desk: Desk, incident_id: UUID, drone: Drone, dock: DockClient) -> None:
    actor = f"dock:{dock.dock.id}"
    await desk.note(incident_id, actor, "dock_prepare")
    expected_s = dock.dock.prepare_s + dock.dock.cover_opens_s
    await dock.command(
        DockAction.PREPARE, drone.id, incident_id=incident_id, timeout_s=expected_s + _DOCK_SLACK_S
    )
    await desk.note(incident_id, actor, "cover_open")


async def tell_launched(desk: Desk, incident_id: UUID, drone: Drone, dock: DockClient) -> None:
    """The dock notices the drone leaving by itself; telling it is a courtesy that must not stop the flight."""
    try:
        await dock.command(DockAction.LAUNCHED, drone.id, incident_id=incident_id, timeout_s=5.0)
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))


async def stand_down(desk: Desk, incident_id: UUID, drone: Drone, dock: DockClient) -> None:
    """The drone never left: the cover closes again, if it can."""
    try:
        await dock.command(DockAction.ABORT, drone.id, incident_id=incident_id, timeout_s=30.0)
    except (DockRefused, DockTimeout) as error:
        await desk.note(incident_id, f"dock:{dock.dock.id}", "dock_problem", str(error))
