"""The command line: what each command asks for, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner, Result

from flightctl.cli.app import app
from flightctl.cli.running import shipped_site
from flightctl.dispatch.decision import Decision
from flightctl.store import DATABASE_NAME, CommandRecord, Store
from geofence.errors import ChaoxunError, InvalidInput, Problem
from sim.virtual_time import run_virtual
from tests.flightctl import samples

ROOT = Path(__file__).parents[3]


def chaoxun(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="chaoxun")


def leaf_commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children: dict[str, Any] | None = getattr(command, "commands", None)
    if children is None or command.invoke_without_command:
        yield name, command
    if children is not None:
        for word, child in children.items():
            yield from leaf_commands(child, f"{name} {word}")


COMMANDS = dict(leaf_commands(typer.main.get_command(app), "chaoxun"))


class Stand(ModuleType):
    """Stands for a module that a command loads; keeps what it was called with."""

    def __init__(self, name: str, function: str, answer: Any = None, *, awaited: bool = False) -> None:
        super().__init__(name)
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def call(*args: Any, **named: Any) -> Any:
            self.calls.append((args, named))
            if isinstance(answer, BaseException):
                raise answer
            return answer

        async def call_later(*args: Any, **named: Any) -> Any:
            return call(*args, **named)

        setattr(self, function, call_later if awaited else call)


def stand_in(
    monkeypatch: pytest.MonkeyPatch, name: str, function: str, answer: Any = None, *, awaited: bool = False
) -> Stand:
    module = Stand(name, function, answer, awaited=awaited)
    monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_has_an_example_of_the_very_command(name: str) -> None:
    command = COMMANDS[name]
    assert command.epilog.startswith(f"Example: {name}")
    answer = chaoxun(*name.split()[1:], "--help")
    assert answer.exit_code == 0
    assert command.help.split()[0] in answer.output


def test_the_commands_are_those_of_the_design() -> None:
    assert set(COMMANDS) == {
        "chaoxun demo", "chaoxun serve", "chaoxun sim", "chaoxun sim compare", "chaoxun scenario run",
        "chaoxun watch", "chaoxun eval",
        "chaoxun evidence",
        "chaoxun bore forecast", "chaoxun site check", "chaoxun site init", "chaoxun bench", "chaoxun replay",
        "chaoxun bore import", "chaoxun bore fit",
        "chaoxun mission plan", "chaoxun mission check", "chaoxun mission convert",
    }  # fmt: skip


def test_help_loads_neither_the_simulator_nor_any_heavy_library() -> None:
    heavy = ["sim", "cv2", "numpy", "fastapi", "sqlalchemy", "scipy", "shapely", "vision", "matplotlib"]
    code = f"import sys, flightctl.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_demo_and_serve_pass_on_where_to_listen_and_keep_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    demo = stand_in(monkeypatch, "sim.demo", "run")
    serve = stand_in(monkeypatch, "flightctl.serve", "serve", awaited=True)
    assert chaoxun("demo", "--port", 8080).exit_code == 0
    assert chaoxun("serve", "--site", tmp_path, "--host", "0.0.0.0", "--data", tmp_path / "d").exit_code == 0
    assert demo.calls == [((), {"host": "127.0.0.1", "port": 8080, "data_dir": Path("var/demo")})]
    assert serve.calls == [((tmp_path, "0.0.0.0", 8000, tmp_path / "d"), {})]


def test_the_simulator_serves_a_site_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sim = stand_in(monkeypatch, "sim.serve", "serve", awaited=True)
    assert chaoxun("sim", "--site", tmp_path).exit_code == 0
    (site, scenario), named = sim.calls[0]
    assert (site, scenario) == (tmp_path, None)
    assert callable(named["on_ready"])


@pytest.mark.parametrize("status", [0, 1])
def test_a_comparison_ends_with_whether_they_agree(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    command = stand_in(monkeypatch, "sim.ardupilot.held_against", "compare_command", status)
    assert chaoxun("sim", "compare", "--binary", "arducopter", "--speedup", 4, "--json").exit_code == status
    assert command.calls == [((Path("arducopter"),), {"speedup": 4.0, "json": True})]


@pytest.mark.parametrize("status", [0, 1])
def test_a_scenario_run_ends_with_the_status_of_its_expectations(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    command = stand_in(monkeypatch, "sim.scenario.command", "run_files", status)
    answer = chaoxun(
        "scenario", "run", "a.yaml", "b.yaml", "--seed", 7, "--time", "real", "--junit", "j.xml", "--json"
    )
    assert answer.exit_code == status
    assert command.calls == [
        (
            ([Path("a.yaml"), Path("b.yaml")],),
            {
                "seed": 7, "time_mode": "real", "backend": "sim", "binary": None,
                "report_dir": None, "junit": Path("j.xml"), "json": True,
            },
        )
    ]  # fmt: skip


def test_watch_passes_on_its_source_and_where_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    vision = stand_in(monkeypatch, "vision.watch", "watch")
    assert chaoxun("watch", "rtsp://cam/1", "--camera", "c.yaml", "--out", "seen", "--json").exit_code == 0
    assert vision.calls == [
        (("rtsp://cam/1",), {"camera_file": Path("c.yaml"), "out_dir": Path("seen"), "json": True})
    ]


def test_watch_takes_a_camera_of_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    vision = stand_in(monkeypatch, "vision.watch", "watch")
    assert chaoxun("watch", "clip.mp4", "--camera", f"{shipped_site()}:cam-3").exit_code == 0
    ((_, named),) = vision.calls
    assert named["scene"].projection.camera.id == "cam-3"
    answer = chaoxun("watch", "clip.mp4", "--camera", f"{shipped_site()}:cam-99")
    assert (answer.exit_code, len(vision.calls)) == (1, 1)
    assert "there is no camera 'cam-99'; there are: cam-1" in answer.stderr


@pytest.mark.parametrize(
    ("failure", "status", "said"),
    [
        (ChaoxunError("The port 8000 is taken."), 1, "The port 8000 is taken.\n"),
        (
            InvalidInput([Problem("docks[2].position", "is missing", "site.yaml", 14), Problem("crs", "is missing")]),
            1,
            "site.yaml:14 docks[2].position: is missing\ncrs: is missing\n",
        ),
        (
            ExceptionGroup("tasks", [ExceptionGroup("", [ChaoxunError("no link")]), ChaoxunError("no link")]),
            1,
            "no link\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_expected_failure_is_its_sentence_on_stderr(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException, status: int, said: str
) -> None:
    stand_in(monkeypatch, "sim.demo", "run", failure)
    answer = chaoxun("demo")
    assert (answer.exit_code, answer.stderr, answer.stdout) == (status, said, "")


def test_a_fault_of_our_own_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = ExceptionGroup("tasks", [ChaoxunError("no link"), ZeroDivisionError()])
    stand_in(monkeypatch, "sim.demo", "run", mixed)
    assert chaoxun("demo").exception is mixed


@pytest.mark.parametrize("arguments", [["nothing"], ["serve"], ["demo", "--port", "0"], ["scenario", "run"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert chaoxun(*arguments).exit_code == 2


_CHILD = """
import asyncio, sys, types
async def serve(*_):
    try:
        print("up", flush=True)
        await asyncio.Event().wait()
    finally:
        print("down", flush=True)
