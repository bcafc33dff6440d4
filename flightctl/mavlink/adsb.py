"""Traffic: one aircraft as a receiver told of it, from ADS-B.

MAVLink guide: https://mavlink.io/en/services/traffic_management.html. Only what its flags call valid is taken. A
receiver may sit on any vehicle or at the ground station; the same aircraft then comes several times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from flightctl.mavlink.dialect import mavlink
from geofence.position import LatLon

_NO_VELOCITY = 65535
_E7 = 1e7


class HeightAbove(StrEnum):
    ELLIPSOID = "ellipsoid"  # by satellite
    SEA = "sea"  # by pressure, set to the local sea level
    STANDARD = "standard"  # by pressure, against the standard atmosphere


@dataclass(frozen=True, slots=True)
class Sighting:
    """None: not told, or not valid."""

    key: str  # the same for the same aircraft, whoever heard it
    drone: bool
    name: str  # call sign or serial number; may be empty
    at_s: float  # loop time when the receiver heard it
    position: LatLon | None
    height_m: float | None = None
    height_above: HeightAbove | None = None
    velocity_mps: tuple[float, float] | None = None  # east, north
    up_mps: float | None = None
    on_ground: bool = False
    emergency: bool = False
    simulated: bool = False
    former_key: str = ""  # under which it may be known from before it named itself


_EMERGENCY_SQUAWKS = frozenset({7500, 7600, 7700})


def of_adsb(message: mavlink.MAVLink_adsb_vehicle_message, now_s: float) -> Sighting | None:
    """None without an address: it could not be told from others."""
    flags = message.flags
    if not message.ICAO_address:
        return None
    place = place_of(message.lat, message.lon) if flags & mavlink.ADSB_FLAGS_VALID_COORDS else None
    high = bool(flags & mavlink.ADSB_FLAGS_VALID_ALTITUDE)
    geometric = message.altitude_type == mavlink.ADSB_ALTITUDE_TYPE_GEOMETRIC
    above = HeightAbove.ELLIPSOID if geometric else HeightAbove.SEA
    velocity: tuple[float, float] | None = None
    both = mavlink.ADSB_FLAGS_VALID_VELOCITY | mavlink.ADSB_FLAGS_VALID_HEADING
    if flags & both == both and message.hor_velocity != _NO_VELOCITY:
        velocity = along(message.hor_velocity / 100.0, message.heading / 100.0)
    climbs = flags & mavlink.ADSB_FLAGS_VERTICAL_VELOCITY_VALID
    squawk = message.squawk if flags & mavlink.ADSB_FLAGS_VALID_SQUAWK else 0
    return Sighting(
        key=f"icao:{message.ICAO_address & 0xFFFFFF:06x}",
        drone=message.emitter_type == mavlink.ADSB_EMITTER_TYPE_UAV,
        name=message.callsign.strip("\0 ") if flags & mavlink.ADSB_FLAGS_VALID_CALLSIGN else "",
        at_s=now_s - message.tslc,
        position=place,
        height_m=message.altitude / 1000.0 if high else None,
        height_above=above if high else None,
        velocity_mps=velocity,
        up_mps=message.ver_velocity / 100.0 if climbs else None,
        on_ground=message.emitter_type
        in {
            mavlink.ADSB_EMITTER_TYPE_EMERGENCY_SURFACE,
            mavlink.ADSB_EMITTER_TYPE_SERVICE_SURFACE,
            mavlink.ADSB_EMITTER_TYPE_POINT_OBSTACLE,
        },
        emergency=squawk in _EMERGENCY_SQUAWKS,
        simulated=bool(flags & mavlink.ADSB_FLAGS_SIMULATED),
    )


def place_of(lat_e7: int, lon_e7: int) -> LatLon | None:
    """Zero-zero is how "not known" looks."""
    if (lat_e7, lon_e7) == (0, 0) or abs(lat_e7) > 90 * _E7 or abs(lon_e7) > 180 * _E7:
        return None
    return LatLon(lat=lat_e7 / _E7, lon=lon_e7 / _E7)


def along(speed_mps: float, course_deg: float) -> tuple[float, float]:
    """East and north."""
    course = math.radians(course_deg)
    return speed_mps * math.sin(course), speed_mps * math.cos(course)
