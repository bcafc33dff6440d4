"""What a run came to: verdicts, the time of each named step, the log; and its JSON and JUnit forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from sim.scenario.expect import Verdict
from sim.scenario.record import Event, Record, Source

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One scenario, run once."""

    id: str
    title: str
    seed: int
    time_mode: str  # "virtual" or "real"
    verdicts: tuple[tuple[str, Verdict], ...]  # each sentence and what was measured
    record: Record
    steps_s: dict[str, float]  # from the first trouble to each named step
    ran_s: float  # of the scenario's own time
    wall_s: float
    error: str = ""  # the run itself broke; nothing was held

    @property
    def held(self) -> bool:
        return not self.error and all(verdict.held for _, verdict in self.verdicts)

    @property
    def speed(self) -> float:
        """Seconds of scenario per second of wall time."""
        return self.ran_s / self.wall_s if self.wall_s > 0 else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "scenario": self.id,
            "title": self.title,
            "seed": self.seed,
            "time": self.time_mode,
            "held": self.held,
            "error": self.error or None,
            "expectations": [
                {"text": text, "held": verdict.held, "measured": verdict.measured} for text, verdict in self.verdicts
            ],
            "steps_s": {name: round(at_s, 2) for name, at_s in self.steps_s.items()},
            "ran_s": round(self.ran_s, 1),
            "wall_s": round(self.wall_s, 2),
            "speed": round(self.speed, 1),
        }


def junit(results: Sequence[ScenarioResult]) -> ElementTree.ElementTree[ElementTree.Element]:
    """One test suite a scenario, one test case an expectation."""
    root = ElementTree.Element("testsuites")
    for result in results:
        failures = sum(not verdict.held for _, verdict in result.verdicts)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=result.id,
            tests=str(max(1, len(result.verdicts))),
            failures=str(failures),
            errors=str(int(bool(result.error))),
            time=f"{result.wall_s:.3f}",
        )
        if result.error:
            case = ElementTree.SubElement(suite, "testcase", classname=result.id, name="runs to its end")
            ElementTree.SubElement(case, "error", message=_clean(result.error))
        for text, verdict in result.verdicts:
            case = ElementTree.SubElement(suite, "testcase", classname=result.id, name=_clean(text))
            if not verdict.held:
                ElementTree.SubElement(case, "failure", message=_clean(verdict.measured))
    return ElementTree.ElementTree(root)


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)


_STEPS: tuple[tuple[str, Source, tuple[str, ...], dict[str, Any]], ...] = (
    ("alert", Source.VISION, ("alert",), {}),
    ("incident", Source.SERVICE, ("opened", "priority"), {}),
    ("hail", Source.SPEAKER, ("says",), {}),
    ("decision", Source.SERVICE, ("decision",), {}),
    ("cover_open", Source.DOCK, ("state",), {"state": "ready"}),
    ("armed", Source.DRONE, ("armed",), {}),
    ("airborne", Source.DRONE, ("airborne",), {}),
    ("on_scene", Source.SERVICE, ("state",), {"state": "on_scene"}),
    ("hail_from_drone", Source.SPEAKER, ("says",), {"drone": True}),
    ("released", Source.WORLD, ("buoy_released",), {}),
    ("in_water", Source.WORLD, ("buoy_splash",), {}),
    ("reached_buoy", Source.WORLD, ("reached_buoy",), {}),
    ("back_on_promenade", Source.WORLD, ("walked_back",), {}),
    ("resolved", Source.SERVICE, ("state",), {"state": "resolved"}),
    ("landed", Source.DRONE, ("landed",), {}),
    ("docked", Source.DRONE, ("docked",), {}),
)


def steps_of(record: Record) -> dict[str, float]:
    """Seconds from the first trouble (a fall before an entry) to the first of each step after it."""
    start = record.first(Source.WORLD, "fell", "swept") or record.first(Source.WORLD, "climbed_down")
    if start is None:
        return {}
    steps: dict[str, float] = {}
    for name, source, kinds, wanted in _STEPS:
        for event in record.of(source, *kinds):
            if event.at_s >= start.at_s and _has(event, wanted):
                steps[name] = event.at_s - start.at_s
                break
    return steps


def _has(event: Event, wanted: dict[str, Any]) -> bool:
    return all(event.data.get(key) == value for key, value in wanted.items())
