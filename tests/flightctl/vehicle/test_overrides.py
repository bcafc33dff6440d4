"""A person's word in spite of a check: on what it acts, and on what it does not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flightctl.preflight_report import (
    NEVER_OVERRIDDEN,
    CheckId,
    CheckResult,
    Override,
    PreflightReport,
    Severity,
)
from tests.flightctl import samples


def result(check: CheckId, severity: Severity = Severity.BLOCK) -> CheckResult:
    return CheckResult(
        check=check, severity=severity, seen="seen", text="why", overridable=check not in NEVER_OVERRIDDEN
    )


def report(*results: CheckResult, drone_id: str = "cx-2") -> PreflightReport:
    return PreflightReport(drone_id=drone_id, at=samples.START, results=results)


def word(check: CheckId, drone_id: str = "cx-2") -> Override:
    return Override(drone_id=drone_id, check=check, name="Li Wei", note="the person is 30 m from the wall")


@pytest.mark.parametrize("check", sorted(set(CheckId) - NEVER_OVERRIDDEN))
def test_a_word_on_a_blocking_check_lets_it_fly_and_stays_beside_it(check: CheckId) -> None:
    made = report(result(check), result(CheckId.CLOCK, Severity.WARN)).with_overrides((word(check),))
    assert made.blocking == ()
    assert [r.check for r in made.overridden] == [check]
    assert made.result(check).override == word(check)
    assert made.result(check).severity is Severity.BLOCK  # what was found is not rewritten


@pytest.mark.parametrize("check", sorted(NEVER_OVERRIDDEN))
def test_some_checks_hear_no_word(check: CheckId) -> None:
    made = report(result(check)).with_overrides((word(check),))
    assert [r.check for r in made.blocking] == [check]
    assert made.overridden == ()


def test_a_word_on_another_drone_or_on_another_check_changes_nothing() -> None:
    blocked = report(result(CheckId.WIND))
    assert blocked.with_overrides((word(CheckId.WIND, "cx-1"), word(CheckId.BATTERY))) == blocked


@pytest.mark.parametrize("severity", [Severity.PASS, Severity.WARN])
def test_a_word_on_what_does_not_block_changes_nothing(severity: Severity) -> None:
    present = report(result(CheckId.WIND, severity))
    assert present.with_overrides((word(CheckId.WIND),)) == present


def test_one_word_leaves_the_other_blocks() -> None:
    made = report(result(CheckId.WIND), result(CheckId.BATTERY)).with_overrides((word(CheckId.WIND),))
    assert [r.check for r in made.blocking] == [CheckId.BATTERY]


def test_without_words_a_report_stands() -> None:
    present = report(result(CheckId.WIND), result(CheckId.GPS, Severity.PASS))
    assert present.with_overrides(()) == present
    with pytest.raises(KeyError):
        present.result(CheckId.BATTERY)


def test_the_worst_of_one_check_is_its_result() -> None:
    present = report(
        result(CheckId.FENCE, Severity.WARN), result(CheckId.FENCE), result(CheckId.FENCE, Severity.PASS)
    )
    assert present.result(CheckId.FENCE).severity is Severity.BLOCK


@pytest.mark.parametrize(
    "change",
    [{"name": "  "}, {"note": ""}, {"note": "\n"}, {"note": "x" * 501}, {"name": "x" * 65}, {"check": "luck"}],
)
def test_a_word_without_a_name_or_a_reason_is_none(change: dict[str, str]) -> None:
    said = {"drone_id": "cx-2", "check": "wind", "name": "Li Wei", "note": "why", **change}
    with pytest.raises(ValidationError):
        Override.model_validate(said)


def test_name_and_note_are_kept_without_the_space_around_them() -> None:
    said = Override(drone_id="cx-2", check=CheckId.WIND, name=" 李伟 ", note=" 人在墙边 \n")
    assert (said.name, said.note) == ("李伟", "人在墙边")
