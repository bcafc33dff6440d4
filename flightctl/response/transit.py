"""From above the dock to the person: along the route, then after a point that moves."""

from __future__ import annotations

import asyncio
from uuid import UUID

from flightctl.drone import DroneHands
from flightctl.response.desk import Desk
from geofence.position import Enu

ARRIVED_M = 6.0
_TURN_M = 12.0  # a corner of the route counts as passed this near
_CHASE_HZ = 4.0
_NEAR_M = 25.0  # from here on it moves with the person
_GLIDE = 0.7  # metres of height kept a metre of distance on the way down to the scene
OVER_LAND_HEIGHT_M = 14.0  # above home, until the drone is beyond the crest: people stand on the promenade
BEYOND_CREST_M = 3.5


async def fly_to_casualty(
    desk: Desk, incident_id: UUID, hands: DroneHands, corners: tuple[Enu, ...], scene_height_m: float
) -> None:
    """Flies the corners, then to where the person is reckoned to be on arrival, gliding down once over water.

    `scene_height_m` is above home. Returns within ARRIVED_M of the person; errors of the vehicle pass through.
    """
    transit_m = max(desk.policy().transit_height_m, scene_height_m)
    for corner in corners:
        await hands.vehicle.go_to(
            desk.site.frame.to_wgs84(corner), transit_m, speed_mps=hands.drone.cruise_mps, arrive_within_m=_TURN_M
        )
    while True:
        here = hands.place()
        casualty = desk.casualty(incident_id)
        distance_m = casualty.estimate().place.distance_m(here)
        if distance_m <= ARRIVED_M:
            return
        ahead_s = distance_m / max(hands.drone.cruise_mps * 0.8, 1.0)
        aim = casualty.estimate(ahead_s=ahead_s if distance_m > _NEAR_M else 0.5)
        glide_m = scene_height_m + max(distance_m - ARRIVED_M, 0.0) * _GLIDE
        if desk.eyes.sees(hands.drone) and casualty.estimate().sigma_m > desk.policy().drop_max_sigma_m:
            glide_m = transit_m  # its own eye finds them from up here
        height_m = min(transit_m, max(glide_m, lowest_here_m(desk, here, scene_height_m)))
        with_water = (aim.velocity.east_m, aim.velocity.north_m) if distance_m <= _NEAR_M else (0.0, 0.0)
        hands.vehicle.send_target(desk.site.frame.to_wgs84(aim.place), height_m, with_water)
        await asyncio.sleep(1.0 / _CHASE_HZ)


def lowest_here_m(desk: Desk, here: Enu, wanted_m: float) -> float:
    """The height above home that may not be undercut at this place."""
    beyond_crest = desk.site.river.bank.to_bank(here).offset_m >= BEYOND_CREST_M
    return wanted_m if beyond_crest else max(wanted_m, OVER_LAND_HEIGHT_M)
