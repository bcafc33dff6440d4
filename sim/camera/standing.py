"""Things that stand on the promenade: trees, the pagoda, lamps, flags' poles and the railing, painted once."""

from __future__ import annotations

import cv2
import numpy as np

from geofence.position import Enu, FloatArray
from sim.camera.lens import TrueLens
from sim.camera.sketch import Picture
from sim.camera.sketch import fixed as fixed_points
from sim.world.ground import STEPS_HALF_WIDTH_M, BankPlace, Ground

_SHIFT = 4
RAIL_OFFSET_M = -0.35
RAIL_HEIGHT_M = 1.1
PAGODA = BankPlace(58.0, -74.0)


def fixed(point: FloatArray) -> tuple[int, int]:
    """One pixel position in cv2's fixed point."""
    x, y = fixed_points(point).tolist()
    return x, y


def points_at(ground: Ground, places: list[tuple[float, float, float]]) -> FloatArray:
    """(along, offset, amsl) to (n, 3) east, north, amsl."""
    listed = np.array(places, dtype=np.float64).reshape(-1, 3)
    return np.column_stack([ground.to_enu_array(listed[:, :2]), listed[:, 2]])


def paint_standing(picture: Picture, lens: TrueLens, ground: Ground) -> Picture:
    """Paints them on `picture`; answers the railing's opacity, 0..255, for hiding people behind it."""
    here = ground.to_bank(lens.place)
    _pagoda(picture, lens, ground)
    _trees(picture, lens, ground, here)
    _lamps(picture, lens, ground, here)
    railing = np.zeros(picture.shape[:2], np.uint8)
    _railing(railing, lens, ground, here)
    share = (railing.astype(np.float32) / 255.0)[:, :, None]
    picture[:] = (picture * (1 - share) + np.array([120, 126, 128], np.float32) * share).astype(np.uint8)
    return railing


def _hazed(colour: tuple[float, float, float], distance_m: float) -> tuple[float, float, float]:
    share = 1.0 - float(np.exp(-distance_m / 1500.0))
    b, g, r = (c * (1 - share) + s * share for c, s in zip(colour, (210, 208, 202), strict=True))
    return b, g, r


def _trees(picture: Picture, lens: TrueLens, ground: Ground, here: BankPlace) -> None:
    rng = np.random.default_rng(5)
    low, high = ground.along_range_m
    trees: list[tuple[float, float, float, int]] = []
    for row, offset in enumerate((-18.0, -27.0, -38.0)):
        for along in np.arange(low, high, 8.0 + 2 * row):
            trees.append((float(along + rng.normal(0, 1.2)), offset + float(rng.normal(0, 1)),
                          float(rng.uniform(3.8, 7.0)), int(rng.integers(2**31))))  # fmt: skip
    trees = [t for t in trees if abs(t[0] - here.along_m) < 700]
    trees.sort(key=lambda t: -abs(t[0] - here.along_m) + t[1] * 0.5)
    for along, offset, tall, seed in trees:
        base = points_at(ground, [(along, offset, ground.crest_amsl_m), (along, offset, ground.crest_amsl_m + tall)])
        pixels, depth = lens.project(base)
        if depth.min() < 4.0 or not -80 < pixels[0, 0] < lens.width_px + 80:
            continue
        size = float(pixels[0, 1] - pixels[1, 1])
        leaf = np.random.default_rng(seed)
        trunk = _hazed((60, 72, 84), float(depth[0]))
        cv2.line(picture, fixed(pixels[0]), fixed(pixels[1] * 0.6 + pixels[0] * 0.4), trunk,
                 max(1, int(size * 0.05)), cv2.LINE_AA, _SHIFT)  # fmt: skip
        tone = leaf.uniform(0.85, 1.15)
        for k in range(9):
            spread = leaf.normal(0, 0.20, 2) * size
            centre = pixels[1] + np.array([spread[0], size * 0.28 + spread[1]])
            bright = (0.72 + 0.06 * k) * tone
            colour = _hazed((52 * bright, 92 * bright, 70 * bright), float(depth[0]))
            radius = max(1, int(size * leaf.uniform(0.13, 0.22) * 16))
            cv2.circle(picture, fixed(centre), radius, colour, -1, cv2.LINE_AA, _SHIFT)


