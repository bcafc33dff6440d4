"""A person adrift as a cloud of particles: carried by the current, pushed by the wind, spread by eddies.

Each particle carries its own leeway and its own error of the current field. An observation corrects all of
a particle's state at once (an ensemble Kalman update), so that watching a person for a few seconds teaches
the cloud how wrong the forecast current is, and the prediction ahead of it is right by that much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from geofence.current import CurrentField
from geofence.position import Enu, FloatArray


@dataclass(frozen=True, slots=True)
class Leeway:
    """Drift through the water for each m/s of wind; percent, and cm/s for offset and deviation."""

    downwind_percent: float
    downwind_offset_cmps: float
    downwind_sd_cmps: float
    crosswind_percent: float
    crosswind_offset_cmps: float
    crosswind_sd_cmps: float


PERSON_IN_WATER = Leeway(0.96, 0.0, 12.0, 0.54, 0.0, 9.40)  # PIW, unknown state, mean: RIVER.md §3.2
_JIBES_PER_S = 0.04 / 3600.0


@dataclass(frozen=True, slots=True)
class DriftEstimate:
    at: datetime
    position: Enu
    sigma_m: float  # per axis
    velocity: Enu  # metres a second


class DriftCloud:
    def __init__(
        self,
        current: CurrentField,
        rng: np.random.Generator,
        *,
        particles: int = 1000,
        leeway: Leeway = PERSON_IN_WATER,
        wind: Enu = Enu(0.0, 0.0),  # noqa: B008  frozen
        diffusivity_m2ps: float = 0.2,
        current_error_mps: float = 0.3,
        current_walk: float = 0.02,
        step_s: float = 5.0,
        front_step_s: float = 2.0,
    ) -> None:
        """`wind` is the way the air moves, m/s at 10 m; it may be set anew at any time.

        `current_error_mps` is how wrong the current may be at first, and that error wanders by `current_walk`
        m/s in a second (growing as the root of time). Eddies that last longer than a few seconds are in these
        two, so `diffusivity_m2ps` is only for the smallest; the 1-5 m2/s of RIVER.md §3.2 would hide from a
        watched person's track what the current there is.
        `front_step_s` is the step while the bore's front passes the cloud, `step_s` the step otherwise.
        """
        if not 10 <= particles <= 100_000:
            raise ValueError(f"{particles} particles are not between 10 and 100000")
        self.wind = wind
        self._current = current
        self._rng = rng
        self._count = particles
        self._leeway = leeway
        self._diffusivity = diffusivity_m2ps
        self._current_error_mps = current_error_mps
        self._current_walk = current_walk
        self._step_s = step_s
        self._front_step_s = front_step_s
        self._state = np.zeros((particles, 4))  # east, north; error of the current east, north
        self._leeway_draw = np.zeros((particles, 2))
        self._side = np.ones(particles)
        self._at: datetime | None = None

    @property
    def at(self) -> datetime | None:
        """The time the cloud stands at; None before `start`."""
        return self._at

    @property
    def positions(self) -> FloatArray:
        """(n, 2) metres, a copy."""
        return self._state[:, :2].copy()

    def start(self, position: Enu, sigma_m: float, at: datetime) -> None:
        """Throws the cloud away and sets a new one around `position`."""
        draw = self._rng.standard_normal((self._count, 6))
        self._state = np.empty((self._count, 4))
        self._state[:, :2] = np.array([position.east_m, position.north_m]) + max(sigma_m, 0.1) * draw[:, :2]
        self._state[:, 2:] = self._current_error_mps * draw[:, 2:4]
        self._leeway_draw = draw[:, 4:] * np.array([self._leeway.downwind_sd_cmps, self._leeway.crosswind_sd_cmps])
        slope = self._leeway.downwind_percent
        # a slope below zero would drift against the wind: such draws count as no slope error
        too_low = slope + self._leeway_draw[:, 0] / 20.0 < 0
        self._leeway_draw[too_low, 0] = -20.0 * slope
        self._side = np.where(np.arange(self._count) % 2 == 0, 1.0, -1.0)
        self._at = at
        self._state[:, :2] = self._current.off_land(self._state[:, :2])

    def advance_to(self, at: datetime) -> None:
        """Drifts to `at`; a time not after the cloud's own changes nothing."""
        now = self._started()
        leeway = self._leeway_velocity()
        while now < at:
            step_s = self._next_step_s(self._state, now, at)
            velocity = self._velocity(self._state, leeway, now)
            eddies = math.sqrt(2.0 * self._diffusivity * step_s) * self._rng.standard_normal((self._count, 2))
            self._state[:, :2] += velocity * step_s + np.where(velocity == 0.0, 0.0, eddies)
            wander = self._current_walk * math.sqrt(step_s)
            self._state[:, 2:] += wander * self._rng.standard_normal((self._count, 2))
            jibes = self._rng.random(self._count) < _JIBES_PER_S * step_s
            if bool(jibes.any()):
                self._side = np.where(jibes, -self._side, self._side)
                leeway = self._leeway_velocity()
            now += timedelta(seconds=step_s)
        self._state[:, :2] = self._current.off_land(self._state[:, :2])
        self._at = now

    def observe(self, position: Enu, sigma_m: float, at: datetime) -> None:
        """The person was seen at `position`. Starts anew when that is far outside the cloud."""
        if self._at is None:
            self.start(position, sigma_m, at)
            return
        self.advance_to(at)
        seen = np.array([position.east_m, position.north_m])
        late_s = (self._started() - at).total_seconds()
        if late_s > 0:  # a report that took its time: the person has drifted on since
            seen = seen + late_s * self._velocity(self._state, self._leeway_velocity(), at).mean(axis=0)
        sigma = max(sigma_m, 0.1)
        deviation = self._state - self._state.mean(axis=0)
        covariance = deviation.T @ deviation / (self._count - 1)
        innovation = covariance[:2, :2] + sigma**2 * np.eye(2)
        off = seen - self._state[:, :2].mean(axis=0)
        if float(off @ np.linalg.solve(innovation, off)) > 25.0:  # beyond five sigma: not this cloud
            self.start(position, sigma_m, at)
            return
        gain = covariance[:, :2] @ np.linalg.inv(innovation)
        heard = seen + sigma * self._rng.standard_normal((self._count, 2))
        self._state = self._state + (heard - self._state[:, :2]) @ gain.T
        self._state[:, :2] = self._current.off_land(self._state[:, :2])

    def estimate(self, at: datetime) -> DriftEstimate:
        """Where the person is reckoned to be at `at`; the cloud stays as it is.

        Predicts with the eddies' spread added, not drawn, so that asking twice gives the same answer.
        """
        return self.track([at])[0]

    def track(self, ats: Sequence[datetime]) -> tuple[DriftEstimate, ...]:
        """Estimates for several times, earliest first, for little more than the price of the last."""
        start = now = self._started()
        state = self._state.copy()
        leeway = self._leeway_velocity()
        estimates: list[DriftEstimate] = []
        for at in ats:
            while now < at:
                step_s = self._next_step_s(state, now, at)
                state[:, :2] += self._velocity(state, leeway, now) * step_s
                now += timedelta(seconds=step_s)
            velocity = self._velocity(state, leeway, now).mean(axis=0)  # puts strays back as well
            mean = state[:, :2].mean(axis=0)
            ahead_s = (now - start).total_seconds()
            variance = float(state[:, :2].var(axis=0).mean()) + 2.0 * self._diffusivity * ahead_s
            variance += self._current_walk**2 * ahead_s**3 / 3.0
            place, drift = Enu(float(mean[0]), float(mean[1])), Enu(float(velocity[0]), float(velocity[1]))
            estimates.append(DriftEstimate(now, place, math.sqrt(variance), drift))
        return tuple(estimates)

    def _next_step_s(self, state: FloatArray, now: datetime, until: datetime) -> float:
        step_s = min(self._step_s, (until - now).total_seconds())
        if step_s > self._front_step_s and self._current.front_passes(
            state[:, :2], now, now + timedelta(seconds=step_s)
        ):
            return self._front_step_s
        return step_s

    def _velocity(self, state: FloatArray, leeway: FloatArray, at: datetime) -> FloatArray:
        """(n, 2) over ground; particles that strayed on to the wall are put back first."""
        afloat, water = self._current.velocity_afloat(state[:, :2], at)
        state[:, :2] = afloat
        moving = (water[:, 0] != 0.0) | (water[:, 1] != 0.0)  # on dry ground nothing drifts
        return np.where(moving[:, None], water + state[:, 2:] + leeway, 0.0)

    def _leeway_velocity(self) -> FloatArray:
        """(n, 2): (slope + e/20) W + offset + e/2, downwind and across, in cm/s (RIVER.md §3.2)."""
        wind_mps = self.wind.length_m
        if wind_mps < 0.1:
            return np.zeros((self._count, 2))
        model, draw = self._leeway, self._leeway_draw
        down = (model.downwind_percent + draw[:, 0] / 20.0) * wind_mps + model.downwind_offset_cmps + draw[:, 0] / 2.0
        across = (
            (model.crosswind_percent + draw[:, 1] / 20.0) * wind_mps + model.crosswind_offset_cmps + draw[:, 1] / 2.0
        ) * self._side
        unit = np.array([self.wind.east_m, self.wind.north_m]) / wind_mps
        right = np.array([unit[1], -unit[0]])
        return (down[:, None] * unit + across[:, None] * right) / 100.0

    def _started(self) -> datetime:
        if self._at is None:
            raise RuntimeError("the cloud has not been started")
        return self._at
