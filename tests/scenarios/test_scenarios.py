"""Every shipped scenario, and the demonstration's story, end to end in virtual time: all expectations hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from flightctl.site_loading import HAINING
from sim.scenario.load import load_scenario
from sim.scenario.runner import run_scenario

FOLDER = Path(__file__).resolve().parent
STORIES = [*sorted(FOLDER.glob("*.yaml")), HAINING / "demo.yaml"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_ends_as_expected(path: Path) -> None:
    result = run_scenario(load_scenario(path))
    broken = [f"{sentence}: {verdict.measured}" for sentence, verdict in result.verdicts if not verdict.held]
    assert not result.error
    assert not broken
