"""What a mission file holds, whatever its format: autopilot steps, fence, rally points, areas, and notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from geofence.position import LatLon
from missions.plan import MissionPlan


class Frame(Enum):
    """What a step's height is above."""

    HOME = "home"
    AMSL = "amsl"
    TERRAIN = "terrain"  # true height


class MavCmd(IntEnum):
    """The MAV_CMD numbers that plans are made of (MAVLink common.xml)."""

    NAV_WAYPOINT = 16
    NAV_LOITER_UNLIM = 17
    NAV_LOITER_TURNS = 18
    NAV_LOITER_TIME = 19
    NAV_RETURN_TO_LAUNCH = 20
    NAV_LAND = 21
    NAV_TAKEOFF = 22
    NAV_SPLINE_WAYPOINT = 82
    NAV_DELAY = 93
    DO_CHANGE_SPEED = 178
    DO_GRIPPER = 211


@dataclass(frozen=True, slots=True)
class Step:
    """One item of an autopilot's mission."""

    command: int
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # NaN where the file leaves it open
    position: LatLon | None = None
    height_m: float = 0.0
    frame: Frame = Frame.HOME

    @property
    def name(self) -> str:
        known = {command.value: command.name for command in MavCmd}
        return known.get(self.command, f"MAV_CMD {self.command}")


@dataclass(frozen=True, slots=True)
class Circle:
    centre: LatLon
    radius_m: float
    inclusion: bool


Ring = tuple[LatLon, ...]  # without the first point repeated


@dataclass(frozen=True, slots=True)
class Note:
    """Something that could not be kept, and where it stood."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Document:
    steps: tuple[Step, ...] = ()
    home: LatLon | None = None
    home_amsl_m: float | None = None
    inclusions: tuple[Ring, ...] = ()
    exclusions: tuple[Ring, ...] = ()
    circles: tuple[Circle, ...] = ()
    rally: tuple[tuple[LatLon, float], ...] = ()  # height above home
    areas: tuple[Ring, ...] = ()  # outlines of no stated meaning: to be covered, or made a zone
    plan: MissionPlan | None = None  # ours, where the file carried it whole and nobody has changed the rest
    notes: tuple[Note, ...] = field(default=())
