"""Everything a pre-flight check may look at, as plain values of one instant."""

from __future__ import annotations

from dataclasses import dataclass, field

from flightctl.mavlink.autopilots import Autopilot
from flightctl.mavlink.mission import Item
from flightctl.site import PreflightLimits
from flightctl.vehicle.telemetry import Telemetry
from geofence.position import LatLon


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flight needs of the vehicle; None where nothing is asked, or nothing known."""

    limits: PreflightLimits = field(default_factory=PreflightLimits)
    autopilot: str | None = None  # as the site names it
    hooks: int = 0
    drop: bool = False
    dock: LatLon | None = None
    wind_mps: float | None = None  # at the dock
    max_wind_mps: float | None = None
    energy_problem: str = ""  # why the battery is not enough for the plan
    fence: tuple[Item, ...] = ()  # the site's zones, as they would be uploaded; empty: any fence will do


@dataclass(frozen=True, slots=True)
class Readings:
    """What had to be asked of the vehicle, one by one."""

    parameters: dict[str, float | None] = field(default_factory=dict[str, float | None])  # None: it did not say
    fence: tuple[Item, ...] | None = None  # what it holds; None: not asked, or it did not say


@dataclass(frozen=True, slots=True)
class Snapshot:
    asked: Asked
    telemetry: Telemetry
    autopilot: Autopilot
    known: bool  # heard at least once
    conflict: bool  # two autopilots use its system id
    estimator_flags: int
    clock_ahead_s: float | None  # of ours; None: it does not know the time of day
    readings: Readings
    reasons: tuple[str, ...] = ()  # the autopilot's own words, verbatim
