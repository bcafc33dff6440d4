"""The drop: hover above the release point, moving with the water, until every interlock holds, then let go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

from flightctl.drone import DroneHands
from flightctl.incidents.model import Consent, IncidentState
from flightctl.interlocks import Interlock, Refused, ReleaseSituation, refusals
from flightctl.mavlink.errors import MavlinkError, ReleaseUnconfirmed
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from flightctl.response.hailing import say_from_drone
from flightctl.response.transit import lowest_here_m
from flightctl.site import DropPolicy, PayloadKind
from geofence.drop import RING, FallingBody, ReleasePlan, plan_release, pod
from geofence.position import Enu
from geofence.zones import ZoneKind

_HOVER_HZ = 5.0
_HAIL_EVERY_S = 12.0
_STAYS_AFTER_REFUSAL_S = 60.0
_ABOVE_WHEN_REFUSED_M = 8.0
_ABOVE_WHEN_LOST_M = 22.0  # from there the camera shows more water
_GIVE_UP_S = 150.0  # of trying, when it is not a person's word that is waited for
WALL_CLEARANCE_M = 3.5  # the drone keeps this far beyond the crest while it hovers low
STAND_OFF_M = 1.8  # beside the person, never onto the head; RIVER.md §3.4 asks for 2-3 m less what it drifts
RELEASE_LATENCY_S = 0.5  # from the command until the hook is open (RIVER.md §3.4: 0.3-0.5 s)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of the drop."""

    dropped: bool
    reason: str  # why not, or how it went
    buoy_distance_m: float | None = None  # reckoned, from the person when the buoy met the water


def body_of(hands: DroneHands) -> FallingBody:
    payload = hands.drone.payload
    return RING if payload.kind is PayloadKind.RING else pod(max(payload.mass_kg, 0.1))


def scene_height_m(desk: Desk, hands: DroneHands, place: Enu) -> float:
    """The drop height as metres above the drone's home."""
    return desk.water_amsl_m(place) + desk.policy().drop_height_m - hands.home_amsl_m()


async def deliver(desk: Desk, incident_id: UUID, hands: DroneHands) -> Delivery:
    """Holds above the person until the hook may open, hailing meanwhile.

    A person's refusal keeps the hook shut while the drone watches on for a while, so that the word can be taken
    back; without any answer it stays. Ends without a drop after that, or when the interlocks keep refusing. Raises
    ResponseFailed when the hook does not let go.
    """
    started_s = next_hail_s = desk.clock.time_s()
    refused_s: float | None = None
    told: tuple[str, ...] = ()
    while True:
        now_s = desk.clock.time_s()
        if now_s >= next_hail_s:
            next_hail_s = now_s + _HAIL_EVERY_S
            await say_from_drone(desk, incident_id, hands, "person_in_water")
        consent = desk.book[incident_id].consent
        plan = _plan(desk, incident_id, hands)
        situation = _situation(desk, incident_id, hands, plan)
        kept = refusals(situation, desk.policy())
        lost = desk.eyes.sees(hands.drone) and any(r.interlock is Interlock.POSITION for r in kept)
        above_m = _ABOVE_WHEN_LOST_M if lost else _ABOVE_WHEN_REFUSED_M if consent is Consent.REFUSED else 0.0
        _hover(desk, hands, plan, above_m=above_m)
        if not kept:
            return await _release(desk, incident_id, hands, plan)
        told = await _tell(desk, incident_id, hands.actor, kept, told)
        refused_s = (refused_s or now_s) if consent is Consent.REFUSED else None
        if refused_s is not None and now_s - refused_s > _STAYS_AFTER_REFUSAL_S:
            return Delivery(False, "a person refused the drop")
        waits_for_word = desk.policy().drop is DropPolicy.CONFIRM and consent is Consent.UNASKED
        if now_s - started_s > _GIVE_UP_S and not waits_for_word and refused_s is None:
            return Delivery(False, "; ".join(refused.reason for refused in kept))
        await asyncio.sleep(1.0 / _HOVER_HZ)


