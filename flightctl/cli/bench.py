"""`chaoxun bench`: speed, each number beside its reference from the same run."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from flightctl.cli.running import JsonOption, table, write_json
from geofence.errors import ChaoxunError


def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; all when left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure this machine: store, geofence, route, drift, link, sim, scenario, vision."""
    from flightctl.cli.benchmarks import BENCHMARKS

    chosen = names or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        raise ChaoxunError(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    found = [measurement for name in chosen for measurement in BENCHMARKS[name]()]
    if as_json:
        write_json([dataclasses.asdict(measurement) for measurement in found])
        return
    rows = [(one.name, f"{one.value:,.1f} {one.unit}", f"{one.reference:,.1f}", one.reference_is) for one in found]
    table("Measured here, now", ("what", "value", "reference", "which is"), rows)
