"""The mission protocol with ArduPilot's deviations, for missions, fences and rally points.

    idle ──MISSION_COUNT──► receiving(next item) ──last item──► ACK accepted ──► idle
                              │  ▲ asks again each second
                              │  └─ wrong sequence, refused item: ACK with the reason, and it goes on
                              └─ 8 s of silence: ACK cancelled ──► idle

It asks with MISSION_REQUEST yet takes both item messages. Mission items are written as they come, so a broken
upload leaves a mixture; a fence or rally plan is replaced only when complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import auto, guided_targets
from sim.copter.fence import FenceType
from sim.copter.modes import Mode
from sim.copter.plans import (
    MAX_ITEMS,
    PlanItem,
    PlanKind,
    as_stored,
    check_item,
    fence_shapes,
)
from sim.copter.streams import Link
from sim.copter.vehicle import Vehicle

ASK_AGAIN_S = 1.0
GIVE_UP_S = 8.0
_ALL = 255
_OFF_THE_GLOBE_E7 = 2**31 - 1

ItemMessage = mavlink.MAVLink_mission_item_int_message | mavlink.MAVLink_mission_item_message


@dataclass(slots=True)
class _Upload:
    link: Link
    system: int
    component: int
    kind: PlanKind
    count: int
    heard_s: float
    asked_s: float
    next: int = 0
    staged: list[PlanItem] = field(default_factory=list[PlanItem])


_NO_HOME = PlanItem(mavlink.MAV_CMD_NAV_WAYPOINT, 0, (0.0, 0.0, 0.0, 0.0), 0, 0, 0.0)
_GUIDED_TARGET, _NEW_HEIGHT = 2, 3  # values of `current`


class MissionProtocol:
    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle
        self._upload: _Upload | None = None

    @property
    def busy(self) -> bool:
        return self._upload is not None

    def reset(self) -> None:
        self._upload = None

    def handle(self, link: Link, message: mavlink.MAVLink_message) -> bool:
        """True when the message belongs to this protocol."""
        match message:
            case mavlink.MAVLink_mission_count_message():
                self._on_count(link, message)
            case mavlink.MAVLink_mission_item_int_message() | mavlink.MAVLink_mission_item_message():
                self._on_item(link, message)
            case mavlink.MAVLink_mission_request_list_message():
                self._on_list(link, message)
            case mavlink.MAVLink_mission_request_int_message() | mavlink.MAVLink_mission_request_message():
                self._on_request(link, message)
            case mavlink.MAVLink_mission_clear_all_message():
                self._on_clear(link, message)
            case mavlink.MAVLink_mission_set_current_message():
                if 0 <= message.seq <= self._vehicle.plans.mission.total:
                    auto.jump_to(self._vehicle, message.seq)
                    mission = self._vehicle.plans.mission
                    self._vehicle.emit(
                        mavlink.MAVLink_mission_current_message(
                            mission.current, mission.total, auto.state(self._vehicle), 0
                        )
                    )
            case mavlink.MAVLink_mission_ack_message():
                pass
            case _:
                return False
        return True

    def step(self) -> None:
        """Asks again each second, gives up after eight."""
        upload, now_s = self._upload, self._vehicle.now_s
        if upload is None:
            return
        if now_s - upload.heard_s >= GIVE_UP_S:
            self._upload = None
            _ack(upload.link, upload, mavlink.MAV_MISSION_OPERATION_CANCELLED)
        elif now_s - upload.asked_s >= ASK_AGAIN_S:
            self._ask(upload)

    def _on_count(self, link: Link, message: mavlink.MAVLink_mission_count_message) -> None:
        kind = _kind(message.mission_type)
        upload = _Upload(
            link,
            message.get_srcSystem(),
            message.get_srcComponent(),
            kind or PlanKind.MISSION,
            message.count,
            self._vehicle.now_s,
            self._vehicle.now_s,
        )
        if kind is None:
            _reply(link, message, mavlink.MAV_MISSION_UNSUPPORTED)
        elif self._upload is not None and (self._upload.system, self._upload.component) != (
            upload.system,
            upload.component,
        ):
            _reply(link, message, mavlink.MAV_MISSION_DENIED)
        elif message.count > MAX_ITEMS:
            _reply(link, message, mavlink.MAV_MISSION_NO_SPACE)
        elif message.count == 0:
            self._clear(kind)
            _reply(link, message, mavlink.MAV_MISSION_ACCEPTED)
        else:
            self._upload = upload
            if kind is PlanKind.MISSION:
                del self._vehicle.plans.mission.items[message.count :]
            self._ask(upload)

    def _ask(self, upload: _Upload) -> None:
        upload.asked_s = self._vehicle.now_s
        upload.link.send(
            mavlink.MAVLink_mission_request_message(upload.system, upload.component, upload.next, upload.kind)
        )

    def _on_item(self, link: Link, message: ItemMessage) -> None:
        if message.mission_type == PlanKind.MISSION and message.current in {_GUIDED_TARGET, _NEW_HEIGHT}:
            _reply(link, message, self._fly_item(message))
            return
        upload = self._upload
        if upload is None or message.mission_type != upload.kind or message.get_srcSystem() != upload.system:
            return
        upload.heard_s = self._vehicle.now_s
        if message.seq != upload.next:
            _ack(link, upload, mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        item = as_stored(_item(message))
        is_home = upload.kind is PlanKind.MISSION and message.seq == 0
        if is_home:
            item = _NO_HOME  # its own is handed out in its place
        result = mavlink.MAV_MISSION_ACCEPTED if is_home else check_item(upload.kind, item, self._vehicle.frame)
        if result != mavlink.MAV_MISSION_ACCEPTED:
            _ack(link, upload, result)
            return
        if upload.kind is PlanKind.MISSION:
            items = self._vehicle.plans.mission.items
            if message.seq < len(items):
                items[message.seq] = item
            else:
                items.append(item)
        else:
            upload.staged.append(item)
        upload.next += 1
        if upload.next < upload.count:
            self._ask(upload)
            return
        self._upload = None
        _ack(link, upload, self._finish(upload))
        self._vehicle.plans.count()

    def _fly_item(self, message: ItemMessage) -> int:
        """An item that is no part of a mission: a place, or a height alone, for GUIDED (DroneKit's goto)."""
        vehicle, item = self._vehicle, as_stored(_item(message))
        result = check_item(PlanKind.MISSION, item, vehicle.frame)
        if result != mavlink.MAV_MISSION_ACCEPTED:
            return result
        flies = guided_targets.on_item(vehicle, item, height_only=message.current == _NEW_HEIGHT)
        if message.current == _NEW_HEIGHT:
            return mavlink.MAV_MISSION_ACCEPTED  # said in any case
        return mavlink.MAV_MISSION_ACCEPTED if flies else mavlink.MAV_MISSION_ERROR

    def _finish(self, upload: _Upload) -> int:
        vehicle = self._vehicle
        if upload.kind is PlanKind.FENCE:
            shapes = fence_shapes(upload.staged, vehicle.frame)
            if shapes is None:
                return mavlink.MAV_MISSION_INVALID
            vehicle.plans.fence = upload.staged
            vehicle.fence.shapes = shapes
        elif upload.kind is PlanKind.RALLY:
            vehicle.plans.rally = upload.staged
        elif vehicle.mode is Mode.AUTO and vehicle.auto.started:
            auto.restart_item(vehicle)
        else:
            vehicle.plans.mission.current = min(1, vehicle.plans.mission.total)
        return mavlink.MAV_MISSION_ACCEPTED

    def _on_list(self, link: Link, message: mavlink.MAVLink_mission_request_list_message) -> None:
        kind = _kind(message.mission_type)
        if kind is None:
            _reply(link, message, mavlink.MAV_MISSION_UNSUPPORTED)
        elif self._upload is not None:
            _reply(link, message, mavlink.MAV_MISSION_DENIED)
        else:
            count = len(self._vehicle.plans.items(kind))
            link.send(
                mavlink.MAVLink_mission_count_message(
                    message.get_srcSystem(), message.get_srcComponent(), count, kind
                )
            )

    def _on_request(
        self,
        link: Link,
        message: mavlink.MAVLink_mission_request_int_message | mavlink.MAVLink_mission_request_message,
    ) -> None:
        kind = _kind(message.mission_type)
        items = self._vehicle.plans.items(kind) if kind is not None else []
        is_home = kind is PlanKind.MISSION and message.seq == 0  # which can be read with no mission there
        if kind is None or not (is_home or 0 <= message.seq < len(items)):
            _reply(link, message, mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        item = self._home_item() if is_home else items[message.seq]
        current = int(kind is PlanKind.MISSION and message.seq == self._vehicle.plans.mission.current)
        whom = message.get_srcSystem(), message.get_srcComponent()
        if isinstance(message, mavlink.MAVLink_mission_request_int_message):
            link.send(
                mavlink.MAVLink_mission_item_int_message(
                    *whom, message.seq, item.frame, item.command, current, 1, *item.params, item.x, item.y,
                    item.z, kind,
                )
            )  # fmt: skip
        else:
            link.send(
                mavlink.MAVLink_mission_item_message(
                    *whom, message.seq, item.frame, item.command, current, 1, *item.params, item.x / 1e7,
                    item.y / 1e7, item.z, kind,
                )
            )  # fmt: skip

    def _home_item(self) -> PlanItem:
        home = self._vehicle.home
        if home is None:
            return _NO_HOME
        lat, lon = self._vehicle.patch.degrees_e7(home.east_m, home.north_m)
        return PlanItem(mavlink.MAV_CMD_NAV_WAYPOINT, 0, (0.0, 0.0, 0.0, 0.0), lat, lon, home.amsl_m)

    def _on_clear(self, link: Link, message: mavlink.MAVLink_mission_clear_all_message) -> None:
        kinds = list(PlanKind) if message.mission_type == _ALL else [_kind(message.mission_type)]
        flying = self._vehicle.armed and self._vehicle.mode is Mode.AUTO
        if None in kinds:
            _reply(link, message, mavlink.MAV_MISSION_UNSUPPORTED)
        elif flying and PlanKind.MISSION in kinds:
            _reply(link, message, mavlink.MAV_MISSION_ERROR)
        else:
            for kind in kinds:
                if kind is not None:
                    self._clear(kind)
            _reply(link, message, mavlink.MAV_MISSION_ACCEPTED)

    def _clear(self, kind: PlanKind) -> None:
        vehicle = self._vehicle
        if kind is PlanKind.MISSION:
            vehicle.plans.mission.items.clear()
            vehicle.plans.mission.current = 0
        elif kind is PlanKind.FENCE:
            vehicle.plans.fence = []
            vehicle.fence.shapes = ()
            vehicle.fence.breached &= ~FenceType.POLYGON
        else:
            vehicle.plans.rally = []
        vehicle.plans.count()


def _kind(number: int) -> PlanKind | None:
    try:
        return PlanKind(number)
    except ValueError:
        return None


def _item(message: ItemMessage) -> PlanItem:
    params = (message.param1, message.param2, message.param3, message.param4)
    if isinstance(message, mavlink.MAVLink_mission_item_int_message):
        return PlanItem(message.command, message.frame, params, message.x, message.y, message.z)
    return PlanItem(message.command, message.frame, params, _e7(message.x), _e7(message.y), message.z)


def _e7(degrees: float) -> int:
    """What is no number of degrees becomes one that every check refuses."""
    return round(degrees * 1e7) if abs(degrees) <= 180.0 else _OFF_THE_GLOBE_E7


def _reply(link: Link, message: mavlink.MAVLink_message, result: int) -> None:
    kind = getattr(message, "mission_type", 0)
    link.send(mavlink.MAVLink_mission_ack_message(message.get_srcSystem(), message.get_srcComponent(), result, kind))


def _ack(link: Link, upload: _Upload, result: int) -> None:
    link.send(mavlink.MAVLink_mission_ack_message(upload.system, upload.component, result, upload.kind))
