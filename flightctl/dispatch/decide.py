"""Who flies, and why not the others: one pure function from a situation to a decision.

Every drone of the site is looked at. The first reason that keeps it on the ground is its refusal; among those that
can fly, the one whose lifebuoy (or voice) is there first is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from flightctl.dispatch.decision import Candidate, Decision, Purpose, Refusal
from flightctl.dispatch.situation import DockSituation, DroneSituation, Situation
from flightctl.dock.protocol import DockState
from flightctl.preflight_report import CheckId
from flightctl.site import Drone, Policy
from geofence.errors import NoRoute
from geofence.position import Enu
from geofence.reach import Performance, Reach, reach
from geofence.route import length_m, shortest_route
from vision.alert import UncertainPosition

ROUTE_CLEARANCE_M = 12.0
ARM_S = 2.0  # arming and spinning up (ARDUCOPTER.md §1: 0.6-1.0 s, then the lift-off)
SCENE_S = {Purpose.LIFEBUOY: 60.0, Purpose.HAIL: 180.0}  # reckoned with for the battery
DROP_S = 4.0  # from arrival until the hook opens and the lifebuoy has fallen
_ROUNDS = 3  # of chasing a drifting target; the lead is under a metre after that

_OPEN_FOR_LAUNCH = frozenset({DockState.IDLE, DockState.CHARGING, DockState.READY, DockState.PREPARING})
_FAULTS = frozenset({DockState.FAULT, DockState.MAINTENANCE, DockState.ESTOP})


@dataclass(frozen=True, slots=True)
class _Flight:
    """A flight that could be made."""

    drone: DroneSituation
    ready_s: float
    on_scene_s: float
    in_water_s: float | None
    margin_percent: float
    route: tuple[Enu, ...]
    target: Enu
    sigma_m: float

    @property
    def rank(self) -> tuple[float, str]:
        return (self.on_scene_s if self.in_water_s is None else self.in_water_s, self.drone.drone.id)


def decide(situation: Situation, policy: Policy, *, decision_id: UUID) -> Decision:
    """The decision with every candidate, the chosen one first and the rest by how soon they could be there."""
    docks = {dock.dock.id: dock for dock in situation.docks}
    flights: list[_Flight] = []
    refused: list[Candidate] = []
    for drone in situation.drones:
        dock = docks[drone.drone.dock_id]
        outcome = _refusal(drone, dock, situation) or _flight(drone, dock, situation, policy)
        if isinstance(outcome, _Flight):
            flights.append(outcome)
        else:
            refusal, reason = outcome
            refused.append(_candidate(drone.drone, refusal, reason))
    flights.sort(key=lambda flight: flight.rank)
    inputs = {
        "wind_east_mps": situation.wind.east_m,
        "wind_north_mps": situation.wind.north_m,
        "bore_eta_s": situation.bore_eta_s,
        **situation.inputs,
    }
    if not flights:
        return Decision(
            id=decision_id,
            incident_id=situation.incident_id,
            at=situation.at,
            purpose=situation.purpose,
            dock_id=None,
            drone_id=None,
            candidates=tuple(refused),
            explanation="no drone can go: " + "; ".join(f"{c.drone_id} {c.reason}" for c in refused),
            inputs=inputs,
        )
    best = flights[0]
    ranked = [_ranked(flight, best) for flight in flights]
    target = situation.frame.to_wgs84(best.target)
    return Decision(
        id=decision_id,
        incident_id=situation.incident_id,
        at=situation.at,
        purpose=situation.purpose,
        dock_id=best.drone.drone.dock_id,
        drone_id=best.drone.drone.id,
        route=tuple(situation.frame.to_wgs84(point) for point in best.route),
        target=UncertainPosition(lat=target.lat, lon=target.lon, sigma_m=min(max(best.sigma_m, 0.01), 5000.0)),
        drop_point=target if situation.purpose is Purpose.LIFEBUOY else None,
        candidates=(*ranked, *refused),
        explanation=_explanation(best, situation.purpose),
        inputs=inputs,
    )


def _refusal(drone: DroneSituation, dock: DockSituation, situation: Situation) -> tuple[Refusal, str] | None:
    """What keeps the drone from going, looked at in the order a person would ask."""
    if drone.drone.id in situation.failed_drones:
        return Refusal.FAILED_BEFORE, "failed for this incident already"
    if drone.serving is not None:
        same = drone.serving == situation.incident_id
        return Refusal.DRONE_BUSY, "is not back from its last try yet" if same else "is out for another incident"
    if situation.purpose is Purpose.LIFEBUOY and drone.hooks_loaded == 0:
        empty = "carries no lifebuoy" if drone.drone.payload.hooks == 0 else "has no loaded hook"
        if drone.online or drone.drone.payload.hooks == 0:
            return Refusal.NO_PAYLOAD, empty
    if situation.purpose is Purpose.HAIL and drone.drone.speaker_range_m <= 0:
        return Refusal.NO_PAYLOAD, "carries no loudspeaker"
    by_dock = _dock_refusal(dock, in_any_wind=_is_overridden(drone, CheckId.WIND, situation))
    if by_dock is not None:
        return by_dock
    if not drone.online or drone.place is None:
        return Refusal.DRONE_OFFLINE, drone.fault or "is not heard"
    if drone.airborne:
        return Refusal.DRONE_BUSY, "is in the air"
    if drone.fault:
        return Refusal.DRONE_NOT_READY, drone.fault
    return None


def _is_overridden(drone: DroneSituation, check: CheckId, situation: Situation) -> bool:
    return (drone.drone.id, check) in situation.overridden


def _dock_refusal(dock: DockSituation, *, in_any_wind: bool) -> tuple[Refusal, str] | None:
    """`in_any_wind`: a person takes the wind upon themselves; a dock that holds its cover shut hears no such word."""
    if dock.state is DockState.OFFLINE:
        return Refusal.DOCK_OFFLINE, f"{dock.dock.id} is not heard"
    if dock.state in _FAULTS:
        return Refusal.DOCK_FAULT, f"{dock.dock.id} {dock.state.value}: {dock.reason or 'no reason given'}"
    limit = dock.dock.max_launch_wind_mps
    too_windy = not in_any_wind and dock.wind_mps is not None and dock.wind_mps > limit
    if dock.state is DockState.WEATHER_HOLD or too_windy:
        measured = "" if dock.wind_mps is None else f"wind {dock.wind_mps:.1f} > {limit:g} m/s"
        return Refusal.WIND, f"{dock.dock.id} cannot launch: {measured or dock.reason}"
    if dock.state not in _OPEN_FOR_LAUNCH:
        return Refusal.DOCK_BUSY, f"{dock.dock.id} is {dock.state.value}"
    return None


def _flight(
    drone: DroneSituation, dock: DockSituation, situation: Situation, policy: Policy
) -> _Flight | tuple[Refusal, str]:
    ready_s = _ready_s(dock) + ARM_S
    on_scene_s = ready_s
    try:
        for _ in range(_ROUNDS):
            target, _ = situation.target.at(on_scene_s)
            on_scene_s = ready_s + _way_to(target, drone, dock, situation, policy)[1].out_s
        target, sigma_m = situation.target.at(on_scene_s)
        route, way = _way_to(target, drone, dock, situation, policy)
    except NoRoute as error:
        return Refusal.NO_ROUTE, str(error)
    if not way.feasible:
        refusal = Refusal.BATTERY if "battery" in (way.refusal or "") else Refusal.WIND
        if refusal is not Refusal.BATTERY or not _is_overridden(drone, CheckId.BATTERY, situation):
            return refusal, way.refusal or "out of reach"
    on_scene_s = ready_s + way.out_s
    return _Flight(
        drone=drone,
        ready_s=ready_s,
        on_scene_s=on_scene_s,
        in_water_s=on_scene_s + DROP_S if situation.purpose is Purpose.LIFEBUOY else None,
        margin_percent=way.margin_percent,
        route=route,
        target=target,
        sigma_m=sigma_m,
    )


def _way_to(
    target: Enu, drone: DroneSituation, dock: DockSituation, situation: Situation, policy: Policy
) -> tuple[tuple[Enu, ...], Reach]:
    """The shortest route to a place and what flying it takes. Raises NoRoute."""
    scene_m = policy.drop_height_m if situation.purpose is Purpose.LIFEBUOY else policy.transit_height_m
    route = shortest_route(dock.place, target, situation.keep_outs, ROUTE_CLEARANCE_M, keep_in=situation.keep_in)
    performance = performance_of(drone.drone)
    if _is_overridden(drone, CheckId.WIND, situation):
        performance = replace(performance, max_wind_mps=math.inf)  # it must still make headway
    way = reach(
        performance,
        route,
        situation.wind,
        transit_height_m=policy.transit_height_m,
        scene_height_m=min(scene_m, policy.transit_height_m),
        scene_s=SCENE_S[situation.purpose],
        battery_percent=100.0 if drone.battery_percent is None else drone.battery_percent,
    )
    return route, way


def _ready_s(dock: DockSituation) -> float:
    if dock.state is DockState.READY:
        return 0.0
    return dock.dock.prepare_s + dock.dock.cover_opens_s


def performance_of(drone: Drone) -> Performance:
    """What the site says a drone can do, as the ground floor reckons with it."""
    return Performance(
        cruise_mps=drone.cruise_mps,
        climb_mps=drone.climb_mps,
        descent_mps=drone.descent_mps,
        max_wind_mps=drone.max_wind_mps,
        capacity_wh=drone.battery.capacity_wh,
        hover_w=drone.battery.hover_w,
        cruise_w=drone.battery.cruise_w,
        reserve_percent=drone.battery.reserve_percent,
    )


def _candidate(drone: Drone, refusal: Refusal, reason: str) -> Candidate:
    return Candidate(dock_id=drone.dock_id, drone_id=drone.id, chosen=False, refusal=refusal, reason=reason)


def _ranked(flight: _Flight, best: _Flight) -> Candidate:
    chosen = flight is best
    later_s = flight.rank[0] - best.rank[0]
    return Candidate(
        dock_id=flight.drone.drone.dock_id,
        drone_id=flight.drone.drone.id,
        chosen=chosen,
        refusal=None if chosen else Refusal.LATER,
        reason="is there first" if chosen else f"would be there {later_s:.0f} s later",
        ready_s=round(flight.ready_s, 1),
        on_scene_s=round(flight.on_scene_s, 1),
        in_water_s=None if flight.in_water_s is None else round(flight.in_water_s, 1),
        battery_margin_percent=round(flight.margin_percent, 1),
    )


def _explanation(best: _Flight, purpose: Purpose) -> str:
    drone = best.drone.drone
    when = (
        f"hails on scene in {best.on_scene_s:.0f} s"
        if best.in_water_s is None
        else f"lifebuoy in the water in {best.in_water_s:.0f} s"
    )
    errand = "" if purpose is Purpose.LIFEBUOY else " to hail"
    return (
        f"{drone.id} from {drone.dock_id}{errand}: {_way(best.route)}, {when}, "
        f"back with {abs(best.margin_percent):.0f} % {'above' if best.margin_percent >= 0 else 'below'} the reserve"
    )


def _way(route: Sequence[Enu]) -> str:
    around = "" if len(route) == 2 else " around the keep-out"
    return f"{length_m(route):.0f} m{around}"
