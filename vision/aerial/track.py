"""Who is who on the water from a flying camera: places in the world that drift, through foam and short absences.

The state is place and velocity on the water, begun at the current's. It is filtered with the random part of each
sighting's error only; the systematic part (GPS, tilt, heading, height) is the same from picture to picture and is
added when somebody asks how sure a place is. All times are seconds.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from scipy.optimize import linear_sum_assignment

from geofence.position import Enu, FloatArray
from vision.aerial.anomaly import Blob

_FAR = 1e6
_CONFIRM_S, _CONFIRM_HITS, _CONFIRM_SHARE = 1.0, 4, 0.6
_TENTATIVE_LOST_S = 0.9
_LOST_S = 12.0
_GATE = 3.5  # sigmas
_GATE_LEAST_M = 0.8
_ACCELERATION_MPS2 = 0.4
_CURRENT_SIGMA_MPS = 0.7
_STEADY_SHARE = 0.15  # of the systematic error that changes from picture to picture
_TOO_FAST_MPS = 2.2  # against the current: nobody swims so; gulls and boats do
_JUDGED_S = 1.5
_COLOUR_SIGMA = 60.0
_ALONE_M = 1.6  # nothing is born this near to somebody: arms, rings and splashes are his
_FADE_S = 8.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One blob with where it lies and how sure that is."""

    blob: Blob
    random: FloatArray  # (2, 2)
    systematic: FloatArray  # (2, 2)


@dataclass(slots=True)
class AerialTrack:
    id: int
    begun: datetime
    at: datetime  # of the state
    seen_at: datetime
    state: FloatArray  # (4,): east, north, velocities
    covariance: FloatArray  # (4, 4)
    systematic: FloatArray  # (2, 2), of the last sighting
    colour: FloatArray
    strength: float
    area_m2: float
    hits: int = 1
    looks: int = 1
    confirmed: bool = False
    is_buoy: bool = False
    best: float = 0.0  # the most that `strength`, which is of late, has been
    orange: float = 0.0  # share of the sightings that were
    hit: bool = field(default=True)  # in the last picture

    @property
    def place(self) -> Enu:
        return Enu(float(self.state[0]), float(self.state[1]))

    @property
    def velocity(self) -> Enu:
        return Enu(float(self.state[2]), float(self.state[3]))

    @property
    def sigma_m(self) -> float:
        """Of one axis, everything counted."""
        both = self.covariance[:2, :2] + self.systematic
        return math.sqrt(max(float(both[0, 0] + both[1, 1]) / 2.0, 1e-4))

    def seen_for_s(self) -> float:
        return (self.seen_at - self.begun).total_seconds()

    def unseen_s(self, at: datetime) -> float:
        return (at - self.seen_at).total_seconds()

    @property
    def confidence(self) -> float:
        """That it is a person at all, by how long, how often and how strange it was; 0 to 1.

        A ranking, set by hand: pictures of people in real water from the air have to calibrate it.
        """
        share = self.hits / max(self.looks, 1)
        lasted = 1.0 - math.exp(-self.seen_for_s() / 2.0)
        strange = 1.0 / (1.0 + math.exp(-(max(self.best, self.strength) - 9.0) / 2.0))
        return share * lasted * strange


