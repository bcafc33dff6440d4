"""From a decision to a mission plan that has been checked: what the drone will do, before it does it."""

from __future__ import annotations

import math
from dataclasses import replace
from uuid import UUID

from flightctl.dispatch.decide import performance_of
from flightctl.dispatch.decision import Purpose
from flightctl.drone import DroneHands
from flightctl.response.desk import Desk
from flightctl.response.errors import ResponseFailed
from geofence.position import Enu, LatLon
from geofence.windows import Conditions
from missions.plan import MissionPlan, Waypoint
from missions.respond import ResponseHeights, plan_response
from missions.validate import Limits, PlanFault, PlanProblem, check

_CHECKED_LAST = frozenset({PlanFault.BATTERY, PlanFault.WIND})


async def planned(
    desk: Desk, incident_id: UUID, hands: DroneHands, purpose: Purpose, route: tuple[LatLon, ...]
) -> MissionPlan:
    """The plan, noted in the timeline. Raises ResponseFailed with every problem when it may not fly.

    Wind and battery are left to the pre-flight checks, which look at them again at the last moment and which a
    person may override.
    """
    place = desk.casualty(incident_id).estimate().place
    surface_amsl_m = desk.water_amsl_m(place)
    policy = desk.policy()
    hooks = hands.loaded_hooks()
    plan = plan_response(
        drone_id=hands.id,
        home=route[0],
        route=route,
        target=_clear_of_the_wall(desk, route[-1]),
        heights=ResponseHeights(
            home_amsl_m=hands.home_amsl_m(),
            surface_amsl_m=surface_amsl_m,
            transit_home_m=policy.transit_height_m,
            drop_surface_m=policy.drop_height_m,
        ),
        hook=hooks[0] if purpose is Purpose.LIFEBUOY and hooks else None,
        hail_message_id="person_in_water" if purpose is Purpose.LIFEBUOY else "leave_foreshore",
        watch_s=policy.watch_after_drop_s,
        speed_mps=hands.drone.cruise_mps,
    )
    problems = [p for p in _problems(desk, hands, plan, surface_amsl_m) if p.fault not in _CHECKED_LAST]
    if problems:
        reasons = "; ".join(problem.reason for problem in problems)
        raise ResponseFailed(f"{hands.id}: the plan may not fly: {reasons}")
    kinds = [item.type for item in plan.items]
    await desk.note(incident_id, hands.actor, "planned", " → ".join(kinds), {"items": kinds})
    return plan


def energy_problem_of(desk: Desk, hands: DroneHands, plan: MissionPlan) -> str:
    """Why the battery is not enough for the plan in the wind of now; empty when it is."""
    problems = _problems(desk, hands, plan, surface_amsl_m=0.0)
    return "; ".join(problem.reason for problem in problems if problem.fault is PlanFault.BATTERY)


def _problems(desk: Desk, hands: DroneHands, plan: MissionPlan, surface_amsl_m: float) -> list[PlanProblem]:
    telemetry = hands.telemetry
    return check(
        plan,
        desk.site.zones,
        limits=Limits(ground_amsl_m=surface_amsl_m),
        performance=replace(performance_of(hands.drone), max_wind_mps=math.inf),  # a check of its own
        battery_percent=100.0 if telemetry is None else telemetry.battery_percent or 0.0,
        wind=desk.wind(),
        now=Conditions(desk.clock.now()),
    )


def corners_of(plan: MissionPlan, desk: Desk) -> tuple[Enu, ...]:
    """The turns of the way there; the last waypoint is the scene, which moves."""
    waypoints = [item.position for item in plan.items if isinstance(item, Waypoint)]
    return tuple(desk.site.frame.to_enu(point) for point in waypoints[:-1])


def _clear_of_the_wall(desk: Desk, target: LatLon) -> LatLon:
    """Somebody right at the wall gets the lifebuoy from beyond it."""
    bank = desk.site.river.bank
    at = bank.to_bank(desk.site.frame.to_enu(target))
    return desk.site.frame.to_wgs84(bank.to_enu(at.along_m, max(at.offset_m, 3.5)))
