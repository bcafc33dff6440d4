"""A zone's window is open exactly when it says, and whenever that cannot be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from geofence.position import Enu
from geofence.windows import Conditions, Window, is_open

HERE = Enu(0.0, 0.0)
MONDAY = datetime(2026, 9, 28, 0, 0, tzinfo=UTC)  # 08:00 at Haining
parse: TypeAdapter[Window] = TypeAdapter(Window)


def opens(window: dict[str, object], at: datetime, level: float | None = None) -> bool:
    return is_open(parse.validate_python(window), HERE, Conditions(at, level_amsl_m=level))


@given(hours=st.integers(0, 24 * 21))
def test_a_window_past_midnight_belongs_to_the_day_it_begins_on(hours: int) -> None:
    at = MONDAY + timedelta(hours=hours)
    there = at + timedelta(hours=8)
    window: dict[str, object] = {"type": "clock", "from_time": "22:00", "to_time": "05:00", "days": ["fri", "sat"]}
    begun_on = there if there.hour >= 22 else there - timedelta(days=1)
    assert opens(window, at) == ((there.hour >= 22 or there.hour < 5) and begun_on.weekday() in (4, 5))


@pytest.mark.parametrize(("hour", "expected"), [(0, True), (1, True), (1.99, True), (2, False), (23.99, False)])
def test_a_window_of_the_day_is_in_the_time_of_the_place(hour: float, expected: bool) -> None:
    window: dict[str, object] = {"type": "clock", "from_time": "08:00", "to_time": "10:00"}
    assert opens(window, MONDAY + timedelta(hours=hour)) is expected


def test_a_window_by_level_is_open_over_it_under_it_and_while_no_gauge_is_heard() -> None:
    over: dict[str, object] = {"type": "water_level", "over_amsl_m": 3.0}
    between: dict[str, object] = {"type": "water_level", "over_amsl_m": 1.0, "under_amsl_m": 3.0}
    assert [opens(over, MONDAY, level) for level in (2.9, 3.0, None)] == [False, True, True]
    assert [opens(between, MONDAY, level) for level in (0.5, 1.0, 3.0, None)] == [False, True, False, True]


def test_a_period_is_open_from_its_first_instant_until_before_its_last() -> None:
    window: dict[str, object] = {
        "type": "period",
        "begins_at": MONDAY.isoformat(),
        "ends_at": (MONDAY + timedelta(hours=1)).isoformat(),
    }
    seconds = (-1, 0, 3599, 3600)
    assert [opens(window, MONDAY + timedelta(seconds=s)) for s in seconds] == [False, True, True, False]
