"""What on the water is not water: blobs the size of a head and shoulders that stand out against the water around.

Water varies in two ways that look alike everywhere: its own ripples (learnt here, in this very picture, as the
spread of colours about their local mean) and whitening (foam, breaking crests, glitter, gulls), which moves any
water's colour towards white. The whitening part of each difference is taken out; what a head, hair, skin or clothes
add is darker or of another hue, and stays. The rest is measured in spreads of the water's own colours, so that no
threshold is a colour or a brightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.aerial.patch import Patch

_Field = NDArray[np.float32]

_HEAD_M = 0.16  # smoothing: what is smaller is noise
_AROUND_M = 1.3  # the water that a blob is held against
_LOCAL_M = 7.0  # rough patches have a larger spread of their own
_SEED_Z = 7.0
_EDGE_Z, _AGAIN_Z = 4.0, 4.5
_AGAIN_M = 1.5
_JOINED_M = 0.35  # head, shoulders and arms are one
_LEAST_M2, _MOST_M2 = 0.03, 3.0
_WIDEST_M = 2.8
_CORE = 0.35  # of the peak
_FOAM_OVER, _FOAM_OVER_AGAIN = (
    1.6,
    3.5,
)  # a blob whose neighbourhood is whiter than it is strange by this factor is foam's own edge
_CODING_NOISE = 2.0  # grey levels
_WHITE = 238.0
_ORANGE_RED, _ORANGE_OVER_BLUE = 150.0, 95.0


@dataclass(frozen=True, slots=True)
class Blob:
    place: Enu
    strength: float  # peak, in spreads of the water's colours
    area_m2: float
    colour: FloatArray  # (3,) blue, green, red of its strangest part
    orange: bool  # as lifebuoys are


def blobs(patch: Patch, known: Sequence[Enu] = (), *, most: int = 12) -> list[Blob]:
    """The strangest first. Where somebody is known to float (`known`), less is enough: what has to be found among all
    the water must be rarer than what has to be found again where it was."""
    strangeness, whitening = _strange(patch)
    cell_m = patch.cell_m
    near = _disc(_JOINED_M / cell_m / 2.0)
    strong = cv2.dilate((strangeness > _EDGE_Z).astype(np.uint8), near)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(strong)
    found: list[Blob] = []
    for label in range(1, count):
        left, top, width, height, _ = stats[label].tolist()
        box = (slice(top, top + height), slice(left, left + width))
        own = (labels[box] == label) & (strangeness[box] > _EDGE_Z)
        peak = float(strangeness[box][own].max(initial=0.0))
        core = own & (strangeness[box] >= _CORE * peak)  # without the rings and splashes that he makes
        if not core.any():
            continue
        rows, columns = np.nonzero(core)
        area_m2, widest_m = len(rows) * cell_m**2, float(max(np.ptp(rows), np.ptp(columns))) * cell_m
        if not (_LEAST_M2 <= area_m2 <= _MOST_M2 and widest_m <= _WIDEST_M):
            continue
        values = strangeness[box][core]
        weights = values / values.sum()
        place = patch.place(left + float(columns @ weights), top + float(rows @ weights))
        again = any(place.distance_m(one) <= _AGAIN_M for one in known)
        beside = cv2.dilate(core.astype(np.uint8), near) > 0
        whitest = float(whitening[box][beside].max())
        if peak < (_AGAIN_Z if again else _SEED_Z) or peak * (_FOAM_OVER_AGAIN if again else _FOAM_OVER) < whitest:
            continue
        colour = patch.bgr[box][core][values >= 0.6 * peak].mean(axis=0).astype(np.float64)
        blue, green, red = colour.tolist()
        orange = red > _ORANGE_RED and red - blue > _ORANGE_OVER_BLUE and green < 0.75 * red
        found.append(Blob(place, peak, area_m2, colour, orange))
    return sorted(found, key=lambda blob: -blob.strength)[:most]


def _strange(patch: Patch) -> tuple[_Field, _Field]:
    """(n, n) each: how far a cell is from water but for whitening, and the whitening, in the same spreads."""
    cell_m = patch.cell_m
    wet = patch.water > 0
    share = wet.astype(np.float32)
    bgr = patch.bgr.astype(np.float32)
    fine = cv2.GaussianBlur(bgr, (0, 0), max(_HEAD_M / cell_m, 0.6))
    around = _mean_near(bgr, share, _AROUND_M / cell_m)
    difference = (fine - around) * share[:, :, None]
    sample = difference[wet]
    typical = np.median(patch.bgr[wet].astype(np.float32), axis=0)
    to_white = np.maximum(_WHITE - typical, 20.0)
    to_white /= np.linalg.norm(to_white)
    covariance = _spread(sample)
    whitening = np.maximum(difference @ to_white, 0.0)
    rest = difference - whitening[:, :, None] * to_white
    inverse = np.linalg.inv(covariance).astype(np.float32)
    squared = np.einsum("ijk,ijk->ij", rest @ inverse, rest)
    calm = np.minimum(squared, 9.0)  # what is strange itself must not count as the water's roughness
    local = _mean_near(calm[:, :, None], share, _LOCAL_M / cell_m)[:, :, 0]
    usual = float(np.median(local[wet]))
    rough = np.maximum(local / max(usual, 0.2), 1.0)
    strangeness = np.sqrt(squared / rough) * share
    white_spread = float(np.sqrt(to_white @ covariance @ to_white))
    return strangeness.astype(np.float32), (whitening / white_spread).astype(np.float32)


def _spread(sample: _Field) -> FloatArray:
    """(3, 3): covariance of the water's colours about their local mean, of the three quarters nearest to it."""
    size = np.einsum("ij,ij->i", sample, sample)
    calm = sample[size <= np.quantile(size, 0.9)].astype(np.float64)
    covariance = calm.T @ calm / max(len(calm), 1)
    return covariance * 1.5 + np.eye(3) * _CODING_NOISE**2


def _mean_near(values: _Field, share: _Field, radius: float) -> _Field:
    """The mean of the water within about `radius` cells, on a coarse grid: large blurs are dear."""
    step = max(int(radius / 2.0), 1)
    size = (max(values.shape[1] // step, 4), max(values.shape[0] // step, 4))
    weighted = cv2.resize(values * share[:, :, None], size, interpolation=cv2.INTER_AREA)
    weights = cv2.resize(share, size, interpolation=cv2.INTER_AREA)
    weighted = cv2.GaussianBlur(weighted, (0, 0), radius / step).reshape(size[1], size[0], -1)
    weights = cv2.GaussianBlur(weights, (0, 0), radius / step)
    mean = weighted / np.maximum(weights, 1e-3)[:, :, None]
    full = (values.shape[1], values.shape[0])
    return cast("_Field", cv2.resize(mean, full, interpolation=cv2.INTER_LINEAR).reshape(values.shape))


def _disc(radius: float) -> NDArray[np.uint8]:
    cells = max(round(radius), 1)
    return cast("NDArray[np.uint8]", cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * cells + 1, 2 * cells + 1)))
