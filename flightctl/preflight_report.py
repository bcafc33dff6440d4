"""The contract of a pre-flight check: what was looked at, what it showed, what it means, and who overrode it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Severity(StrEnum):
    PASS = "pass"
    WARN = "warn"  # is said and noted, and the flight goes on
    BLOCK = "block"  # nothing flies, unless a person overrides it


class CheckId(StrEnum):
    """Stable names: they stand in stored reports, in sites and in orders of people."""

    LINK = "link"
    SYSTEM_ID = "system_id"
    AUTOPILOT = "autopilot"
    PRE_ARM = "pre_arm"
    GPS = "gps"
    EKF = "ekf"
    HOME = "home"
    BATTERY = "battery"
    WIND = "wind"
    PAYLOAD = "payload"
    FENCE = "fence"
    PARAMETERS = "parameters"
    GCS_FAILSAFE = "gcs_failsafe"
    THROTTLE_FAILSAFE = "throttle_failsafe"
    BATTERY_FAILSAFE = "battery_failsafe"
    EKF_FAILSAFE = "ekf_failsafe"
    GRIPPER_FAILSAFE = "gripper_failsafe"
    CLOCK = "clock"


NEVER_OVERRIDDEN = frozenset(
    {
        CheckId.LINK,  # nobody can steer it
        CheckId.SYSTEM_ID,  # an order might reach the other drone
        CheckId.AUTOPILOT,  # it may understand an order otherwise
        CheckId.PRE_ARM,  # it would refuse to arm
        CheckId.GPS,
        CheckId.EKF,
        CheckId.PAYLOAD,  # a flight to drop what is not there
    }
)
"""No person's word makes these safe, or even possible."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; say it in words")
    return text.strip()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Override(_Part):
    """A person's word that one drone may fly once in spite of one check."""

    drone_id: Annotated[str, Field(min_length=1, max_length=64)]
    check: CheckId
    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_not_blank)]  # who says so
    note: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_not_blank)]  # why


class CheckResult(_Part):
    check: CheckId
    severity: Severity
    seen: str  # the value the check looked at: "FS_OPTIONS 48", "12 satellites, fix 3"
    text: str = ""  # what is wrong and what to do; empty when it passes
    overridable: bool
    override: Override | None = None  # the word that lets it fly all the same

    @property
    def blocks(self) -> bool:
        return self.severity is Severity.BLOCK and self.override is None


class PreflightReport(_Part):
    """Every check of one drone at one instant."""

    drone_id: str
    at: AwareDatetime
    results: tuple[CheckResult, ...]

    @property
    def blocking(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if result.blocks)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if result.severity is Severity.WARN)

    @property
    def overridden(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if result.override is not None)

    def result(self, check: CheckId) -> CheckResult:
        """The worst of this check. Raises KeyError when it was not made."""
        found = [result for result in self.results if result.check is check]
        if not found:
            raise KeyError(check)
        return max(found, key=lambda result: _RANK[result.severity])

    def with_overrides(self, overrides: tuple[Override, ...]) -> PreflightReport:
        """With the words of people beside what they override; a word on a check that may not be overridden, on one
        that does not block, or on another drone changes nothing."""
        by_check = {override.check: override for override in overrides if override.drone_id == self.drone_id}

        def overridden(result: CheckResult) -> CheckResult:
            if not result.overridable or result.severity is not Severity.BLOCK or result.check not in by_check:
                return result
            return result.model_copy(update={"override": by_check[result.check]})

        return self.model_copy(update={"results": tuple(overridden(result) for result in self.results)})


_RANK = {Severity.PASS: 0, Severity.WARN: 1, Severity.BLOCK: 2}
