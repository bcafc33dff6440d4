"""One camera from encoded picture to FrameReport: decode, compare, detect, track, judge, tell, draw.

    EncodedFrame ─► HealthWatch ─► Background ─► Detector ─► Tracker ─► rules ─► Alert + TrackView ─► FrameReport

Pure work of the processor: no clock, no I/O (the evidence sink is given), and the same frames give the same reports.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import cv2
import numpy as np

from geofence.identity import uuid7
from geofence.position import Enu
from vision.alert import (
    Alert,
    AlertKind,
    CameraHealth,
    Evidence,
    FrameReport,
    PixelBox,
    TrackView,
    UncertainPosition,
)
from vision.background import Background, BackgroundConfig, Gray
from vision.camera import Camera
from vision.camera_health import ReferenceShelf, SightConfig, SightWatch
from vision.detect import DetectConfig, Detection, Detector
from vision.flood import FloodConfig, FloodWatch
from vision.frame import EncodedFrame
from vision.light import Light, LightConfig
from vision.looks import Looks, joined
from vision.picture import Picture
from vision.preview import annotated_jpeg
from vision.recognise import PersonBox
from vision.river_watch import RiverConfig, RiverWatch
from vision.rules.camera_fault import CameraFaultConfig, HealthChange, HealthWatch
from vision.rules.crossing import CrossingConfig, CrossingRule
from vision.rules.crowd import CrowdConfig, CrowdRule
from vision.rules.fall import FallConfig, FallRule
from vision.rules.finding import Finding
from vision.rules.left_behind import LeftBehindConfig, LeftBehindRule
from vision.rules.person_in_water import PersonInWaterConfig, PersonInWaterRule
from vision.rules.stopped import StoppedConfig, StoppedRule
from vision.rules.zone_entry import ZoneEntryConfig, ZoneEntryRule
from vision.scene import FIRST_FORESHORE, NOTHING, WATER, SceneContext, SceneModel
from vision.specks import Specks, SpecksConfig
from vision.steady import Steady, SteadyConfig
from vision.thresholds import with_thresholds
from vision.track import Track, TrackConfig, Tracker
from vision.upheaval import Upheaval, UpheavalConfig
from vision.verify import only_light, out_of_focus
from vision.water import WaterConfig, WaterContrast

EvidenceSink = Callable[[str, bytes], str | None]
"""Keeps a picture under the suggested name; answers its path relative to the evidence folder, or None."""

_MAX_GAP_S = 1.0  # a longer pause between frames teaches the background no faster than this
_SAMPLE_STEP = 8
_NEW_HITS = 10
_FALL_S = 1.6
_EDGE_M, _FALL_M, _ASIDE_M = 2.0, 6.0, 1.0


@dataclass(frozen=True)
class PipelineConfig:
    background: BackgroundConfig = field(default_factory=BackgroundConfig)
    steady: SteadyConfig = field(default_factory=SteadyConfig)
    light: LightConfig = field(default_factory=LightConfig)
    upheaval: UpheavalConfig = field(default_factory=UpheavalConfig)
    specks: SpecksConfig = field(default_factory=SpecksConfig)
    water: WaterConfig = field(default_factory=WaterConfig)
    flood: FloodConfig = field(default_factory=FloodConfig)
    river: RiverConfig = field(default_factory=RiverConfig)
    detect: DetectConfig = field(default_factory=DetectConfig)
    track: TrackConfig = field(default_factory=TrackConfig)
    zone_entry: ZoneEntryConfig = field(default_factory=ZoneEntryConfig)
    fall: FallConfig = field(default_factory=FallConfig)
    person_in_water: PersonInWaterConfig = field(default_factory=PersonInWaterConfig)
    crossing: CrossingConfig = field(default_factory=CrossingConfig)
    stopped: StoppedConfig = field(default_factory=StoppedConfig)
    left_behind: LeftBehindConfig = field(default_factory=LeftBehindConfig)
    crowd: CrowdConfig = field(default_factory=CrowdConfig)
    camera_fault: CameraFaultConfig = field(default_factory=CameraFaultConfig)
    sight: SightConfig = field(default_factory=SightConfig)


class CameraPipeline:
    """The life of one camera's analysis. Not thread-safe: one caller at a time."""

    def __init__(
        self,
        camera: Camera,
        scene: SceneModel,
        *,
        seed: int,
        preview_every_s: float = 1.0,
        evidence: EvidenceSink | None = None,
        config: PipelineConfig | None = None,
        looks: Looks | None = None,
        references: ReferenceShelf | None = None,
    ) -> None:
        cv2.setNumThreads(1)
        self.camera = camera
        self.scene = scene
        config = with_thresholds(config or PipelineConfig(), camera.thresholds)
        self._preview_every_s = preview_every_s
        self._evidence = evidence
        self._rng = np.random.default_rng([seed, zlib.crc32(camera.id.encode())])
        self._background = Background(config.background)
        self._steady = Steady(config.steady)
        self._light = Light(config.light)
        self._upheaval = Upheaval(config.upheaval)
        self._flood = FloodWatch(scene, config.flood)
        self._river = RiverWatch(scene, config.river)
        self._water = WaterContrast(config.water)
        self._detector = Detector(scene, config.detect)
        self._tracker = Tracker(scene, config.track)
        self._zone_entry = ZoneEntryRule(config.zone_entry)
        self._fall = FallRule(config.fall)
        self._in_water = PersonInWaterRule(config.person_in_water)
        self._crossing = CrossingRule(config.crossing)
        self._stopped = StoppedRule(config.stopped)
        self._left_behind = LeftBehindRule(config.left_behind)
        self._crowd = CrowdRule(scene, config.crowd)
        self._looks = looks or Looks.of(camera.detector)
        self._health = HealthWatch(config.camera_fault)
        self._sight = SightWatch(scene, config.sight, references)
        self._shown_s = config.track.shown_s
        self._origin: datetime | None = None
        self._last_s: float | None = None
        self._newest_s = 0.0
        self._preview_at_s = -1e9
        self._told: dict[int, AlertKind] = {}  # tracks that an alert is about
        self._top_row = 0
        self._specks: Specks | None = None
        self._specks_config = config.specks
        self._look_from_scene()

    @property
    def tracks(self) -> Sequence[Track]:
        return self._tracker.tracks

    @property
    def detector(self) -> Detector:
        return self._detector

    def set_context(self, context: SceneContext) -> None:
        """The water's level and the zones in force, from the service."""
        if self.scene.apply(context):
            self._look_from_scene()
            self._sight.scene_changed()
            self._river.look_anew()

    def _look_from_scene(self) -> None:
        seen = np.flatnonzero((self.scene.codes != NOTHING).any(axis=1))
        self._top_row = max(int(seen[0]) - 12, 0) if len(seen) else 0
        self._water_mask = (self.scene.codes[self._top_row :] == WATER).astype(np.uint8) * 255
        self._solid_mask = cast("Gray", cv2.bitwise_not(self._water_mask))
        codes = self.scene.codes[self._top_row :]
        self._dry_mask = cast(
            "Gray", cv2.bitwise_and(self._solid_mask, (codes < FIRST_FORESHORE).astype(np.uint8) * 255)
        )
        self._water_px = max(int(cv2.countNonZero(self._water_mask)), 1)
        if self._specks is None:
            self._specks = Specks(codes, self._specks_config)
        else:
            self._specks.look_at(codes)

    # --- frames

    def process(self, frame: EncodedFrame) -> FrameReport:
        """What one frame says. Undecodable data counts as a frame that did not come."""
        return self.process_picture(frame.at, Picture(data=frame.data))

    def process_picture(self, at: datetime, picture: Picture) -> FrameReport:
        """The same for a picture that may be decoded already."""
        lens = self.camera.lens
        gray = picture.gray((lens.width_px, lens.height_px))
        if gray is None:
            return self.note_missing(at, "the picture cannot be decoded")
        now_s = self._seconds(at)
        change = self._health.picture(gray[::_SAMPLE_STEP, ::_SAMPLE_STEP], now_s)
        changes = [] if change is None else [change]
        if not self._health.faulty:
            changes += self._sight.step(gray, now_s)
        alerts = [alert for one in changes for alert in self._fault_alerts(one, at, picture)]
        findings: list[Finding] = []
        if not self._health.faulty and not self._sight.blind:
            recognised = self._looks.search(picture, lens, now_s) if self._background.ready else []
            findings = self._river.step(gray, now_s) + self._look(gray[self._top_row :], now_s, recognised)
            self._looks.note(self._tracker.tracks, now_s)
        self._last_s = now_s
        views = self._views(now_s)
        for finding in findings:
            alerts.append(self._alert(finding, at, picture, views))
        preview = None
        if now_s - self._preview_at_s >= self._preview_every_s:
            self._preview_at_s = now_s
            preview = annotated_jpeg(picture, lens, views)
        health = self._health.health
        if health is CameraHealth.OK:
            health = self._sight.health
        if health is CameraHealth.OK and not self._background.ready:
            health = CameraHealth.STARTING
        reason = changes[-1].reason if changes else self._health.reason or self._sight.reason
        reason = reason or self._looks.trouble
        return FrameReport(
            camera_id=self.camera.id,
            at=at,
            health=health,
            health_reason=reason,
            alerts=tuple(alerts),
            tracks=views,
            water=self._river.reading(at, now_s),
            currents=self._river.currents(),
            preview_jpeg=preview,
        )

    def note_missing(self, at: datetime, why: str = "") -> FrameReport:
        """A frame was due and did not come. Call it about once a second while that lasts."""
        change = self._health.missing(self._seconds(at), why)
        alerts = self._fault_alerts(change, at, None)
        return FrameReport(
            camera_id=self.camera.id,
            at=at,
            health=self._health.health,
            health_reason=self._health.reason,
            alerts=tuple(alerts),
        )

    def _seconds(self, at: datetime) -> float:
        """Since the first picture. A clock set back does not turn time: the rules go on from where they were."""
        if self._origin is None:
            self._origin = at
        now_s = (at - self._origin).total_seconds()
        if now_s < self._newest_s:
            self._origin = at - timedelta(seconds=self._newest_s)
            now_s = self._newest_s
        self._newest_s = now_s
        return now_s

    def _look(self, gray: Gray, now_s: float, recognised: Sequence[PersonBox] = ()) -> list[Finding]:
        background = self._background
        dt_s = min(now_s - self._last_s, _MAX_GAP_S) if self._last_s is not None else 0.0
        as_lit = self._held(gray, now_s)
        gray = self._evened(as_lit, now_s)
        foreground = background.foreground(gray)
        if not background.ready:
            background.learn(gray, foreground, None, max(dt_s, 0.05))
            return []
        foreground = self._cleaned(gray, foreground, now_s, dt_s)
        if self._specks is not None and not self._specks.settled:
            background.learn(gray, foreground, None, dt_s)
            return []
        self._flood.step(background.changed(as_lit), self._top_row, now_s)
        if self._flood.restless:
            self._look_from_scene()
        wet = cv2.countNonZero(cv2.bitwise_and(foreground, self._water_mask)) / self._water_px
        changing = self._upheaval.step(foreground, self._dry_mask, self._known(gray), now_s)
        background.upheaved = changing and not self._flood.restless
        background.flooded = self._flood.restless or wet > background.config.flood_fraction
        dark, bright = self._water.split(gray, self._water_mask)
        counted = cv2.bitwise_and(foreground, cv2.bitwise_or(dark, self._solid_mask))
        pale = cv2.bitwise_and(foreground, bright)
        detections = self._detector.detect(cast("Gray", counted), cast("Gray", pale), self._top_row)
        if recognised:
            detections = joined(detections, self._detector.of_boxes([(p.x, p.y, p.w, p.h) for p in recognised]))
        rough = self._detector.rough or background.flooded
        self._tracker.step(
            detections,
            now_s,
            rough=rough,
            blind=background.upheaved,
            nothing=lambda found: found.code != WATER and self._is_nothing(gray, found),
            front=lambda point: self._flood.near_front(point, now_s),
            flooded=lambda point: self._flood.crossed(point, now_s),
        )
        for track in [t for t in self._tracker.tracks if t.on_foot and t.hits <= _NEW_HITS and t.hits % 3 == 1]:
            box = track.detection
            left, top = max(int(box.x) - 3, 0), max(int(box.y) - self._top_row - 3, 0)
            lower = int(box.y + box.h) - self._top_row + 3
            if background.forget_ghost(gray, (left, top, int(box.x + box.w) + 3, lower)):
                self._tracker.drop(track)
        background.learn(gray, foreground, self._known(gray), dt_s)
        if self._light.gain is not None:
            background.relight(self._light.gain, dt_s)
        findings = self._crowd.step(gray, self._top_row, now_s)
        findings += self._left_behind.step(detections, self._tracker.tracks, now_s)
        return findings + self._judge(self._tracker.tracks, now_s)

    def _held(self, gray: Gray, now_s: float) -> Gray:
        """The picture where the empty scene lies."""
        believed = self._background.picture
        if not self._background.ready or believed is None or believed.shape != gray.shape:
            return gray
        self._steady.choose(believed, self._solid_mask, now_s)
        return self._steady.held(gray, believed)

    def _evened(self, gray: Gray, now_s: float) -> Gray:
        """The picture in the light of the empty scene. A front turns whole blocks white, and that is not light."""
        believed = self._background.picture
        if not self._background.ready or believed is None or believed.shape != gray.shape:
            return gray
        readable = self._dry_mask if self._flood.stirring(now_s) else self._solid_mask
        return self._light.evened(gray, believed, readable)

    def _cleaned(self, gray: Gray, foreground: Gray, now_s: float, dt_s: float) -> Gray:
        """The foreground without rain and snow."""
        background, believed = self._background, self._background.picture
        assert self._specks is not None
        assert believed is not None
        known, below = self._known(gray), self._below(gray, now_s)
        return self._specks.clean(gray, believed, background.threshold, foreground, known, below, dt_s)

    def _is_nothing(self, gray: Gray, found: Detection) -> bool:
        """Light, or something on the glass."""
        believed = self._background.picture
        box = (found.x, found.y - self._top_row, found.w, found.h)
        return believed is not None and (only_light(gray, believed, box) or out_of_focus(gray, believed, box))

    def _below(self, gray: Gray, now_s: float) -> Gray:
        """Where a fall would take those who are at the wall's edge."""
        mask = np.zeros(gray.shape, np.uint8)
        for track in self._tracker.tracks:
            if track.confirmed and track.missing_s(now_s) <= _FALL_S and track.at_edge(_EDGE_M):
                box = track.detection
                aside, top = int(_ASIDE_M * box.px_per_m), max(int(box.y) - self._top_row, 0)
                bottom = max(top + int(box.h + _FALL_M * box.px_per_m), 0)
                mask[top:bottom, max(int(box.x) - aside, 0) : max(int(box.x + box.w) + aside, 0)] = 255
        return mask

    def _known(self, gray: Gray) -> Gray:
        """Under who is, or a moment ago was, seen there, and under what they left: nothing is learnt."""
        mask = np.zeros(gray.shape, np.uint8)
        seen = [track.detection for track in self._tracker.tracks if track.confirmed or track.hits >= 2]
        for box in [*seen, *self._left_behind.boxes]:
            margin = 2 + int(0.15 * box.h)
            top = int(box.y) - self._top_row
            mask[
                max(top - margin, 0) : max(top + int(box.h) + margin, 0),
                max(int(box.x) - margin, 0) : max(int(box.x + box.w) + margin, 0),
            ] = 255
        return mask

    def _judge(self, tracks: list[Track], now_s: float) -> list[Finding]:
        findings = self._zone_entry.step(tracks, self.scene, now_s)
        falls = self._fall.step(tracks, now_s)
        for finding in falls:
            if finding.track_id is not None:
                self._in_water.note_fall(finding.track_id, now_s)
        findings += falls
        findings += self._in_water.step(
            tracks, self._zone_entry.zones_of, lambda track: self._water_came(track, now_s), now_s,
            swift=self._flood.passed(now_s),
        )  # fmt: skip
        findings += self._crossing.step(tracks, self._zone_entry.zones_of, now_s)
        findings += self._stopped.step(tracks, self._zone_entry.zones_of, now_s)
        findings = [finding for finding in findings if self._in_range(finding)]
        alive = {track.id: track for track in tracks}
        self._told = {key: kind for key, kind in self._told.items() if key in alive}
        for finding in findings:
            if finding.track_id is not None:
                self._told[finding.track_id] = finding.kind
                if finding.kind in {AlertKind.FALL, AlertKind.PERSON_IN_WATER}:
                    alive[finding.track_id].casualty = True
        return findings

    def _in_range(self, finding: Finding) -> bool:
        """Beyond the camera's range nothing is told of people; a front is seen from afar."""
        if finding.kind is AlertKind.BORE_FRONT:
            return True
        return finding.position.distance_m(self.scene.projection.position) <= self.camera.range_m

    def _water_came(self, track: Track, now_s: float) -> bool:
        """Where the track last stood there is water now, by the picture."""
        stood = track.last_on_foot
        if stood is None:
            return False
        u, v = stood.detection.foot
        rows, columns = self.scene.codes.shape
        code = self.scene.codes[min(int(v), rows - 1), min(max(int(u), 0), columns - 1)]
        return code == WATER or self._flood.crossed(stood.detection.position, now_s)

    # --- what is said

    def _views(self, now_s: float) -> tuple[TrackView, ...]:
        views: list[TrackView] = []
        for track in self._tracker.tracks:
            if not (track.confirmed or track.casualty) or track.missing_s(now_s) > self._shown_s:
                continue
            if track.position.distance_m(self.scene.projection.position) > self.camera.range_m:
                continue
            zones = self._zone_entry.zones_of(track)
            told = self._told.get(track.id)
            box = track.detection
            views.append(
                TrackView(
                    track_id=track.id,
                    box=PixelBox(x=box.x, y=box.y, w=box.w, h=box.h),
                    surface=self.scene.surface_of(box.code),
                    position=self._degrees(track.position, track.sigma_m),
                    zone_ids=zones,
                    alerting=bool(zones) or (told is not None and told is not AlertKind.ZONE_ENTRY),
                )
            )
        return tuple(views)

    def _degrees(self, point: Enu, sigma_m: float) -> UncertainPosition:
        place = self.scene.projection.wgs84(point)
        return UncertainPosition(lat=place.lat, lon=place.lon, sigma_m=min(max(sigma_m, 0.1), 5000.0))

    def _alert(self, finding: Finding, at: datetime, picture: Picture, views: tuple[TrackView, ...]) -> Alert:
        identifier = uuid7(at, self._rng)
        snapshot = None
        if self._evidence is not None:
            jpeg = annotated_jpeg(picture, self.camera.lens, views, emphasised=finding.track_id)
            if jpeg is not None:
                snapshot = self._evidence(f"{identifier}.jpg", jpeg)
        return Alert(
            id=identifier,
            kind=finding.kind,
            camera_id=self.camera.id,
            at=at,
            position=self._degrees(finding.position, finding.sigma_m),
            track_id=finding.track_id,
            confidence=finding.confidence,
            evidence=Evidence(snapshot=snapshot),
            details=finding.details | ({"degraded": self._sight.reason} if self._sight.reason else {}),
        )

    def _fault_alerts(self, change: HealthChange | None, at: datetime, picture: Picture | None) -> list[Alert]:
        if change is None or not change.fault:
            return []
        identifier = uuid7(at, self._rng)
        jpeg = None if picture is None else picture.jpeg()
        snapshot = None if self._evidence is None or jpeg is None else self._evidence(f"{identifier}.jpg", jpeg)
        return [
            Alert(
                id=identifier,
                kind=AlertKind.CAMERA_FAULT,
                camera_id=self.camera.id,
                at=at,
                position=None,
                confidence=1.0,
                evidence=Evidence(snapshot=snapshot),
                details={"health": change.health.value, "reason": change.reason},
            )
        ]
