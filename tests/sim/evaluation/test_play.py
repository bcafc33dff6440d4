"""A case is played to its end: truth on one side, alerts on the other, a verdict of both."""

from __future__ import annotations

import dataclasses

from sim.evaluation.cases import Situation, nuisance_case, rendered_case
from sim.evaluation.disturbances import Disturbances
from sim.evaluation.play import play
from vision.alert import AlertKind


def test_a_quiet_scene_has_no_events_and_raises_nothing() -> None:
    case = dataclasses.replace(nuisance_case(2), seconds=8.0)
    verdict = play(case).verdict
    assert (verdict.hits, verdict.missed, verdict.false) == ((), (), ())
    assert verdict.watched_s == 8.0


def test_a_fall_that_is_due_is_told_or_missed_and_a_miss_has_its_picture() -> None:
    case = next(case for case in map(rendered_case, range(1, 40, 4)) if case.situation is Situation.FALL)
    case = dataclasses.replace(case, disturbances=Disturbances())
    played = play(case, pictures=True)
    verdict = played.verdict
    falls = [e for e in (*(hit.event for hit in verdict.hits), *verdict.missed) if e.kind is AlertKind.FALL]
    assert len(falls) == 1
    assert len(played.pictures) == len(played.failures) == len(verdict.missed) + len(verdict.false)
    assert all(data.startswith(b"\xff\xd8") for _, data in played.pictures)


def test_who_is_taken_counts_as_in_the_water_from_when_he_lost_his_feet() -> None:
    case = dataclasses.replace(rendered_case(3), disturbances=Disturbances())
    verdict = play(case).verdict
    wet = [
        event for event in (*(hit.event for hit in verdict.hits), *verdict.missed)
        if event.kind is AlertKind.PERSON_IN_WATER
    ]  # fmt: skip
    assert len(wet) == 1
    assert wet[0].since_s is not None
    assert wet[0].since_s <= wet[0].at_s
