"""How well vision did: what truly happened held against what was told, in time and in place. Pure functions.

    TrueEvent ┐                      every alert is one of: a hit, a repeat of an event already told, or false
              ├─► judge ─► Verdict ─► Score (sums over cases) ─► Figures (recall, false per hour, latency, metres)
    Told ─────┘

An event is told when an alert of its kind comes while it lasts, near where it is; one event takes one alert. The
alerts and events of a case are paired so that as many as can be are told, and among those pairings the earliest and
nearest. No false alarm seen does not mean none to come: `at_most_per_h` bounds the rate (95 %, Poisson).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import chi2

from geofence.position import Enu
from vision.alert import AlertKind

_FORBIDDEN = 1e9
_TOLD_AT_ALL = 1e5  # worth more than any latency and distance
_LATENESS_METRES = 10.0  # this many metres count as one second when alerts compete for an event


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """Something that happened. `at_s` is when the camera could first see it, and latency counts from there."""

    id: str  # unique within its case
    kind: AlertKind
    at_s: float
    until_s: float  # it is still going on until then; an alert may come so late
    path: tuple[tuple[float, Enu], ...]  # where it was, by time; one entry for what does not move
    speed_mps: float | None = None  # of a front
    since_s: float | None = None  # it was true earlier than it was in view, and may be told from then on
    due: bool = True  # False: hardly in view; right when told, not missed when not

    def place_at(self, at_s: float) -> Enu:
        """Where it was at a time: the nearest known moment."""
        return min(self.path, key=lambda moment: abs(moment[0] - at_s))[1]


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, as far as the figures need it. `place` is None for what has none (a camera's fault)."""

    kind: AlertKind
    at_s: float
    place: Enu | None
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far off an alert may be and still be about an event."""

    early_s: float = 0.3  # a frame: what happens between two is known at the second
    gate_m: float = 25.0  # a person; what is farther off would send the drone elsewhere
    front_gate_m: float = 150.0

    def gate(self, kind: AlertKind) -> float:
        return self.front_gate_m if kind is AlertKind.BORE_FRONT else self.gate_m


@dataclass(frozen=True, slots=True)
class Hit:
    """One event and the alert that told it."""

    event: TrueEvent
    alert: Told
    latency_s: float
    error_m: float | None
    speed_error_mps: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One case."""

    watched_s: float
    hits: tuple[Hit, ...]
    missed: tuple[TrueEvent, ...]
    repeats: tuple[Told, ...]  # about an event that was told already, or that need not be
    false: tuple[Told, ...]


