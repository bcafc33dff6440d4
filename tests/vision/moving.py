"""Moving pictures for tests that know no camera: a figure that stands, falls, squats; water, leaves, panning."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
FPS = 5.0


@dataclass(frozen=True)
class Pose:
    """A body as a thick line from its feet: how long, and how far it leans from upright."""

    foot_x: float = 160.0
    foot_y: float = 210.0
    length: float = 130.0
    lean_deg: float = 0.0
    swing: float = 0.0  # of the arms, as walkers do


def draw(pose: Pose | None, rng: np.random.Generator, size: tuple[int, int] = (320, 240)) -> Image:
    picture = np.full((size[1], size[0]), 150.0, np.float32)
    picture[180:] = 120.0
    if pose is not None:
        lean, width = math.radians(pose.lean_deg), 38
        along = np.array([math.sin(lean), -math.cos(lean)])
        foot = np.array([pose.foot_x, pose.foot_y]) + along * width / 2
        head = np.array([pose.foot_x, pose.foot_y]) + along * (pose.length - 10)
        cv2.line(picture, _point(foot), _point(head), 40.0, width)
        cv2.circle(picture, _point(head), 13, 70.0, -1)
        across = np.array([-along[1], along[0]])
        for side in (-1.0, 1.0):
            hand = foot + along * 0.45 * pose.length + across * (24 + 8 * side * pose.swing) * side
            cv2.circle(picture, _point(hand), 6, 60.0, -1)
    return np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def _point(place: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))


# --- what is nobody


def cloudy(rng: np.random.Generator, rows: int, columns: int, first: int = 4) -> Floats:
    """Texture at every scale, as ground, foliage and foam have."""
    total, gain, cells = np.zeros((rows, columns), np.float32), 1.0, first
    while cells < max(rows, columns):
        grid = rng.normal(0, 1, (max(rows * cells // max(rows, columns), 2) + 1, cells + 1)).astype(np.float32)
        total += np.float32(gain) * cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_CUBIC)
        cells, gain = 2 * cells, 0.65 * gain
    return total


ROWS, COLUMNS = 180, 320


def moving_noise(rng: np.random.Generator, count: int) -> Iterator[Floats]:
    ground = 120 + 25 * cloudy(rng, ROWS, COLUMNS)
    for _ in range(count):
        yield ground + rng.normal(0, 12, ground.shape).astype(np.float32)


def torrent(rng: np.random.Generator, count: int) -> Iterator[Floats]:
    texture = cloudy(rng, 4 * ROWS, COLUMNS)
    texture = (texture - texture.mean()) / texture.std()
    ys, xs = np.mgrid[:ROWS, :COLUMNS].astype(np.float32)
    for step in range(count):
        aside = 5 * np.sin(xs / 23 + 0.9 * step) + 6 * np.sin(ys / 17 + 1.3 * step)
        down = (ys + 17 * step + 6 * np.sin(xs / 31 + step)) % (4 * ROWS - 1)
        moved = cv2.remap(texture, xs + aside, down.astype(np.float32), cv2.INTER_LINEAR)
        yield (120 + 50 * np.maximum(moved, -0.5)).astype(np.float32)


def beach(rng: np.random.Generator, count: int) -> Iterator[Floats]:
    """Waves that run up and back over sand, with foam along their edge."""
    sand, sea = 150 + 12 * cloudy(rng, ROWS, COLUMNS), cloudy(rng, ROWS, COLUMNS, 16)
    ys, xs = np.mgrid[:ROWS, :COLUMNS].astype(np.float32)
    for step in range(count):
        picture = sand.copy()
        edge = 100 + 16 * math.sin(0.25 * step) + 6 * np.sin(xs / 40 + 0.1 * step)
        wet = ys < edge
        picture[wet] = 90 + 15 * np.sin(0.15 * ys[wet] + 0.8 * step) + 15 * np.roll(sea, 3 * step, 1)[wet]
        picture[np.abs(ys - edge + 6) < 4 + 4 * np.sin(xs / 19 + step)] = 230
        yield picture + rng.normal(0, 3, picture.shape).astype(np.float32)


def panning(rng: np.random.Generator, count: int) -> Iterator[Floats]:
    wide = 120 + 40 * cloudy(rng, 2 * ROWS, 3 * COLUMNS)
    for step in range(count):
        x, y = int(COLUMNS + 0.9 * COLUMNS * math.sin(0.05 * step)), int(ROWS / 2 + 15 * math.sin(0.11 * step))
        yield wide[y : y + ROWS, x : x + COLUMNS] + rng.normal(0, 2, (ROWS, COLUMNS)).astype(np.float32)


def flicker(rng: np.random.Generator, count: int) -> Iterator[Floats]:
    ground = 120 + 35 * cloudy(rng, ROWS, COLUMNS)
    for step in range(count):
        yield ground * np.float32(1 + 0.25 * math.sin(1.7 * step)) + rng.normal(0, 2, ground.shape).astype(np.float32)


def letterboxed(rng: np.random.Generator, count: int) -> Iterator[Floats]:
    for picture in torrent(rng, count):
        boxed = np.zeros_like(picture)
        boxed[27:153] = picture[27:153]
        yield boxed


def leaves(rng: np.random.Generator, count: int) -> Iterator[Floats]:
    tree = 120 + 35 * cloudy(rng, ROWS, COLUMNS)
    ys, xs = np.mgrid[:ROWS, :COLUMNS].astype(np.float32)
    high = np.clip((90 - ys) / 45, 0, 1)
    for step in range(count):
        across = (xs + high * 4 * np.sin(0.9 * step + xs / 30)).astype(np.float32)
        down = (ys + high * 3 * np.cos(0.7 * step + xs / 22)).astype(np.float32)
        yield cv2.remap(tree, across, down, cv2.INTER_LINEAR) + rng.normal(0, 2, tree.shape).astype(np.float32)
