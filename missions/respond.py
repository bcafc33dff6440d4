"""The plan of a response: out along the route, hail, drop or not, watch, home by the way it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geofence.position import LatLon
from missions.plan import Drop, Hail, Item, MissionPlan, ReturnHome, TakeOff, Watch, Waypoint


@dataclass(frozen=True, slots=True)
class ResponseHeights:
    """Each above what its name says; `plan_response` turns them into heights above home."""

    home_amsl_m: float
    surface_amsl_m: float  # the water or foreshore at the target
    transit_home_m: float
    drop_surface_m: float  # above that surface
    hail_surface_m: float = 20.0


def plan_response(
    *,
    drone_id: str,
    home: LatLon,
    route: Sequence[LatLon],
    target: LatLon,
    heights: ResponseHeights,
    hook: int | None,
    hail_message_id: str | None,
    watch_s: float,
    speed_mps: float | None = None,
) -> MissionPlan:
    """From the dock along `route` (dock and scene included) to `target`.

    `hook` None plans no drop: the flight hails and watches. `hail_message_id` None plans no hail.
    """
    if len(route) < 2:
        raise ValueError("a route has at least its start and its end")
    surface_home_m = heights.surface_amsl_m - heights.home_amsl_m
    hail_m = surface_home_m + heights.hail_surface_m
    drop_m = surface_home_m + heights.drop_surface_m
    on_scene_m = hail_m if hook is None else drop_m
    transit_m = max(heights.transit_home_m, on_scene_m)

    items: list[Item] = [TakeOff(height_m=transit_m)]
    items += [Waypoint(position=corner, height_m=transit_m, speed_mps=speed_mps) for corner in route[1:]]
    if hail_message_id is not None:
        items.append(Hail(message_id=hail_message_id))
    if hook is not None:
        items.append(Drop(position=target, height_m=drop_m, hook=hook))
        items.append(Watch(position=target, height_m=max(drop_m, hail_m), seconds=watch_s))
    else:
        items.append(Watch(position=target, height_m=hail_m, seconds=watch_s))
    items += [Waypoint(position=corner, height_m=transit_m, speed_mps=speed_mps) for corner in reversed(route[1:-1])]
    items.append(ReturnHome(height_m=transit_m))
    return MissionPlan(
        purpose="lifebuoy" if hook is not None else "hail",
        drone_id=drone_id,
        home=home,
        home_amsl_m=heights.home_amsl_m,
        items=tuple(items),
    )
