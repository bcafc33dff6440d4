"""A camera is found wherever it answers; a picture counts when its record came, and is taken once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import CommandFailed, CommandTimedOut, LinkLost, NotFitted, PictureMissing
from flightctl.vehicle import Vehicle
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying
from tests.flightctl.mavlink.shaped import Shape, ShapedNetwork

EVERYTHING = 0b101111111
US = (255, 190)


class Lens:
    """A camera as `component`: counts what it takes, loses the records it is told to lose."""

    def __init__(self, copter: Scripted, component: int, *, abilities: int = EVERYTHING) -> None:
        self.copter = copter
        self.component = component
        self.abilities = abilities
        self.records: list[mavlink.MAVLink_camera_image_captured_message] = []
        self.lose: set[int] = set()
        self.forget: set[int] = set()  # not told when asked for again either
        self.fails = False
        self.sequences: set[float] = set()
        self.mode = 1
        self.recording = False
        self.zoom: tuple[float, float] | None = None
        self.starts = 0
        copter.on_message[mavlink.MAVLINK_MSG_ID_COMMAND_LONG] = self._command

    def say(self, message: Message) -> None:
        if self.component == 1:
            self.copter.say(message)
        else:
            self.copter.say_as(self.component, message)

    def _ack(self, number: int, result: int = mavlink.MAV_RESULT_ACCEPTED) -> None:
        self.say(mavlink.MAVLink_command_ack_message(number, result, 0, 0, *US))

    def _command(self, message: Message) -> None:
        assert isinstance(message, mavlink.MAVLink_command_long_message)
        if message.target_component not in {0, self.component}:
            return
        match message.command:
            case mavlink.MAV_CMD_REQUEST_MESSAGE:
                self._tell(int(message.param1), int(message.param2))
            case mavlink.MAV_CMD_SET_CAMERA_MODE:
                self.mode = int(message.param2)
                self._ack(message.command)
            case mavlink.MAV_CMD_IMAGE_START_CAPTURE:
                self._ack(message.command)
                self._start(message)
            case mavlink.MAV_CMD_VIDEO_START_CAPTURE | mavlink.MAV_CMD_VIDEO_STOP_CAPTURE:
                self.starts += 1
                self.recording = message.command == mavlink.MAV_CMD_VIDEO_START_CAPTURE and not self.fails
                self._ack(message.command)
            case mavlink.MAV_CMD_SET_CAMERA_ZOOM:
                self.zoom = (message.param1, message.param2)
                self._ack(message.command)
            case _:
                pass

    def _start(self, message: mavlink.MAVLink_command_long_message) -> None:
        if message.param4 and message.param4 in self.sequences:
            return
        self.sequences.add(message.param4)
        for number in range(int(message.param3)):
            asyncio.get_running_loop().call_later(0.3 + number * message.param2, self._take)

    def _take(self) -> None:
        index = len(self.records)
        record = mavlink.MAVLink_camera_image_captured_message(
            0,
            0,
            0,
            304021000,
            1205340000,
            12_500,
            5000,
            (1.0, 0.0, 0.0, 0.0),
            index,
            0 if self.fails else 1,
            b"f.jpg",
        )
        self.records.append(record)
        if index not in self.lose:
            self.say(record)

    def _tell(self, kind: int, number: int) -> None:
        count = len(self.records)
        match kind:
            case 259:
                name = [*b"Eye", *[0] * 29]
                self.say(
                    mavlink.MAVLink_camera_information_message(
                        0, name, name, 1, 8.0, 6.0, 4.0, 1920, 1080, 0, self.abilities, 0, b"", 154
                    )
                )
            case 260:
                self.say(mavlink.MAVLink_camera_settings_message(0, self.mode, 25.0, float("nan")))
            case 261 if number in {1, 2}:
                self.say(mavlink.MAVLink_storage_information_message(0, number, 2, 2, 1000.0, 400.0, 600.0, 0.0, 0.0))
            case 262:
                self.say(
                    mavlink.MAVLink_camera_capture_status_message(0, 0, int(self.recording), 0.0, 0, 600.0, count)
                )
            case 263 if number < count and number not in self.forget:
                self.say(self.records[number])
            case 269 if number in {1, 2}:
                thermal = mavlink.VIDEO_STREAM_STATUS_FLAGS_THERMAL if number == 2 else 0
                self.say(
                    mavlink.MAVLink_video_stream_information_message(
                        number, 2, 0, 1 | thermal, 30.0, 1920, 1080, 0, 0, 60, b"main", b"rtsp://10.0.0.2/main"
                    )
                )
            case _:
                pass


Tale = Callable[[Lens, Vehicle], Awaitable[None]]


def told(
    tale: Tale, *, component: int = 100, abilities: int = EVERYTHING, network: MemoryNetwork | None = None
) -> None:
    async def story() -> None:
        copter = Scripted()
        lens = Lens(copter, component, abilities=abilities)
        async with flying(copter, network=network) as (_, vehicle):
            await tale(lens, vehicle)

    run_virtual(story())


@pytest.mark.parametrize("component", [1, 100, 103])
def test_a_picture_is_returned_with_its_record(component: int) -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        picture = await vehicle.camera.take_picture()
        assert (picture.index, picture.taken, picture.address) == (0, True, "f.jpg")
        assert picture.position is not None
        assert picture.position.lat == pytest.approx(30.4021)
        assert (await vehicle.camera.take_picture()).index == 1
        info = vehicle.camera.info
        assert info is not None
        assert (info.component, info.vendor, info.gimbal) == (component, "Eye", 154)

    told(tale, component=component)


def test_a_vehicle_without_a_camera_says_so() -> None:
    async def story() -> None:
        copter = Scripted()
        async with flying(copter) as (_, vehicle):
            with pytest.raises(NotFitted, match="has no camera"):
                await vehicle.camera.take_picture()
            asked = [c for c in copter.commands(mavlink.MAV_CMD_REQUEST_MESSAGE) if c.param1 == 259]
            assert len(asked) >= 3

    run_virtual(story())


def test_records_that_were_lost_are_asked_for_by_number() -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        lens.lose = {1, 3}
        pictures = await vehicle.camera.take_pictures(4, 1.0)
        assert [picture.index for picture in pictures] == [0, 1, 2, 3]
        assert len(lens.records) == 4

    told(tale)


def test_a_record_that_never_comes_is_an_error_and_no_second_picture_is_taken() -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        lens.lose = lens.forget = {0}
        with pytest.raises(PictureMissing, match="picture 0"):
            await vehicle.camera.take_picture()
        assert len(lens.records) == 1

    told(tale)


def test_a_picture_the_camera_could_not_take_is_an_error() -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        lens.fails = True
        with pytest.raises(CommandFailed, match="could not take"):
            await vehicle.camera.take_picture()

    told(tale)


def test_a_camera_with_modes_is_put_into_the_one_it_needs() -> None:
    modes = (EVERYTHING & ~mavlink.CAMERA_CAP_FLAGS_CAN_CAPTURE_IMAGE_IN_VIDEO_MODE) & (
        ~mavlink.CAMERA_CAP_FLAGS_CAN_CAPTURE_VIDEO_IN_IMAGE_MODE
    )

    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        await vehicle.camera.take_picture()
        assert lens.mode == 0
        await vehicle.camera.start_video()
        assert (lens.mode, lens.recording) == (1, True)

    told(tale, abilities=modes)


def test_filming_starts_once_and_stops() -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        await vehicle.camera.start_video()
        await vehicle.camera.start_video()
        assert (lens.recording, lens.starts) == (True, 1)
        await vehicle.camera.stop_video()
        assert not lens.recording
        lens.fails = True
        with pytest.raises(CommandFailed, match="not recording"):
            await vehicle.camera.start_video()

    told(tale)


def test_zoom_settings_storage_and_streams_are_told() -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        camera = vehicle.camera
        await camera.zoom_to(140.0)
        assert lens.zoom == (mavlink.ZOOM_TYPE_RANGE, 100.0)
        await camera.zoom_steadily(-1)
        assert lens.zoom == (mavlink.ZOOM_TYPE_CONTINUOUS, -1.0)
        settings = await camera.settings()
        assert (settings.mode, settings.zoom_percent, settings.focus_percent) == (1, 25.0, None)
        assert [(s.number, s.ready, s.free_mib) for s in await camera.storages()] == [(1, True, 600), (2, True, 600)]
        streams = await camera.streams()
        assert [(s.number, s.running, s.thermal) for s in streams] == [(1, True, False), (2, True, True)]
        assert streams[0].address == "rtsp://10.0.0.2/main"
        assert streams[0].field_of_view_deg == 60

    told(tale)


def test_what_a_camera_cannot_do_is_not_asked_of_it() -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        for doing in (vehicle.camera.start_video, vehicle.camera.streams, lambda: vehicle.camera.zoom_to(5.0)):
            with pytest.raises(NotFitted, match="camera Eye cannot"):
                await doing()
        assert (lens.starts, lens.zoom) == (0, None)

    told(tale, abilities=mavlink.CAMERA_CAP_FLAGS_CAPTURE_IMAGE)


@pytest.mark.parametrize("seed", range(6))
def test_on_a_bad_link_one_picture_is_taken_or_it_ends_in_an_error(seed: int) -> None:
    async def tale(lens: Lens, vehicle: Vehicle) -> None:
        try:
            picture = await vehicle.camera.take_picture()
        except (NotFitted, PictureMissing, CommandTimedOut, LinkLost):
            assert len(lens.records) <= 1
        else:
            assert [record.image_index for record in lens.records] == [picture.index]

    shape = Shape(loss=0.2, doubled=0.2, latency_s=0.15, jitter_s=0.15)
    told(tale, network=ShapedNetwork(shape, np.random.default_rng(seed)))
