"""What the store keeps, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from flightctl.incidents.model import IncidentState, Priority
from flightctl.store import CommandRecord, Store, StoreUnavailable, TelemetryRow
from flightctl.store.database import Database
from flightctl.store.store import TELEMETRY_BUFFER_ROWS, TELEMETRY_FLUSH_S
from flightctl.store.tables import metadata
from sim.virtual_time import run_virtual
from tests.flightctl import samples


def with_store(path: Path, body: Callable[[Store], Awaitable[None]], *, busy_timeout_s: float = 5.0) -> None:
    async def run() -> None:
        async with await Store.open(path, busy_timeout_s=busy_timeout_s) as store:
            await body(store)

    run_virtual(run())


async def limit_pages(store: Store, pages: int) -> None:
    """A disk with room for so many pages (at least those in use), as SQLite sees it."""

    def limit(database: Database) -> None:
        for connection in (database.durable, database.quick):
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").close()
            connection.rollback()

    await store.in_thread(limit)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chaoxun.db"


def test_an_incident_comes_back_as_it_was_saved(path: Path) -> None:
    incident = samples.incident(steps=3)
    incident = incident.model_copy(update={"decisions": (samples.decision(incident.id),)})

    async def save(store: Store) -> None:
        await store.save_incident(incident)

    async def look(store: Store) -> None:
        assert await store.incident(incident.id) == incident

    with_store(path, save)
    with_store(path, look)


def test_the_store_works_on_the_normal_event_loop(path: Path) -> None:
    async def run() -> None:
        async with await Store.open(path) as store:
            await store.save_incident(samples.incident())
            assert len(await store.incidents()) == 1

    asyncio.run(run())


def test_each_save_adds_only_what_is_new_to_the_append_only_tables(path: Path) -> None:
    first = samples.incident(steps=2)
    later = first.model_copy(
        update={
            "state": IncidentState.VERIFIED,
            "timeline": (*first.timeline, samples.entry(9, "hail")),
            "alerts": (*first.alerts, samples.alert(8)),
            "decisions": (samples.decision(first.id),),
        }
    )

    async def save(store: Store) -> None:
        for incident in (first, first, later, later):
            await store.save_incident(incident)

    with_store(path, save)
    with sqlite3.connect(path) as db:
        assert [row[0] for row in db.execute("select step from timeline order by seq")] == ["alert", "alert", "hail"]
        assert db.execute("select count(*) from alerts").fetchone() == (2,)
        assert db.execute("select count(*) from decisions").fetchone() == (1,)
        assert db.execute("select state from incidents").fetchall() == [("verified",)]
    db.close()


def test_open_incidents_come_by_priority_then_age_and_closed_ones_stay_away(path: Path) -> None:
    old_p3 = samples.incident(0, priority=Priority.P3)
    young_p1 = samples.incident(50)
    old_p1 = samples.incident(10, state=IncidentState.AIRBORNE)
    closed = samples.incident(20, state=IncidentState.CLOSED)
    resolved = samples.incident(30, state=IncidentState.RESOLVED)

    async def body(store: Store) -> None:
        for incident in (old_p3, young_p1, old_p1, closed, resolved):
            await store.save_incident(incident)
        assert [one.id for one in await store.open_incidents()] == [old_p1.id, young_p1.id, old_p3.id]
        assert [one.id for one in await store.open_incidents({IncidentState.RESOLVED})] == [resolved.id]

    with_store(path, body)


def test_pages_of_incidents_follow_one_another_without_gap_or_repeat(path: Path) -> None:
    incidents = [samples.incident(seconds) for seconds in (0, 1, 1.5, 2, 3, 4, 5)]

    async def body(store: Store) -> None:
        for incident in incidents:
            await store.save_incident(incident)
        seen: list[object] = []
        page = await store.incidents(limit=3)
        while page:
            seen += [one.id for one in page]
            page = await store.incidents(limit=3, before=page[-1].id)
        assert seen == [one.id for one in reversed(incidents)]
        assert await store.incidents(before=samples.new_id(99)) == []

    with_store(path, body)


def test_an_external_key_belongs_to_the_incident_that_came_first(path: Path) -> None:
    first, second = samples.incident(0), samples.incident(5)

    async def body(store: Store) -> None:
        await store.save_incident(first)
        await store.save_incident(second)
        assert await store.external_key("platform", "ev-1") is None
        assert await store.save_external_key("platform", "ev-1", first.id) == first.id
        assert await store.save_external_key("platform", "ev-1", second.id) == first.id
        assert await store.save_external_key("phone", "ev-1", second.id) == second.id
        assert await store.external_key("platform", "ev-1") == first.id

    with_store(path, body)


def test_a_command_is_there_before_its_result_and_once_with_it(path: Path) -> None:
    incident = samples.incident()
    sent = CommandRecord(samples.new_id(1), samples.at(1), "dock:dock-mid", "prepare", incident.id, {"drone": "cx-2"})
    done = CommandRecord(
        sent.cmd_id, sent.at, sent.target, sent.action, incident.id, {"drone": "cx-2"}, "failed: cover_jammed"
    )

    async def body(store: Store) -> None:
        await store.record_command(sent)
        assert await store.commands(incident.id) == (sent,)
        await store.record_command(done)
        assert await store.commands(incident.id) == (done,)

    with_store(path, body)


def test_settings_and_operator_actions_outlive_the_process(path: Path) -> None:
    async def act(store: Store) -> None:
        assert await store.get_setting("hold") is None
        await store.put_setting("hold", "on")
        await store.put_setting("hold", "off")
        await store.operator_action("operator", "hold", {"why": "演习"}, at=samples.at(1))
        await store.operator_action("operator", "recall", {"drone_id": "cx-1"}, at=samples.at(2))

    async def look(store: Store) -> None:
        assert await store.get_setting("hold") == "off"
        actions = await store.operator_actions()
        assert [(one.action, one.at) for one in actions] == [("recall", samples.at(2)), ("hold", samples.at(1))]
        assert actions[1].details == {"why": "演习"}

    with_store(path, act)
    with_store(path, look)


def test_telemetry_is_written_without_being_awaited(path: Path) -> None:
    rows = [
        TelemetryRow(samples.at(s), "cx-1", 30.4, 120.5, 20.0, 90.0, 12.0, 0.5, 88.0, "AUTO", True) for s in range(9)
    ]
    bare = TelemetryRow(samples.at(4), "cx-2")

    async def body(store: Store) -> None:
        store.telemetry(rows)
        store.telemetry([bare])
        await asyncio.sleep(TELEMETRY_FLUSH_S * 1.1)
        assert await store.track("cx-1", samples.at(2), samples.at(5)) == tuple(rows[2:6])
        assert await store.track("cx-2", samples.at(0), samples.at(9)) == (bare,)

    with_store(path, body)


def test_telemetry_still_buffered_at_close_is_written(path: Path) -> None:
    async def fly(store: Store) -> None:
        store.telemetry([TelemetryRow(samples.at(0), "cx-1")])

    async def look(store: Store) -> None:
        assert len(await store.track("cx-1", samples.at(0), samples.at(1))) == 1

    with_store(path, fly)
    with_store(path, look)


def test_a_full_disk_is_said_in_one_sentence_and_loses_nothing_acknowledged(path: Path) -> None:
    incident = samples.incident()
    big = incident.model_copy(update={"timeline": tuple(samples.entry(s, text="x" * 4000) for s in range(100))})
    rows = [TelemetryRow(samples.at(s), "cx-1", mode="m" * 900) for s in range(400)]

    async def body(store: Store) -> None:
        await store.save_incident(incident)
        await limit_pages(store, 1)
        with pytest.raises(StoreUnavailable, match="the disk is full; free some space"):
            await store.save_incident(big)
        assert await store.incident(incident.id) == incident
        store.telemetry(rows)
        await asyncio.sleep(5)
        assert await store.track("cx-1", samples.at(0), samples.at(999)) == ()
        await limit_pages(store, 1_000_000)
        await store.save_incident(big)
        assert await store.incident(incident.id) == big
        await asyncio.sleep(TELEMETRY_FLUSH_S * 2)
        assert len(await store.track("cx-1", samples.at(0), samples.at(999))) == 400
        assert store.telemetry_dropped == 0

    with_store(path, body)


def test_telemetry_that_cannot_be_written_never_grows_over_its_bound(path: Path) -> None:
    async def body(store: Store) -> None:
        store.telemetry(TelemetryRow(samples.at(0), "cx-1") for _ in range(TELEMETRY_BUFFER_ROWS + 7))
        assert store.telemetry_dropped == 7

    with_store(path, body)


def test_a_locked_database_is_said_and_the_next_save_works(path: Path) -> None:
    async def body(store: Store) -> None:
        await store.save_incident(samples.incident(0))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(StoreUnavailable, match="another program holds it locked"):
                await store.save_incident(samples.incident(1))
        finally:
            other.execute("ROLLBACK")
            other.close()
        await store.save_incident(samples.incident(1))
        assert len(await store.incidents()) == 2

    with_store(path, body, busy_timeout_s=0.05)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"holiday pictures " * 100)

    async def opened() -> None:
        await Store.open(path)

    with pytest.raises(StoreUnavailable, match="not a Chaoxun database"):
        run_virtual(opened())
    assert path.read_bytes() == b"holiday pictures " * 100


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    async def nothing(_store: Store) -> None: ...

    with_store(path, nothing)
    with sqlite3.connect(path) as db:
        db.execute("update alembic_version set version_num = '9999'")
    db.close()
    with pytest.raises(StoreUnavailable, match="written by a newer Chaoxun"):
        with_store(path, nothing)


def test_reading_beside_a_running_service_works_and_writes_nothing(path: Path) -> None:
    incident = samples.incident()

    async def body(store: Store) -> None:
        await store.save_incident(incident)
        async with await Store.open(path, read_only=True) as reader:
            assert await reader.incident(incident.id) == incident
            with pytest.raises(StoreUnavailable, match="may not be written"):
                await reader.save_incident(incident)

    with_store(path, body)


def test_a_store_to_read_that_is_not_there_is_not_made(path: Path) -> None:
    async def opened() -> None:
        await Store.open(path, read_only=True)

    with pytest.raises(StoreUnavailable, match="There is no store at"):
        run_virtual(opened())
    assert not path.exists()


def test_a_closed_store_says_so(path: Path) -> None:
    async def run() -> None:
        store = await Store.open(path)
        await store.close()
        await store.close()
        with pytest.raises(StoreUnavailable, match="is closed"):
            await store.incidents()

    run_virtual(run())


def test_a_cancelled_caller_does_not_take_back_its_write(path: Path) -> None:
    incident = samples.incident()

    async def body(store: Store) -> None:
        saving = asyncio.ensure_future(store.save_incident(incident))
        await asyncio.sleep(0)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        assert await store.incident(incident.id) == incident

    with_store(path, body)


def test_migrations_lead_to_exactly_the_tables_that_the_code_describes(path: Path) -> None:
    async def nothing(_store: Store) -> None: ...

    with_store(path, nothing)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@settings(max_examples=25, deadline=None)
@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60),
    data=st.dictionaries(
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8),
        st.one_of(st.integers(-(2**53), 2**53), st.booleans(), st.none(), st.floats(-1e9, 1e9)),
        max_size=4,
    ),
)
def test_any_text_and_data_of_the_timeline_survive(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: dict[str, object]
) -> None:
    incident = samples.incident()
    told = incident.timeline[0].model_copy(update={"text": text, "data": data})
    incident = incident.model_copy(update={"timeline": (told,)})

    async def body(store: Store) -> None:
        await store.save_incident(incident)
        assert await store.incident(incident.id) == incident

    with_store(tmp_path_factory.mktemp("any") / "a.db", body)


_KILLED_CHILD = """
import asyncio, sys
from pathlib import Path
from flightctl.incidents.model import Priority
from flightctl.store import Store
from tests.flightctl import samples

async def main():
    store = await Store.open(Path(sys.argv[1]))
    for number in range(100_000):
        incident = samples.incident(number, steps=3)
        await store.save_incident(incident)
        print(incident.id, flush=True)  # acknowledged

asyncio.run(main())
"""


def test_kill_9_at_any_moment_loses_no_acknowledged_incident(path: Path) -> None:
    root = Path(__file__).parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED_CHILD, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(40)]
    child.kill()  # SIGKILL, in the midst of the next write
    acknowledged += [line.strip() for line in child.stdout]
    child.stdout.close()
    child.wait()
    assert all(acknowledged)

    async def look(store: Store) -> None:
        found = {str(incident.id): incident for incident in await store.open_incidents()}
        assert set(acknowledged) <= set(found)
        assert len(found) <= len(acknowledged) + 1  # the one that was being written, whole or not at all
        assert all(len(incident.timeline) == 3 for incident in found.values())

    with_store(path, look)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("select count(*) from timeline").fetchone()[0]
        assert rows == 3 * db.execute("select count(*) from incidents").fetchone()[0]
    db.close()
