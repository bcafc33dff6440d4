"""Rain, snow, sway and light: each is taken out of the picture, and people are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.background import Background, BackgroundConfig, Gray
from vision.light import Light, LightConfig
from vision.scene import LAND, WATER
from vision.specks import Specks, SpecksConfig
from vision.steady import Steady, SteadyConfig
from vision.upheaval import Upheaval, UpheavalConfig
from vision.verify import only_light, out_of_focus

SHAPE = (180, 320)
NOBODY = np.zeros(SHAPE, np.uint8)
ALL = np.full(SHAPE, 255, np.uint8)
DT_S = 0.2


def ground(seed: int = 1) -> NDArray[np.float32]:
    """Paving: grain, joints, a tone that changes slowly."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    tone = 130 + 20 * np.sin(columns / 60) + 10 * np.cos(rows / 40)
    tone += 12.0 * ((rows % 24 < 2) | (columns % 30 < 2)) + rng.normal(0, 6, SHAPE)
    return cv2.GaussianBlur(tone.astype(np.float32), (0, 0), 0.8)  # type: ignore[return-value]


def taken(scene: NDArray[np.float32], rng: np.random.Generator) -> Gray:
    return np.clip(scene + rng.normal(0, 1.2, SHAPE), 0, 255).astype(np.uint8)


def person(scene: NDArray[np.float32], x: int, y: int = 80, tone: int = 40) -> NDArray[np.float32]:
    with_him = scene.copy()
    with_him[y : y + 26, x : x + 8] = tone
    return with_him


def rain(scene: NDArray[np.float32], rng: np.random.Generator, streaks: int = 90) -> NDArray[np.float32]:
    wet = np.zeros(SHAPE, np.float32)
    for x, y, length in zip(
        rng.integers(0, SHAPE[1], streaks), rng.integers(0, SHAPE[0], streaks), rng.integers(6, 20, streaks),
        strict=True,
    ):  # fmt: skip
        cv2.line(wet, (int(x), int(y)), (int(x) + 2, int(y + length)), float(rng.integers(14, 34)), 1, cv2.LINE_AA)
    return scene + wet


def snow(scene: NDArray[np.float32], rng: np.random.Generator, flakes: int = 160) -> NDArray[np.float32]:
    white = np.zeros(SHAPE, np.float32)
    for x, y in zip(rng.integers(0, SHAPE[1], flakes), rng.integers(0, SHAPE[0], flakes), strict=True):
        cv2.circle(white, (int(x), int(y)), int(rng.integers(1, 4)), float(rng.integers(60, 110)), -1, cv2.LINE_AA)
    return scene + white


