"""Routes around keep-outs: never through one, as short as any over a grid, and none when there is none."""

from __future__ import annotations

import heapq
import itertools
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.errors import NoRoute
from geofence.position import Enu
from geofence.route import length_m, shortest_route

START, GOAL = Enu(5.0, 50.0), Enu(95.0, 50.0)
CLEARANCE_M = 3.0
GRID_M = 2.5


@st.composite
def obstacles(draw: st.DrawFn) -> list[shapely.Polygon]:
    """Up to five rectangles, turned, away from both ends."""
    found: list[shapely.Polygon] = []
    for _ in range(draw(st.integers(1, 5))):
        x, y = draw(st.floats(25, 75)), draw(st.floats(15, 85))
        width, height = draw(st.floats(2, 15)), draw(st.floats(2, 40))
        box = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        found.append(shapely.affinity.rotate(box, draw(st.floats(0, 180))))
    return found


def _line(route: tuple[Enu, ...]) -> shapely.LineString:
    return shapely.LineString([(p.east_m, p.north_m) for p in route])


def _grid_length_m(keep_outs: list[shapely.Polygon], grown_m: float) -> float:
    """Brute force: the shortest way over a grid with sixteen directions, around the same outlines."""
    blocked = shapely.union_all([shapely.buffer(p, grown_m, join_style="mitre", mitre_limit=2.0) for p in keep_outs])
    shapely.prepare(blocked)
    size = 61
    low = -25.0
    steps = [(i, j) for i, j in itertools.product(range(-2, 3), repeat=2) if math.gcd(i, j) == 1]
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    points = np.column_stack([rows.ravel(), columns.ravel()]) * GRID_M + low
    legs: dict[tuple[int, int], np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}
    for step in steps:
        ends = points + np.array(step) * GRID_M
        crossing = shapely.intersects(blocked, shapely.linestrings(np.stack([points, ends], axis=1)))
        legs[step] = ~np.asarray(crossing, dtype=np.bool_)
    first = (round((START.east_m - low) / GRID_M), round((START.north_m - low) / GRID_M))
    last = (round((GOAL.east_m - low) / GRID_M), round((GOAL.north_m - low) / GRID_M))
    best = {first: 0.0}
    queue = [(0.0, first)]
    while queue:
        so_far, node = heapq.heappop(queue)
        if node == last:
            return so_far
        if so_far > best[node]:
            continue
        for step, free in legs.items():
            other = (node[0] + step[0], node[1] + step[1])
            if not (0 <= other[0] < size and 0 <= other[1] < size and free[node[0] * size + node[1]]):
                continue
            total = so_far + GRID_M * math.hypot(*step)
            if total < best.get(other, math.inf):
                best[other] = total
                heapq.heappush(queue, (total, other))
    return math.inf


@settings(max_examples=15)
@given(obstacles())
def test_a_route_keeps_clear_and_is_as_short_as_any_over_a_grid(keep_outs: list[shapely.Polygon]) -> None:
    route = shortest_route(START, GOAL, keep_outs, CLEARANCE_M)
    assert (route[0], route[-1]) == (START, GOAL)
    # the mitre is cut off at twice the clearance, so a sharp corner keeps at least the clearance
    assert all(shapely.distance(polygon, _line(route)) > CLEARANCE_M - 0.01 for polygon in keep_outs)
    found = length_m(route)
    assert found <= _grid_length_m(keep_outs, CLEARANCE_M) + 1e-6
    # sixteen directions cost at most 2.8 % more than the straight line, and the grid may miss a corner by a step
    assert found >= _grid_length_m(keep_outs, CLEARANCE_M - 2 * GRID_M) / 1.028 - 4 * GRID_M * len(route)


def test_with_nothing_in_the_way_it_goes_straight() -> None:
    assert shortest_route(START, GOAL, [shapely.box(0, 80, 100, 90)], 10) == (START, GOAL)
    assert shortest_route(START, GOAL, [], 10) == (START, GOAL)


def test_a_single_box_is_passed_on_its_nearer_side() -> None:
    route = shortest_route(START, GOAL, [shapely.box(45, 20, 55, 60)], 5)
    expected = 2 * math.hypot(40 - 5, 15) + 20  # two corners of the grown box, at (40, 65) and (60, 65)
    assert length_m(route) == pytest.approx(expected, abs=0.01)
    assert all(p.north_m > 49 for p in route)


def test_inside_the_keep_in_it_goes_around_the_inner_corner() -> None:
    bent = shapely.Polygon([(0, 0), (100, 0), (100, 20), (20, 20), (20, 100), (0, 100)])
    route = shortest_route(Enu(10, 90), Enu(90, 10), [], 5, keep_in=bent)
    assert len(route) == 3
    assert route[1].distance_m(Enu(15, 15)) < 0.1


def test_no_way_out_is_said() -> None:
    ring = shapely.Polygon(shapely.box(-20, 30, 30, 70).exterior, [shapely.box(-10, 40, 20, 60).exterior])
    with pytest.raises(NoRoute, match="no way from"):
        shortest_route(START, GOAL, [ring], 2)


def test_an_end_in_a_keep_out_or_outside_the_keep_in_is_refused() -> None:
    with pytest.raises(NoRoute, match="lies in a keep-out"):
        shortest_route(START, GOAL, [shapely.box(90, 40, 100, 60)], 2)
    with pytest.raises(NoRoute, match="outside the keep-in"):
        shortest_route(START, GOAL, [], 2, keep_in=shapely.box(0, 0, 50, 100))


def test_a_dock_beside_a_keep_out_keeps_its_own_distance() -> None:
    zone = shapely.box(8, 40, 20, 60)
    route = shortest_route(START, GOAL, [zone], 10)  # the start is 3 m from the zone
    assert shapely.distance(zone, _line(route)) >= 1.4


def test_a_route_asked_for_again_is_the_same_and_the_ends_do_not_share_what_was_grown_for_others() -> None:
    """What is kept between questions is only what does not hang on where the ends are."""
    zone = shapely.box(-20.0, -20.0, 20.0, 20.0)
    far = shortest_route(Enu(-200.0, 0.0), Enu(200.0, 0.0), (zone,), 10.0)
    near = shortest_route(Enu(-22.0, 0.0), Enu(200.0, 0.0), (zone,), 10.0)  # closer than the clearance
    assert shortest_route(Enu(-200.0, 0.0), Enu(200.0, 0.0), (zone,), 10.0) == far
    assert shortest_route(Enu(-22.0, 0.0), Enu(200.0, 0.0), (zone,), 10.0) == near
    assert len(far) > 2
    assert all(abs(corner.north_m) >= 30.0 - 1e-6 for corner in far[1:-1])
    assert any(abs(corner.north_m) < 30.0 - 1e-6 for corner in near[1:-1])
