"""Arming, disarming and the reasons against them, in ArduCopter's words."""

from __future__ import annotations

from sim.copter.ekf import GPS_FIX_S, LEAST_SATELLITES, POSITION_READY_S, compass_healthy, gps_working
from sim.copter.modes import TRAITS, Mode
from sim.copter.vehicle import (
    GYROS_S,
    STABILIZE_READY_S,
    AutoState,
    Guided,
    Severity,
    Vehicle,
)

FORCE = 21196
_ALL_CHECKS, _CHECK_COMPASS, _CHECK_INERTIAL = 1 << 0, 1 << 2, 1 << 4  # ARMING_CHECK; what is not named, always
_CHECK_RECEIVER, _CHECK_BATTERY = 1 << 6, 1 << 8
_AUTO_ARMABLE = 1  # AUTO_OPTIONS
_TOUCHDOWN_DISARM_S = 2.0


def checks(vehicle: Vehicle) -> list[str]:
    """What keeps it from arming in its present mode, most basic first.

    The dock's interlock is no part of it: a drone under a closed cover is healthy, it only may not arm now.
    """
    found: list[str] = []
    asked = vehicle.parameters.number("ARMING_CHECK")

    def wanted(check: int) -> bool:
        return bool(asked & (_ALL_CHECKS | check))

    if vehicle.body.crashed:
        found.append("Motors: crash damage")
    if not vehicle.parameters["FRAME_CLASS"]:
        found.append("Motors: Check frame class and type")
    if vehicle.now_s < GYROS_S and wanted(_CHECK_INERTIAL):
        found.append("Gyros inconsistent")
    elif vehicle.now_s < STABILIZE_READY_S:
        found.append("AHRS: EKF3 not started")
    if not compass_healthy(vehicle.parameters) and wanted(_CHECK_COMPASS):
        found.append("Compass not healthy")
    if TRAITS[vehicle.mode].needs_position:
        found.extend(_position(vehicle))
    if wanted(_CHECK_BATTERY) and (vehicle.failsafes.battery or _below_arming_voltage(vehicle)):
        found.append("Battery failsafe" if vehicle.failsafes.battery else "Battery 1 below minimum arming voltage")
    if vehicle.failsafes.radio and wanted(_CHECK_RECEIVER):
        found.append("Radio failsafe on")
    if fence := vehicle.fence.invalid():
        found.append(fence)
    if vehicle.winch.complaint:
        found.append(vehicle.winch.complaint)
    return found


def _position(vehicle: Vehicle) -> list[str]:
    parameters, threshold = vehicle.parameters, vehicle.parameters["FS_EKF_THRESH"]
    found: list[str] = []
    if not gps_working(vehicle):
        found.append("GPS 1: Bad fix")
    if not vehicle.position_good:
        satellites = parameters.number("SIM_GPS1_NUMSATS")
        if satellites < LEAST_SATELLITES:
            found.append(f"AHRS: GPS numsats {satellites} (needs {LEAST_SATELLITES})")
        found.append("Need Position Estimate")
        if vehicle.home is None:
            found.append("AHRS: waiting for home")
    if vehicle.ekf.glitching:
        found.append("GPS glitching")
    if vehicle.ekf.compass_variance >= threshold > 0:
        found.append("EKF compass variance")
    if vehicle.ekf.position_variance >= threshold > 0:
        found.append("EKF position variance")
    return found


def _below_arming_voltage(vehicle: Vehicle) -> bool:
    return vehicle.battery.voltage_v < vehicle.parameters["BATT_ARM_VOLT"]


