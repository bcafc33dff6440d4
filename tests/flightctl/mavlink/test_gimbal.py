"""A gimbal is found wherever it answers, taken only when it is free, and believed by its own attitude."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import CommandFailed, InUse, NotFitted
from flightctl.vehicle import Vehicle
from geofence.position import LatLon
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying
from tests.flightctl.mavlink.shaped import Shape, ShapedNetwork

CONFIGURE = mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE
PITCHYAW = mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW
LOOK_AT = mavlink.MAV_CMD_DO_SET_ROI_LOCATION
LOOK_AHEAD = mavlink.MAV_CMD_DO_SET_ROI_NONE
PERSON = LatLon(lat=30.4031, lon=120.5402)
US, NOBODY, OTHER = (255, 190), (0, 0), (250, 191)


class Manager:
    """A gimbal manager as `component`."""

    def __init__(self, copter: Scripted, component: int, *, points: bool = True) -> None:
        self.copter = copter
        self.component = component
        self.device = 1 if component == 1 else component
        self.holder = NOBODY
        self.obeys = True
        self.points = points
        self.asked: list[Message] = []
        self.looks_at: tuple[float, float, float] | None = None
        copter.on_message[mavlink.MAVLINK_MSG_ID_COMMAND_LONG] = self._command
        copter.on_message[mavlink.MAVLINK_MSG_ID_COMMAND_INT] = self._command_int
        for kind in (mavlink.MAVLink_gimbal_manager_set_pitchyaw_message,
                     mavlink.MAVLink_gimbal_manager_set_attitude_message):  # fmt: skip
            copter.on_message[kind.id] = self.asked.append

    def say(self, message: Message) -> None:
        if self.component == 1:
            self.copter.say(message)
        else:
            self.copter.say_as(self.component, message)

    def say_status(self) -> None:
        self.say(mavlink.MAVLink_gimbal_manager_status_message(0, 0, self.device, *self.holder, 0, 0))

    def _ack(self, number: int, result: int = mavlink.MAV_RESULT_ACCEPTED) -> None:
        self.say(mavlink.MAVLink_command_ack_message(number, result, 0, 0, *US))

    def _command(self, message: Message) -> None:
        assert isinstance(message, mavlink.MAVLink_command_long_message)
        if message.target_component not in {0, self.component}:
            return
        if message.command == mavlink.MAV_CMD_REQUEST_MESSAGE and message.param1 == 280:
            points = mavlink.GIMBAL_MANAGER_CAP_FLAGS_CAN_POINT_LOCATION_GLOBAL if self.points else 0
            flags = points | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_YAW_AXIS
            angles = [math.radians(a) for a in (-30, 30, -90, 20, -180, 180)]
            self.say(mavlink.MAVLink_gimbal_manager_information_message(0, flags, self.device, *angles))
        elif message.command == mavlink.MAV_CMD_REQUEST_MESSAGE and message.param1 == 281:
            self.say_status()
        elif message.command == CONFIGURE:
            asked = (int(message.param1), int(message.param2))
            if self.obeys:
                self.holder = NOBODY if asked == (-3, -3) and self.holder == US else asked
            self._ack(CONFIGURE)
            self.say_status()
        elif message.command in {PITCHYAW, LOOK_AHEAD}:
            self.asked.append(message)
            self._ack(message.command)

    def _command_int(self, message: Message) -> None:
        assert isinstance(message, mavlink.MAVLink_command_int_message)
        if message.target_component == self.component and message.command == LOOK_AT:
            assert message.frame == mavlink.MAV_FRAME_GLOBAL_INT
            self.looks_at = (message.x / 1e7, message.y / 1e7, message.z)
            self._ack(LOOK_AT)


Tale = Callable[[Manager, Vehicle], Awaitable[None]]


def told(component: int, tale: Tale, *, points: bool = True, network: MemoryNetwork | None = None) -> None:
    async def story() -> None:
        copter = Scripted()
        manager = Manager(copter, component, points=points)
        async with flying(copter, network=network) as (_, vehicle):
            await tale(manager, vehicle)

    run_virtual(story())


@pytest.mark.parametrize("component", [1, 154, 191])
def test_the_gimbal_is_found_taken_and_looks_at_a_place_until_told_otherwise(component: int) -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        await vehicle.gimbal.look_at(PERSON, 3.5)
        assert manager.holder == US
        assert manager.looks_at == pytest.approx((PERSON.lat, PERSON.lon, 3.5))
        info = vehicle.gimbal.info
        assert info is not None
        assert info.manager == component
        assert info.pitch_deg == pytest.approx((-90, 20), abs=1e-4)
        await vehicle.gimbal.look_ahead()
        await vehicle.gimbal.give_back()
        assert manager.holder == NOBODY

    told(component, tale)


def test_a_vehicle_without_a_gimbal_says_so_after_it_was_asked_several_times() -> None:
    async def story() -> None:
        copter = Scripted()
        async with flying(copter) as (_, vehicle):
            with pytest.raises(NotFitted, match="has no gimbal"):
                await vehicle.gimbal.look_at(PERSON, 3.5)
            asked = [c for c in copter.commands(mavlink.MAV_CMD_REQUEST_MESSAGE) if c.param1 == 280]
            assert len(asked) >= 3
            assert not [m for m in copter.heard if isinstance(m, mavlink.MAVLink_command_int_message)]

    run_virtual(story())


def test_another_stations_gimbal_is_left_alone_unless_it_is_to_be_taken() -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        manager.holder = OTHER
        with pytest.raises(InUse, match="250/191"):
            await vehicle.gimbal.look_at(PERSON, 3.5)
        with pytest.raises(InUse):
            await vehicle.gimbal.point(-30.0, 0.0)
        assert (manager.holder, manager.looks_at, manager.asked) == (OTHER, None, [])
        await vehicle.gimbal.give_back()
        assert manager.holder == OTHER  # not ours to give
        await vehicle.gimbal.take_control(from_anybody=True)
        await vehicle.gimbal.look_at(PERSON, 3.5)
        assert manager.holder == US

    told(154, tale)


def test_a_gimbal_taken_by_another_station_is_not_steered_on() -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        await vehicle.gimbal.take_control()
        vehicle.gimbal.steer(-20.0, 10.0)
        manager.holder = OTHER
        manager.say_status()
        await asyncio.sleep(0.1)
        with pytest.raises(InUse):
            vehicle.gimbal.steer(-20.0, 10.0)
        assert len(manager.asked) == 1

    told(1, tale)


def test_control_that_is_accepted_and_not_given_is_an_error() -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        manager.obeys = False
        with pytest.raises(CommandFailed, match="not ours"):
            await vehicle.gimbal.take_control()

    told(154, tale)


def test_angles_and_rates_go_out_in_the_guides_units_and_frames() -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        await vehicle.gimbal.point(-35.0, 120.0, from_north=True)
        await vehicle.gimbal.turn(0.0, 15.0)
        vehicle.gimbal.steer(-90.0, 0.0)
        vehicle.gimbal.steer_attitude((1.0, 0.0, 0.0, 0.0))
        await asyncio.sleep(0.1)
        angles, rates, steer, attitude = manager.asked
        assert isinstance(angles, mavlink.MAVLink_command_long_message)
        assert (angles.param1, angles.param2, angles.param7) == (-35.0, 120.0, 154)
        assert math.isnan(angles.param3)
        assert int(angles.param5) & mavlink.GIMBAL_MANAGER_FLAGS_YAW_LOCK
        assert isinstance(rates, mavlink.MAVLink_command_long_message)
        assert math.isnan(rates.param1)
        assert (rates.param4, int(rates.param5) & mavlink.GIMBAL_MANAGER_FLAGS_YAW_LOCK) == (15.0, 0)
        assert isinstance(steer, mavlink.MAVLink_gimbal_manager_set_pitchyaw_message)
        assert steer.pitch == pytest.approx(-math.pi / 2)
        assert math.isnan(steer.yaw_rate)
        assert isinstance(attitude, mavlink.MAVLink_gimbal_manager_set_attitude_message)
        assert tuple(attitude.q) == (1.0, 0.0, 0.0, 0.0)

    told(154, tale)


def test_a_gimbal_that_only_turns_cannot_look_at_a_place() -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        with pytest.raises(NotFitted, match="cannot look at a place"):
            await vehicle.gimbal.look_at(PERSON, 3.5)

    told(154, tale, points=False)


@pytest.mark.parametrize(
    ("flags", "from_north"),
    [
        (mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME, True),
        (mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME | mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK, False),
        (mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK, True),
        (0, False),
    ],
)
def test_its_attitude_is_read_in_the_frame_it_names(flags: int, *, from_north: bool) -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        await vehicle.gimbal.find()
        pitch, yaw = math.radians(-40.0) / 2, math.radians(30.0) / 2
        q = (
            math.cos(pitch) * math.cos(yaw),
            -math.sin(pitch) * math.sin(yaw),
            math.sin(pitch) * math.cos(yaw),
            math.cos(pitch) * math.sin(yaw),
        )
        said = mavlink.MAVLink_gimbal_device_attitude_status_message(
            0, 0, 0, flags, q, 0.0, 0.0, 0.0, 2, 0.0, 0.0, manager.device
        )
        manager.say(said)
        await asyncio.sleep(2.0)
        attitude = vehicle.gimbal.attitude
        assert attitude is not None
        assert (attitude.pitch_deg, attitude.yaw_deg) == pytest.approx((-40.0, 30.0), abs=1e-3)
        assert attitude.from_north is from_north
        assert attitude.azimuth_deg(100.0) == pytest.approx(30.0 if from_north else 130.0, abs=1e-3)
        assert attitude.failures == 2
        assert vehicle.gimbal.attitude_age_s == pytest.approx(2.0, abs=0.1)

    told(154, tale)


@pytest.mark.parametrize("seed", range(5))
def test_on_a_bad_link_it_looks_at_the_place_or_says_why_not(seed: int) -> None:
    async def tale(manager: Manager, vehicle: Vehicle) -> None:
        try:
            await vehicle.gimbal.look_at(PERSON, 3.5)
        except NotFitted:
            assert manager.looks_at is None
        else:
            assert manager.looks_at == pytest.approx((PERSON.lat, PERSON.lon, 3.5))

    shape = Shape(loss=0.2, doubled=0.2, latency_s=0.15, jitter_s=0.15)
    told(154, tale, network=ShapedNetwork(shape, np.random.default_rng(seed)))
