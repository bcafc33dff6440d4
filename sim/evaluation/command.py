"""What `chaoxun eval` does: plays the cases in processes of their own, sums them by material, tells the tables.

Rendered, footage and nuisance are three reports and never one: rendered figures say nothing of real scenes.
"""

from __future__ import annotations

import dataclasses
import json as json_format
import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sim.evaluation.cases import (
    NUISANCE_COUNT,
    RENDERED_COUNT,
    TEST_SEEDS,
    Case,
    SeedSet,
    nuisance_case,
    rendered_case,
    seeds_of,
)
from sim.evaluation.play import Played, play
from sim.evaluation.water import WATER_COUNT, WaterReport, evaluate_water, play_water, water_case
from vision.errors import OutputUnwritable
from vision.evaluation import Figures, Score
from vision.footage import FootageReport, evaluate_footage

_MOST_JOBS = 2  # each holds a world and a pipeline; more would only contend for the cores


class Material(StrEnum):
    RENDERED = "rendered"
    FOOTAGE = "footage"
    NUISANCE = "nuisance"
    WATER = "water"


@dataclass
class MaterialReport:
    """What came of one kind of rendered material."""

    material: Material
    seed_set: SeedSet
    seeds: tuple[int, int]
    score: Score = field(default_factory=Score)
    cases: int = 0
    failures: list[tuple[str, tuple[str, ...]]] = field(default_factory=list[tuple[str, tuple[str, ...]]])
    due: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    told: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    false: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def add(self, played: Played) -> None:
        verdict = played.verdict
        self.cases += 1
        self.score.add(verdict)
        if played.failures:
            self.failures.append((played.case.id, played.failures))
        cells = [(factor, level) for factor, text in played.case.factors.items() for level in text.split(" + ")]
        for factor, level in cells:
            self.seconds[factor, level] += round(verdict.watched_s)
            self.false[factor, level] += len(verdict.false)
            for hit in verdict.hits:
                self.due[factor, level, hit.event.kind.value] += 1
                self.told[factor, level, hit.event.kind.value] += 1
            for event in verdict.missed:
                self.due[factor, level, event.kind.value] += 1

    def to_json(self) -> dict[str, Any]:
        kinds = {kind.value: dataclasses.asdict(self.score.figures(kind)) for kind in self.score.kinds()}
        return {
            "material": self.material.value,
            "note": "rendered by sim/camera, not real footage",
            "seed_set": self.seed_set,
            "seeds": list(self.seeds),
            "cases": self.cases,
            "all": dataclasses.asdict(self.score.figures()),
            "kinds": kinds,
            "factors": [
                {
                    "factor": factor,
                    "level": level,
                    "due": {kind: n for (f, v, kind), n in sorted(self.due.items()) if (f, v) == (factor, level)},
                    "told": {kind: n for (f, v, kind), n in sorted(self.told.items()) if (f, v) == (factor, level)},
                    "false": self.false[factor, level],
                    "camera_hours": round(seconds / 3600, 4),
                }
                for (factor, level), seconds in sorted(self.seconds.items())
            ],
            "failures": [{"case": case, "what": list(lines)} for case, lines in self.failures],
        }


def evaluate(
    materials: Sequence[str],
    *,
    seeds: str | None = None,
    footage: Path | None = None,
    out_dir: Path | None = None,
    json: bool = False,
    jobs: int = _MOST_JOBS,
) -> None:
    """Raises SeedsRefused before anything is played, OutputUnwritable."""
    chosen = [material for material in Material if material.value in materials or not materials]
    seed_set, span = ("test", None) if seeds is None else seeds_of(seeds)
    console = Console(stderr=True)
    reports: list[MaterialReport | FootageReport | WaterReport] = []
    for material in chosen:
        if material is Material.FOOTAGE:
            reports.append(evaluate_footage(footage))
            continue
        if material is Material.WATER:
            reports.append(_water(span, seed_set, jobs))
            continue
        make, count = (
            (rendered_case, RENDERED_COUNT) if material is Material.RENDERED else (nuisance_case, NUISANCE_COUNT)
        )
        numbers = TEST_SEEDS[:count] if span is None else span
        report = MaterialReport(material, seed_set, (numbers[0], numbers[-1]))
        folder = None if out_dir is None else _folder(out_dir / material.value)
        for played in _played([make(seed) for seed in numbers], folder is not None, jobs, console, material.value):
            report.add(played)
            for name, data in played.pictures:
                assert folder is not None
                (folder / name).write_bytes(data)
        reports.append(report)
    text = json_format.dumps([report.to_json() for report in reports], ensure_ascii=False, indent=1)
    if out_dir is not None:
        (_folder(out_dir) / "report.json").write_text(text + "\n", encoding="utf-8")
    if json:
        sys.stdout.write(text + "\n")
        return
    shown = Console()
    for report in reports:
        if isinstance(report, MaterialReport):
            _tell(shown, report)
        elif isinstance(report, WaterReport):
            shown.print(f"[bold]water[/] (rendered scenes, not real footage): {report.seed_set} seeds", report.seeds)
            _table(shown, ("figure", "value"), report.rows())
        else:
            _tell_footage(shown, report)


