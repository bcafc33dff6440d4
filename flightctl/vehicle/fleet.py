"""All vehicles of the service on its links: found by their heartbeats, kept apart by their system ids.

One task reads each endpoint and one beats once a second; a vehicle costs no task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from flightctl.clock import Clock
from flightctl.mavlink.channel import Channel, EndpointStatus
from flightctl.mavlink.command import Command
from flightctl.mavlink.dialect import Frame, Message, mavlink
from flightctl.mavlink.heartbeat import is_autopilot, keep_beating
from flightctl.mavlink.link import Links, Tap
from flightctl.mavlink.share import Share, SharedEndpoint, ShareStatus
from flightctl.mavlink.signing import KeyRing
from flightctl.mavlink.traffic import Rates
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


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """How one vehicle is heard."""

    endpoint: str  # where
    loss: float  # 0..1, of what it sent lately
    rates: Rates  # in: what it says
    round_trip_s: float | None
    dropped: int  # on its endpoint, for want of room


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
        share: tuple[SharedEndpoint, ...] = (),
    ) -> None:
        """`tap` is given every frame that comes and goes; `share` is where other ground stations are."""
        self._links = Links(
            transports, endpoints, system_id=system_id, component_id=component_id, clock=clock, tap=tap, ring=ring
        )
        self._share = Share(transports, share, self._links, clock) if share else None
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
            if self._share is not None:
                group.create_task(self._share.run())

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

    def link_quality(self, system_id: int) -> LinkQuality:
        vehicle = self.vehicle(system_id)
        endpoint = self._links.endpoint_of(system_id)
        sample = vehicle.time_sample
        return LinkQuality(
            endpoint=endpoint,
            loss=vehicle.telemetry.link_loss,
            rates=self._links.rates_of(system_id),
            round_trip_s=None if sample is None else sample.round_trip_s,
            dropped=self._links.dropped_on(endpoint),
        )

    @property
    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """How the links of the vehicles do."""
        return self._links.status

    @property
    def shared(self) -> tuple[ShareStatus, ...]:
        """How the links to other ground stations do."""
        return () if self._share is None else self._share.status

    async def _look_after_all(self) -> None:
        """Each vehicle once a second, in turns: asking all of a large fleet at once would hold up what they say."""
        while True:
            self._links.tick(self._clock.time_s())
            if self._share is not None:
                self._share.tick(self._clock.time_s())
            for turn in range(_TURNS):
                for system_id, vehicle in self._vehicles.items():
                    if system_id % _TURNS == turn:
                        vehicle.tick()
                await asyncio.sleep(1.0 / _TURNS)

    def _receive(self, channel: Channel, frame: Frame) -> None:
        self._hear(channel, frame)
        if self._share is not None and not self._links.is_elsewhere(frame.system_id, channel):
            self._share.spread(frame)

    def _hear(self, channel: Channel, frame: Frame) -> None:
        system_id = frame.system_id
        if frame.message_id in _TRAFFIC and self.on_traffic is not None:
            traffic = frame.message()
            if traffic is not None:
                self.on_traffic(traffic)
        is_heartbeat = frame.message_id == mavlink.MAVLINK_MSG_ID_HEARTBEAT
        if is_heartbeat:
            beat = frame.message()
            if isinstance(beat, mavlink.MAVLink_heartbeat_message) and not is_autopilot(beat):
                self._on_peripheral(channel, beat)  # or another ground station
                return
        vehicle = self._vehicles.get(system_id)
        if vehicle is None or not vehicle.known:
            if not is_heartbeat:
                return
            vehicle = self.vehicle(system_id)
        if frame.message_id == mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION:
            version = frame.message()
            if isinstance(version, mavlink.MAVLink_autopilot_version_message):
                self._note_uid(vehicle, _uid_of(version))
        if self._links.is_route(system_id, channel):
            vehicle.receive(frame, channel.heard_s)
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
