"""A simulated drone's camera: the world from the copter's true place and gaze, a fresh scene for every frame.

A bank camera paints its still scene once; here nothing stands still, so a frame is cheap instead: where each pixel's
ray meets the water, the promenade or the wall is worked out on every fourth pixel and stretched between, the water's
grain is the same atlas of wave tiles, and whatever floats or stands is sketched over it.

What a service is told of the pose is not what the lens truly does. The camera sits a little askew on its gimbal, the
gimbal trembles, and the picture is older than it says: all drawn once from the seed, within what a site is told to
expect. The bore's foaming front is not drawn from the air; the risen water behind it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from sim.camera.camera import CameraFault
from sim.camera.figures import add_afloat, add_ashore
from sim.camera.lens import TrueLens
from sim.camera.pixels import Picture, looked_up, minus, thrice
from sim.camera.scene import PALETTES, haze
from sim.camera.sketch import Sketch
from sim.camera.textures import TILE, sample
from sim.camera.things import add_boat, add_buoy, add_gull, add_rain, add_splash, rain_streaks
from sim.camera.water import NOISE_BASE, TEXEL_M, Waves, water_colour
from sim.world.ground import BankPlace, Ground
from sim.world.view import Pose, WorldView
from sim.world.weather import Light
from vision.aerial.camera import DroneCamera
from vision.frame import EncodedFrame

_Grid = NDArray[np.float32]

_COARSE = 4  # pixels between those whose ray is followed
_SENSOR_TILE = len(TEXEL_M)
_STEP_UP_PX = (0.10, 0.45, 2.0)  # footprint at which the next coarser tile takes over, as for bank cameras
_FIGURE_RANGE_M = 300.0
_FOAM_FIELD_M = (320.0, 90.0)  # patches are spread over a field this long and wide, which drifts past
_SUN = (math.radians(215.0), math.radians(38.0))  # azimuth and elevation of the glitter's light
_GLITTER_RAD = 0.16


@dataclass(frozen=True, slots=True)
class Gazing:
    """Where the copter truly is and where its gimbal points."""

    place: Enu
    amsl_m: float
    azimuth_deg: float
    pitch_deg: float


@dataclass(frozen=True, slots=True)
class Askew:
    """How the lens differs from what telemetry tells."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    tremble_deg: float = 0.0  # one sigma, frame by frame
    late_s: float = 0.0  # the picture is so much older than the camera's usual latency

    @staticmethod
    def drawn(rng: np.random.Generator, camera: DroneCamera) -> Askew:
        """Within what the site says of its sigmas; two thirds of it, for nobody states them too small."""
        yaw, pitch, roll, late = (0.66 * rng.standard_normal(4)).tolist()
        return Askew(
            camera.yaw_sigma_deg * yaw,
            camera.tilt_sigma_deg * pitch,
            camera.tilt_sigma_deg * roll,
            0.12,
            max(camera.latency_sigma_s * late, -camera.latency_s),
        )


@dataclass(frozen=True, slots=True)
class Floating:
    """What drifts on the water and is nobody: patches of foam that last, crests that break for a second or two."""

    foam: int = 10
    whitecaps_per_mps: float = 4.0  # of wind above a fresh breeze
    glitter: bool = True  # under a clear sky


