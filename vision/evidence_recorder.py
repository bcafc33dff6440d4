"""One camera's evidence: remembers its last seconds, and sees to it that each alert gets its snapshot and clip."""

from __future__ import annotations

from datetime import datetime

from vision.alert import Alert, FrameReport
from vision.camera import Camera
from vision.clip import Clip, ClipCollector, ClipLimits
from vision.evidence_keeper import EvidenceKeeper
from vision.evidence_work import ClipWork, SnapshotWork
from vision.kept_frame import KeptFrame, kept_jpeg
from vision.picture import Picture

_CALM_PERIOD_S = 0.5


class EvidenceRecorder:
    """Hears every report of its camera, in order. Not thread-safe: one caller at a time."""

    def __init__(self, camera: Camera, keeper: EvidenceKeeper, limits: ClipLimits | None = None) -> None:
        self._camera, self._keeper = camera, keeper
        self._limits = limits or ClipLimits()
        self._collector = ClipCollector(self._limits)
        self._kept_at: datetime | None = None

    @property
    def failures(self) -> int:
        """Of the whole worker: what it could not keep."""
        return self._keeper.failures

    @property
    def held_bytes(self) -> int:
        return self._collector.held_bytes

    def hear(self, report: FrameReport, picture: Picture | None) -> FrameReport:
        """Takes a report and the picture it was made from; answers it with the evidence that is ready by now."""
        if picture is not None and self._wanted(report):
            self._kept_at = report.at
            jpeg = kept_jpeg(picture, self._camera.lens, self._limits.most_px)
            if jpeg is not None:
                self._collector.frame(KeptFrame(report.at, jpeg, report.tracks))
        for alert in report.alerts:
            self._begin(alert, report, picture)
        self._keep(self._collector.ended(report.at))
        news = self._keeper.news(self._camera.id)
        return report.model_copy(update={"evidence": (*report.evidence, *news)}) if news else report

    def _wanted(self, report: FrameReport) -> bool:
        """While nobody is there a picture now and then will do, best one that is encoded for the panel anyway."""
        if report.tracks or report.alerts or self._collector.is_open or self._kept_at is None:
            return True
        since_s = (report.at - self._kept_at).total_seconds()
        return report.preview_jpeg is not None or not 0.0 <= since_s < _CALM_PERIOD_S

    def _begin(self, alert: Alert, report: FrameReport, picture: Picture | None) -> None:
        if picture is not None:
            self._keeper.keep(SnapshotWork(self._camera, alert, picture, report.tracks))
        self._collector.alert(alert, report.at)

    def cut(self, why: str) -> None:
        """The camera is looked at no more: what there is becomes the clip."""
        self._keep(self._collector.cut(why))

    def _keep(self, clip: Clip | None) -> None:
        if clip is not None:
            self._keeper.keep(ClipWork(self._camera, clip))
