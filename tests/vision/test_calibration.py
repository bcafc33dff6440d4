"""The camera's geometry: rays, planes, and how sure a position is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from geofence.position import Enu, LatLon, LocalFrame
from vision.calibration import Projection
from vision.camera import Camera, Lens

ORIGIN = LatLon(lat=30.4, lon=120.54)
FRAME = LocalFrame(ORIGIN)


def camera(**changes: float) -> Camera:
    lens = Lens(width_px=640, height_px=360, hfov_deg=64, k1=changes.pop("k1", 0.0), k2=changes.pop("k2", 0.0))
    values: dict[str, float] = {"height_amsl_m": 18.5, "yaw_deg": 90, "pitch_deg": -14, "roll_deg": 0, "range_m": 130}
    return Camera(id="cam", name={"en": "c"}, stream="x", position=ORIGIN, lens=lens, **{**values, **changes})  # type: ignore[arg-type]


def test_the_optical_axis_meets_the_ground_where_trigonometry_says() -> None:
    seen = Projection(camera(yaw_deg=0), FRAME).ground(np.array([[320.0, 180.0]]), 8.5)
    assert seen.enu[0] == pytest.approx([0.0, 10.0 / math.tan(math.radians(14))], abs=1e-6)


def test_right_in_the_picture_is_clockwise_of_the_axis() -> None:
    seen = Projection(camera(yaw_deg=0), FRAME).ground(np.array([[400.0, 180.0]]), 8.5)
    assert seen.enu[0, 0] > 5


def test_a_pixel_above_the_horizon_has_no_place_on_the_ground() -> None:
    seen = Projection(camera(), FRAME).ground(np.array([[320.0, 10.0]]), 8.5)
    assert np.isnan(seen.enu).all()
    assert np.isnan(seen.sigma_m).all()


def test_the_far_pixel_is_less_sure_than_the_near_one() -> None:
    seen = Projection(camera(), FRAME).ground(np.array([[320.0, 100.0], [320.0, 300.0]]), 1.5)
    assert seen.sigma_m[0] > 5 * seen.sigma_m[1]


def test_a_person_shrinks_with_distance_and_is_as_tall_as_the_pinhole_says() -> None:
    projection = Projection(camera(yaw_deg=0, pitch_deg=0), FRAME)
    tall = projection.height_px(np.array([[0.0, 40.0], [0.0, 80.0]]), 8.5)
    assert tall == pytest.approx([projection.focal_px * 1.7 / 40, projection.focal_px * 1.7 / 80])


@given(
    pixel=st.tuples(st.floats(5, 635), st.floats(120, 355)),
    angles=st.tuples(st.floats(0, 359.9), st.floats(-40, -8), st.floats(-10, 10)),
    lens=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.02, 0.02)),
    plane=st.floats(0, 10),
)
def test_pixel_to_ground_and_back_is_the_same_pixel(
    pixel: tuple[float, float], angles: tuple[float, float, float], lens: tuple[float, float], plane: float
) -> None:
    yaw, pitch, roll = angles
    projection = Projection(camera(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll, k1=lens[0], k2=lens[1]), FRAME)
    ground = projection.ground(np.array([pixel]), plane).enu
    if np.isnan(ground).any() or np.abs(ground).max() > 2000:
        return
    assert projection.pixels(ground, plane)[0] == pytest.approx(pixel, abs=0.01)
    assert projection.pixel(Enu(*map(float, ground[0])), plane) == pytest.approx(pixel, abs=0.01)


def test_degrees_by_the_jacobian_agree_with_the_exact_frame() -> None:
    projection = Projection(camera(), FRAME)
    for point in (Enu(250, 30), Enu(-180, -200)):
        back = FRAME.to_enu(projection.wgs84(point))
        assert back.distance_m(point) < 0.01


def test_the_field_of_view_is_a_ring_within_range_that_holds_what_the_camera_sees() -> None:
    projection = Projection(camera(), FRAME)
    ring = projection.field_of_view(8.5)
    assert ring[0] == ring[-1]
    places = FRAME.line_to_enu(ring)
    area = Polygon(places)
    assert area.is_valid
    assert np.hypot(places[:, 0], places[:, 1]).max() <= 130.1
    assert area.contains(Point(60, 0))
    assert not area.contains(Point(-20, 0))