module = types.ModuleType("flightctl.serve")
module.serve = serve
sys.modules["flightctl.serve"] = module
from flightctl.cli import main
sys.argv = ["chaoxun", "serve", "--site", "."]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_stop_the_service_cleanly(sent: signal.Signals, status: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        child.send_signal(sent)
        out, err = child.communicate(timeout=60)
    assert (out, err.strip(), child.returncode) == ("down\n", "", status)


def test_the_shipped_site_checks_out() -> None:
    answer = chaoxun("site", "check", shipped_site())
    assert answer.exit_code == 0
    assert "3 docks, 4 drones, 6 cameras" in answer.stdout


def test_every_fault_of_a_site_is_named_at_its_line(tmp_path: Path) -> None:
    for file in shipped_site().iterdir():
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    text = (tmp_path / "site.yaml").read_text(encoding="utf-8")
    (tmp_path / "site.yaml").write_text(
        text.replace("lat: 30.4020,", "lat: 230.4,").replace("crs: wgs84", "crs: mars"), encoding="utf-8"
    )
    answer = chaoxun("site", "check", tmp_path)
    assert answer.exit_code == 1
    assert "origin: latitude 230.4 is outside -90..90" in answer.stderr
    assert "crs: 'mars' is not one of" in answer.stderr
    as_json = chaoxun("site", "check", tmp_path, "--json")
    assert as_json.exit_code == 1
    told = json.loads(as_json.stdout)
    assert told["ok"] is False
    assert {"origin", "crs"} <= {problem["place"] for problem in told["problems"]}
    assert all(problem["line"] for problem in told["problems"])


def test_a_new_site_checks_out_and_waits_for_a_person_before_a_drop(tmp_path: Path) -> None:
    folder = tmp_path / "yanguan-west"
    assert chaoxun("site", "init", folder).exit_code == 0
    assert json.loads(chaoxun("site", "check", folder, "--json").stdout)["site"] == "yanguan-west"
    text = (folder / "site.yaml").read_text(encoding="utf-8")
    assert "drop: confirm" in text
    assert "simulated: false" in text


def test_a_new_site_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "site.yaml").write_text("mine")
    answer = chaoxun("site", "init", tmp_path / "full")
    assert (answer.exit_code, "not an empty folder" in answer.stderr) == (1, True)
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["site.yaml"]
    answer = chaoxun("site", "init", tmp_path / "Not A Site")
    assert (answer.exit_code, "cannot name a site" in answer.stderr) == (1, True)


