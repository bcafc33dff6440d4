"""When the recogniser of a camera is asked, about what, and what its answers mean for the tracks.

A network is a thousand times dearer than a background model, so it looks at the whole picture every `every_s`, and in
crops at the few tracks it has not found there. What it finds becomes detections beside those of motion. A thing on
land that it has looked at often and never recognised is nobody.

The camera comes first: a look that raises or takes long is told in the camera's health, and the next one waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from vision.camera import DetectorFile, Lens
from vision.detect import Detection, Shape
from vision.errors import DetectorUnusable
from vision.onnx_detector import OnnxRecogniser, overlap
from vision.picture import Bgr, Picture
from vision.recognise import PersonBox, Recogniser
from vision.track import Track

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class LooksConfig:
    every_s: float = 1.0
    most_share: float = 0.35  # of the time that looks may take; a slow network is asked less often
    crops: int = 2  # tracks looked at closely each time
    least_px: float = 32.0  # of height in the camera's own picture: of who is smaller a no means nothing
    slow_s: float = 1.0  # a look that takes longer is told
    failures: int = 3  # in a row, then it is left alone for a while
    pause_s: float = 60.0
    same: float = 0.3  # overlap of two boxes about one person
    surely_same: float = 0.5
    inside: float = 0.7
    still: float = 0.7
    sure: float = 0.35


class Looks:
    """One camera's recogniser and its timetable. `trouble` is a sentence when it does not do its work."""

    def __init__(
        self,
        recogniser: Recogniser | None,
        config: LooksConfig | None = None,
        *,
        trouble: str = "",
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._recogniser = recogniser
        self._config = config or LooksConfig()
        self._stopwatch = stopwatch
        self._due_s = float("-inf")
        self._failed = 0
        self._bgr: Bgr | None = None  # of the look under way
        self._found: list[PersonBox] = []  # in the last look
        self._still: list[PersonBox] = []  # of those, where they had been a look before
        self._still_until_s = 0.0
        self._per_px = (1.0, 1.0)
        self._cost_s = 0.0
        self.trouble = trouble

    @classmethod
    def of(cls, detector: DetectorFile | None) -> Looks:
        """As the camera says. One that cannot be loaded is told in the camera's health, and the camera works on."""
        if detector is None:
            return cls(None)
        try:
            return cls(loaded(detector), LooksConfig(every_s=detector.every_s, sure=detector.min_confidence))
        except DetectorUnusable as error:
            return cls(None, trouble=f"no detector: {error}")

    def search(self, picture: Picture, lens: Lens, now_s: float) -> list[PersonBox]:
        """The people found in the whole picture, in the lens's pixels; between two looks, those who keep still."""
        self._bgr = None
        if self._recogniser is None:
            return []
        if now_s < self._due_s:
            return self._still if now_s <= self._still_until_s else []
        bgr = picture.bgr()
        if bgr is None:
            return []
        recogniser = self._recogniser
        answer = self._timed(lambda: recogniser.search(bgr), now_s)
        before, self._found, self._still = self._found, [], []
        if answer is None:
            return []
        self._bgr = bgr
        self._per_px = (bgr.shape[1] / lens.width_px, bgr.shape[0] / lens.height_px)
        wide, high = self._per_px
        self._found = [PersonBox(p.x / wide, p.y / high, p.w / wide, p.h / high, p.confidence) for p in answer]
        self._still = [p for p in self._found if any(overlap(p, was) >= self._config.still for was in before)]
        self._still_until_s = now_s + 1.5 * (self._due_s - now_s)
        return self._found

    def note(self, tracks: Sequence[Track], now_s: float) -> None:
        """After the tracks have moved on: who of those seen in this picture was recognised."""
        if self._bgr is None:
            return
        unknown: list[Track] = []
        for track in tracks:
            if track.missing_s(now_s) > 0.0 or not track.on_foot:
                continue
            here = _box_of(track.detection)
            if any(overlap(here, one) >= self._config.same for one in self._found):
                track.looked_at(now_s, recognised=True)
            elif track.detection.h * self._per_px[1] >= self._config.least_px:
                unknown.append(track)
        unknown.sort(key=lambda track: (track.recognised > 0, track.looks, track.id))
        self._closely(unknown[: self._config.crops], now_s)
        self._due_s = max(self._due_s, now_s + max(self._config.every_s, self._cost_s / self._config.most_share))
        self._bgr = None

    def _closely(self, tracks: list[Track], now_s: float) -> None:
        recogniser, bgr = self._recogniser, self._bgr
        if not tracks or recogniser is None or bgr is None:
            return
        wide, high = self._per_px
        boxes = [_box_of(track.detection) for track in tracks]
        boxes = [PersonBox(b.x * wide, b.y * high, b.w * wide, b.h * high, 0.0) for b in boxes]
        before_s = self._cost_s
        answer = self._timed(lambda: recogniser.verify(bgr, boxes), now_s)
        self._cost_s += before_s
        for track, sure in zip(tracks, answer or [None] * len(tracks), strict=True):
            if sure is not None:
                track.looked_at(now_s, recognised=sure >= self._config.sure)

    def _timed(self, look: Callable[[], _Answer], now_s: float) -> _Answer | None:
        recogniser, config = self._recogniser, self._config
        assert recogniser is not None
        begun_s = self._stopwatch()
        try:
            answer = look()
        except Exception as error:  # whatever a foreign network throws, the camera goes on
            self._cost_s = self._stopwatch() - begun_s
            self._failed += 1
            again_s = config.pause_s if self._failed >= config.failures else config.every_s
            self._due_s = now_s + max(again_s, self._cost_s / config.most_share)
            self.trouble = f"the detector {recogniser.name} fails: {str(error)[:200] or type(error).__name__}"
            return None
        self._failed = 0
        self._cost_s = self._stopwatch() - begun_s
        self._due_s = now_s + max(config.every_s, self._cost_s / config.most_share)
        self.trouble = ""
        if self._cost_s > config.slow_s:
            self.trouble = (
                f"the detector {recogniser.name} takes {self._cost_s:.1f} s a look and is asked every "
                f"{self._cost_s / config.most_share:.0f} s only"
            )
        return answer


def loaded(detector: DetectorFile) -> OnnxRecogniser:
    """Raises DetectorUnusable with a sentence."""
    return OnnxRecogniser(
        detector.model,
        style=detector.style,
        person_class=detector.person_class,
        min_confidence=detector.min_confidence,
        pixels=detector.pixels,
    )


def detector_problem(detector: DetectorFile) -> str | None:
    """Why it cannot be used; None when it can."""
    try:
        loaded(detector)
    except DetectorUnusable as error:
        return str(error)
    return None


def joined(
    motion: Sequence[Detection], seen: Sequence[Detection], config: LooksConfig | None = None
) -> list[Detection]:
    """What moves and what was recognised, each person once.

    Where both see the same, the moving thing's box stays (its foot jumps less) and is a person by the recogniser's
    word; pieces of somebody recognised are his.
    """
    config = config or LooksConfig()
    kept, new = list(motion), list[Detection]()
    for one in seen:
        box = _box_of(one)
        same = max(kept, key=lambda other: overlap(_box_of(other), box), default=None)
        if same is not None and overlap(_box_of(same), box) >= config.surely_same:
            if same.shape is Shape.PART and one.shape is Shape.PERSON:
                kept[kept.index(same)] = replace(same, shape=Shape.PERSON)
            continue
        kept = [other for other in kept if not (_inside(_box_of(other), box) >= config.inside)]
        new.append(one)
    return kept + new


def _box_of(detection: Detection) -> PersonBox:
    return PersonBox(detection.x, detection.y, detection.w, detection.h, 0.0)


def _inside(small: PersonBox, large: PersonBox) -> float:
    wide = min(small.x + small.w, large.x + large.w) - max(small.x, large.x)
    high = min(small.y + small.h, large.y + large.h) - max(small.y, large.y)
    return max(wide, 0.0) * max(high, 0.0) / max(small.w * small.h, 1e-6)
