"""Is there something, or has only the light changed there? A second look at a candidate before anybody is begun.

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
