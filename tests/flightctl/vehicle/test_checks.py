"""Every pre-flight check by itself: what passes, warns and blocks, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flightctl.mavlink.autopilots import ARDUCOPTER, PX4, Autopilot
from flightctl.mavlink.autopilots.ardupilot import FS_OPTIONS_RELEASE_GRIPPER
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.gripper import HELD_US, RELEASED_US
from flightctl.mavlink.mission import fence_items
from flightctl.preflight_report import NEVER_OVERRIDDEN, CheckId, CheckResult, Severity
from flightctl.site import PreflightLimits
from flightctl.vehicle.preflight import Asked, Readings, Snapshot, results
from flightctl.vehicle.telemetry import Gps, Home, LandedState, Telemetry
from geofence.position import LatLon

PASS, WARN, BLOCK = Severity.PASS, Severity.WARN, Severity.BLOCK
DOCK = LatLon(lat=30.4020, lon=120.5420)
HELD, OPEN, JAMMED = HELD_US, RELEASED_US, 1500
READY_FLAGS = 0x33F
RING = tuple(LatLon(lat=30.40 + n, lon=120.54 + e) for n, e in ((0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01)))
FENCE = fence_items(RING, [])
COMMISSIONED: dict[str, float | None] = {
    "FS_GCS_ENABLE": 1.0,
    "FS_THR_ENABLE": 1.0,
    "BATT_FS_LOW_ACT": 2.0,
    "BATT_FS_CRT_ACT": 1.0,
    "FS_EKF_ACTION": 1.0,
    "FS_OPTIONS": 16.0,
}


def telemetry(**change: Any) -> Telemetry:
    ready = Telemetry(
        system_id=1,
        at_s=10.0,
        online=True,
        position=DOCK,
        position_at_s=10.0,
        height_m=0.0,
        amsl_m=8.0,
        velocity_east_mps=0.0,
        velocity_north_mps=0.0,
        velocity_up_mps=0.0,
        heading_deg=0.0,
        armed=False,
        mode="GUIDED",
        system_status=3,
        landed_state=LandedState.ON_GROUND,
        battery_percent=95.0,
        battery_volt=50.0,
        gps=Gps(fix=3, satellites=14, hdop=0.8),
        ekf_ready=True,
        prearm_ok=True,
        fence_enabled=True,
        fence_breached=False,
        home=Home(DOCK, 8.0),
        servos_us=(HELD, HELD),
        texts=(),
        link_loss=0.0,
    )
    return replace(ready, **change)


def snapshot(**change: Any) -> Snapshot:
    """Of a drone against which nothing speaks, but for the change."""
    ready = Snapshot(
        asked=Asked(autopilot="ardupilot", hooks=2, drop=True, dock=DOCK, wind_mps=4.0, max_wind_mps=12.0),
        telemetry=telemetry(),
        autopilot=ARDUCOPTER,
        known=True,
        conflict=False,
        estimator_flags=READY_FLAGS,
        clock_ahead_s=0.1,
        readings=Readings(COMMISSIONED),
    )
    return replace(ready, **change)


def heard(**change: Any) -> Snapshot:
    return snapshot(telemetry=telemetry(**change))


def asked(**change: Any) -> Snapshot:
    return snapshot(asked=replace(snapshot().asked, **change))


def limits(present: Snapshot | None = None, /, **change: Any) -> Snapshot:
    present = present or snapshot()
    return replace(present, asked=replace(present.asked, limits=PreflightLimits(**change)))


def parameters(autopilot: Autopilot = ARDUCOPTER, /, **change: float | None) -> Snapshot:
    present = COMMISSIONED if autopilot is ARDUCOPTER else dict.fromkeys(autopilot.preflight_parameters, 2.0)
    base = snapshot(autopilot=autopilot, readings=Readings({**present, **change}))
    return replace(base, asked=replace(base.asked, autopilot=autopilot.name))


def fenced(autopilot: Autopilot = ARDUCOPTER, **change: Any) -> Snapshot:
    present = asked(fence=FENCE)
    return replace(present, autopilot=autopilot, readings=replace(present.readings, fence=FENCE), **change)


def found(present: Snapshot, check: CheckId) -> CheckResult:
    [result] = [result for result in results(present) if result.check is check]
    return result


def test_nothing_speaks_against_a_drone_that_is_ready() -> None:
    made = results(snapshot())
    assert {result.check for result in made} == set(CheckId)
    assert {result.severity for result in made} == {PASS}
    assert not any(result.text for result in made)
    assert all(result.seen for result in made)


def test_px4_passes_without_what_it_does_not_have() -> None:
    made = results(parameters(PX4))
    assert {result.severity for result in made if result.check is not CheckId.PAYLOAD} == {PASS}
    assert CheckId.GRIPPER_FAILSAFE not in {result.check for result in made}


BLOCKED = [
    (CheckId.LINK, heard(online=False), "silent", "power"),
    (CheckId.LINK, snapshot(telemetry=telemetry(online=False), known=False), "never heard", "system id"),
    (CheckId.SYSTEM_ID, snapshot(conflict=True), "system id 1", "MAV_SYSID"),
    (CheckId.AUTOPILOT, asked(autopilot="px4"), "ardupilot", "the site says px4"),
    (CheckId.PRE_ARM, snapshot(telemetry=telemetry(prearm_ok=False), reasons=("PreArm: Compass",)), "not ready",
     "PreArm: Compass"),
    (CheckId.PRE_ARM, heard(prearm_ok=False), "not ready", "it gives no reason"),
    (CheckId.GPS, heard(gps=None), "no word", "receiver"),
    (CheckId.GPS, heard(gps=Gps(2, 5, 4.0)), "fix 2, 5 satellites, HDOP 4.0", "sky"),
    (CheckId.EKF, snapshot(estimator_flags=0), "0x000", "wait"),
    (CheckId.EKF, snapshot(estimator_flags=READY_FLAGS | mavlink.EKF_CONST_POS_MODE), "0x3bf", "wait"),
    (CheckId.HOME, heard(home=Home(LatLon(lat=30.4030, lon=120.5420), 8.0)), "111 m from its dock", "30 m"),
    (CheckId.BATTERY, heard(battery_percent=None), "not known", "BATT_MONITOR"),
    (CheckId.BATTERY, heard(battery_percent=29.0), "29 %", "under 30 %; charge it"),
    (CheckId.BATTERY, asked(energy_problem="80 Wh by here"), "95 %", "80 Wh by here"),
    (CheckId.WIND, asked(wind_mps=12.1), "12.1 m/s", "over the limit of 12.0 m/s"),
    (CheckId.PAYLOAD, heard(servos_us=(OPEN, OPEN)), "0 of 2 hooks hold", "nothing to drop"),
    (CheckId.PAYLOAD, heard(servos_us=()), "0 of 2 hooks hold", "nothing to drop"),
    (CheckId.FENCE, heard(fence_breached=True), "breached", "outside its fence"),
    (CheckId.FENCE, limits(heard(fence_enabled=False), fence="required"), "off", "upload"),
    (CheckId.PARAMETERS, snapshot(readings=Readings(dict.fromkeys(COMMISSIONED))), "0 of 6 read", "link"),
    (CheckId.PARAMETERS, snapshot(readings=Readings()), "0 of 0 read", "link"),
    (CheckId.GCS_FAILSAFE, parameters(FS_GCS_ENABLE=0.0), "FS_GCS_ENABLE 0", "set FS_GCS_ENABLE to 1"),
    (CheckId.GCS_FAILSAFE, parameters(PX4, NAV_DLL_ACT=0.0), "NAV_DLL_ACT 0", "set NAV_DLL_ACT to 2"),
    (CheckId.GRIPPER_FAILSAFE, parameters(FS_OPTIONS=48.0), "FS_OPTIONS 48", "clear bit 5"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "present", "seen", "text"), BLOCKED)
def test_what_blocks_says_what_was_seen_and_what_to_do(
    check: CheckId, present: Snapshot, seen: str, text: str
) -> None:
    result = found(present, check)
    assert result.severity is BLOCK
    assert result.blocks
    assert seen in result.seen
    assert text in result.text
    assert result.overridable is (check not in NEVER_OVERRIDDEN)


WARNED = [
    (CheckId.LINK, heard(link_loss=0.3), "30%", "more than 20%"),
    (CheckId.GPS, heard(gps=Gps(3, 7, 1.0)), "7 satellites", "under 8 satellites"),
    (CheckId.GPS, heard(gps=Gps(3, 12, 2.6)), "HDOP 2.6", "over 2.5"),
    (CheckId.HOME, heard(home=None), "not set", "when it arms"),
    (CheckId.WIND, asked(wind_mps=None), "not known", "look outside"),
    (CheckId.PAYLOAD, heard(servos_us=(HELD, JAMMED)), "1 of 2 hooks hold", "hook 2 is"),
    (CheckId.PAYLOAD, parameters(PX4), "cannot be seen", "look at it"),
    (CheckId.FENCE, heard(fence_enabled=False), "off", "upload"),
    (CheckId.PARAMETERS, parameters(FS_OPTIONS=None), "5 of 6 read", "no answer about FS_OPTIONS"),
    (CheckId.THROTTLE_FAILSAFE, parameters(FS_THR_ENABLE=0.0), "FS_THR_ENABLE 0", "set FS_THR_ENABLE"),
    (CheckId.BATTERY_FAILSAFE, parameters(BATT_FS_LOW_ACT=0.0, BATT_FS_CRT_ACT=0.0), "BATT_FS_CRT_ACT 0", "set"),
    (CheckId.BATTERY_FAILSAFE, parameters(BATT_FS_LOW_ACT=0.0, BATT_FS_CRT_ACT=None), "BATT_FS_LOW_ACT 0", "set"),
    (CheckId.EKF_FAILSAFE, parameters(FS_EKF_ACTION=0.0), "FS_EKF_ACTION 0", "set FS_EKF_ACTION"),
    (CheckId.GRIPPER_FAILSAFE, parameters(FS_OPTIONS=None), "not known", "FS_OPTIONS could not be read"),
    (CheckId.GCS_FAILSAFE, parameters(FS_GCS_ENABLE=None), "not known", "FS_GCS_ENABLE could not be read"),
    (CheckId.THROTTLE_FAILSAFE, parameters(PX4, NAV_RCL_ACT=0.0), "NAV_RCL_ACT 0", "NAV_RCL_ACT"),
    (CheckId.BATTERY_FAILSAFE, parameters(PX4, COM_LOW_BAT_ACT=0.0), "COM_LOW_BAT_ACT 0", "COM_LOW_BAT_ACT"),
    (CheckId.FENCE, parameters(PX4, GF_ACTION=1.0), "off", "upload"),
    (CheckId.FENCE, parameters(PX4, GF_ACTION=None), "off", "upload"),
    (CheckId.CLOCK, snapshot(clock_ahead_s=None), "not known", "logs"),
    (CheckId.CLOCK, snapshot(clock_ahead_s=-2.5), "-2.5 s", "more than 2 s"),
]


@pytest.mark.parametrize(("check", "present", "seen", "text"), WARNED)
def test_what_warns_is_said_and_does_not_block(check: CheckId, present: Snapshot, seen: str, text: str) -> None:
    result = found(present, check)
    assert result.severity is WARN
    assert not result.blocks
    assert seen in result.seen
    assert text in result.text


PASSED = [
    (CheckId.LINK, heard(link_loss=0.2)),
    (CheckId.AUTOPILOT, asked(autopilot=None)),
    (CheckId.PRE_ARM, heard(prearm_ok=False, armed=True)),
    (CheckId.GPS, heard(gps=Gps(6, 8, None))),
    (CheckId.HOME, asked(dock=None)),
    (CheckId.HOME, heard(home=Home(LatLon(lat=30.4022, lon=120.5420), 8.0))),
    (CheckId.BATTERY, heard(battery_percent=30.0)),
    (CheckId.WIND, asked(wind_mps=12.0)),
    (CheckId.WIND, asked(max_wind_mps=None, wind_mps=40.0)),
    (CheckId.PAYLOAD, asked(hooks=0, drop=False)),
    (CheckId.FENCE, fenced()),
    (CheckId.FENCE, limits(heard(fence_enabled=False), fence="none")),
    (CheckId.FENCE, parameters(PX4, GF_ACTION=3.0)),
    (CheckId.BATTERY_FAILSAFE, parameters(BATT_FS_LOW_ACT=0.0)),  # one of them on is enough
    (CheckId.GRIPPER_FAILSAFE, parameters(FS_OPTIONS=float(0xFF & ~FS_OPTIONS_RELEASE_GRIPPER))),
    (CheckId.CLOCK, snapshot(clock_ahead_s=2.0)),
]


@pytest.mark.parametrize(("check", "present"), PASSED)
def test_what_is_just_good_enough_passes(check: CheckId, present: Snapshot) -> None:
    result = found(present, check)
    assert result.severity is PASS, result
    assert not result.text


@pytest.mark.parametrize(
    ("held", "seen"),
    [
        (None, "on, not read"),
        (FENCE[:-1], "on, 3 corners"),
        ((FENCE[0], replace(FENCE[1], position=DOCK), *FENCE[2:]), "on, 1 corners differ"),
    ],
)
def test_another_fence_than_the_sites_warns_or_blocks_as_the_site_says(held: Any, seen: str) -> None:
    present = fenced()
    present = replace(present, readings=replace(present.readings, fence=held))
    assert (found(present, CheckId.FENCE).severity, found(present, CheckId.FENCE).seen) == (WARN, seen)
    strict = replace(present, asked=replace(present.asked, limits=PreflightLimits(fence="required")))
    assert found(strict, CheckId.FENCE).severity is BLOCK


def test_a_flight_without_a_drop_needs_no_lifebuoy() -> None:
    present = snapshot(asked=replace(snapshot().asked, drop=False), telemetry=telemetry(servos_us=(OPEN, OPEN)))
    assert found(present, CheckId.PAYLOAD).severity is WARN


def test_a_site_may_soften_a_block_to_a_warning_but_no_firm_one() -> None:
    soft = limits(heard(battery_percent=20.0), only_warn=(CheckId.BATTERY,))
    assert found(soft, CheckId.BATTERY).severity is WARN
    assert found(limits(only_warn=(CheckId.BATTERY,)), CheckId.BATTERY).severity is PASS
    for check in NEVER_OVERRIDDEN:
        with pytest.raises(ValueError, match="always blocks"):
            PreflightLimits(only_warn=(check,))
