"""What the copter believes about where it is: GPS and compass as the SIM_* parameters make them, and the EKF.

The filter itself is folded into its outward behaviour. A GPS that jumps further than the innovation gate is not
followed at once: after a second it is reported, after ten the filter gives in and resets to it. Times and gate are
EKF3's defaults (EK3_POS_I_GATE 500 of 0.5 m and its own spread, a retry after 10 s, innovations bad for 1 s and
good for 10 s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.copter.modes import TRAITS, Mode, ModeReason
from sim.copter.parameters import Parameters

if TYPE_CHECKING:
    from sim.copter.vehicle import Vehicle

POSITION_READY_S = 42.1
GPS_FIX_S = 6.0
GPS_LOSS_S = 8.0  # ARDUCOPTER.md: EKF failsafe this long after the GPS went
GPS_REGAIN_S = 10.0
LEAST_SATELLITES = 6  # to begin with; in flight it keeps what it has
_GATE_M = 3.5
_FOLLOW_S = 1.0
_BAD_FOR_S = 1.0
_RESET_S = 10.0
_GOOD_FOR_S = 10.0
_VARIANCE_S = 1.0  # ten bad checks at 10 Hz
_WARN_EVERY_S = 30.0
_ERROR_M = 0.25
_ERROR_TAU_S = 60.0
_HEIGHT_ERROR_M = 0.08
_METRES_A_DEGREE = 111_319.5
_FIELD_MGAUSS = 330.0  # horizontal, at 30 degrees north
_COMPASS_GATE_MGAUSS = 150.0
_BUILT_IN_OFFSET = (5.0, 13.0, -18.0)  # SIM_MAG1_OFS that the calibration has taken out
_CRITICAL = 2


@dataclass(slots=True)
class Ekf:
    """Metres east and north that the estimate is off, and since when something has been wrong."""

    wander_east: float = 0.0
    wander_north: float = 0.0
    followed_east: float = 0.0  # the part of a GPS error it has come to believe
    followed_north: float = 0.0
    innovation_m: float = 0.0
    rejecting_since_s: float | None = None
    good_since_s: float | None = None
    glitching: bool = False
    compass_variance: float = 0.0
    heading_error_rad: float = 0.0
    variance_since_s: float | None = None
    warned_s: float = -math.inf

    @property
    def position_variance(self) -> float:
        return self.innovation_m / _GATE_M


def gps_working(vehicle: Vehicle) -> bool:
    return bool(vehicle.parameters["SIM_GPS1_ENABLE"]) and not vehicle.faults.gps_lost


def gps_error(vehicle: Vehicle) -> tuple[float, float, float]:
    """Metres east, north and up that the receiver is off; SIM_GPS1_GLTCH_X and _Y are degrees."""
    parameters = vehicle.parameters
    lat, lon = parameters["SIM_GPS1_GLTCH_X"], parameters["SIM_GPS1_GLTCH_Y"]
    east, north = vehicle.ekf.wander_east, vehicle.ekf.wander_north
    if lat or lon:
        north += lat * _METRES_A_DEGREE
        east += lon * _METRES_A_DEGREE * math.cos(math.radians(vehicle.frame.origin.lat))
    up = parameters["SIM_GPS1_GLTCH_Z"]
    noise = parameters["SIM_GPS1_NOISE"]
    if noise:
        up += noise * math.sin(0.5 * vehicle.now_s)
    return east, north, up


def estimate(vehicle: Vehicle, dt: float) -> None:
    """One step: is there a position, how far off is it, and is that worth a failsafe?"""
    _compass(vehicle)
    if gps_working(vehicle):
        _with_gps(vehicle, dt)
    else:
        _without_gps(vehicle)
    _judge(vehicle)


def _without_gps(vehicle: Vehicle) -> None:
    now = vehicle.now_s
    vehicle.gps_good_since_s = None
    vehicle.ekf.rejecting_since_s = None
    if vehicle.gps_bad_since_s is None:
        vehicle.gps_bad_since_s = now
    if vehicle.position_good and now - vehicle.gps_bad_since_s >= GPS_LOSS_S:
        vehicle.position_good = False
        vehicle.say(_CRITICAL, "EKF3 IMU0 stopped aiding")
        fail(vehicle)


def _with_gps(vehicle: Vehicle, dt: float) -> None:
    now, ekf = vehicle.now_s, vehicle.ekf
    vehicle.gps_bad_since_s = None
    if vehicle.gps_good_since_s is None:
        vehicle.gps_good_since_s = now
    _wander(vehicle, dt)
    if not vehicle.position_good:
        wait_s = GPS_REGAIN_S if vehicle.origin is not None else 0.0
        enough = vehicle.parameters["SIM_GPS1_NUMSATS"] >= LEAST_SATELLITES
        if enough and now >= max(POSITION_READY_S, vehicle.gps_good_since_s + wait_s):
            _reset_to_gps(vehicle)
            vehicle.position_good = True
            clear(vehicle)
            if vehicle.home is None:
                vehicle.set_home(vehicle.here)
        return
    east, north, _ = gps_error(vehicle)
    off_east, off_north = east - ekf.wander_east - ekf.followed_east, north - ekf.wander_north - ekf.followed_north
    ekf.innovation_m = math.hypot(off_east, off_north)
    if ekf.innovation_m <= _GATE_M:
        follow = min(1.0, dt / _FOLLOW_S)
        ekf.followed_east += off_east * follow
        ekf.followed_north += off_north * follow
        ekf.rejecting_since_s = None
    else:
        ekf.good_since_s = None
        if ekf.rejecting_since_s is None:
            ekf.rejecting_since_s = now
        if now - ekf.rejecting_since_s >= _RESET_S:
            _reset_to_gps(vehicle)
    _tell_glitch(vehicle)
    _apply(vehicle)


def _tell_glitch(vehicle: Vehicle) -> None:
    ekf, now = vehicle.ekf, vehicle.now_s
    if ekf.rejecting_since_s is not None:
        if not ekf.glitching and now - ekf.rejecting_since_s >= _BAD_FOR_S:
            ekf.glitching = True
            vehicle.say(_CRITICAL, "GPS Glitch or Compass error")
        return
    if ekf.good_since_s is None:
        ekf.good_since_s = now
    if ekf.glitching and now - ekf.good_since_s >= _GOOD_FOR_S:
        ekf.glitching = False
        vehicle.say(_CRITICAL, "Glitch cleared")


def _reset_to_gps(vehicle: Vehicle) -> None:
    ekf = vehicle.ekf
    east, north, _ = gps_error(vehicle)
    ekf.followed_east, ekf.followed_north = east - ekf.wander_east, north - ekf.wander_north
    ekf.innovation_m = 0.0
    ekf.rejecting_since_s = None
    _apply(vehicle)


def _apply(vehicle: Vehicle) -> None:
    ekf = vehicle.ekf
    vehicle.around.error_east = ekf.wander_east + ekf.followed_east
    vehicle.around.error_north = ekf.wander_north + ekf.followed_north


def _wander(vehicle: Vehicle, dt: float) -> None:
    """The navigation error is a slow random walk that is pulled back to zero."""
    if not vehicle.position_good:
        return
    pull = dt / _ERROR_TAU_S
    push = math.sqrt(2.0 * pull)
    steps = vehicle.random.next3()
    ekf, around = vehicle.ekf, vehicle.around
    ekf.wander_east += _ERROR_M * push * steps[0] - ekf.wander_east * pull
    ekf.wander_north += _ERROR_M * push * steps[1] - ekf.wander_north * pull
    around.error_up += _HEIGHT_ERROR_M * push * steps[2] - around.error_up * pull


def compass_healthy(parameters: Parameters) -> bool:
    return not parameters["SIM_MAG1_FAIL"]


def _compass(vehicle: Vehicle) -> None:
    """A field that calibration did not take out turns the heading and grows the compass variance."""
    parameters, ekf = vehicle.parameters, vehicle.ekf
    if parameters["SIM_MAG1_FAIL"]:
        ekf.compass_variance = ekf.heading_error_rad = 0.0  # no longer fused; the gyros hold the heading
        return
    x, y, z = (
        parameters[f"SIM_MAG1_OFS_{axis}"] - built_in for axis, built_in in zip("XYZ", _BUILT_IN_OFFSET, strict=True)
    )
    ekf.compass_variance = math.sqrt(x * x + y * y + z * z) / _COMPASS_GATE_MGAUSS
    ekf.heading_error_rad = math.atan2(y, _FIELD_MGAUSS + x) if x or y else 0.0


def _judge(vehicle: Vehicle) -> None:
    """Two of compass, velocity and position beyond FS_EKF_THRESH for a second are a failsafe."""
    ekf, threshold = vehicle.ekf, vehicle.parameters["FS_EKF_THRESH"]
    if not vehicle.position_good:
        return
    flying = vehicle.armed and not vehicle.landed
    bad_heading = flying and abs(ekf.heading_error_rad) > math.radians(20.0)  # velocities no longer agree
    over = (ekf.compass_variance >= threshold) + bad_heading + (ekf.position_variance >= threshold)
    if threshold <= 0 or over < 2:
        ekf.variance_since_s = None
        clear(vehicle)
    elif ekf.variance_since_s is None:
        ekf.variance_since_s = vehicle.now_s
    elif vehicle.now_s - ekf.variance_since_s >= _VARIANCE_S:
        fail(vehicle)


def fail(vehicle: Vehicle) -> None:
    """EKF failsafe: FS_EKF_ACTION, and only where the mode needs a position (3: also where not)."""
    ekf, state, action = vehicle.ekf, vehicle.failsafes, vehicle.parameters.number("FS_EKF_ACTION")
    if state.ekf or not vehicle.armed or vehicle.landed or vehicle.parameters["FS_EKF_THRESH"] <= 0:
        return
    state.ekf = True
    if vehicle.now_s - ekf.warned_s >= _WARN_EVERY_S:
        ekf.warned_s = vehicle.now_s
        vehicle.say(_CRITICAL, "EKF variance")
    if vehicle.mode is Mode.LAND or action == 0 or not (TRAITS[vehicle.mode].needs_position or action == 3):
        return
    mode = Mode.ALT_HOLD if action == 2 and not state.radio else Mode.LAND
    vehicle.set_mode(mode, ModeReason.FAILSAFE)
    state.ekf_acted = True
    vehicle.say(_CRITICAL, f"EKF Failsafe: changed to {mode.name} Mode")


def clear(vehicle: Vehicle) -> None:
    state = vehicle.failsafes
    if state.ekf:
        state.ekf = False
        if state.ekf_acted:
            vehicle.say(_CRITICAL, "EKF Failsafe Cleared")
        state.ekf_acted = False
