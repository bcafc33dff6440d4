"""Hailing from the air: stands off beside the person and speaks until they have left."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from uuid import UUID

from flightctl.incidents.model import IncidentState, Priority
from flightctl.response.desk import Desk
from flightctl.response.hailing import say_from_drone
from flightctl.response.transit import lowest_here_m, place_of
from flightctl.site import Drone
from flightctl.drone import DroneHands
from geofence.position import Enu

STAND_OFF_M = 12.0  # beside, never above, and on the river side so that the way back stays free
_HEIGHT_M = 14.0  # above home
_EVERY_S = 10.0
_LONGEST_S = 240.0
_HZ = 2.0


class WarnEnd(StrEnum):
    LEFT = "left"  # the person is out of danger
    IN_WATER = "in_water"  # it has become a rescue
    STAYED = "stayed"  # still there when the drone must go


async def warn(desk: Desk, incident_id: UUID, drone: Drone, hands: DroneHands) -> WarnEnd:
    actor = f"drone:{drone.id}"
    await desk.move(incident_id, IncidentState.ACTING, actor)
    started_s = desk.clock.time_s()
    next_hail_s = started_s
    while True:
        now_s = desk.clock.time_s()
        casualty = desk.casualty(incident_id)
        if desk.book[incident_id].priority is Priority.P1:
            return WarnEnd.IN_WATER
        if casualty.left:
            return WarnEnd.LEFT
        if now_s - started_s > _LONGEST_S:
            return WarnEnd.STAYED
        if now_s >= next_hail_s:
            next_hail_s = now_s + _EVERY_S
            await say_from_drone(desk, incident_id, drone, "leave_foreshore")
        stand = _stand(desk, casualty.estimate().place)
        height_m = lowest_here_m(desk, place_of(desk, vehicle), _HEIGHT_M)
        vehicle.send_target(desk.site.frame.to_wgs84(stand), height_m, velocity=None)
        await asyncio.sleep(1.0 / _HZ)


def _stand(desk: Desk, person: Enu) -> Enu:
    bank = desk.site.river.bank
    at = bank.to_bank(person)
    return bank.to_enu(at.along_m, at.offset_m + STAND_OFF_M)
