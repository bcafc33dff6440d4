"""The true projection: known directions fall on known pixels, and rays go back through their pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geofence.position import LatLon, LocalFrame
from sim.camera import TrueLens
from vision.camera import Camera, Lens

FRAME = LocalFrame(LatLon(lat=30.4020, lon=120.5420))


def lens(*, yaw: float = 90.0, pitch: float = 0.0, roll: float = 0.0, k1: float = 0.0, k2: float = 0.0) -> TrueLens:
    camera = Camera(
        id="cam-t", name={"en": "Test"}, stream="http://127.0.0.1:1/cam-t.mjpg", position=FRAME.origin,
        height_amsl_m=20.0, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll,
        lens=Lens(width_px=640, height_px=360, hfov_deg=90.0, k1=k1, k2=k2),
    )  # fmt: skip
    return TrueLens(camera, FRAME)


@pytest.mark.parametrize(
    ("point", "pixel"),
    [
        ((100.0, 0.0, 20.0), (320.0, 180.0)),  # straight ahead, east
        ((100.0, -100.0, 20.0), (640.0, 180.0)),  # south of east is right, at the edge of 90 degrees
        ((100.0, 0.0, 10.0), (320.0, 212.0)),  # below
    ],
)
def test_a_camera_that_looks_east(point: tuple[float, float, float], pixel: tuple[float, float]) -> None:
    pixels, depth = lens().project(np.array([point]))

    assert pixels[0] == pytest.approx(pixel)
    assert depth[0] == pytest.approx(100.0)


def test_a_negative_pitch_looks_down() -> None:
    ahead_and_down = np.array([[100.0, 0.0, 20.0 - 100.0 * math.tan(math.radians(15.0))]])
    assert lens(pitch=-15.0).project(ahead_and_down)[0][0] == pytest.approx((320.0, 180.0))


def test_a_positive_roll_turns_the_picture_the_other_way() -> None:
    above = np.array([[100.0, 0.0, 40.0]])
    assert lens(roll=10.0).project(above)[0][0][0] < 320.0


@pytest.mark.parametrize("k1", [0.0, -0.12, 0.08])
def test_every_ray_passes_through_its_own_pixel(k1: float) -> None:
    one = lens(yaw=201.0, pitch=-12.0, roll=3.0, k1=k1, k2=0.01)
    rays = one.rays()
    index = np.arange(0, len(rays), 997)
    pixels, _ = one.project(one.position + rays[index] * 55.0)

    assert pixels[:, 0] == pytest.approx(index % 640, abs=0.01)
    assert pixels[:, 1] == pytest.approx(index // 640, abs=0.01)


def test_what_is_behind_has_no_depth() -> None:
    assert lens().project(np.array([[-10.0, 0.0, 20.0]]))[1][0] < 0
