"""Evidence in the service: it joins its incident late, is verified, kept as long as the site says, found again."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from flightctl.cli.app import app
from flightctl.evidence import FileState, Removal, check_incident, files_in, left_behind, removals, tidy
from flightctl.incidents.lifecycle import with_evidence
from flightctl.incidents.model import OPEN_STATES, Incident, IncidentState
from flightctl.site import EvidencePolicy
from flightctl.store import DATABASE_NAME, Store
from tests.flightctl import samples
from vision.alert import EvidenceUpdate
from vision.evidence_file import sha256_of, write_bytes

NOW = samples.at(0)
POLICY = EvidencePolicy(keep_days=30, keep_incident_days=365, max_gb=1)
DAY_S = 86400.0


def update(alert_id: UUID, folder: Path, what: str = "clip", data: bytes = b"film") -> EvidenceUpdate:
    name = f"cam-3/{alert_id}.{'webm' if what == 'clip' else 'jpg'}"
    digest = write_bytes(folder / name, data)
    return EvidenceUpdate.model_validate(
        {"alert_id": alert_id, "what": what, "path": name, "sha256": {name: digest}, "alert_s": 8.0, "length_s": 18.0}
    )


def with_clip(incident: Incident, folder: Path) -> Incident:
    return with_evidence(incident, update(incident.alerts[0].id, folder), NOW, "vision:cam-3")


def aged(path: Path, days: float, size: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"x")
    if size is not None:
        os.truncate(path, size)  # sparse: it takes no room
    then = NOW.timestamp() - days * DAY_S
    os.utime(path, (then, then))
    return path


# --- it comes late


def test_a_clip_joins_its_alert_and_its_hash_stands_in_the_timeline(tmp_path: Path) -> None:
    before = samples.incident()
    after = with_clip(before, tmp_path)
    evidence = after.alerts[0].evidence
    assert evidence.clip == f"cam-3/{before.alerts[0].id}.webm"
    assert evidence.clip_alert_s == 8.0
    assert evidence.snapshot is None
    entry = after.timeline[-1]
    assert (entry.step, entry.text) == ("evidence", "clip of 18 s")
    assert entry.data["sha256"] == evidence.sha256


def test_what_could_not_be_kept_is_told_and_the_reason_stays_with_the_alert() -> None:
    before = samples.incident()
    missing = EvidenceUpdate(alert_id=before.alerts[0].id, what="clip", path=None, note="no clip: the disk is full")
    after = with_evidence(before, missing, NOW, "vision:cam-3")
    assert (after.timeline[-1].step, after.timeline[-1].text) == ("evidence_missing", "no clip: the disk is full")
    assert after.alerts[0].evidence.note == "no clip: the disk is full"


def test_the_store_keeps_what_came_late_also_in_the_alert_s_own_row(tmp_path: Path) -> None:
    async def story() -> None:
        async with await Store.open(tmp_path / DATABASE_NAME) as store:
            before = samples.incident()
            await store.save_incident(before)
            after = with_clip(before, tmp_path)
            await store.save_incident(after)
            assert await store.incident(before.id) == after
            states = await store.alert_incidents({before.alerts[0].id, samples.new_id(99)})
            assert states == {before.alerts[0].id: IncidentState.DETECTED}

    asyncio.run(story())


# --- it is what it was


def test_an_altered_file_and_a_missing_one_are_told(tmp_path: Path) -> None:
    incident = with_clip(samples.incident(), tmp_path)
    (only,) = check_incident(incident, tmp_path)
    assert (only.state, only.size_bytes, only.blurred) == (FileState.OK, 4, False)
    (tmp_path / only.path).write_bytes(b"fi1m")
    assert [one.state for one in check_incident(incident, tmp_path)] == [FileState.ALTERED]
    (tmp_path / only.path).unlink()
    assert [one.state for one in check_incident(incident, tmp_path)] == [FileState.MISSING]


def test_the_command_names_the_altered_file_and_fails(tmp_path: Path) -> None:
    incident = with_clip(samples.incident(), tmp_path / "evidence")

    async def prepare() -> None:
        async with await Store.open(tmp_path / DATABASE_NAME) as store:
            await store.save_incident(incident)

    asyncio.run(prepare())
    good = CliRunner().invoke(app, ["evidence", "--data", str(tmp_path), "--json"])
    assert good.exit_code == 0
    assert [one["state"] for one in json.loads(good.stdout)] == ["ok"]
    (tmp_path / "evidence" / f"cam-3/{incident.alerts[0].id}.webm").write_bytes(b"another")
    for which in ("all", "last", str(incident.id)):
        bad = CliRunner().invoke(app, ["evidence", which, "--data", str(tmp_path)])
        assert bad.exit_code == 1
        assert "1 of 1 files are not what was recorded" in bad.stderr


# --- it is kept as long as the site says


def planned(
    folder: Path,
    states: dict[UUID, IncidentState] | None = None,
    policy: EvidencePolicy = POLICY,
    shared: set[Path] | None = None,
) -> list[Removal]:
    return removals(files_in(folder), states or {}, shared or set(), policy, NOW)


def test_what_became_no_incident_goes_after_its_days_and_what_did_after_more(tmp_path: Path) -> None:
    ids = [samples.new_id(n) for n in range(4)]
    for alert_id, days in zip(ids, (29, 31, 31, 366), strict=True):
        aged(tmp_path / f"cam-1/{alert_id}.webm", days)
    states = {ids[2]: IncidentState.CLOSED, ids[3]: IncidentState.REJECTED}
    gone = planned(tmp_path, states)
    assert [(one.file.alert_id, one.reason) for one in gone] == [
        (ids[3], "older than 365 days"),
        (ids[1], "older than 30 days"),
    ]


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_nothing_of_an_open_incident_goes_however_old_and_large(tmp_path: Path, state: IncidentState) -> None:
    alert_id, other = samples.new_id(1), samples.new_id(2)
    aged(tmp_path / f"cam-1/{alert_id}.webm", 5000, 3_000_000_000)
    clip = aged(tmp_path / f"cam-1/{other}.webm", 5000, 3_000_000_000)
    gone = planned(tmp_path, {alert_id: state}, shared={clip})
    assert gone == []


def test_over_the_limit_the_oldest_goes_first_and_false_alarms_before_incidents(tmp_path: Path) -> None:
    ids = [samples.new_id(n) for n in range(4)]
    for alert_id, days in zip(ids, (9, 8, 7, 6), strict=True):
        aged(tmp_path / f"cam-1/{alert_id}.webm", days, 400_000_000)
    assert [one.file.alert_id for one in planned(tmp_path)] == [ids[0], ids[1]]
    assert [one.file.alert_id for one in planned(tmp_path, {ids[0]: IncidentState.CLOSED})] == [ids[1], ids[2]]


def test_what_a_killed_worker_left_half_goes_after_an_hour_and_foreign_files_are_not_touched(tmp_path: Path) -> None:
    half = aged(tmp_path / f"cam-1/.{samples.new_id(1)}.webm", 0.05)
    aged(tmp_path / f"cam-1/.{samples.new_id(2)}.webm", 0.01)
    aged(tmp_path / "cam-1/notes.txt", 5000)
    aged(tmp_path / "cam-1/holiday.jpg", 5000)
    assert [(one.file.path, one.reason) for one in planned(tmp_path)] == [(half, "left unfinished")]


def test_the_janitor_removes_and_writes_down_what_it_removed(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "evidence"
        async with await Store.open(tmp_path / DATABASE_NAME) as store:
            incident = with_clip(samples.incident(), folder)
            await store.save_incident(incident)
            aged(folder / f"cam-3/{incident.alerts[0].id}.webm", 4000)
            stale = aged(folder / f"cam-1/{samples.new_id(5)}.jpg", 31)
            removed = await tidy(folder, store, POLICY, NOW)
            assert [one.file.path for one in removed] == [stale]
            assert [path.name for path in folder.rglob("*.*")] == [f"{incident.alerts[0].id}.webm"]
            (action,) = await store.operator_actions()
            assert (action.actor, action.action) == ("janitor", "evidence_removed")
            assert action.details["files"] == [f"cam-1/{stale.name}"]
            assert await tidy(folder, store, POLICY, NOW + timedelta(days=1)) == []

    asyncio.run(story())


# --- it is found again


def test_a_clip_finished_while_the_service_ended_is_entered_at_the_next_start(tmp_path: Path) -> None:
    incident = samples.incident()
    alert = incident.alerts[0]
    name = f"cam-3/{alert.id}.webm"
    write_bytes(tmp_path / name, b"film")
    (found,) = left_behind(incident, tmp_path)
    assert (found.what, found.path, found.sha256) == ("clip", name, {name: sha256_of(tmp_path / name)})
    entered = with_evidence(incident, found, NOW, "evidence")
    assert left_behind(entered, tmp_path) == []


def test_an_alert_of_another_system_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    incident = samples.incident()
    alert = incident.alerts[0].model_copy(update={"camera_id": ".."})
    write_bytes(tmp_path / f"{alert.id}.jpg", b"secret")
    inside = tmp_path / "evidence"
    inside.mkdir()
    assert left_behind(incident.model_copy(update={"alerts": (alert,)}), inside) == []
