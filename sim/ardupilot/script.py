"""The flight script: what is asked of an autopilot to see how it answers, with the service's own `Vehicle`.

ready ─ parameters ─ refusals ─ arm ─ take-off ─ go to ─ hold ─ mission up ─ mission flown ─ gripper
      ─ return, landed ─ second take-off ─ land
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from flightctl.clock import Clock
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import MavlinkError, ParameterUnknown
from flightctl.mavlink.mission import Item
from flightctl.mavlink.statustext import TextLog
from flightctl.transport import Transports
from geofence.position import Enu, LatLon, LocalFrame
from sim.ardupilot.flight import Flight, Step, Text, add_new
from sim.ardupilot.one_vehicle import OneVehicle

T = TypeVar("T")

_SETTLES_S = 1.5  # for what comes after a step is done: reports of the gripper, the last heartbeat
_ANSWERS_WITHIN_S = 4.0
_GROUND_STATION = 255
_READY = "ready"
_READY_WITHIN_S = 150.0
_HEIGHT_M = 20.0
_BACKGROUND = {mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAV_CMD_REQUEST_MESSAGE}
_PARAMETERS = {"DISARM_DELAY": 12.0, "RTL_LOIT_TIME": 1000.0}
_REFUSED = {
    "take-off when disarmed": Command(mavlink.MAV_CMD_NAV_TAKEOFF, (0, 0, 0, 0, 0, 0, 10.0)),
    "reposition as COMMAND_LONG": Command(mavlink.MAV_CMD_DO_REPOSITION, (-1.0, 1.0)),
    "waypoint as a command": Command(mavlink.MAV_CMD_NAV_WAYPOINT),
    "mode without the custom flag": Command(mavlink.MAV_CMD_DO_SET_MODE, (0.0, 4.0)),
    "mode that it lacks": Command(mavlink.MAV_CMD_DO_SET_MODE, (1.0, 250.0)),
    "command that nobody knows": Command(31_555),
}


class Recorder:
    """Puts what is heard into the step under way."""

    def __init__(self, clock: Clock) -> None:
        self.step = Step("start")
        self.boot_s = 0.0
        self.answers: asyncio.Queue[tuple[int, str]] = asyncio.Queue(256)
        self.reached: asyncio.Queue[int] = asyncio.Queue(256)
        self.mode_name: Callable[[int], str] = str
        self._clock = clock
        self._texts = TextLog()
        self._mode: int | None = None

    def hear(self, message: Message) -> None:
        step = self.step
        match message:
            case mavlink.MAVLink_heartbeat_message():
                if message.custom_mode != self._mode:
                    self._mode = message.custom_mode
                    step.modes.append(self.mode_name(message.custom_mode))
            case mavlink.MAVLink_command_ack_message():
                if message.command not in _BACKGROUND:
                    result = _name("MAV_RESULT", message.result)
                    add_new(step.acks, f"{Command(message.command).name} {result}")
                    _put(self.answers, (message.command, result))
            case mavlink.MAVLink_mission_request_message() | mavlink.MAVLink_mission_request_int_message():
                add_new(step.transfers, f"{message.get_type()} {message.seq}")
            case mavlink.MAVLink_mission_ack_message():
                add_new(step.transfers, f"MISSION_ACK {_name('MAV_MISSION', message.type, 'MAV_MISSION_RESULT')}")
            case mavlink.MAVLink_mission_item_reached_message():
                if message.seq != 65535:
                    add_new(step.reached, str(message.seq))
                    _put(self.reached, message.seq)
            case mavlink.MAVLink_statustext_message():
                self._texts.add(message, self._clock.time_s())
            case mavlink.MAVLink_system_time_message():
                self.boot_s = message.time_boot_ms / 1000.0
            case _:
                pass

    def texts_since(self, at_s: float) -> list[Text]:
        self._texts.close_stale(self._clock.time_s())
        return [Text(text.severity, text.text) for text in self._texts.last if text.at_s >= at_s]


def _put(queue: asyncio.Queue[T], item: T) -> None:
    """The oldest goes when nobody reads."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)


