"""What truly happened, with times: the record that a scenario's expectations are held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from geofence.position import Enu


class EventKind(StrEnum):
    CLIMBED_DOWN = "climbed_down"
    HAILED = "hailed"
    WALKED_BACK = "walked_back"
    FELL = "fell"
    SPLASH = "splash"
    SWEPT = "swept"
    BUOY_RELEASED = "buoy_released"
    BUOY_SPLASH = "buoy_splash"  # details: distance_m and person_id of the nearest person in the water
    BUOY_ON_GROUND = "buoy_on_ground"
    REACHED_BUOY = "reached_buoy"


@dataclass(frozen=True, slots=True)
class WorldEvent:
    at_s: float
    kind: EventKind
    subject: str  # the person's id, or "buoy-N"
    position: Enu
    details: dict[str, float | str] = field(default_factory=dict[str, "float | str"])
