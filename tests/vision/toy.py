"""A toy scene for the tests: a straight wall along the x axis, a camera over it, people as blocks, water as noise.

It draws with the same pinhole rules as a real camera but none of vision's code beyond the projection itself, and is
plain enough that a test can say what must be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, LatLon, LocalFrame
from vision.alert import Alert, AlertKind, FrameReport, Surface
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.frame import EncodedFrame
from vision.pipeline import CameraPipeline
from vision.scene import SceneGeometry, SceneModel, SceneZone

BEGIN = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
ORIGIN = LatLon(lat=30.4, lon=120.54)
FRAME = LocalFrame(ORIGIN)
PROMENADE_M, FORESHORE_M, WATER_M = 8.5, 3.0, 1.5

# East along the wall; the river is south (negative north). Foreshore from 60 to 110 m east.
CREST = np.array([[-400.0, 0.0], [400.0, 0.0]])
FORESHORE = np.array([[60.0, 0.0], [110.0, 0.0], [110.0, -45.0], [60.0, -45.0]])
GEOMETRY = SceneGeometry(
    zones=(
        SceneZone("flat", "danger", Surface.FORESHORE, FORESHORE, FORESHORE_M),
        SceneZone(
            "river", "danger", Surface.WATER, np.array([[-400.0, 0], [400, 0], [400, -200], [-400, -200]]), WATER_M
        ),
    ),
    promenade_amsl_m=PROMENADE_M,
    water_amsl_m=WATER_M,
    crest=CREST,
)


def camera(camera_id: str = "toy") -> Camera:
    return Camera(
        id=camera_id, name={"en": "toy"}, stream="x", position=FRAME.to_wgs84(Enu(0, -3)), height_amsl_m=18.5,
        yaw_deg=97, pitch_deg=-14, lens=Lens(width_px=640, height_px=360, hfov_deg=64), range_m=130,
    )  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """A block standing upright: where its foot is, at which height, how big, how bright."""

    east_m: float
    north_m: float
    amsl_m: float
    tall_m: float = 1.7
    wide_m: float = 0.5
    brightness: int = 30


@dataclass
class Toy:
    """Draws frames and feeds a pipeline."""

    seed: int = 7
    fps: float = 5.0
    camera: Camera = field(default_factory=camera)
    geometry: SceneGeometry = GEOMETRY
    pipeline: CameraPipeline = field(init=False)
    reports: list[FrameReport] = field(default_factory=list[FrameReport])
    evidence: dict[str, bytes] = field(default_factory=dict[str, bytes])
    count: int = 0

    def __post_init__(self) -> None:
        self.projection = Projection(self.camera, FRAME)
        self.scene = SceneModel(self.projection, self.geometry)
        self.pipeline = CameraPipeline(self.camera, self.scene, seed=self.seed, evidence=self._keep)
        self._rng = np.random.default_rng(self.seed)
        self._ground = np.where(self.scene.codes == 3, 105, 150).astype(np.float32)
        self._ground[self.scene.codes == 0] = 200
        self._ground[self.scene.codes >= 4] = 125

    def _keep(self, name: str, data: bytes) -> str:
        self.evidence[name] = data
        return name

    @property
    def at(self) -> datetime:
        return BEGIN + timedelta(seconds=self.count / self.fps)

    def picture(self, things: Iterable[Thing]) -> NDArray[np.uint8]:
        waves = self._rng.normal(0, 5, (90, 160)).astype(np.float32)
        picture = self._ground + self._rng.normal(0, 1.5, self._ground.shape).astype(np.float32)
        rough = cv2.resize(waves, (640, 360), interpolation=cv2.INTER_LINEAR)
        picture += np.where(self.scene.codes == 3, rough, 0)
        for thing in things:
            foot = self.projection.pixel(Enu(thing.east_m, thing.north_m), thing.amsl_m)
            head = self.projection.pixel(Enu(thing.east_m, thing.north_m), thing.amsl_m + thing.tall_m)
            half = thing.wide_m / thing.tall_m * (foot[1] - head[1]) / 2
            left, right = round(foot[0] - half), max(round(foot[0] + half), round(foot[0] - half) + 1)
            picture[max(round(head[1]), 0) : max(round(foot[1]), 0), max(left, 0) : max(right, 0)] = thing.brightness
        return np.clip(picture, 0, 255).astype(np.uint8)

    def show(self, *things: Thing) -> FrameReport:
        done, data = cv2.imencode(".jpg", self.picture(things), [cv2.IMWRITE_JPEG_QUALITY, 85])
        assert done
        report = self.pipeline.process(EncodedFrame("toy", self.at, data.tobytes()))
        self.count += 1
        self.reports.append(report)
        return report

    def learn(self, *things: Thing, seconds: float = 4.0) -> None:
        for _ in range(int(seconds * self.fps)):
            self.show(*things)

    @property
    def alerts(self) -> list[Alert]:
        return [alert for report in self.reports for alert in report.alerts]

    def kinds(self) -> list[AlertKind]:
        return [alert.kind for alert in self.alerts]
