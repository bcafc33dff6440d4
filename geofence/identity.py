"""UUIDv7 identifiers made from a given instant and a given generator (RFC 9562 §5.7).

The standard library's generators read the wall clock and the system's entropy, so a replayed scenario
would not produce the same log; these take both as arguments.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import numpy as np


def uuid7(at: datetime, rng: np.random.Generator) -> UUID:
    """A UUIDv7 whose first 48 bits are the milliseconds of `at` (an aware UTC time)."""
    if at.tzinfo is None:
        raise ValueError("uuid7 needs a time that carries its zone")
    unix_ms = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    random_bits = int.from_bytes(rng.bytes(10), "big")
    rand_a = random_bits >> 68
    rand_b = random_bits & ((1 << 62) - 1)
    return UUID(int=(unix_ms << 80) | (0x7 << 76) | ((rand_a & 0xFFF) << 64) | (0b10 << 62) | rand_b)