def judge(
    events: Sequence[TrueEvent], alerts: Sequence[Told], *, watched_s: float, tolerance: Tolerance | None = None
) -> Verdict:
    """Pairs events with alerts one to one. Times of both count from the same moment."""
    tolerance = tolerance or Tolerance()
    cost = np.full((len(events), len(alerts)), _FORBIDDEN)
    for row, event in enumerate(events):
        for column, alert in enumerate(alerts):
            apart_m = _apart(event, alert, tolerance)
            if apart_m is not None:
                late_s = abs(alert.at_s - event.at_s)
                cost[row, column] = late_s + apart_m / _LATENESS_METRES - _TOLD_AT_ALL
    rows, columns = linear_sum_assignment(np.minimum(cost, 0.0))
    pairs = [(r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if cost[r, c] < 0.0]
    hits = [_hit(events[row], alerts[column]) for row, column in pairs]
    told = {row for row, _ in pairs}
    counted = {column for row, column in pairs if events[row].due}
    about = {column for column in range(len(alerts)) if (cost[:, column] < 0.0).any()}
    return Verdict(
        watched_s=watched_s,
        hits=tuple(hit for hit in hits if hit.event.due),
        missed=tuple(event for row, event in enumerate(events) if event.due and row not in told),
        repeats=tuple(alert for index, alert in enumerate(alerts) if index in about - counted),
        false=tuple(alert for index, alert in enumerate(alerts) if index not in about),
    )


def _apart(event: TrueEvent, alert: Told, tolerance: Tolerance) -> float | None:
    """Metres between them when the alert may be about the event."""
    if alert.kind is not event.kind:
        return None
    since_s = event.at_s if event.since_s is None else event.since_s
    if not since_s - tolerance.early_s <= alert.at_s <= event.until_s:
        return None
    if alert.place is None:
        return 0.0
    apart_m = alert.place.distance_m(event.place_at(alert.at_s))
    return apart_m if apart_m <= tolerance.gate(event.kind) else None


def _hit(event: TrueEvent, alert: Told) -> Hit:
    error_m = None if alert.place is None else alert.place.distance_m(event.place_at(alert.at_s))
    known = alert.speed_mps is not None and event.speed_mps is not None
    speed_error = abs(alert.speed_mps - event.speed_mps) if known else None  # type: ignore[operator]
    return Hit(event, alert, alert.at_s - event.at_s, error_m, speed_error)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is said of one kind of event. None where nothing was there to measure."""

    events: int
    told: int
    recall: float | None
    latency_median_s: float | None
    latency_p95_s: float | None
    error_median_m: float | None
    error_p95_m: float | None
    speed_error_median_mps: float | None
    speed_error_worst_mps: float | None
    repeats: int
    false: int
    false_per_h: float | None
    at_most_per_h: float | None
    camera_hours: float


@dataclass
class Score:
    """Sums verdicts; figures by kind, or of all kinds together."""

    watched_s: float = 0.0
    hits: list[Hit] = field(default_factory=list[Hit])
    missed: list[TrueEvent] = field(default_factory=list[TrueEvent])
    repeats: list[Told] = field(default_factory=list[Told])
    false: list[Told] = field(default_factory=list[Told])

    def add(self, verdict: Verdict) -> None:
        self.watched_s += verdict.watched_s
        self.hits += verdict.hits
        self.missed += verdict.missed
        self.repeats += verdict.repeats
        self.false += verdict.false

    def kinds(self) -> tuple[AlertKind, ...]:
        seen = {hit.event.kind for hit in self.hits} | {event.kind for event in self.missed}
        seen |= {alert.kind for alert in (*self.repeats, *self.false)}
        return tuple(kind for kind in AlertKind if kind in seen)

    def figures(self, kind: AlertKind | None = None) -> Figures:
        """Of one kind, or of all."""
        hits = [hit for hit in self.hits if kind in {None, hit.event.kind}]
        missed = sum(1 for event in self.missed if kind in {None, event.kind})
        false = sum(1 for alert in self.false if kind in {None, alert.kind})
        latencies = [hit.latency_s for hit in hits]
        errors = [hit.error_m for hit in hits if hit.error_m is not None]
        speeds = [hit.speed_error_mps for hit in hits if hit.speed_error_mps is not None]
        hours = self.watched_s / 3600.0
        return Figures(
            events=len(hits) + missed,
            told=len(hits),
            recall=len(hits) / (len(hits) + missed) if hits or missed else None,
            latency_median_s=quantile(latencies, 0.5),
            latency_p95_s=quantile(latencies, 0.95),
            error_median_m=quantile(errors, 0.5),
            error_p95_m=quantile(errors, 0.95),
            speed_error_median_mps=quantile(speeds, 0.5),
            speed_error_worst_mps=quantile(speeds, 1.0),
            repeats=sum(1 for alert in self.repeats if kind in {None, alert.kind}),
            false=false,
            false_per_h=false / hours if hours > 0 else None,
            at_most_per_h=poisson_bound(false) / hours if hours > 0 else None,
            camera_hours=hours,
        )


def quantile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least `share` of them do not exceed; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def poisson_bound(count: int, confidence: float = 0.95) -> float:
    """The largest mean that still gives `count` or fewer with probability 1 - confidence."""
    return float(chi2.ppf(confidence, 2 * (count + 1))) / 2
