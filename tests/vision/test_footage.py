"""Real footage, when `shared/footage` lies beside or above the checkout. None of it is in the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


def told(clip: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Track lines and counts of alerts."""
    assert FOOTAGE is not None
    lines: list[str] = []
    summary = watch(str(FOOTAGE / clip), emit=lines.append, json=True)
    return [line for line in map(json.loads, lines) if line["type"] == "track"], summary.alerts


def test_six_people_who_stand_up_to_21_s_are_each_one_track_that_counts_as_a_person() -> None:
    assert FOOTAGE is not None
    truth = json.loads((FOOTAGE / "one_by_one.gt.json").read_text())
    tracks, alerts = told("one_by_one.mp4")
    people = [track for track in tracks if track["person"]]
    assert alerts == {}
    assert len(people) == truth["people"]
    for visit in truth["visits"]:
        still_from, still_to = visit["still_from"] / truth["fps"], visit["still_to"] / truth["fps"]
        assert any(t["from_s"] <= still_from + 0.5 and t["to_s"] >= still_to - 0.5 for t in people), visit
    spans = [(visit["enter"] / truth["fps"], visit["leave"] / truth["fps"]) for visit in truth["visits"]]
    assert all(any(a - 1.0 <= t["from_s"] <= b + 1.0 for a, b in spans) for t in people)


def test_cars_are_no_people_and_each_says_why() -> None:
    tracks, alerts = told("cars.mp4")
    assert alerts == {}
    assert tracks
    assert not any(track["person"] for track in tracks)
    assert all(track["why"] for track in tracks)


def test_five_of_six_falls_indoors_are_told_once_though_the_empty_room_was_never_seen() -> None:
    falls = ["S1_Fall_13", "S1_Fall_14", "S1_Fall_15", "S2_Fall_12", "S2_Fall_13", "S2_Fall_14"]
    alerts = [told(f"falls/{clip}.mp4")[1] for clip in falls]
    assert all(found in ({"fall": 1}, {}) for found in alerts)
    assert sum(found == {"fall": 1} for found in alerts) >= 5


@pytest.mark.parametrize("clip", ["S1_ADL_10", "S1_ADL_16", "S2_ADL_23"])
def test_walking_picking_up_and_eating_are_no_falls(clip: str) -> None:
    assert told(f"falls/{clip}.mp4")[1] == {}
