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
from sim.camera.pixels import Picture
from sim.camera.textures import sample
from sim.world.ground import Ground
from sim.world.weather import Light

_LAYER_M = 0.25  # a ray that meets ground 2 degrees flat goes 7 m in this; the groyne is 10 m wide
_FLOOR_AMSL_M = 0.0  # under any low water; what no ray meets above it is river
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
    """Where every pixel's ray first meets something solid, at most at the height `_FLOOR_AMSL_M`."""
    rays = lens.rays()
    count = len(rays)
    camera_z = float(lens.position[2])
    along, offset = np.zeros(count), np.zeros(count)
    amsl, distance = np.full(count, 1e4), np.full(count, 1e6)
    material = np.zeros(count, np.uint8)
    down = np.flatnonzero(rays[:, 2] < -camera_z / 60_000.0)

    def bank_at(index: NDArray[np.intp], z: FloatArray | float) -> FloatArray:
        t = (z - camera_z) / rays[index, 2]
        return ground.to_bank_array(lens.position[:2] + rays[index, :2] * t[:, None])

    top = min(ground.crest_amsl_m, camera_z)
    entry = bank_at(down, top)
    on_crest = entry[:, 1] <= 0.0
    exit_ = np.zeros_like(entry)
    exit_[~on_crest] = bank_at(down[~on_crest], _FLOOR_AMSL_M)
    amsl[down] = np.where(on_crest, top, _FLOOR_AMSL_M)
    # Between entry and exit a ray may cross the wall or a ledge; only such rays are followed step by step.
    follow = ~on_crest & (exit_[:, 1] <= 0.0)
    for ledge in ground.ledges:
        follow |= (
            ~on_crest
            & (np.minimum(entry[:, 0], exit_[:, 0]) <= ledge.along_to_m)
            & (np.maximum(entry[:, 0], exit_[:, 0]) >= ledge.along_from_m)
            & (np.minimum(entry[:, 1], exit_[:, 1]) <= ledge.offset_to_m)
        )
    chosen = down[follow]
    amsl[chosen] = _first_solid(ground, entry[follow], exit_[follow], top)

    found = np.where(on_crest[:, None], entry, exit_)
    found[follow] = bank_at(chosen, amsl[chosen])
    along[down], offset[down] = found[:, 0], found[:, 1]
    distance[down] = (amsl[down] - camera_z) / rays[down, 2]
    solid = amsl[down] > _FLOOR_AMSL_M + 1e-6
    height = ground.height_amsl_m(found[:, 0], found[:, 1] - 0.02)  # a hair landward, off the very edge
    kinds = _material(ground, found[:, 0], found[:, 1], amsl[down], np.abs(height - amsl[down]) < 0.06)
    material[down] = np.where(solid, kinds, int(Material.BED))
    return Hits(rays, along, offset, amsl, distance, material)


