"""`chaoxun eval`: what it refuses, what it writes, and that the materials stay apart."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flightctl.cli.app import app
from sim.evaluation import command
from sim.evaluation.cases import Case, nuisance_case


def chaoxun(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="chaoxun")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    def case(seed: int) -> Case:
        return dataclasses.replace(nuisance_case(seed), seconds=4.0)

    monkeypatch.setattr(command, "nuisance_case", case)


@pytest.mark.parametrize("seeds", ["9999-10000", "1-", "30000"])
def test_seeds_that_are_not_all_tune_or_all_test_are_refused_before_anything_is_played(seeds: str) -> None:
    result = chaoxun("eval", "nuisance", "--seeds", seeds)
    assert result.exit_code != 0


@pytest.mark.usefixtures("short")
def test_a_report_names_its_material_its_seeds_and_that_it_is_rendered(tmp_path: Path) -> None:
    result = chaoxun("eval", "nuisance", "--seeds", "2-2", "--json", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    (report,) = json.loads((tmp_path / "report.json").read_text())
    assert (report["material"], report["seed_set"], report["seeds"]) == ("nuisance", "tune", [2, 2])
    assert "not real footage" in report["note"]
    assert report["all"]["false"] == 0
    assert report["all"]["at_most_per_h"] > 100  # four seconds prove little
    levels = {(row["factor"], row["level"]) for row in report["factors"]}
    assert {("nuisance", "banners"), ("camera", "cam-3")} <= levels


@pytest.mark.usefixtures("short")
def test_the_table_says_what_the_material_is() -> None:
    result = chaoxun("eval", "nuisance", "--seeds", "2-2")
    assert result.exit_code == 0, result.output
    assert "rendered scenes, not real footage" in " ".join(result.output.split())
    assert "banners" in result.output


def test_footage_that_is_not_there_is_skipped_with_its_reason(tmp_path: Path) -> None:
    result = chaoxun("eval", "footage", "--footage", tmp_path / "none", "--json")
    assert result.exit_code == 0, result.output
    (report,) = json.loads(result.output)
    assert report["material"] == "footage"
    assert "is not a folder" in report["skipped"]
