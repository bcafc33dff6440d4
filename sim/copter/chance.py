"""Normal numbers drawn in blocks: one call of the generator a number would cost more than the physics."""

from __future__ import annotations

import numpy as np

_BLOCK = 1024


class Normals:
    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn: list[tuple[float, float, float]] = []

    def next3(self) -> tuple[float, float, float]:
        if not self._drawn:
            self._drawn = [(a, b, c) for a, b, c in self._rng.standard_normal((_BLOCK, 3)).tolist()]
        return self._drawn.pop()
