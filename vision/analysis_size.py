"""At which size a camera's pictures are analysed: no larger than people at the end of its range need.

A 1080p main stream of a camera that watches 60 m shows people there 40 px tall; a quarter of its pixels tells the
same and costs a quarter. Boxes of the reports are in pixels of the lens that comes back.
"""

from __future__ import annotations

import math

from vision.camera import Camera

NEEDED_PX = 9.0
"""Height of a person at the end of the range; below about 7 px one cannot be told from noise (VISION.md §1.1)."""
_PERSON_M = 1.68
_LEAST_WIDTH_PX = 480
_DIVISORS = (4.0, 3.0, 2.5, 2.0, 1.6, 1.5)  # the largest that will do; whole ones are the cheapest to shrink by


def analysed(camera: Camera) -> Camera:
    """The camera with the lens to analyse through: its own, or a smaller one that sees the same."""
    lens = camera.lens
    focal_px = lens.width_px / 2 / math.tan(math.radians(lens.hfov_deg) / 2)
    person_px = _PERSON_M * focal_px / camera.range_m
    for divisor in _DIVISORS:
        width, height = lens.width_px / divisor, lens.height_px / divisor
        if (
            width.is_integer()
            and height.is_integer()
            and width >= _LEAST_WIDTH_PX
            and person_px / divisor >= NEEDED_PX
        ):
            smaller = lens.model_copy(update={"width_px": int(width), "height_px": int(height)})
            return camera.model_copy(update={"lens": smaller})
    return camera