class SimDroneCamera:
    """The camera of one drone. `render` is a pure function of the view and the gaze (and the seed)."""

    def __init__(
        self,
        camera_id: str,
        camera: DroneCamera,
        ground: Ground,
        *,
        seed: int = 0,
        askew: Askew | None = None,
        floating: Floating | None = None,
    ) -> None:
        self.id = camera_id
        self.camera = camera
        self.fault: CameraFault | None = None
        self.askew = Askew.drawn(np.random.default_rng((seed, 0xA5)), camera) if askew is None else askew
        self._ground = ground
        self._seed = seed
        self._floating = floating or Floating()
        self._waves = {rough: Waves(rough=rough) for rough in (False, True)}
        self._frozen: Picture | None = None
        self._streaks: Picture | None = None
        width, height = camera.lens.width_px, camera.lens.height_px
        columns, rows = np.arange(0, width + _COARSE, _COARSE), np.arange(0, height + _COARSE, _COARSE)
        self._u, self._v = (grid.astype(np.float64) for grid in np.meshgrid(columns, rows))
        fine_u = np.tile(np.arange(width, dtype=np.float32) / _COARSE, (height, 1))
        fine_v = np.repeat((np.arange(height, dtype=np.float32) / _COARSE)[:, None], width, axis=1)
        self._fine = (fine_u, fine_v)
        column, row = np.meshgrid(np.arange(width) % TILE, np.arange(height) % TILE)
        self._sensor_table = np.stack([column, row + TILE * _SENSOR_TILE], axis=2).astype(np.int16)

    def lens(self, gazing: Gazing, at_s: float) -> TrueLens:
        """The truth of the picture taken at that moment."""
        a = self.askew
        tremble = a.tremble_deg * np.random.default_rng((self._seed, 0x7E, _millis(at_s))).standard_normal(3)
        angles = (
            gazing.azimuth_deg + a.yaw_deg + float(tremble[0]),
            gazing.pitch_deg + a.pitch_deg + float(tremble[1]),
            a.roll_deg + float(tremble[2]),
        )
        return TrueLens.posed(self.camera.lens, gazing.place, gazing.amsl_m, angles)

    def encoded(self, view: WorldView, gazing: Gazing, at: datetime, *, quality: int = 80) -> EncodedFrame | None:
        """The picture as a JPEG frame that arrives `at`; None while the camera is off."""
        if self.fault is CameraFault.OFF:
            return None
        done, data = cv2.imencode(".jpg", self.render(view, gazing), [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            raise RuntimeError(f"{self.id}: the picture could not be encoded")
        return EncodedFrame(self.id, at, data.tobytes())

    def render(self, view: WorldView, gazing: Gazing) -> Picture:
        lens = self.lens(gazing, view.at_s)
        if self.fault is CameraFault.FROZEN and self._frozen is not None:
            return self._frozen
        if self.fault is CameraFault.BLACK:
            rng = np.random.default_rng((self._seed, _millis(view.at_s)))
            return rng.integers(0, 6, (lens.height_px, lens.width_px, 3), dtype=np.uint8)
        picture = self._scenery(lens, view)
        self._draw(picture, lens, view)
        if view.weather.rain:
            if self._streaks is None:
                self._streaks = rain_streaks(lens.height_px, lens.width_px)
            add_rain(picture, self._streaks, view.at_s)
        self._frozen = picture
        return picture

    # --- what lies still

    def _scenery(self, lens: TrueLens, view: WorldView) -> Picture:
        shape = self._u.shape
        rays = lens.rays_at(self._u, self._v)
        level, rough, run_m = self._water(lens, view)
        low = self._meets(lens, rays, level)
        high = self._meets(lens, rays, self._ground.crest_amsl_m)
        palette, light = PALETTES[view.weather.light], view.weather.light
        sky = np.array(palette.sky_low) * 0.5 + np.array(palette.sky_high) * 0.5
        water = water_colour(low[:, 0], low[:, 1], rays, palette, swollen=rough)
        river = haze(water, low[:, 2], light)
        land = haze(self._land_colour(high) * palette.sun, high[:, 2], light)
        wall_tone = 0.92 + 0.10 * sample(2, 1.5, 12, low[:, 0] * 2.0, low[:, 1] * 2.0)
        wall = haze(np.array([120.0, 128.0, 132.0]) * palette.sun * wall_tone[:, None], low[:, 2], light)
        up = rays[:, 2] > -0.01
        for part in (river, land, wall):
            part[up] = sky

        def fine(values: FloatArray) -> _Grid:
            coarse = values.astype(np.float32).reshape(*shape, -1)
            return cast("_Grid", cv2.remap(coarse, *self._fine, cv2.INTER_LINEAR))

        along, offset, reach = (fine(low[:, k]) for k in range(3))
        beyond = fine(high[:, 1])
        on_land = beyond <= 0.0
        on_wall = ~on_land & (offset <= 0.0)
        picture = np.where(on_land[:, :, None], fine(land), fine(river))
        picture = np.where(on_wall[:, :, None], fine(wall), picture)
        for ledge in self._ground.ledges:
            self._lay_ledge(picture, ledge.along_from_m, ledge.along_to_m, ledge.offset_to_m, along, offset,
                            ledge.top_amsl_m > level)  # fmt: skip
        wet = ~on_land & ~on_wall & (reach < 1500.0)
        grain = self._grain(lens, view, along, offset, reach, wet, rough=rough, run_m=run_m)
        base = np.clip(picture, 0, 255).astype(np.uint8)
        shown = cv2.add(minus(base, NOISE_BASE), thrice(grain))
        if view.weather.light is Light.DAY and self._floating.glitter:
            self._glitter(shown, fine(rays), wet, view.at_s)
        return cv2.GaussianBlur(shown, (0, 0), 0.55)

    def _water(self, lens: TrueLens, view: WorldView) -> tuple[float, bool, float]:
        """Its level, whether the bore has passed, and how far it has run east, near the drone."""
        river, bore = view.river, view.river.bore
        here = self._ground.to_bank(lens.place)
        place = BankPlace(here.along_m, max(here.offset_m, 10.0))
        if bore is None or bore.seconds_since(place, view.at_s) <= 0.0:
            return river.low_water_amsl_m, False, river.ebb_mps * view.at_s
        return river.level_amsl_m(place, view.at_s), True, -bore.run_m(bore.seconds_since(place, view.at_s))

    def _meets(self, lens: TrueLens, rays: FloatArray, amsl_m: float) -> FloatArray:
        """(n, 3): along, offset and distance where each ray meets a height; far away where it does not sink."""
        sinking = np.maximum(-rays[:, 2], 1e-3)
        reach = np.minimum((float(lens.position[2]) - amsl_m) / sinking, 4000.0)
        bank = self._ground.to_bank_array(lens.position[:2] + rays[:, :2] * reach[:, None])
        return np.column_stack([bank, np.abs(reach)])

    def _land_colour(self, met: FloatArray) -> FloatArray:
        a, o = met[:, 0], met[:, 1]
        tone = 1.0 + 0.05 * sample(2, 1.5, 12, a * 3, o * 3) + 0.05 * sample(1, 4, 90, a * 2, o * 2)
        tone = tone - 0.12 * (np.abs((a + 3.0) % 6.0 - 3.0) < 0.15) + 0.12 * (o > -0.6)
        paving = np.array([160.0, 166.0, 168.0]) * tone[:, None]
        green = np.array([72.0, 118.0, 100.0]) * (1.0 + 0.2 * sample(2, 1.5, 12, a * 1.5, o * 1.5))[:, None]
        return np.where((o < -self._ground.promenade_width_m)[:, None], green, paving)

    def _lay_ledge(
        self, picture: _Grid, from_m: float, to_m: float, out_m: float,
        along: _Grid, offset: _Grid, dry: bool,
    ) -> None:  # fmt: skip
        """Mud and stones beside the wall, seen as if they lay at the water's height."""
        on = (along > from_m) & (along < to_m) & (offset > 0.0) & (offset < out_m)
        if dry and on.any():
            a, o = along[on].astype(np.float64), offset[on].astype(np.float64)
            tone = 0.96 + 0.11 * sample(2, 1.5, 12, a * 2.2, o * 2.2) + 0.07 * sample(1, 4, 90, a * 6, o * 6)
            picture[on] = np.array([96.0, 120.0, 136.0]) * tone[:, None]

    def _grain(
        self, lens: TrueLens, view: WorldView, along: _Grid, offset: _Grid, reach: _Grid,
        wet: NDArray[np.bool_], *, rough: bool, run_m: float,
    ) -> Picture:  # fmt: skip
        waves = self._waves[rough]
        waves.shift(view.at_s, run_m, np.random.default_rng((self._seed, _millis(view.at_s))))
        drop = max(float(lens.position[2]) - view.river.low_water_amsl_m, 1.0)
        footprint = reach * reach / (lens.focal_px * drop)
        table = self._sensor_table.copy()
        for scale, texel in enumerate(TEXEL_M):
            low = 0.0 if scale == 0 else _STEP_UP_PX[scale - 1]
            high = _STEP_UP_PX[scale] if scale < len(_STEP_UP_PX) else np.inf
            here = wet & (footprint >= low) & (footprint < high)
            if here.any():
                table[here, 0] = np.floor(along[here] / texel).astype(np.int64) % TILE
                table[here, 1] = np.floor(offset[here] / texel).astype(np.int64) % TILE + TILE * scale
        return looked_up(waves.atlas, table)

    def _glitter(self, picture: Picture, rays: _Grid, wet: NDArray[np.bool_], at_s: float) -> None:
        """Facets that happen to mirror the sun, each for one frame."""
        azimuth, elevation = _SUN
        mirrored = np.array(
            [
                -math.sin(azimuth) * math.cos(elevation),
                -math.cos(azimuth) * math.cos(elevation),
                -math.sin(elevation),
            ],
            np.float32,
        )
        off = np.arccos(np.clip(rays @ mirrored, -1.0, 1.0))
        chance = 0.05 * np.exp(-((off / _GLITTER_RAD) ** 2))
        rng = np.random.default_rng((self._seed, 0x61, _millis(at_s)))
        picture[(rng.random(chance.shape, np.float32) < chance) & wet] = (252, 254, 254)

    # --- what floats and stands

    def _draw(self, picture: Picture, lens: TrueLens, view: WorldView) -> None:
        sketch = Sketch()
        self._add_foam(sketch, view)
        for boat in view.boats:
            add_boat(sketch, boat)
        for splash in view.splashes:
            add_splash(sketch, splash)
        for person in view.people:
            away = math.dist(
                (person.position.east_m, person.position.north_m, person.feet_amsl_m), lens.position.tolist()
            )
            if away > _FIGURE_RANGE_M:
                continue
            if person.pose in (Pose.SWIMMING, Pose.HOLDING):
                add_afloat(sketch, person)
            else:
                add_ashore(sketch, person, away)
        for buoy in view.buoys:
            add_buoy(sketch, buoy)
        for gull in view.gulls:
            add_gull(sketch, gull)
        sketch.paint(picture, lens)

    def _add_foam(self, sketch: Sketch, view: WorldView) -> None:
        rng = np.random.default_rng((self._seed, 0xF0))
        long_m, wide_m = _FOAM_FIELD_M
        drift_m = view.river.ebb_mps * view.at_s
        for _ in range(self._floating.foam):
            start, offset, size = float(rng.uniform(0, long_m)), float(rng.uniform(4, wide_m)), rng.uniform(0.3, 1.6)
            shape = rng.uniform(-1.0, 1.0, (7, 2)) * [[1.6 * size, 0.6 * size]]
            along = (start + drift_m + long_m / 2) % long_m - long_m / 2
            self._add_froth(sketch, view, along, offset, shape, 0.28 * float(size))
        breaking = round(max(view.weather.wind_mps - 5.0, 0.0) * self._floating.whitecaps_per_mps)
        for k in range(breaking):
            life_s = 1.2 + 0.11 * k % 1.1
            turn, age_s = divmod(view.at_s + 0.37 * k, life_s)
            own = np.random.default_rng((self._seed, 0xCA, k, int(turn)))
            along, offset = float(own.uniform(-long_m / 2, long_m / 2)), float(own.uniform(4, wide_m))
            shape = own.uniform(-1.0, 1.0, (5, 2)) * [[0.4, 0.9]]
            grown = math.sin(math.pi * age_s / life_s)
            self._add_froth(sketch, view, along + 1.5 * age_s, offset, shape, 0.05 + 0.25 * grown)

    def _add_froth(
        self, sketch: Sketch, view: WorldView, along: float, offset: float, shape: FloatArray, radius_m: float
    ) -> None:
        for da, do in shape.tolist():
            place = BankPlace(along + da, max(offset + do, 0.3))
            at = self._ground.to_enu(place)
            level = view.river.level_amsl_m(place, view.at_s)
            sketch.disc((at.east_m, at.north_m, level), radius_m, (214, 222, 226))


def _millis(at_s: float) -> int:
    return round(at_s * 1000)


class FlyingCamera:
    """A drone's camera joined with the drone: films from where that is just now, and only in flight."""

    def __init__(self, camera: SimDroneCamera, gazing: Callable[[], Gazing | None]) -> None:
        self.camera = camera
        self.gazing = gazing

    @property
    def stream(self) -> str:
        return self.camera.camera.stream

    @property
    def fps(self) -> float:
        return self.camera.camera.analysis_fps

    @property
    def fault(self) -> CameraFault | None:
        return self.camera.fault

    def encoded(self, view: WorldView, at: datetime) -> EncodedFrame | None:
        gazing = self.gazing()
        return None if gazing is None else self.camera.encoded(view, gazing, at)
