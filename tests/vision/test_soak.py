"""Months in a minute: thousands of pictures, alerts and clips through one camera, and memory that stays flat."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import numpy as np

from tests.vision.clips import somebody_on_the_foreshore
from tests.vision.toy import BEGIN, FRAME, GEOMETRY, camera
from vision.alert import Alert, AlertKind
from vision.calibration import Projection
from vision.clip import ClipLimits
from vision.evidence_keeper import EvidenceKeeper
from vision.evidence_recorder import EvidenceRecorder
from vision.picture import Picture
from vision.pipeline import CameraPipeline
from vision.scene import SceneModel
from vision.vitals import VitalsWatch

_FRAMES, _ROUNDS = 400, 5
_MOST_GROWTH_BYTES = 400_000


def test_memory_stays_flat_over_thousands_of_pictures_and_a_storm_of_alerts(tmp_path: Path) -> None:
    pictures = [np.ascontiguousarray(np.dstack([one] * 3)) for one in somebody_on_the_foreshore(12.0)]
    pipeline = CameraPipeline(
        camera(), SceneModel(Projection(camera(), FRAME), GEOMETRY), seed=1, preview_every_s=5.0
    )
    keeper, vitals = EvidenceKeeper(tmp_path / "a file, no folder"), VitalsWatch()
    (tmp_path / "a file, no folder").write_bytes(b"")  # every write fails at once, and is told
    limits = ClipLimits(before_s=1.0, after_s=1.0, most_px=160)
    recorder = EvidenceRecorder(camera(), keeper, limits)
    grown: list[int] = []
    rng = np.random.default_rng(1)
    alerts = told = 0
    tracemalloc.start()
    try:
        for number in range(_FRAMES * _ROUNDS):
            at = BEGIN + timedelta(seconds=number / 5)
            picture = Picture(bgr=pictures[number % len(pictures)])
            report = pipeline.process_picture(at, picture)
            if number % 40 == 0:
                extra = Alert(
                    id=UUID(bytes=rng.bytes(16)), kind=AlertKind.FALL, camera_id="toy", at=at,
                    position=None, confidence=float(rng.random()),
                )  # fmt: skip
                report = report.model_copy(update={"alerts": (*report.alerts, extra)})
            alerts += len(report.alerts)
            told += len(recorder.hear(report, picture).evidence)
            vitals.looked(number / 5, number / 5 + 0.02, at, broken=False)
            if number % _FRAMES == _FRAMES - 1:
                gc.collect()
                grown.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        keeper.close(30.0)
    told += len(keeper.news("toy"))
    assert alerts >= 50
    assert told >= 2 * alerts - 4  # a snapshot and a clip each; those of the last seconds are still under way
    assert keeper.failures > 0
    assert max(grown[2:]) - grown[1] < _MOST_GROWTH_BYTES, grown
    assert recorder.held_bytes < limits.most_bytes
