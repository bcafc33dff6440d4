"""Pre-flight reports of the scripted service: one of each severity, and a launch that is blocked."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flightctl.dispatch.blocks import FlightBlock
from flightctl.preflight_report import NEVER_OVERRIDDEN, CheckId, CheckResult, Severity


def _result(check: CheckId, severity: Severity, seen: str, text: str = "") -> CheckResult:
    return CheckResult(
        check=check, severity=severity, seen=seen, text=text, overridable=check not in NEVER_OVERRIDDEN
    )


WIND = _result(CheckId.WIND, Severity.BLOCK, "14.0 m/s", "over the limit of 12.0 m/s; wait")
HOOK = _result(
    CheckId.GRIPPER_FAILSAFE,
    Severity.BLOCK,
    "FS_OPTIONS 48",
    "a failsafe would open the hook wherever it happens; clear bit 5 (value 32) of FS_OPTIONS",
)
GPS = _result(
    CheckId.GPS,
    Severity.BLOCK,
    "fix 2, 5 satellites, HDOP 4.0",
    "no 3D position fix; give it a free view of the sky and wait",
)
RESULTS = (
    _result(CheckId.LINK, Severity.PASS, "0% of its messages are lost"),
    _result(CheckId.SYSTEM_ID, Severity.PASS, "system id 1"),
    _result(CheckId.AUTOPILOT, Severity.PASS, "ardupilot"),
    _result(CheckId.PRE_ARM, Severity.PASS, "ready to arm"),
    GPS,
    _result(CheckId.EKF, Severity.PASS, "flags 0x33f"),
    _result(CheckId.HOME, Severity.PASS, "0 m from its dock"),
    _result(CheckId.BATTERY, Severity.PASS, "100 %"),
    WIND,
    _result(CheckId.PAYLOAD, Severity.PASS, "2 of 2 hooks hold"),
    _result(CheckId.FENCE, Severity.WARN, "off", "no fence keeps it in; upload the site's fence and switch it on"),
    _result(CheckId.PARAMETERS, Severity.PASS, "6 of 6 read"),
    _result(CheckId.CLOCK, Severity.PASS, "+0.1 s"),
)


def blocks(incident_id: UUID, at: datetime) -> tuple[FlightBlock, ...]:
    """One drone may fly on a person's word, the other on nobody's."""
    return (
        FlightBlock(incident_id=incident_id, drone_id="cx-1", at=at, checks=(WIND, HOOK), overridable=True),
        FlightBlock(incident_id=incident_id, drone_id="cx-4", at=at, checks=(GPS, WIND), overridable=False),
    )
