"""Whether two things that fly will come too near to each other, both going on as they do now.

Too near is a flat cylinder: within a distance on the ground and a distance in height at the same moment. The times in
which each holds are the roots of a quadratic and of a line; where they overlap the cylinder is entered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Relative:
    """The other one as seen from ours: metres and metres a second. `up_m` None: its height is not known."""

    east_m: float
    north_m: float
    up_m: float | None
    east_mps: float = 0.0
    north_mps: float = 0.0
    up_mps: float = 0.0

    @property
    def distance_m(self) -> float:
        return math.hypot(self.east_m, self.north_m)


@dataclass(frozen=True, slots=True)
class Approach:
    """The nearest that they come on the ground, from now on."""

    in_s: float
    distance_m: float
    up_m: float | None  # the other above ours, then
    enters_in_s: float | None  # the cylinder; None: never within the time looked ahead


def approach(relative: Relative, *, within_m: float, within_up_m: float, ahead_s: float) -> Approach:
    """A height that is not known counts as too near."""
    speed2 = relative.east_mps**2 + relative.north_mps**2
    towards = relative.east_m * relative.east_mps + relative.north_m * relative.north_mps
    in_s = min(ahead_s, max(0.0, -towards / speed2)) if speed2 > 1e-9 else 0.0
    east_m = relative.east_m + relative.east_mps * in_s
    north_m = relative.north_m + relative.north_mps * in_s
    up_m = None if relative.up_m is None else relative.up_m + relative.up_mps * in_s
    beside = _beside(relative, speed2, towards, within_m)
    level = _level(relative, within_up_m)
    enters_in_s: float | None = None
    if beside is not None and level is not None:
        begins_s, ends_s = max(0.0, beside[0], level[0]), min(ahead_s, beside[1], level[1])
        if begins_s <= ends_s:
            enters_in_s = begins_s
    return Approach(in_s, math.hypot(east_m, north_m), up_m, enters_in_s)


def _beside(relative: Relative, speed2: float, towards: float, within_m: float) -> tuple[float, float] | None:
    excess = relative.distance_m**2 - within_m**2
    if speed2 <= 1e-9:
        return (-math.inf, math.inf) if excess <= 0 else None
    root = towards**2 - speed2 * excess
    if root < 0:
        return None
    half = math.sqrt(root)
    return (-towards - half) / speed2, (-towards + half) / speed2


def _level(relative: Relative, within_up_m: float) -> tuple[float, float] | None:
    if relative.up_m is None:
        return -math.inf, math.inf
    if abs(relative.up_mps) <= 1e-9:
        return (-math.inf, math.inf) if abs(relative.up_m) <= within_up_m else None
    one = (-within_up_m - relative.up_m) / relative.up_mps
    two = (within_up_m - relative.up_m) / relative.up_mps
    return min(one, two), max(one, two)
