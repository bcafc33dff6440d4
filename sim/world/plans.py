"""What a scenario says of people, crowds and boats: plain values that map onto YAML one to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.world.ground import BankPlace


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks straight to a place on the same level."""

    to: BankPlace
    speed_mps: float = 1.3
    does: Literal["walk"] = "walk"


@dataclass(frozen=True, slots=True)
class Stand:
    """Stays where he is."""

    seconds: float
    does: Literal["stand"] = "stand"


@dataclass(frozen=True, slots=True)
class ClimbDown:
    """Goes past the crest by the nearest steps and on to a place on the foreshore or groyne."""

    to: BankPlace
    speed_mps: float = 1.2
    does: Literal["climb_down"] = "climb_down"


@dataclass(frozen=True, slots=True)
class Wander:
    """Ambles about within a radius of where he is."""

    seconds: float
    radius_m: float = 6.0
    speed_mps: float = 0.7
    does: Literal["wander"] = "wander"


@dataclass(frozen=True, slots=True)
class WalkBack:
    """Returns to the promenade by the nearest steps."""

    speed_mps: float = 1.5
    does: Literal["walk_back"] = "walk_back"


@dataclass(frozen=True, slots=True)
class FallIn:
    """Waits, stumbles to the edge and leaves it at `at_s` of world time."""

    at_s: float
    does: Literal["fall"] = "fall"


Clothes = Literal["drawn", "dark", "pale", "vivid"]

Act = Walk | Stand | ClimbDown | Wander | WalkBack | FallIn


@dataclass(frozen=True, slots=True)
class PersonPlan:
    """One person: where he starts, what he does in turn, and whether he heeds a hail."""

    id: str
    start: BankPlace
    acts: tuple[Act, ...] = ()
    appears_at_s: float = 0.0
    heeds_hail_after_s: float | None = 4.0  # None: takes no notice
    swims: bool = True  # makes for a lifebuoy within reach
    height_m: float = 1.7
    clothes: Clothes = "drawn"  # by chance


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """Many people milling about on a stretch of promenade."""

    count: int
    along_from_m: float
    along_to_m: float
    offset_from_m: float = -10.0
    offset_to_m: float = -1.2
    strolling: float = 0.6  # fraction that walks; the others stand and watch


@dataclass(frozen=True, slots=True)
class BoatPlan:
    """A vessel that keeps its distance from the bank."""

    start: BankPlace
    speed_mps: float = 3.0  # over ground; positive goes east
    length_m: float = 18.0
