"""Watches the airspace around our drones: hears traffic from every link, predicts conflicts, says each once."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping

from flightctl.airspace.picture import AirPicture, Encounter, Own, Traffic
from flightctl.clock import Clock
from flightctl.drone import DroneHands
from flightctl.mavlink.adsb import of_adsb
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.open_drone_id import RemoteId, is_own_broadcast
from flightctl.site import AirspacePolicy, Drone
from geofence.position import LocalFrame

log = logging.getLogger(__name__)

_ICAO = re.compile(r"[0-9a-fA-F]{6}")
_SAID_AGAIN_S = 30.0  # a conflict that comes and goes is said once in this time


class AirspaceWatch:
    """`hear` each traffic message, `look` about twice a second."""

    def __init__(
        self, policy: AirspacePolicy, frame: LocalFrame, clock: Clock, drones: Mapping[str, DroneHands]
    ) -> None:
        self._policy = policy
        self._frame = frame
        self._clock = clock
        self._drones = drones
        self._remote_id = RemoteId()
        self._picture = AirPicture(
            frame,
            forget_after_s=policy.forget_after_s,
            most=policy.most,
            geoid_m=policy.geoid_m,
            our_keys=_keys(hands.drone for hands in drones.values()),
        )
        self._said_s: dict[tuple[str, str], float] = {}

    def hear(self, message: Message) -> None:
        """Traffic as any component on any link tells it."""
        now_s = self._clock.time_s()
        if isinstance(message, mavlink.MAVLink_adsb_vehicle_message):
            sighting = of_adsb(message, now_s)
        else:
            ours = {hands.drone.system_id for hands in self._drones.values()}
            if is_own_broadcast(message) and message.get_srcSystem() in ours:
                return
            now = self._clock.now()
            second_of_hour = now.minute * 60 + now.second + now.microsecond / 1e6
            sighting = self._remote_id.take(message, now_s, second_of_hour)
        if sighting is not None:
            self._picture.take(sighting, now_s, self._ours())

    def look(self) -> tuple[Encounter, ...]:
        """Forgets the stale; the conflicts that were not there before."""
        now_s = self._clock.time_s()
        self._picture.expire(now_s)
        new: list[Encounter] = []
        for encounter in self.encounters():
            if not encounter.conflict:
                continue
            pair = (encounter.own_id, encounter.other.key)
            if now_s - self._said_s.get(pair, -_SAID_AGAIN_S) >= _SAID_AGAIN_S:
                new.append(encounter)
                log.warning("%s: %s", encounter.own_id, told(encounter))
            self._said_s[pair] = now_s
        self._said_s = {pair: at_s for pair, at_s in self._said_s.items() if now_s - at_s < _SAID_AGAIN_S}
        return tuple(new)

    def traffic(self) -> tuple[Traffic, ...]:
        return self._picture.traffic(self._clock.time_s())

    def encounters(self) -> tuple[Encounter, ...]:
        """Each of our flying drones with each other aircraft, the most urgent first."""
        policy = self._policy
        return self._picture.encounters(
            self._ours(),
            self._clock.time_s(),
            within_m=policy.conflict_within_m,
            within_up_m=policy.conflict_within_up_m,
            ahead_s=policy.look_ahead_s,
        )

    def notable(self) -> tuple[Encounter, ...]:
        """Every conflict, and of each drone the nearest of the others."""
        nearest: dict[str, Encounter] = {}
        conflicts: list[Encounter] = []
        for encounter in self.encounters():
            known = nearest.get(encounter.own_id)
            if known is None or encounter.distance_m < known.distance_m:
                nearest[encounter.own_id] = encounter
            if encounter.conflict:
                conflicts.append(encounter)
        return (*conflicts, *(one for one in nearest.values() if not one.conflict))

    def _ours(self) -> tuple[Own, ...]:
        found: list[Own] = []
        for hands in self._drones.values():
            telemetry = hands.telemetry
            if telemetry is None or not telemetry.airborne or not telemetry.online or telemetry.position is None:
                continue
            velocity = (telemetry.velocity_east_mps, telemetry.velocity_north_mps)
            place = self._frame.to_enu(telemetry.position)
            found.append(Own(hands.id, place, telemetry.amsl_m, velocity, telemetry.velocity_up_mps))
        return tuple(found)


def told(encounter: Encounter) -> str:
    """In words, for people."""
    other, nearest = encounter.other, encounter.approach
    up = "at an unknown height" if encounter.up_m is None else f"{encounter.up_m:+.0f} m in height"
    soon = f"too near in {nearest.enters_in_s:.0f} s" if nearest.enters_in_s is not None else "passes clear"
    return f"traffic {other.name or other.key} {encounter.distance_m:.0f} m away, {up}, {soon}"


def _keys(drones: Iterable[Drone]) -> frozenset[str]:
    """An ICAO address has six hexadecimal digits; everything else is a Remote ID."""
    return frozenset(
        f"icao:{name.lower()}" if _ICAO.fullmatch(name) else f"uas:{name}"
        for drone in drones
        for name in drone.transponders
    )