class AerialTracker:
    def __init__(self) -> None:
        self.tracks: list[AerialTrack] = []
        self._ids = itertools.count(1)

    def update(
        self, at: datetime, sightings: list[Sighting], current: Enu, shows: list[bool] | None = None
    ) -> list[AerialTrack]:
        """Takes one picture. `current` is how fast the water goes there; `shows`, a value a track, says which tracks
        the picture could have shown at all (the others are not missed)."""
        for track in self.tracks:
            _advance(track, at)
            track.hit = False
        pairs = self._matched(sightings)
        for track, sighting in pairs:
            _take(track, sighting, at)
        for index, track in enumerate(self.tracks):
            if track.hit or shows is None or shows[index]:
                track.looks += 1
        taken = {id(sighting) for _, sighting in pairs}
        for sighting in sightings:
            if id(sighting) not in taken and not self._belongs_to_somebody(sighting):
                self._begin(at, sighting, current)
        self.tracks = [track for track in self.tracks if _lives(track, at, current)]
        return self.tracks

    def _matched(self, sightings: list[Sighting]) -> list[tuple[AerialTrack, Sighting]]:
        if not self.tracks or not sightings:
            return []
        cost = np.full((len(self.tracks), len(sightings)), _FAR)
        for i, track in enumerate(self.tracks):
            for j, sighting in enumerate(sightings):
                off = sighting.blob.place - track.place
                spread = track.covariance[:2, :2] + sighting.random + _STEADY_SHARE * sighting.systematic
                d = np.array([off.east_m, off.north_m])
                distance2 = float(d @ np.linalg.solve(spread, d))
                if distance2 > _GATE**2 and off.length_m > _GATE_LEAST_M:
                    continue
                hue = float(np.linalg.norm(sighting.blob.colour - track.colour)) / _COLOUR_SIGMA
                young = 0.0 if track.confirmed else 2.0
                cost[i, j] = min(distance2, _GATE**2) + hue + young
        rows, columns = linear_sum_assignment(cost)
        return [
            (self.tracks[i], sightings[j])
            for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
            if cost[i, j] < _FAR
        ]

    def _belongs_to_somebody(self, sighting: Sighting) -> bool:
        return any(
            track.confirmed and not track.is_buoy and not sighting.blob.orange
            and track.place.distance_m(sighting.blob.place) < _ALONE_M
            for track in self.tracks
        )  # fmt: skip

    def _begin(self, at: datetime, sighting: Sighting, current: Enu) -> None:
        blob = sighting.blob
        covariance = np.zeros((4, 4))
        covariance[:2, :2] = sighting.random + _STEADY_SHARE * sighting.systematic
        covariance[2:, 2:] = np.eye(2) * _CURRENT_SIGMA_MPS**2
        state = np.array([blob.place.east_m, blob.place.north_m, current.east_m, current.north_m])
        self.tracks.append(
            AerialTrack(
                next(self._ids), at, at, at, state, covariance, sighting.systematic, blob.colour, blob.strength,
                blob.area_m2, orange=float(blob.orange),
            )
        )  # fmt: skip


def _advance(track: AerialTrack, at: datetime) -> None:
    dt = max((at - track.at).total_seconds(), 0.0)
    step = np.eye(4)
    step[0, 2] = step[1, 3] = dt
    noise = np.zeros((4, 4))
    for axis in (0, 1):
        noise[axis, axis], noise[axis, axis + 2] = dt**3 / 3.0, dt**2 / 2.0
        noise[axis + 2, axis], noise[axis + 2, axis + 2] = dt**2 / 2.0, dt
    track.state = step @ track.state
    track.covariance = step @ track.covariance @ step.T + noise * _ACCELERATION_MPS2**2
    track.at = at


def _take(track: AerialTrack, sighting: Sighting, at: datetime) -> None:
    blob = sighting.blob
    measured = sighting.random + _STEADY_SHARE * sighting.systematic
    gain = track.covariance[:, :2] @ np.linalg.inv(track.covariance[:2, :2] + measured)
    off = blob.place - track.place
    track.state = track.state + gain @ np.array([off.east_m, off.north_m])
    track.covariance = track.covariance - gain @ track.covariance[:2, :]
    track.systematic, track.seen_at, track.hit = sighting.systematic, at, True
    track.hits += 1
    track.colour = 0.8 * track.colour + 0.2 * blob.colour
    track.strength = 0.8 * track.strength + 0.2 * blob.strength
    track.best = max(track.best, track.strength)
    track.area_m2 = 0.8 * track.area_m2 + 0.2 * blob.area_m2
    track.orange += (float(blob.orange) - track.orange) / track.hits
    if not track.confirmed:
        steady = track.hits / max(track.looks + 1, 1) >= _CONFIRM_SHARE
        track.confirmed = track.hits >= _CONFIRM_HITS and track.seen_for_s() >= _CONFIRM_S and steady


def _lives(track: AerialTrack, at: datetime, current: Enu) -> bool:
    if track.unseen_s(at) > (_LOST_S if track.confirmed else _TENTATIVE_LOST_S):
        return False
    if track.hits >= _CONFIRM_HITS and track.seen_for_s() >= _JUDGED_S:
        sigma = math.sqrt(float(track.covariance[2, 2] + track.covariance[3, 3]) / 2.0)
        return (track.velocity - current).length_m <= _TOO_FAST_MPS + 1.5 * sigma
    return True
