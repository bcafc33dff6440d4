"""Calibration from control points: the camera comes back, its sigma is honest, and bad points are refused by name."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.errors import InvalidInput
from geofence.position import Enu, FloatArray, LatLon, LocalFrame
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.camera_fit import Solve
from vision.camera_fit_report import Calibrated, calibrate
from vision.control_points import ControlPoint, load_control_points
from vision.errors import CalibrationRefused

ORIGIN = LatLon(lat=30.4, lon=120.54)
FRAME = LocalFrame(ORIGIN)
WIDTH, HEIGHT = 1280, 720


def camera(
    yaw: float = 97.0, pitch: float = -13.0, roll: float = 1.0, hfov: float = 60.0, k1: float = 0.0, up: float = 18.5
) -> Camera:
    return Camera(
        id="cam", name={"en": "c"}, stream="x", position=FRAME.to_wgs84(Enu(12, -30)), height_amsl_m=up,
        yaw_deg=yaw % 360, pitch_deg=pitch, roll_deg=roll,
        lens=Lens(width_px=WIDTH, height_px=HEIGHT, hfov_deg=hfov, k1=k1), range_m=150,
    )  # fmt: skip


GUESS = camera(yaw=80, pitch=-8, roll=0, hfov=75).model_copy(
    update={"position": FRAME.to_wgs84(Enu(4, -22)), "height_amsl_m": 22.0}
)


def marked(
    true: Camera,
    rng: np.random.Generator,
    count: int = 12,
    noise_px: float = 0.0,
    heights: tuple[float, ...] = (8.5, 3, 12),
) -> list[ControlPoint]:
    """Points spread over what the camera sees, on grounds of several heights."""
    projection = Projection(true, FRAME)
    points: list[ControlPoint] = []
    for index in range(count * 40):
        if len(points) == count:
            break
        quarter = (len(points) % 2, len(points) // 2 % 2)
        pixel = np.array([[rng.uniform(0.05, 0.45) + 0.5 * quarter[0], rng.uniform(0.05, 0.45) + 0.5 * quarter[1]]])
        pixel *= (WIDTH, HEIGHT)
        height = heights[index % len(heights)]
        place = projection.ground(pixel, height).enu[0]
        away = math.hypot(*(place - (projection.position.east_m, projection.position.north_m)))
        if math.isnan(away) or not 8 < away < 160:
            pixel[0, 1] = HEIGHT * rng.uniform(0.5, 0.95)
            place = projection.ground(pixel, height).enu[0]
        pixel = pixel + rng.normal(0, noise_px, 2) if noise_px else pixel
        points.append(point(f"p{len(points)}", pixel[0], place, height))
    return points


def point(name: str, pixel: FloatArray, place: FloatArray, height: float) -> ControlPoint:
    at = FRAME.to_wgs84(Enu(float(place[0]), float(place[1])))
    return ControlPoint(
        name=name, u_px=float(pixel[0]), v_px=float(pixel[1]), lat=at.lat, lon=at.lon, height_amsl_m=height
    )


def fitted(points: list[ControlPoint], solve: Solve | None = None, before: Camera = GUESS) -> Calibrated:
    return calibrate(points, before, FRAME, solve or Solve(), np.random.default_rng(3))


def off_m(done: Calibrated, true: Camera) -> float:
    return FRAME.to_enu(done.camera.position).distance_m(FRAME.to_enu(true.position))


cameras = st.builds(
    camera, yaw=st.floats(0, 359), pitch=st.floats(-35, -10), roll=st.floats(-6, 6), hfov=st.floats(35, 95)
)


@settings(max_examples=25, deadline=None)
@given(true=cameras, seed=st.integers(0, 10**6))
def test_without_noise_the_camera_comes_back_exactly(true: Camera, seed: int) -> None:
    done = fitted(marked(true, np.random.default_rng(seed)))
    assert done.rms_px < 1e-3
    assert off_m(done, true) < 0.02
    assert done.camera.height_amsl_m == pytest.approx(true.height_amsl_m, abs=0.02)
    assert done.camera.lens.hfov_deg == pytest.approx(true.lens.hfov_deg, abs=0.02)
    assert math.cos(math.radians(done.camera.yaw_deg - true.yaw_deg)) == pytest.approx(1, abs=1e-6)
    assert done.camera.pitch_deg == pytest.approx(true.pitch_deg, abs=0.02)
    assert done.camera.roll_deg == pytest.approx(true.roll_deg, abs=0.02)


@settings(max_examples=15, deadline=None)
@given(true=cameras, k1=st.floats(-0.25, 0.1), seed=st.integers(0, 10**6))
def test_at_a_known_place_the_lens_comes_back_with_its_distortion(true: Camera, k1: float, seed: int) -> None:
    true = true.model_copy(update={"lens": true.lens.model_copy(update={"k1": k1})})
    before = GUESS.model_copy(update={"position": true.position, "height_amsl_m": true.height_amsl_m})
    done = fitted(marked(true, np.random.default_rng(seed)), Solve(position=False, distortion=1), before)
    assert done.camera.lens.k1 == pytest.approx(k1, abs=2e-3)
    assert done.camera.lens.hfov_deg == pytest.approx(true.lens.hfov_deg, abs=0.05)
    assert done.camera.position == true.position


@settings(max_examples=15, deadline=None)
@given(true=cameras, seed=st.integers(0, 10**6))
def test_with_noise_every_value_is_within_five_of_its_sigmas(true: Camera, seed: int) -> None:
    done = fitted(marked(true, np.random.default_rng(seed), count=20, noise_px=1.0))
    at = FRAME.to_enu(true.position)
    truth = {"pitch_deg": true.pitch_deg, "roll_deg": true.roll_deg, "lens.hfov_deg": true.lens.hfov_deg}
    truth |= {"east_m": at.east_m, "north_m": at.north_m, "height_amsl_m": true.height_amsl_m}
    for value in done.values:
        if value.name in truth:
            assert value.sigma is not None
            assert abs(value.after - truth[value.name]) < 5 * value.sigma


def test_the_sigmas_are_neither_too_small_nor_too_large() -> None:
    """Over many noisy fits the error, counted in sigmas, has a size of about one."""
    true, rng = camera(), np.random.default_rng(11)
    errors: list[float] = []
    for _ in range(30):
        done = fitted(marked(true, rng, count=16, noise_px=1.0), before=true)
        pitch = next(value for value in done.values if value.name == "pitch_deg")
        assert pitch.sigma is not None
        errors.append((pitch.after - true.pitch_deg) / pitch.sigma)
    assert 0.6 < float(np.sqrt(np.mean(np.square(errors)))) < 1.5


@settings(max_examples=8, deadline=None)
@given(true=cameras, wrong=st.integers(0, 13), angle=st.floats(0, 6.28), seed=st.integers(0, 10**6))
def test_one_wrong_point_is_found_and_named(true: Camera, wrong: int, angle: float, seed: int) -> None:
    points = marked(true, np.random.default_rng(seed), count=14, noise_px=0.5)
    bad = points[wrong]
    moved = {"u_px": bad.u_px + 90 * math.cos(angle), "v_px": bad.v_px + 90 * math.sin(angle)}
    moved = {"u_px": min(max(moved["u_px"], 0), WIDTH), "v_px": min(max(moved["v_px"], 0), HEIGHT)}
    points[wrong] = bad.model_copy(update=moved)
    if math.hypot(moved["u_px"] - bad.u_px, moved["v_px"] - bad.v_px) < 60:
        return
    done = fitted(points)
    assert [p.name for p in done.points if not p.agrees] == [f"p{wrong}"]
    assert any(f"point p{wrong} is" in reason for reason in done.refusals)


def test_good_points_are_accepted_and_say_what_they_are_worth_in_metres() -> None:
    done = fitted(marked(camera(), np.random.default_rng(1), count=14, noise_px=0.7))
    assert done.refusals == ()
    assert done.ground_sigma_m is not None
    assert 0.05 < done.ground_sigma_m < 3
    assert all(p.off_m is not None for p in done.points)


@pytest.mark.parametrize(
    ("solve", "least"),
    [(Solve(), 5), (Solve(distortion=2), 6), (Solve(position=False), 3)],
    ids=["all", "k", "place"],
)
def test_too_few_points_are_refused_with_how_many_are_needed(solve: Solve, least: int) -> None:
    points = marked(camera(), np.random.default_rng(1), count=least - 1)
    with pytest.raises(CalibrationRefused, match=f"{least} are needed"):
        fitted(points, solve)


def placed(true: Camera, places: list[tuple[float, float, float]]) -> list[ControlPoint]:
    projection = Projection(true, FRAME)
    return [
        point(f"p{i}", projection.pixels(np.array([[e, n]]), h)[0], np.array([e, n]), h)
        for i, (e, n, h) in enumerate(places)
    ]


def test_points_on_one_line_are_refused() -> None:
    done = fitted(placed(camera(), [(60.0 + 8 * i, -36.0, 8.5) for i in range(8)]))
    assert any("on one line" in reason for reason in done.refusals)


def test_points_in_one_far_corner_do_not_give_a_focal_length() -> None:
    rng = np.random.default_rng(2)
    places = [(120.0 + rng.uniform(-3, 3), -45.0 + rng.uniform(-3, 3), 8.5) for _ in range(8)]
    done = fitted(placed(camera(), places))
    assert any("focal length" in r or "not determine" in r or "only sure" in r for r in done.refusals)


def test_a_mirrored_picture_is_told() -> None:
    points = marked(camera(), np.random.default_rng(5), count=14)
    flipped = [p.model_copy(update={"u_px": WIDTH - p.u_px}) for p in points]
    assert any("mirrored" in reason for reason in fitted(flipped).refusals)


def test_points_on_one_plane_seen_mirrored_put_no_camera_below_the_ground() -> None:
    points = marked(camera(), np.random.default_rng(6), count=10, heights=(8.5,))
    flipped = [p.model_copy(update={"u_px": WIDTH - p.u_px}) for p in points]
    assert fitted(flipped).refusals


def test_points_that_no_camera_sees_like_that_are_refused_by_their_rms() -> None:
    rng = np.random.default_rng(7)
    points = [
        p.model_copy(update={"u_px": float(rng.uniform(0, WIDTH)), "v_px": float(rng.uniform(0, HEIGHT))})
        for p in marked(camera(), rng, count=10)
    ]
    try:
        reasons = fitted(points).refusals
    except CalibrationRefused as refused:
        reasons = refused.reasons
    assert reasons


def test_pixels_of_another_size_of_picture_are_refused() -> None:
    points = [p.model_copy(update={"u_px": p.u_px * 1.5}) for p in marked(camera(), np.random.default_rng(1))]
    with pytest.raises(CalibrationRefused, match="1280x720"):
        fitted(points)


def test_points_are_read_from_csv_and_yaml_alike(tmp_path: Path) -> None:
    table, listed = tmp_path / "p.csv", tmp_path / "p.yaml"
    table.write_text("name,u_px,v_px,lat,lon,height_amsl_m\n# stairs\npost, 10.5, 20, 30.4, 120.5, 8.5\n", "utf-8")
    listed.write_text("points:\n- {name: post, u_px: 10.5, v_px: 20, lat: 30.4, lon: 120.5, height_amsl_m: 8.5}\n")
    assert load_control_points(table) == load_control_points(listed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,u,v\n", "must name the columns"),
        ("name,u_px,v_px,lat,lon,height_amsl_m\na,1,2,95,120,8\n", r"p.csv:2 .*latitude 95"),
        ("name,u_px,v_px,lat,lon,height_amsl_m\na,1,x,30,120,8\n", r"p.csv:2 .*v_px"),
        ("name,u_px,v_px,lat,lon,height_amsl_m\na,1,2,30,120\n", r"p.csv:2.*5 values"),
        ("name,u_px,v_px,lat,lon,height_amsl_m\na,1,2,30,120,8\na,1,2,30,120,8\n", "twice"),
    ],
)
def test_a_faulty_table_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidInput, match=said):
        load_control_points(path)
