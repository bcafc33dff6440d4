"""One person of an incident: what cameras say of where they are, and where they are reckoned to be.

On land the last sighting is the estimate; in the water a particle cloud drifts with the forecast current and is
corrected by every sighting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from flightctl.clock import Clock
from flightctl.dispatch.situation import TargetTrack
from geofence.current import CurrentField
from geofence.drift import DriftCloud
from geofence.position import Enu, LocalFrame
from vision.alert import Surface, TrackView, UncertainPosition

_WALK_SIGMA_MPS = 0.5  # how fast an unseen walker's place becomes uncertain
_LEFT_AFTER_S = 4.0  # on the promenade, or out of every zone, this long
_SAME_PERSON_M = 5.0
_FASTEST_MPS = 4.0  # against the reckoned way: running, or the current's error behind the front
_TRUSTED_S = 5.0
_TAKE_EVERY_S = 0.4
_MUCH_BETTER = 0.6
_PARTICLES = 300  # a second of drift costs well under a millisecond; the spread is known to a few per cent
_TRACK_AHEAD_S = (0.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0)

TrackKey = tuple[str, int]  # camera, track


@dataclass(frozen=True, slots=True)
class Estimate:
    place: Enu
    velocity: Enu  # m/s over ground
    sigma_m: float
    seen_ago_s: float


class Casualty:
    """Fed with sightings, asked for estimates. `left` says that the person is out of danger."""

    def __init__(
        self,
        position: UncertainPosition,
        at: datetime,
        *,
        in_water: bool,
        frame: LocalFrame,
        current: CurrentField,
        clock: Clock,
        rng: np.random.Generator,
    ) -> None:
        self._frame = frame
        self._current = current
        self._clock = clock
        self._rng = rng
        self._tracks: set[TrackKey] = set()
        self._place = frame.to_enu(position)
        self._sigma_m = position.sigma_m
        self._seen_at = at
        self._safe_since: datetime | None = None
        self._cloud: DriftCloud | None = None
        self._taken: tuple[datetime, float] | None = None  # the last sighting the cloud heard of, and its sigma
        if in_water:
            self._start_cloud()

    @property
    def in_water(self) -> bool:
        return self._cloud is not None

    @property
    def seen_at(self) -> datetime:
        return self._seen_at

    @property
    def left(self) -> bool:
        """Seen out of danger for a while, and not in the water."""
        if self.in_water or self._safe_since is None:
            return False
        return (self._seen_at - self._safe_since).total_seconds() >= _LEFT_AFTER_S

    def unseen_s(self) -> float:
        return max((self._clock.now() - self._seen_at).total_seconds(), 0.0)

    def follow(self, camera_id: str, track_id: int) -> None:
        """From now on this track is this person."""
        self._tracks.add((camera_id, track_id))

    def is_followed(self, camera_id: str, track_id: int) -> bool:
        return (camera_id, track_id) in self._tracks

    def alerted(self, position: UncertainPosition, at: datetime, *, in_water: bool) -> None:
        """An alert about this person gave a position."""
        self._sighted(self._frame.to_enu(position), position.sigma_m, at)
        self._safe_since = None
        if in_water and not self.in_water:
            self._start_cloud()

    def offered(self, camera_id: str, view: TrackView, at: datetime) -> bool:
        """Takes a track's sighting if it is this person's; says whether it was."""
        place = self._frame.to_enu(view.position)
        key = (camera_id, view.track_id)
        if key in self._tracks:
            if not self._plausible(place, view.position.sigma_m):
                self._tracks.discard(key)  # the camera's tracker has gone over to somebody or something else
                return False
        elif not self._is_me(view, place):
            return False
        if self.in_water and view.surface is not Surface.WATER:
            return False
        self._tracks.add(key)
        self._sighted(place, view.position.sigma_m, at)
        if view.zone_ids or view.surface is Surface.WATER:
            self._safe_since = None
        elif self._safe_since is None:
            self._safe_since = at
        return True

    def estimate(self, *, ahead_s: float = 0.0) -> Estimate:
        at = self._clock.now() + timedelta(seconds=ahead_s)
        age_s = max((at - self._seen_at).total_seconds(), 0.0)
        if self._cloud is None:
            return Estimate(self._place, Enu(0.0, 0.0), self._sigma_m + _WALK_SIGMA_MPS * age_s, self.unseen_s())
        reckoned = self._cloud.estimate(at)
        return Estimate(reckoned.position, reckoned.velocity, reckoned.sigma_m, self.unseen_s())

    def ahead(self, seconds: Sequence[float]) -> list[Estimate]:
        """Estimates for several times from now, ascending, for little more than the price of the last."""
        if self._cloud is None:
            return [self.estimate(ahead_s=s) for s in seconds]
        now = self._clock.now()
        reckoned = self._cloud.track([now + timedelta(seconds=s) for s in seconds])
        return [Estimate(r.position, r.velocity, r.sigma_m, self.unseen_s()) for r in reckoned]

    def track(self) -> TargetTrack:
        """Where the person will be over the next minutes."""
        ahead = self.ahead(_TRACK_AHEAD_S)
        return TargetTrack(_TRACK_AHEAD_S, tuple(e.place for e in ahead), tuple(e.sigma_m for e in ahead))

    def _plausible(self, place: Enu, sigma_m: float) -> bool:
        """Whether a person could have come there since they were last seen."""
        now = self.estimate()
        reach_m = _FASTEST_MPS * min(self.unseen_s(), _TRUSTED_S) + 3.0 * (now.sigma_m + sigma_m)
        return place.distance_m(now.place) <= max(_SAME_PERSON_M, reach_m)

    def _is_me(self, view: TrackView, place: Enu) -> bool:
        if self.in_water != (view.surface is Surface.WATER) or not (view.alerting or view.zone_ids):
            return False
        now = self.estimate()
        return place.distance_m(now.place) <= max(_SAME_PERSON_M, 2.0 * now.sigma_m)

    def _sighted(self, place: Enu, sigma_m: float, at: datetime) -> None:
        self._place, self._sigma_m = place, sigma_m
        self._seen_at = max(at, self._seen_at)
        if self._cloud is not None and self._worth_taking(sigma_m, at):
            self._cloud.observe(place, sigma_m, at)
            self._taken = (at, sigma_m)

    def _worth_taking(self, sigma_m: float, at: datetime) -> bool:
        """Two cameras at five frames a second say little more than one sighting every half second does."""
        if self._taken is None:
            return True
        taken_at, taken_sigma_m = self._taken
        age_s = (at - taken_at).total_seconds()
        return age_s >= _TAKE_EVERY_S or (age_s > 0 and sigma_m < _MUCH_BETTER * taken_sigma_m)

    def _start_cloud(self) -> None:
        self._cloud = DriftCloud(self._current, self._rng, particles=_PARTICLES)
        self._cloud.start(self._place, self._sigma_m, self._seen_at)
