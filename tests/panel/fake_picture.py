"""Pictures for the scripted cameras: a bank, water, people as dots, and the boxes vision would draw."""

from __future__ import annotations

import cv2
import numpy as np

from vision.alert import PixelBox

WIDTH, HEIGHT = 640, 360
WALL_Y = 120


def picture(camera_id: str, seconds: float, boxes: list[tuple[PixelBox, bool]]) -> bytes:
    """A JPEG; red boxes alert, white ones are only followed."""
    rows = np.linspace(0.0, 1.0, HEIGHT)[:, None]
    columns = np.linspace(0.0, 1.0, WIDTH)[None, :]
    number = int(camera_id[-1])
    waves = 5.0 * np.sin(90 * rows**0.6 + 7 * columns + 1.3 * seconds + number) * rows
    water = np.stack([92 + waves + 30 * rows, 104 + waves + 26 * rows, 100 + waves + 22 * rows], axis=-1)
    image = np.broadcast_to(water, (HEIGHT, WIDTH, 3)).astype(np.uint8).copy()
    image[:50] = (186, 176, 168)
    image[50:WALL_Y] = (124, 128, 132)
    image[WALL_Y - 6 : WALL_Y] = (96, 98, 100)
    if camera_id in {"cam-1", "cam-2"}:
        image[WALL_Y:250] = (88, 100, 110)
    for box, alerting in boxes:
        left, top, right, bottom = int(box.x), int(box.y), int(box.x + box.w), int(box.y + box.h)
        middle = (left + right) // 2
        cv2.ellipse(
            image,
            (middle, (top + bottom) // 2),
            ((right - left) // 4, (bottom - top) // 2),
            0,
            0,
            360,
            (40, 44, 60),
            -1,
        )
        colour = (60, 60, 235) if alerting else (235, 235, 235)
        cv2.rectangle(image, (left - 3, top - 3), (right + 3, bottom + 3), colour, 2 if alerting else 1)
    encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert encoded
    return data.tobytes()
