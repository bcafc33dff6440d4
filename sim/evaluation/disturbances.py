"""What may trouble a camera and is nobody in danger: the kinds, and which of them a seed draws.

Each is drawn as it comes about (a shadow lies on the ground, a dog has legs, a pole sways at its own frequency), not
as vision would like it; how strong it is, the seed decides as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Nuisance(StrEnum):
    SHADOWS = "cloud shadows"
    GLITTER = "sun glitter"
    BANNERS = "banners"
    SHAKE = "camera shake"
    COMPRESSION = "compression"
    NIGHTFALL = "nightfall"
    FOG = "fog"
    SNOW = "snow"
    EXPOSURE = "exposure steps"
    CLOSE_GULLS = "gulls at the lens"
    BIRDS = "birds on the flats"
    WAKES = "boats with wakes"
    DRIFT = "driftwood and foam"
    DOGS = "dogs"
    VEHICLE = "vehicle"
    INSECTS = "insects"
    DROP = "drop on the lens"
    UMBRELLAS = "umbrellas"


@dataclass(frozen=True, slots=True)
class Disturbances:
    """Those of one case. `strength` is 0..1, from hardly there to as bad as it gets before people give up."""

    kinds: frozenset[Nuisance] = frozenset()
    strength: float = 0.5
    seed: int = 0

    def __contains__(self, kind: Nuisance) -> bool:
        return kind in self.kinds


_KINDS = tuple(Nuisance)


def drawn(seed: int, *, turn: int, chance: float, rain: bool) -> Disturbances:
    """The kind whose turn it is, with that chance, and now and then one more."""
    rng = np.random.default_rng([seed, 4])
    kinds = {_KINDS[turn % len(_KINDS)]} if rng.random() < chance else set[Nuisance]()
    if kinds and rng.random() < 0.3:
        kinds.add(_KINDS[int(rng.integers(len(_KINDS)))])
    if rain:
        if rng.random() < 0.6:
            kinds.add(Nuisance.UMBRELLAS)
        kinds -= {Nuisance.SNOW, Nuisance.GLITTER, Nuisance.SHADOWS}  # the sun does not shine through it
    return Disturbances(frozenset(kinds), float(rng.uniform(0.15, 1.0)), seed)
