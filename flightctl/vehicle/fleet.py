"""All vehicles of the service on its links: found by their heartbeats, kept apart by their system ids.

One task reads each endpoint and one beats once a second; a vehicle costs no task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from flightctl.clock import Clock
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.heartbeat import is_autopilot, keep_beating
from flightctl.mavlink.link import Channel, Links, Tap
from flightctl.mavlink.signing import KeyRing
from flightctl.transport import Transports
from flightctl.vehicle.vehicle import Vehicle

log = logging.getLogger(__name__)

_ASK_RIVAL_S = 2.0
_TURNS = 10
_TRAFFIC = frozenset(
    {
        mavlink.MAVLINK_MSG_ID_ADSB_VEHICLE,
        mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_BASIC_ID,
        mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_LOCATION,
        mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_SYSTEM,
        mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_MESSAGE_PACK,
    }
)


def _always() -> bool:
    return True


class Fleet:
    """`run()` it, and ask it for vehicles by system id."""

    def __init__(
        self,
        transports: Transports,
        endpoints: tuple[str, ...],
        *,
        clock: Clock,
        system_id: int = 255,
        component_id: int = 190,
        is_healthy: Callable[[], bool] = _always,
        tap: Tap | None = None,
        ring: KeyRing | None = None,
    ) -> None:
        self._links = Links(
            transports, endpoints, system_id=system_id, component_id=component_id, clock=clock, tap=tap, ring=ring
        )
        self._clock = clock
        self._is_healthy = is_healthy
        self._vehicles: dict[int, Vehicle] = {}
        self._rival_asked_s: dict[int, float] = {}
        self.on_traffic: Callable[[Message], None] | None = None  # other aircraft, whoever tells of them

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links.run(self._receive))
            group.create_task(keep_beating(self._links, self._is_healthy))
            group.create_task(self._look_after_all())

    def vehicle(self, system_id: int) -> Vehicle:
        """The vehicle with this system id; it may not have been heard yet."""
        found = self._vehicles.get(system_id)
        if found is None:
            found = Vehicle(self._links, system_id, self._clock)
            self._vehicles[system_id] = found
        return found

    @property
    def vehicles(self) -> tuple[Vehicle, ...]:
        """Those asked for and those discovered, by system id."""
        return tuple(self._vehicles[key] for key in sorted(self._vehicles))

    async def _look_after_all(self) -> None:
        """Each vehicle once a second, in turns: asking all of a large fleet at once would hold up what they say."""
        while True:
            for turn in range(_TURNS):
                for system_id, vehicle in self._vehicles.items():
                    if system_id % _TURNS == turn:
                        vehicle.tick()
                await asyncio.sleep(1.0 / _TURNS)

    def _receive(self, channel: Channel, message: Message) -> None:
        header = message.get_header()
        system_id = header.srcSystem
        if header.msgId in _TRAFFIC and self.on_traffic is not None:
            self.on_traffic(message)
        is_heartbeat = header.msgId == mavlink.MAVLINK_MSG_ID_HEARTBEAT
        if is_heartbeat and isinstance(message, mavlink.MAVLink_heartbeat_message) and not is_autopilot(message):
            self._on_peripheral(channel, message)  # or another ground station
            return
        vehicle = self._vehicles.get(system_id)
        if vehicle is None or not vehicle.known:
            if not is_heartbeat:
                return
            vehicle = self.vehicle(system_id)
        if isinstance(message, mavlink.MAVLink_autopilot_version_message):
            self._note_uid(vehicle, _uid_of(message))
        if self._links.is_route(system_id, channel):
            vehicle.receive(message)
        elif is_heartbeat:
            self._ask_rival(channel, system_id)

    def _on_peripheral(self, channel: Channel, message: Message) -> None:
        vehicle = self._vehicles.get(message.get_srcSystem())
        if vehicle is not None and vehicle.known and self._links.is_route(vehicle.system_id, channel):
            vehicle.components.receive(message)

    def _ask_rival(self, channel: Channel, system_id: int) -> None:
        """The same system id on a second living channel: ask it who it is."""
        now_s = self._clock.time_s()
        if now_s - self._rival_asked_s.get(system_id, -_ASK_RIVAL_S) >= _ASK_RIVAL_S:
            self._rival_asked_s[system_id] = now_s
            command = Command(mavlink.MAV_CMD_REQUEST_MESSAGE, (mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION,))
            self._links.send_on(channel, command.message(system_id, 1, 0), system_id)

    def _note_uid(self, vehicle: Vehicle, uid: bytes) -> None:
        if not any(uid):
            vehicle.uid = vehicle.uid or uid  # it has no hardware id: nothing can be told
        elif vehicle.uid is None or not any(vehicle.uid):
            vehicle.uid = uid
        elif vehicle.uid != uid and vehicle.online and vehicle.system_id in self._rival_asked_s:
            if not vehicle.conflict:
                log.error("%s: two autopilots use this system id (%s, %s)", vehicle.who, vehicle.uid.hex(), uid.hex())
            vehicle.conflict_s = self._clock.time_s()
        else:
            vehicle.uid = uid


def _uid_of(message: mavlink.MAVLink_autopilot_version_message) -> bytes:
    uid2 = bytes(message.uid2)
    return uid2 if any(uid2) else message.uid.to_bytes(8, "little")
