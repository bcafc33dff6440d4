"""A camera's figures: rates by time, percentiles by rank, drops only of what was due."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vision.toy import BEGIN
from vision.newest import NewestPicture
from vision.picture import Picture
from vision.vitals import EVERY_S, Delays, VitalsWatch


def test_percentiles_go_by_rank_and_only_the_last_pictures_count() -> None:
    delays = Delays()
    assert delays.percentile(50) is None
    for number in range(1000):
        delays.add(number / 1000)
    assert (delays.percentile(50), delays.percentile(95)) == (0.85, 0.985)
    delays.add(-1.0)  # a clock set back
    assert delays.percentile(0) == 0.0


def test_the_rate_is_that_of_the_last_minute_whatever_was_before() -> None:
    watch = VitalsWatch()
    for index in range(100):
        watch.looked(index / 5 - 0.1, index / 5, BEGIN, broken=False)
    for index in range(31):
        watch.looked(100 + 2 * index - 0.3, 100 + 2 * index, BEGIN, broken=False)
    watch.looked(160.0, 160.1, BEGIN, broken=True)
    vitals = watch.figures(160.0, dropped=3, disconnects=1)
    assert vitals.analysed_fps == pytest.approx(0.5)
    assert vitals.worker_p95_s == pytest.approx(0.3)
    assert (vitals.undecodable, vitals.dropped, vitals.disconnects) == (1, 3, 1)
    assert watch.figures(1000.0, dropped=0, disconnects=0).analysed_fps == 0.0


def test_figures_are_due_now_and_then() -> None:
    watch = VitalsWatch()
    assert [watch.due(second / 2) for second in range(9)] == [s in (0, 2 * EVERY_S, 4 * EVERY_S) for s in range(9)]


def test_only_a_picture_that_was_due_counts_as_dropped() -> None:
    newest = NewestPicture(period_s=1000.0)
    picture = Picture(bgr=np.zeros((1, 1, 3), np.uint8))
    newest.put(picture)
    assert newest.take(1e9) is not None
    for _ in range(5):  # before the next one is due: the camera is quicker than it is looked at
        newest.put(picture)
    assert newest.dropped == 0
    slow = NewestPicture(period_s=1e-9)
    for _ in range(5):  # each was due, nobody came
        slow.put(picture)
    assert slow.dropped == 4
