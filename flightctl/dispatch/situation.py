"""The world as one dispatch decision sees it: plain values, so that it can be replayed and explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
import shapely

from flightctl.dispatch.decision import Purpose
from flightctl.dock.protocol import DockState
from flightctl.preflight_report import CheckId
from flightctl.site import Dock, Drone
from geofence.position import Enu, LocalFrame


@dataclass(frozen=True, slots=True)
class TargetTrack:
    """Where the person is reckoned to be from now on."""

    seconds: tuple[float, ...]  # ahead, ascending, the first is 0
    points: tuple[Enu, ...]
    sigmas_m: tuple[float, ...]

    @classmethod
    def standing(cls, place: Enu, sigma_m: float) -> TargetTrack:
        return cls((0.0,), (place,), (sigma_m,))

    def at(self, ahead_s: float) -> tuple[Enu, float]:
        """Interpolated; held at the last point beyond the track's end."""
        east = float(np.interp(ahead_s, self.seconds, [p.east_m for p in self.points]))
        north = float(np.interp(ahead_s, self.seconds, [p.north_m for p in self.points]))
        return Enu(east, north), float(np.interp(ahead_s, self.seconds, self.sigmas_m))


@dataclass(frozen=True, slots=True)
class DockSituation:
    dock: Dock
    place: Enu
    state: DockState
    reason: str
    wind_mps: float | None


@dataclass(frozen=True, slots=True)
class DroneSituation:
    drone: Drone
    online: bool
    fault: str  # why it is not ready to fly; empty when it is
    airborne: bool
    place: Enu | None
    height_m: float  # above its home
    battery_percent: float | None
    hooks_loaded: int
    serving: UUID | None  # the incident it serves now


@dataclass(frozen=True, slots=True)
class Situation:
    at: datetime
    incident_id: UUID
    purpose: Purpose
    target: TargetTrack
    wind: Enu  # m/s, blowing towards
    docks: tuple[DockSituation, ...]
    drones: tuple[DroneSituation, ...]
    frame: LocalFrame
    keep_outs: Sequence[shapely.Polygon] = ()
    keep_in: shapely.Polygon | None = None
    failed_drones: frozenset[str] = frozenset()  # already tried for this incident
    overridden: frozenset[tuple[str, CheckId]] = frozenset()  # a person's words: this drone, in spite of this check
    bore_eta_s: float | None = None
    inputs: dict[str, float | str | None] = field(default_factory=dict)
