"""The drop: hover above the release point, moving with the water, until every interlock holds, then let go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from flightctl.incidents.model import Consent, IncidentState
from flightctl.interlocks import Refused, ReleaseSituation, refusals
from flightctl.mavlink.errors import MavlinkError, ReleaseUnconfirmed
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.response.hailing import say_from_drone
from flightctl.response.transit import lowest_here_m, place_of
from flightctl.site import Drone, PayloadKind
from flightctl.drone import DroneHands
from geofence.drop import POD, RING, FallingBody, ReleasePlan, plan_release
from geofence.position import Enu

_HOVER_HZ = 5.0
_HAIL_EVERY_S = 12.0
_GIVE_UP_S = 150.0  # of trying, when it is not a person's word that is waited for
WALL_CLEARANCE_M = 4.5  # the drone keeps this far beyond the crest while it hovers low
RELEASE_LATENCY_S = 0.5  # from the command until the hook is open (RIVER.md §3.4: 0.3-0.5 s)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of the drop."""

    dropped: bool
    reason: str  # why not, or how it went
    buoy_distance_m: float | None = None  # reckoned, from the person when the buoy met the water


def body_of(drone: Drone) -> FallingBody:
    return RING if drone.payload.kind is PayloadKind.RING else POD


def scene_height_m(desk: Desk, drone: Drone, hands: DroneHands, place: Enu) -> float:
    """The drop height as metres above the drone's home."""
    return desk.water_amsl_m(place) + desk.policy().drop_height_m - vehicle.home_amsl_m()


async def deliver(desk: Desk, incident_id: UUID, drone: Drone, hands: DroneHands) -> Delivery:
    """Holds above the person until the hook may open. Ends without a drop when a person refuses it, or when the
    interlocks keep refusing. Raises ResponseFailed when the hook does not let go."""
    actor = f"drone:{drone.id}"
    await desk.move(incident_id, IncidentState.ACTING, actor)
    started_s = desk.clock.time_s()
    next_hail_s = started_s
    told: tuple[str, ...] = ()
    while True:
        now_s = desk.clock.time_s()
        if now_s >= next_hail_s:
            next_hail_s = now_s + _HAIL_EVERY_S
            await say_from_drone(desk, incident_id, drone, "person_in_water")
        plan = _plan(desk, incident_id, drone, vehicle)
        _hover(desk, vehicle, drone, plan)
        kept = refusals(_situation(desk, incident_id, vehicle, plan), desk.policy())
        if not kept:
            return await _release(desk, incident_id, drone, vehicle, plan)
        if desk.book[incident_id].consent is Consent.REFUSED:
            return Delivery(False, "a person refused the drop")
        told = await _tell(desk, incident_id, actor, kept, told)
        waits_for_word = desk.policy().drop.value == "confirm" and desk.book[incident_id].consent is Consent.UNASKED
        if now_s - started_s > _GIVE_UP_S and not waits_for_word:
            return Delivery(False, "; ".join(refused.reason for refused in kept))
        await asyncio.sleep(1.0 / _HOVER_HZ)


def _plan(desk: Desk, incident_id: UUID, drone: Drone, hands: DroneHands) -> ReleasePlan:
    """Where to let go now, kept clear of the wall."""
    person = desk.casualty(incident_id).estimate()
    height_m = max(vehicle.height_m() + vehicle.home_amsl_m() - desk.water_amsl_m(person.place), 1.0)
    plan = plan_release(
        person=person.place,
        person_velocity=person.velocity,
        person_sigma_m=person.sigma_m,
        wind=desk.wind(),
        height_m=min(height_m, desk.policy().drop_max_height_m),
        body=body_of(drone),
        latency_s=RELEASE_LATENCY_S,
    )
    bank = desk.site.river.bank
    at = bank.to_bank(plan.release_point)
    if at.offset_m >= WALL_CLEARANCE_M:
        return plan
    return plan.shifted(bank.to_enu(at.along_m, WALL_CLEARANCE_M) - plan.release_point)


def _hover(desk: Desk, hands: DroneHands, drone: Drone, plan: ReleasePlan) -> None:
    here = place_of(desk, vehicle)
    wanted_m = scene_height_m(desk, drone, vehicle, plan.impact_point)
    vehicle.send_target(
        desk.site.frame.to_wgs84(plan.release_point),
        lowest_here_m(desk, here, wanted_m),
        velocity=plan.vehicle_velocity,
    )


def _situation(desk: Desk, incident_id: UUID, hands: DroneHands, plan: ReleasePlan) -> ReleaseSituation:
    person = desk.casualty(incident_id).estimate()
    velocity = vehicle.velocity()
    return ReleaseSituation(
        hook_loaded=vehicle.hooks_loaded() > 0,
        consent=desk.book[incident_id].consent,
        inside_drop_area=bool(desk.site.zones.containing(plan.impact_point, kinds=("drop_safe",))),
        height_above_water_m=vehicle.height_m() + vehicle.home_amsl_m() - desk.water_amsl_m(plan.impact_point),
        aim_error_m=place_of(desk, vehicle).distance_m(plan.release_point),
        relative_speed_mps=(velocity - plan.vehicle_velocity).length_m,
        wind_mps=desk.wind().length_m,
        others_within_m=desk.others_within_m(plan.impact_point, incident_id),
        position_age_s=person.seen_ago_s,
        position_sigma_m=person.sigma_m,
    )


async def _tell(
    desk: Desk, incident_id: UUID, actor: str, kept: tuple[Refused, ...], told: tuple[str, ...]
) -> tuple[str, ...]:
    """Writes which interlocks hold the hook shut, when they are others than before."""
    names = tuple(refused.interlock.value for refused in kept)
    if names != told:
        reasons = "; ".join(refused.reason for refused in kept)
        await desk.note(incident_id, actor, "interlocks", reasons, {"interlocks": list(names)})
    return names


async def _release(desk: Desk, incident_id: UUID, drone: Drone, hands: DroneHands, plan: ReleasePlan) -> Delivery:
    actor = f"drone:{drone.id}"
    hook = vehicle.first_loaded_hook()
    await desk.note(incident_id, actor, "release", f"hook {hook}, every interlock holds", {"hook": hook})
    try:
        await vehicle.release(hook)
    except ReleaseUnconfirmed as error:
        raise ResponseFailed(f"{drone.id}: the hook did not open: {error}") from error
    except MavlinkError as error:
        raise ResponseFailed(f"{drone.id}: {error}") from error
    await desk.note(incident_id, actor, "dropped", f"±{plan.sigma_m:.1f} m", {"hook": hook})
    await asyncio.sleep(plan.fall_s)
    person = desk.casualty(incident_id).estimate()
    distance_m = person.place.distance_m(plan.impact_point + person.velocity.scaled(plan.fall_s))
    await desk.note(
        incident_id, actor, "splash", f"reckoned {distance_m:.1f} m from the person", {"distance_m": distance_m}
    )
    return Delivery(True, "lifebuoy in the water", distance_m)
