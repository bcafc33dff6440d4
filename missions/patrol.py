"""Patrols: along the bank and back, around a loop, a tour of places to hail from, ahead of the bore's front.

A patrol is a track with the time at which each place is to be reached; what a drone can fly of it decides the plan.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from geofence.bore import BoreForecast
from geofence.position import Enu, LatLon, LocalFrame
from geofence.river import River
from missions.plan import Hail, Hold, Item, MissionPlan, ReturnHome, TakeOff, Waypoint


@dataclass(frozen=True, slots=True)
class Patroller:
    """The drone a patrol is planned for; heights above its dock."""

    drone_id: str
    home: LatLon
    home_amsl_m: float
    height_m: float
    speed_mps: float


def out_and_back(track: Sequence[Enu], *, times: int = 1) -> tuple[Enu, ...]:
    """To the end and back by the same way, so many times."""
    _at_least_two(track)
    there_and_back = (*track, *reversed(track[:-1]))
    return tuple(there_and_back) + tuple(there_and_back[1:]) * (times - 1)


def loop(track: Sequence[Enu], *, times: int = 1) -> tuple[Enu, ...]:
    """Around and on to where it began, so many times."""
    _at_least_two(track)
    closed = tuple(track) if track[0] == track[-1] else (*track, track[0])
    return closed + closed[1:] * (times - 1)


def along_bank(
    river: River, from_m: float, to_m: float, offset_m: float, *, every_m: float = 100.0
) -> tuple[Enu, ...]:
    """Beside the seawall's crest, from one place along it to another; `offset_m` is positive over the river."""
    if every_m <= 0:
        raise ValueError("places along the bank must be apart")
    count = max(2, int(np.ceil(abs(to_m - from_m) / every_m)) + 1)
    return tuple(river.bank.to_enu(float(along), offset_m) for along in np.linspace(from_m, to_m, count))


def plan_patrol(patroller: Patroller, frame: LocalFrame, track: Sequence[Enu], *, hold_s: float = 0.0) -> MissionPlan:
    """Flies the track, holding at each place, and comes home."""
    _at_least_two(track)
    items: list[Item] = []
    for place in track:
        items.append(_to(patroller, frame, place))
        if hold_s > 0:
            items.append(Hold(seconds=hold_s))
    return _whole(patroller, "patrol", items)


@dataclass(frozen=True, slots=True)
class Stop:
    """A place to speak from."""

    place: Enu
    message_id: str
    repeat: int = 2
    stay_s: float = 20.0


def plan_hail_tour(patroller: Patroller, frame: LocalFrame, stops: Sequence[Stop]) -> MissionPlan:
    """From stop to stop in an order that makes the way short: the nearest next, then crossings taken out."""
    if not stops:
        raise ValueError("a tour needs a stop")
    home = frame.to_enu(patroller.home)
    items: list[Item] = []
    for stop in _toured(home, stops):
        items.append(_to(patroller, frame, stop.place))
        items.append(Hail(message_id=stop.message_id, repeat=stop.repeat))
        items.append(Hold(seconds=stop.stay_s))
    return _whole(patroller, "hail", items)


@dataclass(frozen=True, slots=True)
class Pace:
    """Where to be, and when, to stay ahead of the front."""

    place: Enu
    at: datetime
    front_at: datetime
    sigma_s: float


def ahead_of_front(
    river: River,
    forecast: BoreForecast,
    start: datetime,
    *,
    from_m: float,
    to_m: float,
    offset_m: float,
    lead_s: float,
    every_m: float = 150.0,
) -> tuple[Pace, ...]:
    """Along the bank with the next bore, each place `lead_s` before the front and its sigma before that.

    The bore comes up the river, so the places are flown from the one it reaches first.
    """
    places = along_bank(river, from_m, to_m, offset_m, every_m=every_m)
    first = forecast.next_passage(places[0], start, passed_s=0.0)
    last = forecast.next_passage(places[-1], start, passed_s=0.0)
    if last.at < first.at:
        places = tuple(reversed(places))
        first = last
    paces: list[Pace] = []
    for place in places:
        passage = forecast.next_passage(place, first.at - timedelta(hours=1), passed_s=0.0)
        at = passage.at - timedelta(seconds=lead_s + passage.sigma_s)
        paces.append(Pace(place, at, passage.at, passage.sigma_s))
    return tuple(paces)


def plan_follow_bore(
    patroller: Patroller, frame: LocalFrame, paces: Sequence[Pace], message_id: str | None
) -> MissionPlan:
    """At each place in time; where the drone would be early it waits, and says why people must leave.

    Raises ValueError when the front is faster than the drone: then it would be overtaken.
    """
    _at_least_two(paces)
    items: list[Item] = []
    at = paces[0].at
    for number, pace in enumerate(paces):
        if number:
            way_s = paces[number - 1].place.distance_m(pace.place) / patroller.speed_mps
            at += timedelta(seconds=way_s)
            if at >= pace.front_at:
                raise ValueError(
                    f"at {patroller.speed_mps:g} m/s the front overtakes the drone at place {number + 1}; "
                    "start with more lead, or fly a shorter stretch"
                )
        items.append(_to(patroller, frame, pace.place))
        if message_id is not None and number % 2 == 0:
            items.append(Hail(message_id=message_id))
        if at < pace.at:
            items.append(Hold(seconds=(pace.at - at).total_seconds()))
            at = pace.at
    return _whole(patroller, "follow_bore", items)


def _to(patroller: Patroller, frame: LocalFrame, place: Enu) -> Waypoint:
    return Waypoint(position=frame.to_wgs84(place), height_m=patroller.height_m, speed_mps=patroller.speed_mps)


def _whole(patroller: Patroller, purpose: str, items: Sequence[Item]) -> MissionPlan:
    return MissionPlan.model_validate(
        {
            "purpose": purpose,
            "drone_id": patroller.drone_id,
            "home": patroller.home,
            "home_amsl_m": patroller.home_amsl_m,
            "items": (TakeOff(height_m=patroller.height_m), *items, ReturnHome(height_m=patroller.height_m)),
        }
    )


def _toured(home: Enu, stops: Sequence[Stop]) -> list[Stop]:
    left, order, at = list(stops), list[Stop](), home
    while left:
        nearest = min(left, key=lambda stop: at.distance_m(stop.place))
        left.remove(nearest)
        order.append(nearest)
        at = nearest.place
    better = True
    while better:  # 2-opt: the tour with a stretch turned round, while that is shorter
        better = False
        for i, j in itertools.combinations(range(len(order)), 2):
            turned = [*order[:i], *reversed(order[i : j + 1]), *order[j + 1 :]]
            if _way_m(home, turned) < _way_m(home, order) - 1e-6:
                order, better = turned, True
    return order


def _way_m(home: Enu, stops: Sequence[Stop]) -> float:
    way = [home, *(stop.place for stop in stops), home]
    return sum(a.distance_m(b) for a, b in itertools.pairwise(way))


def _at_least_two(track: Sequence[object]) -> None:
    if len(track) < 2:
        raise ValueError("a patrol needs at least two places")
