"""What stands still before a camera: where each pixel's ray meets solid ground, and in what colour.

The rays are cast once. A water level then only decides which of the hits are drowned, so that a rising river
costs a repaint and no new cast.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray
from sim.camera.lens import TrueLens
from sim.camera.textures import grain, sample
from sim.world.ground import BED_AMSL_M, Ground
from sim.world.weather import Light

Picture = NDArray[np.uint8]

_LAYER_M = 0.25
_FAR_BANK_M = 2400.0
HORIZON_M = 9000.0


class Material(IntEnum):
    SKY = 0
    BED = 1
    PAVING = 2
    WALL = 3
    SHORE = 4
    GROYNE = 5
    LAND = 6


@dataclass(frozen=True, slots=True)
class Hits:
    """Per pixel, row by row: the solid that would be seen if the river were empty."""

    rays: FloatArray
    along_m: FloatArray
    offset_m: FloatArray
    amsl_m: FloatArray
    distance_m: FloatArray
    material: NDArray[np.uint8]


def cast(lens: TrueLens, ground: Ground) -> Hits:
    """Follows every pixel's ray down, a layer at a time, until it is inside something solid."""
    rays = lens.rays()
    count = len(rays)
    camera_z = float(lens.position[2])
    along, offset = np.zeros(count), np.zeros(count)
    amsl, distance = np.full(count, 1e4), np.full(count, 1e6)
    material = np.zeros(count, np.uint8)
    down = rays[:, 2] < -camera_z / 60_000.0
    left = np.flatnonzero(down)

    def bank_at(index: NDArray[np.intp], z: FloatArray | float) -> tuple[FloatArray, FloatArray]:
        t = (z - camera_z) / rays[index, 2]
        points = lens.position[:2] + rays[index, :2] * t[:, None]
        bank = ground.to_bank_array(points)
        return bank[:, 0], bank[:, 1]

    z = min(ground.crest_amsl_m, camera_z)
    above = z + 1e-6
    while z > BED_AMSL_M and len(left):
        a, o = bank_at(left, z)
        inside = ground.height_amsl_m(a, o) >= z - 1e-9
        new = left[inside]
        if len(new):
            low, high = np.full(len(new), z), np.full(len(new), above)
            for _ in range(7):
                middle = (low + high) / 2
                ma, mo = bank_at(new, middle)
                solid = ground.height_amsl_m(ma, mo) >= middle
                low, high = np.where(solid, middle, low), np.where(solid, high, middle)
            along[new], offset[new] = bank_at(new, low)
            amsl[new] = low
            on_top = ground.height_amsl_m(along[new], offset[new]) - low < 0.06
            material[new] = _material(ground, along[new], offset[new], low, on_top)
        left = left[~inside]
        above, z = z, z - _LAYER_M
    if len(left):
        along[left], offset[left] = bank_at(left, BED_AMSL_M)
        amsl[left], material[left] = BED_AMSL_M, Material.BED
    distance[down] = (amsl[down] - camera_z) / rays[down, 2]
    return Hits(rays, along, offset, amsl, distance, material)


