"""The measurements behind `chaoxun bench`: each returns numbers with what to hold them against."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from flightctl.cli import benchmark_link, benchmark_river, benchmark_sim, benchmark_vision
from flightctl.cli.measurement import Measurement
from flightctl.cli.running import shipped_site

_START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)


def store() -> list[Measurement]:
    """Durable incidents and batched telemetry, against the bare `sqlite3` module doing the same."""
    with tempfile.TemporaryDirectory(prefix="chaoxun-bench-") as folder:
        return asyncio.run(_store(Path(folder)))


async def _store(folder: Path) -> list[Measurement]:
    from flightctl.incidents.model import Incident, IncidentState, Priority, TimelineEntry
    from flightctl.store import Store, TelemetryRow
    from geofence.identity import uuid7

    rng = np.random.default_rng(1)
    saves, rows = 300, 20_000
    incidents = [
        Incident(
            id=uuid7(_START, rng),
            opened_at=_START,
            priority=Priority.P1,
            state=IncidentState.DETECTED,
            position=None,
            alerts=(),
            timeline=tuple(TimelineEntry(at=_START, actor="bench", step="alert") for _ in range(10)),
        )
        for _ in range(saves)
    ]
    telemetry = [TelemetryRow(_START + timedelta(seconds=i), f"cx-{i % 50}", 30.4, 120.5, 20.0) for i in range(rows)]
    async with await Store.open(folder / "ours.db") as ours:
        began = time.perf_counter()
        for incident in incidents:
            await ours.save_incident(incident)
        saves_per_s = saves / (time.perf_counter() - began)
        began = time.perf_counter()
        for start in range(0, rows, 500):
            ours.telemetry(telemetry[start : start + 500])
            await ours.flush_telemetry()
        rows_per_s = rows / (time.perf_counter() - began)

    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; create table d(x); create table t(a,b,c,d,e)"
    )
    documents = [incident.model_dump_json() for incident in incidents]
    began = time.perf_counter()
    for document in documents:
        bare.execute("insert into d values (?)", (document,))
    bare_saves_per_s = saves / (time.perf_counter() - began)
    bare.execute("PRAGMA synchronous=NORMAL")
    plain = [(str(row.at), row.drone_id, row.lat, row.lon, row.height_m) for row in telemetry]
    began = time.perf_counter()
    for start in range(0, rows, 500):
        bare.execute("begin")
        bare.executemany("insert into t values (?,?,?,?,?)", plain[start : start + 500])
        bare.execute("commit")
    bare_rows_per_s = rows / (time.perf_counter() - began)
    bare.close()
    return [
        Measurement("incidents saved durably", saves_per_s, "a second", bare_saves_per_s, "one bare insert of each"),
        Measurement("telemetry rows", rows_per_s, "a second", bare_rows_per_s, "bare inserts without index"),
    ]


def scenario() -> list[Measurement]:
    """The shipped demonstration in virtual time; ten minutes are to take less than thirty seconds."""
    from sim.scenario.load import load_scenario
    from sim.scenario.runner import run_scenario

    result = run_scenario(load_scenario(shipped_site() / "demo.yaml"))
    return [
        Measurement("scenario, virtual to wall time", result.speed, "times", 20.0, "ten minutes in thirty seconds")
    ]


BENCHMARKS: dict[str, Callable[[], list[Measurement]]] = {
    "store": store,
    "geofence": benchmark_river.geofence,
    "route": benchmark_river.route,
    "drift": benchmark_river.drift,
    "link": benchmark_link.measure,
    "sim": benchmark_sim.measure,
    "scenario": scenario,
    "vision": benchmark_vision.measure,
}
