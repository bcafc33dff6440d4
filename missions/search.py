"""A search plan: a pattern in the drifting frame, and how likely it is to find the person, leg by leg."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from geofence.drift import DriftCloud
from geofence.position import Enu, FloatArray, LocalFrame
from missions.detection import SearchedCloud, Sensor
from missions.drifting import Fix, drifted, still
from missions.patrol import Patroller
from missions.patterns import Rectangle, Track, barrier, creeping_line, expanding_square, sector
from missions.plan import Item, MissionPlan, ReturnHome, TakeOff, Waypoint


@dataclass(frozen=True, slots=True)
class SearchPlan:
    pattern: str
    fixes: tuple[Fix, ...]
    found_by: tuple[float, ...]
    """Cumulative probability of success at each fix, the cloud being right."""

    @property
    def duration_s(self) -> float:
        return self.fixes[-1].at_s - self.fixes[0].at_s

    @property
    def success(self) -> float:
        return self.found_by[-1]


@dataclass(frozen=True, slots=True)
class Drift:
    """How a cloud moves and spreads, by its own forecast; straight on after the last of its times."""

    seconds: FloatArray  # (n,) ascending from 0
    moved: FloatArray  # (n, 2) metres
    sigma_m: FloatArray  # (n,)

    def displaced(self, after_s: float) -> Enu:
        over_s = max(0.0, after_s - float(self.seconds[-1]))
        last = (self.moved[-1] - self.moved[-2]) / (self.seconds[-1] - self.seconds[-2])
        east, north = (float(np.interp(after_s, self.seconds, self.moved[:, axis])) for axis in (0, 1))
        return Enu(east + float(last[0]) * over_s, north + float(last[1]) * over_s)

    def grown(self, after_s: float) -> float:
        return max(1.0, float(np.interp(after_s, self.seconds, self.sigma_m)) / max(float(self.sigma_m[0]), 0.1))


def drift_of(cloud: DriftCloud, start: datetime, horizon_s: float, step_s: float = 10.0) -> Drift:
    seconds = np.arange(0.0, horizon_s + step_s, step_s)
    estimates = cloud.track([start + timedelta(seconds=float(s)) for s in seconds])
    places = np.array([[e.position.east_m, e.position.north_m] for e in estimates])
    return Drift(seconds, places - places[0], np.array([e.sigma_m for e in estimates]))


def plan_search(
    cloud: DriftCloud,
    start: datetime,
    *,
    reach_s: float,
    speed_mps: float,
    sensor: Sensor,
    max_s: float,
) -> SearchPlan:
    """The best of the patterns that fit the cloud, begun `reach_s` after `start` and at most `max_s` long.

    Best is the highest probability of success per the time allowed; each is tried against the cloud as it will be.
    """
    begin = start + timedelta(seconds=reach_s)
    at_begin = cloud.estimate(begin)
    drift = drift_of(cloud, begin, max_s)
    spacing_m = 0.8 * sensor.sweep_width_m
    candidates = _candidates(at_begin.position, at_begin.sigma_m, at_begin.velocity, spacing_m, speed_mps * max_s)
    spread = _spread_at(cloud, at_begin.position, at_begin.sigma_m)
    plans = [
        _tried(name, track, moving, spread, drift, max_s, speed_mps, sensor) for name, track, moving in candidates
    ]
    return max(plans, key=lambda plan: (round(plan.success, 6), -plan.duration_s))


def search_mission(patroller: Patroller, frame: LocalFrame, search: SearchPlan) -> MissionPlan:
    """The search as a flight: take-off, its places at the search speed, home."""
    items: list[Item] = [TakeOff(height_m=patroller.height_m)]
    items += [
        Waypoint(position=frame.to_wgs84(fix.position), height_m=patroller.height_m, speed_mps=patroller.speed_mps)
        for fix in search.fixes
    ]
    items.append(ReturnHome(height_m=patroller.height_m))
    return MissionPlan(
        purpose="search",
        drone_id=patroller.drone_id,
        home=patroller.home,
        home_amsl_m=patroller.home_amsl_m,
        items=tuple(items),
    )


def _candidates(
    datum: Enu, sigma_m: float, velocity: Enu, spacing_m: float, way_m: float
) -> list[tuple[str, Track, bool]]:
    """Each pattern with whether it moves with the water; only those that the way is long enough for."""
    bearing = Enu(0.0, 0.0).bearing_deg(velocity) if velocity.length_m > 0.05 else 0.0
    radius_m = max(2.0 * sigma_m, spacing_m)
    found: list[tuple[str, Track, bool]] = []
    found += [("sector", sector(datum, radius_m, bearing, turns=turns), True) for turns in (1, 2, 3)]
    radii = [radius_m * share for share in (1.5, 1.0, 0.75, 0.5)]
    found += [("expanding_square", expanding_square(datum, spacing_m, radius, bearing), True) for radius in radii]
    area = Rectangle(datum, 4.0 * sigma_m + spacing_m, 2.0 * sigma_m + spacing_m, bearing)
    found.append(("creeping_line", creeping_line(area, spacing_m), True))
    if velocity.length_m > 0.5:  # everything comes by: hold a section down-current of it
        unit = velocity.scaled(1.0 / velocity.length_m)
        across = Enu(unit.north_m, -unit.east_m).scaled(max(1.5 * sigma_m, spacing_m))
        middle = datum + unit.scaled(2.0 * sigma_m)
        passes = max(1, int(way_m // (2.0 * across.length_m)))
        found.append(("barrier", barrier(middle - across, middle + across, passes=min(passes, 40)), False))
    return found


def _spread_at(cloud: DriftCloud, middle: Enu, sigma_m: float) -> FloatArray:
    """The particles' present shape, scaled to what the cloud will have become around its middle."""
    positions = cloud.positions
    off = positions - positions.mean(axis=0)
    now_m = float(np.sqrt(off.var(axis=0).mean()))
    return np.array([middle.east_m, middle.north_m]) + off * (sigma_m / max(now_m, 0.1))


def _tried(
    name: str,
    track: Sequence[Enu],
    moving: bool,
    spread: FloatArray,
    drift: Drift,
    max_s: float,
    speed_mps: float,
    sensor: Sensor,
) -> SearchPlan:
    fixes = [fix for fix in drifted(track, speed_mps, drift.displaced if moving else still) if fix.at_s <= max_s]
    looked = SearchedCloud(len(spread))
    middle = spread.mean(axis=0)
    chances = [0.0]
    for before, after in itertools.pairwise(fixes):
        half_s = (before.at_s + after.at_s) / 2.0
        carried = drift.displaced(half_s)
        there = middle + (spread - middle) * drift.grown(half_s) + np.array([carried.east_m, carried.north_m])
        looked.looked(before.position, after.position, there, sensor)
        chances.append(looked.found)
    return SearchPlan(name, tuple(fixes), tuple(chances))
