"""An autopilot that says exactly what a test tells it to, at the far end of a real fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.transport import Datagrams
from flightctl.vehicle import Fleet, Vehicle
from sim.memory_links import MemoryNetwork

ADDRESS = "127.0.0.1:14550"
LAT_E7, LON_E7 = 304020903, 1205340303
ARMED = mavlink.MAV_MODE_FLAG_SAFETY_ARMED
GUIDED, RTL = 4, 6

CommandHandler = Callable[[mavlink.MAVLink_command_long_message], None]


class Scripted:
    """Says a heartbeat a second; what else it says follows from its fields and handlers."""

    def __init__(self, system_id: int = 1, uid: int = 77) -> None:
        self.system_id = system_id
        self.uid = uid
        self.armed = False
        self.mode = GUIDED
        self.height_m = 0.0
        self.landed = mavlink.MAV_LANDED_STATE_ON_GROUND
        self.servo_us = 1900
        self.boot_ms = 60_000
        self.silent = False
        self.streams = True  # sends its state with each heartbeat, as if rates had been asked for
        self.heard: list[Message] = []
        self.on_command: dict[int, CommandHandler] = {}
        self.on_message: dict[int, Callable[[Message], None]] = {}
        self._codec = Codec(system_id, 1)
        self._others: dict[int, Codec] = {}
        self._endpoint: Datagrams | None = None

    async def run(self, network: MemoryNetwork) -> None:
        endpoint = self._endpoint = await network.open_datagrams(f"udpout:{ADDRESS}")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            while True:
                data, _ = await endpoint.receive()
                for message in self._codec.parse(data):
                    self._take(message)

    def say(self, message: Message) -> None:
        if not self.silent and self._endpoint is not None and self._endpoint.peer is not None:
            self._endpoint.send(self._codec.encode(message), self._endpoint.peer)

    def skip(self) -> None:
        """A message of its own is lost on the way."""
        self._codec.encode(mavlink.MAVLink_system_time_message(0, 0))

    def say_as(self, component_id: int, message: Message) -> None:
        """As another component of the same system."""
        codec = self._others.setdefault(component_id, Codec(self.system_id, component_id))
        if not self.silent and self._endpoint is not None and self._endpoint.peer is not None:
            self._endpoint.send(codec.encode(message), self._endpoint.peer)

    def text(self, text: str, severity: int = mavlink.MAV_SEVERITY_CRITICAL) -> None:
        self.say(mavlink.MAVLink_statustext_message(severity, text.encode(), 0, 0))

    def ack(self, command: int, result: int, progress: int = 0) -> None:
        self.say(mavlink.MAVLink_command_ack_message(command, result, progress, 0, 255, 190))

    def commands(self, number: int) -> list[mavlink.MAVLink_command_long_message]:
        """Those heard with this number."""
        return [m for m in self.heard if isinstance(m, mavlink.MAVLink_command_long_message) and m.command == number]

    def say_state(self) -> None:
        base_mode = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | (ARMED if self.armed else 0)
        self.say(
            mavlink.MAVLink_heartbeat_message(
                mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, base_mode, self.mode, 3, 3
            )
        )
        if not self.streams:
            return
        height_mm = round(self.height_m * 1000)
        self.say(mavlink.MAVLink_system_time_message(0, self.boot_ms))
        self.say(
            mavlink.MAVLink_global_position_int_message(
                self.boot_ms, LAT_E7, LON_E7, 8000 + height_mm, height_mm, 0, 0, 0, 18000
            )
        )
        self.say(mavlink.MAVLink_extended_sys_state_message(0, self.landed))
        self.say(
            mavlink.MAVLink_servo_output_raw_message(
                0, 0, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, self.servo_us
            )
        )
        health = mavlink.MAV_SYS_STATUS_PREARM_CHECK
        self.say(mavlink.MAVLink_sys_status_message(health, health, health, 0, 22_800, -1, 90, 0, 0, 0, 0, 0, 0))
        self.say(mavlink.MAVLink_ekf_status_report_message(0x33F, 0, 0, 0, 0, 0))

    async def _beat(self) -> None:
        while True:
            self.say_state()
            await asyncio.sleep(1.0)
            self.boot_ms += 1000

    def _take(self, message: Message) -> None:
        self.heard.append(message)
        other = self.on_message.get(message.get_msgId())
        if other is not None:
            other(message)
        if isinstance(message, mavlink.MAVLink_command_long_message):
            handler = self.on_command.get(message.command)
            if handler is not None:
                handler(message)
            elif message.command == mavlink.MAV_CMD_REQUEST_MESSAGE and message.param1 == 148:
                self.say(
                    mavlink.MAVLink_autopilot_version_message(
                        0, 0, 0, 0, 0, (0,) * 8, (0,) * 8, (0,) * 8, 0, 0, self.uid, (0,) * 18
                    )
                )


@asynccontextmanager
async def flying(
    *autopilots: Scripted, network: MemoryNetwork | None = None, is_healthy: Callable[[], bool] = lambda: True
) -> AsyncGenerator[tuple[Fleet, Vehicle]]:
    """A fleet with these autopilots on its link, and the vehicle of the first, heard."""
    network = network or MemoryNetwork()
    clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
    fleet = Fleet(network, (f"udpin:{ADDRESS}",), clock=clock, is_healthy=is_healthy)
    fleet_task = asyncio.ensure_future(fleet.run())
    await asyncio.sleep(0)
    tasks = [fleet_task, *(asyncio.ensure_future(autopilot.run(network)) for autopilot in autopilots)]
    vehicle = fleet.vehicle(autopilots[0].system_id)
    try:
        await vehicle.until(lambda: vehicle.online or None, 5.0)
        yield fleet, vehicle
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
