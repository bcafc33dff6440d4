"""Is there something, or only light or dirt on the glass? A second look at a candidate before anybody is begun.

Light scales what is there and runs evenly: within a box and a margin about it, the picture is then some share of the
empty scene plus a slope. A body covers part of the box and has an outline, which no share and no slope explains. So
the picture is fitted by what light can do, and what remains is held against what has changed at all.
"""

from __future__ import annotations

import numpy as np

from vision.background import Gray

_MARGIN = 0.35  # of the box, on each side, at least _MARGIN_PX
_MARGIN_PX = 3
_REMAINS = 0.45  # of the change; a soft shadow's edge leaves a quarter, a body four fifths
_MOST_PIXELS = 900
_LEAST_SHARP_PX = 8
_SHARP = 0.22  # of the contrast from one pixel to the next; a body has a third and more, a drop an eighth


def only_light(gray: Gray, believed: Gray, box: tuple[float, float, float, float]) -> bool:
    """Whether light alone explains what differs in the box (left, top, width, height)."""
    rows, columns = gray.shape
    left, top, wide, tall = box
    aside, above = max(_MARGIN * wide, _MARGIN_PX), max(_MARGIN * tall, _MARGIN_PX)
    x0, x1 = max(int(left - aside), 0), min(int(left + wide + aside) + 1, columns)
    y0, y1 = max(int(top - above), 0), min(int(top + tall + above) + 1, rows)
    step = max(1, int(np.sqrt((x1 - x0) * (y1 - y0) / _MOST_PIXELS)))
    seen = gray[y0:y1:step, x0:x1:step].astype(np.float64)
    was = believed[y0:y1:step, x0:x1:step].astype(np.float64)
    if seen.size < 12:
        return False
    changed = seen - was
    total = float(np.sqrt(np.mean(changed**2)))
    if total < 1.0:
        return True
    across, down = np.meshgrid(np.linspace(-1, 1, seen.shape[1]), np.linspace(-1, 1, seen.shape[0]))
    terms = np.column_stack([was.ravel(), np.ones(seen.size), across.ravel(), down.ravel()])
    told, *_ = np.linalg.lstsq(terms, seen.ravel(), rcond=None)
    remains = seen.ravel() - terms @ told
    return float(np.sqrt(np.mean(remains**2))) < _REMAINS * total


def out_of_focus(gray: Gray, believed: Gray, box: tuple[float, float, float, float]) -> bool:
    """Whether it is on the glass: a drop, an insect. What is as far off as people are has a sharp outline."""
    left, top, wide, tall = box
    if min(wide, tall) < _LEAST_SHARP_PX:
        return False  # too small to tell
    rows, columns = gray.shape
    y0, y1 = max(int(top) - _MARGIN_PX, 0), min(int(top + tall) + _MARGIN_PX, rows)
    x0, x1 = max(int(left) - _MARGIN_PX, 0), min(int(left + wide) + _MARGIN_PX, columns)
    changed = gray[y0:y1, x0:x1].astype(np.float32) - believed[y0:y1, x0:x1]
    contrast = float(np.percentile(np.abs(changed), 90))
    steepest = max(float(np.percentile(np.abs(np.diff(changed, axis=axis)), 94)) for axis in (0, 1))
    return steepest < _SHARP * contrast
