"""Moving water at almost no cost: wave tiles shifted by the current, laid on the river by one table look-up.

For each water level a camera holds a painted picture and a table that says, per pixel, which texel of a small
atlas of wave tiles (near to far) it shows; dry pixels look up a tile of sensor noise. A frame is then one
remap of the freshly shifted atlas and one addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray
from sim.camera.lens import TrueLens
from sim.camera.pixels import Picture, above, minus, thrice, where
from sim.camera.scene import HORIZON_M, PALETTES, Hits, Material, Palette, haze, softened
from sim.camera.textures import TILE, sample, sensor_layer, water_layers
from sim.world.ground import Ground
from sim.world.water import BOW_REACH_M, front_bow_m
from sim.world.weather import Light

TEXEL_M = (0.05, 0.22, 1.0, 4.5)
_STEP_UP_PX = (0.10, 0.45, 2.0)  # footprint in range at which the next coarser tile takes over
_SENSOR_TILE = len(TEXEL_M)
NOISE_BASE = 32  # what the atlas adds on average; taken off the painted picture beforehand


@dataclass(frozen=True, slots=True)
class Waterscape:
    """A camera's view at one water level."""

    level_amsl_m: float
    picture: Picture  # NOISE_BASE darker than what it shows
    table: NDArray[np.int16]  # (h, w, 2) into the atlas
    upstream_m: NDArray[np.float32]  # (h, w) along, straightened to the front; -1e9 on dry ground
    row_most_m: NDArray[np.float32]  # the easternmost of each row
    least_m: float  # the westernmost water in view
    most_m: float  # the easternmost this side of the horizon


_BOW_AT_M = np.arange(0.0, BOW_REACH_M + 0.5, 0.5)
_BOW_M = np.array([front_bow_m(float(offset)) for offset in _BOW_AT_M])


@dataclass(frozen=True, slots=True)
class Shore:
    """A camera's dry scene, painted once: what the river is laid into."""

    lens: TrueLens
    ground: Ground
    hits: Hits
    light: Light
    picture: Picture  # haze and everything that stands on the promenade included
    before_water: Picture  # 255 where something that stands up hides what is behind it


def waterscape(shore: Shore, level: float, *, swollen: bool) -> Waterscape:
    """Lays the river at `level` into the dry scene; `swollen` is darker water full of silt."""
    lens, hits = shore.lens, shore.hits
    height, width = lens.height_px, lens.width_px
    rays, camera_z = hits.rays, float(lens.position[2])
    water = (hits.amsl_m < level) & (hits.material != Material.SKY) & (shore.before_water.ravel() == 0)
    index = np.flatnonzero(water)
    reach = (level - camera_z) / rays[index, 2]
    bank = shore.ground.to_bank_array(lens.position[:2] + rays[index, :2] * reach[:, None])
    along, offset = bank[:, 0], bank[:, 1]

    picture = shore.picture.copy()
    flat = picture.reshape(-1, 3)
    colours = water_colour(along, offset, rays[index], PALETTES[shore.light], swollen=swollen)
    flat[index] = np.clip(haze(colours, reach, shore.light), 0, 255).astype(np.uint8)
    edge = ~water & (hits.amsl_m < level + 0.30) & (hits.material != Material.BED)
    flat[edge] = (flat[edge] * 0.76).astype(np.uint8)
    lace = edge & (hits.amsl_m < level + 0.07)
    flat[lace] = flat[lace] // 2 + 90
    picture = softened(picture)

    footprint = reach / lens.focal_px / np.maximum(-rays[index, 2], 1e-4)
    blurred = footprint * np.exp(np.random.default_rng(9).normal(0.0, 0.18, len(index)))
    scale = np.searchsorted(np.array(_STEP_UP_PX), blurred)
    texel = np.array(TEXEL_M)[scale]
    u, v = np.floor(along / texel).astype(np.int64) % TILE, np.floor(offset / texel).astype(np.int64) % TILE
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    table_u, table_v = column.ravel() % TILE, row.ravel() % TILE + TILE * _SENSOR_TILE
    far = reach > 1500.0
    table_u[index] = np.where(far, table_u[index], u)
    table_v[index] = np.where(far, table_v[index], v + TILE * scale)

    upstream = np.full(height * width, -1e9, np.float32)
    upstream[index] = np.where(reach < HORIZON_M, along - np.interp(offset, _BOW_AT_M, _BOW_M), 1e9)
    table = np.stack([table_u, table_v], axis=1).astype(np.int16).reshape(height, width, 2)
    rows = upstream.reshape(height, width)
    most = float(upstream[upstream < 1e8].max(initial=-1e9))
    least = float(upstream[index].min(initial=1e9))
    dark = minus(picture, NOISE_BASE)
    return Waterscape(level, dark, table, rows, rows.max(axis=1), least, most)


