"""`chaoxun scenario ...`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flightctl.cli.running import JsonOption

app = typer.Typer(help="Play scenarios and hold them against what they expect.", no_args_is_help=True)


class Time(StrEnum):
    VIRTUAL = "virtual"
    REAL = "real"


class Backend(StrEnum):
    SIM = "sim"
    DRONEKIT_SITL = "dronekit-sitl"
    ARDUPILOT = "ardupilot"


@app.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]
    """Keeps `run` a word of its own while it is the only command."""


@app.command(epilog="Example: chaoxun scenario run tests/scenarios/fall_at_seawall.yaml --seed 7 --report reports")
def run(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario files (YAML).")],
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the file's own.")] = None,
    time: Annotated[
        Time | None, typer.Option(help="Virtual: as fast as it goes; real: against the clock, as a SITL needs it.")
    ] = None,
    backend: Annotated[Backend, typer.Option(help="What flies: our copter, or a SITL.")] = Backend.SIM,
    binary: Annotated[Path | None, typer.Option(metavar="PATH", help="The SITL's executable.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for reports with track plots.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="JUnit XML for a build server.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run scenarios; the exit status is 0 only when every expectation holds."""
    from sim.scenario.command import run_files

    status = run_files(
        files,
        seed=seed,
        time_mode=None if time is None else time.value,
        backend=backend.value,
        binary=binary,
        report_dir=report,
        junit=junit,
        json=as_json,
    )
    raise typer.Exit(status)
