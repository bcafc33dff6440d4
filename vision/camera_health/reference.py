"""How the unmoving part of the picture looks: tiles with corners in them, and a small whole picture for far searches.

Several references are kept, one for each light that was met; every one knows how far it is from the first, which was
taken when the calibration was. They travel as one .npz, with a fingerprint of the calibration that they belong to.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray
from vision.background import Gray
from vision.camera import Camera

TILE = 32  # with its search just under a size that correlates four times as fast as 40 would
SEARCH = 10
MARGIN = 7  # of a tile, where the blur meets its neighbours in the mosaic
_MOST_TILES = 20
_COLUMNS, _ROWS = 6, 4  # tiles are spread over these cells of the picture
_A_CELL = 2
_STEP = 16
_CORNER = 1e-4  # least eigenvalue of the mean gradient, of cv2.cornerMinEigenVal
_WIDTH = 640
_COARSE = 2


@dataclass(slots=True)
class Reference:
    corners: NDArray[np.int32]  # (n, 2) left and top of each tile
    tiles: Gray  # (n, TILE, TILE)
    energy: FloatArray  # (n,) fine gradients for the brightness
    ratio: FloatArray  # (n,) fine over coarse gradients
    small: Gray
    shift_px: FloatArray  # (3,): right, down, degrees clockwise, from the first reference
    trust: FloatArray = field(default_factory=lambda: np.zeros(0))  # (n,) how often the tile agreed

    @property
    def centres(self) -> FloatArray:
        return self.corners.astype(np.float64) + TILE / 2


def worked(gray: Gray) -> Gray:
    """The picture at the size in which it is compared."""
    height, width = gray.shape
    if width <= _WIDTH * 1.1:
        return gray
    return cast("Gray", cv2.resize(gray, (_WIDTH, round(height * _WIDTH / width)), interpolation=cv2.INTER_AREA))


def shrunk(picture: Gray) -> Gray:
    size = (picture.shape[1] // _COARSE, picture.shape[0] // _COARSE)
    return cast("Gray", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def take_reference(picture: Gray, solid: NDArray[np.bool_], shift_px: FloatArray, noise: float) -> Reference | None:
    """From a `worked` picture; `solid` is where nothing is water. None when too little in it has corners."""
    corners = _corners(picture, solid)
    if len(corners) < 4:
        return None
    tiles = cut(picture, corners)
    energy, ratio = energies(tiles, noise)
    return Reference(corners, tiles, energy, ratio, shrunk(picture), shift_px.copy(), np.full(len(corners), 0.5))


def cut(picture: Gray, corners: NDArray[np.int32]) -> Gray:
    return np.stack([picture[y : y + TILE, x : x + TILE] for x, y in corners.tolist()])


def energies(tiles: Gray, noise: float) -> tuple[FloatArray, FloatArray]:
    """Each tile's gradient energy for its brightness, and how much finer it is than after a blur.

    Blur takes the fine gradients first, less contrast takes all alike, less light neither. The sensor's noise (one
    sigma, grey levels) is taken off: Sobel's 3x3 has a gain of 12 for each direction.
    """
    count = len(tiles)
    mosaic = np.ascontiguousarray(tiles.transpose(1, 0, 2)).reshape(TILE, count * TILE)
    fine = _gradient_energy(mosaic, count) - 24.0 * noise * noise
    coarse = _gradient_energy(cast("Gray", cv2.GaussianBlur(mosaic, (13, 13), 2.5)), count)
    level = tiles.reshape(count, -1).mean(axis=1)
    fine = np.maximum(fine, 1e-3)
    return fine / np.square(level + 10.0), fine / (coarse + 20.0)


def _gradient_energy(mosaic: Gray, count: int) -> FloatArray:
    across = cv2.Sobel(mosaic, cv2.CV_16S, 1, 0)[MARGIN:-MARGIN].astype(np.float32)
    down = cv2.Sobel(mosaic, cv2.CV_16S, 0, 1)[MARGIN:-MARGIN].astype(np.float32)
    columns = (across * across + down * down).sum(axis=0).reshape(count, TILE)[:, MARGIN:-MARGIN]
    return columns.sum(axis=1).astype(np.float64) / (TILE - 2 * MARGIN) ** 2


def _corners(picture: Gray, solid: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The tiles best held in both directions, a few in each part of the picture."""
    height, width = picture.shape
    strength = cv2.boxFilter(cv2.cornerMinEigenVal(picture, 9), -1, (TILE, TILE))
    covered = cv2.boxFilter(solid.astype(np.float32), -1, (TILE, TILE))
    chosen: list[tuple[float, int, int, tuple[int, int]]] = []
    for top in range(SEARCH, height - TILE - SEARCH, _STEP):
        for left in range(SEARCH, width - TILE - SEARCH, _STEP):
            y, x = top + TILE // 2, left + TILE // 2
            if covered[y, x] > 0.97 and strength[y, x] > _CORNER:
                cell = (x * _COLUMNS // width, y * _ROWS // height)
                chosen.append((float(strength[y, x]), left, top, cell))
    chosen.sort(reverse=True)
    kept: list[tuple[int, int]] = []
    used: dict[tuple[int, int], int] = {}
    for _, left, top, cell in chosen:
        apart = all(abs(left - x) >= TILE or abs(top - y) >= TILE for x, y in kept)
        if apart and used.get(cell, 0) < _A_CELL and len(kept) < _MOST_TILES:
            kept.append((left, top))
            used[cell] = used.get(cell, 0) + 1
    return np.array(kept, np.int32).reshape(-1, 2)


def fingerprint(camera: Camera) -> str:
    """Of the calibration: when it changes, the old references mean nothing any more."""
    values = camera.model_dump_json(include={"position", "height_amsl_m", "yaw_deg", "pitch_deg", "roll_deg", "lens"})
    return hashlib.sha256(values.encode()).hexdigest()


def packed(references: Sequence[Reference], camera: Camera) -> bytes:
    arrays: dict[str, Any] = {"fingerprint": np.array(fingerprint(camera)), "count": np.array(len(references))}
    for index, one in enumerate(references):
        for name in _FIELDS:
            arrays[f"{name}{index}"] = getattr(one, name)
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def unpacked(data: bytes | None, camera: Camera) -> list[Reference]:
    """Nothing when the bytes are damaged or of another calibration."""
    if not data:
        return []
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            if str(file["fingerprint"]) != fingerprint(camera):
                return []
            references = [
                Reference(**{name: file[f"{name}{index}"] for name in _FIELDS}) for index in range(int(file["count"]))
            ]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        return []
    return references if all(one.tiles.shape[1:] == (TILE, TILE) for one in references) else []


_FIELDS = ("corners", "tiles", "energy", "ratio", "small", "shift_px", "trust")
