"""Every kind of expectation, held against small logs."""

from __future__ import annotations

from typing import Any

import pytest

from sim.scenario.expect import known_sentences, parse_expectation
from sim.scenario.record import Event, Record, Source


def record(*events: tuple[float, Source, str, str, dict[str, Any]]) -> Record:
    log = Record(drone_speakers=frozenset({"cx-1"}))
    for at_s, source, kind, subject, data in events:
        log.add(Event(at_s, source, kind, subject, data))
    return log


FELL = (20.0, Source.WORLD, "fell", "visitor", {})
ENTERED = (10.0, Source.WORLD, "climbed_down", "angler", {})
FALL_ALERT = (22.0, Source.VISION, "alert", "a1", {"kind": "fall", "camera": "cam-3"})
DROP = (80.0, Source.WORLD, "buoy_splash", "buoy-1", {"distance_m": 2.5, "person_id": "visitor"})
RELEASED = (79.0, Source.WORLD, "buoy_released", "buoy-1", {})
AIRBORNE = (40.0, Source.DRONE, "airborne", "cx-1", {})
FIRST = (23.0, Source.SERVICE, "decision", "i1", {"dock": "dock-mid", "drone": "cx-2"})
SECOND = (33.0, Source.SERVICE, "decision", "i1", {"dock": "dock-east", "drone": "cx-3"})


@pytest.mark.parametrize(
    ("sentence", "events", "held"),
    [
        ("alert fall within 3 s", (FELL, FALL_ALERT), True),
        ("alert fall within 1 s", (FELL, FALL_ALERT), False),
        ("alert fall within 3 s", (FALL_ALERT,), False),
        ("alert fall within 3 s", ((19.0, *FALL_ALERT[1:]), FELL), False),
        ("alert fall within 22 s of start", (FELL, FALL_ALERT), True),
        ("no alert", (), True),
        ("no alert", (FALL_ALERT,), False),
        ("no alert zone_entry", (FALL_ALERT,), True),
        ("incident P1 within 5 s", (FELL, (24.0, Source.SERVICE, "opened", "i1", {"priority": "P1"})), True),
        ("incident P1 within 5 s", (FELL, (24.0, Source.SERVICE, "opened", "i1", {"priority": "P3"})), False),
        ("incident resolved", (FELL, (90.0, Source.SERVICE, "state", "i1", {"state": "resolved"})), True),
        ("no incident", (), True),
        ("no incident", ((24.0, Source.SERVICE, "opened", "i1", {"priority": "P1"}),), False),
        ("hail within 10 s", (ENTERED, (15.0, Source.SPEAKER, "says", "spk-1", {})), True),
        ("hail from drone", (ENTERED, (15.0, Source.SPEAKER, "says", "spk-1", {})), False),
        ("hail from drone", (ENTERED, (15.0, Source.SPEAKER, "says", "cx-1", {})), True),
        ("lifebuoy within 3 m of person within 120 s", (FELL, DROP), True),
        ("lifebuoy within 3 m of visitor", (FELL, DROP), True),
        ("lifebuoy within 3 m of angler", (FELL, DROP), False),
        ("lifebuoy within 2 m of person within 120 s", (FELL, DROP), False),
        ("lifebuoy within 3 m of person within 50 s", (FELL, DROP), False),
        ("no drop", (DROP,), True),
        ("no drop", (RELEASED,), False),
        ("no drone launched", (AIRBORNE,), False),
        ("drone launched within 30 s of fall", (FELL, AIRBORNE), True),
        ("cx-2 launched", (FELL, AIRBORNE), False),
        ("dock dock-mid chosen", (FIRST,), True),
        ("drone cx-3 chosen", (FIRST,), False),
        ("second dock sent", (FIRST, SECOND, AIRBORNE), True),
        ("second dock sent", (FIRST, SECOND), False),
        ("second dock sent", (FIRST, AIRBORNE), False),
        ("person back on promenade within 60 s", (ENTERED, (50.0, Source.WORLD, "walked_back", "angler", {})), True),
        ("every drone docked", (AIRBORNE,), False),
        ("every drone docked", (AIRBORNE, (200.0, Source.DRONE, "docked", "cx-1", {})), True),
        ("drone in mode rtl", ((50.0, Source.DRONE, "mode", "cx-1", {"mode": "RTL"}),), True),
        ("dock-mid in state fault", ((28.0, Source.DOCK, "state", "dock-mid", {"state": "fault"}),), True),
        ("step drop_refused within 5 s of alert", (FALL_ALERT, (25.0, Source.SERVICE, "timeline", "i1",
                                                                {"step": "drop_refused"})), True),
    ],
)  # fmt: skip
def test_expectation(sentence: str, events: tuple[Any, ...], held: bool) -> None:
    verdict = parse_expectation(sentence).check(record(*events))
    assert verdict.held is held, verdict.measured


def test_unknown_sentence_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no known expectation") as caught:
        parse_expectation("everybody is happy within 3 s")
    assert all(example in str(caught.value) for example in known_sentences())
