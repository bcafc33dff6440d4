"""The water's level read on transects, its rise, and what is told of it. Pictures made here, not by the simulator."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from geofence.position import Enu, LatLon, LocalFrame
from vision.alert import AlertKind
from vision.background import Gray
from vision.calibration import Projection
from vision.camera import Camera, Lens, Transect, TransectPoint
from vision.river_watch import RiverConfig, RiverWatch
from vision.rules.rising_water import RisingWaterConfig, RisingWaterRule
from vision.scene import SceneGeometry, SceneModel
from vision.water_level import Level, LevelConfig, LevelFilter

HERE = LatLon(lat=30.4, lon=120.54)
FRAME = LocalFrame(HERE)
WALL_M = 40.0  # north of the camera: a wall across the view
FPS = 3


def _scene() -> SceneModel:
    transects: list[Transect] = []
    for east in np.linspace(-12, 12, 9):
        foot = FRAME.to_wgs84(Enu(float(east), WALL_M))
        low, high = (TransectPoint(lat=foot.lat, lon=foot.lon, amsl_m=z) for z in (-1.0, 8.0))
        transects.append(Transect(points=(low, high)))
    camera = Camera(
        id="staff", name={}, stream="-", position=HERE, height_amsl_m=12.0, yaw_deg=0.0, pitch_deg=-12.0,
        lens=Lens(width_px=640, height_px=360, hfov_deg=50), transects=tuple(transects),
    )  # fmt: skip
    return SceneModel(Projection(camera, FRAME), SceneGeometry((), 8.5, 1.0))


class Wall:
    """A stained wall over water that sways; `level` is where they meet."""

    def __init__(self, scene: SceneModel, *, waves: float = 9.0, seed: int = 1) -> None:
        self._projection, self._waves = scene.projection, waves
        self._rng = np.random.default_rng(seed)
        stains = cv2.GaussianBlur(self._rng.normal(0, 30, (360, 640)).astype(np.float32), (0, 0), 9) * 6
        stains[:170] += 22  # the wall's dry part is paler: an edge that stands still, 2 m over the water and more
        self._wall = 105 + stains

    def picture(self, level: float) -> Gray:
        rng, image = self._rng, self._wall.copy()
        row = float(self._projection.pixels(np.array([[0.0, WALL_M]]), level)[0, 1])
        sway = cv2.resize(rng.normal(0, self._waves, (45, 80)).astype(np.float32), (640, 360))
        share = np.clip(np.arange(360) + 0.5 - row, 0, 1)[:, None]
        image = image * (1 - share) + (128 + sway) * share
        return np.clip(image + rng.normal(0, 2.0, image.shape), 0, 255).astype(np.uint8)


def _watched(
    level: Callable[[float], float], seconds: float, *, waves: float = 9.0
) -> tuple[RiverWatch, list[float]]:
    scene = _scene()
    river, wall = RiverWatch(scene, RiverConfig()), Wall(scene, waves=waves)
    told: list[float] = []
    for index in range(int(seconds * FPS)):
        at = index / FPS
        told += [at for f in river.step(wall.picture(level(at)), at) if f.kind is AlertKind.RISING_WATER]
    return river, told


def _reading(river: RiverWatch, at_s: float):
    from datetime import UTC, datetime

    reading = river.reading(datetime(2026, 9, 28, tzinfo=UTC), at_s)
    assert reading is not None
    return reading


@pytest.mark.parametrize("level", [0.6, 1.73, 2.9])
def test_a_still_level_is_read_within_five_centimetres_and_its_sigma_is_honest(level: float) -> None:
    river, told = _watched(lambda _: level, 20)
    reading = _reading(river, 20)
    assert reading.level_amsl_m is not None
    assert reading.level_amsl_m == pytest.approx(level, abs=0.05)
    assert reading.sigma_m is not None
    assert abs(reading.level_amsl_m - level) < 3 * reading.sigma_m < 0.3
    assert reading.cm_per_px == pytest.approx(6.2, abs=1.0)
    assert told == []


def test_a_steady_rise_is_told_with_its_rate() -> None:
    river, told = _watched(lambda t: 1.0 + 0.02 * max(t - 20, 0), 70)
    reading = _reading(river, 70)
    assert reading.rate_mps == pytest.approx(0.02, abs=0.004)
    assert reading.level_amsl_m == pytest.approx(2.0, abs=0.1)
    assert len(told) == 1
    assert 25 <= told[0] <= 55


def test_the_ordinary_tide_and_a_passing_wave_are_not_told() -> None:
    def tide_and_wake(t: float) -> float:
        return 1.0 + 0.0012 * t + (0.35 * np.sin(2 * (t - 30)) if 30 < t < 40 else 0.0)

    river, told = _watched(tide_and_wake, 75)
    assert told == []
    assert _reading(river, 75).level_amsl_m == pytest.approx(1.09, abs=0.06)


def test_a_step_without_a_white_line_is_told_once() -> None:
    river, told = _watched(lambda t: 1.0 if t < 25 else 2.6, 65)
    assert len(told) == 1
    assert 25 < told[0] < 55
    assert _reading(river, 65).level_amsl_m == pytest.approx(2.6, abs=0.06)


def test_water_as_still_as_a_mirror_is_not_seen_and_says_so() -> None:
    river, told = _watched(lambda _: 1.5, 20, waves=0.0)
    reading = _reading(river, 20)
    assert reading.level_amsl_m is None
    assert reading.reason
    assert told == []


def test_a_reading_far_off_is_refused_until_others_bear_it_out() -> None:
    level = LevelFilter(LevelConfig())
    for second in range(30):
        assert level.take(second, 1.0, 0.02)
    assert not level.take(30, 2.4, 0.02)
    assert level.take(31, 1.0, 0.02)
    taken = [level.take(second, 2.4, 0.02) for second in range(32, 37)]
    assert taken[:3] == [False] * 3
    assert taken[3]
    assert level.level is not None
    assert level.level.amsl_m == pytest.approx(2.4, abs=0.05)


def test_time_that_goes_backwards_starts_the_level_anew() -> None:
    level = LevelFilter(LevelConfig())
    level.take(100, 1.0, 0.02)
    assert level.take(50, 3.0, 0.02)
    assert level.level is not None
    assert level.level.amsl_m == 3.0


def test_a_rise_that_a_front_explains_is_not_told_again() -> None:
    rule, told = RisingWaterRule(RisingWaterConfig()), 0
    for second in range(60):
        level = Level(second, 1.0 + 0.03 * second, 0.02, 0.03, 0.002)
        told += len(rule.step(level, Enu(0, 0), 0.0))
    assert told == 0


def test_where_a_pixel_is_worth_much_a_jump_of_the_line_is_no_rise() -> None:
    def told(line_sigma_m: float) -> int:
        rule = RisingWaterRule(RisingWaterConfig())
        levels = [Level(second, 1.0 if second < 30 else 1.5, 0.02, 0.0, 0.01) for second in range(60)]
        return sum(len(rule.step(level, Enu(0, 0), None, line_sigma_m)) for level in levels)

    assert told(0.07) == 1
    assert told(0.22) == 0


def test_a_transect_climbs() -> None:
    low, high = TransectPoint(lat=30, lon=120, amsl_m=1.0), TransectPoint(lat=30, lon=120, amsl_m=4.0)
    Transect(points=(low, high))
    with pytest.raises(ValidationError, match="climbs"):
        Transect(points=(high, low))
