"""A still with the calibration drawn over it, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from vision.camera import Lens
from vision.camera_fit_report import PointResidual
from vision.errors import OutputUnwritable, SourceMissing, SourceUnreadable
from vision.overlay import LineKind, OverlayLine
from vision.picture import Bgr

_COLOURS = {
    LineKind.GRID: (190, 190, 190),
    LineKind.RING: (255, 255, 255),
    LineKind.ZONE: (60, 150, 255),
    LineKind.CREST: (80, 230, 255),
}
_MARKED, _PROJECTED, _WRONG = (90, 230, 90), (255, 200, 60), (60, 60, 240)
_GRAY = 70
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def read_still(path: Path) -> Bgr:
    """Raises SourceMissing or SourceUnreadable."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceMissing(f"{path} cannot be read: {error.strerror or error}.") from None
    picture = None if not data else cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise SourceUnreadable(f"{path} is not a picture that can be read; give a JPEG or PNG still of the camera.")
    return cast("Bgr", picture)


def drawn(still: Bgr | None, lens: Lens, lines: Sequence[OverlayLine], points: Sequence[PointResidual] = ()) -> Bgr:
    """The lines over the still (gray without one): points marked as crosses, where they are computed to be as rings.

    Line and point are in pixels of `lens`; a larger still keeps its size.
    """
    if still is None:
        still = np.full((lens.height_px, lens.width_px, 3), _GRAY, np.uint8)
    picture = still.copy()
    scale = picture.shape[1] / lens.width_px
    size = max(picture.shape[1] / 1600, 0.35)
    for line in lines:
        pixels = np.round(np.array(line.points) * scale).astype(np.int32).reshape(-1, 1, 2)
        thick = 1 if line.kind in {LineKind.GRID, LineKind.RING} else 2
        cv2.polylines(
            picture, [pixels], isClosed=False, color=_COLOURS[line.kind], thickness=thick, lineType=cv2.LINE_AA
        )
    told: set[str] = set()
    for line in lines:
        if line.label and line.label not in told:
            told.add(line.label)
            u, v = line.points[len(line.points) // 2]
            _write(picture, line.label, (u * scale, v * scale), _COLOURS[line.kind], size)
    for point in points:
        colour = _MARKED if point.agrees else _WRONG
        marked = (round(point.u_px * scale), round(point.v_px * scale))
        put = (round((point.u_px - point.off_u_px) * scale), round((point.v_px - point.off_v_px) * scale))
        cv2.line(picture, marked, put, colour, 1, cv2.LINE_AA)
        cv2.drawMarker(picture, marked, colour, cv2.MARKER_CROSS, round(26 * size), 2, cv2.LINE_AA)
        cv2.circle(picture, put, round(10 * size), _PROJECTED if point.agrees else _WRONG, 1, cv2.LINE_AA)
        _write(
            picture,
            f"{point.name} {point.off_px:.1f} px",
            (marked[0] + 12 * size, marked[1] - 8 * size),
            colour,
            size,
        )
    return picture


def save_picture(path: Path, picture: Bgr) -> None:
    """Raises OutputUnwritable."""
    try:
        done, data = cv2.imencode(path.suffix or ".png", picture)
    except cv2.error:
        done, data = False, None
    if not done or data is None:
        raise OutputUnwritable(f"{path} cannot be drawn: name a .png or .jpg file.")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror or error}.") from None


def _write(picture: Bgr, text: str, at: tuple[float, float], colour: tuple[int, int, int], size: float) -> None:
    where = (min(max(round(at[0]), 2), picture.shape[1] - 8), min(max(round(at[1]), 12), picture.shape[0] - 4))
    cv2.putText(picture, text, where, _FONT, size, (20, 20, 20), 3, cv2.LINE_AA)
    cv2.putText(picture, text, where, _FONT, size, colour, 1, cv2.LINE_AA)
