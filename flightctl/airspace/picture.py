"""The airspace as heard: one track for each aircraft, whoever told of it, with what is not ours and not stale.

A track is the newest word. Our own drones are known by their transponder or Remote ID as the site gives it; one whose
every word so far lay on top of one of ours is taken for it, until once it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from flightctl.airspace.conflict import Approach, Relative, approach
from flightctl.mavlink.adsb import HeightAbove, Sighting
from geofence.errors import OutOfFrame
from geofence.position import Enu, LatLon, LocalFrame

_OURS_AT_FIRST_M = 25.0
_NOT_OURS_M = 70.0
_OURS_UP_M = 40.0


@dataclass(frozen=True, slots=True)
class Own:
    """One of our drones in the air."""

    id: str
    place: Enu
    amsl_m: float
    velocity_mps: tuple[float, float]
    up_mps: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """One other aircraft now: where it is reckoned to be."""

    key: str
    name: str
    drone: bool
    position: LatLon
    place: Enu
    amsl_m: float | None
    height_above: HeightAbove | None  # what its own word was above
    velocity_mps: tuple[float, float] | None
    up_mps: float | None
    age_s: float
    emergency: bool
    simulated: bool


@dataclass(frozen=True, slots=True)
class Encounter:
    """One of ours and one other."""

    own_id: str
    other: Traffic
    distance_m: float
    up_m: float | None  # the other above ours
    approach: Approach

    @property
    def conflict(self) -> bool:
        return self.approach.enters_in_s is not None


@dataclass(slots=True)
class _Track:
    last: Sighting
    place: Enu | None
    ours: str = ""  # the drone of ours it was always on top of


class AirPicture:
    """Feed it sightings; ask it for traffic."""

    def __init__(
        self,
        frame: LocalFrame,
        *,
        forget_after_s: float,
        most: int,
        geoid_m: float = 0.0,
        our_keys: Collection[str] = (),
    ) -> None:
        """`geoid_m`: how high the sea lies above the ellipsoid here. `our_keys`: of our own transponders."""
        self._frame = frame
        self._forget_after_s = forget_after_s
        self._most = most
        self._geoid_m = geoid_m
        self._our_keys = frozenset(our_keys)
        self._tracks: dict[str, _Track] = {}

    def __len__(self) -> int:
        return len(self._tracks)

    def take(self, sighting: Sighting, now_s: float, ours: Iterable[Own] = ()) -> None:
        """Keeps the newest word of each; what is stale, too far away, or ours, is left out."""
        if sighting.key in self._our_keys:
            self._tracks.pop(sighting.former_key, None)
            return
        if now_s - sighting.at_s > self._forget_after_s:
            return
        place: Enu | None = None
        if sighting.position is not None:
            try:
                place = self._frame.to_enu(sighting.position)
            except OutOfFrame:
                return
        former = self._tracks.pop(sighting.former_key, None)
        if former is not None:
            self._tracks.setdefault(sighting.key, former)
        known = self._tracks.get(sighting.key)
        if known is None:
            if not self._has_room(place, now_s):
                return
            self._tracks[sighting.key] = known = _Track(sighting, place, self._on_top(sighting, place, ours))
        elif sighting.at_s < known.last.at_s:
            return  # heard later of an earlier moment
        else:
            kept = known.last if place is None else sighting
            known.last = replace(kept, name=sighting.name or known.last.name)
            known.place = place or known.place
        if known.ours and place is not None and not self._still_on_top(known.ours, place, ours):
            known.ours = ""

    def expire(self, now_s: float) -> None:
        for key in [key for key, track in self._tracks.items() if self._stale(track, now_s)]:
            del self._tracks[key]

    def traffic(self, now_s: float) -> tuple[Traffic, ...]:
        """Each where it is reckoned to be now, the freshest first."""
        found = [self._traffic(track, now_s) for track in self._tracks.values() if not self._stale(track, now_s)]
        return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.age_s, one.key)))

    def encounters(
        self, ours: Iterable[Own], now_s: float, *, within_m: float, within_up_m: float, ahead_s: float
    ) -> tuple[Encounter, ...]:
        """Every pair, the most urgent first; what stands on the ground meets nobody."""
        flying = [one for one in self.traffic(now_s) if not self._tracks[one.key].last.on_ground]
        found: list[Encounter] = []
        for own in ours:
            for other in flying:
                away = other.place - own.place
                east, north = other.velocity_mps or (0.0, 0.0)
                up_m = None if other.amsl_m is None else other.amsl_m - own.amsl_m
                relative = Relative(
                    away.east_m,
                    away.north_m,
                    up_m,
                    east - own.velocity_mps[0],
                    north - own.velocity_mps[1],
                    (other.up_mps or 0.0) - own.up_mps,
                )
                nearest = approach(relative, within_m=within_m, within_up_m=within_up_m, ahead_s=ahead_s)
                found.append(Encounter(own.id, other, away.length_m, up_m, nearest))
        return tuple(sorted(found, key=_urgency))

    def _traffic(self, track: _Track, now_s: float) -> Traffic | None:
        last = track.last
        if track.place is None or track.ours:
            return None
        age_s = max(0.0, now_s - last.at_s)
        east, north = last.velocity_mps or (0.0, 0.0)
        place = track.place + Enu(east * age_s, north * age_s)
        amsl_m = last.height_m
        if amsl_m is not None:
            amsl_m += (last.up_mps or 0.0) * age_s
            if last.height_above is HeightAbove.ELLIPSOID:
                amsl_m -= self._geoid_m
            elif last.height_above is HeightAbove.STANDARD:
                amsl_m = None  # off by the day's pressure, up to 200 m
        return Traffic(
            key=last.key,
            name=last.name,
            drone=last.drone,
            position=self._frame.to_wgs84(place),
            place=place,
            amsl_m=amsl_m,
            height_above=last.height_above,
            velocity_mps=last.velocity_mps,
            up_mps=last.up_mps,
            age_s=age_s,
            emergency=last.emergency,
            simulated=last.simulated,
        )

    def _stale(self, track: _Track, now_s: float) -> bool:
        return now_s - track.last.at_s > self._forget_after_s

    def _has_room(self, place: Enu | None, now_s: float) -> bool:
        """When it is full the farthest goes, be it the new one: a flood of far ones must not push out the near."""
        if len(self._tracks) >= self._most:
            self.expire(now_s)
        if len(self._tracks) >= self._most:
            farthest = max(self._tracks, key=lambda key: _far_m(self._tracks[key].place))
            if _far_m(self._tracks[farthest].place) <= _far_m(place):
                return False
            del self._tracks[farthest]
        return True

    def _on_top(self, sighting: Sighting, place: Enu | None, ours: Iterable[Own]) -> str:
        if place is None:
            return ""
        for own in ours:
            if own.place.distance_m(place) <= _OURS_AT_FIRST_M and self._level_with(own, sighting):
                return own.id
        return ""

    def _level_with(self, own: Own, sighting: Sighting) -> bool:
        return sighting.height_m is None or abs(sighting.height_m - own.amsl_m) <= _OURS_UP_M

    def _still_on_top(self, own_id: str, place: Enu, ours: Iterable[Own]) -> bool:
        return any(own.id == own_id and own.place.distance_m(place) <= _NOT_OURS_M for own in ours)


def _far_m(place: Enu | None) -> float:
    return float("inf") if place is None else place.length_m


def _urgency(encounter: Encounter) -> tuple[float, float]:
    enters_in_s = encounter.approach.enters_in_s
    return (float("inf") if enters_in_s is None else enters_in_s, encounter.distance_m)
