"""How far the picture has moved against a reference.

Near: every tile is searched for around its place, and those that are found must agree on one shift and turn. Far: ORB
features of the whole picture, when no tile is found any more. Normalised correlation does not mind light that only
scales a tile; shadows, people and weather spoil single tiles, which then have no vote.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray
from vision.background import Gray
from vision.camera_health.reference import SEARCH, TILE, Reference, shrunk

_FOUND = 0.62  # of the normalised correlation
_AGREE_PX = 1.2
_LEAST = 4
_LEAST_SHARE = 0.5  # of the tiles that were found
_SPREAD = 0.12  # of the picture's width that agreeing tiles must span
_MAX_TURN_DEG, _MAX_SCALE = 6.0, 0.05
_FEATURES = 600
_FAR_PX = 2.0
_FAR_LEAST = 24
_RATIO = 0.8


@dataclass(frozen=True, slots=True)
class Registered:
    shift: FloatArray  # (3,): right, down at the picture's middle, degrees clockwise
    share: float  # of the tiles (or features) that agree


def register_near(reference: Reference, picture: Gray) -> Registered | None:
    """None when the tiles do not say. Moves each tile's trust."""
    offsets, scores = _searched(reference, picture)
    found = (scores >= _FOUND) & (reference.trust > 0.15)
    if int(found.sum()) < _LEAST:
        reference.trust *= 0.995
        return None
    centres = reference.centres
    agreed = _agreed(centres[found], offsets[found], picture.shape, _AGREE_PX)
    if agreed is None:
        return None
    shift, inside = agreed
    votes = int(inside.sum())
    span = float(np.ptp(centres[found][inside][:, 0]))
    if votes < max(_LEAST, _LEAST_SHARE * int(found.sum())) or span < _SPREAD * picture.shape[1]:
        return None
    agreeing = np.zeros(len(found), bool)
    agreeing[np.flatnonzero(found)[inside]] = True
    reference.trust += np.where(agreeing, 0.1 * (1 - reference.trust), -0.03 * reference.trust)
    return Registered(shift, votes / len(found))


def register_far(reference: Reference, picture: Gray, solid: NDArray[np.bool_]) -> Registered | None:
    """Any shift and turn, to about half a pixel; dear (some ms), so only when the near way has failed for a while."""
    small = shrunk(picture)
    scale = picture.shape[1] / small.shape[1]
    mask = cv2.resize(solid.astype(np.uint8) * 255, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST)
    orb = cast("Any", cv2).ORB_create(_FEATURES, fastThreshold=8)
    keys_then, looks_then = orb.detectAndCompute(reference.small, mask)
    keys_now, looks_now = orb.detectAndCompute(small, None)
    if looks_then is None or looks_now is None or len(keys_then) < _FAR_LEAST or len(keys_now) < _FAR_LEAST:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(looks_then, looks_now, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(good) < _FAR_LEAST:
        return None
    before = np.array([keys_then[m.queryIdx].pt for m in good], np.float64) * scale
    after = np.array([keys_now[m.trainIdx].pt for m in good], np.float64) * scale
    agreed = _agreed(before, after - before, picture.shape, _FAR_PX, max_turn_deg=45.0)
    if agreed is None:
        return None
    shift, inside = agreed
    span = float(np.ptp(before[inside][:, 0]))
    if int(inside.sum()) < _FAR_LEAST or span < _SPREAD * picture.shape[1]:
        return None
    return Registered(shift, float(inside.mean()))


def _searched(reference: Reference, picture: Gray) -> tuple[FloatArray, FloatArray]:
    offsets = np.zeros((len(reference.corners), 2))
    scores = np.full(len(reference.corners), -1.0)
    for index, (left, top) in enumerate(reference.corners.tolist()):
        if reference.trust[index] <= 0.15 and index % 4:
            continue  # not worth the time; a quarter of them stays in play and may come back
        around = picture[top - SEARCH : top + TILE + SEARCH, left - SEARCH : left + TILE + SEARCH]
        if around.shape != (TILE + 2 * SEARCH, TILE + 2 * SEARCH):
            continue
        match = cv2.matchTemplate(around, reference.tiles[index], cv2.TM_CCOEFF_NORMED)
        _, score, _, (x, y) = cv2.minMaxLoc(match)
        if not math.isfinite(score) or not (0 < x < 2 * SEARCH and 0 < y < 2 * SEARCH):
            continue
        scores[index] = score
        offsets[index] = (
            x - SEARCH + _peak(match[y, x - 1], match[y, x], match[y, x + 1]),
            y - SEARCH + _peak(match[y - 1, x], match[y, x], match[y + 1, x]),
        )
    return offsets, scores


def _peak(before: float, here: float, after: float) -> float:
    """Where a parabola through three values has its top."""
    bend = before - 2 * here + after
    return 0.0 if bend >= -1e-9 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def _agreed(
    points: FloatArray,
    offsets: FloatArray,
    shape: tuple[int, ...],
    limit_px: float,
    max_turn_deg: float = _MAX_TURN_DEG,
) -> tuple[FloatArray, NDArray[np.bool_]] | None:
    matrix, inliers = cv2.estimateAffinePartial2D(
        points.astype(np.float32),
        (points + offsets).astype(np.float32),
        method=cv2.RANSAC,
        ransacReprojThreshold=limit_px,
    )
    found = cast("FloatArray | None", matrix)
    if found is None or not np.isfinite(found).all():
        return None
    turn_deg = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if abs(turn_deg) > max_turn_deg or abs(scale - 1) > _MAX_SCALE:
        return None
    middle = np.array([shape[1] / 2, shape[0] / 2, 1.0])
    moved = matrix @ middle - middle[:2]
    return np.array([moved[0], moved[1], turn_deg]), np.asarray(inliers).ravel() > 0
