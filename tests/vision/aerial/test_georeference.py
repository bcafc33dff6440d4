"""Pixels of a flying camera and points of the water: there and back, how sure, and when not at all."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.position import Enu
from vision.aerial.georeference import AerialProjection
from vision.aerial.pose import CameraPose, PoseSigmas
from vision.camera import Lens

AT = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
LENS = Lens(width_px=640, height_px=360, hfov_deg=60, k1=-0.05)
SIGMAS = PoseSigmas(position_m=1.0, height_m=1.5, tilt_deg=1.0, yaw_deg=2.0, time_s=0.05)


def pose(
    *, height_m: float = 40.0, yaw_deg: float = 200.0, pitch_deg: float = -50.0, roll_deg: float = 0.0
) -> CameraPose:
    eye = np.array([10.0, -20.0, 2.0 + height_m])
    moving = np.array([4.0, -2.0, 0.5])
    return CameraPose(AT, eye, yaw_deg, pitch_deg, roll_deg, moving, np.array([8.0, -3.0, 0.0]), SIGMAS)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(5, 120),
    st.floats(0, 359),
    st.floats(-90, -25),
    st.floats(-8, 8),
    st.floats(20, 620),
    st.floats(20, 340),
)
def test_a_pixel_comes_back_to_itself(
    height_m: float, yaw_deg: float, pitch_deg: float, roll_deg: float, u: float, v: float
) -> None:
    view = AerialProjection(LENS, pose(height_m=height_m, yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg))
    found = view.plane(np.array([[u, v]]), 2.0)
    if np.isnan(found.enu).any():
        assert pitch_deg > -40.0  # only the flattest views have rays that graze
        return
    back = view.pixels(found.enu, 2.0)
    assert np.abs(back - [u, v]).max() < 0.01
    assert found.sigma_m[0] > 0.9  # never surer than the satellites


def test_the_sigma_is_what_chance_makes_of_it() -> None:
    rng = np.random.default_rng(5)
    view = AerialProjection(LENS, pose())
    pixel = np.array([[410.0, 120.0]])
    said = view.plane(pixel, 2.0, plane_sigma_m=0.3)
    drawn: list[list[float]] = []
    for _ in range(3000):
        true = pose()
        late = 0.05 * rng.standard_normal()
        angles = np.array([true.yaw_deg, true.pitch_deg, true.roll_deg]) + true.rates_dps * late
        angles += rng.standard_normal(3) * [2.0, 1.0, 1.0]
        eye = true.eye + true.velocity * late + rng.standard_normal(3) * [1.0, 1.0, 1.5]
        yaw, pitch, roll = angles.tolist()
        other = AerialProjection(LENS, replace(true, eye=eye, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll))
        where = other.plane(pixel + 1.5 * rng.standard_normal(2), 2.0 + 0.3 * rng.standard_normal())
        drawn.append(where.enu[0].tolist())
    measured = np.cov(np.array(drawn).T)
    told = (said.random + said.systematic)[0]
    assert np.abs(np.linalg.eigvalsh(measured) / np.linalg.eigvalsh(told) - 1.0).max() < 0.12


def test_the_lower_the_camera_looks_the_surer_it_is() -> None:
    middle = np.array([[320.0, 180.0]])
    sigmas = [AerialProjection(LENS, pose(pitch_deg=p)).plane(middle, 2.0).sigma_m[0] for p in (-90, -50, -30, -15)]
    assert sigmas == sorted(sigmas)
    assert sigmas[-1] > 5 * sigmas[0]


def test_rays_that_miss_or_graze_the_water_give_nothing() -> None:
    level = AerialProjection(LENS, pose(pitch_deg=0.0))
    assert np.isnan(level.plane(np.array([[320.0, 10.0], [320.0, 200.0]]), 2.0).enu).all()
    under = AerialProjection(LENS, pose(height_m=-1.0))
    assert np.isnan(under.plane(np.array([[320.0, 180.0]]), 2.0).enu).all()
    assert len(AerialProjection(LENS, pose(pitch_deg=60.0)).footprint(2.0)) == 0


def test_it_knows_what_it_shows() -> None:
    view = AerialProjection(LENS, pose(pitch_deg=-90.0, yaw_deg=0.0, height_m=40.0))
    assert view.shows(Enu(10.0, -20.0), 2.0)
    assert view.shows(Enu(30.0, -20.0), 2.0)  # half the width at 60 degrees is 23 m
    assert not view.shows(Enu(36.0, -20.0), 2.0)
    ring = view.footprint(2.0)
    assert np.abs(np.abs(ring[:, 0] - 10.0).max() - 40.0 * math.tan(math.radians(30))) < 0.8
