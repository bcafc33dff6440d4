"""Camera: pictures, film and zoom of the camera on a vehicle.

MAVLink guide: https://mavlink.io/en/services/camera.html. It is found by asking everybody for CAMERA_INFORMATION:
a camera with a component id of its own, or one of up to six behind the autopilot. A picture has been taken when its
record came; a record that is lost is asked for by its number.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from flightctl.mavlink.command import Check, Command
from flightctl.mavlink.components import Component, Components
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import CommandFailed, NotFitted, PictureMissing
from geofence.position import LatLon

_EXPOSURE_S = 2.5  # from a picture's due time until its record must be here
_MISSED_TRIES = 4
_RECORDING_LOOKS, _RECORDING_LOOK_S = 6, 0.7  # from acceptance until it must say so
_IMAGE_MODE, _VIDEO_MODE = 0.0, 1.0
_TAKEN = 1
_NOWHERE = 0

Captured = mavlink.MAVLink_camera_image_captured_message


@dataclass(frozen=True, slots=True)
class CameraInfo:
    component: int
    device: int  # 1 to 6 behind an autopilot, 0 for a camera with its own component id
    vendor: str
    model: str
    abilities: int  # CAMERA_CAP_FLAGS
    width_px: int
    height_px: int
    gimbal: int  # the device it sits on; 0: none

    def can(self, ability: int) -> bool:
        return bool(self.abilities & ability)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    mode: int  # CAMERA_MODE: 0 pictures, 1 film
    zoom_percent: float | None
    focus_percent: float | None


@dataclass(frozen=True, slots=True)
class Storage:
    number: int
    ready: bool
    total_mib: float | None
    free_mib: float | None


@dataclass(frozen=True, slots=True)
class VideoStream:
    number: int
    name: str
    address: str  # as the camera says it: RTSP, UDP or TCP
    running: bool
    thermal: bool
    width_px: int
    height_px: int
    frame_hz: float
    field_of_view_deg: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """The camera's record of one picture."""

    index: int
    taken: bool  # False: the camera tried and failed
    position: LatLon | None
    amsl_m: float
    address: str  # where the file is; may be empty


