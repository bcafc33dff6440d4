"""One drone's eye: a picture and the telemetry that goes with it in, who is seen on the water out.

    picture ──► pose at its time ──► patch of water about the expected place ──► strange blobs ──► tracks ──► report
                     │                          ▲
                refused: no telemetry      AerialContext: water level, where the person is reckoned to be, lifebuoy

Nothing is followed in pixels. The report is the same as a bank camera's, so that whoever hears it needs to know
nothing of drones; the track it takes for the person it was sent to is the one that is `alerting`.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from geofence.position import Enu, LocalFrame
from vision.aerial.anomaly import blobs
from vision.aerial.camera import DroneCamera
from vision.aerial.georeference import AerialProjection
from vision.aerial.patch import laid
from vision.aerial.pose import PoseSigmas, PoseTrack
from vision.aerial.shore import Shore
from vision.aerial.track import AerialTrack, AerialTracker, Sighting
from vision.alert import CameraHealth, FrameReport, PixelBox, Surface, TrackView, UncertainPosition
from vision.errors import PoseUnknown
from vision.frame import EncodedFrame
from vision.picture import Bgr, Picture
from vision.preview import annotated_jpeg
from vision.scene import SceneGeometry

_LEAST_HALF_M, _MOST_HALF_M = 9.0, 45.0
_WINDOW_SIGMAS = 3.0
_BESIDE_M = 5.0
_DRY_MARGIN_M = 1.0
_WATER_SIGMA_M = 0.4  # of the forecast level
_TOLD_CONFIDENCE = 0.25
_TOLD_SHARE = 0.5  # of the pictures that could show it
_TOLD_SIGMA_M = 12.0  # what is less sure than this says nothing: flat rays, from far away
_SURE_CONFIDENCE = 0.5  # from here on it is somebody even where nobody was expected
_EXPECTED_SIGMAS = 3.5
_BUOY_WITHIN_M = 5.0
_BODY_M = 1.2
_DARK = 12.0


@dataclass(frozen=True, slots=True)
class AerialContext:
    """What the service tells an eye while it looks."""

    at: datetime
    water_amsl_m: float
    expected: Enu | None = None  # where the person is reckoned to be, at that time
    sigma_m: float = 30.0
    drift: Enu = Enu(0.0, 0.0)  # noqa: RUF009  frozen; of the person, m/s; of the water when nobody is expected
    lifebuoy: Enu | None = None  # where one met the water

    def expected_at(self, at: datetime) -> Enu | None:
        if self.expected is None:
            return None
        return self.expected + self.drift.scaled((at - self.at).total_seconds())


@dataclass(frozen=True, slots=True)
class Seen:
    """One track for whoever wants more than a report says."""

    track_id: int
    place: Enu
    sigma_m: float
    confidence: float
    is_casualty: bool


class DroneEye:
    """Pictures of one drone's camera, one after the other. Context and telemetry may come from another thread."""

    def __init__(
        self,
        camera_id: str,
        camera: DroneCamera,
        frame: LocalFrame,
        geometry: SceneGeometry,
        *,
        preview_every_s: float = 1.0,
    ) -> None:
        self.id = camera_id
        self.camera = camera
        self.poses = PoseTrack(frame, PoseSigmas.of(camera))
        self.seen: tuple[Seen, ...] = ()
        self._frame = frame
        self._shore = Shore(geometry)
        self._tracker = AerialTracker()
        self._preview_every_s = preview_every_s
        self._preview_at: datetime | None = None
        self._lock = threading.Lock()
        self._context: AerialContext | None = None
        self._casualty: int | None = None
        self._last_at: datetime | None = None

    def set_context(self, context: AerialContext) -> None:
        with self._lock:
            self._context = context

    def process(self, frame: EncodedFrame) -> FrameReport:
        return self.process_picture(frame.at, Picture(data=frame.data))

    def process_picture(self, at: datetime, picture: Picture) -> FrameReport:
        """`at`: when it arrived. The report's time is when it was taken."""
        taken = at - timedelta(seconds=self.camera.latency_s)
        with self._lock:
            context = self._context
        bgr = picture.bgr()
        lens = self.camera.lens
        if bgr is None:
            return self._blind(taken, CameraHealth.LOST, "the picture cannot be decoded")
        if bgr.shape[:2] != (lens.height_px, lens.width_px):
            said = f"the picture is {bgr.shape[1]} x {bgr.shape[0]}, the site says {lens.width_px} x {lens.height_px}"
            return self._blind(taken, CameraHealth.LOST, said)
        if float(bgr.mean()) < _DARK:
            return self._blind(taken, CameraHealth.DARK, "the picture is black", picture)
        if context is None:
            return self._blind(taken, CameraHealth.STARTING, "not told of the water yet", picture)
        if self._last_at is not None and taken <= self._last_at:
            return self._blind(taken, CameraHealth.OK, "a picture out of order is left out")
        self._last_at = taken
        try:
            view = AerialProjection(lens, self.poses.pose_at(taken))
        except PoseUnknown as error:
            return self._blind(taken, CameraHealth.STARTING, str(error), picture)
        tracks = self._look(taken, bgr, view, context)
        self._casualty = _casualty(tracks, context, taken)
        views = tuple(self._view(track, view, context) for track in tracks if self._is_told(track))
        self.seen = tuple(
            Seen(t.id, t.place, t.sigma_m, t.confidence, t.id == self._casualty)
            for t in tracks
            if t.hit and _is_somebody(t)
        )
        return FrameReport(
            camera_id=self.id,
            at=taken,
            health=CameraHealth.OK,
            tracks=views,
            preview_jpeg=self._preview(taken, picture, views),
        )

    def note_missing(self, at: datetime, reason: str) -> FrameReport:
        """No picture came."""
        return self._blind(at, CameraHealth.LOST, reason)

    def _look(self, at: datetime, bgr: Bgr, view: AerialProjection, context: AerialContext) -> list[AerialTrack]:
        """Finds what floats near the expected place, or in the middle of the picture, and follows it."""
        level = context.water_amsl_m
        window = self._window(at, view, context)
        sightings: list[Sighting] = []
        if window is not None:
            patch = laid(bgr, view, self._shore, window[0], window[1], level, _DRY_MARGIN_M)
            known = [t.place for t in self._tracker.tracks if t.confirmed]  # where they were; a picture is soon
            for blob in [] if patch is None else blobs(patch, known):
                pixel = view.pixels(np.array([[blob.place.east_m, blob.place.north_m]]), level)
                where = view.plane(pixel, level, plane_sigma_m=_WATER_SIGMA_M)
                if not np.isnan(where.enu).any():
                    sightings.append(Sighting(blob, where.random[0], where.systematic[0]))
        shows = [view.shows(track.place, level) for track in self._tracker.tracks]
        tracks = self._tracker.update(at, sightings, context.drift, shows)
        if context.lifebuoy is not None:
            afloat_s = (at - context.at).total_seconds()
            buoy = context.lifebuoy + context.drift.scaled(afloat_s)
            for track in tracks:
                near = track.place.distance_m(buoy) <= _BUOY_WITHIN_M
                track.is_buoy = track.id != self._casualty and track.orange > 0.5 and near
        return tracks

    def _window(self, at: datetime, view: AerialProjection, context: AerialContext) -> tuple[Enu, float] | None:
        """Middle and half width of the water that is looked at."""
        expected = context.expected_at(at)
        if expected is not None:
            half_m = min(max(_WINDOW_SIGMAS * context.sigma_m + _BESIDE_M, _LEAST_HALF_M), _MOST_HALF_M)
            ring = view.footprint(context.water_amsl_m)
            shown = view.shows(expected, context.water_amsl_m)
            near = len(ring) > 0 and float(np.hypot(*(ring - [expected.east_m, expected.north_m]).T).min()) < half_m
            if shown or near:
                return expected, half_m
        lens = self.camera.lens
        middle = view.plane(np.array([[lens.width_px / 2, lens.height_px / 2]]), context.water_amsl_m).enu[0]
        if np.isnan(middle).any():
            return None
        place = Enu(float(middle[0]), float(middle[1]))
        reach_m = view.metres_per_px(place, context.water_amsl_m) * lens.width_px / 2
        return place, min(max(reach_m, _LEAST_HALF_M), _MOST_HALF_M)

    def _is_told(self, track: AerialTrack) -> bool:
        """Whoever is taken for the person, and others only when they are surely somebody: they keep a hook shut."""
        return (
            track.hit and _is_somebody(track) and (track.id == self._casualty or track.confidence >= _SURE_CONFIDENCE)
        )

    def _view(self, track: AerialTrack, view: AerialProjection, context: AerialContext) -> TrackView:
        u, v = view.pixels(np.array([[track.place.east_m, track.place.north_m]]), context.water_amsl_m)[0].tolist()
        size = max(_BODY_M / view.metres_per_px(track.place, context.water_amsl_m), 6.0)
        at = self._frame.to_wgs84(track.place)
        return TrackView(
            track_id=track.id,
            box=PixelBox(x=u - size / 2, y=v - size / 2, w=size, h=size),
            surface=Surface.WATER,
            position=UncertainPosition(lat=at.lat, lon=at.lon, sigma_m=track.sigma_m),
            alerting=track.id == self._casualty,
        )

    def _blind(self, at: datetime, health: CameraHealth, reason: str, picture: Picture | None = None) -> FrameReport:
        self.seen = ()
        preview = None if picture is None else self._preview(at, picture, ())
        return FrameReport(camera_id=self.id, at=at, health=health, health_reason=reason, preview_jpeg=preview)

    def _preview(self, at: datetime, picture: Picture, views: tuple[TrackView, ...]) -> bytes | None:
        if self._preview_at is not None and (at - self._preview_at).total_seconds() < self._preview_every_s:
            return None
        self._preview_at = at
        return annotated_jpeg(picture, self.camera.lens, views)


def _is_somebody(track: AerialTrack) -> bool:
    steady = track.confirmed and track.hits >= _TOLD_SHARE * track.looks and track.confidence >= _TOLD_CONFIDENCE
    return steady and not track.is_buoy and track.sigma_m <= _TOLD_SIGMA_M


def _casualty(tracks: list[AerialTrack], context: AerialContext, at: datetime) -> int | None:
    """The track that is most likely the person who is looked for: strange for long, and near where he should be."""
    best, chosen = -math.inf, None
    expected = context.expected_at(at)
    for track in tracks:
        if not _is_somebody(track):
            continue
        score = math.log(max(track.confidence, 1e-6))
        if expected is not None:
            spread = math.hypot(context.sigma_m, track.sigma_m)
            away = track.place.distance_m(expected) / max(spread, 0.5)
            if away > _EXPECTED_SIGMAS:
                continue
            score -= 0.25 * away * away
        elif track.confidence < _SURE_CONFIDENCE:
            continue
        if score > best:
            best, chosen = score, track.id
    return chosen
