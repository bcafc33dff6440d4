"""The three stored plans: mission, fence and rally points, and what items each takes.

Item 0 of the mission is home and is kept by the autopilot; whatever is sent there is overwritten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.errors import OutOfFrame
from geofence.position import LatLon, LocalFrame
from sim.copter.fence import Disc, Ring
from sim.copter.parameters import Parameters
from sim.copter.places import Spot

MAX_ITEMS = 650
HIGHEST_M = 80_000.0  # ArduPilot keeps heights in 24 bits of centimetres
E7 = 1e7


class PlanKind(IntEnum):
    """MAV_MISSION_TYPE."""

    MISSION = 0
    FENCE = 1
    RALLY = 2


ABSOLUTE_FRAMES = {0, 5}
RELATIVE_FRAMES = {3, 6}
TERRAIN_FRAMES = {10, 11}
GLOBAL_FRAMES = ABSOLUTE_FRAMES | RELATIVE_FRAMES | TERRAIN_FRAMES

NAV_COMMANDS = {
    mavlink.MAV_CMD_NAV_WAYPOINT,
    mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT,
    mavlink.MAV_CMD_NAV_LOITER_UNLIM,
    mavlink.MAV_CMD_NAV_LOITER_TIME,
    mavlink.MAV_CMD_NAV_LOITER_TURNS,
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH,
    mavlink.MAV_CMD_NAV_LAND,
    mavlink.MAV_CMD_NAV_TAKEOFF,
    mavlink.MAV_CMD_NAV_LOITER_TO_ALT,
    mavlink.MAV_CMD_NAV_DELAY,
    mavlink.MAV_CMD_NAV_PAYLOAD_PLACE,
}
TAKEN_IN_SILENCE = {  # what cameras, mounts and relays would do, and a mark for other modes
    mavlink.MAV_CMD_DO_LAND_START,
    mavlink.MAV_CMD_DO_SET_RELAY,
    mavlink.MAV_CMD_DO_DIGICAM_CONFIGURE,
    mavlink.MAV_CMD_DO_DIGICAM_CONTROL,
    mavlink.MAV_CMD_DO_MOUNT_CONTROL,
    mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST,
}
DO_COMMANDS = TAKEN_IN_SILENCE | {
    mavlink.MAV_CMD_DO_SET_HOME,
    mavlink.MAV_CMD_CONDITION_DELAY,
    mavlink.MAV_CMD_CONDITION_DISTANCE,
    mavlink.MAV_CMD_CONDITION_YAW,
    mavlink.MAV_CMD_DO_CHANGE_SPEED,
    mavlink.MAV_CMD_DO_SET_SERVO,
    mavlink.MAV_CMD_DO_GRIPPER,
    mavlink.MAV_CMD_DO_WINCH,
    mavlink.MAV_CMD_DO_JUMP,
    mavlink.MAV_CMD_DO_SET_ROI,
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION,
    mavlink.MAV_CMD_DO_SET_ROI_NONE,
    mavlink.MAV_CMD_DO_FENCE_ENABLE,
}
_FENCE_COMMANDS = {
    mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT,
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION,
    mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION,
    mavlink.MAV_CMD_NAV_FENCE_CIRCLE_EXCLUSION,
}
_HEADING = 3
_WITH_ANY_HEADING = {
    mavlink.MAV_CMD_NAV_WAYPOINT,
    mavlink.MAV_CMD_NAV_TAKEOFF,
    mavlink.MAV_CMD_NAV_LAND,
}
ROI_COMMANDS = {mavlink.MAV_CMD_DO_SET_ROI, mavlink.MAV_CMD_DO_SET_ROI_LOCATION}
_YAW_MAY_BE_NONE = {mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_CMD_NAV_LAND, mavlink.MAV_CMD_NAV_TAKEOFF}
_WITH_PLACE = ROI_COMMANDS | (NAV_COMMANDS - {mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, mavlink.MAV_CMD_NAV_DELAY})


@dataclass(frozen=True, slots=True)
class PlanItem:
    command: int
    frame: int
    params: tuple[float, float, float, float]
    x: int  # degrees * 1e7
    y: int
    z: float

    @property
    def point(self) -> LatLon:
        return LatLon(lat=self.x / E7, lon=self.y / E7)

    @property
    def has_point(self) -> bool:
        return self.x != 0 or self.y != 0


def check_item(kind: PlanKind, item: PlanItem, frame: LocalFrame) -> int:
    """MAV_MISSION_RESULT of storing it."""
    placed = item.command in _WITH_PLACE or kind is not PlanKind.MISSION
    allowed = {
        PlanKind.MISSION: NAV_COMMANDS | DO_COMMANDS,
        PlanKind.FENCE: _FENCE_COMMANDS,
        PlanKind.RALLY: {mavlink.MAV_CMD_NAV_RALLY_POINT},
    }[kind]
    if item.command not in allowed:
        return mavlink.MAV_MISSION_UNSUPPORTED
    for index, value in enumerate(item.params):
        if not math.isfinite(value):
            return mavlink.MAV_MISSION_INVALID_PARAM1 + index
    if not abs(item.z) <= HIGHEST_M:
        return mavlink.MAV_MISSION_INVALID_PARAM7
    if placed and item.frame not in GLOBAL_FRAMES:
        return mavlink.MAV_MISSION_UNSUPPORTED_FRAME
    no_number = _no_number(item)
    if no_number is not None:
        return no_number
    if placed and abs(item.x) > 90 * E7:
        return mavlink.MAV_MISSION_INVALID_PARAM5_X
    if placed and abs(item.y) > 180 * E7:
        return mavlink.MAV_MISSION_INVALID_PARAM6_Y
    if placed and (item.has_point or kind is not PlanKind.MISSION):  # in a mission zero-zero means "here"
        try:
            frame.to_enu(item.point)
        except OutOfFrame:  # the simulated world ends there
            return mavlink.MAV_MISSION_INVALID_PARAM5_X
    return mavlink.MAV_MISSION_ACCEPTED


def _no_number(item: PlanItem) -> int | None:
    """ArduPilot takes "not a number" only for the heading of way points, take-offs and landings."""
    for index, value in enumerate(item.params):
        heading = index == _HEADING and item.command in _WITH_ANY_HEADING
        if math.isinf(value) or (math.isnan(value) and not heading):
            return mavlink.MAV_MISSION_INVALID_PARAM1 + index
    return None if math.isfinite(item.z) else mavlink.MAV_MISSION_INVALID_PARAM7


def as_stored(item: PlanItem) -> PlanItem:
    """Frames with INT in their name come back as the plain ones, and a yaw left open as 0."""
    p1, p2, p3, p4 = item.params
    params = (p1, p2, p3, 0.0 if math.isnan(p4) and item.command in _YAW_MAY_BE_NONE else p4)
    return replace(item, frame={5: 0, 6: 3, 11: 10}.get(item.frame, item.frame), params=params)


@dataclass(slots=True)
class Mission:
    """Items from 1; index 0 stands for home."""

    items: list[PlanItem] = field(default_factory=list[PlanItem])
    current: int = 0

    @property
    def starts_with_take_off(self) -> bool:
        for item in self.items[1:]:
            if item.command in NAV_COMMANDS:
                return item.command == mavlink.MAV_CMD_NAV_TAKEOFF
        return False

    @property
    def total(self) -> int:
        return max(0, len(self.items) - 1)


class Plans:
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.mission = Mission()
        self.fence: list[PlanItem] = []
        self.rally: list[PlanItem] = []

    def items(self, kind: PlanKind) -> list[PlanItem]:
        return {PlanKind.MISSION: self.mission.items, PlanKind.FENCE: self.fence, PlanKind.RALLY: self.rally}[kind]

    def count(self) -> None:
        """Keeps the *_TOTAL parameters true, as older clients read them."""
        self._parameters.set("MIS_TOTAL", len(self.mission.items))
        self._parameters.set("FENCE_TOTAL", len(self.fence))
        self._parameters.set("RALLY_TOTAL", len(self.rally))

    def nearest_rally(self, frame: LocalFrame, home: Spot, here: Spot) -> Spot | None:
        """The rally point to return to; None when home is as near or none is within RALLY_LIMIT_KM."""
        limit = self._parameters["RALLY_LIMIT_KM"] * 1000.0
        best: Spot | None = None
        best_m = limit if limit > 0 else math.inf
        if self._parameters["RALLY_INCL_HOME"]:
            best_m = min(best_m, math.hypot(here.east_m - home.east_m, here.north_m - home.north_m))
        for item in self.rally:
            enu = frame.to_enu(item.point)
            away = math.hypot(here.east_m - enu.east_m, here.north_m - enu.north_m)
            if away < best_m:
                above = 0.0 if item.frame in ABSOLUTE_FRAMES else home.amsl_m
                best_m, best = away, Spot(enu.east_m, enu.north_m, above + item.z)
        return best


def fence_shapes(items: Sequence[PlanItem], frame: LocalFrame) -> tuple[Ring | Disc, ...] | None:
    """The shapes of a fence plan; None when its corners do not add up."""
    shapes: list[Ring | Disc] = []
    index = 0
    while index < len(items):
        item = items[index]
        if item.command in (
            mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION,
            mavlink.MAV_CMD_NAV_FENCE_CIRCLE_EXCLUSION,
        ):
            centre = frame.to_enu(item.point)
            inclusion = item.command == mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION
            shapes.append(Disc(centre.east_m, centre.north_m, item.params[0], inclusion))
        elif item.command != mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT:
            count = int(item.params[0])
            corners = items[index : index + count]
            if count < 3 or len(corners) < count or any(c.command != item.command for c in corners):
                return None
            enus = [frame.to_enu(corner.point) for corner in corners]
            inclusion = item.command == mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION
            shapes.append(Ring(tuple((e.east_m, e.north_m) for e in enus), inclusion))
            index += count - 1
        index += 1
    return tuple(shapes)