class Camera:
    """Of one vehicle. Every method raises NotFitted, CommandError or LinkLost."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._clock = components.clock
        self._info: CameraInfo | None = None
        self._sequence = 0

    @property
    def info(self) -> CameraInfo | None:
        """None until `find` has found it."""
        return self._info

    async def find(self) -> CameraInfo:
        """Asks everybody for a camera, once."""
        self._components.require_link()
        if self._info is None:
            said = await self._components.everybody.ask(mavlink.MAVLink_camera_information_message)
            if said is None:
                raise NotFitted(f"{self._components.autopilot.who} has no camera: nothing answered for one")
            self._info = CameraInfo(
                component=said.get_srcComponent(),
                device=said.camera_device_id,
                vendor=_text(said.vendor_name),
                model=_text(said.model_name),
                abilities=said.flags,
                width_px=said.resolution_h,
                height_px=said.resolution_v,
                gimbal=said.gimbal_device_id,
            )
        return self._info

    # --- what it says of itself --------------------------------------------------------------------------------

    async def settings(self) -> CameraSettings:
        component = self._component(await self.find())
        said = await component.ask(mavlink.MAVLink_camera_settings_message)
        if said is None:
            raise NotFitted(f"{component.who}: its camera does not tell its settings")
        return CameraSettings(said.mode_id, _known(said.zoomLevel), _known(said.focusLevel))

    async def storages(self) -> tuple[Storage, ...]:
        """By number; those whose word did not come are left out."""
        component = self._component(await self.find())
        found: dict[int, Storage] = {}
        count = number = 1
        while number <= count:
            said = await component.ask(
                mavlink.MAVLink_storage_information_message, number=number, where=_is_storage(number)
            )
            if said is not None:
                count = min(said.storage_count, 16)
                ready = said.status == mavlink.STORAGE_STATUS_READY
                found[number] = Storage(number, ready, _known(said.total_capacity), _known(said.available_capacity))
            number += 1
        return tuple(found.values())

    async def streams(self) -> tuple[VideoStream, ...]:
        """What can be watched; those whose word did not come are left out."""
        info = await self.find()
        self._require(info, mavlink.CAMERA_CAP_FLAGS_HAS_VIDEO_STREAM, "stream")
        component = self._component(info)
        found: list[VideoStream] = []
        count = number = 1
        while number <= count:
            said = await component.ask(
                mavlink.MAVLink_video_stream_information_message, number=number, where=_is_stream(number)
            )
            if said is not None:
                count = min(said.count, 16)
                found.append(_stream(said))
            number += 1
        return tuple(found)

    # --- pictures ----------------------------------------------------------------------------------------------

    async def take_picture(self) -> Picture:
        """Raises PictureMissing when no record of it comes."""
        return (await self.take_pictures(1))[0]

    async def take_pictures(self, count: int, every_s: float = 0.0) -> tuple[Picture, ...]:
        """Returns with every record, in order; what was lost on the way is asked for by number. Raises
        PictureMissing, CommandFailed when the camera could not take one."""
        info = await self.find()
        self._require(info, mavlink.CAMERA_CAP_FLAGS_CAPTURE_IMAGE, "take pictures")
        await self._enter(info, _IMAGE_MODE, mavlink.CAMERA_CAP_FLAGS_CAN_CAPTURE_IMAGE_IN_VIDEO_MODE)
        component = self._component(info)
        before = await self._status(info)
        if before is None:
            raise PictureMissing(f"{component.who}: its camera does not say how many pictures it has taken")
        first = before.image_count
        wanted = range(first, first + count)  # guide: the next one has the present count as its number
        found: dict[int, Picture] = {}
        self._sequence += 1  # a camera takes one picture for one number, however often it is told
        sequence = self._sequence if count == 1 else 0
        start = Command(mavlink.MAV_CMD_IMAGE_START_CAPTURE, (info.device, every_s, count, sequence))
        with component.talk.expect(Captured, where=lambda said: said.image_index in wanted) as records:
            if count == 1:
                await component.commander.request(start)
            else:  # a series has no number that would keep it from being taken twice
                await component.commander.act(start, self._counted_past(info, first))
            ends_s = self._clock.time_s() + (count - 1) * every_s + _EXPOSURE_S
            while len(found) < count:
                said = await records.next(ends_s - self._clock.time_s())
                if said is None:
                    break
                found[said.image_index] = _picture(said)
        for index in wanted:
            if index not in found:
                found[index] = await self.record(index)
        failed = [picture.index for picture in found.values() if not picture.taken]
        if failed:
            raise CommandFailed(component.who, "taking a picture", "was accepted, but the camera could not take it")
        return tuple(found[index] for index in wanted)

    async def record(self, index: int) -> Picture:
        """The record of picture `index`, asked for again. Raises PictureMissing."""
        component = self._component(await self.find())
        said = await component.ask(
            Captured, number=index, where=lambda record: record.image_index == index, tries=_MISSED_TRIES
        )
        if said is None:
            raise PictureMissing(f"{component.who}: the record of picture {index} did not come")
        return _picture(said)

    # --- film and zoom -----------------------------------------------------------------------------------------

    async def start_video(self) -> None:
        """Returns when it is recording, or has accepted and does not say."""
        await self._video(recording=True)

    async def stop_video(self) -> None:
        await self._video(recording=False)

    async def zoom_to(self, percent: float) -> None:
        """0 is widest, 100 is nearest."""
        info = await self.find()
        self._require(info, mavlink.CAMERA_CAP_FLAGS_HAS_BASIC_ZOOM, "zoom")
        values = (mavlink.ZOOM_TYPE_RANGE, min(100.0, max(0.0, percent)), info.device)
        await self._component(info).commander.request(Command(mavlink.MAV_CMD_SET_CAMERA_ZOOM, values))

    async def zoom_steadily(self, direction: int) -> None:
        """-1 wider, 1 nearer, 0 stops."""
        info = await self.find()
        self._require(info, mavlink.CAMERA_CAP_FLAGS_HAS_BASIC_ZOOM, "zoom")
        values = (mavlink.ZOOM_TYPE_CONTINUOUS, max(-1, min(1, direction)), info.device)
        await self._component(info).commander.request(Command(mavlink.MAV_CMD_SET_CAMERA_ZOOM, values))

    # --- inside ------------------------------------------------------------------------------------------------

    async def _video(self, *, recording: bool) -> None:
        info = await self.find()
        self._require(info, mavlink.CAMERA_CAP_FLAGS_CAPTURE_VIDEO, "record")
        component = self._component(info)
        before = await self._status(info)
        if before is not None and bool(before.video_status) is recording:
            return
        if recording:
            await self._enter(info, _VIDEO_MODE, mavlink.CAMERA_CAP_FLAGS_CAN_CAPTURE_VIDEO_IN_IMAGE_MODE)
            command = Command(mavlink.MAV_CMD_VIDEO_START_CAPTURE, (0, 0, info.device))
        else:
            command = Command(mavlink.MAV_CMD_VIDEO_STOP_CAPTURE, (0, info.device))

        async def check(sent_s: float) -> bool | None:
            del sent_s
            status = await self._status(info)
            return None if status is None else bool(status.video_status) is recording

        await component.commander.act(command, check)
        if before is None:
            return  # it never says
        for _ in range(_RECORDING_LOOKS):
            status = await self._status(info)
            if status is not None and bool(status.video_status) is recording:
                return
            await asyncio.sleep(_RECORDING_LOOK_S)
        still = "not recording" if recording else "recording still"
        raise CommandFailed(component.who, command.name, f"was accepted, but it is {still}")

    def _counted_past(self, info: CameraInfo, count: int) -> Check:
        async def check(sent_s: float) -> bool | None:
            del sent_s
            status = await self._status(info)
            return None if status is None else status.image_count > count or bool(status.image_status)

        return check

    async def _enter(self, info: CameraInfo, mode: float, unneeded: int) -> None:
        """Cameras with modes take pictures, or film, in the one for it only."""
        if info.can(mavlink.CAMERA_CAP_FLAGS_HAS_MODES) and not info.can(unneeded):
            if (await self.settings()).mode == mode:
                return
            command = Command(mavlink.MAV_CMD_SET_CAMERA_MODE, (info.device, mode))
            await self._component(info).commander.request(command)

    async def _status(self, info: CameraInfo) -> mavlink.MAVLink_camera_capture_status_message | None:
        return await self._component(info).ask(mavlink.MAVLink_camera_capture_status_message)

    def _component(self, info: CameraInfo) -> Component:
        return self._components.of(info.component)

    def _require(self, info: CameraInfo, ability: int, doing: str) -> None:
        if not info.can(ability):
            raise NotFitted(f"{self._component(info).who}: its camera {info.model} cannot {doing}")


def _is_storage(number: int):
    def is_it(said: mavlink.MAVLink_storage_information_message) -> bool:
        return said.storage_id == number

    return is_it


def _is_stream(number: int):
    def is_it(said: mavlink.MAVLink_video_stream_information_message) -> bool:
        return said.stream_id == number

    return is_it


def _stream(said: mavlink.MAVLink_video_stream_information_message) -> VideoStream:
    return VideoStream(
        number=said.stream_id,
        name=_text(said.name),
        address=_text(said.uri),
        running=bool(said.flags & mavlink.VIDEO_STREAM_STATUS_FLAGS_RUNNING),
        thermal=bool(said.flags & mavlink.VIDEO_STREAM_STATUS_FLAGS_THERMAL),
        width_px=said.resolution_h,
        height_px=said.resolution_v,
        frame_hz=said.framerate,
        field_of_view_deg=float(said.hfov) if said.hfov else None,
    )


def _picture(said: Captured) -> Picture:
    somewhere = (said.lat, said.lon) != (_NOWHERE, _NOWHERE)
    return Picture(
        index=said.image_index,
        taken=said.capture_result == _TAKEN,
        position=LatLon(lat=said.lat / 1e7, lon=said.lon / 1e7) if somewhere else None,
        amsl_m=said.alt / 1000,
        address=_text(said.file_url),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _text(raw: str | Sequence[int]) -> str:
    """Names come as text or as numbers, up to the first zero."""
    text = raw if isinstance(raw, str) else bytes(raw).decode("utf-8", "replace")
    return text.split("\0", 1)[0]