def _material(
    ground: Ground, along: FloatArray, offset: FloatArray, amsl: FloatArray, on_top: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    result = np.full(len(along), int(Material.WALL), np.uint8)
    result[on_top & (offset <= 0.05)] = Material.PAVING
    result[on_top & (offset < -ground.promenade_width_m)] = Material.LAND
    for ledge in ground.ledges:
        on = (along > ledge.along_from_m - 0.3) & (along < ledge.along_to_m + 0.3) & (offset > 0.05)
        narrow = ledge.along_to_m - ledge.along_from_m < 40.0
        on &= (offset < ledge.offset_to_m + 0.3) & (amsl <= ground.crest_amsl_m)
        result[on & on_top] = Material.GROYNE if narrow else Material.SHORE
        if narrow:
            result[on & ~on_top] = Material.GROYNE
    return result


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours (blue, green, red) that the light decides."""

    sky_low: tuple[float, float, float]
    sky_high: tuple[float, float, float]
    cloud: float
    sun: float  # brightness of what faces up


PALETTES = {
    Light.OVERCAST: Palette((214, 212, 206), (196, 188, 180), 5.0, 0.92),
    Light.DAY: Palette((232, 222, 208), (226, 190, 150), 12.0, 1.06),
}


def paint_solid(lens: TrueLens, hits: Hits, light: Light) -> FloatArray:
    """(n, 3) colours of sky, far bank and all solid ground, dry, before haze."""
    colours = _sky(hits, PALETTES[light])
    a, o, z, kind = hits.along_m, hits.offset_m, hits.amsl_m, hits.material
    fine, broad = grain(1, 4, 90), grain(2, 1.5, 12)
    # Far away a pixel covers many grains: their mean is what it shows.
    footprint = hits.distance_m / lens.focal_px
    fade = 1.0 / (1.0 + (footprint / 0.10) ** 2)

    def shade(where: NDArray[np.bool_], base: tuple[float, float, float], tone: FloatArray) -> None:
        colours[where] = np.array(base) * np.clip(tone, 0.2, 1.7)[:, None]

    def joint(value: FloatArray, every: float, width: float, where: NDArray[np.bool_]) -> FloatArray:
        """1 on the joints of a grid, softened by the size of the pixel."""
        span = width / 2 + footprint[where] * 0.7
        near = np.abs((value + every / 2) % every - every / 2)
        return np.clip(1.0 - near / span, 0, 1) * np.clip(width / (2 * span), 0, 1)

    m = kind == Material.PAVING
    grain_m = 0.035 * sample(fine, a[m] * 9, o[m] * 9) * fade[m] + 0.03 * sample(broad, a[m] * 3, o[m] * 3)
    slabs = 0.16 * np.maximum(joint(a[m], 1.5, 0.05, m), joint(o[m], 1.5, 0.05, m))
    coping = (o[m] > -0.6).astype(float)
    shade(m, (160, 166, 168), 1.0 + grain_m - slabs + 0.10 * coping)
    brick = m.copy()
    brick[m] = (o[m] < -4.5) & (o[m] > -9.0)
    shade(brick, (138, 150, 170), 1.0 + grain_m[brick[m]] - 0.6 * slabs[brick[m]])

    m = kind == Material.WALL
    stain = 0.10 * sample(broad, a[m] * 5, z[m] * 1.2) + 0.05 * sample(fine, a[m] * 8, z[m] * 8) * fade[m]
    wet = 1.0 / (1.0 + np.exp((z[m] - 4.6 - 0.5 * sample(broad, a[m] * 2, z[m] * 0)) * 3.0))
    joints = 0.25 * joint(a[m], 6.0, 0.10, m) + 0.12 * joint(z[m], 1.4, 0.06, m)
    shade(m, (126, 134, 138), 0.97 + stain - joints - 0.30 * wet)
    colours[m] *= 1.0 - wet[:, None] * np.array([0.10, 0.0, 0.03])

    m = kind == Material.SHORE
    mud = 0.11 * sample(broad, a[m] * 2.2, o[m] * 2.2) + 0.07 * sample(fine, a[m] * 6, o[m] * 6) * fade[m]
    stones = np.maximum(sample(fine, a[m] * 11, o[m] * 11) - 0.6, 0.0) * fade[m] * np.clip((9.0 - o[m]) / 6.0, 0, 1)
    shade(m, (96, 120, 136), 0.96 + mud + 0.25 * stones)
    pools = np.clip((sample(broad, a[m] * 1.3 + 90, o[m] * 2.4) - 0.9) * 3.0, 0, 0.7)[:, None]
    colours[m] = colours[m] * (1 - pools) + np.array([168, 174, 174]) * pools
    steps = m & (z > 3.3)
    shade(steps, (150, 156, 158), 1.0 - 0.35 * joint(z[steps], 0.36, 0.16, steps))

    m = kind == Material.GROYNE
    blocks = 0.2 * np.maximum(joint(a[m], 2.5, 0.12, m), joint(o[m], 2.5, 0.12, m))
    low = np.clip((4.7 - z[m]) / 2.5, 0, 1)
    shade(
        m, (142, 150, 154), 0.98 + 0.08 * sample(fine, a[m] * 7, o[m] * 7 + z[m] * 7) * fade[m] - blocks - 0.4 * low
    )

    m = kind == Material.LAND
    grass = 0.14 * sample(broad, a[m] * 1.5, o[m] * 1.5) + 0.12 * sample(fine, a[m] * 9, o[m] * 9) * fade[m]
    shade(m, (72, 118, 100), 1.0 + grass)
    hedge = m.copy()
    hedge[m] = o[m] > -14.0
    shade(hedge, (50, 86, 66), 1.0 + 1.5 * grass[hedge[m]])

    colours[kind == Material.BED] = (96, 120, 136)
    colours[(kind != Material.SKY) & (kind != Material.BED)] *= PALETTES[light].sun
    return colours


def haze(colours: FloatArray, distance_m: FloatArray, light: Light) -> FloatArray:
    """Air between the lens and what is far."""
    share = (1.0 - np.exp(-distance_m / 2600.0))[:, None]
    return colours * (1 - share) + np.array(PALETTES[light].sky_low) * share


def _sky(hits: Hits, palette: Palette) -> FloatArray:
    rays = hits.rays
    elevation = np.arcsin(np.clip(rays[:, 2], -1, 1))
    azimuth = np.arctan2(rays[:, 0], rays[:, 1])
    up = np.clip(elevation / 0.45, 0, 1)[:, None]
    colours = np.array(palette.sky_low) * (1 - up) + np.array(palette.sky_high) * up
    flat = 1.0 / np.maximum(np.sin(np.maximum(elevation, 0.02)), 0.02)  # clouds lie on a plane overhead
    clouds = sample(grain(3, 2, 14), np.sin(azimuth) * flat * 14, np.cos(azimuth) * flat * 14)
    colours = colours + palette.cloud * np.clip(clouds, -1.5, 2)[:, None] * np.clip(elevation / 0.08, 0, 1)[:, None]
    # The far bank: trees and low roofs, over two kilometres off, lost in haze.
    profile = 9.0 + 4.0 * sample(grain(4, 6, 80), azimuth * 160, azimuth * 0)
    roofs = np.maximum(sample(grain(5, 8, 40), np.floor(azimuth * 90) * 3, azimuth * 0) - 0.9, 0.0) * 14.0
    southward = np.clip(-rays[:, 1], 0.12, 1.0)  # distance to a bank that runs parallel to ours
    distance = _FAR_BANK_M / southward
    bank = (elevation * distance < profile + roofs) & (rays[:, 1] < 0.05) & (hits.material == Material.SKY)
    dim = np.clip(distance[bank] / 9000.0, 0.0, 1.0)[:, None]
    colours[bank] = np.array([168, 166, 158]) * (1 - dim) + np.array(palette.sky_low) * dim
    return colours


def as_picture(colours: FloatArray, lens: TrueLens, *, blur: float = 0.55) -> Picture:
    """Colours to an 8-bit picture, softened as a lens does."""
    picture = np.clip(colours, 0, 255).astype(np.uint8).reshape(lens.height_px, lens.width_px, 3)
    return cv2.GaussianBlur(picture, (0, 0), blur)
