"""A simulated bank camera: takes a snapshot of the world, gives pictures and JPEG frames.

Rendering is a pure function of the snapshot (and the camera's seed), so it may run in any one thread at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from enum import StrEnum

import cv2
import numpy as np

from geofence.position import FloatArray, LocalFrame
from sim.camera.figures import draw_afloat, draw_ashore, skeleton
from sim.camera.lens import TrueLens
from sim.camera.scene import PALETTES, Picture, as_picture, cast, paint_solid
from sim.camera.standing import paint_standing
from sim.camera.things import (
    draw_boat,
    draw_buoy,
    draw_drone,
    draw_flags,
    draw_gull,
    draw_rain,
    draw_splash,
    rain_streaks,
)  # fmt: skip
from sim.camera.water import Waterscape, Waves, lay_front, waterscape
from sim.world.ground import BankPlace, Ground
from sim.world.view import PersonView, Pose, WorldView
from sim.world.weather import Light
from vision.camera import Camera
from vision.frame import EncodedFrame

_LEVEL_STEP_M = 0.05
_KEPT_LEVELS = 3
_FIGURE_RANGE_M = 450.0
_FRONT_SEEN_M = 4000.0


class CameraFault(StrEnum):
    OFF = "off"  # no frames at all
    BLACK = "black"
    FROZEN = "frozen"
    DIRTY = "dirty"


class SimCamera:
    """One camera of the site, looking at the simulated world."""

    def __init__(self, camera: Camera, frame: LocalFrame, ground: Ground, *, seed: int = 0) -> None:
        self.camera = camera
        self.fault: CameraFault | None = None
        self._ground = ground
        self._lens = TrueLens(camera, frame)
        self._here = ground.to_bank(self._lens.place)
        self._hits = cast(self._lens, ground)
        self._seed = seed
        self._light: Light | None = None
        self._dry: FloatArray = np.zeros((0, 3))
        self._railing = np.zeros((camera.lens.height_px, camera.lens.width_px), np.uint8)
        self._scapes: OrderedDict[tuple[int, bool], Waterscape] = OrderedDict()
        self._waves = {rough: Waves(rough=rough) for rough in (False, True)}
        self._frozen: Picture | None = None
        self._streaks: Picture | None = None
        self._dirt: Picture | None = None
        self._distance = self._hits.distance_m.reshape(camera.lens.height_px, camera.lens.width_px)

    @property
    def lens(self) -> TrueLens:
        return self._lens

    def render(self, view: WorldView) -> Picture:
        """The picture, blue green red; black when the fault says so."""
        if self.fault is CameraFault.FROZEN and self._frozen is not None:
            return self._frozen
        if self.fault is CameraFault.BLACK:
            rng = np.random.default_rng((self._seed, int(view.at_s * 1000)))
            return rng.integers(0, 6, (*self._railing.shape, 3), dtype=np.uint8)
        picture = self._scenery(view)
        self._draw_moving(picture, view)
        if view.weather.rain:
            if self._streaks is None:
                self._streaks = rain_streaks(*self._railing.shape)
            draw_rain(picture, self._streaks, view.at_s)
        if self.fault is CameraFault.DIRTY:
            picture = self._soiled(picture)
        self._frozen = picture
        return picture

    def encoded(self, view: WorldView, at: datetime, *, quality: int = 80) -> EncodedFrame | None:
        """The picture as a JPEG frame taken `at`; None while the camera is off."""
        if self.fault is CameraFault.OFF:
            return None
        done, data = cv2.imencode(".jpg", self.render(view), [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            raise RuntimeError(f"{self.camera.id}: the picture could not be encoded")
        return EncodedFrame(self.camera.id, at, data.tobytes())

    def _scenery(self, view: WorldView) -> Picture:
        """Everything but what moves by itself: ground, sky, water with its waves, the bore front."""
        river, bore = view.river, view.river.bore
        at_s = view.at_s
        low = self._scape(view, river.low_water_amsl_m, swollen=False)
        if bore is None:
            return self._surface(low, view, river.ebb_mps, rough=False)[0]
        front = bore.front_along_m(at_s)
        beyond = front > min(
            float(low.row_most_m[low.row_most_m < 1e8].max(initial=-1e9)), self._here.along_m + _FRONT_SEEN_M
        )
        if beyond:
            return self._surface(low, view, river.ebb_mps, rough=False)[0]
        place = BankPlace(max(front + 25.0, self._here.along_m), 60.0)
        level = river.level_amsl_m(place.along_m, at_s)
        stream, _ = river.current_mps(self._ground, place, at_s)
        high = self._scape(view, level, swollen=True)
        risen, noise = self._surface(high, view, stream, rough=True)
        if front < min(low.least_m, high.least_m) - 20.0:
            return risen
        picture, _ = self._surface(low, view, river.ebb_mps, rough=False)
        lay_front(picture, risen, noise, low, high, front)
        return picture

    def _surface(
        self, scape: Waterscape, view: WorldView, current_mps: float, *, rough: bool
    ) -> tuple[Picture, Picture]:
        waves = self._waves[rough]
        waves.shift(view.at_s, current_mps, np.random.default_rng((self._seed, int(view.at_s * 1000))))
        noise = cv2.remap(waves.atlas, scape.table, None, cv2.INTER_NEAREST)
        return cv2.add(scape.picture, cv2.merge([noise, noise, noise])), noise

    def _scape(self, view: WorldView, level_amsl_m: float, *, swollen: bool) -> Waterscape:
        if view.weather.light is not self._light:
            self._repaint(view.weather.light)
        key = (round(level_amsl_m / _LEVEL_STEP_M), swollen)
        scape = self._scapes.get(key)
        if scape is None:
            light = view.weather.light
            level = key[0] * _LEVEL_STEP_M
            scape = waterscape(
                self._lens, self._ground, self._hits, self._dry, PALETTES[light], light, level, swollen=swollen
            )
            scape = self._furnished(scape)
            self._scapes[key] = scape
            while len(self._scapes) > _KEPT_LEVELS:
                self._scapes.popitem(last=False)
        self._scapes.move_to_end(key)
        return scape

    def _repaint(self, light: Light) -> None:
        self._light = light
        self._dry = paint_solid(self._lens, self._hits, light)
        self._scapes.clear()

    def _furnished(self, scape: Waterscape) -> Waterscape:
        """The waterscape with trees, lamps and railing, softened by the lens."""
        from dataclasses import replace

        from sim.camera.water import NOISE_BASE

        picture = cv2.add(scape.picture, (NOISE_BASE, NOISE_BASE, NOISE_BASE, 0))
        self._railing = paint_standing(picture, self._lens, self._ground)
        picture = as_picture(picture.reshape(-1, 3).astype(np.float64), self._lens)
        return replace(scape, picture=cv2.subtract(picture, (NOISE_BASE, NOISE_BASE, NOISE_BASE, 0)))

    def _draw_moving(self, picture: Picture, view: WorldView) -> None:
        lens = self._lens
        for boat in view.boats:
            draw_boat(picture, lens, boat)
        draw_flags(picture, lens, self._ground, self._here.along_m, view.wind, view.at_s)
        for splash in view.splashes:
            draw_splash(picture, lens, splash)
        for buoy in view.buoys:
            draw_buoy(picture, lens, buoy)
        self._draw_people(picture, view.people)
        for gull in view.gulls:
            draw_gull(picture, lens, gull)
        for drone in view.drones:
            draw_drone(picture, lens, drone)

    def _draw_people(self, picture: Picture, people: tuple[PersonView, ...]) -> None:
        if not people:
            return
        feet = np.array([[p.position.east_m, p.position.north_m, p.feet_amsl_m + 0.9] for p in people])
        pixels, depth = self._lens.project(feet)
        height, width = self._railing.shape
        for i in np.argsort(-depth):
            x, y = pixels[i]
            if depth[i] < 2.0 or depth[i] > _FIGURE_RANGE_M or not (-60 < x < width + 60 and -60 < y < height + 60):
                continue
            person = people[i]
            if self._hidden(float(x), float(y), feet[i]):
                continue
            if person.pose in (Pose.SWIMMING, Pose.HOLDING):
                draw_afloat(picture, self._lens, person)
                continue
            joints_px, _ = self._lens.project(skeleton(person))
            px_per_m = self._lens.focal_px / float(depth[i])
            if not person.behind_railing:
                draw_ashore(picture, joints_px, px_per_m, person)
                continue
            x0, y0 = (int(max(v - 0.4 * px_per_m, 0)) for v in joints_px.min(axis=0))
            x1, y1 = (int(v + 0.4 * px_per_m) + 2 for v in joints_px.max(axis=0))
            rail = self._railing[y0:y1, x0:x1]
            if not rail.size:
                continue
            before = picture[y0:y1, x0:x1].copy()
            draw_ashore(picture, joints_px, px_per_m, person)
            cv2.copyTo(before, cv2.compare(rail, 110, cv2.CMP_GT), picture[y0:y1, x0:x1])

    def _hidden(self, x: float, y: float, middle: FloatArray) -> bool:
        """Something solid stands before the person's middle."""
        column, row = round(x), round(y)
        height, width = self._railing.shape
        if not (0 <= column < width and 0 <= row < height):
            return False
        away = float(np.linalg.norm(middle - self._lens.position))
        return float(self._distance[row, column]) < away - 1.5

    def _soiled(self, picture: Picture) -> Picture:
        """Mud and drops on the glass."""
        if self._dirt is None:
            rng = np.random.default_rng(self._seed + 17)
            dirt = np.zeros(self._railing.shape, np.uint8)
            for _ in range(40):
                centre = (int(rng.integers(dirt.shape[1])), int(rng.integers(dirt.shape[0])))
                cv2.circle(dirt, centre, int(rng.integers(6, 42)), int(rng.integers(120, 240)), -1)
            self._dirt = cv2.GaussianBlur(dirt, (0, 0), 9)
        share = (self._dirt.astype(np.float32) / 255.0)[:, :, None]
        blurred = cv2.GaussianBlur(picture, (0, 0), 3)
        return (blurred * (1 - share) + np.array([84, 100, 110], np.float32) * share).astype(np.uint8)
