"""A small simulated vehicle that speaks as PX4 1.14 does, for tests: what it takes, what it refuses, how it answers.

Facts from PX4's sources (commander, navigator, mavlink_mission, mavlink_parameters): modes are main and sub
numbers. DO_REPOSITION wants exactly its change-mode flag and heights above sea level; a place outside the fence is
accepted and then left alone. A mission has no home, and items without a place count only in MAV_FRAME_MISSION. A
whole number travels byte by byte in the float, and a set with the wrong type is not heeded.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

import shapely

from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.transport import Datagrams
from geofence.position import Enu, LatLon, LocalFrame
from sim.memory_links import MemoryNetwork

ADDRESS = "127.0.0.1:14550"
HOME = LatLon(lat=30.4020903, lon=120.5340303)
HOME_AMSL_M = 8.0
FRAME = LocalFrame(HOME)
STEP_S = 0.1

AUTO = 4
TAKEOFF, LOITER, MISSION, RTL, LAND = 2, 3, 4, 5, 6
_AUTO_SUB_MODES = {TAKEOFF, LOITER, MISSION, RTL, LAND, 8, 9}
_OTHER_MAIN_MODES = {1, 2, 3, 5, 6, 7}
_CRUISE_MPS, _CLIMB_MPS, _SINK_MPS = 12.0, 3.0, 1.5
_READY_FLAGS, _BLIND_FLAGS = 0x33F, 0x0A5
_WITH_A_PLACE = {
    mavlink.MAV_CMD_NAV_WAYPOINT,
    mavlink.MAV_CMD_NAV_LOITER_TIME,
    mavlink.MAV_CMD_NAV_LAND,
    mavlink.MAV_CMD_NAV_TAKEOFF,
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION,
    mavlink.MAV_CMD_NAV_RALLY_POINT,
}
_WITHOUT = {mavlink.MAV_CMD_DO_GRIPPER, mavlink.MAV_CMD_DO_CHANGE_SPEED, mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH}
_GLOBAL_FRAMES = {0, 3, 5, 6}
_RELATIVE_FRAMES = {3, 6}
_INT32, _REAL32 = mavlink.MAV_PARAM_TYPE_INT32, mavlink.MAV_PARAM_TYPE_REAL32
Item = mavlink.MAVLink_mission_item_int_message


@dataclass
class Seven:
    """A command as PX4 sees it, whichever way it came."""

    number: int
    params: tuple[float, float, float, float]
    place: LatLon | None
    z: float
    frame: int | None


class Px4Vehicle:
    """Runs until cancelled; its fields are the truth."""

    def __init__(self, *, ready_after_s: float = 0.0) -> None:
        self.main, self.sub = AUTO, LOITER
        self.armed = False
        self.at = Enu(0.0, 0.0)
        self.height_m = 0.0
        self.velocity = (0.0, 0.0, 0.0)
        self.battery_percent = 93
        self.params: dict[str, float | int] = {
            "COM_LOW_BAT_ACT": 3,
            "GF_ACTION": 2,
            "MPC_XY_CRUISE": 5.0,
            "NAV_DLL_ACT": 2,
            "NAV_RCL_ACT": 2,
            "RTL_RETURN_ALT": 30.0,
            "SYS_AUTOSTART": 4001,
        }
        self.plans: dict[int, list[Item]] = {0: [], 1: [], 2: []}
        self.heard: list[Message] = []
        self.gripped = True
        self.yaw_rad: float | None = None
        self._target: tuple[Enu, float] | None = None
        self._speed_mps = _CRUISE_MPS
        self._mission_seq = 0
        self._intervals_s: dict[int, float] = {mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 0.2}
        self._due_s: dict[int, float] = {}
        self._upload: tuple[int, int, list[Item]] | None = None
        self._ready_after_s = ready_after_s
        self._boot_s = 0.0
        self._landed_since_s = 0.0
        self._codec = Codec(1, 1)
        self._endpoint: Datagrams | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life ------------------------------------------------------------------------------------------------

    async def run(self, network: MemoryNetwork) -> None:
        self._endpoint = endpoint = await network.open_datagrams(f"udpout:{ADDRESS}")
        self._boot_s = self._now_s()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._live())
            while True:
                data, _ = await endpoint.receive()
                for message in self._codec.parse(data):
                    self.heard.append(message)
                    self._take(message)

    async def _live(self) -> None:
        while True:
            self._fly()
            now_s = self._now_s()
            for message_id, make in self._streams().items():
                interval_s = self._intervals_s.get(message_id, math.inf)
                if now_s - self._due_s.get(message_id, -math.inf) >= interval_s - 1e-6:
                    self._due_s[message_id] = now_s
                    self._say(make())
            await asyncio.sleep(STEP_S)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _say(self, message: Message) -> None:
        if self._endpoint is not None and self._endpoint.peer is not None:
            self._endpoint.send(self._codec.encode(message), self._endpoint.peer)

    def _text(self, text: str) -> None:
        self._say(mavlink.MAVLink_statustext_message(mavlink.MAV_SEVERITY_CRITICAL, text.encode(), 0, 0))

    @property
    def ready(self) -> bool:
        return self._now_s() - self._boot_s >= self._ready_after_s

    @property
    def mode(self) -> tuple[int, int]:
        return self.main, self.sub

    def items(self, plan: int) -> list[tuple[int, int]]:
        """Command and frame of each item it holds."""
        return [(item.command, item.frame) for item in self.plans[plan]]

    # --- what it says ------------------------------------------------------------------------------------------

    def _streams(self) -> dict[int, Callable[[], Message]]:
        self._intervals_s[mavlink.MAVLINK_MSG_ID_HEARTBEAT] = 1.0
        return {
            mavlink.MAVLINK_MSG_ID_HEARTBEAT: self._heartbeat,
            mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: self._position,
            mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: self._landed,
            mavlink.MAVLINK_MSG_ID_SYS_STATUS: self._status,
            mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: self._gps,
            mavlink.MAVLINK_MSG_ID_ESTIMATOR_STATUS: self._estimator,
        }

    def _heartbeat(self) -> Message:
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | (mavlink.MAV_MODE_FLAG_SAFETY_ARMED if self.armed else 0)
        custom = self.main << 16 | self.sub << 24
        state = mavlink.MAV_STATE_ACTIVE if self.armed else mavlink.MAV_STATE_STANDBY
        return mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_PX4, base, custom, state, 3
        )

    def _position(self) -> Message:
        here = FRAME.to_wgs84(self.at)
        east, north, up = self.velocity
        return mavlink.MAVLink_global_position_int_message(
            round((self._now_s() - self._boot_s) * 1000),
            round(here.lat * 1e7),
            round(here.lon * 1e7),
            round((HOME_AMSL_M + self.height_m) * 1000),
            round(self.height_m * 1000),
            round(north * 100),
            round(east * 100),
            round(-up * 100),
            9000,
        )

    def _landed(self) -> Message:
        state = mavlink.MAV_LANDED_STATE_IN_AIR if self.height_m > 0.1 else mavlink.MAV_LANDED_STATE_ON_GROUND
        return mavlink.MAVLink_extended_sys_state_message(0, state)

    def _status(self) -> Message:
        health = mavlink.MAV_SYS_STATUS_PREARM_CHECK if self.ready else 0
        return mavlink.MAVLink_sys_status_message(
            health, health, health, 300, 22_800, -1, self.battery_percent, 0, 0, 0, 0, 0, 0
        )

    def _gps(self) -> Message:
        fix, satellites = (3, 14) if self.ready else (1, 3)
        return mavlink.MAVLink_gps_raw_int_message(0, fix, 0, 0, 0, 80, 100, 0, 0, satellites)

    def _estimator(self) -> Message:
        flags = _READY_FLAGS if self.ready else _BLIND_FLAGS
        return mavlink.MAVLink_estimator_status_message(0, flags, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.5)

    # --- what it is told ----------------------------------------------------------------------------------------

    def _take(self, message: Message) -> None:
        if isinstance(message, mavlink.MAVLink_command_long_message):
            params = (message.param1, message.param2, message.param3, message.param4)
            known = math.isfinite(message.param5) and message.param5 != 0
            place = LatLon(lat=message.param5, lon=message.param6) if known else None
            self._command(Seven(message.command, params, place, message.param7, None))
        elif isinstance(message, mavlink.MAVLink_command_int_message):
            params = (message.param1, message.param2, message.param3, message.param4)
            place = LatLon(lat=message.x / 1e7, lon=message.y / 1e7)
            self._command(Seven(message.command, params, place, message.z, message.frame))
        elif isinstance(message, mavlink.MAVLink_param_request_read_message):
            name = message.param_id if message.param_index < 0 else list(self.params)[message.param_index]
            self._say_parameter(name)
        elif isinstance(message, mavlink.MAVLink_param_request_list_message):
            for name in self.params:
                self._say_parameter(name)
        elif isinstance(message, mavlink.MAVLink_param_set_message):
            self._set_parameter(message)
        else:
            self._transfer(message)

    def _command(self, said: Seven) -> None:
        result = self._obey(said)
        if result is not None:
            self._ack(said.number, result)

    def _ack(self, command: int, result: int) -> None:
        self._say(mavlink.MAVLink_command_ack_message(command, result, 0, 0, 255, 190))

    def _obey(self, said: Seven) -> int | None:
        p1, p2, p3, p4 = said.params
        accepted = mavlink.MAV_RESULT_ACCEPTED
        match said.number:
            case mavlink.MAV_CMD_REQUEST_MESSAGE:
                return self._request(int(p1))
            case mavlink.MAV_CMD_SET_MESSAGE_INTERVAL:
                if int(p1) not in self._streams():
                    return mavlink.MAV_RESULT_FAILED
                self._intervals_s[int(p1)] = p2 / 1e6
                return accepted
            case mavlink.MAV_CMD_DO_SET_MODE:
                return self._set_mode(int(p1), int(p2), int(p3))
            case mavlink.MAV_CMD_COMPONENT_ARM_DISARM:
                return self._arm() if p1 == 1 else self._disarm()
            case mavlink.MAV_CMD_RUN_PREARM_CHECKS:
                if not self.ready:
                    self._text("Preflight Fail: ekf2 missing data")
                return accepted
            case mavlink.MAV_CMD_NAV_TAKEOFF:
                self.main, self.sub = AUTO, TAKEOFF
                self._target = (self.at, said.z - HOME_AMSL_M)
                self.yaw_rad = p4 if math.isfinite(p4) else None
                return accepted
            case mavlink.MAV_CMD_DO_REPOSITION:
                return self._reposition(said)
            case mavlink.MAV_CMD_MISSION_START:
                if not self.plans[0]:
                    self._text("Mission start denied! No valid mission")
                    return mavlink.MAV_RESULT_DENIED
                self._mission_seq = 0
                self.main, self.sub = AUTO, MISSION
                return self._arm()
            case mavlink.MAV_CMD_DO_GRIPPER:
                self._ack(said.number, mavlink.MAV_RESULT_IN_PROGRESS)
                task = asyncio.ensure_future(self._move_gripper(release=p2 == mavlink.GRIPPER_ACTION_RELEASE))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return None
            case _:
                return mavlink.MAV_RESULT_UNSUPPORTED

    async def _move_gripper(self, *, release: bool) -> None:
        await asyncio.sleep(1.0)
        self.gripped = not release
        self._ack(mavlink.MAV_CMD_DO_GRIPPER, mavlink.MAV_RESULT_ACCEPTED)

    def _request(self, message_id: int) -> int:
        if message_id == mavlink.MAVLINK_MSG_ID_HOME_POSITION:
            at = (round(HOME.lat * 1e7), round(HOME.lon * 1e7), round(HOME_AMSL_M * 1000))
            self._say(mavlink.MAVLink_home_position_message(*at, 0, 0, 0, (1, 0, 0, 0), 0, 0, 0))
        elif message_id == mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION:
            can = (
                mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_BYTEWISE
                | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT
                | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
            )
            none = (0,) * 8
            self._say(
                mavlink.MAVLink_autopilot_version_message(
                    can, 0x010E00FF, 0, 0, 0, none, none, none, 0, 0, 7, (0,) * 18
                )
            )
        else:
            return mavlink.MAV_RESULT_DENIED
        return mavlink.MAV_RESULT_ACCEPTED

    def _set_mode(self, base: int, main: int, sub: int) -> int:
        known = main in _OTHER_MAIN_MODES or (main == AUTO and (sub == 0 or sub in _AUTO_SUB_MODES))
        if not base & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED or not known:
            return mavlink.MAV_RESULT_TEMPORARILY_REJECTED
        sub = MISSION if main == AUTO and sub == 0 else sub
        if (main, sub) == (AUTO, MISSION) and not self.plans[0]:
            return mavlink.MAV_RESULT_TEMPORARILY_REJECTED
        if (main, sub) != self.mode:
            self.main, self.sub = main, sub
            self._target = (self.at, self.height_m) if sub == LOITER else None
        return mavlink.MAV_RESULT_ACCEPTED

    def _arm(self) -> int:
        if not self.ready:
            self._text("Arming denied: Resolve system health failures first")
            return mavlink.MAV_RESULT_TEMPORARILY_REJECTED
        self.armed = True
        self._landed_since_s = self._now_s() + 10.0  # COM_DISARM_PRFLT
        return mavlink.MAV_RESULT_ACCEPTED

    def _disarm(self) -> int:
        if self.height_m > 0.1:
            return mavlink.MAV_RESULT_TEMPORARILY_REJECTED
        self.armed = False
        return mavlink.MAV_RESULT_ACCEPTED

    def _reposition(self, said: Seven) -> int:
        if int(said.params[1]) != mavlink.MAV_DO_REPOSITION_FLAGS_CHANGE_MODE:
            return mavlink.MAV_RESULT_UNSUPPORTED
        if said.frame not in {None, mavlink.MAV_FRAME_GLOBAL, mavlink.MAV_FRAME_GLOBAL_INT}:
            return mavlink.MAV_RESULT_DENIED
        self.main, self.sub = AUTO, LOITER
        self._speed_mps = said.params[0] if said.params[0] > 0 else _CRUISE_MPS
        self.yaw_rad = said.params[3] if math.isfinite(said.params[3]) else None
        to = FRAME.to_enu(said.place) if said.place is not None else self.at
        if self._inside(to):
            self._target = (to, said.z - HOME_AMSL_M)
        else:
            self._target = (self.at, self.height_m)
            self._text("Reposition is outside geofence")
        return mavlink.MAV_RESULT_ACCEPTED

    def _inside(self, place: Enu) -> bool:
        ring = [FRAME.to_enu(LatLon(lat=item.x / 1e7, lon=item.y / 1e7)) for item in self.plans[1]]
        if len(ring) < 3:
            return True
        polygon = shapely.Polygon([(p.east_m, p.north_m) for p in ring])
        return bool(shapely.contains_xy(polygon, place.east_m, place.north_m))

    # --- parameters -----------------------------------------------------------------------------------------------

    def _say_parameter(self, name: str) -> None:
        if name not in self.params:
            return
        value = self.params[name]
        whole = isinstance(value, int)
        sent: float = struct.unpack("<f", struct.pack("<i", value))[0] if whole else value
        kind = _INT32 if whole else _REAL32
        names = list(self.params)
        self._say(mavlink.MAVLink_param_value_message(name.encode(), sent, kind, len(names), names.index(name)))

    def _set_parameter(self, message: mavlink.MAVLink_param_set_message) -> None:
        present = self.params.get(message.param_id)
        if present is None:
            return
        if message.param_type != (_INT32 if isinstance(present, int) else _REAL32):
            self._text("[pm] param types mismatch")
            return
        bytes_ = struct.pack("<f", message.param_value)
        self.params[message.param_id] = (
            struct.unpack("<i", bytes_)[0] if isinstance(present, int) else message.param_value
        )
        self._say_parameter(message.param_id)

    # --- missions ----------------------------------------------------------------------------------------------

    def _transfer(self, message: Message) -> None:
        if isinstance(message, mavlink.MAVLink_mission_count_message):
            self._upload = (message.mission_type, message.count, [])
            self._ask(0)
        elif isinstance(message, mavlink.MAVLink_mission_item_int_message):
            self._item(message)
        elif isinstance(message, mavlink.MAVLink_mission_clear_all_message):
            self.plans[message.mission_type] = []
            self._mission_ack(mavlink.MAV_MISSION_ACCEPTED, message.mission_type)
        elif isinstance(message, mavlink.MAVLink_mission_request_list_message):
            plan = message.mission_type
            self._say(mavlink.MAVLink_mission_count_message(255, 190, len(self.plans[plan]), plan))
        elif isinstance(message, mavlink.MAVLink_mission_request_int_message):
            held = self.plans[message.mission_type]
            if message.seq < len(held):
                self._say(held[message.seq])

    def _ask(self, seq: int) -> None:
        if self._upload is not None:
            self._say(mavlink.MAVLink_mission_request_int_message(255, 190, seq, self._upload[0]))

    def _item(self, item: Item) -> None:
        if self._upload is None:
            return
        plan, count, items = self._upload
        if item.seq != len(items):
            self._ask(len(items))
            return
        refusal = _refusal(item)
        if refusal is not None:
            self._upload = None
            self._mission_ack(refusal, plan)
            return
        items.append(_kept(item))
        if len(items) < count:
            self._ask(len(items))
            return
        self.plans[plan], self._upload = items, None
        self._mission_ack(mavlink.MAV_MISSION_ACCEPTED, plan)

    def _mission_ack(self, result: int, plan: int) -> None:
        self._say(mavlink.MAVLink_mission_ack_message(255, 190, result, plan))

    # --- flying --------------------------------------------------------------------------------------------------

    def _fly(self) -> None:
        before, low_m = self.at, self.height_m
        if self.armed and self.main == AUTO:
            self._act_in_mode()
        self.velocity = (
            (self.at.east_m - before.east_m) / STEP_S,
            (self.at.north_m - before.north_m) / STEP_S,
            (self.height_m - low_m) / STEP_S,
        )

    def _act_in_mode(self) -> None:
        if self.sub == TAKEOFF:
            if self._target is not None and self._towards(*self._target):
                self.sub = LOITER
        elif self.sub == LOITER:
            if self._target is not None and self.height_m > 0.1:
                self._towards(*self._target)
        elif self.sub == MISSION:
            self._fly_mission()
        elif self.sub == RTL:
            high_m = max(self.height_m, float(self.params["RTL_RETURN_ALT"]))
            over_home = self.at.distance_m(Enu(0.0, 0.0)) < 0.5
            if over_home:
                self._descend()
            elif self.height_m < float(self.params["RTL_RETURN_ALT"]) - 0.5:
                self._towards(self.at, high_m)
            else:
                self._towards(Enu(0.0, 0.0), self.height_m)
        elif self.sub == LAND:
            self._descend()
        if self.height_m > 0.1:
            self._landed_since_s = self._now_s()
        elif self._now_s() - self._landed_since_s > 2.0:  # COM_DISARM_LAND
            self.armed = False

    def _descend(self) -> None:
        self._towards(self.at, 0.0)

    def _towards(self, place: Enu, height_m: float) -> bool:
        way = place - self.at
        step_m = min(way.length_m, self._speed_mps * STEP_S)
        if way.length_m > 0.01:
            self.at = self.at + way.scaled(step_m / way.length_m)
        up_m = max(-_SINK_MPS * STEP_S, min(_CLIMB_MPS * STEP_S, height_m - self.height_m))
        self.height_m += up_m
        return self.at.distance_m(place) < 0.5 and abs(self.height_m - height_m) < 0.3

    def _fly_mission(self) -> None:
        if self._mission_seq >= len(self.plans[0]):
            self.sub, self._target = LOITER, (self.at, self.height_m)
            return
        item = self.plans[0][self._mission_seq]
        if item.command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
            self.sub = RTL
        elif item.command in _WITHOUT:
            self._mission_seq += 1
        else:
            relative_m = item.z if item.frame in _RELATIVE_FRAMES else item.z - HOME_AMSL_M
            if self._towards(FRAME.to_enu(LatLon(lat=item.x / 1e7, lon=item.y / 1e7)), relative_m):
                self._mission_seq += 1


def _refusal(item: Item) -> int | None:
    """As parse_mavlink_mission_item judges; a first place far away fails PX4's feasibility check."""
    if item.frame in _GLOBAL_FRAMES:
        known = item.command in _WITH_A_PLACE
    elif item.frame == mavlink.MAV_FRAME_MISSION:
        known = item.command in _WITHOUT
    else:
        return mavlink.MAV_MISSION_UNSUPPORTED_FRAME
    if not known:
        return mavlink.MAV_MISSION_UNSUPPORTED
    far = item.command in _WITH_A_PLACE and abs(item.x / 1e7 - HOME.lat) > 1.0
    return mavlink.MAV_MISSION_INVALID if far else None


def _kept(item: Item) -> Item:
    """As it comes back: a heading goes through radians and is counted from 0 to 360; no heading stays none."""
    yaw = item.param4 % 360.0 if item.command in _WITH_A_PLACE and math.isfinite(item.param4) else item.param4
    return Item(
        255, 190, item.seq, item.frame, item.command, 0, 1, item.param1, item.param2, item.param3, yaw,
        item.x, item.y, item.z, item.mission_type,
    )  # fmt: skip
