"""What keeps drones from an incident for which nobody flies, read from the incident alone."""

from __future__ import annotations

from flightctl.dispatch.blocks import flight_blocks
from flightctl.dispatch.decision import Candidate, Refusal
from flightctl.incidents.model import Incident
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
        check=check, severity=severity, seen="", text=f"why {check.value}", overridable=check not in NEVER_OVERRIDDEN
    )


def report(drone_id: str, *results: CheckResult, seconds: float = 5.0) -> PreflightReport:
    return PreflightReport(drone_id=drone_id, at=samples.at(seconds), results=results)


def undecided(*refused: tuple[str, Refusal], reports: tuple[PreflightReport, ...] = ()) -> Incident:
    """Nobody could go."""
    incident = samples.incident()
    candidates = tuple(
        Candidate(dock_id=f"dock-{drone}", drone_id=drone, chosen=False, refusal=refusal, reason=f"{drone} stays")
        for drone, refusal in refused
    )
    decision = samples.decision(incident.id).model_copy(update={"drone_id": None, "candidates": candidates})
    return incident.model_copy(update={"decisions": (decision,), "preflights": reports})


def found(incident: Incident, *shut: str) -> dict[str, tuple[list[CheckId], bool]]:
    blocks = flight_blocks(incident, shut_docks=shut)
    return {block.drone_id: ([check.check for check in block.checks], block.overridable) for block in blocks}


def test_a_blocked_try_is_told_by_its_newest_report() -> None:
    incident = undecided(
        ("cx-1", Refusal.FAILED_BEFORE),
        reports=(
            report("cx-1", result(CheckId.WIND)),
            report("cx-1", result(CheckId.BATTERY), result(CheckId.CLOCK, Severity.WARN), seconds=9.0),
        ),
    )
    assert found(incident) == {"cx-1": ([CheckId.BATTERY], True)}
    assert flight_blocks(incident)[0].at == samples.at(9.0)


def test_one_check_that_nobody_may_override_keeps_the_drone_for_good() -> None:
    reports = (report("cx-1", result(CheckId.WIND), result(CheckId.GPS)),)
    incident = undecided(("cx-1", Refusal.FAILED_BEFORE), reports=reports)
    assert found(incident) == {"cx-1": ([CheckId.WIND, CheckId.GPS], False)}


def test_what_the_decision_refused_itself_is_told_like_the_check() -> None:
    incident = undecided(("cx-1", Refusal.WIND), ("cx-2", Refusal.BATTERY), ("cx-3", Refusal.WIND))
    assert found(incident, "dock-cx-3") == {
        "cx-1": ([CheckId.WIND], True),
        "cx-2": ([CheckId.BATTERY], True),
        "cx-3": ([CheckId.WIND], False),  # its dock holds the cover shut
    }
    assert flight_blocks(incident)[0].checks[0].text == "cx-1 stays"


def test_other_reasons_are_no_checks() -> None:
    incident = undecided(
        ("cx-1", Refusal.DRONE_OFFLINE),
        ("cx-2", Refusal.FAILED_BEFORE),  # in the air, not by a check
        ("cx-3", Refusal.NO_PAYLOAD),
    )
    assert found(incident) == {}


def test_a_try_that_a_person_let_fly_and_that_failed_later_is_not_blocked() -> None:
    word = Override(drone_id="cx-1", check=CheckId.WIND, name="Li Wei", note="why")
    flown = report("cx-1", result(CheckId.WIND)).with_overrides((word,))
    assert found(undecided(("cx-1", Refusal.FAILED_BEFORE), reports=(flown,))) == {}


def test_nothing_is_told_while_somebody_goes_or_nobody_was_wanted() -> None:
    assert flight_blocks(samples.incident()) == ()
    incident = samples.incident()
    sent = incident.model_copy(
        update={"decisions": (samples.decision(incident.id),), "preflights": (report("cx-2", result(CheckId.WIND)),)}
    )
    assert flight_blocks(sent) == ()
