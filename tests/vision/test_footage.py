"""Real footage, when `shared/footage` lies beside or above the checkout. None of it is in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vision.watch import watch


def footage() -> Path | None:
    for parent in Path(__file__).resolve().parents:
        folder = parent / "shared" / "footage"
        if folder.is_dir():
            return folder
    return None


FOOTAGE = footage()
pytestmark = pytest.mark.skipif(FOOTAGE is None, reason="shared/footage is not beside this checkout")


def test_six_people_who_stand_up_to_21_s_are_each_held_by_one_track() -> None:
    assert FOOTAGE is not None
    truth = json.loads((FOOTAGE / "one_by_one.gt.json").read_text())
    lines: list[str] = []
    watch(str(FOOTAGE / "one_by_one.mp4"), emit=lines.append, json=True)
    tracks = [line for line in map(json.loads, lines) if line["type"] == "track"]
    for visit in truth["visits"]:
        still_from, still_to = visit["still_from"] / truth["fps"], visit["still_to"] / truth["fps"]
        assert any(t["from_s"] <= still_from + 0.5 and t["to_s"] >= still_to - 0.5 for t in tracks), visit


def test_the_empty_scene_before_the_first_and_between_visits_raises_nothing() -> None:
    assert FOOTAGE is not None
    truth = json.loads((FOOTAGE / "one_by_one.gt.json").read_text())
    lines: list[str] = []
    summary = watch(str(FOOTAGE / "one_by_one.mp4"), emit=lines.append, json=True)
    assert summary.alerts == {}
    tracks = [line for line in map(json.loads, lines) if line["type"] == "track"]
    visits = [(v["enter"] / truth["fps"], v["leave"] / truth["fps"]) for v in truth["visits"]]
    for track in tracks:
        assert any(track["from_s"] >= enter - 1.0 and track["from_s"] <= leave + 1.0 for enter, leave in visits), (
            track
        )
