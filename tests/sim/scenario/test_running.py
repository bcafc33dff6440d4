"""Scenarios as they run: the same seed gives the same log, reports are written, the exit status tells."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flightctl import service
from flightctl.mavlink import heartbeat
from flightctl.mavlink.dialect import Message
from sim.scenario.command import run_files
from sim.scenario.load import parse_scenario
from sim.scenario.record import Source
from sim.scenario.runner import run_scenario

SHORT = """\
version: 1
name: {zh: 短, en: A fall and the launch}
seed: 11
duration_s: 40
cameras: [cam-3]
people:
  - id: visitor
    at: {along_m: 84, offset_m: -3}
    does:
      - walk: {to: {along_m: 95, offset_m: -1.2}}
      - fall_at_s: 12
expect:
  - alert fall within 3 s
  - incident P1 within 5 s
  - hail within 5 s
  - dock dock-mid chosen
  - drone launched within 20 s
"""


def test_same_seed_gives_the_same_log_byte_for_byte_and_another_seed_does_not() -> None:
    loaded = parse_scenario(SHORT, Path("short.yaml"))
    first, again = run_scenario(loaded), run_scenario(loaded)
    other = run_scenario(loaded, seed=12)
    assert first.held, [(text, verdict.measured) for text, verdict in first.verdicts] + [first.error]
    assert first.record.to_jsonl() == again.record.to_jsonl()
    assert first.record.to_jsonl() != other.record.to_jsonl()
    assert first.steps_s["alert"] < first.steps_s["cover_open"] < first.steps_s["airborne"]


def test_broken_expectation_is_told_in_exit_status_junit_and_report(tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(
        "version: 1\nname: Nothing\nduration_s: 8\ncameras: [cam-3]\n"
        "people: [{id: visitor, at: {along_m: 90, offset_m: -4}}]\n"
        "expect: [no alert, hail within 3 s of start]\n",
        encoding="utf-8",
    )
    status = run_files([file], report_dir=tmp_path / "reports", junit=tmp_path / "junit.xml", json=True)
    assert status == 1
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    folder = tmp_path / "reports" / "quiet"
    assert {path.name for path in folder.iterdir()} == {"report.html", "tracks.png", "events.jsonl", "result.json"}
    told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert [e["held"] for e in told["expectations"]] == [True, False]
    assert not told["held"]


def test_person_refuses_the_drop_is_heard_by_the_service() -> None:
    text = SHORT.replace("expect:\n", "policy: {drop: confirm}\nactions: [{do: refuse_drop, when: alert}]\nexpect:\n")
    result = run_scenario(parse_scenario(text, Path("refused.yaml")))
    assert not result.error
    steps = [event.data["step"] for event in result.record.of(Source.SERVICE, "timeline")]
    assert "consent_refused" in steps
    assert result.record.first(Source.RUNNER, "deed") is not None


def test_site_that_is_wrong_is_told_before_anything_runs(tmp_path: Path) -> None:
    from geofence.errors import InvalidInput

    file = tmp_path / "lost.yaml"
    file.write_text("version: 1\nname: Lost\nsite: nowhere\nduration_s: 5\nexpect: [no alert]\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="nowhere"):
        run_files([file])


def test_a_service_that_hangs_stops_its_heartbeat_so_that_the_drones_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    beats_s: list[float] = []
    beat = heartbeat.of_ground_station

    def noted() -> Message:
        beats_s.append(asyncio.get_running_loop().time())
        return beat()

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(heartbeat, "of_ground_station", noted)
    text = SHORT.split("people:", maxsplit=1)[0] + "people: []\nexpect: [no alert]\n"
    run_scenario(parse_scenario(text, Path("alive.yaml")))
    assert max(beats_s) > 38.0
    beats_s.clear()
    monkeypatch.setattr(service, "tend", hang)
    run_scenario(parse_scenario(text, Path("hanging.yaml")))
    assert 10.0 < max(beats_s) < 17.0
