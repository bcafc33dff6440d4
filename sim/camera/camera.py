"""A simulated bank camera: takes a snapshot of the world, gives pictures and JPEG frames.

Rendering is a pure function of the snapshot (and the camera's seed), so it may run in any one thread at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from enum import StrEnum

import cv2
import numpy as np

from geofence.position import Enu, LocalFrame
from sim.camera.figures import add_afloat, add_ashore
from sim.camera.lens import TrueLens
from sim.camera.pixels import Picture, above, looked_up, thrice, touched
from sim.camera.scene import Material, as_picture, cast, haze, paint_solid
from sim.camera.sketch import Sketch
from sim.camera.standing import paint_standing
from sim.camera.things import (
    Flags,
    add_boat,
    add_buoy,
    add_drone,
    add_gull,
    add_rain,
    add_splash,
    rain_streaks,
)  # fmt: skip
from sim.camera.water import Shore, Waterscape, Waves, lay_front, waterscape
from sim.world.ground import BankPlace, Ground
from sim.world.view import Pose, WorldView
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
        self._shore: Shore | None = None
        self._flags = Flags(ground, self._here)
        self._railing = np.zeros((camera.lens.height_px, camera.lens.width_px), np.uint8)
        self._rails = self._railing
        self._scapes: OrderedDict[tuple[int, bool], Waterscape] = OrderedDict()
        self._waves = {rough: Waves(rough=rough) for rough in (False, True)}
        self._frozen: Picture | None = None
        self._streaks: Picture | None = None
        self._dirt: Picture | None = None
        self._distance = self._hits.distance_m.reshape(camera.lens.height_px, camera.lens.width_px)

    @property
    def lens(self) -> TrueLens:
        return self._lens

    @property
    def stream(self) -> str:
        return self.camera.stream

    @property
    def fps(self) -> float:
        return self.camera.analysis_fps

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
            add_rain(picture, self._streaks, view.at_s)
        if self.fault is CameraFault.DIRTY:
            picture = self._soiled(picture)
        self._frozen = picture
        return picture

    def sees(self, place: Enu, amsl_m: float) -> bool:
        """Whether the point lies in the picture with nothing solid before it; faults and weather aside."""
        point = np.array([[place.east_m, place.north_m, amsl_m]])
        pixels, depth = self._lens.project(point)
        height, width = self._railing.shape
        column, row = round(float(pixels[0, 0])), round(float(pixels[0, 1]))
        if depth[0] <= 2.0 or not (0 <= column < width and 0 <= row < height):
            return False
        return bool(self._distance[row, column] > np.linalg.norm(point - self._lens.position) - 1.5)

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
            return self._surface(low, view, river.ebb_mps * at_s, rough=False)[0]
        front = bore.front_along_m(at_s)
        if front > min(low.most_m, self._here.along_m + _FRONT_SEEN_M):
            return self._surface(low, view, river.ebb_mps * at_s, rough=False)[0]
        place = BankPlace(max(front + 25.0, self._here.along_m), 60.0)
        level = river.level_amsl_m(place, at_s)
        high = self._scape(view, level, swollen=True)
        risen, noise = self._surface(
            high, view, -bore.run_m(max(bore.seconds_since(self._here, at_s), 0.0)), rough=True
        )
        if front < min(low.least_m, high.least_m) - 20.0:
            return risen
        picture, _ = self._surface(low, view, river.ebb_mps * at_s, rough=False)
        lay_front(picture, risen, noise, low=low, high=high, front_m=front)
        return picture

    def _surface(self, scape: Waterscape, view: WorldView, run_m: float, *, rough: bool) -> tuple[Picture, Picture]:
        waves = self._waves[rough]
        waves.shift(view.at_s, run_m, np.random.default_rng((self._seed, int(view.at_s * 1000))))
        noise = looked_up(waves.atlas, scape.table)
        return cv2.add(scape.picture, thrice(noise)), noise

    def _scape(self, view: WorldView, level_amsl_m: float, *, swollen: bool) -> Waterscape:
        light = view.weather.light
        if self._shore is None or self._shore.light is not light:
            self._shore = self._painted(light)
            self._scapes.clear()
        key = (round(level_amsl_m / _LEVEL_STEP_M), swollen)
        scape = self._scapes.get(key)
        if scape is None:
            scape = waterscape(self._shore, key[0] * _LEVEL_STEP_M, swollen=swollen)
            self._scapes[key] = scape
            while len(self._scapes) > _KEPT_LEVELS:
                self._scapes.popitem(last=False)
        self._scapes.move_to_end(key)
        return scape

    def _painted(self, light: Light) -> Shore:
        """The dry scene in this light."""
        colours = paint_solid(self._lens, self._hits, light)
        distance = np.where(self._hits.material == Material.SKY, 0.0, self._hits.distance_m)
        bare = as_picture(haze(colours, distance, light), self._lens)
        picture = bare.copy()
        self._railing = paint_standing(picture, self._lens, self._ground)
        upright = touched(bare, picture)
        self._rails = above(self._railing, 110)
        return Shore(self._lens, self._ground, self._hits, light, picture, upright)

    def _draw_moving(self, picture: Picture, view: WorldView) -> None:
        sketch = Sketch()
        for boat in view.boats:
            add_boat(sketch, boat)
        self._flags.add(sketch, view.wind, view.at_s)
        for splash in view.splashes:
            add_splash(sketch, splash)
        behind = Sketch()  # of the railing, which is then laid over them again
        self._add_people(sketch, behind, view)
        for buoy in view.buoys:
            add_buoy(sketch, buoy)
        for gull in view.gulls:
            add_gull(sketch, gull)
        for drone in view.drones:
            add_drone(sketch, drone)
        if behind:
            before = picture.copy()
            behind.paint(picture, self._lens)
            cv2.copyTo(before, self._rails, picture)
        sketch.paint(picture, self._lens)

    def _add_people(self, sketch: Sketch, behind: Sketch, view: WorldView) -> None:
        people = view.people
        if not people:
            return
        middles = np.array([(p.position.east_m, p.position.north_m, p.feet_amsl_m + 0.9) for p in people])
        pixels, depth = self._lens.project(middles)
        height, width = self._railing.shape
        seen = (depth > 2.0) & (depth < _FIGURE_RANGE_M) & (pixels > -60.0).all(axis=1)
        seen &= (pixels < (width + 60.0, height + 60.0)).all(axis=1)
        away = np.linalg.norm(middles - self._lens.position, axis=1)
        column = np.clip(np.rint(pixels[:, 0]), 0, width - 1).astype(np.intp)
        row = np.clip(np.rint(pixels[:, 1]), 0, height - 1).astype(np.intp)
        seen &= self._distance[row, column] > away - 1.5  # nothing solid stands before them
        for i in np.argsort(-depth):
            if not seen[i]:
                continue
            person = people[i]
            if person.pose in (Pose.SWIMMING, Pose.HOLDING):
                add_afloat(sketch, person)
            else:
                add_ashore(behind if person.behind_railing else sketch, person, float(depth[i]))

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
