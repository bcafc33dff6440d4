"""What the world shows at one instant: an immutable copy that cameras may render in another thread."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from geofence.position import Enu
from sim.world.water import River
from sim.world.weather import Weather

Colour = tuple[int, int, int]  # blue, green, red


class Pose(StrEnum):
    STANDING = "standing"
    WALKING = "walking"
    FALLING = "falling"
    SWIMMING = "swimming"
    HOLDING = "holding"  # afloat with a lifebuoy
    LYING = "lying"


class BuoyKind(StrEnum):
    RING = "ring"
    POD = "pod"


@dataclass(frozen=True, slots=True)
class PersonView:
    id: str
    position: Enu
    feet_amsl_m: float  # the surface of the water for one afloat
    heading_deg: float
    pose: Pose
    phase: float  # of the gait, the tumble or the bobbing, radians
    height_m: float
    top: Colour
    legs: Colour
    behind_railing: bool


@dataclass(frozen=True, slots=True)
class BuoyView:
    id: int
    kind: BuoyKind
    position: Enu
    height_amsl_m: float
    afloat: bool


@dataclass(frozen=True, slots=True)
class DroneView:
    id: str
    position: Enu
    height_amsl_m: float
    heading_deg: float


@dataclass(frozen=True, slots=True)
class GullView:
    position: Enu
    height_amsl_m: float
    heading_deg: float
    wing: float  # -1 down .. 1 up; 0 and no height above water: sitting


@dataclass(frozen=True, slots=True)
class BoatView:
    position: Enu
    water_amsl_m: float
    heading_deg: float
    length_m: float


@dataclass(frozen=True, slots=True)
class SplashView:
    position: Enu
    height_amsl_m: float
    age_s: float
    size: float  # 1 for a person


@dataclass(frozen=True, slots=True)
class WorldView:
    at_s: float
    river: River
    weather: Weather
    wind: Enu
    people: tuple[PersonView, ...] = ()
    buoys: tuple[BuoyView, ...] = ()
    drones: tuple[DroneView, ...] = ()
    gulls: tuple[GullView, ...] = ()
    boats: tuple[BoatView, ...] = ()
    splashes: tuple[SplashView, ...] = ()
