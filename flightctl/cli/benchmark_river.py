"""`chaoxun bench geofence|route|drift`: the ground floor's speed, beside the plain way to do the same."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely

from flightctl.cli.measurement import Measurement
from flightctl.cli.running import shipped_site
from geofence.errors import NoRoute
from geofence.position import Enu, FloatArray

_START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
_POINTS, _ZONES = 100_000, 500


def geofence() -> list[Measurement]:
    """Which of 500 outlines each of 100,000 positions lies in, against a loop over the outlines."""
    from geofence.zone_index import ZoneIndex

    rng = np.random.default_rng(1)
    zones = [_outline(rng) for _ in range(_ZONES)]
    points = rng.uniform(-9000.0, 9000.0, (_POINTS, 2))
    index = ZoneIndex(zones)
    found = index.query(points)[0].size
    ours_s = _least(lambda: index.query(points))
    hits = [0]

    def loop() -> None:
        hits[0] = sum(int(shapely.intersects_xy(zone, points[:, 0], points[:, 1]).sum()) for zone in zones)

    plain_s = _least(loop, repeats=1)
    if hits[0] != found:
        raise AssertionError(f"the index finds {found} and the loop {hits[0]}")
    return [
        Measurement(f"{_POINTS:,} positions, {_ZONES} zones", 1e3 * ours_s, "ms", 1e3 * plain_s, "a shapely loop")
    ]


def route() -> list[Measurement]:
    """The shortest safe way on the shipped site and among forty keep-outs, and brute force over their corners."""
    from flightctl.site_loading import load_site
    from geofence.route import length_m, shortest_route

    site = load_site(shipped_site())
    rng = np.random.default_rng(2)
    docks = [site.frame.to_enu(dock.position) for dock in site.file.docks]
    goals = [site.river.bank.to_enu(rng.uniform(-1000, 1000), rng.uniform(5, 100)) for _ in range(200)]
    keep_outs, keep_in = site.zones.keep_outs(), site.zones.keep_in()

    def here() -> None:
        for n, goal in enumerate(goals):
            shortest_route(docks[n % len(docks)], goal, keep_outs, 12.0, keep_in=keep_in)

    here()  # what the zones alone decide is reckoned once
    many = [_outline(rng, spread=1500.0, size=80.0) for _ in range(40)]
    pairs: list[tuple[Enu, Enu]] = []
    while len(pairs) < 20:
        a, b = (Enu(*(float(v) for v in rng.uniform(-2000, 2000, 2))) for _ in range(2))
        try:
            shortest_route(a, b, many, 10.0)
        except NoRoute:
            continue
        pairs.append((a, b))
    few = many[:2]
    start, goal = Enu(-2500.0, 30.0), Enu(2500.0, -20.0)
    ours = length_m(shortest_route(start, goal, few, 0.0))
    began = time.perf_counter()
    brute = _brute_force_m(start, goal, few)
    brute_s = time.perf_counter() - began
    if abs(ours - brute) > 0.01:
        raise AssertionError(f"the route is {ours:.2f} m and brute force finds {brute:.2f} m")
    few_s = _least(lambda: shortest_route(start, goal, few, 0.0))
    return [
        Measurement("a route on the shipped site", 1e3 * _least(here) / len(goals), "ms", 10.0, "the aim"),
        Measurement(
            "a route among 40 keep-outs",
            1e3 * _least(lambda: [shortest_route(a, b, many, 10.0) for a, b in pairs]) / len(pairs),
            "ms",
            10.0,
            "the aim",
        ),
        Measurement("a route around two keep-outs", 1e3 * few_s, "ms", 1e3 * brute_s, "brute force, the same length"),
    ]


def drift() -> list[Measurement]:
    """A person's cloud carried on, against the time it stands for and the aim."""
    from flightctl.site_loading import load_site
    from geofence.bore import BoreForecast
    from geofence.current import CurrentField
    from geofence.drift import DriftCloud

    site = load_site(shipped_site())
    forecast = BoreForecast(site.river)
    cloud = DriftCloud(CurrentField(site.river, forecast), np.random.default_rng(1), particles=2000)
    cloud.start(site.river.bank.to_enu(0.0, 8.0), 2.0, _START)
    ahead = [_START + timedelta(seconds=s) for s in (60, 120, 180, 240, 300)]
    cloud.track(ahead)  # tables are filled once
    five_s = _least(lambda: cloud.track(ahead))
    return [Measurement("2,000 particles, five minutes ahead", 1e3 * five_s, "ms", 20.0, "the aim")]


def _outline(rng: np.random.Generator, spread: float = 8000.0, size: float = 600.0) -> shapely.Polygon:
    centre = rng.uniform(-spread, spread, 2)
    count = int(rng.integers(5, 40))
    angles = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    radii = rng.uniform(0.1, 1.0) * size * rng.uniform(0.7, 1.0, count)
    return shapely.Polygon(centre + radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)]))


def _brute_force_m(start: Enu, goal: Enu, zones: list[shapely.Polygon]) -> float:
    """Every order of up to four corners of the zones' hulls; a shortest way turns at hull corners only."""
    blocked = shapely.buffer(shapely.union_all(zones), -1e-3)
    shapely.prepare(blocked)
    hulls: FloatArray = np.vstack([shapely.get_coordinates(zone.convex_hull)[:-1] for zone in zones])
    nodes = np.vstack([[start.east_m, start.north_m], [goal.east_m, goal.north_m], hulls])
    best = math.inf
    free = np.full((len(nodes), len(nodes)), np.inf)
    for a, b in itertools.combinations(range(len(nodes)), 2):
        if not shapely.intersects(blocked, shapely.LineString([nodes[a], nodes[b]])):
            free[a, b] = free[b, a] = float(np.hypot(*(nodes[a] - nodes[b])))
    for count in range(4):
        for between in itertools.permutations(range(2, len(nodes)), count):
            way = 0.0
            for a, b in itertools.pairwise((0, *between, 1)):
                way += free[a, b]
                if way >= best:
                    break
            best = min(best, way)
    return float(best)


def _least(work: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the quickest of some runs: the others tell of the machine."""
    found: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)
