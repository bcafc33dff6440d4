"""The picture for people: the frame with a box round everybody tracked. Colour means state and nothing else."""

from __future__ import annotations

import cv2

from vision.alert import Surface, TrackView
from vision.camera import Lens
from vision.picture import Bgr, Picture, encoded_jpeg

_CALM, _ALARM, _SHADOW = (200, 200, 200), (60, 60, 240), (20, 20, 20)
_QUALITY = 75


def annotate(picture: Bgr, views: tuple[TrackView, ...], emphasised: int | None = None) -> None:
    """Draws on the picture itself: grey boxes for people, red for those an alert is about."""
    for view in views:
        alarming = view.alerting or view.track_id == emphasised
        colour = _ALARM if alarming else _CALM
        margin = 3 if view.surface is Surface.WATER else 1
        left, top = int(view.box.x) - margin, int(view.box.y) - margin
        right, bottom = int(view.box.x + view.box.w) + margin, int(view.box.y + view.box.h) + margin
        cv2.rectangle(picture, (left, top), (right, bottom), colour, 2 if alarming else 1)
        if alarming:
            label = f"#{view.track_id} {view.surface.value}"
            at = (left, max(top - 4, 10))
            cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, _SHADOW, 3, cv2.LINE_AA)
            cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)


def annotated_jpeg(
    picture: Picture, lens: Lens, views: tuple[TrackView, ...], emphasised: int | None = None
) -> bytes | None:
    """The frame with boxes, in the lens's size; a camera's own bytes when there is nothing to draw."""
    size = (lens.width_px, lens.height_px)
    if not views:
        return picture.jpeg(size)
    bgr = picture.bgr(size)
    if bgr is None:
        return None
    annotate(bgr, views, emphasised)
    return encoded_jpeg(bgr, _QUALITY)