class Weather:
    """A background that has learnt the dry scene, and the specks' watch behind it."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(8)
        self.scene = ground()
        self.background = Background(BackgroundConfig())
        self.specks = Specks(np.full(SHAPE, LAND, np.uint8), SpecksConfig())
        for _ in range(20):
            self.see(self.scene)

    def see(self, scene: NDArray[np.float32], known: Gray = NOBODY) -> tuple[Gray, Gray]:
        """Foreground as it is, and without specks."""
        gray = taken(scene, self.rng)
        raw = self.background.foreground(gray)
        if not self.background.ready:
            self.background.learn(gray, raw, None, DT_S)
            return raw, raw
        believed = self.background.picture
        assert believed is not None
        clean = self.specks.clean(gray, believed, self.background.threshold, raw, known, NOBODY, DT_S)
        self.background.learn(gray, clean, known, DT_S)
        return raw, clean


def share(mask: Gray) -> float:
    return cv2.countNonZero(mask) / mask.size


def test_rain_leaves_hardly_a_pixel_and_who_walks_in_it_stays_whole() -> None:
    weather, raw, clean = Weather(), NOBODY, NOBODY
    for _ in range(15):
        raw, clean = weather.see(rain(weather.scene, weather.rng))
    assert share(raw) > 0.01
    assert share(clean) < 0.002
    for step in range(10):
        _, clean = weather.see(rain(person(weather.scene, 60 + 3 * step), weather.rng))
    assert share(clean[82:104, 88:94]) > 0.95


def test_in_snow_time_decides_and_who_stands_or_walks_is_still_seen() -> None:
    weather, raw, clean = Weather(), NOBODY, NOBODY
    for _ in range(15):
        raw, clean = weather.see(snow(weather.scene, weather.rng))
    assert weather.specks.dense
    assert share(clean) < 0.15 * share(raw)
    for step in range(10):
        both = person(person(weather.scene, 60 + 2 * step), 200)
        _, clean = weather.see(snow(both, weather.rng))
    assert share(clean[82:104, 202:206]) > 0.9
    assert share(clean[82:104, 78:86]) > 0.4


def test_dry_weather_changes_nothing() -> None:
    weather = Weather()
    for step in range(10):
        raw, clean = weather.see(person(weather.scene, 60 + 3 * step))
        assert (raw == clean).all()
    assert not weather.specks.falling


def test_one_who_runs_is_not_taken_for_rain() -> None:
    weather = Weather()
    for step in range(14):
        raw, clean = weather.see(person(weather.scene, 20 + 18 * step))  # no overlap from frame to frame
        assert (raw == clean).all()


def test_under_somebody_known_the_plain_threshold_holds() -> None:
    weather = Weather()
    for _ in range(15):
        weather.see(rain(weather.scene, weather.rng))
    known = NOBODY.copy()
    known[70:120, 50:90] = 255
    pale = weather.scene.copy()
    pale[80:106, 60:68] += 18
    raw, clean = weather.see(pale, known)
    assert (clean[70:120, 50:90] == raw[70:120, 50:90]).all()


@pytest.mark.parametrize("shift", [(1.3, -0.7), (-2.6, 1.9), (0.4, 0.2)])
def test_a_sway_is_measured_to_a_fifth_of_a_pixel_and_taken_out(shift: tuple[float, float]) -> None:
    rng, scene = np.random.default_rng(2), ground()
    believed = np.clip(scene, 0, 255).astype(np.uint8)
    steady = Steady(SteadyConfig())
    steady.choose(believed, ALL, 0.0)
    move = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    moved = taken(np.asarray(cv2.warpAffine(person(scene, 100), move, SHAPE[::-1], borderMode=1), np.float32), rng)
    held = steady.held(moved, believed)
    assert steady.shift == pytest.approx(shift, abs=0.2)
    inside = np.s_[8:-8, 140:-8]
    assert np.abs(held[inside].astype(int) - believed[inside]).mean() < 4


def test_a_picture_that_stands_still_is_left_as_it_is_and_plain_ground_is_no_anchor() -> None:
    rng, scene = np.random.default_rng(2), ground()
    believed = np.clip(scene, 0, 255).astype(np.uint8)
    steady = Steady(SteadyConfig())
    steady.choose(believed, ALL, 0.0)
    gray = taken(person(scene, 100), rng)
    assert steady.held(gray, believed) is gray
    plain = Steady(SteadyConfig())
    plain.choose(np.full(SHAPE, 120, np.uint8), ALL, 0.0)
    assert plain.held(gray, believed) is gray


def test_a_boat_that_fills_one_patch_does_not_move_the_picture() -> None:
    rng, scene = np.random.default_rng(2), ground()
    believed = np.clip(scene, 0, 255).astype(np.uint8)
    steady = Steady(SteadyConfig())
    steady.choose(believed, ALL, 0.0)
    passing = scene.copy()
    passing[:70, :90] = np.roll(scene, 5, axis=1)[:70, :90]
    steady.held(taken(passing, rng), believed)
    assert steady.shift == (0.0, 0.0)


@pytest.mark.parametrize("gain", [0.6, 0.85, 1.2])
def test_a_step_of_the_exposure_is_evened_out_and_somebody_in_it_is_not(gain: float) -> None:
    rng, scene = np.random.default_rng(2), ground()
    believed = np.clip(scene, 0, 255).astype(np.uint8)
    evened = Light(LightConfig()).evened(taken(gain * person(scene, 100), rng), believed, ALL).astype(int)
    off = np.abs(evened - believed)
    assert np.delete(off, np.s_[96:112], axis=1).mean() < 3
    assert off[84:104, 101:107].mean() > 50


def test_a_clouds_edge_is_evened_out_on_both_sides() -> None:
    rng, scene = np.random.default_rng(2), ground()
    believed = np.clip(scene, 0, 255).astype(np.uint8)
    columns = np.indices(SHAPE)[1]
    shade = 1.0 - 0.35 / (1.0 + np.exp(-(columns - 160) / 14.0))
    gray = taken((scene * shade).astype(np.float32), rng)
    evened = Light(LightConfig()).evened(gray, believed, ALL).astype(int)
    assert np.abs(gray.astype(int) - believed).mean() > 20
    assert np.percentile(np.abs(evened - believed), 99) < 13


def test_light_alone_begins_nobody_and_a_body_does() -> None:
    rng, scene = np.random.default_rng(2), ground()
    believed = np.clip(scene, 0, 255).astype(np.uint8)
    slope = 0.7 + 0.2 * np.indices(SHAPE)[1] / SHAPE[1]
    box = (100.0, 80.0, 8.0, 26.0)
    assert only_light(taken((scene * slope).astype(np.float32), rng), believed, box)
    assert not only_light(taken(person(scene, 100), rng), believed, box)
    assert not only_light(taken((person(scene, 100) * slope).astype(np.float32), rng), believed, box)


def test_a_drop_on_the_glass_is_out_of_focus_and_a_body_is_not() -> None:
    rng, scene = np.random.default_rng(2), ground()
    believed = np.clip(scene, 0, 255).astype(np.uint8)
    drop = np.zeros(SHAPE, np.float32)
    cv2.circle(drop, (120, 90), 14, 1.0, -1)
    share = np.asarray(cv2.GaussianBlur(drop, (0, 0), 3.0))
    wet = scene * (1 - share) + np.asarray(cv2.GaussianBlur(scene[::-1] + 40, (0, 0), 7.0)) * share
    assert out_of_focus(taken(wet.astype(np.float32), rng), believed, (104.0, 74.0, 32.0, 32.0))
    assert not out_of_focus(taken(person(scene, 100), rng), believed, (100.0, 80.0, 8.0, 26.0))


def test_lamps_that_come_on_are_an_upheaval_for_a_while_and_a_crowd_that_gathers_is_none() -> None:
    watch = Upheaval(UpheavalConfig())
    gathering = NOBODY.copy()
    for step in range(100):
        gathering[:, : 2 * step] = 255
        assert not watch.step(gathering, ALL, NOBODY, 0.2 * step)
    watch = Upheaval(UpheavalConfig())
    lit = NOBODY.copy()
    lit[:90] = 255
    told = [watch.step(NOBODY if step < 20 else lit, ALL, NOBODY, 0.2 * step) for step in range(150)]
    assert not any(told[:20])
    assert all(told[20:30])
    assert not any(told[-20:])


def test_people_who_are_known_are_no_upheaval() -> None:
    watch = Upheaval(UpheavalConfig())
    many = NOBODY.copy()
    many[:, :160] = 255
    assert not any(watch.step(many if step > 5 else NOBODY, ALL, many, 0.2 * step) for step in range(20))


def test_water_is_not_asked_about_rain() -> None:
    codes = np.full(SHAPE, WATER, np.uint8)
    assert Specks(codes, SpecksConfig()).rise == {}
