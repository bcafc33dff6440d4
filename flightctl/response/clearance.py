"""Whether a drone may fly now: its pre-flight checks with the site's limits, kept with the incident it flies for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import shapely

from flightctl.dock.client import DockClient
from flightctl.drone import DroneHands
from flightctl.incidents.lifecycle import noted
from flightctl.incidents.model import Incident
from flightctl.mavlink.mission import Item, fence_items
from flightctl.preflight_report import Override, PreflightReport
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.site import Policy
from flightctl.site_loading import Site
from flightctl.vehicle import Asked, Readings
from geofence.position import Enu, LatLon
from geofence.zones import ZoneKind


def asked_of(
    site: Site, policy: Policy, hands: DroneHands, dock: DockClient, *, drop: bool = False, energy_problem: str = ""
) -> Asked:
    """What a flight of this drone from this dock needs."""
    drone, status = hands.drone, dock.status
    return Asked(
        limits=drone.preflight or policy.preflight,
        autopilot=drone.autopilot,
        hooks=drone.payload.hooks,
        drop=drop,
        dock=dock.dock.position,
        wind_mps=None if status is None else status.wind_mps,
        max_wind_mps=min(drone.max_wind_mps, dock.dock.max_launch_wind_mps),
        energy_problem=energy_problem,
        fence=site_fence(site),
    )


def site_fence(site: Site) -> tuple[Item, ...]:
    """The site's airspace as a vehicle holds it; empty when none is drawn."""
    keep_in = site.zones.keep_in()
    if keep_in is None:
        return ()
    return fence_items(
        _ring(site, keep_in), [_ring(site, zone.polygon) for zone in site.zones.of_kind(ZoneKind.KEEP_OUT)]
    )


async def report_of(
    hands: DroneHands, asked: Asked, at: datetime, readings: Readings | None = None
) -> PreflightReport:
    """Every check of the drone, made now. It may take a few seconds: parameters are read one by one."""
    results = await hands.vehicle.preflight(asked, readings)
    report = PreflightReport(drone_id=hands.id, at=at, results=results)
    hands.report = report
    return report


async def clear(
    desk: Desk,
    incident_id: UUID,
    hands: DroneHands,
    asked: Asked,
    overrides: tuple[Override, ...],
    readings: Readings | None = None,
) -> None:
    """Keeps the whole result with the incident. Raises ResponseFailed with every reason that still blocks."""
    at = desk.clock.now()
    report = (await report_of(hands, asked, at, readings)).with_overrides(overrides)
    hands.report = report
    blocking = [result.text for result in report.blocking]
    words = [result.override for result in report.overridden if result.override is not None]
    told = "; ".join(
        [
            *blocking,
            *(result.text for result in report.warnings),
            *(f"{word.check.value} overridden by {word.name}: {word.note}" for word in words),
        ]
    )
    data = {
        "drone_id": hands.id,
        "blocks": [result.check.value for result in report.blocking],
        "warns": [result.check.value for result in report.warnings],
        "overridden": [result.check.value for result in report.overridden],
    }

    def keep(incident: Incident) -> Incident:
        kept = incident.model_copy(update={"preflights": (*incident.preflights, report)})
        return noted(kept, at, hands.actor, "preflight_blocked" if blocking else "preflight", told, data)

    await desk.book.update(incident_id, keep)
    if blocking:
        raise ResponseFailed(f"{hands.id} fails its checks: {'; '.join(blocking)}")


def _ring(site: Site, polygon: shapely.Polygon) -> tuple[LatLon, ...]:
    return tuple(site.frame.to_wgs84(Enu(east, north)) for east, north in polygon.exterior.coords)
