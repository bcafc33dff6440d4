"""Makes the files of one alert from pictures in memory: draws, blurs, writes, hashes. Runs in threads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vision.alert import Alert, EvidenceUpdate, TrackView
from vision.blur import ClipBlur, PeopleFinder
from vision.camera import Camera
from vision.clip import Clip
from vision.errors import EvidenceUnwritable
from vision.evidence_drawing import draw, even, with_strip
from vision.evidence_file import Abandoned, ClipWriter, blurred_name, write_bytes
from vision.kept_frame import KeptFrame
from vision.picture import Bgr, Picture, encoded_jpeg

_QUALITY = 85


@dataclass(frozen=True, slots=True)
class SnapshotWork:
    camera: Camera
    alert: Alert
    picture: Picture
    views: tuple[TrackView, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return (self.alert,)


@dataclass(frozen=True, slots=True)
class ClipWork:
    camera: Camera
    clip: Clip

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return self.clip.alerts


def write_snapshot(work: SnapshotWork, folder: Path, finder: PeopleFinder) -> list[EvidenceUpdate]:
    """Raises EvidenceUnwritable."""
    alert = work.alert
    bgr = work.picture.bgr()
    if bgr is None:
        return not_kept(work, "the picture could not be decoded")
    frame = KeptFrame(alert.at, b"", work.views)
    name = f"{work.camera.id}/{alert.id}.jpg"
    hashes: dict[str, str] = {}
    for path, blurred in ((name, False), (blurred_name(name), True)):
        out = with_strip(_blurred([frame], work.camera, bgr, finder) if blurred else bgr)
        draw(out, work.camera, alert.at, work.views, alert)
        jpeg = encoded_jpeg(out, _QUALITY)
        if jpeg is None:
            raise EvidenceUnwritable(f"{path} cannot be encoded")
        hashes[path] = write_bytes(folder / path, jpeg)
    return [EvidenceUpdate(alert_id=alert.id, what="snapshot", path=name, sha256=hashes)]


def _blurred(frames: list[KeptFrame], camera: Camera, bgr: Bgr, finder: PeopleFinder) -> Bgr:
    copy = bgr.copy()
    ClipBlur(frames, camera.lens.width_px, finder).apply(0, copy)
    return copy


def write_clip(work: ClipWork, folder: Path, finder: PeopleFinder, abandoned: Abandoned) -> list[EvidenceUpdate]:
    """Raises EvidenceUnwritable, also when it is abandoned."""
    camera, clip = work.camera, work.clip
    if not clip.frames:
        return not_kept(work, clip.note or "no picture came")
    name = f"{camera.id}/{clip.alerts[0].id}.webm"
    length_s, hash_of_original = _write(work, folder / name, None, abandoned)
    try:
        _, hash_of_copy = _write(work, folder / blurred_name(name), finder, abandoned)
    except EvidenceUnwritable:
        (folder / name).unlink(missing_ok=True)
        raise
    hashes = {name: hash_of_original, blurred_name(name): hash_of_copy}
    begun = clip.frames[0].at
    return [
        EvidenceUpdate(
            alert_id=alert.id,
            what="clip",
            path=name,
            sha256=hashes,
            alert_s=round(min(max((alert.at - begun).total_seconds(), 0.0), length_s), 2),
            length_s=round(length_s, 2),
            note=clip.note,
        )
        for alert in clip.alerts
    ]


def _write(work: ClipWork, path: Path, finder: PeopleFinder | None, abandoned: Abandoned) -> tuple[float, str]:
    """The clip's length and hash; blurred where a finder is given."""
    camera, frames = work.camera, work.clip.frames
    blur = None if finder is None else ClipBlur(frames, camera.lens.width_px, finder)
    writer: ClipWriter | None = None
    alert = work.clip.alerts[0]
    try:
        for index, frame in enumerate(frames):
            if abandoned():
                raise EvidenceUnwritable(f"{path} was abandoned: the worker ends")
            bgr = Picture(data=frame.jpeg).bgr()
            if bgr is None:
                continue
            bgr = even(bgr)
            if blur is not None:
                blur.apply(index, bgr)
            out = with_strip(bgr)
            draw(out, camera, frame.at, frame.views, alert, others=len(work.clip.alerts) - 1)
            if writer is None:
                writer = ClipWriter(path, (out.shape[1], out.shape[0]), camera.analysis_fps)
            writer.add(out, (frame.at - frames[0].at).total_seconds())
        if writer is None:
            raise EvidenceUnwritable(f"{path} has no picture that can be decoded")
        digest = writer.close()
        return writer.length_s, digest
    finally:
        if writer is not None:
            writer.drop()


def not_kept(work: SnapshotWork | ClipWork, why: str) -> list[EvidenceUpdate]:
    what = "snapshot" if isinstance(work, SnapshotWork) else "clip"
    return [
        EvidenceUpdate(alert_id=alert.id, what=what, path=None, note=f"no {what}: {why}") for alert in work.alerts
    ]
