"""`chaoxun eval`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flightctl.cli.running import JsonOption


class Material(StrEnum):
    RENDERED = "rendered"
    FOOTAGE = "footage"
    NUISANCE = "nuisance"
    WATER = "water"


def evaluate(
    materials: Annotated[
        list[Material] | None,
        typer.Argument(metavar="[MATERIAL]...", help="rendered, footage, nuisance, water; else all."),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="A-B", help="Tune seeds 0-9999 or test seeds 10000-19999.")
    ] = None,
    footage: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of annotated real clips; without it they are skipped.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for pictures of the failures.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=2, help="Processes.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """How well vision sees: recall, false alarms an hour, latency and error, each material by itself.

    Example: chaoxun eval rendered nuisance --seeds 10000-10023 --out failures
    """
    from sim.evaluation.command import evaluate as run

    chosen = [material.value for material in materials or ()]
    run(chosen, seeds=seeds, footage=footage, out_dir=out, json=as_json, jobs=jobs)
