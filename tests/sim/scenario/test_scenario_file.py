"""A scenario file: what it may say, and how its faults are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from flightctl.site import DropPolicy
from sim.scenario.load import ScenarioInvalid, load_scenario, parse_scenario
from sim.scenario.model import Moment

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
HERE = Path("story.yaml")

GOOD = """\
version: 1
name: {zh: 落水, en: A fall}
duration_s: 120
seed: 7
people:
  - id: visitor
    at: {along_m: 40, offset_m: -1}
    does:
      - stand: 5
      - walk: {to: {along_m: 60, offset_m: -1}}
      - walk_back
      - fall_at_s: 20
faults:
  - {kind: cover_jam, target: dock-mid, at_s: 0}
  - {kind: link_lost, target: first, when: airborne, after_s: 5, for_s: 30}
policy: {drop: confirm}
expect:
  - alert fall within 3 s
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ScenarioInvalid) as caught:
        parse_scenario(text, HERE)
    return [str(problem) for problem in caught.value.problems]


def test_good_file_is_read_as_it_stands() -> None:
    loaded = parse_scenario(GOOD, HERE)
    scenario = loaded.scenario
    assert loaded.site_folder.name == "haining"
    assert [act.model_fields_set for act in scenario.people[0].does] == [
        {"stand"},
        {"walk"},
        {"walk_back"},
        {"fall_at_s"},
    ]
    assert scenario.faults[1].when is Moment.AIRBORNE
    assert scenario.expect[0].text == "alert fall within 3 s"


def test_policy_overrides_the_sites() -> None:
    from flightctl.site import Policy

    scenario = parse_scenario(GOOD, HERE).scenario
    assert scenario.policy_over(Policy(drop=DropPolicy.AUTO)).drop is DropPolicy.CONFIRM


def test_every_fault_is_told_at_its_line() -> None:
    text = GOOD.replace("offset_m: -1}\n    does", "offset: -1}\n    does").replace(
        "alert fall within 3 s", "alert fire"
    )
    told = problems(text.replace("duration_s: 120", "duration_s: -1"))
    assert any(line.startswith("story.yaml:3 duration_s:") for line in told)
    assert any(line.startswith("story.yaml:7 people[0].at.offset:") for line in told)
    assert any(line.startswith("story.yaml:18 expect[0]:") and "known are: alert KIND" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("target: dock-mid", "target: dock-nowhere", "story.yaml:14 faults[0].target: there is no dock"),
        ("target: first", "target: cx-9", "story.yaml:15 faults[1].target: there is no drone"),
        ("{drop: confirm}", "{drop: perhaps}", "story.yaml:16 policy.drop:"),
        ("seed: 7", "site: atlantis", "story.yaml:4 site: there is no site"),
        ("- stand: 5", "- dance: 5", "story.yaml:9 people[0].does[0]"),
        ("at_s: 0}", "}", "story.yaml:14 faults[0]: give either at_s or when"),
        ("seed: 7", "cameras: [cam-77]", "story.yaml:4 cameras[0]: there is no camera"),
    ],
)
def test_one_fault_is_told_with_its_place(old: str, new: str, place: str) -> None:
    assert any(place in line for line in problems(GOOD.replace(old, new))), problems(GOOD.replace(old, new))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_are_valid(path: Path) -> None:
    assert load_scenario(path).scenario.expect
