"""Who is who from frame to frame: a track is a place on the ground that moves as people and currents do.

The state is metres on the ground, filtered with the uncertainty that the camera's geometry gives each measurement;
the match is made in the picture but measured in metres there, so that a body falling off the wall (whose "ground"
place leaps from the promenade to the far water) stays the same track. All times are seconds.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from geofence.position import Enu
from vision.detect import Detection, Shape
from vision.scene import FIRST_FORESHORE, LAND, WALL, WATER, SceneModel

_FAR = 1e6
_STILL = Enu(0.0, 0.0)
_LEAST_SIGMA_M = 0.5  # calibration and the middle of a person
_UPRIGHT, _MOSTLY = 1.15, 0.6
_DISOWN_LOOKS = 3
_DISOWN_S = 1.5
_SIDE_BY_SIDE, _MANY_M = 0.6, 3.0  # two beside each other; more than that may make a line, a gull's wings do not
_STEADY_SHARE = 0.4  # of a foot point's error that is the same in every frame


@dataclass(frozen=True, slots=True)
class TrackConfig:
    confirm_s: float = 0.5
    confirm_hits: int = 3
    person_hits: int = 3
    group_m: float = 4.0  # what is wider is a boat, a van or a crowd, and the crowd has its own rule
    tentative_lost_s: float = 0.5
    lost_s: float = 2.0
    casualty_lost_s: float = 25.0
    shown_s: float = 0.7  # a track missed for longer is not reported as seen
    gate_m: float = 0.9
    gate_mps: float = 2.2
    gate_px: float = 2.5
    fall_mps: float = 9.0
    fall_s: float = 1.6  # from the last step on the ground to the water, at most
    landed_m: float = 5.0  # nearer than this to where he stood, a place on the water is believed
    alone_m: float = 2.5  # nothing else is born this near to a casualty: ripples and foam are his
    drift_acceleration_mps2: float = 0.5
    edge_m: float = 2.0  # who is nearer than this to the crest may fall over it
    walk_acceleration_mps2: float = 1.5
    history_s: float = 4.0
    max_speed_mps: float = 9.0
    afloat_mps: float = 6.0  # nobody in the water goes faster, over the ground and against the foam that does
    afloat_slack_m: float = 1.2
    afloat_leap_m: float = 8.0
    afloat_lost_s: float = 4.0  # beyond that, the next thing seen in the rough is somebody else's foam
    swept_mps: float = 2.0
    front_lost_s: float = 8.0
    front_mps: float = 1.5  # at most on foot as the front comes
    rough_gap_s: float = 2.5
    foam_s: float = 6.0  # who began this shortly before the front came is its foam


@dataclass(frozen=True, slots=True)
class Sighting:
    """One frame's view of a track."""

    at_s: float
    detection: Detection
    position: Enu  # filtered
    sigma_m: float


