"""What `chaoxun scenario run` does: plays files one after another, says how each went, writes the reports."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from sim.scenario.backends import TimeMode, chosen
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.report import write_junit, write_report
from sim.scenario.result import ScenarioResult
from sim.scenario.runner import OnProgress, run_scenario, run_scenario_in_real_time

Play = Callable[..., ScenarioResult]


def run_files(
    paths: Sequence[Path],
    *,
    seed: int | None = None,
    time_mode: TimeMode | None = None,
    backend: str = "sim",
    binary: Path | None = None,
    report_dir: Path | None = None,
    junit: Path | None = None,
    json: bool = False,
) -> int:
    """The exit status: 0 only when every expectation of every scenario holds.

    All files are read before the first is run. Raises InvalidInput, BackendInvalid. Without `time_mode` it is
    virtual time where the backend can, else real time.
    """
    flown_by, time_mode = chosen(backend, binary, time_mode)
    loaded = [load_scenario(path) for path in paths]
    console = Console(file=sys.stdout)
    results: list[ScenarioResult] = []
    for scenario in loaded:
        play = run_scenario if time_mode == "virtual" else partial(run_scenario_in_real_time, backend=flown_by)
        result = _run(scenario, seed, play, console if console.is_terminal and not json else None)
        results.append(result)
        page = None if report_dir is None else write_report(report_dir, result, scenario.site_folder)
        if not json:
            _tell(console, result, page)
    if junit is not None:
        write_junit(junit, results)
    if json:
        sys.stdout.write(json_format.dumps([r.to_json() for r in results], ensure_ascii=False, indent=1) + "\n")
    elif len(results) > 1:
        held = sum(result.held for result in results)
        console.print(f"{held} of {len(results)} scenarios held")
    return 0 if all(result.held for result in results) else 1


def _run(scenario: LoadedScenario, seed: int | None, play: Play, console: Console | None) -> ScenarioResult:
    if console is None:
        return play(scenario, seed=seed)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(scenario.id, total=scenario.scenario.duration_s)
        on_progress: OnProgress = lambda at_s, _length_s: progress.update(task, completed=at_s)  # noqa: E731
        return play(scenario, seed=seed, on_progress=on_progress)


def _tell(console: Console, result: ScenarioResult, page: Path | None) -> None:
    mark = "[green]held[/]" if result.held else "[red]broken[/]"
    console.print(
        f"{mark} [bold]{result.id}[/] seed {result.seed}: {result.ran_s:.0f} s in {result.wall_s:.1f} s "
        f"({result.speed:.0f} times real time)"
    )
    if result.error:
        console.print(f"  [red]{result.error}[/]", markup=True, highlight=False)
    for text, verdict in result.verdicts:
        sign = "[green]✓[/]" if verdict.held else "[red]✗[/]"
        console.print(f"  {sign} {text}  [dim]{verdict.measured}[/]", highlight=False)
    steps = sorted(result.steps_s.items(), key=lambda item: item[1])
    if steps:
        told = ", ".join(f"{name.replace('_', ' ')} {at_s:.1f}" for name, at_s in steps)
        console.print(f"  [dim]seconds after it happened: {told}[/]", highlight=False)
    if page is not None:
        console.print(f"  [dim]{page}[/]", highlight=False)
