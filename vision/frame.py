"""A video frame as it arrives: still encoded, with the time it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One picture of an intra-coded stream (JPEG). `at` is UTC."""

    camera_id: str
    at: datetime
    data: bytes