def arm(vehicle: Vehicle, *, forced: bool) -> bool:
    if vehicle.armed:
        return True
    armable = TRAITS[vehicle.mode].armable
    if vehicle.mode is Mode.AUTO:
        armable = bool(vehicle.parameters.number("AUTO_OPTIONS") & _AUTO_ARMABLE)
    if not armable:
        vehicle.say(Severity.CRITICAL, f"Arm: {vehicle.mode.name} mode not armable")
        return False
    reasons = [] if forced else checks(vehicle)
    if not forced and _throttle_high(vehicle):
        reasons.append("Throttle too high")
    if vehicle.inhibited:
        reasons.insert(0, vehicle.inhibited)
    if reasons:
        for reason in reasons:
            vehicle.say(Severity.CRITICAL, f"Arm: {reason}")
        return False
    vehicle.armed = True
    vehicle.armed_at_s = vehicle.now_s
    vehicle.ever_flew = False
    vehicle.guided = Guided(at_s=vehicle.now_s)
    vehicle.auto = AutoState()
    vehicle.hold = None
    vehicle.hold_yaw_rad = vehicle.home_yaw_rad = vehicle.body.yaw_rad
    if vehicle.position_good:
        vehicle.set_home(vehicle.here)  # ARDUCOPTER.md: arming resets home
    vehicle.return_path.begin(vehicle.here if vehicle.position_good else None, vehicle.now_s)
    vehicle.say(Severity.INFO, "Arming motors")
    return True


def _throttle_high(vehicle: Vehicle) -> bool:
    """A stick that would lift it at once; GUIDED and AUTO do not look at it."""
    if vehicle.mode is Mode.STABILIZE:
        return not vehicle.sticks.throttle_low(vehicle.now_s)
    piloted = (Mode.ALT_HOLD, Mode.LOITER, Mode.POSHOLD)
    return vehicle.mode in piloted and vehicle.sticks.climb_share(vehicle.now_s) > 0


def disarm(vehicle: Vehicle, *, forced: bool) -> bool:
    if not vehicle.armed:
        return True
    if not vehicle.landed and not forced:
        return False
    vehicle.armed = False
    if vehicle.auto.started:
        vehicle.plans.mission.current = min(1, vehicle.plans.mission.total)
        vehicle.auto = AutoState()
    vehicle.say(Severity.INFO, "Disarming motors")
    return True


def idle_on_ground(vehicle: Vehicle) -> None:
    """Disarms after DISARM_DELAY without a take-off, and soon after a landing."""
    if not vehicle.armed:
        return
    if not vehicle.landed:
        vehicle.ever_flew = True
        vehicle.landed_since_s = None
        return
    if vehicle.landed_since_s is None:
        vehicle.landed_since_s = vehicle.now_s
    if vehicle.body.crashed:
        if vehicle.parameters["FS_CRASH_CHECK"]:
            vehicle.say(Severity.EMERGENCY, "Crash: Disarming")
            disarm(vehicle, forced=True)
        return
    resting_s = vehicle.now_s - max(vehicle.landed_since_s, vehicle.armed_at_s, vehicle.guided.at_s)
    descending = vehicle.mode in (Mode.LAND, Mode.RTL, Mode.SMART_RTL) or vehicle.auto.landing
    delay_s = vehicle.parameters["DISARM_DELAY"]
    idle = delay_s > 0 and resting_s >= delay_s and vehicle.mode is not Mode.AUTO
    if idle or (descending and resting_s >= _TOUCHDOWN_DISARM_S):
        disarm(vehicle, forced=False)


BANNER = ("ArduCopter V4.7.0-dev (simulated)", "Frame: QUAD/PLUS")
"""Said at boot, and to who lists the parameters or asks with DO_SEND_BANNER."""

BOOT_TEXTS: tuple[tuple[float, int, str], ...] = (
    *((0.0, Severity.INFO, text) for text in BANNER),
    (2.0, Severity.INFO, "ArduPilot Ready"),
    (GPS_FIX_S, Severity.INFO, "GPS 1: detected u-blox"),
    (14.0, Severity.INFO, "EKF3 IMU0 initialised"),
    (20.0, Severity.INFO, "EKF3 IMU0 tilt alignment complete"),
    (POSITION_READY_S, Severity.INFO, "EKF3 IMU0 is using GPS"),
)
"""Seconds after boot, severity and text of what is said without being asked."""
