"""Bank coordinates are an exact change of coordinates near the bank, bends included."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.bank import BankLine
from geofence.offset_line import OffsetLine
from geofence.position import Enu
from geofence.river import River


@st.composite
def gentle_lines(draw: st.DrawFn) -> OffsetLine:
    """Segments of 50-400 m, turning by up to 40 degrees at each point."""
    legs = draw(st.lists(st.tuples(st.floats(50, 400), st.floats(-40, 40)), min_size=1, max_size=8))
    heading = draw(st.floats(0, 360))
    points = [np.zeros(2)]
    for length, turn in legs:
        heading += turn
        points.append(
            points[-1] + length * np.array([math.sin(math.radians(heading)), math.cos(math.radians(heading))])
        )
    return OffsetLine(np.array(points))


@given(gentle_lines(), st.lists(st.tuples(st.floats(0, 1), st.floats(-60, 60)), min_size=1, max_size=20))
def test_along_and_offset_survive_the_way_to_east_and_north_and_back(
    line: OffsetLine, places: list[tuple[float, float]]
) -> None:
    # Within 60 m no line of constant along crosses another: 50 m legs turning 40 degrees at both ends
    # have their centre 68 m off.
    given_points = np.array([[share * line.length_m, offset] for share, offset in places])
    points = line.to_xy(given_points)
    alone = np.vstack([line.to_line(point[None, :]) for point in points])
    nearest = np.array([_distance_to(line, point) for point in points])
    own = np.abs(np.abs(given_points[:, 1]) - nearest) < 1.0  # the line may come back past the point elsewhere
    assert np.allclose(alone[own], given_points[own], atol=1e-6)
    assert np.allclose(line.to_xy(line.to_line(points)), points, atol=1e-6)


def _distance_to(line: OffsetLine, point: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    starts, ends = line.points[:-1], line.points[1:]
    steps = ends - starts
    share = np.clip(np.sum((point - starts) * steps, axis=1) / np.sum(steps**2, axis=1), 0, 1)
    return float(np.hypot(*(starts + share[:, None] * steps - point).T).min())


def test_many_points_at_once_equal_each_by_itself(river: River) -> None:
    bank = np.random.default_rng(1).uniform([-1400, -200], [1400, 600], (500, 2))
    points = river.bank.to_enu_array(bank)
    together = river.bank.to_bank_array(points)
    assert np.allclose(together, bank, atol=1e-6)
    assert np.allclose(together[7], river.bank.to_bank_array(points[7:8])[0])


def test_along_is_zero_at_the_site_and_grows_east_with_the_river_on_the_positive_side(river: River) -> None:
    zero = river.bank.to_enu(0.0, 0.0)
    assert zero.length_m < 1.0
    assert river.bank.to_enu(100.0, 0.0).east_m == pytest.approx(100.0, abs=1.0)
    assert river.bank.to_enu(0.0, 50.0).north_m == pytest.approx(-50.0, abs=1.0)
    assert river.bank.to_bank(Enu(0.0, 20.0)).offset_m == pytest.approx(-20.0, abs=1.0)


def test_beyond_its_ends_the_bank_goes_straight_on() -> None:
    bank = BankLine(np.array([[0.0, 0.0], [100.0, 0.0], [200.0, 20.0]]))
    assert bank.to_bank(Enu(-500.0, -30.0)).along_m == pytest.approx(-500.0)
    assert bank.to_bank(bank.to_enu(900.0, 30.0)).along_m == pytest.approx(900.0)


def test_a_line_that_doubles_back_is_refused() -> None:
    with pytest.raises(ValueError, match="120 degrees"):
        OffsetLine(np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 10.0]]))
