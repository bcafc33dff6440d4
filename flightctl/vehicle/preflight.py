"""Before a flight: what speaks against it, from the vehicle's own words. The summary is the worst finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from flightctl.mavlink.autopilots.ardupilot import FS_OPTIONS_RELEASE_GRIPPER
from flightctl.mavlink.gripper import HookState
from flightctl.vehicle.telemetry import Telemetry

MIN_BATTERY_PERCENT = 30.0
MIN_SATELLITES = 8
_FIX_3D = 3


class Severity(IntEnum):
    OK = 0
    WARN = 1
    BLOCK = 2


@dataclass(frozen=True, slots=True)
class Finding:
    check: str  # stable name: "battery"
    severity: Severity
    text: str


def worst(findings: tuple[Finding, ...]) -> Severity:
    return max((finding.severity for finding in findings), default=Severity.OK)


def findings(
    telemetry: Telemetry, parameters: Mapping[str, float | None], *, hooks: int, min_battery_percent: float
) -> tuple[Finding, ...]:
    """Everything worth saying; `parameters` holds None for one the vehicle did not tell."""
    found: list[Finding] = []

    def say(check: str, severity: Severity, text: str) -> None:
        found.append(Finding(check, severity, text))

    if not telemetry.online:
        say("link", Severity.BLOCK, "the vehicle is not heard")
    elif telemetry.link_loss > 0.2:
        say("link", Severity.WARN, f"{telemetry.link_loss:.0%} of its messages are lost")
    if telemetry.battery_percent is None:
        say("battery", Severity.BLOCK, "the battery is not known")
    elif telemetry.battery_percent < min_battery_percent:
        say(
            "battery", Severity.BLOCK, f"battery {telemetry.battery_percent:.0f} %, under {min_battery_percent:.0f} %"
        )
    if telemetry.gps is None or telemetry.gps.fix < _FIX_3D:
        say("gps", Severity.BLOCK, "no 3D position fix")
    elif telemetry.gps.satellites < MIN_SATELLITES:
        say("gps", Severity.WARN, f"{telemetry.gps.satellites} satellites, under {MIN_SATELLITES}")
    if not telemetry.ekf_ready:
        say("ekf", Severity.BLOCK, "no position estimate yet")
    if not telemetry.prearm_ok:
        say("prearm", Severity.BLOCK, "the autopilot's own checks fail")
    if not telemetry.fence_enabled:
        say("fence", Severity.WARN, "no fence is enabled")
    if telemetry.fence_breached:
        say("fence", Severity.BLOCK, "the fence is breached")
    for hook in range(1, hooks + 1):
        if telemetry.hook(hook) is not HookState.HELD:
            say("hook", Severity.WARN, f"hook {hook} is {telemetry.hook(hook).value}, not held")
    options = parameters.get("FS_OPTIONS")
    if options is None:
        say("gripper_failsafe", Severity.WARN, "FS_OPTIONS is not known: a failsafe might open the hook")
    elif int(options) & FS_OPTIONS_RELEASE_GRIPPER:
        say("gripper_failsafe", Severity.BLOCK, "FS_OPTIONS lets a failsafe open the hook (bit 5); clear it")
    gcs = parameters.get("FS_GCS_ENABLE")
    if gcs is None:
        say("gcs_failsafe", Severity.WARN, "FS_GCS_ENABLE is not known")
    elif gcs == 0:
        say("gcs_failsafe", Severity.WARN, "FS_GCS_ENABLE is 0: it flies on when the link is lost")
    if parameters.get("BATT_FS_LOW_ACT") == 0:
        say("battery_failsafe", Severity.WARN, "BATT_FS_LOW_ACT is 0: a low battery does not bring it home")
    return tuple(found)
