"""What is drawn on evidence: a box and its place round each person, and below the picture when, where and what.

The strip with the words is added below, so that no pixel of the scene is hidden by them.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

import cv2
import numpy as np

from vision.alert import Alert, TrackView
from vision.camera import Camera
from vision.picture import Bgr

_CALM, _ALARM, _SHADOW, _TEXT = (200, 200, 200), (60, 60, 240), (20, 20, 20), (235, 235, 235)
_LINE_PX = 18  # of a picture 640 wide
_FONT = 0.42
_LABEL_FONT = 0.38


def strip_height_px(width_px: int) -> int:
    """Even, as video wants it."""
    return 2 * round(_LINE_PX * _zoom(width_px)) + 8


def with_strip(bgr: Bgr) -> Bgr:
    height, width = bgr.shape[:2]
    out = np.full((height + strip_height_px(width), width, 3), 24, np.uint8)
    out[:height] = bgr
    return out


def draw(
    out: Bgr, camera: Camera, at: datetime, views: tuple[TrackView, ...], alert: Alert, *, others: int = 0
) -> None:
    """Draws on a picture made by `with_strip`. `others` more alerts share it."""
    width = out.shape[1]
    height = out.shape[0] - strip_height_px(width)
    scale, zoom = width / camera.lens.width_px, _zoom(width)
    thick = max(round(zoom), 1)
    for view in views:
        alarming = view.alerting or view.track_id == alert.track_id
        colour = _ALARM if alarming else _CALM
        left, top = int(view.box.x * scale) - 2, int(view.box.y * scale) - 2
        right = int((view.box.x + view.box.w) * scale) + 2
        bottom = min(int((view.box.y + view.box.h) * scale) + 2, height - 1)
        cv2.rectangle(out, (left, top), (right, bottom), colour, 2 * thick if alarming else thick)
        if alarming:
            label = f"#{view.track_id} {_place(view.position.lat, view.position.lon, view.position.sigma_m)}"
            (length, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, _LABEL_FONT * zoom, thick)
            at_px = (max(min(left, width - length - 4), 2), max(top - round(4 * zoom), round(11 * zoom)))
            _write(out, label, at_px, _LABEL_FONT * zoom, colour, thick, shadow=True)
    line = round(_LINE_PX * zoom)
    name = " ".join(dict.fromkeys(text for text in (camera.name.get("zh"), camera.name.get("en")) if text))
    when = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 100000} UTC"
    _write(
        out, f"{when}  {camera.id} {name}".rstrip(), (6, height + line - round(3 * zoom)), _FONT * zoom, _TEXT, thick
    )
    parts = [alert.kind.value]
    if alert.position is not None:
        parts.append(_place(alert.position.lat, alert.position.lon, alert.position.sigma_m))
    if alert.track_id is not None:
        parts.append(f"#{alert.track_id}")
    parts.append(f"alert {alert.at:%H:%M:%S} UTC")
    if others:
        parts.append(f"and {others} more")
    _write(out, "  ".join(parts), (6, height + 2 * line - round(3 * zoom)), _FONT * zoom, _TEXT, thick)


def _zoom(width_px: int) -> float:
    return min(max(width_px / 640.0, 0.75), 3.0)


def _place(lat: float, lon: float, sigma_m: float) -> str:
    return f"{lat:.6f}, {lon:.6f} ±{sigma_m:.1f} m"


def _write(
    out: Bgr,
    text: str,
    at: tuple[int, int],
    size: float,
    colour: tuple[int, int, int],
    thick: int,
    *,
    shadow: bool = False,
) -> None:
    if shadow:
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _SHADOW, thick + 2, cv2.LINE_AA)
    cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)


def even(bgr: Bgr) -> Bgr:
    """Cut to even sides, which the encoder wants; a picture of one pixel becomes two."""
    height, width = bgr.shape[:2]
    if height >= 2 and width >= 2:
        return bgr[: height // 2 * 2, : width // 2 * 2]
    return cast("Bgr", cv2.resize(bgr, (max(width // 2 * 2, 2), max(height // 2 * 2, 2))))