def _plan(desk: Desk, incident_id: UUID, hands: DroneHands) -> ReleasePlan:
    """Where to let go now: beside the person, up-current in the open and on the river side near the wall."""
    person = desk.casualty(incident_id).estimate()
    height_m = max(hands.height_m() + hands.home_amsl_m() - desk.water_amsl_m(person.place), 1.0)
    bank = desk.site.river.bank
    at = bank.to_bank(person.place)
    near_wall = at.offset_m < WALL_CLEARANCE_M + STAND_OFF_M
    plan = plan_release(
        person.place,
        person.velocity,
        person_sigma_m=person.sigma_m,
        wind=desk.wind(),
        height_m=min(height_m, desk.policy().drop_max_height_m),
        body=body_of(hands),
        latency_s=RELEASE_LATENCY_S,
        standoff_m=0.0 if near_wall else STAND_OFF_M,
    )
    if not near_wall:
        return plan
    over = bank.to_bank(plan.command_point)
    out_m = max(over.offset_m + STAND_OFF_M, WALL_CLEARANCE_M)
    outward = bank.to_enu(over.along_m, out_m) - plan.command_point
    return replace(
        plan,
        command_point=plan.command_point + outward,
        release_point=plan.release_point + outward,
        impact_point=plan.impact_point + outward,
    )


def _hover(desk: Desk, hands: DroneHands, plan: ReleasePlan, *, above_m: float) -> None:
    here = hands.place()
    wanted_m = scene_height_m(desk, hands, plan.impact_point) + above_m
    hands.vehicle.send_target(
        desk.site.frame.to_wgs84(plan.command_point),
        lowest_here_m(desk, here, wanted_m),
        (plan.velocity.east_m, plan.velocity.north_m),
    )


def _situation(desk: Desk, incident_id: UUID, hands: DroneHands, plan: ReleasePlan) -> ReleaseSituation:
    person = desk.casualty(incident_id).estimate()
    velocity = hands.velocity()
    return ReleaseSituation(
        hook_loaded=bool(hands.loaded_hooks()),
        consent=desk.book[incident_id].consent,
        inside_drop_area=bool(desk.site.zones.containing(plan.impact_point, kinds=(ZoneKind.DROP_SAFE,))),
        height_above_water_m=hands.height_m() + hands.home_amsl_m() - desk.water_amsl_m(plan.impact_point),
        aim_error_m=hands.place().distance_m(plan.command_point),
        relative_speed_mps=(velocity - plan.velocity).length_m,
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


async def _release(desk: Desk, incident_id: UUID, hands: DroneHands, plan: ReleasePlan) -> Delivery:
    actor = hands.actor
    hook = hands.loaded_hooks()[0]
    await desk.move(incident_id, IncidentState.ACTING, actor)
    await desk.note(incident_id, actor, "release", f"hook {hook}, every interlock holds", {"hook": hook})
    try:
        async with desk.commands.command(actor, "release", incident_id=incident_id, details={"hook": hook}):
            await hands.vehicle.release(hook)
    except ReleaseUnconfirmed as error:
        raise ResponseFailed(f"{hands.id}: the hook did not open: {error}") from error
    except MavlinkError as error:
        raise ResponseFailed(f"{hands.id}: {error}") from error
    impact = hands.place() + plan.fall.displacement
    await desk.note(incident_id, actor, "dropped", f"±{plan.sigma_m:.1f} m", {"hook": hook})
    await asyncio.sleep(plan.fall.time_s)
    desk.eyes.dropped(incident_id, impact)
    distance_m = desk.casualty(incident_id).estimate().place.distance_m(impact)
    await desk.note(
        incident_id, actor, "splash", f"reckoned {distance_m:.1f} m from the person", {"distance_m": distance_m}
    )
    return Delivery(True, "lifebuoy in the water", distance_m)
