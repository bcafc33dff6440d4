"""Open Drone ID: other drones as they broadcast themselves, received by ours.

MAVLink guide: https://mavlink.io/en/services/opendroneid.html. The parts of one drone's word (who it is, where it is,
where its operator stands) come in messages of their own, joined by the transmitter's address, or packed into one
MESSAGE_PACK in the encoding of the broadcast itself (ASTM F3411: twenty-five bytes a part, little endian).
"""

from __future__ import annotations

import math
import struct
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from flightctl.mavlink.adsb import HeightAbove, Sighting, along, place_of
from flightctl.mavlink.dialect import Message, mavlink
from geofence.position import LatLon

PART_BYTES = 25
_MOST_PARTS = 9
_MOST_TRANSMITTERS = 500
_UNKNOWN_HEIGHT_M = -1000.0
_UNKNOWN_COURSE_DEG = 360.0
_UNKNOWN_SPEED_MPS = 255.0
_UNKNOWN_CLIMB_MPS = 63.0
_HOUR_S = 3600.0
_BELIEVED_LATE_S = 30.0  # more is a wrong clock and no late message
_LOCATION_PART = struct.Struct("<BBBbiiHHH")
_UNKNOWN_TENTHS = 0xFFFF


@dataclass(frozen=True, slots=True)
class Where:
    """The location part, in our units."""

    position: LatLon | None
    height_m: float | None
    height_above: HeightAbove | None
    velocity_mps: tuple[float, float] | None
    up_mps: float | None
    status: int  # MAV_ODID_STATUS
    second_of_hour: float | None


@dataclass(slots=True)
class _Transmitter:
    uas_id: str = ""
    operator: LatLon | None = None


class RemoteId:
    """Joins the parts by transmitter; the longest silent one is forgotten when there are too many."""

    def __init__(self) -> None:
        self._transmitters: OrderedDict[str, _Transmitter] = OrderedDict()

    @property
    def remembered(self) -> int:
        """How many transmitters it knows."""
        return len(self._transmitters)

    def operator_of(self, address: str) -> LatLon | None:
        """Where the operator of a transmitter stands, as it says."""
        known = self._transmitters.get(address)
        return None if known is None else known.operator

    def take(self, message: Message, now_s: float, second_of_hour: float) -> Sighting | None:
        """A sighting when the message tells a place. Other messages are remembered for it."""
        if isinstance(message, mavlink.MAVLink_open_drone_id_message_pack_message):
            return self._take_pack(message, now_s, second_of_hour)
        if isinstance(message, mavlink.MAVLink_open_drone_id_basic_id_message):
            self._known(_address(message)).uas_id = _id_text(message.id_type, message.uas_id)
        elif isinstance(message, mavlink.MAVLink_open_drone_id_system_message):
            place = place_of(message.operator_latitude, message.operator_longitude)
            self._known(_address(message)).operator = place
        elif isinstance(message, mavlink.MAVLink_open_drone_id_location_message):
            return self._seen(_address(message), _of_message(message), now_s, second_of_hour)
        return None

    def _take_pack(
        self, message: mavlink.MAVLink_open_drone_id_message_pack_message, now_s: float, second_of_hour: float
    ) -> Sighting | None:
        if message.single_message_size != PART_BYTES:
            return None
        data, address = bytes(message.messages), _address(message)
        found: Where | None = None
        for number in range(min(message.msg_pack_size, _MOST_PARTS)):
            part = data[PART_BYTES * number : PART_BYTES * (number + 1)]
            if len(part) < PART_BYTES:
                break
            match part[0] >> 4:  # the kind of part: 0 who, 1 where, 4 the operator
                case 0:
                    self._known(address).uas_id = _id_text(part[1] >> 4, part[2:22])
                case 1:
                    found = _of_part(part)
                case 4:
                    self._known(address).operator = place_of(*struct.unpack_from("<ii", part, 2))
                case _:
                    pass
        return None if found is None else self._seen(address, found, now_s, second_of_hour)

    def _seen(self, address: str, where: Where, now_s: float, second_of_hour: float) -> Sighting:
        late_s = 0.0
        if where.second_of_hour is not None:
            late_s = (second_of_hour - where.second_of_hour) % _HOUR_S
        uas_id = self._known(address).uas_id
        return Sighting(
            key=f"uas:{uas_id}" if uas_id else f"mac:{address}",
            drone=True,
            name=uas_id,
            at_s=now_s - (late_s if late_s <= _BELIEVED_LATE_S else 0.0),
            position=where.position,
            height_m=where.height_m,
            height_above=where.height_above,
            velocity_mps=where.velocity_mps,
            up_mps=where.up_mps,
            on_ground=where.status == mavlink.MAV_ODID_STATUS_GROUND,
            emergency=where.status == mavlink.MAV_ODID_STATUS_EMERGENCY,
            former_key=f"mac:{address}" if uas_id else "",
        )

    def _known(self, address: str) -> _Transmitter:
        known = self._transmitters.setdefault(address, _Transmitter())
        self._transmitters.move_to_end(address)
        if len(self._transmitters) > _MOST_TRANSMITTERS:
            self._transmitters.popitem(last=False)
        return known


