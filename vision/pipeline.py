"""One camera from encoded picture to FrameReport: decode, compare, detect, track, judge, tell, draw.

    EncodedFrame ─► HealthWatch ─► Background ─► Detector ─► Tracker ─► rules ─► Alert + TrackView ─► FrameReport

Pure work of the processor: no clock, no I/O (the evidence sink is given), and the same frames give the same reports.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
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
from vision.detect import DetectConfig, Detector
from vision.flood import FloodConfig, FloodWatch
from vision.frame import EncodedFrame
from vision.picture import Picture
from vision.preview import annotated_jpeg
from vision.rules.camera_fault import CameraFaultConfig, HealthChange, HealthWatch
from vision.rules.crossing import CrossingConfig, CrossingRule
from vision.rules.crowd import CrowdConfig, CrowdRule
from vision.rules.fall import FallConfig, FallRule
from vision.rules.finding import Finding
from vision.rules.left_behind import LeftBehindConfig, LeftBehindRule
from vision.rules.person_in_water import PersonInWaterConfig, PersonInWaterRule
from vision.rules.stopped import StoppedConfig, StoppedRule
from vision.rules.zone_entry import ZoneEntryConfig, ZoneEntryRule
from vision.scene import NOTHING, WATER, SceneContext, SceneModel
from vision.thresholds import with_thresholds
from vision.track import Track, TrackConfig, Tracker
from vision.water import WaterConfig, WaterContrast

EvidenceSink = Callable[[str, bytes], str | None]
"""Keeps a picture under the suggested name; answers its path relative to the evidence folder, or None."""

_MAX_GAP_S = 1.0  # a longer pause between frames teaches the background no faster than this
_SAMPLE_STEP = 8
_NEW_HITS = 10


@dataclass(frozen=True)
class PipelineConfig:
    background: BackgroundConfig = field(default_factory=BackgroundConfig)
    water: WaterConfig = field(default_factory=WaterConfig)
    flood: FloodConfig = field(default_factory=FloodConfig)
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
    ) -> None:
        cv2.setNumThreads(1)
        self.camera = camera
        self.scene = scene
        config = with_thresholds(config or PipelineConfig(), camera.thresholds)
        self._preview_every_s = preview_every_s
        self._evidence = evidence
        self._rng = np.random.default_rng([seed, zlib.crc32(camera.id.encode())])
        self._background = Background(config.background)
        self._flood = FloodWatch(scene, config.flood)
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
        self._health = HealthWatch(config.camera_fault)
        self._shown_s = config.track.shown_s
        self._origin: datetime | None = None
        self._last_s: float | None = None
        self._newest_s = 0.0
        self._preview_at_s = -1e9
        self._told: dict[int, AlertKind] = {}  # tracks that an alert is about
        self._top_row = 0
        self._look_from_scene()

    def set_context(self, context: SceneContext) -> None:
        """The water's level and the zones in force, from the service."""
        if self.scene.apply(context):
            self._look_from_scene()

    def _look_from_scene(self) -> None:
        seen = np.flatnonzero((self.scene.codes != NOTHING).any(axis=1))
        self._top_row = max(int(seen[0]) - 12, 0) if len(seen) else 0
        self._water_mask = (self.scene.codes[self._top_row :] == WATER).astype(np.uint8) * 255
        self._solid_mask = cast("Gray", cv2.bitwise_not(self._water_mask))
        self._water_px = max(int(cv2.countNonZero(self._water_mask)), 1)

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
        alerts = self._fault_alerts(change, at, picture)
        findings: list[Finding] = []
        if not self._health.faulty:
            findings = self._look(gray[self._top_row :], now_s)
        self._last_s = now_s
        views = self._views(now_s)
        for finding in findings:
            alerts.append(self._alert(finding, at, picture, views))
        preview = None
        if now_s - self._preview_at_s >= self._preview_every_s:
            self._preview_at_s = now_s
            preview = annotated_jpeg(picture, lens, views)
        health = self._health.health
        if health is CameraHealth.OK and not self._background.ready:
            health = CameraHealth.STARTING
        reason = change.reason if change is not None else self._health.reason
        return FrameReport(
            camera_id=self.camera.id,
            at=at,
            health=health,
            health_reason=reason,
            alerts=tuple(alerts),
            tracks=views,
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

    def _look(self, gray: Gray, now_s: float) -> list[Finding]:
        background = self._background
        dt_s = min(now_s - self._last_s, _MAX_GAP_S) if self._last_s is not None else 0.0
        foreground = background.foreground(gray)
        if not background.ready:
            background.learn(gray, foreground, None, max(dt_s, 0.05))
            return []
        findings = self._flood.step(foreground, self._top_row, now_s)
        if self._flood.restless:
            self._look_from_scene()
        wet = cv2.countNonZero(cv2.bitwise_and(foreground, self._water_mask)) / self._water_px
        background.flooded = self._flood.restless or wet > background.config.flood_fraction
        dark, bright = self._water.split(gray, self._water_mask)
        counted = cv2.bitwise_and(foreground, cv2.bitwise_or(dark, self._solid_mask))
        pale = cv2.bitwise_and(foreground, bright)
        detections = self._detector.detect(cast("Gray", counted), cast("Gray", pale), self._top_row)
        rough = self._detector.rough or background.flooded
        self._tracker.step(
            detections,
            now_s,
            rough=rough,
            front=lambda point: self._flood.near_front(point, now_s),
            flooded=lambda point: self._flood.crossed(point, now_s),
        )
        for track in [t for t in self._tracker.tracks if t.on_foot and t.hits <= _NEW_HITS and t.hits % 3 == 1]:
            box = track.detection
            left, top = max(int(box.x) - 3, 0), max(int(box.y) - self._top_row - 3, 0)
            lower = int(box.y + box.h) - self._top_row + 3
            if background.forget_ghost(gray, (left, top, int(box.x + box.w) + 3, lower)):
                self._tracker.drop(track)
        background.learn(gray, foreground, self._protected(gray, now_s), dt_s)
        findings += self._crowd.step(foreground, self._top_row, now_s)
        findings += self._left_behind.step(detections, self._tracker.tracks, now_s)
        return findings + self._judge(self._tracker.tracks, now_s)

    def _protected(self, gray: Gray, now_s: float) -> Gray:
        """Where nothing may be learnt: under who is, or a moment ago was, seen there, and under what they left."""
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
            tracks, self._zone_entry.zones_of, lambda track: self._water_came(track, now_s), now_s
        )
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
            details=finding.details,
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
