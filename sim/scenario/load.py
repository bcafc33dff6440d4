"""Reads a scenario file and checks it against its site, with every fault at its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from flightctl.site import SiteFile
from geofence.errors import InvalidInput, Problem
from geofence.sourcefile import SourceFile, parse_source, problems_of, read_source, validated
from sim.scenario.model import FAULT_TARGETS, Scenario

SITES = Path(__file__).parent.parent / "sites"
FIRST_DRONE = "first"


class ScenarioInvalid(InvalidInput):
    """A scenario file cannot be run; nothing of it has been started."""


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario, the file it came from and the folder of its site."""

    scenario: Scenario
    path: Path
    site_folder: Path

    @property
    def id(self) -> str:
        return self.path.stem


def load_scenario(path: Path) -> LoadedScenario:
    """Raises ScenarioInvalid (or InvalidInput when the file cannot be read at all)."""
    return _checked(read_source(path))


def parse_scenario(text: str, path: Path) -> LoadedScenario:
    """From text already at hand; `path` names it in messages and anchors a relative site folder."""
    return _checked(parse_source(text, path))


def _checked(source: SourceFile) -> LoadedScenario:
    try:
        scenario = validated(source, Scenario)
    except InvalidInput as error:
        raise ScenarioInvalid(error.problems) from error
    folder = SITES / scenario.site if (SITES / scenario.site).is_dir() else source.path.parent / scenario.site
    if not (folder / "site.yaml").is_file():
        raise ScenarioInvalid([source.problem(("site",), f"there is no site {scenario.site!r} ({folder})")])
    site = validated(read_source(folder / "site.yaml"), SiteFile)
    problems = list(_problems(source, scenario, site))
    if problems:
        raise ScenarioInvalid(problems)
    return LoadedScenario(scenario, source.path, folder)


def _problems(source: SourceFile, scenario: Scenario, site: SiteFile) -> Iterator[Problem]:
    known = {
        "dock": {dock.id for dock in site.docks},
        "drone": {drone.id for drone in site.drones} | {FIRST_DRONE},
        "camera": {camera.id for camera in site.cameras},
        "speaker": {speaker.id for speaker in site.speakers},
    }
    if scenario.cameras != "all":
        for index, camera in enumerate(scenario.cameras):
            if camera not in known["camera"]:
                yield source.problem(("cameras", index), _unknown("camera", camera, known["camera"]))
    seen: set[str] = set()
    for index, person in enumerate(scenario.people):
        if person.id in seen:
            yield source.problem(("people", index, "id"), f"{person.id} is there twice")
        seen.add(person.id)
    for index, crowd in enumerate(scenario.crowds):
        if crowd.along_to_m <= crowd.along_from_m:
            yield source.problem(("crowds", index, "along_to_m"), "must be above along_from_m")
    for index, fault in enumerate(scenario.faults):
        what = next(what for what, kinds in FAULT_TARGETS.items() if fault.kind in kinds)
        if fault.target not in known[what]:
            yield source.problem(("faults", index, "target"), _unknown(what, fault.target, known[what]))
    try:
        scenario.policy_over(site.policy)
    except ValidationError as error:
        for problem in problems_of(error):
            key = problem.place.split(".")[0].split("[")[0]
            yield source.problem(("policy", key), problem.reason)


def _unknown(what: str, name: str, known: set[str]) -> str:
    return f"there is no {what} {name!r}; known are {', '.join(sorted(known))}"
