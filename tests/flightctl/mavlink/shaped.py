"""A network that loses, doubles, delays and reorders, from a seed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from sim.memory_links import MemoryNetwork


@dataclass(frozen=True, slots=True)
class Shape:
    loss: float = 0.0
    doubled: float = 0.0
    latency_s: float = 0.0
    jitter_s: float = 0.0  # what is sent within this time may overtake


class ShapedNetwork(MemoryNetwork):
    def __init__(self, shape: Shape, rng: np.random.Generator) -> None:
        super().__init__()
        self._shape = shape
        self._rng = rng

    def deliver(self, data: bytes, sender: str, receiver: str) -> None:
        shape, rng = self._shape, self._rng
        if rng.random() < shape.loss:
            return
        for _ in range(2 if rng.random() < shape.doubled else 1):
            delay_s = shape.latency_s + shape.jitter_s * rng.random()
            asyncio.get_running_loop().call_later(delay_s, super().deliver, data, sender, receiver)