def test_the_bore_comes_once_or_twice_a_day_and_upstream_later() -> None:
    told = json.loads(chaoxun("bore", "forecast", "--date", "2026-11-24", "--json").stdout)
    times = {station: [one["at"] for one in told if one["station"] == station] for station in ("jianshan", "yanguan")}
    assert all(1 <= len(found) <= 2 for found in times.values())
    assert all(sea < inland for sea, inland in zip(times["jianshan"], times["yanguan"], strict=True))
    assert all(one["local"].startswith("2026-11-24T") for one in told)
    shown = chaoxun("bore", "forecast", "--date", "2026-09-28", "--station", "yanguan").stdout
    assert "盐官" in shown
    assert "astronomy" in shown


def test_a_station_or_day_that_is_none_is_refused() -> None:
    answer = chaoxun("bore", "forecast", "--station", "atlantis")
    assert answer.exit_code == 1
    assert "has no station 'atlantis'; it has" in answer.stderr
    assert chaoxun("bore", "forecast", "--date", "2026-13-01").exit_code == 2


def test_the_day_is_drawn_and_a_typhoon_brings_the_bore_earlier(tmp_path: Path) -> None:
    asked = ["bore", "forecast", "--date", "2026-09-28", "--station", "yanguan", "--json"]
    calm, wild = (json.loads(chaoxun(*asked, *more).stdout)[-1] for more in ([], ["--typhoon"]))
    assert calm["at"] > wild["at"]
    assert calm["sigma_s"] < wild["sigma_s"]
    picture = tmp_path / "day.png"
    assert chaoxun("bore", "forecast", "--date", "2026-09-28", "--plot", picture).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    answer = chaoxun("bore", "forecast", "--plot", tmp_path / "day.xyz")
    assert (answer.exit_code, "cannot be drawn" in answer.stderr) == (1, True)


