"""Looking without a calibration: people are tracked in the picture, nothing is known of places, zones or water.

So no rule about places can work. What remains is who is there, whether somebody falls down, and whether the camera
itself is well. Sizes are in the thing's own heights (vision/free_track.py, vision/rules/collapse.py); what the size
cannot say, the people detector compiled into OpenCV does, looking at one track a picture at most.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

import cv2
import numpy as np

from geofence.position import LatLon, LocalFrame
from vision.alert import AlertKind, FrameReport, PixelBox, Surface, TrackView
from vision.background import Gray
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.camera_health import SightConfig
from vision.commotion import Actor, Commotion, Moment
from vision.free_track import FreeTracker, Verdict, verdict
from vision.picture import Bgr, Picture
from vision.pipeline import CameraPipeline, EvidenceSink, PipelineConfig
from vision.recognise import HogRecogniser, PersonBox, Recogniser
from vision.rules.collapse import CollapseRule
from vision.rules.finding import Finding
from vision.scene import LAND, SceneGeometry, SceneModel

NOMINAL_HEIGHT_M = 4.0
"""The picture is taken to be this tall; a person may fill from a tenth of it to nearly all."""
_HFOV_DEG = 60.0
_LARGEST_PX = 480


class UncalibratedScene(SceneModel):
    """All of the picture is ground, and a "metre" is a share of its height.

    Sizes and places are nominal: good for telling who is who, worthless on a map.
    """

    def _draw(self) -> None:
        super()._draw()
        lens = self.projection.camera.lens
        shape = (lens.height_px, lens.width_px)
        self.codes = np.full(shape, LAND, np.uint8)
        self.px_per_m = np.full(shape, lens.height_px / NOMINAL_HEIGHT_M, np.float32)
        self.crest_px_per_m = self.px_per_m
        self.crest_offset_m = np.full(shape, -1e3, np.float32)


def uncalibrated_scene(width_px: int, height_px: int) -> UncalibratedScene:
    """For pictures of that size: a camera looking straight down, so high that a pixel is as wide as it should be."""
    shrink = min(1.0, _LARGEST_PX / max(width_px, height_px, 1))
    width_px, height_px = max(round(width_px * shrink), 64), max(round(height_px * shrink), 64)
    focal_px = width_px / 2 / np.tan(np.radians(_HFOV_DEG / 2))
    camera = Camera(
        id="uncalibrated",
        name={"en": "uncalibrated", "zh": "未标定"},
        stream="-",
        position=LatLon(lat=0.0, lon=0.0),
        height_amsl_m=float(focal_px * NOMINAL_HEIGHT_M / height_px),
        yaw_deg=0.0,
        pitch_deg=-90.0,
        lens=Lens(width_px=width_px, height_px=height_px, hfov_deg=_HFOV_DEG),
        range_m=1000.0,
    )
    return UncalibratedScene(Projection(camera, LocalFrame(camera.position)), SceneGeometry((), 0.0, -100.0))


_CONFIG = PipelineConfig(sight=SightConfig(references=False))
"""There is no calibration that a knock could spoil, and the camera may be held in a hand."""
_LOOKS_EACH = 16  # at one track; then it is known what it is
_LOOK_AGAIN_S = 0.35  # longer the more often it has been looked at
_LOOK_LONGER_S = 0.12
_LIKE = 0.6  # the recogniser's word for a person
_RECOGNISED_FOR_S = 4.0
_KEPT = 400
_FALLS_PX = 320  # the longer side of the picture in which falls are looked for
_BELONGS_S = 12.0
_SAMPLE = 6
_EVEN = 0.02  # of brightness: no more than this is left alone
_MOST_GAIN = 1.6
_ASK_AGAIN_S = 0.9
_LEAST_PX = 48  # of height in the camera's own picture, to be looked at
_PICTURES = 7  # looked at again for who fell
_AROUND = 0.35
_MAX_GAP_S = 1.0
_SURE, _UNSURE = 0.75, 0.6


class UncalibratedPipeline(CameraPipeline):
    """A camera of which nothing is known but its picture."""

    def __init__(
        self,
        width_px: int,
        height_px: int,
        *,
        preview_every_s: float = float("inf"),
        evidence: EvidenceSink | None = None,
        recogniser: Recogniser | None = None,
    ) -> None:
        scene = uncalibrated_scene(width_px, height_px)
        camera = scene.projection.camera
        super().__init__(camera, scene, seed=0, preview_every_s=preview_every_s, evidence=evidence, config=_CONFIG)
        self._larger = width_px / camera.lens.width_px
        self._smaller = min(1.0, _FALLS_PX / max(camera.lens.width_px, camera.lens.height_px))
        self._free = FreeTracker()
        self._commotion = Commotion()
        self._collapse = CollapseRule()
        self._recogniser = recogniser or HogRecogniser()
        self._verdicts: dict[int, Verdict] = {}
        self._recognised: dict[int, float] = {}  # actor: when
        self._known_since_s = float("inf")
        self._outside: Gray = np.zeros((1, 1), np.uint8)
        self._asked: dict[int, float] = {}  # actor: when last asked about a fall
        self._bgr: Bgr | None = None
        self._picture: Picture | None = None

    def verdict(self, track_id: int) -> Verdict | None:
        """Whether a track counts as a person, and why; also for a while after it has ended."""
        return self._verdicts.get(track_id)

    def people_now(self) -> int | None:
        """How many are seen now; None when there is too much going on to tell one from another."""
        if self._free.rough or len(self._free.tracks) >= self._free.config.most_tracks:
            return None
        return sum(self._verdicts[t.id].person for t in self._free.tracks if t.id in self._verdicts)

    def process_picture(self, at: datetime, picture: Picture) -> FrameReport:
        self._picture, self._bgr = picture, None
        try:
            return super().process_picture(at, picture)
        finally:
            self._picture = self._bgr = None

    def _look(self, gray: Gray, now_s: float, recognised: object = ()) -> list[Finding]:
        background = self._background
        dt_s = min(now_s - self._last_s, _MAX_GAP_S) if self._last_s is not None else 0.0
        small = cast("Gray", cv2.resize(gray, None, fx=self._smaller, fy=self._smaller, interpolation=cv2.INTER_AREA))
        self._commotion.step(small, now_s)
        if background.ready:
            gray = self._exposed_alike(gray)
        foreground = background.foreground(gray)
        if not background.ready:
            background.learn(gray, foreground, None, max(dt_s, 0.05))
        else:
            self._known_since_s = min(self._known_since_s, now_s)
            self._free.step(foreground, now_s)
            self._forget_ghosts(gray)
            covered = self._covered(gray, now_s)
            self._outside = cast("Gray", cv2.bitwise_not(covered))
            background.learn(gray, foreground, covered, dt_s)
        self._look_closely(now_s)
        falls = self._collapse.step(
            self._commotion,
            small,
            now_s,
            person=self._is_person,
            foreground=_shrunk(foreground, self._smaller) if background.ready else None,
            known_since_s=self._known_since_s,
        )
        findings: list[Finding] = []
        for fall in falls:
            lying = _enlarged(fall.lying, self._smaller)
            reason = f"upright, then down by {fall.dropped:.0%} of the height in {fall.took_s:.1f} s, and stays down"
            details = {
                "seen": "collapse",
                "surface": Surface.PROMENADE.value,
                "dropped_heights": round(fall.dropped, 2),
                "took_s": round(fall.took_s, 2),
                "box": [round(lying.x), round(lying.y), round(lying.w), round(lying.h)],
                "reason": reason,
            }
            sure = _SURE if self._known_since_s < fall.upright.at_s else _UNSURE
            position = self.scene.projection.position
            findings.append(Finding(AlertKind.FALL, position, 1.0, self._track_at(lying, now_s), sure, details))
        return findings

    def _exposed_alike(self, gray: Gray) -> Gray:
        """With the brightness of the empty scene: a camera turns its own up when somebody in black comes in."""
        believed = self._background.picture
        if believed is None or believed.shape != gray.shape:
            return gray
        now, then = (one[::_SAMPLE, ::_SAMPLE].astype(np.float32) for one in (gray, believed))
        outside = self._outside[::_SAMPLE, ::_SAMPLE] if self._outside.shape == gray.shape else np.ones_like(now)
        usable = (now > 20) & (now < 240) & (then > 20) & (then < 240) & (outside > 0)
        if np.count_nonzero(usable) < 0.1 * now.size:
            return gray
        gain = float(np.median(then[usable] / now[usable]))
        if abs(gain - 1.0) < _EVEN or not 1 / _MOST_GAIN < gain < _MOST_GAIN:
            return gray
        return cast("Gray", cv2.convertScaleAbs(gray, alpha=gain))

    def _covered(self, gray: Gray, now_s: float) -> Gray:
        mask = np.zeros(gray.shape, np.uint8)
        for track in self._free.tracks:
            told = self._verdicts.get(track.id)
            if told is not None and not told.person and now_s - track.born_s > _BELONGS_S:
                continue  # a thing that somebody has moved: part of the scene from now on
            margin = 2 + int(0.1 * track.h)
            mask[
                max(int(track.y) - margin, 0) : max(int(track.y + track.h) + margin, 0),
                max(int(track.x) - margin, 0) : max(int(track.x + track.w) + margin, 0),
            ] = 255
        return mask

    def _forget_ghosts(self, gray: Gray) -> None:
        for track in [t for t in self._free.tracks if t.hits <= 10 and t.hits % 3 == 1]:
            left, top = max(int(track.x) - 3, 0), max(int(track.y) - 3, 0)
            box = (left, top, int(track.x + track.w) + 3, int(track.y + track.h) + 3)
            if self._background.forget_ghost(gray, box):
                self._free.tracks.remove(track)

    # --- who is a person

    def _look_closely(self, now_s: float) -> None:
        """One look a picture: at a falling thing's beginnings before all, else at the track known least."""
        actors = [
            a
            for a in self._commotion.actors
            if a.last.at_s == now_s and a.last.h >= a.last.w and a.id not in self._recognised
        ]
        actors = [a for a in actors if a.last.h / self._smaller * self._larger >= _LEAST_PX]
        if not self._background.ready and actors:
            actor = max(actors, key=lambda a: a.last.pixels)
            self._look_at(actor, now_s)
            return
        due = [
            t
            for t in self._free.tracks
            if t.last_seen_s == now_s
            and t.h * self._larger >= _LEAST_PX
            and t.looks < _LOOKS_EACH
            and now_s - t.last_look_s >= _LOOK_AGAIN_S + _LOOK_LONGER_S * t.looks
        ]
        if due:
            track = min(due, key=lambda t: (t.looks, t.id))
            track.last_look_s = now_s
            like = self._like(track.x, track.y, track.w, track.h)
            if like >= 0.0:
                track.looks += 1
                track.likes.append(like)
        elif actors:
            actor = max(actors, key=lambda a: a.last.pixels)
            self._look_at(actor, now_s)
        alive = {actor.id for actor in self._commotion.actors}
        self._recognised = {key: at_s for key, at_s in self._recognised.items() if key in alive}
        for track in self._free.tracks:
            if track.confirmed:
                self._verdicts[track.id] = verdict(track, self._larger)
        while len(self._verdicts) > _KEPT:
            del self._verdicts[min(self._verdicts)]

    def _look_at(self, actor: Actor, now_s: float) -> None:
        box = _enlarged(actor.last, self._smaller)
        if self._like(box.x, box.y, box.w, box.h) >= _LIKE:
            self._recognised[actor.id] = now_s

    def _like(self, x: float, y: float, w: float, h: float) -> float:
        """How much a box of the analysed picture looks like a person; -1 when that cannot be told."""
        if self._bgr is None and self._picture is not None:
            self._bgr = self._picture.bgr()
        if self._bgr is None:
            return -1.0
        larger = self._bgr.shape[1] / self.camera.lens.width_px
        box = PersonBox(x * larger, y * larger, w * larger, h * larger, 0.0)
        answer = self._recogniser.verify(self._bgr, [box])[0]
        return -1.0 if answer is None else answer

    def _is_person(self, actor: Actor, moment: Moment) -> bool:
        """Recognised as it moved, or in the pictures before the fall, wherever in its box he was."""
        if actor.id in self._recognised:
            return True
        whole = _enlarged(moment, self._smaller)
        now_s = self._commotion.pixels[-1][0]
        if now_s - self._asked.get(actor.id, -1e9) < _ASK_AGAIN_S:
            return False
        self._asked[actor.id] = now_s
        if self._was_there(moment):
            self._recognised[actor.id] = now_s
            return True
        for track in self._free.tracks:
            beside = abs(track.x + track.w / 2 - whole.foot[0]) < 1.5 * max(track.w, whole.w)
            level = track.y < whole.y + whole.h and whole.y < track.y + track.h and whole.h > 0.4 * track.h
            if beside and level and (told := self._verdicts.get(track.id)) is not None and told.recognised:
                return True
        return False

    def _was_there(self, moment: Moment) -> bool:
        for step in range(_PICTURES):
            gray = self._commotion.before(moment.at_s + 0.4 - 0.3 * step)
            if gray is None:
                return False
            tall = max(moment.h, 0.3 * gray.shape[0])
            top, bottom = max(moment.y - _AROUND * tall, 0), moment.y + 1.6 * tall
            left, right = max(moment.x - tall, 0), moment.x + moment.w + tall
            piece = np.ascontiguousarray(gray[round(top) : round(bottom), round(left) : round(right)])
            for found in self._recogniser.search(cast("Bgr", cv2.cvtColor(piece, cv2.COLOR_GRAY2BGR))):
                across = left + found.x + found.w / 2
                if found.confidence >= _LIKE and abs(across - moment.foot[0]) < 0.5 * max(moment.w, found.w):
                    return True
        return False

    def _track_at(self, moment: Moment, now_s: float) -> int | None:
        near = [t for t in self._free.tracks if t.confirmed and t.missing_s(now_s) < 2.0]
        near = [t for t in near if t.x < moment.x + moment.w and t.x + t.w > moment.x]
        return min(near, key=lambda t: abs(t.x + t.w / 2 - moment.foot[0])).id if near else None

    def _views(self, now_s: float) -> tuple[TrackView, ...]:
        place = self._degrees(self.scene.projection.position, 5000.0)
        return tuple(
            TrackView(
                track_id=track.id,
                box=PixelBox(x=track.x, y=track.y, w=track.w, h=track.h),
                surface=Surface.PROMENADE,
                position=place,
                alerting=track.id in self._told,
            )
            for track in self._free.tracks
            if track.confirmed and track.missing_s(now_s) <= self._shown_s
        )


def _shrunk(mask: Gray, smaller: float) -> Gray:
    return cast("Gray", cv2.resize(mask, None, fx=smaller, fy=smaller, interpolation=cv2.INTER_NEAREST))


def _enlarged(moment: Moment, smaller: float) -> Moment:
    """In the pixels of the tracks."""
    k = 1.0 / smaller
    return Moment(moment.at_s, moment.x * k, moment.y * k, moment.w * k, moment.h * k, moment.pixels)