def _water(span: range | None, seed_set: SeedSet, jobs: int) -> WaterReport:
    seeds = TEST_SEEDS[:WATER_COUNT] if span is None else span
    cases = [water_case(seed) for seed in seeds]
    jobs = min(jobs, _MOST_JOBS, len(cases))
    if jobs <= 1:
        return evaluate_water(seeds, seed_set, map(play_water, cases))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        return evaluate_water(seeds, seed_set, pool.map(play_water, cases))


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def _played(cases: Sequence[Case], pictures: bool, jobs: int, console: Console, name: str) -> Iterator[Played]:
    """The cases in their order, whatever order they end in."""
    work: Callable[[Case], Played] = partial(play, pictures=pictures)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=len(cases))
        jobs = min(jobs, _MOST_JOBS, len(cases))
        if jobs <= 1:
            yield from _counted(map(work, cases), lambda: progress.advance(task))
            return
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield from _counted(pool.map(work, cases), lambda: progress.advance(task))


def _counted(played: Iterable[Played], tick: Callable[[], None]) -> Iterator[Played]:
    for one in played:
        tick()
        yield one


# --- tables


def _tell(console: Console, report: MaterialReport) -> None:
    total = report.score.figures()
    console.print(
        f"[bold]{report.material.value}[/] (rendered scenes, not real footage): {report.cases} cases, "
        f"{report.seed_set} seeds {report.seeds[0]}-{report.seeds[1]}, {total.camera_hours:.2f} camera-hours",
        highlight=False,
    )
    columns = (
        "kind",
        "told",
        "recall",
        "latency s",
        "error m",
        "speed m/s",
        "repeats",
        "false",
        "false/h",
        "at most",
    )
    _table(
        console, columns, [_row(kind.value, report.score.figures(kind)) for kind in report.score.kinds()]
        + [_row("all", total)],
    )  # fmt: skip
    console.print("[dim]latency and error: median / p95; at most: 95 % bound of false alarms an hour[/]")
    kinds = sorted({kind for _, _, kind in report.due})
    rows = [
        (
            factor,
            level,
            *(f"{report.told[factor, level, kind]}/{report.due[factor, level, kind]}" for kind in kinds),
            str(report.false[factor, level]),
            f"{seconds / 3600:.2f}",
        )
        for (factor, level), seconds in sorted(report.seconds.items())
    ]
    _table(console, ("factor", "level", *kinds, "false", "hours"), rows)
    for case, lines in report.failures:
        more = "" if len(lines) <= 4 else f"; and {len(lines) - 4} more"
        console.print(f"[dim]{case}: {'; '.join(lines[:4])}{more}[/]", highlight=False)


def _row(name: str, figures: Figures) -> tuple[str, ...]:
    return (
        name,
        f"{figures.told}/{figures.events}",
        _number(figures.recall, 3),
        f"{_number(figures.latency_median_s)} / {_number(figures.latency_p95_s)}",
        f"{_number(figures.error_median_m)} / {_number(figures.error_p95_m)}",
        f"{_number(figures.speed_error_median_mps, 2)} / {_number(figures.speed_error_worst_mps, 2)}",
        str(figures.repeats),
        str(figures.false),
        _number(figures.false_per_h),
        _number(figures.at_most_per_h),
    )


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _tell_footage(console: Console, report: FootageReport) -> None:
    if report.skipped:
        console.print(f"[bold]footage[/]: skipped, {report.skipped}", highlight=False)
        return
    console.print("[bold]footage[/] (real clips, by their annotations)")
    _table(console, ("clip", "question", "true", "found", "note"), [one.row for one in report.findings])


def _table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box

    shown = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)
