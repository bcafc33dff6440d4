"""Rendered flights over a swimmer: how well the drone's eye places and holds him, and what it sees where nobody is.

The flight is a path, not an autopilot: an approach from 120 m, then a hover that wanders over the person. What the
eye is told of it carries the errors a site's sigmas stand for: a satellite bias, a gimbal askew, a late picture.
Rendered figures only: they say nothing of real water.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from geofence.position import Enu, LocalFrame
from sim.camera.aerial import Floating, Gazing, SimDroneCamera
from sim.world import BankPlace, Ground, River, Weather
from sim.world.fauna import Gull
from sim.world.view import PersonView, Pose, WorldView
from sim.world.weather import Light
from vision.aerial.camera import DroneCamera
from vision.aerial.eye import AerialContext, DroneEye
from vision.camera import Lens
from vision.scene import SceneGeometry

CAMERA = DroneCamera(stream="rendered", lens=Lens(width_px=640, height_px=360, hfov_deg=60))
_BEGINS = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
_GUST_M = 1.2
_TELEMETRY_S = 0.25
_TOPS = ((62, 58, 150), (48, 46, 52), (206, 208, 208), (132, 88, 58), (86, 160, 184), (112, 112, 112))


@dataclass(frozen=True, slots=True)
class Flight:
    """One case. `seed` draws the water, the errors, the clothes and what else floats."""

    seed: int
    height_m: float = 40.0  # above the water
    light: Light = Light.OVERCAST
    wind_mps: float = 4.0
    seconds: float = 30.0
    person: bool = True
    gulls: int = 6
    expected_error_m: float = 8.0
    hidden_s: tuple[float, float] = (0.0, 0.0)  # under foam or water


@dataclass(frozen=True, slots=True)
class FlightResult:
    looks: int  # pictures taken with the person in view
    held: int  # of them, those in which he was told
    errors_m: tuple[float, ...]
    sigmas_m: tuple[float, ...]
    found_after_s: float | None
    strangers: int  # tracks told as the person that were not him
    seconds: float


def fly(flight: Flight, ground: Ground, frame: LocalFrame, geometry: SceneGeometry) -> FlightResult:
    rng = np.random.default_rng((flight.seed, 0xAE))
    river = River.with_eddies(rng)
    weather = Weather.drawn(rng, wind_mps=flight.wind_mps, light=flight.light)
    camera = SimDroneCamera("eye", CAMERA, ground, seed=flight.seed, floating=Floating())
    eye = DroneEye("eye", CAMERA, frame, geometry, preview_every_s=1e9)
    gulls = [Gull.drawn(rng) for _ in range(flight.gulls)]
    place = ground.to_enu(BankPlace(float(rng.uniform(-100, 100)), float(rng.uniform(14, 45))))
    top = _TOPS[int(rng.integers(len(_TOPS)))]
    bearing = float(rng.uniform(0, 2 * math.pi))
    satellites = CAMERA.position_sigma_m * 0.7 * rng.standard_normal(2)
    height_error = CAMERA.height_sigma_m * 0.7 * float(rng.standard_normal())
    guess = place + Enu(*(flight.expected_error_m * 0.7 * rng.standard_normal(2)).tolist())
    drift = Enu(0.0, 0.0)
    period_s = 1.0 / CAMERA.analysis_fps
    told_s = -1e9
    errors: list[float] = []
    sigmas: list[float] = []
    looks = held = 0
    found: float | None = None
    strangers: set[int] = set()
    expected, sigma_m = guess, flight.expected_error_m
    for step in range(round(flight.seconds / period_s)):
        at_s = step * period_s
        at = _BEGINS + timedelta(seconds=at_s)
        here = ground.to_bank(place)
        along, away = river.current_mps(ground, here, at_s)
        unit = ground.direction(here.along_m)
        drift = Enu(unit.east_m * along + unit.north_m * away, unit.north_m * along - unit.east_m * away)
        place = place + drift.scaled(period_s)
        expected = expected + drift.scaled(period_s)
        back_m = max(120.0 - 12.0 * at_s, 0.25 * flight.height_m)
        sway = Enu(_GUST_M * math.sin(0.7 * at_s), _GUST_M * math.sin(0.9 * at_s + 1.0))
        drone = expected + Enu(math.sin(bearing) * back_m, math.cos(bearing) * back_m) + sway
        amsl_m = river.low_water_amsl_m + flight.height_m + 0.4 * math.sin(0.5 * at_s)
        there = expected - drone
        gazing = Gazing(
            drone,
            amsl_m,
            math.degrees(math.atan2(there.east_m, there.north_m)),
            math.degrees(math.atan2(river.low_water_amsl_m - amsl_m, there.length_m)),
        )
        if at_s - told_s >= _TELEMETRY_S - 1e-6:
            told_s = at_s
            believed = drone + Enu(*satellites.tolist())
            eye.poses.heard_position(at, frame.to_wgs84(believed), amsl_m + height_error)
            eye.poses.heard_attitude(at, yaw_deg=gazing.azimuth_deg, pitch_deg=gazing.pitch_deg)
        eye.set_context(AerialContext(at, river.low_water_amsl_m, expected, sigma_m, drift))
        hidden = flight.hidden_s[0] <= at_s < flight.hidden_s[1]
        people = (_swimmer(place, at_s, river, top),) if flight.person and not hidden else ()
        view = WorldView(
            at_s, river, weather, weather.wind(at_s), people=people, gulls=tuple(g.view(ground, at_s) for g in gulls)
        )
        late = timedelta(seconds=CAMERA.latency_s + camera.askew.late_s)
        frame_made = camera.encoded(view, gazing, at + late)
        if frame_made is None:
            continue
        eye.process(frame_made)
        casualty = next((seen for seen in eye.seen if seen.is_casualty), None)
        lens = camera.lens(gazing, at_s)
        pixels, depth = lens.project(np.array([[place.east_m, place.north_m, river.low_water_amsl_m]]))
        u, v = pixels[0].tolist()
        visible = bool(people) and depth[0] > 0 and 0 <= u < lens.width_px and 0 <= v < lens.height_px
        looks += visible
        if casualty is None:
            continue
        error_m = casualty.place.distance_m(place)
        if flight.person and error_m <= 4.0 * casualty.sigma_m + 1.5:
            held += visible
            errors.append(error_m)
            sigmas.append(casualty.sigma_m)
            found = at_s if found is None else found
            expected, sigma_m = casualty.place, max(casualty.sigma_m, 1.0)
        else:
            strangers.add(casualty.track_id)
    return FlightResult(looks, held, tuple(errors), tuple(sigmas), found, len(strangers), flight.seconds)


def _swimmer(place: Enu, at_s: float, river: River, top: tuple[int, int, int]) -> PersonView:
    return PersonView(
        "p", place, river.low_water_amsl_m, 40.0, Pose.SWIMMING, 2.0 * at_s, 1.7, top, (45, 40, 38), False
    )
