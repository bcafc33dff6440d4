"""One line of `chaoxun bench`: a number and what to hold it against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    name: str
    value: float
    unit: str
    reference: float
    reference_is: str
