"""A scenario as its YAML file says it (docs/scenarios.md): place, weather, people, faults, deeds, expectations."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flightctl.site import Identifier, Policy, Text
from sim.scenario.expect import Expectation, parse_expectation

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Speed = Annotated[float, Field(gt=0, le=12, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Place(_Part):
    """Metres along the seawall's crest and metres from it towards the river."""

    along_m: Annotated[float, Field(ge=-3000, le=3000, allow_inf_nan=False)]
    offset_m: Annotated[float, Field(ge=-500, le=3000, allow_inf_nan=False)]


class WeatherPlan(_Part):
    wind_mps: Annotated[float, Field(ge=0, le=40)] = 4.0
    wind_from_deg: Annotated[float, Field(ge=0, lt=360)] = 110.0
    gust: Annotated[float, Field(ge=0, le=1)] = 0.25  # strongest gust over the mean, as a fraction of it
    light: Literal["day", "overcast"] = "overcast"
    rain: bool = False


class RiverPlan(_Part):
    low_water_amsl_m: Annotated[float, Field(ge=-2, le=6)] = 1.5
    ebb_mps: Annotated[float, Field(ge=0, le=4)] = 1.0


class ForecastSource(StrEnum):
    TABLE = "table"  # the official table knows the bore
    ASTRONOMY = "astronomy"  # only the Moon does


class BorePlan(_Part):
    arrives_in_s: Annotated[float, Field(ge=-7200, le=43_200)]  # at along 0, after the start
    height_m: Annotated[float, Field(gt=0, le=5)] = 1.8
    speed_mps: Annotated[float, Field(ge=3, le=12)] = 6.0
    forecast: ForecastSource = ForecastSource.TABLE
    forecast_error_s: Annotated[float, Field(ge=-5400, le=5400)] = 0.0  # the table says this much later


class WalkTo(_Part):
    to: Place
    speed_mps: Speed = 1.3


class Wandering(_Part):
    seconds: Seconds
    radius_m: Annotated[float, Field(gt=0, le=50)] = 6.0
    speed_mps: Speed = 0.7


class GoingBack(_Part):
    speed_mps: Speed = 1.5


def _bare_word(value: Any) -> Any:
    return {value: {}} if isinstance(value, str) else value


class ActPlan(_Part):
    """One thing a person does; exactly one of the fields is given."""

    stand: Seconds | None = None
    walk: WalkTo | None = None
    climb_down: WalkTo | None = None
    wander: Wandering | None = None
    walk_back: GoingBack | None = None
    fall_at_s: Seconds | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> ActPlan:
        if len(self.model_fields_set) != 1:
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"one act is one of: {known}")
        return self


class PersonPlan(_Part):
    id: Identifier
    at: Place
    does: tuple[Annotated[ActPlan, BeforeValidator(_bare_word)], ...] = ()
    appears_at_s: Seconds = 0.0
    heeds_hail_after_s: Seconds | None = 4.0  # null: takes no notice
    swims: bool = True
    height_m: Annotated[float, Field(ge=0.8, le=2.2)] = 1.7


class CrowdPlan(_Part):
    count: Annotated[int, Field(ge=1, le=500)]
    along_from_m: float
    along_to_m: float
    offset_from_m: Annotated[float, Field(ge=-200, le=0)] = -10.0
    offset_to_m: Annotated[float, Field(ge=-200, le=0)] = -1.2


class BoatPlan(_Part):
    at: Place
    speed_mps: Annotated[float, Field(ge=-12, le=12)] = 3.0
    length_m: Annotated[float, Field(gt=1, le=120)] = 18.0


class Moment(StrEnum):
    """What a fault or a deed can wait for: the first time it happens in the run."""

    ALERT = "alert"
    DISPATCHED = "dispatched"
    AIRBORNE = "airborne"
    ON_SCENE = "on_scene"
    DROPPED = "dropped"
    FALL = "fall"


class _Timed(_Part):
    at_s: Seconds | None = None
    when: Moment | None = None
    after_s: Seconds = 0.0  # this long after `when`

    @model_validator(mode="after")
    def _one_time(self) -> _Timed:
        if (self.at_s is None) == (self.when is None):
            raise ValueError("give either at_s or when")
        return self


