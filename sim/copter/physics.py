"""How the copter moves: a point with thrust that can lean, drag in the wind, and the ground below.

Plain floats: one step of one copter costs a few microseconds. The flight controller's inner loops are folded
in: what is asked (a place, a velocity, a height, a climb rate) becomes an acceleration, limited in size and in
jerk, and the wind it feels is compensated with the lag of a real attitude loop.

An array step for a whole fleet was measured and left out: carrying 100 bodies into arrays and back costs seven
tenths of stepping them one by one, and the physics is a seventh of what a flying copter costs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

GRAVITY_MPS2 = 9.80665
_POSITION_GAIN = 1.0  # 1/s, ArduPilot's P of the position loop
_VELOCITY_GAIN = 3.0  # 1/s
_WIND_LAG_S = 0.6
_CRASH_SINK_MPS = 3.5
_CRASH_DRIFT_MPS = 6.0
_FALL_TERMINAL_MPS = 20.0
_FAILED_MOTOR_THRUST = 0.55  # of gravity: what three motors of four can still hold level, spinning


class Horizontal(Enum):
    PLACE = auto()
    VELOCITY = auto()
    LEVEL = auto()  # no position: stays level and drifts with the wind


class Vertical(Enum):
    HEIGHT = auto()
    RATE = auto()


class Thrust(Enum):
    OFF = auto()
    IDLE = auto()
    FLYING = auto()
    FAILED = auto()


@dataclass(slots=True)
class Demand:
    """What the mode asks of the body for the next step."""

    thrust: Thrust = Thrust.OFF
    horizontal: Horizontal = Horizontal.VELOCITY
    east: float = 0.0  # m, or m/s for VELOCITY
    north: float = 0.0
    with_east: float = 0.0  # m/s: the place itself moves so; flown on top of the way to it
    with_north: float = 0.0
    speed_mps: float = 10.0
    vertical: Vertical = Vertical.RATE
    up: float = 0.0  # m amsl, or m/s for RATE
    climb_mps: float = 2.5
    sink_mps: float = 1.5
    yaw_rad: float = 0.0
    yaw_rate: float | None = None  # a pilot's, goes before `yaw_rad`
    lean_east: float = 0.0  # m/s^2 of thrust to the side that a pilot asks for while LEVEL
    lean_north: float = 0.0


@dataclass(slots=True)
class Limits:
    """What the parameters allow."""

    accel_mps2: float = 2.5
    jerk_mps3: float = 5.0
    accel_up_mps2: float = 1.0
    jerk_up_mps3: float = 5.0
    lean_mps2: float = GRAVITY_MPS2 * math.tan(math.radians(30.0))
    yaw_rate_radps: float = math.radians(60.0)


@dataclass(slots=True)
class Surroundings:
    """The air and the ground there, and what navigation believes beyond the truth."""

    wind_east: float = 0.0
    wind_north: float = 0.0
    ground_amsl_m: float = 0.0
    error_east: float = 0.0
    error_north: float = 0.0
    error_up: float = 0.0


@dataclass(frozen=True, slots=True)
class Airframe:
    max_airspeed_mps: float = 25.0  # at full lean
    empty_kg: float = 4.0  # with its battery, without loads


@dataclass(slots=True)
class Body:
    """True state: metres east, north and above sea level."""

    east_m: float
    north_m: float
    amsl_m: float
    yaw_rad: float
    east_mps: float = 0.0
    north_mps: float = 0.0
    up_mps: float = 0.0
    accel_east: float = 0.0  # asked, after limits
    accel_north: float = 0.0
    accel_up: float = 0.0
    lean_east: float = 0.0  # thrust's horizontal part, m/s^2
    lean_north: float = 0.0
    yaw_rate: float = 0.0
    felt_wind_east: float = 0.0
    felt_wind_north: float = 0.0
    on_ground: bool = True
    crashed: bool = False

    @property
    def speed_mps(self) -> float:
        return math.hypot(self.east_mps, self.north_mps)

    def airspeed_mps(self, around: Surroundings) -> float:
        return math.hypot(self.east_mps - around.wind_east, self.north_mps - around.wind_north)


def step(body: Body, demand: Demand, limits: Limits, frame: Airframe, around: Surroundings, *, dt: float) -> None:
    """Moves `body` by `dt`."""
    if demand.thrust is Thrust.OFF or demand.thrust is Thrust.FAILED:
        _fall(body, demand.thrust, around, dt)
        return
    if body.on_ground and (demand.thrust is Thrust.IDLE or _asked_climb(body, demand, around.error_up) <= 0.0):
        _rest(body)
        return
    if demand.thrust is Thrust.IDLE:
        _fall(body, Thrust.OFF, around, dt)
        return
    _lean(body, demand, limits, frame, around, dt=dt)
    _climb(body, demand, limits, around.error_up, dt)
    _turn(body, demand, limits, dt)
    _move(body, around.ground_amsl_m, dt)


def _rest(body: Body) -> None:
    body.east_mps = body.north_mps = body.up_mps = 0.0
    body.accel_east = body.accel_north = body.accel_up = 0.0
    body.lean_east = body.lean_north = body.yaw_rate = 0.0


def braking_speed(distance: float, accel: float, limit: float) -> tuple[float, float]:
    """The speed from which one can still stop in `distance`, and its slope there (0 when limited)."""
    linear = accel / (_POSITION_GAIN * _POSITION_GAIN)
    if distance <= linear:
        speed, slope = _POSITION_GAIN * distance, _POSITION_GAIN
    else:
        speed = math.sqrt(2.0 * accel * (distance - linear / 2.0))
        slope = accel / speed
    return (limit, 0.0) if speed > limit else (speed, slope)


def _lean(body: Body, demand: Demand, limits: Limits, frame: Airframe, around: Surroundings, *, dt: float) -> None:
    wind_east, wind_north = around.wind_east, around.wind_north
    want_east = want_north = 0.0
    if demand.horizontal is not Horizontal.LEVEL:
        aim_east, aim_north = demand.east, demand.north
        if demand.horizontal is Horizontal.PLACE:
            off_east = demand.east - body.east_m - around.error_east
            off_north = demand.north - body.north_m - around.error_north
            distance = math.hypot(off_east, off_north)
            aim_east, aim_north = demand.with_east, demand.with_north
            if distance > 1e-6:
                speed, slope = braking_speed(distance, 0.8 * limits.accel_mps2, demand.speed_mps)
                unit_east, unit_north = off_east / distance, off_north / distance
                aim_east += speed * unit_east
                aim_north += speed * unit_north
                relative_east, relative_north = body.east_mps - demand.with_east, body.north_mps - demand.with_north
                closing = max(0.0, relative_east * unit_east + relative_north * unit_north)
                want_east, want_north = -slope * closing * unit_east, -slope * closing * unit_north
        want_east += _VELOCITY_GAIN * (aim_east - body.east_mps)
        want_north += _VELOCITY_GAIN * (aim_north - body.north_mps)
        size = math.hypot(want_east, want_north)
        if size > limits.accel_mps2:
            want_east *= limits.accel_mps2 / size
            want_north *= limits.accel_mps2 / size
    change_east, change_north = want_east - body.accel_east, want_north - body.accel_north
    change = math.hypot(change_east, change_north)
    allowed = limits.jerk_mps3 * dt
    if change > allowed:
        change_east *= allowed / change
        change_north *= allowed / change
    body.accel_east += change_east
    body.accel_north += change_north

    drag = limits.lean_mps2 / (frame.max_airspeed_mps * frame.max_airspeed_mps)
    lean_east, lean_north = body.accel_east, body.accel_north
    if demand.horizontal is Horizontal.LEVEL:
        lean_east, lean_north = demand.lean_east, demand.lean_north
    else:
        follow = min(1.0, dt / _WIND_LAG_S)
        body.felt_wind_east += (wind_east - body.felt_wind_east) * follow
        body.felt_wind_north += (wind_north - body.felt_wind_north) * follow
        air_east = body.east_mps - body.felt_wind_east
        air_north = body.north_mps - body.felt_wind_north
        felt_drag = drag * math.hypot(air_east, air_north)
        lean_east += felt_drag * air_east
        lean_north += felt_drag * air_north
        size = math.hypot(lean_east, lean_north)
        if size > limits.lean_mps2:
            lean_east *= limits.lean_mps2 / size
            lean_north *= limits.lean_mps2 / size
    body.lean_east, body.lean_north = lean_east, lean_north
    air_east, air_north = body.east_mps - wind_east, body.north_mps - wind_north
    true_drag = drag * math.hypot(air_east, air_north)
    body.east_mps += (lean_east - true_drag * air_east) * dt
    body.north_mps += (lean_north - true_drag * air_north) * dt


def _asked_climb(body: Body, demand: Demand, error_up: float) -> float:
    if demand.vertical is Vertical.RATE:
        return demand.up
    return demand.up - body.amsl_m - error_up


def _climb(body: Body, demand: Demand, limits: Limits, error_up: float, dt: float) -> None:
    want = 0.0
    if demand.vertical is Vertical.RATE:
        aim = demand.up
    else:
        off = demand.up - body.amsl_m - error_up
        limit = demand.climb_mps if off > 0 else demand.sink_mps
        speed, slope = braking_speed(abs(off), 0.8 * limits.accel_up_mps2, limit)
        aim = math.copysign(speed, off)
        if body.up_mps * off > 0:
            want = -slope * body.up_mps
    want += _VELOCITY_GAIN * (aim - body.up_mps)
    want = min(limits.accel_up_mps2, max(-limits.accel_up_mps2, want))
    allowed = limits.jerk_up_mps3 * dt
    body.accel_up += min(allowed, max(-allowed, want - body.accel_up))
    body.up_mps += body.accel_up * dt


def _turn(body: Body, demand: Demand, limits: Limits, dt: float) -> None:
    off = math.remainder(demand.yaw_rad - body.yaw_rad, math.tau)
    rate = min(limits.yaw_rate_radps, max(-limits.yaw_rate_radps, 2.0 * off))
    if demand.yaw_rate is not None:
        rate = demand.yaw_rate
    body.yaw_rate = rate
    body.yaw_rad = (body.yaw_rad + rate * dt) % math.tau


def _fall(body: Body, thrust: Thrust, around: Surroundings, dt: float) -> None:
    if body.on_ground:
        _rest(body)
        return
    held = _FAILED_MOTOR_THRUST * GRAVITY_MPS2 if thrust is Thrust.FAILED else 0.0
    drag = GRAVITY_MPS2 / (_FALL_TERMINAL_MPS * _FALL_TERMINAL_MPS)
    body.accel_up = held - GRAVITY_MPS2 - drag * abs(body.up_mps) * body.up_mps
    body.up_mps += body.accel_up * dt
    air_east, air_north = body.east_mps - around.wind_east, body.north_mps - around.wind_north
    side = drag * math.hypot(air_east, air_north)
    body.east_mps -= side * air_east * dt
    body.north_mps -= side * air_north * dt
    body.accel_east = body.accel_north = body.lean_east = body.lean_north = 0.0
    body.yaw_rate = math.radians(360.0) if thrust is Thrust.FAILED else 0.0
    body.yaw_rad = (body.yaw_rad + body.yaw_rate * dt) % math.tau
    if thrust is Thrust.FAILED:  # hangs over to the side that gives nothing
        body.lean_east, body.lean_north = GRAVITY_MPS2 * math.sin(body.yaw_rad), GRAVITY_MPS2 * math.cos(body.yaw_rad)
    _move(body, around.ground_amsl_m, dt)


def _move(body: Body, ground_amsl_m: float, dt: float) -> None:
    body.east_m += body.east_mps * dt
    body.north_m += body.north_mps * dt
    body.amsl_m += body.up_mps * dt
    if body.up_mps > 0.0:
        body.on_ground = False
    elif body.amsl_m <= ground_amsl_m:
        if -body.up_mps > _CRASH_SINK_MPS or body.speed_mps > _CRASH_DRIFT_MPS:
            body.crashed = True
        body.amsl_m = ground_amsl_m
        body.on_ground = True
        _rest(body)
