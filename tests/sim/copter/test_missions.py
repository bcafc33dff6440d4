"""The mission protocol with ArduPilot's deviations, and AUTO."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu, LatLon
from sim.copter import Mode
from sim.virtual_time import run_virtual
from tests.sim.copter.ground import FRAME, HOME, Ground, degrees_e7, flying_ground, off_m, until

TURNS = 18
TAKEOFF, WAYPOINT, LAND, RTL, DELAY, SPEED, SERVO, GRIPPER, JUMP = 22, 16, 21, 20, 93, 178, 183, 211, 177
ACCEPTED, UNSUPPORTED_FRAME, UNSUPPORTED, NO_SPACE, BAD_X, WRONG_SEQUENCE, DENIED, CANCELLED = (
    0,
    2,
    3,
    4,
    10,
    13,
    14,
    15,
)


@dataclass(frozen=True)
class Item:
    command: int
    place: Enu | None = None
    height: float = 0.0
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    frame: int = 6

    def message(self, seq: int, kind: int) -> mavlink.MAVLink_mission_item_int_message:
        x, y = degrees_e7(self.place) if self.place is not None else (0, 0)
        return mavlink.MAVLink_mission_item_int_message(
            1, 1, seq, self.frame, self.command, 0, 1, *self.params, x, y, self.height, kind
        )


HOME_ITEM = Item(WAYPOINT, Enu(0.0, 0.0), frame=0)


async def upload(ground: Ground, items: list[Item], kind: int = 0) -> int:
    """Answers every MISSION_REQUEST; the type of the last MISSION_ACK."""
    ground.send(mavlink.MAVLink_mission_count_message(1, 1, len(items), kind))
    while True:
        seen = len(ground.heard)
        await asyncio.sleep(0.01)
        for _, message in ground.heard[seen:]:
            if isinstance(message, mavlink.MAVLink_mission_request_message):
                ground.send(items[message.seq].message(message.seq, kind))
            if isinstance(message, mavlink.MAVLink_mission_ack_message):
                return message.type


async def download(ground: Ground, kind: int = 0) -> list[mavlink.MAVLink_mission_item_int_message]:
    ground.send(mavlink.MAVLink_mission_request_list_message(1, 1, kind))
    count = (await ground.expect(mavlink.MAVLink_mission_count_message)).count
    items: list[mavlink.MAVLink_mission_item_int_message] = []
    for seq in range(count):
        ground.send(mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind))
        items.append(await ground.expect(mavlink.MAVLink_mission_item_int_message))
    return items


def test_an_uploaded_mission_reads_back_with_home_first_and_plain_frames() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            items = [
                Item(WAYPOINT, Enu(500.0, 500.0), 99.0, frame=0),
                Item(TAKEOFF, None, 20.0),
                Item(WAYPOINT, Enu(50.0, 10.0), 25.5),
                Item(RTL),
            ]
            assert await upload(ground, items) == ACCEPTED
            back = await download(ground)
            assert [item.command for item in back] == [16, 22, 16, 20]
            assert (back[0].x / 1e7, back[0].y / 1e7) == pytest.approx((30.4017, 120.5480), abs=2e-5)
            assert (back[2].x, back[2].y) == degrees_e7(Enu(50.0, 10.0))
            assert back[2].frame == 3
            await ground.command(512, 42)
            assert ground.of(mavlink.MAVLink_mission_current_message)[-1].total == 3

    run_virtual(story())


def test_an_old_float_item_is_taken_too_and_given_on_the_old_request() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_mission_count_message(1, 1, 2, 0))
            for seq in range(2):
                await ground.expect(mavlink.MAVLink_mission_request_message)
                ground.send(
                    mavlink.MAVLink_mission_item_message(1, 1, seq, 3, 16, 0, 1, 0, 0, 0, 0, 30.401, 120.547, 15)
                )
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == ACCEPTED
            ground.send(mavlink.MAVLink_mission_request_message(1, 1, 1, 0))
            item = await ground.expect(mavlink.MAVLink_mission_item_message)
            assert (item.x, item.y) == pytest.approx((30.401, 120.547), abs=1e-5)

    run_virtual(story())


@pytest.mark.parametrize(
    ("bad", "kind", "result"),
    [
        (Item(WAYPOINT, Enu(0.0, 0.0), 10.0, frame=1), 0, UNSUPPORTED_FRAME),
        (Item(31000, Enu(0.0, 0.0), 10.0), 0, UNSUPPORTED),
        (Item(WAYPOINT, Enu(0.0, 0.0), 10.0), 1, UNSUPPORTED),
    ],
)
def test_a_refused_item_says_why(bad: Item, kind: int, result: int) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await upload(ground, [HOME_ITEM, bad] if kind == 0 else [bad], kind) == result

    run_virtual(story())


def test_latitude_out_of_range_and_too_many_items_are_refused() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_mission_count_message(1, 1, 651, 0))
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == NO_SPACE
            ground.send(mavlink.MAVLink_mission_count_message(1, 1, 2, 0))
            ground.send(HOME_ITEM.message(0, 0))
            bad = mavlink.MAVLink_mission_item_int_message(1, 1, 1, 6, 16, 0, 1, 0, 0, 0, 0, 910_000_000, 0, 10, 0)
            ground.send(bad)
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == BAD_X

    run_virtual(story())


def test_a_wrong_sequence_is_told_and_the_upload_goes_on() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_mission_count_message(1, 1, 2, 0))
            await ground.expect(mavlink.MAVLink_mission_request_message)
            ground.send(Item(TAKEOFF, None, 20.0).message(1, 0))
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == WRONG_SEQUENCE
            ground.send(HOME_ITEM.message(0, 0))
            assert (await ground.expect(mavlink.MAVLink_mission_request_message)).seq == 1
            ground.send(Item(TAKEOFF, None, 20.0).message(1, 0))
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == ACCEPTED

    run_virtual(story())


def test_it_asks_again_each_second_and_cancels_after_eight_and_a_mixture_is_stored() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            first = [HOME_ITEM, Item(TAKEOFF, None, 20.0), Item(WAYPOINT, Enu(50.0, 0.0), 20.0)]
            assert await upload(ground, first) == ACCEPTED
            asked = len(ground.of(mavlink.MAVLink_mission_request_message))
            loop = asyncio.get_running_loop()
            ground.send(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))
            await ground.expect(mavlink.MAVLink_mission_request_message)
            ground.send(HOME_ITEM.message(0, 0))
            await ground.expect(mavlink.MAVLink_mission_request_message)
            ground.send(Item(TAKEOFF, None, 33.0).message(1, 0))
            start_s = loop.time()
            ground.send(mavlink.MAVLink_mission_request_list_message(1, 1, 0))
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == DENIED
            ack = await ground.expect(mavlink.MAVLink_mission_ack_message, within_s=10)
            assert ack.type == CANCELLED
            assert loop.time() - start_s == pytest.approx(8.1, abs=0.4)
            assert len(ground.of(mavlink.MAVLink_mission_request_message)) - asked >= 9
            back = await download(ground)
            assert [item.z for item in back[1:]] == [33.0, 20.0]

    run_virtual(story())


@pytest.mark.parametrize("kind", [1, 2])
def test_fence_and_rally_round_trip_and_clear(kind: int) -> None:
    ring = [Enu(-50.0, -50.0), Enu(-50.0, 50.0), Enu(50.0, 50.0), Enu(50.0, -50.0)]
    command = 5001 if kind == 1 else 5100
    items = [Item(command, place, 10.0 * (kind - 1), (4.0, 0.0, 0.0, 0.0), frame=3) for place in ring]

    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            assert await upload(ground, items, kind) == ACCEPTED
            back = await download(ground, kind)
            assert [(item.x, item.y) for item in back] == [degrees_e7(place) for place in ring]
            ground.send(mavlink.MAVLink_mission_clear_all_message(1, 1, kind))
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == ACCEPTED
            assert await download(ground, kind) == []

    run_virtual(story())


def test_a_return_goes_to_a_nearer_rally_point() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            assert await upload(ground, [Item(5100, Enu(120.0, 0.0), 10.0, frame=3)], 2) == ACCEPTED
            await ground.take_off(20.0)
            ground.go_to(Enu(150.0, 0.0), 20.0)
            await until(lambda: off_m(copter, Enu(150.0, 0.0)) < 2.0, within_s=40)
            await ground.command(20)
            await until(lambda: not copter.state.armed, within_s=90)
            assert off_m(copter, Enu(120.0, 0.0)) < 2.0

    run_virtual(story())


def _round_trip() -> list[Item]:
    return [
        HOME_ITEM,
        Item(TAKEOFF, None, 20.0),
        Item(SPEED, params=(1.0, 6.0, 0.0, 0.0)),
        Item(WAYPOINT, Enu(60.0, 0.0), 20.0, (2.0, 0.0, 0.0, 0.0)),
        Item(SERVO, params=(12.0, 1650.0, 0.0, 0.0)),
        Item(GRIPPER, params=(1.0, 0.0, 0.0, 0.0)),
        Item(DELAY, params=(3.0, 0.0, 0.0, 0.0)),
        Item(WAYPOINT, Enu(60.0, 40.0), 25.0),
        Item(RTL),
    ]


def test_auto_flies_the_mission_drops_and_its_rtl_item_lands_with_the_mode_still_auto() -> None:
    async def story() -> None:
        async with flying_ground(hooks=1) as (ground, copter, world):
            assert await upload(ground, _round_trip()) == ACCEPTED
            await ground.mode(4)
            assert await ground.arm() == 0
            assert await ground.command(300) == 0
            fastest = 0.0

            def dropped() -> bool:
                nonlocal fastest
                fastest = max(fastest, copter.state.east_mps)
                return bool(world.releases)

            await until(dropped, within_s=60)
            assert fastest == pytest.approx(6.0, abs=0.4)
            assert world.releases[0].position.distance_m(Enu(60.0, 0.0)) < 3.0
            await until(lambda: off_m(copter, Enu(60.0, 40.0)) < 2.5, within_s=60)
            await until(lambda: not copter.state.armed, within_s=120)
            assert copter.state.mode is Mode.AUTO
            assert off_m(copter, Enu(0.0, 0.0)) < 2.0
            reached = [message.seq for message in ground.of(mavlink.MAVLink_mission_item_reached_message)]
            assert reached == [2, 3, 6, 7]  # ARDUCOPTER.md: 2 was reported instead of 1
            await ground.command(512, 36)
            assert ground.of(mavlink.MAVLink_servo_output_raw_message)[-1].servo12_raw == 1650

    run_virtual(story())


def test_after_the_last_waypoint_it_hovers_and_a_jump_repeats() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            items = [
                HOME_ITEM,
                Item(TAKEOFF, None, 15.0),
                Item(WAYPOINT, Enu(20.0, 0.0), 15.0),
                Item(WAYPOINT, Enu(20.0, 20.0), 15.0),
                Item(JUMP, params=(2.0, 1.0, 0.0, 0.0)),
            ]
            await upload(ground, items)
            await ground.mode(4)
            await ground.arm()
            await ground.command(300)
            await asyncio.sleep(90.0)
            assert copter.state.armed
            assert off_m(copter, Enu(20.0, 20.0)) < 3.0
            reached = [message.seq for message in ground.of(mavlink.MAVLink_mission_item_reached_message)]
            assert reached == [1, 2, 3, 2, 3]
            await ground.command(512, 42)
            assert ground.of(mavlink.MAVLink_mission_current_message)[-1].mission_state == 5
            assert await ground.command(193, 0) == 4  # a finished mission cannot be paused

    run_virtual(story())


def test_a_pause_hovers_and_a_continue_goes_on() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await upload(ground, [HOME_ITEM, Item(TAKEOFF, None, 15.0), Item(WAYPOINT, Enu(100.0, 0.0), 15.0)])
            await ground.mode(4)
            await ground.arm()
            await ground.command(300)
            await until(lambda: copter.state.position.east_m > 30.0, within_s=40)
            assert await ground.command(193, 0) == 0
            await asyncio.sleep(10.0)
            assert copter.state.position.east_m < 70.0
            assert abs(copter.state.east_mps) < 0.5
            assert await ground.command(193, 1) == 0
            await until(lambda: off_m(copter, Enu(100.0, 0.0)) < 2.5, within_s=30)

    run_virtual(story())


def test_on_the_ground_the_first_item_must_be_a_take_off() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            await upload(ground, [HOME_ITEM, Item(WAYPOINT, Enu(50.0, 0.0), 15.0)])
            await ground.mode(4)
            await ground.arm()
            assert await ground.command(300) == 4
            await asyncio.sleep(0.5)
            assert "Auto: Missing Takeoff Cmd" in ground.texts()

    run_virtual(story())


def test_mission_start_disarmed_or_without_a_mission_is_accepted_and_nothing_flies() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            assert await ground.command(300) == 0
            await upload(ground, [HOME_ITEM, Item(TAKEOFF, None, 15.0)])
            assert await ground.command(300) == 0
            await asyncio.sleep(10.0)
            assert copter.state.on_ground

    run_virtual(story())


def test_an_upload_in_auto_restarts_the_running_item_and_a_clear_is_refused() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            plan = [HOME_ITEM, Item(TAKEOFF, None, 15.0), Item(WAYPOINT, Enu(200.0, 0.0), 15.0)]
            await upload(ground, plan)
            await ground.mode(4)
            await ground.arm()
            await ground.command(300)
            await until(lambda: copter.state.position.east_m > 20.0, within_s=40)
            ground.send(mavlink.MAVLink_mission_clear_all_message(1, 1, 0))
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == 1
            assert await upload(ground, [*plan[:2], Item(WAYPOINT, Enu(20.0, 60.0), 15.0)]) == ACCEPTED
            await until(lambda: off_m(copter, Enu(20.0, 60.0)) < 3.0, within_s=40)
            assert "Auto mission changed, restarted command" in ground.texts()

    run_virtual(story())


def test_a_land_item_lands_there_and_the_mission_rewinds() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await upload(ground, [HOME_ITEM, Item(TAKEOFF, None, 15.0), Item(LAND, Enu(30.0, 0.0))])
            await ground.mode(4)
            await ground.arm()
            await ground.command(300)
            await until(lambda: copter.state.armed and not copter.state.on_ground, within_s=10)
            await until(lambda: not copter.state.armed, within_s=90)
            assert off_m(copter, Enu(30.0, 0.0)) < 2.0
            await ground.command(512, 42)
            assert ground.of(mavlink.MAVLink_mission_current_message)[-1].seq == 1

    run_virtual(story())


def test_with_auto_options_it_arms_in_auto_and_takes_off_by_itself() -> None:
    async def story() -> None:
        async with flying_ground(parameters={"AUTO_OPTIONS": 3}) as (ground, copter, _world):
            await upload(ground, [HOME_ITEM, Item(TAKEOFF, None, 15.0), Item(RTL)])
            await ground.mode(3)
            assert await ground.arm() == 0
            await until(lambda: copter.state.height_m > 14.0, within_s=30)

    run_virtual(story())


def test_home_can_be_read_with_no_mission_there() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _copter, _world):
            ground.send(mavlink.MAVLink_mission_request_int_message(1, 1, 0, 0))
            item = await ground.expect(mavlink.MAVLink_mission_item_int_message)
            assert (item.seq, item.command) == (0, mavlink.MAV_CMD_NAV_WAYPOINT)
            assert FRAME.to_enu(HOME).distance_m(FRAME.to_enu(LatLon(lat=item.x / 1e7, lon=item.y / 1e7))) < 3.0
            ground.send(mavlink.MAVLink_mission_request_int_message(1, 1, 1, 0))
            refused = await ground.expect(mavlink.MAVLink_mission_ack_message)
            assert refused.type == mavlink.MAV_MISSION_INVALID_SEQUENCE

    run_virtual(story())


def test_turns_round_a_point_on_the_asked_circle_with_the_nose_to_it() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            centre = Enu(60.0, 0.0)
            items = [
                Item(WAYPOINT),
                Item(TAKEOFF, height=15.0),
                Item(TURNS, centre, 15.0, (2.0, 0.0, -12.0, 0.0)),
                Item(WAYPOINT, Enu(60.0, 40.0), 15.0),
            ]
            assert await upload(ground, items) == ACCEPTED
            await ground.take_off(15.0)
            await ground.command(176, 1, 3)
            await ground.command(300)
            await until(lambda: any("LoitTurns" in text for text in ground.texts()), within_s=30)
            await until(lambda: abs(off_m(copter, centre) - 12.0) < 1.5, within_s=30)
            await asyncio.sleep(4.0)
            turned_deg, last = 0.0, None
            while not any("3 WP" in text for text in ground.texts()):
                state = copter.state
                bearing = math.atan2(state.position.east_m - centre.east_m, state.position.north_m - centre.north_m)
                assert off_m(copter, centre) == pytest.approx(12.0, abs=2.0)
                nose_off_deg = (math.degrees(bearing) + 180.0 - state.yaw_deg + 180.0) % 360.0 - 180.0
                assert abs(nose_off_deg) < 20.0
                if last is not None:
                    turned_deg += (math.degrees(bearing - last) + 180.0) % 360.0 - 180.0
                last = bearing
                await asyncio.sleep(0.2)
            assert (
                -720.0 < turned_deg < -560.0
            )  # a negative radius turns the other way; the first seconds are not seen

    run_virtual(story())


def test_the_nose_follows_a_region_of_interest_until_it_is_taken_away() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, copter, _world):
            await ground.take_off(15.0)
            assert await ground.command_int(195, 3, (0, 0, 0, 0), (*degrees_e7(Enu(100.0, 0.0)), 0.0)) == ACCEPTED
            ground.go_to(Enu(0.0, 60.0), 15.0)
            await until(lambda: off_m(copter, Enu(0.0, 60.0)) < 2.0, within_s=30)
            await asyncio.sleep(2.0)
            assert copter.state.yaw_deg == pytest.approx(math.degrees(math.atan2(100.0, -60.0)), abs=6.0)
            assert await ground.command(197) == ACCEPTED
            ground.go_to(Enu(0.0, 0.0), 15.0)
            await asyncio.sleep(4.0)
            assert copter.state.yaw_deg == pytest.approx(180.0, abs=6.0)

    run_virtual(story())


@pytest.mark.parametrize(
    ("command", "place", "value", "expected"),
    [
        (WAYPOINT, 3, math.nan, ACCEPTED),  # any heading
        (WAYPOINT, 0, math.nan, 6),
        (WAYPOINT, 3, math.inf, 9),
        (DELAY, 0, math.inf, 6),
        (SERVO, 1, math.nan, 7),
        (GRIPPER, 0, math.nan, 6),
    ],
)
def test_an_item_that_is_no_number_is_refused_by_the_name_of_its_parameter(
    command: int, place: int, value: float, expected: int
) -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            params = [0.0, 0.0, 0.0, 0.0]
            params[place] = value
            item = Item(command, Enu(10.0, 10.0), 15.0, (params[0], params[1], params[2], params[3]))
            assert await upload(ground, [HOME_ITEM, item]) == expected

    run_virtual(story())


def test_an_old_item_without_a_place_is_refused() -> None:
    async def story() -> None:
        async with flying_ground() as (ground, _, _world):
            ground.send(mavlink.MAVLink_mission_count_message(1, 1, 2, 0))
            await ground.expect(mavlink.MAVLink_mission_request_message)
            for seq in range(2):
                ground.send(
                    mavlink.MAVLink_mission_item_message(1, 1, seq, 3, 16, 0, 1, 0, 0, 0, 0, math.nan, math.nan, 15)
                )
            assert (await ground.expect(mavlink.MAVLink_mission_ack_message)).type == BAD_X

    run_virtual(story())


@pytest.mark.parametrize(("options", "left"), [(0, 2), (1, 0)])
def test_a_mission_outlives_a_reboot_unless_the_options_clear_it(options: int, left: int) -> None:
    async def story() -> None:
        async with flying_ground(parameters={"MIS_OPTIONS": options}) as (ground, _, _world):
            assert await upload(ground, [HOME_ITEM, Item(TAKEOFF, None, 20.0)]) == ACCEPTED
            assert await ground.command(246, 1) == 0
            await asyncio.sleep(5.0)
            assert len(await download(ground)) == left

    run_virtual(story())
