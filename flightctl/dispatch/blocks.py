"""What keeps every drone on the ground while an incident waits, and what of it a person may override. Pure.

Read from the incident alone: the last decision sent nobody, and either the decision itself or a pre-flight report
says why not for each drone.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from flightctl.dispatch.decision import Candidate, Refusal
from flightctl.incidents.model import Incident
from flightctl.preflight_report import CheckId, CheckResult, Severity

_CHECK_OF = {Refusal.WIND: CheckId.WIND, Refusal.BATTERY: CheckId.BATTERY}


class FlightBlock(BaseModel):
    """One drone that would fly for the incident if these checks did not block."""

    model_config = ConfigDict(frozen=True)

    incident_id: UUID
    drone_id: str
    at: AwareDatetime  # when it was found
    checks: tuple[CheckResult, ...]
    overridable: bool  # every one of them: a person may order the launch in spite of them


def flight_blocks(incident: Incident, *, shut_docks: Collection[str] = ()) -> tuple[FlightBlock, ...]:
    """Empty when a drone was sent, or none was wanted. `shut_docks` hold their cover shut in the wind, which no word
    opens."""
    if not incident.decisions or incident.decisions[-1].drone_id is not None:
        return ()
    decision = incident.decisions[-1]
    reports = {report.drone_id: report for report in incident.preflights}  # the newest of each
    found: list[FlightBlock] = []
    for candidate in decision.candidates:
        report = reports.get(candidate.drone_id)
        refused_by = None if candidate.refusal is None else _CHECK_OF.get(candidate.refusal)
        if refused_by is not None:
            at, checks = decision.at, (_refused(candidate, refused_by, shut_docks),)
        elif candidate.refusal is Refusal.FAILED_BEFORE and report is not None and report.blocking:
            at, checks = report.at, report.blocking
        else:
            continue
        found.append(
            FlightBlock(
                incident_id=incident.id,
                drone_id=candidate.drone_id,
                at=at,
                checks=checks,
                overridable=all(check.overridable for check in checks),
            )
        )
    return tuple(found)


def _refused(candidate: Candidate, check: CheckId, shut_docks: Collection[str]) -> CheckResult:
    """The decision had already looked at what this check looks at."""
    shut = check is CheckId.WIND and candidate.dock_id in shut_docks
    return CheckResult(check=check, severity=Severity.BLOCK, seen="", text=candidate.reason, overridable=not shut)
