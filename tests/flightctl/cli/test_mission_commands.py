"""`chaoxun mission`: planned, checked and converted from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flightctl.cli.app import app
from missions.formats import load


def chaoxun(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_a_planned_patrol_may_fly_and_converts_to_every_format(tmp_path: Path) -> None:
    plan = tmp_path / "bank.plan"
    code, said = chaoxun("mission", "plan", "patrol", "--from", -100, "--to", 100, "--out", plan)
    assert code == 0, said
    assert "It may fly." in said
    for suffix in (".waypoints", ".kml", ".kmz", ".geojson", ".gpx"):
        other = plan.with_suffix(suffix)
        code, said = chaoxun("mission", "convert", plan, other)
        assert code == 0, said
        assert load(other).steps
        code, said = chaoxun("mission", "check", other, "--json")
        assert code == 0, said
        assert json.loads(said)["ok"]


def test_a_zone_is_covered(tmp_path: Path) -> None:
    out = tmp_path / "groyne.kml"
    code, said = chaoxun("mission", "plan", "coverage", "--zone", "groyne-330", "--height", 20, "--out", out)
    assert code == 0, said
    assert len(load(out).steps) >= 2


def test_a_mission_out_of_the_airspace_or_in_too_much_wind_is_told_item_by_item(tmp_path: Path) -> None:
    plan = tmp_path / "far.plan"
    code, said = chaoxun("mission", "plan", "patrol", "--from", -100, "--to", 100, "--offset", 2500, "--out", plan)
    assert code == 1
    assert "it may not fly so" in said
    code, said = chaoxun("mission", "check", plan, "--wind", "25@90", "--json")
    assert code == 1
    problems = json.loads(said)["problems"]
    assert {"wind", "keep_in"} <= {problem["fault"] for problem in problems}
    assert any(problem["item"] == 1 for problem in problems if problem["fault"] == "keep_in")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "coverage", "--out", "x.kml"], "Name the zone"),
        (["plan", "coverage", "--zone", "moon", "--out", "x.kml"], "no zone 'moon'"),
        (["check", "missing.plan"], "cannot be read"),
        (["check", "missing.doc"], "no known format"),
        (["plan", "patrol", "--drone", "nobody", "--out", "x.kml"], "no drone 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: list[str], said: str) -> None:
    code, output = chaoxun("mission", *arguments)
    assert code == 1
    assert said in output