def _pagoda(picture: Picture, lens: TrueLens, ground: Ground) -> None:
    base_z = ground.crest_amsl_m
    tiers = 7
    for tier in range(tiers):
        z0, half = base_z + tier * 4.6, 5.2 - 0.42 * tier
        outline = [
            (-half, z0), (-half, z0 + 3.6), (-half - 1.4, z0 + 3.4), (-half + 0.6, z0 + 4.6),
            (half - 0.6, z0 + 4.6), (half + 1.4, z0 + 3.4), (half, z0 + 3.6), (half, z0),
        ]  # fmt: skip
        _silhouette(picture, lens, ground, outline[:2] + outline[-2:], (96, 104, 132))
        _silhouette(picture, lens, ground, outline[2:6], (66, 70, 74))
    top = base_z + tiers * 4.6
    _silhouette(picture, lens, ground, [(-1.2, top), (0.0, top + 5.5), (1.2, top)], (62, 70, 78))


def _silhouette(
    picture: Picture, lens: TrueLens, ground: Ground, outline: list[tuple[float, float]],
    colour: tuple[float, float, float],
) -> None:  # fmt: skip
    """A flat shape at the pagoda that faces the camera; `outline` is (sideways, amsl)."""
    at = ground.to_enu(PAGODA)
    sight = at - lens.place
    side = Enu(sight.north_m / sight.length_m, -sight.east_m / sight.length_m)
    points = np.array([[at.east_m + s * side.east_m, at.north_m + s * side.north_m, z] for s, z in outline])
    pixels, depth = lens.project(points)
    if depth.min() < 5.0:
        return
    ring = fixed_points(pixels)
    cv2.fillPoly(picture, [ring], _hazed(colour, float(depth.mean())), cv2.LINE_AA, _SHIFT)


def _lamps(picture: Picture, lens: TrueLens, ground: Ground, here: BankPlace) -> None:
    z = ground.crest_amsl_m
    for along in np.arange(-690.0, 700.0, 30.0):
        if abs(along - here.along_m) > 400:
            continue
        pixels, depth = lens.project(
            points_at(ground, [(along, -11.0, z), (along, -11.0, z + 7), (along, -9.6, z + 7.2)])
        )
        if depth.min() < 3.0:
            continue
        thick = max(1, int(0.14 * lens.focal_px / depth[0]))
        colour = _hazed((96, 98, 98), float(depth[0]))
        cv2.line(picture, fixed(pixels[0]), fixed(pixels[1]), colour, thick, cv2.LINE_AA, _SHIFT)
        cv2.line(picture, fixed(pixels[1]), fixed(pixels[2]), colour, thick, cv2.LINE_AA, _SHIFT)


def _railing(mask: Picture, lens: TrueLens, ground: Ground, here: BankPlace) -> None:
    z = ground.crest_amsl_m
    gaps = [steps for ledge in ground.ledges for steps in ledge.steps_along_m]
    for along in np.arange(np.floor(here.along_m / 2) * 2 - 160.0, here.along_m + 160.0, 2.0):
        if any(abs(along + 1.0 - gap) < STEPS_HALF_WIDTH_M for gap in gaps):
            continue
        ends = [(along, RAIL_OFFSET_M, z), (along, RAIL_OFFSET_M, z + RAIL_HEIGHT_M)]
        ends += [(along + 2.0, RAIL_OFFSET_M, z + RAIL_HEIGHT_M)]
        ends += [(along, RAIL_OFFSET_M, z + 0.55), (along + 2.0, RAIL_OFFSET_M, z + 0.55)]
        pixels, depth = lens.project(points_at(ground, ends))
        if depth.min() < 1.0:
            continue
        width = 0.07 * lens.focal_px / float(depth[0])
        strength = int(255 * min(1.0, width)) if width < 1 else 255
        thick = max(1, int(width))
        for start, end, share in ((0, 1, 1.0), (1, 2, 1.0), (3, 4, 0.6)):
            layer = int(strength * share)
            cv2.line(mask, fixed(pixels[start]), fixed(pixels[end]), layer, thick, cv2.LINE_AA, _SHIFT)
