"""One camera's evidence: remembers its last seconds, and sees to it that each alert gets its snapshot and clip."""

from __future__ import annotations

from vision.alert import Alert, FrameReport
from vision.camera import Camera
from vision.clip import Clip, ClipCollector, ClipLimits
from vision.evidence_keeper import EvidenceKeeper
from vision.evidence_work import ClipWork, SnapshotWork
from vision.kept_frame import KeptFrame, kept_jpeg
from vision.picture import Picture


class EvidenceRecorder:
    """Hears every report of its camera, in order. Not thread-safe: one caller at a time."""

    def __init__(self, camera: Camera, keeper: EvidenceKeeper, limits: ClipLimits | None = None) -> None:
        self._camera, self._keeper = camera, keeper
        self._limits = limits or ClipLimits()
        self._collector = ClipCollector(self._limits)

    @property
    def held_bytes(self) -> int:
        return self._collector.held_bytes

    def hear(self, report: FrameReport, picture: Picture | None) -> FrameReport:
        """Takes a report and the picture it was made from; answers it with the evidence that is ready by now."""
        if picture is not None:
            jpeg = kept_jpeg(picture, self._limits.most_px)
            if jpeg is not None:
                self._collector.frame(KeptFrame(report.at, jpeg, report.tracks))
        for alert in report.alerts:
            self._begin(alert, report, picture)
        self._keep(self._collector.ended(report.at))
        news = self._keeper.news(self._camera.id)
        return report.model_copy(update={"evidence": (*report.evidence, *news)}) if news else report

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