def _first_solid(ground: Ground, entry: FloatArray, exit_: FloatArray, top: float) -> FloatArray:
    """Height at which each ray, straight in bank coordinates from `entry` down to `exit_`, is first inside."""
    result = np.full(len(entry), _FLOOR_AMSL_M)
    left = np.arange(len(entry))

    def inside(index: NDArray[np.intp], z: FloatArray) -> NDArray[np.bool_]:
        share = ((top - z) / (top - _FLOOR_AMSL_M))[:, None]
        at = entry[index] * (1 - share) + exit_[index] * share
        return ground.height_amsl_m(at[:, 0], at[:, 1]) >= z

    above = top
    for z in np.arange(top - _LAYER_M, _FLOOR_AMSL_M - 1e-6, -_LAYER_M):
        is_in = inside(left, np.full(len(left), z))
        new = left[is_in]
        low, high = np.full(len(new), float(z)), np.full(len(new), float(above))
        for _ in range(7 if len(new) else 0):
            middle = (low + high) / 2
            solid = inside(new, middle)
            low, high = np.where(solid, middle, low), np.where(solid, high, middle)
        result[new] = high
        left, above = left[~is_in], float(z)
    return result


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

    def fine(u: FloatArray, v: FloatArray) -> FloatArray:
        return sample(1, 4, 90, u, v)

    def broad(u: FloatArray, v: FloatArray) -> FloatArray:
        return sample(2, 1.5, 12, u, v)

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
    grain_m = 0.035 * fine(a[m] * 9, o[m] * 9) * fade[m] + 0.03 * broad(a[m] * 3, o[m] * 3)
    slabs = 0.16 * np.maximum(joint(a[m], 1.5, 0.05, m), joint(o[m], 1.5, 0.05, m))
    coping = (o[m] > -0.6).astype(float)
    shade(m, (160, 166, 168), 1.0 + grain_m - slabs + 0.10 * coping)
    brick = m.copy()
    brick[m] = (o[m] < -4.5) & (o[m] > -9.0)
    shade(brick, (138, 150, 170), 1.0 + grain_m[brick[m]] - 0.6 * slabs[brick[m]])

    m = kind == Material.WALL
    stain = 0.10 * broad(a[m] * 5, z[m] * 1.2) + 0.05 * fine(a[m] * 8, z[m] * 8) * fade[m]
    wet = 1.0 / (1.0 + np.exp((z[m] - 4.6 - 0.5 * broad(a[m] * 2, z[m] * 0)) * 3.0))
    joints = 0.25 * joint(a[m], 6.0, 0.10, m) + 0.12 * joint(z[m], 1.4, 0.06, m)
    shade(m, (126, 134, 138), 0.97 + stain - joints - 0.30 * wet)
    colours[m] *= 1.0 - wet[:, None] * np.array([0.10, 0.0, 0.03])

    m = kind == Material.SHORE
    mud = 0.11 * broad(a[m] * 2.2, o[m] * 2.2) + 0.07 * fine(a[m] * 6, o[m] * 6) * fade[m]
    stones = np.maximum(fine(a[m] * 11, o[m] * 11) - 0.6, 0.0) * fade[m] * np.clip((9.0 - o[m]) / 6.0, 0, 1)
    shade(m, (96, 120, 136), 0.96 + mud + 0.25 * stones)
    pools = np.clip((broad(a[m] * 2.6 + 90, o[m] * 5.2) - 1.5) * 3.0, 0, 0.6)[:, None]
    colours[m] = colours[m] * (1 - pools) + np.array([168, 174, 174]) * pools
    steps = m & (z > 3.3)
    shade(steps, (150, 156, 158), 1.0 - 0.35 * joint(z[steps], 0.36, 0.16, steps))

    m = kind == Material.GROYNE
    blocks = 0.2 * np.maximum(joint(a[m], 2.5, 0.12, m), joint(o[m], 2.5, 0.12, m))
    low = np.where(z[m] < 4.9, 0.35 + 0.65 * np.clip((4.7 - z[m]) / 2.5, 0, 1), 0.0)
    shade(m, (142, 150, 154), 0.98 + 0.08 * fine(a[m] * 7, o[m] * 7 + z[m] * 7) * fade[m] - blocks - 0.4 * low)

    m = kind == Material.LAND
    grass = 0.14 * broad(a[m] * 1.5, o[m] * 1.5) + 0.12 * fine(a[m] * 9, o[m] * 9) * fade[m]
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
    clouds = sample(3, 2, 14, np.sin(azimuth) * flat * 14, np.cos(azimuth) * flat * 14)
    colours = colours + palette.cloud * np.clip(clouds, -1.5, 2)[:, None] * np.clip(elevation / 0.08, 0, 1)[:, None]
    # The far bank: trees and low roofs, over two kilometres off, lost in haze.
    profile = 9.0 + 4.0 * sample(4, 6, 80, azimuth * 160, azimuth * 0)
    roofs = np.maximum(sample(5, 8, 40, np.floor(azimuth * 90) * 3, azimuth * 0) - 0.9, 0.0) * 14.0
    southward = np.clip(-rays[:, 1], 0.12, 1.0)  # distance to a bank that runs parallel to ours
    distance = _FAR_BANK_M / southward
    bank = (elevation * distance < profile + roofs) & (rays[:, 1] < 0.05) & (hits.material == Material.SKY)
    dim = np.clip(distance[bank] / 9000.0, 0.0, 1.0)[:, None]
    colours[bank] = np.array([168, 166, 158]) * (1 - dim) + np.array(palette.sky_low) * dim
    return colours


def as_picture(colours: FloatArray, lens: TrueLens) -> Picture:
    """Colours to an 8-bit picture."""
    return np.clip(colours, 0, 255).astype(np.uint8).reshape(lens.height_px, lens.width_px, 3)


def softened(picture: Picture) -> Picture:
    """As a lens softens edges."""
    return cv2.GaussianBlur(picture, (0, 0), 0.55)
