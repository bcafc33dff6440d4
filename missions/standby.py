"""Where drones wait before the bore: places in the air, or docks opened, from which people would be reached soonest.

The p-median problem, solved exactly: from all places where a drone could wait, choose one for each drone so that the
expected time to a person is least. Where people would be, and how likely, are weights over places and time: the
zones, the hour, and how near the front is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from geofence.bore import BoreForecast
from geofence.position import Enu, FloatArray


@dataclass(frozen=True, slots=True)
class Waiting:
    """One way for one drone to wait."""

    drone_id: str
    place: Enu
    airborne: bool
    start_s: float  # from the alarm until it flies level: cover and climb from a dock, nothing in the air
    endurance_s: float = math.inf  # of waiting there, with the way home and the reserve kept


@dataclass(frozen=True, slots=True)
class Demand:
    """Places where somebody may need help, with weights; (n, 2) metres and (n,), which sum to 1."""

    places: FloatArray
    weights: FloatArray


@dataclass(frozen=True, slots=True)
class Placement:
    chosen: tuple[Waiting, ...]
    expected_s: float  # to the person
    in_docks_s: float  # the same with every drone waiting in its dock
    worst_s: float

    @property
    def gain_s(self) -> float:
        return self.in_docks_s - self.expected_s


Travel = Callable[[Enu, FloatArray], FloatArray]
"""Seconds from one place to each of (n, 2), at the drone's speed, around what bars the way."""


def place(
    ways: Sequence[Waiting], demand: Demand, travel: Travel, *, for_s: float, max_airborne: int | None = None
) -> Placement:
    """One way to wait for each drone. Ways that cannot be held for `for_s` are out.

    Raises ValueError when a drone has no way left, its dock included.
    """
    drones = sorted({way.drone_id for way in ways})
    able = [way for way in ways if way.endurance_s >= for_s]
    lacking = [drone for drone in drones if not any(way.drone_id == drone for way in able)]
    if lacking or not drones:
        raise ValueError(
            f"{', '.join(lacking) or 'nobody'} can wait nowhere for {for_s:.0f} s; give its dock as a way"
        )
    times = np.array([way.start_s + travel(way.place, demand.places) for way in able])  # (ways, demand)
    if not np.isfinite(times).any(axis=0).all():
        raise ValueError("some place cannot be reached from anywhere; leave it out of the demand")
    times = np.where(np.isfinite(times), times, 1e6)
    most = len(drones) if max_airborne is None else max_airborne
    chosen = _median(able, drones, times, demand.weights, most)
    docks = [n for n, way in enumerate(able) if not way.airborne]
    in_docks = times[docks].min(axis=0) if docks else np.full(len(demand.weights), np.inf)
    reached = times[chosen].min(axis=0)
    return Placement(
        chosen=tuple(able[n] for n in chosen),
        expected_s=float(reached @ demand.weights),
        in_docks_s=float(in_docks @ demand.weights),
        worst_s=float(reached.max()),
    )


def _median(
    ways: Sequence[Waiting], drones: Sequence[str], times: FloatArray, weights: FloatArray, max_airborne: int
) -> list[int]:
    """y[w] a way is taken, x[w, d] it serves a demand: the p-median programme, with one way for each drone."""
    count, places = times.shape
    size = count + count * places
    cost = np.concatenate([np.zeros(count), (times * weights).ravel()])
    row, column, value, low, high = list[int](), list[int](), list[float](), list[float](), list[float]()

    def constraint(columns: Sequence[int], values: Sequence[float], least: float, most: float) -> None:
        row.extend([len(low)] * len(columns))
        column.extend(columns)
        value.extend(values)
        low.append(least)
        high.append(most)

    for drone in drones:
        mine = [n for n, way in enumerate(ways) if way.drone_id == drone]
        constraint(mine, [1.0] * len(mine), 1.0, 1.0)
    flying = [n for n, way in enumerate(ways) if way.airborne]
    constraint(flying, [1.0] * len(flying), 0.0, float(max_airborne))
    for d in range(places):
        constraint([count + w * places + d for w in range(count)], [1.0] * count, 1.0, 1.0)
    for w in range(count):
        for d in range(places):
            constraint([count + w * places + d, w], [1.0, -1.0], -1.0, 0.0)
    matrix = csr_array((value, (row, column)), shape=(len(low), size))
    result = milp(
        cost,
        constraints=LinearConstraint(matrix, np.array(low), np.array(high)),
        integrality=np.concatenate([np.ones(count), np.zeros(count * places)]),
        bounds=Bounds(0.0, 1.0),
        options={"mip_rel_gap": 0.0},
    )
    if result.x is None:
        raise ValueError(f"no placement keeps to {max_airborne} drones in the air: {result.message}")
    return [n for n in range(count) if result.x[n] > 0.5]


def danger_weights(
    places: FloatArray,
    base: FloatArray,
    bore: BoreForecast,
    at: datetime,
    *,
    before_s: float = 1800.0,
    after_s: float = 1200.0,
    quiet: float = 0.1,
) -> Demand:
    """How likely somebody is to need help at each place: `base` by how many are there, more around the front.

    Highest as the front arrives, from `before_s` ahead and until `after_s` behind; `quiet` of it at other times.
    """
    factors = np.empty(len(places))
    for index, (east, north) in enumerate(places):
        passage = bore.next_passage(Enu(float(east), float(north)), at, passed_s=after_s)
        eta_s = passage.eta_s(at)
        span_s = before_s if eta_s >= 0 else after_s
        spread_s = max(0.0, abs(eta_s) - passage.sigma_s)
        factors[index] = quiet + (1.0 - quiet) * max(0.0, 1.0 - spread_s / span_s)
    weights = base * factors
    return Demand(places, weights / weights.sum())


@dataclass(frozen=True, slots=True)
class Shift:
    at: datetime
    placement: Placement


def follow_front(
    ways: Sequence[Waiting],
    places: FloatArray,
    base: FloatArray,
    bore: BoreForecast,
    travel: Travel,
    *,
    start: datetime,
    end: datetime,
    every_s: float = 300.0,
    max_airborne: int | None = None,
) -> tuple[Shift, ...]:
    """The best placement at each time from `start` to `end`: they move up the bank with the front.

    A way must be held only until the next time; whoever must come home for its battery is put elsewhere then.
    """
    shifts: list[Shift] = []
    at = start
    flown = dict.fromkeys((way.drone_id for way in ways), 0.0)
    while at <= end:
        able = [way for way in ways if not way.airborne or flown[way.drone_id] + every_s <= way.endurance_s]
        demand = danger_weights(places, base, bore, at)
        shift = Shift(at, place(able, demand, travel, for_s=0.0, max_airborne=max_airborne))
        for way in shift.placement.chosen:
            flown[way.drone_id] = flown[way.drone_id] + every_s if way.airborne else flown[way.drone_id]
        shifts.append(shift)
        at += timedelta(seconds=every_s)
    return tuple(shifts)
