"""Parameters, status texts, transfers, hooks: each confirmed by what the vehicle says afterwards."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

import pytest

from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import (
    CommandFailed,
    HookJammed,
    ParameterNotTaken,
    ParameterUnknown,
    ReleaseUnconfirmed,
    TransferFailed,
    TransferMismatch,
    TransferRefused,
    WrongState,
)
from flightctl.mavlink.gripper import HookState, hook_state
from flightctl.mavlink.mission import Item, fence_items
from flightctl.mavlink.statustext import TextLog
from geofence.position import LatLon
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying

GRIPPER = mavlink.MAV_CMD_DO_GRIPPER
RING = tuple(LatLon(lat=30.40 + y, lon=120.53 + x) for x, y in ((0.0, 0.0), (0.01, 0.0), (0.01, 0.01), (0.0, 0.01)))


class Holding:
    """Gives a scripted autopilot parameters and a plan store."""

    def __init__(self, copter: Scripted) -> None:
        self.copter = copter
        self.values: dict[str, float] = {}
        self.items: list[mavlink.MAVLink_mission_item_int_message] = []
        self.count = 0
        self.refuse_with: int | None = None
        self.corrupt: Callable[[mavlink.MAVLink_mission_item_int_message], None] | None = None
        self.deaf_to_request_int = True
        on = copter.on_message
        on[mavlink.MAVLINK_MSG_ID_PARAM_REQUEST_READ] = self._read
        on[mavlink.MAVLINK_MSG_ID_PARAM_SET] = self._set
        on[mavlink.MAVLINK_MSG_ID_MISSION_COUNT] = self._begin
        on[mavlink.MAVLINK_MSG_ID_MISSION_ITEM_INT] = self._item
        on[mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_LIST] = self._list
        on[mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_INT] = self._hand_out

    def _read(self, message: Message) -> None:
        name = cast(mavlink.MAVLink_param_request_read_message, message).param_id
        if name in self.values:
            value = struct.unpack("<f", struct.pack("<f", self.values[name]))[0]
            self.copter.say(mavlink.MAVLink_param_value_message(name.encode(), value, 9, 900, 65535))

    def _set(self, message: Message) -> None:
        asked = cast(mavlink.MAVLink_param_set_message, message)
        if asked.param_id in self.values and not asked.param_id.startswith("RO_"):
            self.values[asked.param_id] = asked.param_value  # and no echo

    def _begin(self, message: Message) -> None:
        self.count = cast(mavlink.MAVLink_mission_count_message, message).count
        self.items = []
        self._ask(0)

    def _ask(self, seq: int) -> None:
        self.copter.say(mavlink.MAVLink_mission_request_message(255, 190, seq, mavlink.MAV_MISSION_TYPE_FENCE))

    def _item(self, message: Message) -> None:
        item = cast(mavlink.MAVLink_mission_item_int_message, message)
        if item.seq != len(self.items):
            self._ack(mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        if self.refuse_with is not None:
            self._ack(self.refuse_with)
            return
        self.items.append(item)
        if len(self.items) < self.count:
            self._ask(len(self.items))
        else:
            if self.corrupt is not None:
                self.corrupt(self.items[-1])
            self._ack(mavlink.MAV_MISSION_ACCEPTED)

    def _ack(self, result: int) -> None:
        self.copter.say(mavlink.MAVLink_mission_ack_message(255, 190, result, mavlink.MAV_MISSION_TYPE_FENCE))

    def _list(self, message: Message) -> None:
        self.copter.say(
            mavlink.MAVLink_mission_count_message(255, 190, len(self.items), mavlink.MAV_MISSION_TYPE_FENCE)
        )

    def _hand_out(self, message: Message) -> None:
        seq = cast(mavlink.MAVLink_mission_request_int_message, message).seq
        item = self.items[seq]
        self.copter.say(
            mavlink.MAVLink_mission_item_int_message(
                255, 190, seq, item.frame, item.command, 0, 1,
                item.param1, item.param2, item.param3, item.param4, item.x, item.y, item.z, item.mission_type,
            )
        )  # fmt: skip


def test_a_parameter_is_verified_by_reading_it_again() -> None:
    async def story() -> None:
        copter = Scripted()
        held = Holding(copter)
        held.values = {"WPNAV_SPEED": 1000.0, "RO_THING": 3.0}
        async with flying(copter) as (_, vehicle):
            await vehicle.set_parameters({"WPNAV_SPEED": 1234.5})
            assert await vehicle.read_parameters(["WPNAV_SPEED"]) == {"WPNAV_SPEED": 1234.5}
            with pytest.raises(ParameterNotTaken, match="set to 4 and reads 3"):
                await vehicle.set_parameters({"RO_THING": 4.0})
            with pytest.raises(ParameterUnknown, match="NO_SUCH"):
                await vehicle.read_parameters(["NO_SUCH"])

    run_virtual(story())


def test_long_texts_are_joined_whatever_the_order_of_their_chunks() -> None:
    long = "EKF3 lane switch 1: " + "x" * 95
    chunks = [long[at : at + 50] for at in range(0, len(long), 50)]
    log = TextLog()
    for seq in (2, 0, 0, 1, 2):
        log.add(mavlink.MAVLink_statustext_message(4, chunks[seq].encode(), 9, seq), 1.0)
    assert [t.text for t in log.last] == [long]


def test_a_text_with_a_lost_chunk_is_given_with_a_mark() -> None:
    log = TextLog()
    log.add(mavlink.MAVLink_statustext_message(4, b"a" * 50, 9, 0), 1.0)
    log.add(mavlink.MAVLink_statustext_message(4, b"end", 9, 2), 1.0)
    log.close_stale(3.0)
    assert log.last[0].text == "a" * 50 + "[...]" + "end"


def test_a_fence_is_asked_for_with_old_requests_and_compared() -> None:
    async def story() -> None:
        copter = Scripted()
        held = Holding(copter)
        async with flying(copter) as (_, vehicle):
            await vehicle.upload_fence(RING, (RING[:3],), enable=False)
            assert await vehicle.download_fence() == fence_items(RING, (RING[:3],))
            assert len(held.items) == 7

    run_virtual(story())


def test_a_fence_that_reads_back_differently_is_no_fence() -> None:
    async def story() -> None:
        copter = Scripted()
        held = Holding(copter)

        def shift(item: mavlink.MAVLink_mission_item_int_message) -> None:
            item.x += 500

        held.corrupt = shift
        async with flying(copter) as (_, vehicle):
            with pytest.raises(TransferMismatch, match="item 3"):
                await vehicle.upload_fence(RING, enable=False)

    run_virtual(story())


def test_a_refused_fence_says_why() -> None:
    async def story() -> None:
        copter = Scripted()
        Holding(copter).refuse_with = mavlink.MAV_MISSION_NO_SPACE
        async with flying(copter) as (_, vehicle):
            with pytest.raises(TransferRefused, match="no space"):
                await vehicle.upload_fence(RING, enable=False)

    run_virtual(story())


def test_a_vehicle_that_knows_no_fences_ends_in_an_error() -> None:
    async def story() -> None:
        async with flying(Scripted()) as (_, vehicle):
            with pytest.raises(TransferFailed, match="no answer"):
                await vehicle.upload_fence(RING, enable=False)

    run_virtual(story())


def test_frames_and_rounding_do_not_make_items_differ() -> None:
    sent = Item(mavlink.MAV_CMD_NAV_WAYPOINT, RING[0], 30.0, frame=mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT)
    kept = Item(mavlink.MAV_CMD_NAV_WAYPOINT, RING[0], 30.004, frame=mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT)
    assert sent.same_as(kept)
    assert not sent.same_as(Item(mavlink.MAV_CMD_NAV_WAYPOINT, RING[0], 30.0, frame=mavlink.MAV_FRAME_GLOBAL))


def test_a_release_is_confirmed_by_the_servo() -> None:
    async def story() -> None:
        copter = Scripted()
        loop = asyncio.get_running_loop()

        def let_go(_: object) -> None:
            copter.ack(GRIPPER, mavlink.MAV_RESULT_ACCEPTED)
            loop.call_later(0.5, setattr, copter, "servo_us", 1100)

        copter.on_command[GRIPPER] = let_go
        async with flying(copter) as (_, vehicle):
            released = await vehicle.release(1)
            assert not released.already
            assert vehicle.telemetry.hook(1) is HookState.RELEASED
            again = await vehicle.release(1)
            assert again.already
            assert len(copter.commands(GRIPPER)) == 1

    run_virtual(story())


def test_an_accepted_release_whose_servo_stands_still_is_a_jam() -> None:
    async def story() -> None:
        copter = Scripted()
        copter.on_command[GRIPPER] = lambda _: copter.ack(GRIPPER, mavlink.MAV_RESULT_ACCEPTED)
        async with flying(copter) as (_, vehicle):
            with pytest.raises(HookJammed, match="1900"):
                await vehicle.release(1)
            assert len(copter.commands(GRIPPER)) == 1

    run_virtual(story())


def test_a_release_without_answer_is_repeated_only_while_the_servo_is_seen_to_hold() -> None:
    async def story() -> None:
        copter = Scripted()

        def silent_after_that(_: object) -> None:
            copter.silent = True

        copter.on_command[GRIPPER] = silent_after_that
        async with flying(copter) as (_, vehicle):
            with pytest.raises(ReleaseUnconfirmed, match="not repeated"):
                await vehicle.release(1)
            assert len(copter.commands(GRIPPER)) == 1

    run_virtual(story())


def test_a_refused_release_carries_its_reason() -> None:
    async def story() -> None:
        copter = Scripted()

        def refuse(_: object) -> None:
            copter.text("Gripper disabled")
            copter.ack(GRIPPER, mavlink.MAV_RESULT_FAILED)

        copter.on_command[GRIPPER] = refuse
        async with flying(copter) as (_, vehicle):
            with pytest.raises(CommandFailed, match="Gripper disabled"):
                await vehicle.release(1)
            with pytest.raises(WrongState, match="no hook 9"):
                await vehicle.release(9)

    run_virtual(story())


@pytest.mark.parametrize(
    ("servo_us", "state"),
    [
        (0, HookState.NONE),
        (1900, HookState.HELD),
        (1500, HookState.MOVING),
        (1100, HookState.RELEASED),
    ],
)
def test_servo_outputs_tell_the_hooks_state(servo_us: int, state: HookState) -> None:
    assert hook_state(servo_us) is state
