"""Surface velocity from textures that are truly carried along, and none where nothing can be known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision.surface_velocity import VelocityConfig, VelocityWatch, peak_of, plane_of

from .test_front import SIZE, scene_from_above

FPS = 5


def _watched(east_mps: float, south_mps: float, *, contrast: float = 14.0, noise: float = 1.5, seconds: float = 24.0):
    """Foam carried over still stains; the picture is a metre a pixel."""
    rng = np.random.default_rng(3)
    foam = cv2.GaussianBlur(rng.normal(0, 1, (400, 520)).astype(np.float32), (0, 0), 1.6)
    foam *= contrast / foam.std()
    stains = cv2.GaussianBlur(rng.normal(0, 1, SIZE).astype(np.float32), (0, 0), 3.0)
    stains *= 10 / stains.std()
    config = VelocityConfig(pixel_m=1.0, least_px_per_m=0.5)
    watch = VelocityWatch(plane_of(scene_from_above(), config), config)
    for index in range(int(seconds * FPS)):
        at = index / FPS
        move = np.array([[1.0, 0.0, east_mps * at - 140.0], [0.0, 1.0, south_mps * at - 140.0]])
        carried = cv2.warpAffine(foam, move, SIZE[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        picture = 120 + carried + stains + rng.normal(0, noise, SIZE)
        watch.step(np.clip(picture, 0, 255).astype(np.uint8), at)
    return watch


@pytest.mark.parametrize(("east", "south"), [(-3.1, 0.4), (2.0, 0.8), (-4.6, -1.2)])
def test_what_is_carried_along_is_measured_within_a_tenth(east: float, south: float) -> None:
    watch = _watched(east, south)
    assert len(watch.vectors) >= 5
    assert np.median([vector.east_mps for vector in watch.vectors]) == pytest.approx(east, abs=0.1)
    assert np.median([vector.north_mps for vector in watch.vectors]) == pytest.approx(-south, abs=0.1)
    for vector in watch.vectors:
        assert np.hypot(vector.east_mps - east, vector.north_mps + south) < vector.sigma_mps < 0.6


def test_water_without_foam_is_not_known() -> None:
    assert _watched(-3.0, 0.0, contrast=0.2).vectors == ()


def test_noise_alone_is_not_known() -> None:
    assert _watched(-3.0, 0.0, contrast=0.01, noise=12.0).vectors == ()


def test_the_peak_of_a_shifted_bump_is_found_in_parts_of_a_pixel() -> None:
    row, column = np.indices((32, 32))
    bump = np.exp(-((row - 16 - 2.3) ** 2 + (column - 16 + 1.6) ** 2) / 8.0)
    shift, ratio = peak_of(np.roll(bump, (-16, -16), axis=(0, 1)), 10)
    assert shift.tolist() == pytest.approx([2.3, -1.6], abs=0.1)
    assert ratio > 3