@dataclass(eq=False)
class Track:
    """Somebody. Owned by the Tracker; rules read it and keep their own notes under its id."""

    id: int
    born_s: float
    position: Enu
    variance_m2: float
    detection: Detection
    last_seen_s: float
    velocity: Enu = _STILL
    covariance: float = 0.0
    velocity_variance: float = 4.0
    hits: int = 1
    confirmed: bool = False
    casualty: bool = False  # in the water by the word of a rule: followed for long, matched generously
    was_person: bool = False  # has been seen upright on land or foreshore
    like_person: bool = False  # more often than not
    person_hits: int = 0
    foot_hits: int = 0
    last_on_foot: Sighting | None = None
    history: deque[Sighting] = field(default_factory=deque[Sighting])
    time_s: float = 0.0  # of position and velocity
    bias_m: float = 0.0  # of the position, that does not average out
    born_code: int = 0
    looks: int = 0  # of a recogniser at him
    recognised: int = 0  # of those
    first_look_s: float | None = None
    last_look_s: float = 0.0

    @property
    def sigma_m(self) -> float:
        """What averages out from frame to frame, and what does not."""
        return math.sqrt(max(self.variance_m2, 0.0) + self.bias_m**2 + _LEAST_SIGMA_M**2)

    @property
    def upright(self) -> bool:
        """Taller than wide most of the time it has been on foot, as people are and dogs, birds and waves are not."""
        seen = [s.detection for s in self.history if s.detection.code not in {WATER, WALL}]
        tall = sum(1 for d in seen if d.h > (_UPRIGHT if d.shape is not Shape.GROUP else _SIDE_BY_SIDE) * d.w
                   or (d.shape is Shape.GROUP and d.w > _MANY_M * d.px_per_m))  # fmt: skip
        return tall >= _MOSTLY * len(seen)

    @property
    def on_foot(self) -> bool:
        return self.detection.code not in {WATER, WALL}

    @property
    def afloat(self) -> bool:
        """In the water by the word of a rule, and seen there."""
        return self.casualty and self.detection.code == WATER

    def at_edge(self, edge_m: float) -> bool:
        """He was on his feet nearer than this to the wall's crest, or beyond it."""
        stood = self.last_on_foot
        return self.was_person and stood is not None and stood.detection.crest_offset_m > -edge_m

    def looked_at(self, now_s: float, *, recognised: bool) -> None:
        """A recogniser (vision/looks.py) has had a look."""
        self.first_look_s = now_s if self.first_look_s is None else self.first_look_s
        self.last_look_s = now_s
        self.looks += 1
        self.recognised += recognised

    @property
    def disowned(self) -> bool:
        """The recogniser has looked often, over some time, and never seen a person."""
        often = self.looks >= _DISOWN_LOOKS and self.recognised == 0 and self.first_look_s is not None
        return often and self.last_look_s - (self.first_look_s or 0.0) >= _DISOWN_S

    def missing_s(self, now_s: float) -> float:
        return now_s - self.last_seen_s


def _steady(detection: Detection) -> float:
    return math.hypot(detection.bias_m, _STEADY_SHARE * detection.sigma_m)


def _nowhere(_point: Enu) -> bool:
    return False


def _no(_detection: Detection) -> bool:
    return False