def water_colour(
    along: FloatArray, offset: FloatArray, rays: FloatArray, palette: Palette, *, swollen: bool
) -> FloatArray:
    """Silt by day: yellow-brown looked down on, the sky's colour at a glance."""
    base = np.array([92, 124, 144]) if swollen else np.array([104, 136, 152])
    patches = 0.055 * sample(8, 1.5, 9, along / 3.0, offset / 1.2)
    streaks = 0.035 * sample(9, 2, 30, along / 9.0, offset / 1.0)
    fade = 1.0 / (1.0 + (offset / 600.0) ** 2)
    silt = base * (palette.sun * (1.0 + (patches + streaks) * fade))[:, None]
    glance = np.clip(-rays[:, 2], 0.0, 1.0)
    mirror = np.clip(0.03 + 0.62 * (1.0 - glance) ** 7, 0.0, 0.62)[:, None]  # waves spread the true Fresnel rise
    sky = np.array(palette.sky_low) * 0.62 + np.array(palette.sky_high) * 0.38
    return silt * (1 - mirror) + sky * mirror


class Waves:
    """The atlas of wave tiles at one moment."""

    def __init__(self, *, rough: bool) -> None:
        self._layers = water_layers(rough=rough)
        self._sensor = sensor_layer()
        self._speed_gain = 1.6 if rough else 1.0
        self.atlas = np.zeros((TILE * (_SENSOR_TILE + 1), TILE), np.uint8)

    def shift(self, at_s: float, run_m: float, rng: np.random.Generator) -> None:
        """Moves every tile to where the stream (it has run `run_m` eastward) and the waves' own travel bring it."""
        for index, (chop, swell) in enumerate(self._layers):
            texel, own = TEXEL_M[index], 0.5 * (index + 1) * self._speed_gain
            tile = self.atlas[index * TILE : (index + 1) * TILE]
            a = _window(chop, (run_m - 0.6 * own * at_s) / texel, 0.8 * own * at_s / texel)
            b = _window(swell, (0.9 * run_m - own * at_s) / texel, -0.3 * own * at_s / texel)
            cv2.add(a, b, dst=tile)
        shift_u, shift_v = (int(x) for x in rng.integers(0, TILE, 2))
        self.atlas[_SENSOR_TILE * TILE :] = self._sensor[shift_v : shift_v + TILE, shift_u : shift_u + TILE]


def _window(layer: Picture, shift_u: float, shift_v: float) -> Picture:
    u, v = int(-shift_u) % TILE, int(-shift_v) % TILE
    return layer[v : v + TILE, u : u + TILE]


def _foam_by_distance() -> NDArray[np.uint8]:
    """Strength of the foam by quarter metres behind the front."""
    behind_m = np.arange(256) / 4.0
    strength = 255.0 * np.exp(-np.maximum(behind_m - 3.0, 0.0) / 11.0)
    return np.where(strength < 24.0, 0.0, strength).astype(np.uint8)


_FOAM = _foam_by_distance()


def lay_front(
    picture: Picture, rough: Picture, noise: Picture, *, low: Waterscape, high: Waterscape, front_m: float
) -> None:
    """Draws into `picture` (water before the front) the risen `rough` water behind it and the foaming step between.

    Pixels whose sight line meets the risen plane behind the front show risen water; those that meet only the
    low plane behind it look at the face of the step.
    """
    rows = np.flatnonzero((high.row_most_m > front_m) | (low.row_most_m > front_m))
    if not len(rows):
        return
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    part, grains = picture[top:bottom], noise[top:bottom]
    since = high.upstream_m[top:bottom] - np.float32(front_m)
    behind = above(since, 0.0)
    cv2.copyTo(rough[top:bottom], behind, part)
    risen = above(low.upstream_m[top:bottom], front_m)
    face = cv2.subtract(risen, behind)
    strength = cv2.bitwise_and(cv2.LUT(cv2.convertScaleAbs(since, alpha=4.0), _FOAM), behind)
    strength = cv2.max(strength, where(face, 215))
    first, last = _rows_with(strength)
    if first == last:
        return
    part, grains, strength, face = (x[first:last] for x in (part, grains, strength, face))
    ragged = cv2.subtract(strength, cv2.convertScaleAbs(64 - np.minimum(grains, 64), alpha=4.0))
    opacity = cv2.blur(cv2.convertScaleAbs(ragged, alpha=5.0), (3, 3))
    tone = cv2.subtract(grains + 172, where(face, 44))
    white = thrice(tone)
    share = thrice(opacity)
    cover = cv2.multiply(white, share, scale=0.94 / 255.0)
    kept = cv2.multiply(part, cv2.addWeighted(share, -0.94, share, 0.0, 255.0), scale=1.0 / 255.0)
    cv2.add(cover, kept, dst=part)


def _rows_with(mask: Picture) -> tuple[int, int]:
    rows = np.flatnonzero(cv2.reduce(mask, 1, cv2.REDUCE_MAX))
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
