"""Which backend flies a scenario, and what is said when it cannot."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flightctl.cli.app import app
from sim.backend import built_in
from sim.scenario.backends import Backend, BackendInvalid, Kind, TimeMode, chosen


def test_our_own_copter_flies_in_virtual_time_unless_told_otherwise() -> None:
    assert chosen("sim", None, None) == (Backend(), "virtual")
    assert chosen("sim", None, "real") == (Backend(), "real")
    assert Backend().flyers(Path("nowhere")) is built_in


def test_a_sitl_flies_in_real_time(tmp_path: Path) -> None:
    binary = tmp_path / "arducopter"
    binary.touch()
    assert chosen("ardupilot", binary, None) == (Backend(Kind.ARDUPILOT, binary), "real")


@pytest.mark.parametrize(
    ("name", "binary", "time", "said"),
    [
        ("ardupilot", "arducopter", "virtual", "keeps its own time and cannot jump; use --time real"),
        ("dronekit-sitl", None, "virtual", "keeps its own time"),
        ("ardupilot", None, None, "needs --binary PATH"),
        ("ardupilot", "no/such/file", "real", "there is no such file"),
        ("sim", "arducopter", None, "needs --backend ardupilot"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    name: str, binary: str | None, time: TimeMode | None, said: str
) -> None:
    with pytest.raises(BackendInvalid, match=said):
        chosen(name, None if binary is None else Path(binary), time)


def test_dronekit_sitl_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_there(name: str) -> None:
        del name

    monkeypatch.setattr(importlib.util, "find_spec", not_there)
    with pytest.raises(BackendInvalid, match=r"install chaoxun\[sitl\]"):
        chosen("dronekit-sitl", None, None)


def test_the_command_ends_with_that_sentence() -> None:
    story = Path(__file__).resolve().parents[2] / "scenarios" / "quiet_day.yaml"
    answer = CliRunner().invoke(
        app, ["scenario", "run", str(story), "--backend", "ardupilot", "--binary", "x", "--time", "virtual"]
    )
    assert answer.exit_code == 1
    assert "cannot jump" in answer.output