class Script:
    """One flight from `home` of the frame."""

    def __init__(self, link: OneVehicle, recorder: Recorder, clock: Clock, frame: LocalFrame) -> None:
        self._link = link
        self._vehicle = link.vehicle
        self._heard = recorder
        self._clock = clock
        self._frame = frame

    async def fly(self) -> Flight:
        steps: list[Step] = []
        for name, do in self._steps():
            step = await self._fly_step(name, do)
            steps.append(step)
            if step.failure:
                break  # what comes after would only repeat it
        return Flight(tuple(steps))

    async def _fly_step(self, name: str, do: Callable[[], Awaitable[str]]) -> Step:
        step = self._heard.step = Step(name)
        began_s = self._clock.time_s()
        try:
            step.outcome = await do()
        except MavlinkError as error:
            step.outcome, step.failure = str(error), type(error).__name__
        step.seconds = self._clock.time_s() - began_s
        await asyncio.sleep(_SETTLES_S)
        step.texts = self._heard.texts_since(began_s)
        if name == _READY and not step.failure:  # a process may have run before it was connected
            step.seconds = self._heard.boot_s
            step.modes, step.texts = [], []
        return step

    def _steps(self) -> tuple[tuple[str, Callable[[], Awaitable[str]]], ...]:
        return (
            (_READY, self._ready),
            ("parameters", self._parameters),
            *((f"refuses: {name}", lambda command=command: self._ask(command)) for name, command in _REFUSED.items()),
            ("arm", lambda: _done(self._vehicle.arm())),
            ("take off", lambda: _done(self._vehicle.take_off(_HEIGHT_M))),
            ("go to", lambda: _done(self._vehicle.go_to(self._place(150.0, 0.0), 25.0))),
            ("hold", lambda: _done(self._vehicle.hold())),
            ("mission up and read back", self._upload),
            ("mission", self._mission),
            ("gripper", self._release),
            ("return and land", lambda: _done(self._vehicle.return_home())),
            ("take off again", lambda: _done(self._vehicle.take_off(10.0))),
            ("land", lambda: _done(self._vehicle.land())),
        )

    async def _ready(self) -> str:
        vehicle = self._vehicle
        await vehicle.until(lambda: vehicle.online or None, _READY_WITHIN_S)
        self._heard.mode_name = vehicle.autopilot.mode_name
        await vehicle.wait_ready(_READY_WITHIN_S)
        return "done"

    async def _parameters(self) -> str:
        await self._vehicle.set_parameters(_PARAMETERS)
        held = await self._vehicle.read_parameters(_PARAMETERS)
        try:
            await self._vehicle.read_parameters(["NO_SUCH_NAME"])
        except ParameterUnknown:
            unknown = "silent about an unknown one"
        else:
            unknown = "knows every name"
        return ", ".join([*(f"{name}={value:g}" for name, value in held.items()), unknown])

    async def _ask(self, command: Command) -> str:
        """Once and raw; the answer is the outcome."""
        answers = self._heard.answers
        while not answers.empty():
            answers.get_nowait()
        self._link.tell(command)
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                while True:
                    number, result = await answers.get()
                    if number == command.number:
                        return result
        except TimeoutError:
            return "no answer"

    def _items(self) -> tuple[Item, ...]:
        way = mavlink.MAV_CMD_NAV_WAYPOINT
        return (
            Item(mavlink.MAV_CMD_NAV_TAKEOFF, None, _HEIGHT_M),
            Item(way, self._place(150.0, 60.0), 25.0),
            Item(mavlink.MAV_CMD_DO_CHANGE_SPEED, None, 0.0, (1.0, 5.0, -1.0, 0.0)),
            Item(way, self._place(100.0, 60.0), 20.0),
            Item(mavlink.MAV_CMD_NAV_DELAY, None, 0.0, (3.0, -1.0, -1.0, -1.0)),
            Item(way, self._place(60.0, 60.0), 20.0),
        )

    async def _upload(self) -> str:
        await self._vehicle.upload_mission(self._items())
        held = await self._vehicle.download_mission()
        return " ".join(str(item.command) for item in held)

    async def _mission(self) -> str:
        """Until the last way point is reached."""
        last = len(self._items())
        await self._vehicle.start_mission()
        try:
            async with asyncio.timeout(150.0):
                while await self._heard.reached.get() != last:
                    pass
        except TimeoutError:
            return "its end is not reached"
        return "done"

    async def _release(self) -> str:
        release = await self._vehicle.release(1)
        return f"open at {release.servo_us} µs"

    def _place(self, east_m: float, north_m: float) -> LatLon:
        return self._frame.to_wgs84(Enu(east_m, north_m))


async def _done(work: Awaitable[object]) -> str:
    await work
    return "done"


def _name(prefix: str, number: int, enum: str = "") -> str:
    entry = mavlink.enums[enum or prefix].get(number)
    return str(number) if entry is None else entry.name.removeprefix(f"{prefix}_")


async def fly_script(transports: Transports, address: str, system_id: int, clock: Clock, frame: LocalFrame) -> Flight:
    """On the link at `address`, as a ground station."""
    recorder = Recorder(clock)
    link = OneVehicle(transports, address, system_id, clock, recorder.hear, as_system=_GROUND_STATION)
    running = asyncio.ensure_future(link.run())
    try:
        return await Script(link, recorder, clock, frame).fly()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
