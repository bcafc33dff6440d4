"""A covered area is seen everywhere, by lines that stay inside it, whatever its shape."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geofence.position import Enu
from missions.coverage import Camera, best_bearing_deg, cover

CAMERA = Camera(across_deg=60.0, along_deg=40.0)


def _strips(height_m: float, track: tuple[Enu, ...]) -> shapely.Geometry:
    """What the camera saw while it flew the lines (every other leg; the others are turns)."""
    wide_m, _ = CAMERA.footprint_m(height_m)
    lines = [
        shapely.LineString([(a.east_m, a.north_m), (b.east_m, b.north_m)])
        for a, b in zip(track[::2], track[1::2], strict=True)
    ]
    return shapely.union_all([line.buffer(wide_m / 2.0, cap_style="square") for line in lines])


@st.composite
def stars(draw: st.DrawFn) -> shapely.Polygon:
    """Simple outlines, often not convex."""
    count = draw(st.integers(4, 9))
    radii = draw(st.lists(st.floats(60.0, 260.0), min_size=count, max_size=count))
    angles = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    return shapely.Polygon([(50 + r * np.sin(a), -30 + r * np.cos(a)) for r, a in zip(radii, angles, strict=True)])


@given(area=stars(), overlap=st.floats(0.1, 0.6))
def test_the_lines_see_nearly_all_of_any_outline(area: shapely.Polygon, overlap: float) -> None:
    plan = cover(area, CAMERA, 30.0, side_overlap=overlap)
    seen = shapely.intersection(area, _strips(30.0, plan.track))
    assert seen.area > 0.97 * area.area  # tips thinner than half a line apart may stick out
    inside = area.buffer(0.01)
    assert all(shapely.covers(inside, shapely.Point(p.east_m, p.north_m)) for p in plan.track)


def test_a_long_area_is_flown_along_its_length() -> None:
    area = shapely.box(0.0, 0.0, 600.0, 80.0)
    assert best_bearing_deg(area) == pytest.approx(90.0)
    plan = cover(area, CAMERA, 30.0, side_overlap=0.3)
    assert len(plan.track) == 2 * 4  # 80 m by 24 m
    across = cover(area, CAMERA, 30.0, side_overlap=0.3, bearing_deg=0.0)
    assert len(across.track) > 5 * len(plan.track)


def test_a_hole_is_left_out_and_both_its_sides_are_flown() -> None:
    area = shapely.Polygon([(0, 0), (400, 0), (400, 100), (0, 100)], [[(150, 20), (250, 20), (250, 80), (150, 80)]])
    plan = cover(area, CAMERA, 20.0, bearing_deg=90.0)
    middle = [(a, b) for a, b in itertools.pairwise(plan.track) if abs(a.north_m - b.north_m) < 1e-6]
    flown = {(round(min(a.east_m, b.east_m)), round(max(a.east_m, b.east_m))) for a, b in middle}
    assert (0, 150) in flown
    assert (250, 400) in flown


def test_the_flight_begins_at_the_end_near_the_dock() -> None:
    area = shapely.box(0.0, 0.0, 600.0, 80.0)
    for dock in (Enu(-50.0, -50.0), Enu(650.0, 130.0)):
        track = cover(area, CAMERA, 30.0, start=dock).track
        assert dock.distance_m(track[0]) <= dock.distance_m(track[-1])


def test_what_cannot_be_covered_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="not a simple outline"):
        cover(shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), CAMERA, 30.0)
    with pytest.raises(ValueError, match="fly higher or split"):
        cover(shapely.box(0, 0, 9000, 9000), CAMERA, 10.0)
    with pytest.raises(ValueError, match="overlap"):
        cover(shapely.box(0, 0, 90, 90), CAMERA, 10.0, side_overlap=1.0)