def test_an_official_table_is_imported_into_the_site_and_used(tmp_path: Path) -> None:
    site = tmp_path / "yanguan"
    assert chaoxun("site", "init", site).exit_code == 0
    file = tmp_path / "t.csv"
    imported = ["bore", "import", file, "--site", site, "--source", "智管钱潮", "--by", "Lin"]
    file.write_text("station,at\nyanguan,2026-09-28T15:20\n")
    answer = chaoxun(*imported)
    assert (answer.exit_code, "not credible" in answer.stderr, (site / "bore_table.yaml").exists()) == (
        1,
        True,
        False,
    )
    file.write_text("station,at\nyanguan,2026-09-28T12:50\n")
    assert chaoxun(*imported).exit_code == 0
    told = json.loads(
        chaoxun("bore", "forecast", "--site", site, "--date", "2026-09-28", "--station", "yanguan", "--json").stdout
    )
    assert (told[-1]["local"], told[-1]["source"]) == ("2026-09-28T12:50:00+08:00", "table")


def test_constants_are_fitted_to_fronts_that_were_seen(tmp_path: Path) -> None:
    file = tmp_path / "seen.csv"
    file.write_text(  # RIVER.md §1.4: dated bores at Yanguan
        "station,at\nyanguan,2014-09-11T12:57\nyanguan,2020-08-22T14:13\nyanguan,2022-09-12T13:09\n"
        "yanguan,2023-10-01T13:20\nyanguan,2026-08-30T13:20\nmoon,2026-08-30T13:20\n"
    )
    told = json.loads(chaoxun("bore", "fit", file, "--json").stdout)
    assert [one["name"] for one in told["fitted"]] == ["lead_before_transit_min"]
    assert told["fitted"][0]["count"] == 5
    assert told["fitted"][0]["mean_absolute_error_min"] < 26
    assert told["left_out"][0]["station"] == "moon"
    assert "lead" in chaoxun("bore", "fit", file).stdout


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one incident in its store."""
    incident = samples.incident(steps=2)
    decision: Decision = samples.decision(incident.id)
    incident = incident.model_copy(update={"decisions": (decision,)})

    async def fill() -> None:
        async with await Store.open(tmp_path / DATABASE_NAME) as store:
            await store.save_incident(incident)
            await store.record_command(
                CommandRecord(samples.new_id(2), samples.at(2), "dock:dock-mid", "prepare", incident.id, {}, "done")
            )

    run_virtual(fill())
    return tmp_path


def test_replay_tells_timeline_decision_and_commands(data: Path) -> None:
    for which in ("last", samples.incident().id):
        shown = chaoxun("replay", which, "--data", data)
        assert shown.exit_code == 0
        for word in ("P1, detected", "vision:cam-3", "落水", "+1.0 s", "cx-2", "first there: 41 s", "dock:dock-mid"):
            assert word in shown.stdout, word
    told = json.loads(chaoxun("replay", "last", "--data", data, "--json").stdout)
    assert told["id"] == str(samples.incident().id)


def test_replay_of_what_is_not_there_says_so(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    for which, folder, said in [
        ("last", empty, "There is no store at"),
        (samples.new_id(9), data, "has no incident"),
        ("yesterday", data, "neither an incident's id nor"),
    ]:
        answer = chaoxun("replay", which, "--data", folder)
        assert answer.exit_code == 1
        assert said in answer.stderr
    assert list(empty.iterdir()) == []


def test_bench_measures_against_a_reference() -> None:
    told = json.loads(chaoxun("bench", "store", "--json").stdout)
    assert [one["name"] for one in told] == ["incidents saved durably", "telemetry rows"]
    assert all(one["value"] > 0 and one["reference"] > 0 for one in told)
    answer = chaoxun("bench", "nothing")
    assert (answer.exit_code, "There is no benchmark nothing; there are store" in answer.stderr) == (1, True)
