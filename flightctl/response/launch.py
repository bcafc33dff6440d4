"""From the dock into the air: cover, checks, arming, take-off. Each step is named in the incident's timeline."""

from __future__ import annotations

from uuid import UUID

from flightctl.dock.client import DockClient, DockRefused, DockTimeout
from flightctl.dock.protocol import DockAction
from flightctl.drone import DroneHands
from flightctl.incidents.model import IncidentState
from flightctl.mavlink.errors import MavlinkError, NotReady
from flightctl.preflight_report import Override
from flightctl.response.clearance import asked_of, clear
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.response.planning import energy_problem_of
from flightctl.tasks import all_of
from flightctl.vehicle import Asked, Readings
from missions.plan import Drop, MissionPlan

CLEAR_OF_DOCK_M = 10.0  # straight up to here; a position target before it would replace the take-off (ARDUCOPTER.md)
_DOCK_SLACK_S = 12.0
_READY_WITHIN_S = 20.0


async def launch(
    desk: Desk,
    incident_id: UUID,
    hands: DroneHands,
    dock: DockClient,
    plan: MissionPlan,
    overrides: tuple[Override, ...] = (),
) -> None:
    """Raises ResponseFailed with the reason of whoever could not. `overrides` are a person's words for this flight;
    a flight that nobody ordered has none."""
    actor = hands.actor
    drop = any(isinstance(item, Drop) for item in plan.items)
    readings = Readings()

    def asked() -> Asked:
        """With the wind and the battery of this moment."""
        energy_problem = energy_problem_of(desk, hands, plan)
        return asked_of(desk.site, desk.policy(), hands, dock, drop=drop, energy_problem=energy_problem)

    async def ready_and_read() -> None:
        nonlocal readings
        try:
            await hands.vehicle.wait_ready(timeout_s=_READY_WITHIN_S)
        except NotReady:
            await clear(desk, incident_id, hands, asked(), overrides)  # says every reason there is
            raise
        readings = await hands.vehicle.read_for_preflight(asked())

    try:
        await all_of(_open_dock(desk, incident_id, hands, dock), ready_and_read())
        await clear(desk, incident_id, hands, asked(), overrides, readings)
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
