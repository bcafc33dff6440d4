"""Mission, fence and rally points: up with read-back and compare, and down.

MAVLink guide: https://mavlink.io/en/services/mission.html. The vehicle drives an upload by asking item by item.
The opaque ids of the guide are not in ArduPilot's dialect; the read-back compares the items themselves.
Where ArduPilot deviates, we follow ArduPilot:

- it asks with MISSION_REQUEST and wants MISSION_ITEM_INT; both requests are answered so;
- it reports an error and goes on asking: an error counts when it falls silent after it, or at the third time;
- its uploads are not atomic: what it holds is read back and compared, also when the last word got lost;
- it knows no cancelling: it is told, as the guide asks, and gives up by itself after 8 s;
- item 0 of a mission is home, whatever is sent there; frame 6 comes back as frame 3.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeVar

from flightctl.mavlink.conversation import Conversation
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import TransferFailed, TransferMismatch, TransferRefused
from flightctl.mavlink.patience import ENOUGH_TRIES, Patience
from geofence.position import LatLon

_TIMEOUT_S = 1.5  # mission guide: default
_UPLOADS = 3  # whole runs; the guide's 5 retries of one message are too few where a fifth is lost each way
_OBJECTIONS = 3  # an item refused so often is wrong
_MAY_PASS = {mavlink.MAV_MISSION_OPERATION_CANCELLED, mavlink.MAV_MISSION_DENIED}
"""It gave up waiting, or was still at an earlier transfer."""
_SILENCE_S = 3.0  # after the last item or an error, before the vehicle is taken at its word
_DEAD_S = 10.0  # ArduPilot gives an upload up after 8 s of silence and asks every second until then
_RELATIVE_FRAMES = {mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT}
_ABSOLUTE_FRAMES = {mavlink.MAV_FRAME_GLOBAL, mavlink.MAV_FRAME_GLOBAL_INT}


class Plan(IntEnum):
    """MAV_MISSION_TYPE."""

    MISSION = 0
    FENCE = 1
    RALLY = 2


@dataclass(frozen=True, slots=True)
class Item:
    """One item as it goes over the link."""

    command: int
    position: LatLon | None = None
    height_m: float = 0.0
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    frame: int = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT

    @property
    def x(self) -> int:
        return round(self.position.lat * 1e7) if self.position is not None else 0

    @property
    def y(self) -> int:
        return round(self.position.lon * 1e7) if self.position is not None else 0

    def same_as(self, other: Item) -> bool:
        """As far as a vehicle keeps it: it stores floats and rounds them."""
        return (
            self.command == other.command
            and _frame_kind(self.frame) == _frame_kind(other.frame)
            and abs(self.x - other.x) <= 1
            and abs(self.y - other.y) <= 1
            and math.isclose(self.height_m, other.height_m, abs_tol=0.02)
            and all(_same_number(a, b) for a, b in zip(self.params, other.params, strict=True))
        )


def fence_items(inclusion: Sequence[LatLon], exclusions: Sequence[Sequence[LatLon]] = ()) -> tuple[Item, ...]:
    """A keep-in polygon and any keep-out polygons; a ring may repeat its first corner at the end."""
    items: list[Item] = []
    for command, ring in (
        (mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION, inclusion),
        *((mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION, exclusion) for exclusion in exclusions),
    ):
        corners = ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring
        if len(corners) < 3:
            raise ValueError(f"a fence polygon needs at least 3 corners, this one has {len(corners)}")
        params = (float(len(corners)), 0.0, 0.0, 0.0)
        items += [Item(command, corner, 0.0, params, mavlink.MAV_FRAME_GLOBAL) for corner in corners]
    return tuple(items)


class _Addressed(Protocol):
    @property
    def target_system(self) -> int: ...

    @property
    def target_component(self) -> int: ...


A = TypeVar("A", mavlink.MAVLink_mission_count_message, mavlink.MAVLink_mission_item_int_message)


@dataclass(frozen=True, slots=True)
class _Trouble:
    words: str
    may_pass: bool


@dataclass(frozen=True, slots=True)
class Rally:
    """A place to return to; its height is above home."""

    position: LatLon
    height_m: float


def rally_items(points: Sequence[Rally]) -> tuple[Item, ...]:
    return tuple(Item(mavlink.MAV_CMD_NAV_RALLY_POINT, point.position, point.height_m) for point in points)


class Transfers:
    """Uploads and downloads of one vehicle, one at a time."""

    def __init__(self, conversation: Conversation) -> None:
        self._with = conversation
        self._lock = asyncio.Lock()
        self._patience = Patience()
        self.home_is_item_0 = True

    async def upload(self, plan: Plan, items: Sequence[Item]) -> None:
        """Returns when the vehicle was seen to hold exactly `items`. Raises TransferFailed.

        A mission is given without home; where that is item 0 it is added here. When this fails or is cancelled,
        what the vehicle holds may be a mixture of the old plan and the new one.
        """
        wanted = (_HOME, *items) if self._has_home(plan) else tuple(items)
        async with self._lock:
            for tries_left in reversed(range(_UPLOADS)):
                try:
                    trouble = await self._upload(plan, wanted)
                except asyncio.CancelledError:
                    self._end(plan, mavlink.MAV_MISSION_OPERATION_CANCELLED)
                    raise
                held = await self._download(plan)
                wrong = _difference(wanted, held, first=1 if self._has_home(plan) else 0)
                if wrong is None:
                    return
                if trouble is not None and not trouble.may_pass:
                    raise TransferRefused(f"{self._with.who}: {plan.name.lower()} {trouble.words}")
                if tries_left == 0:
                    if trouble is not None:
                        raise TransferFailed(f"{self._with.who}: {plan.name.lower()} {trouble.words}")
                    raise TransferMismatch(f"{self._with.who}: {plan.name.lower()} read back differs: {wrong}")

    async def download(self, plan: Plan) -> tuple[Item, ...]:
        """What the vehicle holds; a mission without home. Raises TransferFailed."""
        async with self._lock:
            held = await self._download(plan)
        return held[1:] if self._has_home(plan) else held

    def _has_home(self, plan: Plan) -> bool:
        return plan is Plan.MISSION and self.home_is_item_0

    async def _upload(self, plan: Plan, items: Sequence[Item]) -> _Trouble | None:
        """One run; None or what went wrong. Only the read-back says whether it holds them."""
        clock = self._with.clock
        with self._with.expect(
            mavlink.MAVLink_mission_request_message,
            mavlink.MAVLink_mission_request_int_message,
            mavlink.MAVLink_mission_ack_message,
            where=lambda message: message.mission_type == plan and self._is_ours(message),
        ) as answers:
            begun, objection, last_sent = False, None, False
            objections, counts_sent, heard_s = 0, 0, clock.time_s()
            while True:
                if not begun:
                    if counts_sent == ENOUGH_TRIES:
                        raise TransferFailed(
                            f"{self._with.who}: no answer to a {plan.name.lower()} of {len(items)} items"
                        )
                    counts_sent += 1
                    self._with.send(self._count(plan, len(items)))
                settled = last_sent or objection is not None
                answer = await answers.next(_TIMEOUT_S if not begun else _SILENCE_S if settled else _DEAD_S)
                if answer is None:
                    if not begun:
                        continue
                    if objection is not None:
                        return _Trouble(_ack_words(objection), may_pass=objection in _MAY_PASS)
                    if settled:
                        return None
                    silent_s = clock.time_s() - heard_s
                    return _Trouble(f"was not asked for to its end: silent for {silent_s:.0f} s", may_pass=True)
                heard_s = clock.time_s()
                if isinstance(answer, mavlink.MAVLink_mission_ack_message):
                    if answer.type == mavlink.MAV_MISSION_ACCEPTED:
                        if last_sent or not items:  # else it is the echo of an earlier transfer
                            return None
                    elif answer.type != mavlink.MAV_MISSION_INVALID_SEQUENCE:
                        begun, objection, objections = True, answer.type, objections + 1
                        if objections == _OBJECTIONS:
                            self._end(plan, mavlink.MAV_MISSION_OPERATION_CANCELLED)
                            return _Trouble(_ack_words(objection), may_pass=objection in _MAY_PASS)
                elif answer.seq < len(items):
                    begun, objection = True, None
                    last_sent = last_sent or answer.seq == len(items) - 1
                    self._with.send(self._item(plan, answer.seq, items[answer.seq]))

    async def _download(self, plan: Plan) -> tuple[Item, ...]:
        count = await self._ask_count(plan)
        items = tuple([await self._ask_item(plan, seq) for seq in range(count)])
        self._end(plan, mavlink.MAV_MISSION_ACCEPTED)
        return items

    async def _ask_count(self, plan: Plan) -> int:
        ask = mavlink.MAVLink_mission_request_list_message(self._with.system_id, self._with.component_id, plan)
        answer = await self._ask(mavlink.MAVLink_mission_count_message, ask, plan, lambda _: True)
        if answer is None:
            raise TransferFailed(f"{self._with.who}: does not say how many {plan.name.lower()} items it holds")
        return answer.count

    async def _ask_item(self, plan: Plan, seq: int) -> Item:
        ask = mavlink.MAVLink_mission_request_int_message(self._with.system_id, self._with.component_id, seq, plan)
        answer = await self._ask(mavlink.MAVLink_mission_item_int_message, ask, plan, lambda item: item.seq == seq)
        if answer is None:
            raise TransferFailed(f"{self._with.who}: does not hand out {plan.name.lower()} item {seq}")
        return _of_message(answer)

    async def _ask(self, kind: type[A], ask: Message, plan: Plan, where: Callable[[A], bool]) -> A | None:
        """Refusals are not heeded: ArduPilot refuses while it still waits for an upload, and then no longer."""
        clock = self._with.clock

        def fits(message: A) -> bool:
            return message.mission_type == plan and self._is_ours(message) and where(message)

        with self._with.expect(kind, where=fits) as answers:
            first_s = clock.time_s()
            tries = 0
            while tries < ENOUGH_TRIES or clock.time_s() - first_s < _DEAD_S:
                tries += 1
                self._with.send(ask)
                answer = await answers.next(self._patience.timeout_s)
                if answer is not None:
                    if tries == 1:
                        self._patience.took(clock.time_s() - first_s)
                    return answer
        return None

    def _is_ours(self, message: _Addressed) -> bool:
        return message.target_system in {0, self._with.our_system_id} and message.target_component in {
            0,
            self._with.our_component_id,
        }

    def _end(self, plan: Plan, result: int) -> None:
        to = self._with
        to.send(mavlink.MAVLink_mission_ack_message(to.system_id, to.component_id, result, plan))

    def _count(self, plan: Plan, count: int) -> Message:
        to = self._with
        if count == 0:
            return mavlink.MAVLink_mission_clear_all_message(to.system_id, to.component_id, plan)
        return mavlink.MAVLink_mission_count_message(to.system_id, to.component_id, count, plan)

    def _item(self, plan: Plan, seq: int, item: Item) -> Message:
        return mavlink.MAVLink_mission_item_int_message(
            self._with.system_id,
            self._with.component_id,
            seq,
            item.frame,
            item.command,
            0,
            1,
            *item.params,
            item.x,
            item.y,
            item.height_m,
            plan,
        )


_HOME = Item(mavlink.MAV_CMD_NAV_WAYPOINT, LatLon(lat=0.0, lon=0.0), 0.0, frame=mavlink.MAV_FRAME_GLOBAL)


def _of_message(message: mavlink.MAVLink_mission_item_int_message) -> Item:
    on_the_globe = abs(message.x) <= 900_000_000 and abs(message.y) <= 1_800_000_000
    has_place = (message.x, message.y) != (0, 0) and on_the_globe
    return Item(
        message.command,
        LatLon(lat=message.x / 1e7, lon=message.y / 1e7) if has_place else None,
        message.z,
        (message.param1, message.param2, message.param3, message.param4),
        message.frame,
    )


def _difference(wanted: Sequence[Item], held: Sequence[Item], *, first: int) -> str | None:
    """From item `first` on: home is the vehicle's own."""
    if len(wanted) != len(held):
        return f"{len(held)} items instead of {len(wanted)}"
    for seq in range(first, len(wanted)):
        if not wanted[seq].same_as(held[seq]):
            return f"item {seq} is {held[seq]} instead of {wanted[seq]}"
    return None


def _same_number(a: float, b: float) -> bool:
    """As far as it is stored; NaN, "none given", is the same as NaN."""
    return math.isclose(a, b, rel_tol=1e-3, abs_tol=0.05) or (math.isnan(a) and math.isnan(b))


def _frame_kind(frame: int) -> int:
    if frame in _RELATIVE_FRAMES:
        return mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT
    return mavlink.MAV_FRAME_GLOBAL if frame in _ABSOLUTE_FRAMES else frame


def _ack_words(result: int) -> str:
    entry = mavlink.enums["MAV_MISSION_RESULT"].get(result)
    name = entry.name.removeprefix("MAV_MISSION_").lower().replace("_", " ") if entry is not None else str(result)
    return f"was refused: {name}"
