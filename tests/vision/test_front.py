"""The bore's front in pictures made here: found, measured, and told apart from what only looks like one."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from geofence.position import Enu, LatLon, LocalFrame
from vision.alert import AlertKind
from vision.background import Gray
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.front import Front, FrontConfig, FrontWatch, cells_of
from vision.rules.bore_front import BoreFrontConfig, BoreFrontRule
from vision.scene import SceneGeometry, SceneModel

HERE = LatLon(lat=30.4, lon=120.54)
M_PER_PX = 1.0
SIZE = (120, 240)  # rows, columns: a river 240 m long and 120 m wide, from straight above
FPS = 5
Painter = Callable[[float, NDArray[np.float32], np.random.Generator], None]


def scene_from_above() -> SceneModel:
    half = SIZE[1] * M_PER_PX / 2
    camera = Camera(
        id="above", name={}, stream="-", position=HERE, height_amsl_m=float(half / np.tan(np.radians(4))),
        yaw_deg=0.0, pitch_deg=-90.0, lens=Lens(width_px=SIZE[1], height_px=SIZE[0], hfov_deg=8.0), range_m=240.0,
    )  # fmt: skip
    crest = np.array([[-300.0, 59.0], [300.0, 59.0]])
    return SceneModel(Projection(camera, LocalFrame(HERE)), SceneGeometry((), 0.0, 0.0, crest))


def _seen(paint: Painter, seconds: float = 22.0) -> list[Front]:
    watch = FrontWatch(cells_of(scene_from_above(), FrontConfig()), FrontConfig())
    rng = np.random.default_rng(4)
    fronts: list[Front] = []
    for index in range(int(seconds * FPS)):
        water = 110 + _waves(rng, 3.0)
        paint(index / FPS, water, rng)
        picture = np.clip(water + rng.normal(0, 1.5, SIZE), 0, 255).astype(np.uint8)
        fronts += watch.step(picture, index / FPS)
    return fronts


def _waves(rng: np.random.Generator, strength: float) -> NDArray[np.float32]:
    return cv2.resize(rng.normal(0, strength, (30, 60)).astype(np.float32), SIZE[::-1])  # type: ignore[return-value]


def bore(speed_mps: float, slant: float = 0.1, foam: float = 70.0) -> Painter:
    """Runs west (to the left) from the eastern edge at second 5; rough water behind it."""

    def paint(at_s: float, water: NDArray[np.float32], rng: np.random.Generator) -> None:
        row, column = np.indices(SIZE)
        behind = column - (SIZE[1] - speed_mps * (at_s - 5.0) / M_PER_PX) - slant * (row - 60)
        inside = behind > 0
        water += np.where(inside, foam * np.exp(-np.maximum(behind, 0) / 12.0) + _waves(rng, 12.0) - 8.0, 0.0)

    return paint


def shadow(at_s: float, water: NDArray[np.float32], rng: np.random.Generator) -> None:
    edge = SIZE[1] - 8.0 * (at_s - 5.0)
    water *= 1.0 - 0.3 / (1.0 + np.exp(-(np.arange(SIZE[1]) - edge) / 4.0))[None].astype(np.float32)


def boat(at_s: float, water: NDArray[np.float32], rng: np.random.Generator) -> None:
    middle = (SIZE[1] - 6.0 * (at_s - 5.0), 60.0)
    cv2.ellipse(water, ((middle[0], middle[1]), (16.0, 7.0), 0.0), 60.0, -1)
    for side in (-1, 1):
        far = (round(middle[0] + 60), round(middle[1] + 18 * side))
        cv2.line(water, (round(middle[0]), round(middle[1])), far, 150.0, 2)


def belt(at_s: float, water: NDArray[np.float32], rng: np.random.Generator) -> None:
    water[:, 100:130] += 70 + rng.normal(0, 25, (SIZE[0], 30)).astype(np.float32)


def wind_waves(at_s: float, water: NDArray[np.float32], rng: np.random.Generator) -> None:
    phase = (np.arange(SIZE[1])[None] + 0.2 * np.arange(SIZE[0])[:, None] + 5.0 * at_s) / 3.0
    water += (8 * np.sin(phase)).astype(np.float32)


@pytest.mark.parametrize("speed_mps", [4.2, 6.0, 9.5])
def test_a_front_is_measured_within_a_tenth_of_a_metre_a_second(speed_mps: float) -> None:
    fronts = _seen(bore(speed_mps))
    assert len(fronts) >= 5
    last = max(fronts, key=lambda front: front.onsets)
    assert last.speed_mps == pytest.approx(speed_mps, abs=0.1 + 0.01 * speed_mps)
    assert last.heading_deg == pytest.approx(270.0 - np.degrees(np.arctan(0.1)), abs=2.0)
    assert 0.0 < last.speed_sigma_mps < 0.3
    true_east_m = SIZE[1] / 2 - speed_mps * (last.at_s - 5.0)
    assert last.place.east_m == pytest.approx(true_east_m, abs=4.0)
    assert last.passes_camera_in_s + last.at_s == pytest.approx(5.0 + 120 / speed_mps, abs=1.0)


@pytest.mark.parametrize("paint", [shadow, boat, belt, wind_waves], ids=lambda paint: paint.__name__)
def test_what_is_no_front_is_none(paint: Painter) -> None:
    assert _seen(paint, 30.0) == []


def test_a_front_beside_a_standing_belt_is_found_all_the_same() -> None:
    def both(at_s: float, water: NDArray[np.float32], rng: np.random.Generator) -> None:
        bore(6.0)(at_s, water, rng)
        belt(at_s, water, rng)

    last = max(_seen(both), key=lambda front: front.onsets)
    assert last.speed_mps == pytest.approx(6.0, abs=0.25)


def test_light_that_changes_at_once_is_none() -> None:
    def switched(at_s: float, water: NDArray[np.float32], rng: np.random.Generator) -> None:
        water += 60.0 if at_s > 8.0 else 0.0

    assert _seen(switched, 16.0) == []


def _front(at_s: float, run_m: float, sigma: float = 0.2) -> Front:
    return Front(
        at_s=at_s, place=Enu(100 - 6 * at_s, 0.0), place_sigma_m=1.0, speed_mps=6.0, speed_sigma_mps=sigma,
        heading_deg=270.0, heading_sigma_deg=1.0, run_m=run_m, width_m=60.0, onsets=100, travel=Enu(-1.0, 0.0),
        passes_camera_in_s=10.0, passes_camera_sigma_s=0.5,
    )  # fmt: skip


def test_a_front_is_told_once_when_it_has_been_followed_far_enough() -> None:
    rule = BoreFrontRule(BoreFrontConfig())
    told = [(at, f) for at in range(40) for f in rule.step([_front(at, 6.0 * at)] if at > 3 else [], at)]
    assert len(told) == 1
    assert told[0][0] == 8
    finding = told[0][1]
    assert finding.kind is AlertKind.BORE_FRONT
    assert finding.details["speed_mps"] == 6.0
    assert finding.details["passes_camera_in_s"] == 10.0


def test_a_front_that_is_lost_early_is_told_where_it_must_be_by_now() -> None:
    rule = BoreFrontRule(BoreFrontConfig())
    told = [(at, f) for at in range(20) for f in rule.step([_front(at, 20.0)] if 4 <= at < 7 else [], at)]
    assert len(told) == 1
    at, finding = told[0]
    assert at == 9
    assert finding.position.east_m == pytest.approx(100 - 6 * 9)


def test_no_bank_no_cells() -> None:
    scene = scene_from_above()
    bare = SceneModel(scene.projection, SceneGeometry((), 0.0, 0.0))
    assert cells_of(bare, FrontConfig()) is None
    blank: Gray = np.zeros(SIZE, np.uint8)
    assert FrontWatch(None, FrontConfig()).step(blank, 0.0) == []