def is_own_broadcast(message: Message) -> bool:
    """What a vehicle says of itself carries no transmitter's address."""
    address = getattr(message, "id_or_mac", None)
    return address is not None and not any(address)


def _of_message(message: mavlink.MAVLink_open_drone_id_location_message) -> Where:
    height_m, above = _height(message.altitude_geodetic, message.altitude_barometric)
    return Where(
        position=place_of(message.latitude, message.longitude),
        height_m=height_m,
        height_above=above,
        velocity_mps=_velocity(message.speed_horizontal / 100.0, message.direction / 100.0),
        up_mps=_climb(message.speed_vertical / 100.0),
        status=message.status,
        second_of_hour=message.timestamp if 0 <= message.timestamp <= _HOUR_S else None,
    )


def _of_part(part: bytes) -> Where:
    """The location as broadcast (ASTM F3411 table 6)."""
    flags, course, speed, climb, lat, lon, pressure, geodetic, _ = _LOCATION_PART.unpack_from(part, 1)
    speed_mps = speed * 0.75 + 63.75 if flags & 1 else speed * 0.25
    (tenths,) = struct.unpack_from("<H", part, 21)
    height_m, above = _height(geodetic / 2 + _UNKNOWN_HEIGHT_M, pressure / 2 + _UNKNOWN_HEIGHT_M)
    return Where(
        position=place_of(lat, lon),
        height_m=height_m,
        height_above=above,
        velocity_mps=_velocity(speed_mps, course + (180.0 if flags & 2 else 0.0)),
        up_mps=_climb(climb * 0.5),
        status=flags >> 4,
        second_of_hour=None if tenths == _UNKNOWN_TENTHS else tenths / 10.0,
    )


def _height(geodetic_m: float, pressure_m: float) -> tuple[float | None, HeightAbove | None]:
    for height_m, above in ((geodetic_m, HeightAbove.ELLIPSOID), (pressure_m, HeightAbove.STANDARD)):
        if math.isfinite(height_m) and height_m > _UNKNOWN_HEIGHT_M:
            return height_m, above
    return None, None


def _velocity(speed_mps: float, course_deg: float) -> tuple[float, float] | None:
    if not 0 <= speed_mps < _UNKNOWN_SPEED_MPS or course_deg > _UNKNOWN_COURSE_DEG:
        return None
    return along(speed_mps, course_deg)


def _climb(up_mps: float) -> float | None:
    return up_mps if abs(up_mps) < _UNKNOWN_CLIMB_MPS else None


def _address(message: Message) -> str:
    """Of the transmitter; a vehicle's own broadcast is told apart by who says it."""
    raw = bytes(getattr(message, "id_or_mac", ()))
    return raw.rstrip(b"\0").hex() or f"system-{message.get_srcSystem()}"


def _id_text(kind: int, raw: Iterable[int]) -> str:
    """Serial numbers and registrations are text, the other kinds are bytes."""
    data = bytes(raw).rstrip(b"\0")
    if kind in {mavlink.MAV_ODID_ID_TYPE_SERIAL_NUMBER, mavlink.MAV_ODID_ID_TYPE_CAA_REGISTRATION_ID}:
        text = data.decode("ascii", "replace")
        return "".join(letter for letter in text if letter.isprintable())
    return data.hex()
