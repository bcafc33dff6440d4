"""A mission plan: the typed items of one flight, in order.

Heights are metres above home (the dock), as an autopilot takes them. Above what else they stand (water,
foreshore) is the planner's business; it must have done the sum before an item is made.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from geofence.position import LatLon

HomeHeight = Annotated[float, Field(ge=-100, le=1000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=7200, allow_inf_nan=False)]


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TakeOff(_Item):
    type: Literal["take_off"] = "take_off"
    height_m: HomeHeight


class Waypoint(_Item):
    """Fly there in a straight line."""

    type: Literal["waypoint"] = "waypoint"
    position: LatLon
    height_m: HomeHeight
    speed_mps: Annotated[float, Field(gt=0, le=40)] | None = None  # ground speed; the drone's own when left out


class Hold(_Item):
    """Stay where the last item ended."""

    type: Literal["hold"] = "hold"
    seconds: Seconds


class Hail(_Item):
    """Speak a message of the site from the air, going on with the flight meanwhile."""

    type: Literal["hail"] = "hail"
    message_id: str
    repeat: Annotated[int, Field(ge=1, le=20)] = 1


class Drop(_Item):
    """Go to the release point over the target and let one lifebuoy go, when the interlocks and consent allow.

    The target drifts: the position is where it was when the plan was made, and the flight corrects it.
    """

    type: Literal["drop"] = "drop"
    position: LatLon
    height_m: HomeHeight
    hook: Annotated[int, Field(ge=1, le=6)]


class Watch(_Item):
    """Stay near the target with the camera on it."""

    type: Literal["watch"] = "watch"
    position: LatLon
    height_m: HomeHeight
    seconds: Seconds


class ReturnHome(_Item):
    """Climb or descend to the height, fly the way back, land in the dock."""

    type: Literal["return_home"] = "return_home"
    height_m: HomeHeight


Item = Annotated[TakeOff | Waypoint | Hold | Hail | Drop | Watch | ReturnHome, Field(discriminator="type")]


class MissionPlan(BaseModel):
    """One flight from a dock and back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    purpose: Literal["lifebuoy", "hail", "watch", "patrol", "coverage", "search", "standby", "follow_bore"]
    drone_id: str
    home: LatLon
    home_amsl_m: float
    items: Annotated[tuple[Item, ...], Field(min_length=1)]

    def amsl_m(self, height_m: float) -> float:
        return self.home_amsl_m + height_m


def position_of(item: Item) -> LatLon | None:
    """Where an item takes the drone, when it takes it anywhere."""
    return item.position if isinstance(item, Waypoint | Drop | Watch) else None


def height_of(item: Item) -> float | None:
    """Metres above home, for items that set a height."""
    return None if isinstance(item, Hold | Hail) else item.height_m