class Tracker:
    def __init__(self, scene: SceneModel, config: TrackConfig) -> None:
        self._scene = scene
        self._config = config
        self._next_id = 1
        self._flooded: Callable[[Enu], bool] = _nowhere
        self._rough = False
        self._front: Callable[[Enu], bool] = _nowhere
        self.tracks: list[Track] = []
        self.ended: list[Track] = []  # in this frame
        self.born: list[Track] = []  # in this frame

    def step(
        self,
        detections: list[Detection],
        now_s: float,
        *,
        rough: bool = False,
        blind: bool = False,
        nothing: Callable[[Detection], bool] = _no,
        front: Callable[[Enu], bool] = _nowhere,
        flooded: Callable[[Enu], bool] = _nowhere,
    ) -> list[Track]:
        """Takes one frame. In rough water, on land at the `front` of the bore, and while `blind`, nobody begins.

        `nothing` looks a second time at what would begin, and says whether it is only light.
        """
        self._flooded, self._rough, self._front = flooded, rough, front
        for track in self.tracks:
            self._predict(track, now_s)
        casualties = [track for track in self.tracks if track.casualty]
        free = self._match(casualties, detections, now_s)  # first choice to whom it matters most
        free = self._match([track for track in self.tracks if not track.casualty], free, now_s)
        self.born = []
        for detection in () if blind else free:
            if detection.shape in {Shape.PART, Shape.BODY} or detection.code == WALL or detection.bright:
                continue
            if not detection.in_range or (rough and detection.code == WATER):
                continue
            if detection.code >= FIRST_FORESHORE and (detection.crowded or detection.afloat):
                continue  # a boat that passes behind
            if detection.code != LAND and front(detection.position):
                continue  # foam
            if any(self._covers(track, detection) for track in self.tracks) or nothing(detection):
                continue
            self._begin(detection, now_s)
        over = {
            t.id for t in self.tracks if t.missing_s(now_s) > self._patience_s(t) or self._is_foam(t, now_s, front)
        }
        self.ended = [track for track in self.tracks if track.id in over]
        self.tracks = [track for track in self.tracks if track.id not in over]
        return self.tracks

    def drop(self, track: Track) -> None:
        """It was nobody."""
        self.tracks = [other for other in self.tracks if other is not track]

    def _is_foam(self, track: Track, now_s: float, front: Callable[[Enu], bool]) -> bool:
        """It began with the front, out where nobody had been."""
        young = now_s - track.born_s < self._config.foam_s
        return young and not track.casualty and track.born_code not in {LAND, WALL} and front(track.position)

    def _patience_s(self, track: Track) -> float:
        config = self._config
        if track.casualty:
            return config.afloat_lost_s if self._rough else config.casualty_lost_s
        if (
            track.confirmed
            and track.was_person
            and track.detection.code >= FIRST_FORESHORE
            and self._front(track.position)
        ):
            return config.front_lost_s  # hidden by the foam until the front is known for one
        return config.lost_s if track.confirmed else config.tentative_lost_s

    def _near_edge(self, track: Track) -> bool:
        return track.at_edge(self._config.edge_m)

    # --- matching

    def _match(self, tracks: list[Track], detections: list[Detection], now_s: float) -> list[Detection]:
        if not tracks or not detections:
            return detections
        cost = np.full((len(tracks), len(detections)), _FAR)
        feet = np.array([detection.foot for detection in detections])
        fall_mps = self._config.fall_mps
        old = np.array([track.detection.foot for track in tracks])
        reach_px = np.array(
            [max(8.0, (1.5 + fall_mps * (now_s - t.last_seen_s)) * t.detection.px_per_m) for t in tracks]
        )
        within = np.abs(feet[None] - old[:, None]).max(axis=2) < reach_px[:, None]
        pairs = np.argwhere(within).tolist()
        for row, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
            track = tracks[row]
            gap_s = now_s - track.last_seen_s
            expected = self._scene.projection.pixel(track.position, track.detection.plane_amsl_m)
            at_edge = self._near_edge(track)
            for _, column in group:
                cost[row, column] = self._cost(track, expected, detections[column], gap_s, at_edge=at_edge)
        rows, columns = linear_sum_assignment(cost)
        taken: set[int] = set()
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if cost[row, column] < _FAR:
                taken.add(column)
                self._update(tracks[row], detections[column], now_s)
        return [detection for index, detection in enumerate(detections) if index not in taken]

    def _cost(
        self, track: Track, expected: tuple[float, float], detection: Detection, gap_s: float, *, at_edge: bool
    ) -> float:
        config = self._config
        u, v = detection.foot
        old_u, old_v = track.detection.foot
        if math.isnan(expected[0]):
            expected = (old_u, old_v)
        over_water = detection.code in {WATER, WALL}
        falling = self._falling(track)
        if track.afloat and not falling and self._leaps(track, detection, gap_s):
            return _FAR
        if not (detection.in_range or falling or at_edge):
            return _FAR
        if (detection.bright or detection.code == WALL) and not (falling or (at_edge and track.on_foot)):
            return _FAR
        scale = detection.px_per_m
        if track.on_foot and detection.code >= FIRST_FORESHORE and self._front(track.position):
            moved_m = detection.position.distance_m(track.detection.position) - track.detection.bias_m
            if detection.crowded or moved_m > 0.8 + config.front_mps * min(gap_s, 1.0):
                return _FAR  # foam runs over him: he is where he was until he is seen in the water
        patient_s = min(gap_s, config.rough_gap_s) if self._rough else gap_s
        gate_px = max(config.gate_px, (config.gate_m + config.gate_mps * patient_s) * scale)
        distance_px = min(math.hypot(u - expected[0], v - expected[1]), math.hypot(u - old_u, v - old_v) + 1.0)
        if over_water and track.on_foot and not (track.casualty or self._flooded(track.position)):
            # A fall: down the picture, hardly sideways, from the edge.
            if not (at_edge and track.confirmed and gap_s < 1.5):
                return _FAR
            drop_m = (v - old_v) / track.detection.px_per_m
            aside_m = abs(u - old_u) / track.detection.px_per_m
            if -0.4 < drop_m < 1.0 + config.fall_mps * gap_s and aside_m < 1.0 + 2.0 * gap_s:
                return 1.5 + 0.3 * aside_m + 0.1 * abs(drop_m) + 0.6 * detection.bright
            return _FAR
        if over_water:
            if falling:
                drop_m = (v - old_v) / detection.crest_px_per_m
                aside_m = abs(u - old_u) / detection.crest_px_per_m
                if -0.8 < drop_m < 1.0 + config.fall_mps * gap_s and aside_m < 1.0 + 2.0 * gap_s:
                    return 0.5 + 0.3 * aside_m + 0.1 * abs(drop_m) + 0.6 * detection.bright
                return _FAR
            if detection.shape is Shape.BODY:
                return _FAR
        if not over_water and not track.on_foot and not track.was_person:
            return _FAR
        if distance_px > gate_px:
            return _FAR
        return (
            distance_px / scale
            + (0.4 if detection.shape is not track.detection.shape else 0.0)
            + 0.6 * detection.bright
        )

    def _leaps(self, track: Track, detection: Detection, gap_s: float) -> bool:
        """Who is in the water stays in it, and goes no faster than the current. Better no track than a false one."""
        if detection.code >= FIRST_FORESHORE:
            return True
        config = self._config
        limit_m = config.afloat_slack_m + config.afloat_mps * min(gap_s, 1.0) + 2.0 * detection.sigma_m
        return min(
            detection.position.distance_m(track.detection.position), detection.position.distance_m(track.position)
        ) > min(limit_m, config.afloat_leap_m)

    def _falling(self, track: Track) -> bool:
        """Over water, and on his feet a moment ago: where he "stands" there means nothing yet."""
        stood = track.last_on_foot
        return not track.on_foot and stood is not None and track.last_seen_s - stood.at_s < self._config.fall_s

    def _covers(self, track: Track, detection: Detection) -> bool:
        """The detection is a piece of somebody already seen in this frame."""
        box = track.detection
        u, v = detection.foot
        if track.casualty and not track.on_foot and detection.code == WATER:
            aside_m = abs(u - box.foot[0]) / box.px_per_m
            return aside_m < self._config.alone_m and abs(v - box.foot[1]) / box.px_per_m < self._config.alone_m
        margin = 0.25 * box.w + 1
        return box.x - margin <= u <= box.x + box.w + margin and box.y - 2 <= v <= box.y + box.h + 2

    # --- motion

    def _begin(self, detection: Detection, now_s: float) -> None:
        track = Track(
            self._next_id, now_s, detection.position, detection.sigma_m**2, detection, now_s, time_s=now_s,
            bias_m=_steady(detection), born_code=detection.code,
        )  # fmt: skip
        self._note_person(track, detection)
        track.was_person = detection.shape in {Shape.PERSON, Shape.GROUP}
        sighting = Sighting(now_s, detection, track.position, track.sigma_m)
        if track.on_foot:
            track.last_on_foot = sighting
        track.history.append(sighting)
        parent = self._parent(track)
        if parent is not None:
            track.confirmed, track.was_person = True, True
        self._next_id += 1
        self.tracks.append(track)
        self.born.append(track)

    def _parent(self, track: Track) -> Track | None:
        """He steps out of a group that has been known for long: he has been somebody all the while."""
        box = track.detection
        if box.shape is not Shape.PERSON or box.code == WATER:
            return None
        for other in self.tracks:
            before = [s.detection for s in list(other.history)[-3:] if s.detection.shape is Shape.GROUP]
            if not (before and other.confirmed and other.was_person):
                continue
            group = before[-1]
            inside = group.x - box.w <= box.foot[0] <= group.x + group.w + box.w
            if inside and abs(group.foot[1] - box.foot[1]) <= 0.5 * group.h and group.code == box.code:
                return other
        return None

    def _note_person(self, track: Track, detection: Detection) -> None:
        """One frame's size proves nothing: two birds, a dog and its shadow are a person's for a moment."""
        if detection.code in {WATER, WALL}:
            return
        config = self._config
        narrow = detection.w <= config.group_m * detection.px_per_m
        track.foot_hits += 1
        track.was_person = track.was_person or detection.shape is Shape.PERSON
        track.person_hits += detection.shape is Shape.PERSON or (detection.shape is Shape.GROUP and narrow)
        if track.person_hits >= config.person_hits and 2 * track.person_hits > track.foot_hits:
            track.like_person = True

    def _predict(self, track: Track, now_s: float) -> None:
        dt = now_s - track.time_s
        if dt <= 0:
            return
        track.position = track.position + track.velocity.scaled(dt)
        config = self._config
        q = (config.drift_acceleration_mps2 if track.casualty else config.walk_acceleration_mps2) ** 2
        track.variance_m2 += 2 * dt * track.covariance + dt * dt * track.velocity_variance + q * dt**4 / 4
        track.covariance += dt * track.velocity_variance + q * dt**3 / 2
        track.velocity_variance += q * dt * dt
        track.time_s = now_s

    def _update(self, track: Track, detection: Detection, now_s: float) -> None:
        stood = track.last_on_foot
        over_water = detection.code in {WATER, WALL}
        in_air = over_water and stood is not None and now_s - stood.at_s < self._config.fall_s
        if in_air and stood is not None:
            landed = detection.position.distance_m(stood.detection.position) < self._config.landed_m
            track.position = detection.position if landed else stood.detection.position
            track.velocity, track.covariance, track.velocity_variance = _STILL, 0.0, 1.0
            track.variance_m2 = detection.sigma_m**2 + 2.0
        elif (
            detection.code != track.detection.code
            and abs(detection.plane_amsl_m - track.detection.plane_amsl_m) > 0.8
        ):
            track.position, track.velocity = detection.position, _STILL
            track.variance_m2, track.covariance, track.velocity_variance = detection.sigma_m**2 + 1.0, 0.0, 4.0
        else:
            noise = detection.sigma_m**2
            total = track.variance_m2 + noise
            gain, gain_v = track.variance_m2 / total, track.covariance / total
            error = detection.position - track.position
            track.position = track.position + error.scaled(gain)
            track.velocity = track.velocity + error.scaled(gain_v)
            track.velocity_variance -= gain_v * track.covariance
            track.covariance *= 1 - gain
            track.variance_m2 *= 1 - gain
            speed = track.velocity.length_m
            if speed > self._config.max_speed_mps:
                track.velocity = track.velocity.scaled(self._config.max_speed_mps / speed)
        if track.on_foot and detection.code == WATER and not in_air:  # the bore took him; he was out of sight since
            track.variance_m2 += (self._config.swept_mps * (now_s - track.last_seen_s)) ** 2
        track.bias_m = _steady(detection)
        track.detection = detection
        track.last_seen_s = now_s
        track.hits += 1
        self._note_person(track, detection)
        sighting = Sighting(now_s, detection, track.position, track.sigma_m)
        if track.on_foot:
            track.last_on_foot = sighting
        track.history.append(sighting)
        while now_s - track.history[0].at_s > self._config.history_s:
            track.history.popleft()
        if track.hits >= self._config.confirm_hits and now_s - track.born_s >= self._config.confirm_s:
            track.confirmed = True
