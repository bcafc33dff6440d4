"""Which drone goes to which incident when there are several of both: the exact optimum, and why.

A mixed-integer programme over all pairs: the sum over incidents of priority weight times seconds until the lifebuoy
(or voice) is there. An incident that nobody serves costs as much as one that waits `UNSERVED_S`. Some drones are kept
back for the gravest incidents, and an unsure first drone gets a second one when that is worth more than elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

UNSERVED_S = 3600.0
WEIGHTS: Mapping[int, float] = {1: 100.0, 2: 10.0, 3: 3.0, 4: 1.0}
"""By priority. A second saved for somebody in the water outweighs ten for somebody on the flats."""
_KEPT_S = 2.0  # a drone under way is left there unless somebody gains more than this


@dataclass(frozen=True, slots=True)
class Task:
    """An incident that wants a drone."""

    incident_id: str
    priority: int  # 1 is the gravest
    success: float = 1.0  # of one drone; below `second_below` another one is worth sending
    drone_id: str | None = None  # under way to it now


@dataclass(frozen=True, slots=True)
class Assigned:
    incident_id: str
    drone_id: str
    seconds: float
    second: bool  # sent because the first is unsure
    reason: str


@dataclass(frozen=True, slots=True)
class Assignment:
    sent: tuple[Assigned, ...]
    unserved: tuple[tuple[str, str], ...]  # incident, reason
    cost: float

    def of(self, incident_id: str) -> tuple[Assigned, ...]:
        return tuple(one for one in self.sent if one.incident_id == incident_id)


def assign(
    tasks: Sequence[Task],
    drones: Sequence[str],
    seconds: Mapping[tuple[str, str], float],
    *,
    reserve: int = 0,
    second_below: float = 0.7,
) -> Assignment:
    """`seconds` by (incident, drone) for the pairs that can be flown; the others are missing or infinite.

    `reserve` drones stay for incidents of priority 1: graver ones may use them, others not.
    """
    pairs = [
        (task, drone, second)
        for task in tasks
        for drone in drones
        if math.isfinite(seconds.get((task.incident_id, drone), math.inf))
        for second in ((False, True) if task.success < second_below else (False,))
    ]
    if not pairs:
        return Assignment((), tuple((task.incident_id, "no drone can reach it") for task in tasks), _unserved(tasks))
    chosen = _solved(tasks, drones, pairs, seconds, reserve)
    sent = [pair for pair, taken in zip(pairs, chosen, strict=True) if taken]
    served = {task.incident_id for task, _, second in sent if not second}
    assigned = tuple(
        Assigned(
            task.incident_id,
            drone,
            seconds[task.incident_id, drone],
            second,
            _reason(task, drone, second=second, sent=sent, seconds=seconds),
        )
        for task, drone, second in sorted(sent, key=lambda pair: (pair[0].priority, pair[2]))
    )
    left = tuple(
        (task.incident_id, _why_not(task, drones, sent, seconds, reserve))
        for task in tasks
        if task.incident_id not in served
    )
    cost = _unserved([t for t in tasks if t.incident_id not in served])
    cost += sum(_weight(task) * seconds[task.incident_id, drone] for task, drone, second in sent if not second)
    return Assignment(assigned, left, cost)


def _solved(
    tasks: Sequence[Task],
    drones: Sequence[str],
    pairs: Sequence[tuple[Task, str, bool]],
    seconds: Mapping[tuple[str, str], float],
    reserve: int,
) -> list[bool]:
    costs = np.array([_gain(task, drone, seconds, second=second) for task, drone, second in pairs])
    rows: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    limits: list[float] = []

    def at_most(limit: float, takes: list[float]) -> None:
        rows.append(np.array(takes))
        limits.append(limit)

    for drone in drones:
        at_most(1.0, [float(d == drone) for _, d, _ in pairs])
    for task in tasks:
        at_most(1.0, [float(t is task and not second) for t, _, second in pairs])
        at_most(
            0.0, [float(t is task) * (1.0 if second else -1.0) for t, _, second in pairs]
        )  # a second needs a first
    free = max(0, len({drone for _, drone, _ in pairs}) - reserve)
    at_most(float(free), [float(t.priority > 1) for t, _, _ in pairs])
    result = milp(
        costs,
        constraints=LinearConstraint(np.array(rows), ub=np.array(limits)),
        integrality=np.ones(len(pairs), dtype=np.int64),
        bounds=Bounds(0.0, 1.0),
        options={"mip_rel_gap": 0.0},
    )
    if result.x is None:
        raise AssertionError(f"sending nobody is always possible: {result.message}")
    return [bool(x > 0.5) for x in result.x]


def _gain(task: Task, drone: str, seconds: Mapping[tuple[str, str], float], *, second: bool) -> float:
    """Against leaving the incident unserved, so that sending is negative whenever it helps."""
    takes_s = seconds[task.incident_id, drone]
    if task.drone_id == drone and not second:
        takes_s -= _KEPT_S
    saved = _weight(task) * (min(takes_s, UNSERVED_S - 1.0) - UNSERVED_S)
    return saved * (1.0 - task.success) if second else saved


def _weight(task: Task) -> float:
    return WEIGHTS.get(task.priority, min(WEIGHTS.values()))


def _unserved(tasks: Sequence[Task]) -> float:
    return sum(_weight(task) * UNSERVED_S for task in tasks)


def _reason(
    task: Task,
    drone: str,
    *,
    second: bool,
    sent: Sequence[tuple[Task, str, bool]],
    seconds: Mapping[tuple[str, str], float],
) -> str:
    takes_s = seconds[task.incident_id, drone]
    if second:
        return f"also goes, there in {takes_s:.0f} s: the first alone succeeds with {100 * task.success:.0f} %"
    faster = {
        other: seconds[task.incident_id, other]
        for other in {d for _, d, _ in sent}
        if seconds.get((task.incident_id, other), math.inf) < takes_s
    }
    if not faster:
        return f"is there first, in {takes_s:.0f} s"
    other = min(faster, key=lambda d: faster[d])
    to = next(t for t, d, _ in sent if d == other)
    return (
        f"is there in {takes_s:.0f} s; {other} would be {takes_s - faster[other]:.0f} s sooner "
        f"and is needed more for {to.incident_id} (P{to.priority})"
    )


def _why_not(
    task: Task,
    drones: Sequence[str],
    sent: Sequence[tuple[Task, str, bool]],
    seconds: Mapping[tuple[str, str], float],
    reserve: int,
) -> str:
    able = [drone for drone in drones if math.isfinite(seconds.get((task.incident_id, drone), math.inf))]
    if not able:
        return "no drone can reach it"
    busy = [f"{drone} goes to {t.incident_id} (P{t.priority})" for t, drone, _ in sent if drone in able]
    if len(busy) < len(able) and task.priority > 1 and reserve:
        return f"{reserve} kept back for people in the water" + (f"; {', '.join(busy)}" if busy else "")
    return ", ".join(busy)