class FaultKind(StrEnum):
    COVER_JAM = "cover_jam"  # of a dock
    DOCK_OFFLINE = "dock_offline"
    SELF_CHECK = "self_check"
    EMERGENCY_STOP = "emergency_stop"
    LINK_LOST = "link_lost"  # of a drone
    GRIPPER_JAM = "gripper_jam"
    GPS_LOST = "gps_lost"
    BATTERY_LOW = "battery_low"
    CAMERA_BLACK = "camera_black"
    CAMERA_FROZEN = "camera_frozen"
    CAMERA_LOST = "camera_lost"
    SPEAKER_BROKEN = "speaker_broken"


FAULT_TARGETS: dict[str, frozenset[FaultKind]] = {
    "dock": frozenset({FaultKind.COVER_JAM, FaultKind.DOCK_OFFLINE, FaultKind.SELF_CHECK, FaultKind.EMERGENCY_STOP}),
    "drone": frozenset({FaultKind.LINK_LOST, FaultKind.GRIPPER_JAM, FaultKind.GPS_LOST, FaultKind.BATTERY_LOW}),
    "camera": frozenset({FaultKind.CAMERA_BLACK, FaultKind.CAMERA_FROZEN, FaultKind.CAMERA_LOST}),
    "speaker": frozenset({FaultKind.SPEAKER_BROKEN}),
}


class FaultPlan(_Timed):
    kind: FaultKind
    target: str  # a dock, drone, camera or speaker; "first" is the drone that flies first
    for_s: Seconds | None = None  # null: for the rest of the run


class Deed(StrEnum):
    """What the duty officer does."""

    REFUSE_DROP = "refuse_drop"
    CONFIRM_DROP = "confirm_drop"
    RECALL = "recall"
    HOLD = "hold"
    RELEASE_HOLD = "release_hold"
    LAUNCH = "launch"
    REJECT = "reject"


class DeedPlan(_Timed):
    do: Deed


def _expectation(value: Any) -> Any:
    if isinstance(value, Expectation):
        return value
    return parse_expectation(str(value))


ExpectationField = Annotated[Expectation, BeforeValidator(_expectation)]


def _utc(value: Any) -> Any:
    """YAML reads a time with a zone as aware or, when it ends in Z, as naive UTC in some versions."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


class Scenario(_Part):
    """The whole file."""

    version: Literal[1]
    name: Text | str
    story: str = ""
    site: str = "haining"  # the one that ships, or a folder relative to this file
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    starts_at: Annotated[AwareDatetime, BeforeValidator(_utc)] = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
    duration_s: Annotated[float, Field(gt=0, le=7200)]
    ends: Literal["on_time", "when_settled"] = "on_time"
    """`when_settled` ends early, once every drone that flew is docked again and no incident is being served."""
    boot_s: Annotated[float, Field(ge=0, le=600)] = 60.0
    """How long the drones have been powered before the start, as in docks that keep them warm."""
    cameras: Literal["all"] | tuple[str, ...] = "all"
    weather: WeatherPlan = WeatherPlan()
    river: RiverPlan = RiverPlan()
    bore: BorePlan | None = None
    people: tuple[PersonPlan, ...] = ()
    crowds: tuple[CrowdPlan, ...] = ()
    boats: tuple[BoatPlan, ...] = ()
    gulls: Annotated[int, Field(ge=0, le=200)] = 0
    faults: tuple[FaultPlan, ...] = ()
    policy: dict[str, Any] = {}  # overrides of the site's
    actions: tuple[DeedPlan, ...] = ()
    expect: Annotated[tuple[ExpectationField, ...], Field(min_length=1)]

    @property
    def title(self) -> str:
        return self.name if isinstance(self.name, str) else self.name.en

    def with_seed(self, seed: int | None) -> Scenario:
        return self if seed is None else self.model_copy(update={"seed": seed})

    def policy_over(self, policy: Policy) -> Policy:
        """The site's policy with this scenario's changes. Raises pydantic's ValidationError."""
        data = policy.model_dump(mode="json")
        return Policy.model_validate({**data, **self.policy})
