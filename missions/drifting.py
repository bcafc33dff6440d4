"""A search pattern that moves with the water: each leg is flown to where its end will have drifted by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geofence.position import Enu

Displacement = Callable[[float], Enu]
"""How far the water has carried what floats, some seconds after the search was planned for."""
_ROUNDS = 40
_CLOSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the drone is to be, and when: seconds after the time the pattern was drawn for."""

    position: Enu
    at_s: float


@dataclass(frozen=True, slots=True)
class Overtaken(ValueError):
    """The water moves what is searched as fast as the drone flies."""

    leg: int

    def __str__(self) -> str:
        return f"leg {self.leg} cannot be caught: the drift is as fast as the drone; fly a barrier across it"


def still(_: float) -> Enu:
    return Enu(0.0, 0.0)


def steady(current_mps: Enu) -> Displacement:
    return current_mps.scaled


def drifted(track: Sequence[Enu], speed_mps: float, displaced: Displacement, start_s: float = 0.0) -> tuple[Fix, ...]:
    """The track over ground, at a ground speed of `speed_mps`, begun at `start_s`. Raises Overtaken."""
    fixes: list[Fix] = []
    at_s = start_s
    for number, point in enumerate(track):
        if not fixes:
            fixes.append(Fix(point + displaced(at_s), at_s))
            continue
        arrive_s = at_s
        for _ in range(_ROUNDS):
            there = point + displaced(arrive_s)
            better_s = at_s + fixes[-1].position.distance_m(there) / speed_mps
            settled = abs(better_s - arrive_s) < _CLOSE_S
            arrive_s = better_s
            if settled:
                break
        else:
            raise Overtaken(number)
        at_s = arrive_s
        fixes.append(Fix(point + displaced(at_s), at_s))
    return tuple(fixes)
