"""The index answers as a plain test of every outline would, for any outlines and points."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geofence.zone_index import ZoneIndex


@st.composite
def outlines(draw: st.DrawFn) -> shapely.Polygon:
    count = draw(st.integers(3, 8))
    east, north = draw(st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
    radii = draw(st.lists(st.floats(1.0, 400.0), min_size=count, max_size=count))
    angles = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    return shapely.Polygon(
        [(east + r * np.sin(a), north + r * np.cos(a)) for r, a in zip(radii, angles, strict=True)]
    )


@given(zones=st.lists(outlines(), max_size=6), seed=st.integers(0, 999))
def test_it_finds_what_testing_every_outline_finds(zones: list[shapely.Polygon], seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-900, 900, (300, 2))
    corners = [shapely.get_coordinates(zone) for zone in zones]
    points = np.vstack([points, *corners])  # on the edge is inside
    at, zone = ZoneIndex(zones).query(points)
    found = set(zip(at.tolist(), zone.tolist(), strict=True))
    plain = {
        (int(n), k)
        for k, polygon in enumerate(zones)
        for n in np.flatnonzero(shapely.intersects_xy(polygon, points[:, 0], points[:, 1]))
    }
    assert found == plain
    assert sorted(found) == list(zip(at.tolist(), zone.tolist(), strict=True))


def test_points_that_are_no_numbers_or_far_away_are_nowhere() -> None:
    index = ZoneIndex([shapely.box(0, 0, 10, 10)])
    at, _ = index.query(np.array([[np.nan, 5.0], [np.inf, 5.0], [1e12, 5.0], [5.0, 5.0]]))
    assert at.tolist() == [3]
    assert ZoneIndex([]).query(np.zeros((3, 2)))[0].size == 0
    assert index.query(np.zeros((0, 2)))[0].size == 0
