"""When a zone counts: always, by the clock, around the bore's arrival, by the water's level, between two instants.

What is not known keeps a window open: a missing forecast or gauge is no all-clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from geofence.bore import BoreForecast
from geofence.position import Enu


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Always(_Part):
    type: Literal["always"] = "always"


class BoreRelative(_Part):
    """Minutes before (negative) and after the front's arrival at the zone."""

    type: Literal["bore_relative"]
    from_min: Annotated[float, Field(ge=-360, le=360)]
    to_min: Annotated[float, Field(ge=-360, le=360)]

    @model_validator(mode="after")
    def _in_order(self) -> BoreRelative:
        if self.to_min <= self.from_min:
            raise ValueError(f"the window ends at {self.to_min:g} min, before it begins at {self.from_min:g} min")
        return self


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class ByClock(_Part):
    """Every day, or on some weekdays, between two times of the place; past midnight when it ends before it begins."""

    type: Literal["clock"]
    from_time: time
    to_time: time
    days: tuple[Weekday, ...] = tuple(Weekday)
    timezone: str = "Asia/Shanghai"

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{name!r} is no time zone like Asia/Shanghai") from None
        return name

    @model_validator(mode="after")
    def _means_something(self) -> ByClock:
        if self.from_time.tzinfo is not None or self.to_time.tzinfo is not None:
            raise ValueError("times are those of `timezone` and carry no zone of their own")
        if self.from_time == self.to_time:
            raise ValueError("the window begins and ends at the same time; use type always for a whole day")
        if not self.days:
            raise ValueError("no day is named; leave `days` out for every day")
        return self


class ByWaterLevel(_Part):
    """While the water stands at or over a level, or under one."""

    type: Literal["water_level"]
    over_amsl_m: float | None = None
    under_amsl_m: float | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> ByWaterLevel:
        if self.over_amsl_m is None and self.under_amsl_m is None:
            raise ValueError("needs over_amsl_m, under_amsl_m or both")
        return self


class Period(_Part):
    """Once, between two instants."""

    type: Literal["period"]
    begins_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.ends_at <= self.begins_at:
            raise ValueError("the period ends before it begins")
        return self


Window = Annotated[Always | BoreRelative | ByClock | ByWaterLevel | Period, Field(discriminator="type")]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What windows are held against; None is not known."""

    at: datetime
    bore: BoreForecast | None = None
    level_amsl_m: float | None = None


def is_open(window: Window, place: Enu, now: Conditions) -> bool:
    """At `place`, the zone's middle."""
    match window:
        case Always():
            return True
        case Period():
            return window.begins_at <= now.at < window.ends_at
        case ByClock():
            return _by_clock(window, now.at)
        case ByWaterLevel():
            level = now.level_amsl_m
            return level is None or (
                (window.over_amsl_m is None or level >= window.over_amsl_m)
                and (window.under_amsl_m is None or level < window.under_amsl_m)
            )
        case BoreRelative():
            return now.bore is None or _around_bore(window, place, now.at, now.bore)


def _by_clock(window: ByClock, at: datetime) -> bool:
    there = at.astimezone(ZoneInfo(window.timezone))
    days = tuple(Weekday)
    today, yesterday = days[there.weekday()], days[there.weekday() - 1]
    if window.from_time < window.to_time:
        return today in window.days and window.from_time <= there.time() < window.to_time
    begun_today = today in window.days and there.time() >= window.from_time
    return begun_today or (yesterday in window.days and there.time() < window.to_time)


def _around_bore(window: BoreRelative, place: Enu, at: datetime, bore: BoreForecast) -> bool:
    """Widened on both sides by the sigma of the arrival."""
    widest_s = 60.0 * max(abs(window.from_min), abs(window.to_min)) + 7200.0
    after = at - timedelta(seconds=widest_s)
    while True:
        passage = bore.next_passage(place, after, passed_s=0.0)
        opens = passage.at + timedelta(minutes=window.from_min, seconds=-passage.sigma_s)
        closes = passage.at + timedelta(minutes=window.to_min, seconds=passage.sigma_s)
        if opens <= at <= closes:
            return True
        if passage.at > at + timedelta(seconds=widest_s):
            return False
        after = passage.at + timedelta(hours=1)
