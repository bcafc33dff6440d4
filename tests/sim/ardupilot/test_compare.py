"""Two flights of one script held against each other: what counts as a difference, and our copter against itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.ardupilot.compare import compare
from sim.ardupilot.defaults import write_defaults
from sim.ardupilot.errors import SitlFailed
from sim.ardupilot.flight import Flight, Step, Text, add_new
from sim.ardupilot.held_against import compare_command, our_flight

ROOT = Path(__file__).resolve().parents[3]
BINARY = ROOT / "sim" / "arducopter"
_SPEEDUP = 10.0


def step(**changed: object) -> Step:
    usual: dict[str, object] = {
        "name": "go to",
        "outcome": "done",
        "seconds": 20.0,
        "modes": ["GUIDED"],
        "acks": ["DO_REPOSITION ACCEPTED"],
        "transfers": ["MISSION_REQUEST 0", "MISSION_ACK ACCEPTED"],
        "reached": ["1", "2"],
        "texts": [Text(6, "Mission: 1 Takeoff")],
    }
    return Step(**{**usual, **changed})  # pyright: ignore[reportArgumentType] (a table of fields)


def differing(ours: Step, theirs: Step) -> list[str]:
    return [row.what for row in compare(Flight((ours,)), Flight((theirs,))) if not row.same]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, []),
        ({"seconds": 24.0}, []),
        ({"seconds": 25.0}, ["time"]),
        ({"outcome": "refused", "failure": "CommandFailed"}, ["outcome"]),
        ({"modes": ["GUIDED", "RTL"]}, ["modes"]),
        ({"acks": ["DO_REPOSITION FAILED"]}, ["answers"]),
        ({"transfers": ["MISSION_REQUEST 1", "MISSION_ACK ACCEPTED"]}, ["transfer"]),
        ({"reached": ["2", "1"]}, ["reached"]),
        ({"texts": []}, ["text"]),
        ({"texts": [Text(6, "Mission: 4 Takeoff")]}, []),
        ({"texts": [Text(6, "Mission: 1 Takeoff"), Text(6, "EKF3 IMU1 is using GPS")]}, []),
        ({"texts": [Text(6, "Mission: 1 Takeoff"), Text(4, "Fence breached")]}, ["text"]),
    ],
)
def test_order_answers_and_words_count_and_times_within_a_tenth(changed: dict[str, object], named: list[str]) -> None:
    assert differing(step(), step(**changed)) == named


def test_the_same_failure_on_both_sides_is_no_difference_whatever_its_words() -> None:
    ours, theirs = step(outcome="one", failure="NotReady"), step(outcome="other", failure="NotReady")
    assert differing(ours, theirs) == []


def test_steps_that_one_did_not_fly_are_told() -> None:
    more = Flight((step(name="arm"), step(name="go to")))
    less = Flight((step(name="arm"),))
    assert [(r.ours, r.theirs) for r in compare(more, less) if not r.same] == [("done", "not flown")]
    assert [(r.ours, r.theirs) for r in compare(less, more) if not r.same] == [("not flown", "done")]


def test_what_was_sent_again_stands_once() -> None:
    heard: list[str] = []
    for word in ("a", "a", "b", "a"):
        add_new(heard, word)
    assert heard == ["a", "b", "a"]


def parameters(folder: Path, changed: dict[str, float]) -> Path:
    path = folder / "changed.parm"
    write_defaults(path, 1, 1, changed)
    return path


def test_our_flight_goes_through_every_step_and_again_the_same(tmp_path: Path) -> None:
    first, again = (our_flight(parameters(tmp_path, {})) for _ in range(2))
    assert first == again
    assert [s.name for s in first.steps if not s.name.startswith("refuses")] == [
        "ready", "parameters", "arm", "take off", "go to", "hold", "mission up and read back", "mission",
        "gripper", "return and land", "take off again", "land",
    ]  # fmt: skip
    assert [s.failure for s in first.steps if s.failure] == []
    reached = first.step("mission")
    assert reached is not None
    assert reached.reached == ["1", "3", "4", "5", "6"]  # the speed behind waypoint 2 is told in its place


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"WPNAV_SPEED": 400.0}, {("go to", "time"), ("return and land", "time")}),
        ({"LAND_SPEED": 150.0}, {("return and land", "time"), ("land", "time")}),
        ({"GRIP_RELEASE": 1150.0}, {("gripper", "outcome")}),
    ],
)
def test_a_parameter_that_differs_is_named_by_what_it_changes(
    tmp_path: Path, changed: dict[str, float], named: set[tuple[str, str]]
) -> None:
    rows = compare(our_flight(parameters(tmp_path, {})), our_flight(parameters(tmp_path, changed)))
    assert {(row.step, row.what) for row in rows if not row.same} == named


@pytest.mark.realtime
@pytest.mark.timeout(170)
@pytest.mark.parametrize(
    ("sinks_cmps", "status", "named"),
    [
        (50.0, 0, set[tuple[str, str]]()),
        (150.0, 1, {("return and land", "time"), ("land", "time")}),
    ],
    ids=["itself", "faster down"],
)
def test_a_binary_is_held_against_our_copter(
    sinks_cmps: float,
    status: int,
    named: set[tuple[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "arducopter"
    file = parameters(tmp_path, {"LAND_SPEED": sinks_cmps})
    path.write_text(f'#!/bin/sh\nexec "{BINARY}" "$@" --defaults "{file}"\n', encoding="utf-8")
    path.chmod(0o755)
    found = compare_command(path, speedup=_SPEEDUP, json=True)
    told = json.loads(capsys.readouterr().out)
    differing = {(row["step"], row["what"]) for row in told["rows"] if not row["same"]}
    assert differing == named, [row for row in told["rows"] if not row["same"]]
    assert (found, told["differences"]) == (status, len(named))


def test_what_is_no_autopilot_is_told_with_its_last_words(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_text("#!/bin/sh\necho no such model\nexit 1\n", encoding="utf-8")
    path.chmod(0o755)
    with pytest.raises(SitlFailed, match=r"status 1;(.|\n)*no such model"):
        compare_command(path, speedup=1.0, json=False)


def test_table_marks_what_differs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sim.ardupilot import held_against

    rows = compare(Flight((step(),)), Flight((step(acks=["DO_REPOSITION FAILED"]),)))

    def given(_binary: Path, *, speedup: float) -> object:
        del speedup
        return rows

    monkeypatch.setattr(held_against, "held_against", given)
    assert compare_command(Path("arducopter"), speedup=1.0, json=False) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "differ" in line]
    assert [line[0] for line in lines] == ["go", "1"]
