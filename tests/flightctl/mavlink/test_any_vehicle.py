"""The fleet before vehicles that say whatever they like: it never raises, and what it keeps stays small."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.mavlink.errors import MavlinkError
from flightctl.mavlink.mission import Item
from flightctl.vehicle import Fleet, Vehicle
from geofence.position import LatLon
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import ADDRESS, Scripted, flying
from tests.sim.copter.anything import messages

CALM = settings(
    deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow], database=None
)
HEARD: tuple[type[Message], ...] = (
    mavlink.MAVLink_heartbeat_message,
    mavlink.MAVLink_global_position_int_message,
    mavlink.MAVLink_sys_status_message,
    mavlink.MAVLink_extended_sys_state_message,
    mavlink.MAVLink_servo_output_raw_message,
    mavlink.MAVLink_ekf_status_report_message,
    mavlink.MAVLink_estimator_status_message,
    mavlink.MAVLink_gps_raw_int_message,
    mavlink.MAVLink_system_time_message,
    mavlink.MAVLink_home_position_message,
    mavlink.MAVLink_fence_status_message,
    mavlink.MAVLink_statustext_message,
    mavlink.MAVLink_autopilot_version_message,
    mavlink.MAVLink_timesync_message,
    mavlink.MAVLink_command_ack_message,
    mavlink.MAVLink_mission_ack_message,
    mavlink.MAVLink_mission_count_message,
    mavlink.MAVLink_mission_item_int_message,
    mavlink.MAVLink_mission_request_message,
    mavlink.MAVLink_mission_request_int_message,
    mavlink.MAVLink_param_value_message,
)
ITEMS = (Item(mavlink.MAV_CMD_NAV_WAYPOINT, LatLon(lat=30.4017, lon=120.548), 15.0),) * 3
OPERATIONS: tuple[Callable[[Vehicle], Awaitable[object]], ...] = (
    Vehicle.arm,
    lambda vehicle: vehicle.release(1),
    lambda vehicle: vehicle.upload_mission(ITEMS),
    Vehicle.download_mission,
    lambda vehicle: vehicle.set_parameters({"RTL_ALT": 1500.0}),
    Vehicle.read_all_parameters,
    Vehicle.preflight,
    lambda vehicle: vehicle.set_mode("LOITER"),
)


async def bounded(operation: Awaitable[object]) -> None:
    """In ten minutes it has ended, right or in an error of its own kind."""
    try:
        async with asyncio.timeout(600.0):
            await operation
    except MavlinkError:
        pass


def looked_at(fleet: Fleet) -> None:
    for vehicle in fleet.vehicles:
        telemetry = vehicle.telemetry
        assert telemetry.position is None or math.isfinite(telemetry.position.lat + telemetry.position.lon)
        assert len(telemetry.texts) <= 40
        assert math.isfinite(telemetry.height_m + telemetry.speed_mps)
        assert vehicle.time_sample is None or math.isfinite(vehicle.time_sample.offset_s)


@CALM
@given(
    said=st.lists(
        st.tuples(messages(HEARD), st.sampled_from(((1, 1), (1, 1), (1, 1), (1, 154), (2, 1), (255, 1), (0, 0)))),
        min_size=1,
        max_size=40,
    ),
    asked=st.sampled_from(range(len(OPERATIONS))),
)
def test_any_messages_with_any_values_never_raise(said: list[tuple[Message, tuple[int, int]]], asked: int) -> None:
    async def story() -> None:
        network, drone = MemoryNetwork(), Scripted()
        async with flying(drone, network=network) as (fleet, vehicle):
            codecs: dict[tuple[int, int], Codec] = {}
            before = listening(vehicle)
            operation = asyncio.ensure_future(bounded(OPERATIONS[asked](vehicle)))
            for message, whose in said:
                codec = codecs.setdefault(whose, Codec(*whose))
                network.deliver(codec.encode(message), "out-1", ADDRESS)
                await asyncio.sleep(0.2)
                looked_at(fleet)
            await operation
            await asyncio.sleep(6.0)
            looked_at(fleet)
            assert vehicle.online  # the links still run
            assert listening(vehicle) == before

    run_virtual(story())


def listening(vehicle: Vehicle) -> int:
    """How many wait for its messages: who has stopped waiting must be gone."""
    talk = vehicle._talk  # pyright: ignore[reportPrivateUsage] - no face tells it
    return sum(len(ears) for ears in talk._ears.values())  # pyright: ignore[reportPrivateUsage]


@CALM
@given(
    plan=st.sampled_from((Vehicle.download_mission, Vehicle.download_fence, Vehicle.download_rally_points)),
    items=st.lists(messages((mavlink.MAVLink_mission_item_int_message,)), min_size=1, max_size=3),
)
def test_a_plan_of_any_items_is_read_or_refused(
    plan: Callable[[Vehicle], Awaitable[object]], items: list[Message]
) -> None:
    held = [item for item in items if isinstance(item, mavlink.MAVLink_mission_item_int_message)]

    async def story() -> None:
        drone = Scripted()

        def count(asked: Message) -> None:
            assert isinstance(asked, mavlink.MAVLink_mission_request_list_message)
            drone.say(mavlink.MAVLink_mission_count_message(255, 190, len(held), asked.mission_type))

        def item(asked: Message) -> None:
            assert isinstance(asked, mavlink.MAVLink_mission_request_int_message)
            of = held[asked.seq]
            values = (of.param1, of.param2, of.param3, of.param4, of.x, of.y, of.z)
            drone.say(
                mavlink.MAVLink_mission_item_int_message(
                    255, 190, asked.seq, of.frame, of.command, 0, 1, *values, asked.mission_type
                )
            )

        drone.on_message[mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_LIST] = count
        drone.on_message[mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_INT] = item
        async with flying(drone) as (_, vehicle):
            await bounded(plan(vehicle))

    run_virtual(story())


@CALM
@given(
    said=st.lists(messages(HEARD), min_size=1, max_size=8),
    flips=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 7)), max_size=16),
    noise=st.binary(max_size=80),
    cut=st.integers(1, 300),
)
def test_broken_frames_and_noise_cost_no_more_than_themselves(
    said: list[Message], flips: list[tuple[int, int]], noise: bytes, cut: int
) -> None:
    async def story() -> None:
        network, drone = MemoryNetwork(), Scripted()
        async with flying(drone, network=network) as (fleet, vehicle):
            codec = Codec(1, 1)
            data = bytearray(b"".join(codec.encode(message) for message in said) + noise)
            for place, bit in flips:
                data[place % len(data)] ^= 1 << bit
            for start in range(0, len(data), cut):
                network.deliver(bytes(data[start : start + cut]), "out-1", ADDRESS)
                await asyncio.sleep(0.05)
                looked_at(fleet)
            await asyncio.sleep(6.0)
            assert vehicle.online

    run_virtual(story())
