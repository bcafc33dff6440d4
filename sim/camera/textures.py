"""Seamless noise from which concrete, mud, clouds and water are made."""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray

TILE = 256


def _spectrum_noise(seed: int, low: float, high: float, *, towards_deg: float | None = None) -> FloatArray:
    """A periodic TILE x TILE field of unit deviation with wavelengths of TILE/high .. TILE/low texels."""
    rng = np.random.default_rng(seed)
    field = np.fft.fft2(rng.standard_normal((TILE, TILE)))
    ky, kx = np.meshgrid(np.fft.fftfreq(TILE) * TILE, np.fft.fftfreq(TILE) * TILE, indexing="ij")
    k = np.hypot(kx, ky)
    weight = np.where(k > 0, np.exp(-((low / np.maximum(k, 1e-6)) ** 4) - (k / high) ** 2), 0.0)
    weight = weight / np.maximum(k, 1.0)
    if towards_deg is not None:
        angle = np.arctan2(ky, kx) - math.radians(towards_deg)
        weight = weight * (0.12 + np.cos(angle) ** 4)
    noise = np.real(np.fft.ifft2(field * weight))
    return noise / noise.std()


@functools.cache
def grain(seed: int, low: float = 2.0, high: float = 60.0) -> FloatArray:
    return _spectrum_noise(seed, low, high)


@functools.cache
def _padded(seed: int, low: float, high: float) -> NDArray[np.float32]:
    """The grain with its first row and column again at the end, so that interpolation wraps."""
    return np.pad(grain(seed, low, high), ((0, 1), (0, 1)), mode="wrap").astype(np.float32)


def sample(seed: int, low: float, high: float, u: FloatArray, v: FloatArray) -> FloatArray:
    """The grain of that seed and band of waves at (u, v) texels, bilinear, wrapping."""
    count = len(u)
    if count == 0:
        return np.zeros(0)
    width = min(count, 4096)
    rows = -(-count // width)
    map_u, map_v = np.zeros(rows * width, np.float32), np.zeros(rows * width, np.float32)
    map_u[:count], map_v[:count] = u % TILE, v % TILE
    taken = cv2.remap(
        _padded(seed, low, high), map_u.reshape(rows, width), map_v.reshape(rows, width), cv2.INTER_LINEAR
    )
    return taken.ravel()[:count].astype(np.float64)


def doubled(field: FloatArray) -> NDArray[np.uint8]:
    """As bytes, repeated once both ways, so that any shift of the tile is a plain window of it."""
    return np.tile(np.clip(np.rint(field), 0, 255).astype(np.uint8), (2, 2))


@functools.cache
def water_layers(*, rough: bool) -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...]:
    """For each scale, near to far, two wave fields to be shifted apart and added: together 0..64, mean about 28."""
    layers: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    contrast = (9.0, 8.0, 6.5, 3.5) if rough else (5.5, 5.0, 4.0, 2.0)
    for index, deviation in enumerate(contrast):
        chop = _spectrum_noise(11 + index, 8.0, 60.0, towards_deg=25.0)
        swell = _spectrum_noise(31 + index, 3.0, 24.0, towards_deg=-10.0)
        crest = np.maximum(chop - 1.1, 0.0) * 1.6  # sharp bright crests over rounded troughs
        a = 14.0 + deviation * 0.75 * (chop + crest)
        b = 14.0 + deviation * 0.75 * swell
        if rough:
            foam = np.maximum(_spectrum_noise(51 + index, 3.0, 40.0) - 1.35, 0.0)
            b = b + 30.0 * np.minimum(foam, 1.0)
        layers.append((doubled(np.clip(a, 0, 40)), doubled(np.clip(b, 0, 40))))
    return tuple(layers)


@functools.cache
def sensor_layer() -> NDArray[np.uint8]:
    rng = np.random.default_rng(71)
    return doubled(32.0 + rng.normal(0.0, 1.5, (TILE, TILE)))
