"""The river as the cameras measure it, on rendered scenes: `chaoxun eval water`.

    passage   a bore before any of the cameras: is it told once, how wrong are speed, place and time of passing
    level     a level that stands, or follows the tide, before the camera with surveyed transects: error in cm
    rise      the same water rising without a front: is it told
    calm      boats, gulls, wind and rain, no bore: whatever is told of front or rise is false

The true speed of a front is that of its foot over the ground where it was told, not that along the crest: on a bend
the two differ by up to two per cent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from flightctl.scene import camera_scene
from flightctl.site_loading import HAINING, Site, load_site
from geofence.position import Enu
from sim.camera import SimCamera
from sim.world import BankPlace, BoatPlan, Bore, Ground, River, Weather, World
from sim.world.water import front_bow_m
from sim.world.weather import Light
from vision.alert import Alert, AlertKind
from vision.evaluation import quantile
from vision.pipeline import CameraPipeline

BEGIN = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
WATER_COUNT = 24
_LENS_ALONG_M = {"cam-1": -445.0, "cam-2": -112.0, "cam-3": 18.0, "cam-4": 227.0, "cam-5": 254.0, "cam-6": -60.0}
_LOOKS = {"cam-1": 1.0, "cam-2": -1.0, "cam-3": 1.0, "cam-4": -1.0, "cam-5": 1.0, "cam-6": 1.0}
_LEVEL_CAMERA = "cam-5"  # looks at the groyne's face, where the shipped site has its transects
_SETTLED_S = 14.0  # a level counts from then on
_BEFORE_S = 32.0  # the front is 80 m before the lens at that second


class WaterKind(StrEnum):
    PASSAGE = "passage"
    LEVEL = "level"
    RISE = "rise"
    CALM = "calm"


_KINDS = (WaterKind.PASSAGE, WaterKind.PASSAGE, WaterKind.LEVEL, WaterKind.PASSAGE, WaterKind.CALM, WaterKind.PASSAGE,
          WaterKind.LEVEL, WaterKind.RISE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WaterCase:
    """One scene."""

    seed: int
    kind: WaterKind
    camera_id: str
    seconds: float
    light: Light
    rain: bool
    wind_mps: float
    level_m: float
    rate_mps: float = 0.0
    bore: Bore | None = None
    boats: tuple[BoatPlan, ...] = ()
    gulls: int = 0


@dataclass(frozen=True, slots=True)
class WaterPlayed:
    """What came of it. Errors are None where nothing was told."""

    seed: int
    kind: str
    camera_id: str
    fronts: int  # told
    rises: int
    seconds: float
    speed_mps: float | None = None
    speed_error_mps: float | None = None
    speed_sigma_mps: float | None = None
    place_error_m: float | None = None
    level_errors_cm: tuple[float, ...] = ()
    level_sigma_cm: float | None = None
    level_seen: float | None = None  # share of the time, once settled


def water_case(seed: int) -> WaterCase:
    """The scene of a seed."""
    rng = np.random.default_rng([seed, 4])
    kind = _KINDS[seed % len(_KINDS)]
    camera = _LEVEL_CAMERA
    bore: Bore | None = None
    level, rate, seconds = 1.5, 0.0, 45.0
    boats: tuple[BoatPlan, ...] = ()
    if kind in {WaterKind.PASSAGE, WaterKind.CALM}:
        camera = f"cam-{int(rng.integers(1, 7))}"
        lens, looks = _LENS_ALONG_M[camera], _LOOKS[camera]
        middle = lens + 80.0 * looks
        if rng.random() < 0.5 or kind is WaterKind.CALM:
            boat_mps = float(rng.uniform(2.0, 5.0)) * (1.0 if rng.random() < 0.5 else -1.0)
            start = BankPlace(middle - boat_mps * 20.0, float(rng.uniform(50, 130)))
            boats = (BoatPlan(start, boat_mps, float(rng.uniform(8, 26))),)
        if kind is WaterKind.PASSAGE:
            speed = float(rng.uniform(4.2, 8.5))
            bore = Bore(_BEFORE_S + middle / speed, speed_mps=speed, step_m=float(rng.uniform(0.8, 2.2)))
            seconds = _BEFORE_S + 14.0
    else:
        level, rate = float(rng.uniform(0.9, 3.8)), float(rng.uniform(-0.001, 0.001))
        if kind is WaterKind.RISE:
            level, rate, seconds = float(rng.uniform(0.9, 2.0)), float(rng.uniform(0.012, 0.04)), 60.0
    return WaterCase(
        seed, kind, camera, seconds, (Light.DAY, Light.OVERCAST)[int(rng.integers(2))], bool(rng.random() < 0.33),
        float(rng.uniform(0.5, 12.0)), level, rate, bore, boats, (0, 3, 8)[int(rng.integers(3))],
    )  # fmt: skip


@cache
def _site() -> Site:
    return load_site(Path(HAINING))


def play_water(case: WaterCase) -> WaterPlayed:
    """Runs it to its end."""
    site = _site()
    camera = next(camera for camera in site.file.cameras if camera.id == case.camera_id)
    rng = np.random.default_rng([case.seed, 5])
    ground = Ground(site.river.bank.crest)
    weather = Weather.drawn(
        rng, wind_mps=case.wind_mps, wind_from_deg=float(rng.uniform(0, 360)), light=case.light, rain=case.rain
    )
    river = River.with_eddies(rng, low_water_amsl_m=case.level_m, bore=case.bore)
    world = World(ground, river, weather, rng, boats=case.boats, gulls=case.gulls)
    lens = SimCamera(camera, site.frame, ground, seed=case.seed)
    pipeline = CameraPipeline(camera, camera_scene(site, camera.id), seed=case.seed, preview_every_s=1e9)
    alerts: list[Alert] = []
    errors: list[float] = []
    sigmas: list[float] = []
    settled = 0
    frame_s = 1.0 / camera.analysis_fps
    for index in range(round(case.seconds / frame_s)):
        at_s = index * frame_s
        world.advance(at_s)
        view = world.view()
        if case.rate_mps:
            view = replace(view, river=replace(view.river, low_water_amsl_m=case.level_m + case.rate_mps * at_s))
        frame = lens.encoded(view, BEGIN + timedelta(seconds=at_s))
        assert frame is not None
        report = pipeline.process(frame)
        alerts += report.alerts
        if case.kind is WaterKind.LEVEL and at_s >= _SETTLED_S and report.water is not None:
            settled += 1
            read = report.water
            if read.level_amsl_m is not None and read.sigma_m is not None:
                true = case.level_m + case.rate_mps * (read.at - BEGIN).total_seconds()
                errors.append(100.0 * (read.level_amsl_m - true))
                sigmas.append(100.0 * read.sigma_m)
    fronts = [alert for alert in alerts if alert.kind is AlertKind.BORE_FRONT]
    rises = [alert for alert in alerts if alert.kind is AlertKind.RISING_WATER]
    played = WaterPlayed(case.seed, case.kind.value, case.camera_id, len(fronts), len(rises), case.seconds)
    if case.kind is WaterKind.LEVEL:
        median = quantile(sigmas, 0.5)
        return replace(
            played, level_errors_cm=tuple(round(e, 2) for e in errors), level_sigma_cm=median,
            level_seen=len(errors) / settled if settled else 0.0,
        )  # fmt: skip
    if case.bore is not None and fronts:
        return _measured(played, fronts[0], case.bore, ground, site.frame.to_enu(fronts[0].position))  # type: ignore[arg-type]
    return played


def _measured(played: WaterPlayed, alert: Alert, bore: Bore, ground: Ground, place: Enu) -> WaterPlayed:
    """Speed and place of the told front against the true one."""
    told, at_s = ground.to_bank(place), (alert.at - BEGIN).total_seconds()
    along = bore.front_along_m(at_s) + front_bow_m(told.offset_m)
    before, after = (ground.to_enu(BankPlace(along + d, told.offset_m)) for d in (5.0, -5.0))
    true_mps = bore.speed_mps * before.distance_m(after) / 10.0
    speed = float(alert.details["speed_mps"])
    return replace(
        played, speed_mps=speed, speed_error_mps=speed - true_mps,
        speed_sigma_mps=float(alert.details["speed_sigma_mps"]), place_error_m=abs(told.along_m - along),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class WaterReport:
    """Sums of all cases."""

    seed_set: str
    seeds: tuple[int, int]
    played: tuple[WaterPlayed, ...]

    def of(self, kind: WaterKind) -> tuple[WaterPlayed, ...]:
        return tuple(one for one in self.played if one.kind == kind.value)

    def rows(self) -> list[tuple[str, str]]:
        """What is said, and the figure."""
        passages = self.of(WaterKind.PASSAGE)
        speeds = [abs(p.speed_error_mps) for p in passages if p.speed_error_mps is not None]
        biases = [p.speed_error_mps for p in passages if p.speed_error_mps is not None]
        places = [p.place_error_m for p in passages if p.place_error_m is not None]
        within = [
            abs(p.speed_error_mps) <= 2 * p.speed_sigma_mps
            for p in passages if p.speed_error_mps is not None and p.speed_sigma_mps is not None
        ]  # fmt: skip
        still = self.of(WaterKind.LEVEL)
        levels = [abs(error) for p in still for error in p.level_errors_cm]
        worst = [max(abs(e) for e in p.level_errors_cm) for p in still if p.level_errors_cm]
        quiet = [p for p in self.played if p.kind != WaterKind.PASSAGE.value]
        dry = [p for p in self.played if p.kind in {WaterKind.LEVEL.value, WaterKind.CALM.value}]
        hours = sum(p.seconds for p in quiet) / 3600
        return [
            ("passages told", f"{sum(p.fronts > 0 for p in passages)}/{len(passages)}"),
            ("told more than once", str(sum(p.fronts > 1 for p in passages))),
            ("speed error m/s, median / p95 / worst", _three(speeds)),
            ("speed error m/s, mean (bias)", _mean(biases)),
            ("speed within two sigma", f"{sum(within)}/{len(within)}"),
            ("place error along the river m, median / p95 / worst", _three(places)),
            ("level error cm, median / p95 / worst", _three(levels)),
            ("level error cm, worst of each case, median", _number(quantile(worst, 0.5))),
            ("level seen, share of the time", _mean([p.level_seen for p in still if p.level_seen is not None])),
            ("rises told", f"{sum(p.rises > 0 for p in self.of(WaterKind.RISE))}/{len(self.of(WaterKind.RISE))}"),
            ("false fronts", f"{sum(p.fronts for p in quiet)} in {hours:.2f} camera-hours"),
            ("false rises", str(sum(p.rises for p in dry))),
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "material": "water",
            "note": "rendered by sim/camera, not real footage",
            "seed_set": self.seed_set,
            "seeds": list(self.seeds),
            "figures": dict(self.rows()),
            "cases": [asdict(one) for one in self.played],
        }


def evaluate_water(seeds: range, seed_set: str, played: Iterable[WaterPlayed]) -> WaterReport:
    return WaterReport(seed_set, (seeds[0], seeds[-1]), tuple(played))


def _three(values: list[float]) -> str:
    return " / ".join(_number(quantile(values, share)) for share in (0.5, 0.95, 1.0))


def _mean(values: list[float]) -> str:
    return _number(math.fsum(values) / len(values)) if values else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
