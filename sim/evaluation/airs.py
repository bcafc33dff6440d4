"""What lies between the world and the file: light, air, glass, the pole, the encoder."""

from __future__ import annotations

import math
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import FloatArray
from sim.camera.pixels import Picture
from sim.camera.scene import Hits, Material
from sim.camera.textures import TILE, grain
from sim.evaluation.disturbances import Disturbances, Nuisance

Small = NDArray[np.float32]
_cv: Any = cv2


class Airs:
    """Those of one case, before one camera. `apply` draws into the picture; `quality` is the encoder's."""

    def __init__(self, disturbances: Disturbances, hits: Hits, shape: tuple[int, int], seconds: float) -> None:
        self._kinds, self._strength, self._seed = disturbances.kinds, disturbances.strength, disturbances.seed
        self._shape, self._seconds = shape, seconds
        self._hits = hits
        self._rng = np.random.default_rng([disturbances.seed, 6])
        rng, strength = self._rng, self._strength
        self._solid = (hits.material != Material.SKY).reshape(shape)
        self._distance = np.where(self._solid, hits.distance_m.reshape(shape), 9000.0).astype(np.float32)
        self._drift = rng.uniform(-1, 1, 2) * (2.0 + 8.0 * strength)  # of the clouds, m/s
        self._depth = 0.15 + 0.35 * strength
        self._sun = float(rng.uniform(0.2, 0.8))  # where over the picture's width
        self._sway = [(float(rng.uniform(0.7, 2.8)), float(rng.uniform(0, 6.3)), float(rng.uniform(0.3, 1.0)))
                      for _ in range(4)]  # fmt: skip
        self._steps = sorted(rng.uniform(0.1, 0.95, 2 + round(4 * strength)) * seconds)
        self._gains = [float(rng.uniform(0.72, 1.3)) for _ in self._steps]
        self._lamps_on_s = float(rng.uniform(0.25, 0.6)) * seconds
        self._lamps: Picture | None = None
        self._clear_m = 90.0 + 500.0 * (1.0 - strength) ** 2
        self._flakes = [self._flake_tile(k) for k in range(2)] if Nuisance.SNOW in self._kinds else []
        self._drop_at_s = float(rng.uniform(0.1, 0.5)) * seconds
        self._drop_x = float(rng.uniform(0.2, 0.8)) * shape[1]
        self._clouds = self._cloud_maps() if Nuisance.SHADOWS in self._kinds else None
        self._frame = 0

    # --- light and air

    def apply(self, picture: Picture, at_s: float, water: NDArray[np.bool_]) -> Picture:
        rng = np.random.default_rng([self._seed, 7, round(at_s * 1000)])
        if self._clouds is not None:
            picture = self._shaded(picture, at_s)
        if Nuisance.GLITTER in self._kinds:
            self._glitter(picture, water, rng)
        if Nuisance.FOG in self._kinds:
            picture = self._fogged(picture, at_s)
        if Nuisance.SNOW in self._kinds:
            self._snow(picture, at_s)
        if Nuisance.INSECTS in self._kinds:
            picture = self._insects(picture, at_s)
        if Nuisance.DROP in self._kinds and at_s > self._drop_at_s:
            picture = self._dropped(picture, at_s)
        if Nuisance.SHAKE in self._kinds:
            picture = self._shaken(picture, at_s)
        if Nuisance.NIGHTFALL in self._kinds:
            picture = self._darkened(picture, at_s, rng)
        if Nuisance.EXPOSURE in self._kinds:
            picture = self._exposed(picture, at_s)
        return picture

    def encoded(self, picture: Picture, quality: int) -> bytes:
        """As the camera's encoder would leave it: a key frame now and then is better than those between."""
        if Nuisance.COMPRESSION in self._kinds:
            worst = round(32 - 20 * self._strength)
            quality = worst + 14 if self._frame % 10 == 0 else worst
        self._frame += 1
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            raise RuntimeError("the picture could not be encoded")
        return data.tobytes()

    def _cloud_maps(self) -> tuple[Small, Small]:
        """Where every fourth pixel's ground lies, in texels of the clouds' tile (5 m each)."""
        hits, (rows, columns) = self._hits, self._shape
        u = (hits.along_m.reshape(rows, columns)[::4, ::4] / 5.0).astype(np.float32)
        v = (hits.offset_m.reshape(rows, columns)[::4, ::4] / 5.0).astype(np.float32)
        return u, v

    def _shaded(self, picture: Picture, at_s: float) -> Picture:
        assert self._clouds is not None
        u, v = self._clouds
        east, away = (float(x) * at_s / 5.0 for x in self._drift)
        tile = np.pad(grain(90 + self._seed % 5, 1.0, 9.0), ((0, 1), (0, 1)), mode="wrap").astype(np.float32)
        cover = cv2.remap(tile, np.mod(u - east, TILE), np.mod(v - away, TILE), cv2.INTER_LINEAR)
        shade = 1.0 - self._depth / (1.0 + np.exp(-6.0 * (np.asarray(cover) - 0.3)))
        shade = np.where(self._solid[::4, ::4] | (self._hits.amsl_m.reshape(self._shape)[::4, ::4] < 1e3), shade, 1.0)
        full = cv2.resize(shade.astype(np.float32), self._shape[::-1], interpolation=cv2.INTER_LINEAR)
        return cast("Picture", np.clip(picture * np.asarray(full)[:, :, None], 0, 255).astype(np.uint8))

    def _glitter(self, picture: Picture, water: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """The sun's road: facets of waves that send its image to the lens, each for a moment."""
        rows, columns = np.nonzero(water)
        if not len(rows):
            return
        count = round(200 + 900 * self._strength)
        at = rng.integers(0, len(rows), count * 3)
        aside = (columns[at] / self._shape[1] - self._sun) / 0.13
        at = at[rng.random(len(at)) < np.exp(-aside * aside)][:count]
        near = 220.0 / np.maximum(self._distance[rows[at], columns[at]], 15.0)
        for row, column, size in zip(rows[at].tolist(), columns[at].tolist(), near.tolist(), strict=True):
            wide = max(1, round(size * float(rng.uniform(0.1, 0.5))))
            shade = int(rng.integers(215, 256))
            cv2.ellipse(picture, (column, row), (wide, max(1, wide // 3)), 0, 0, 360, (shade, shade, shade), -1)

    def _fogged(self, picture: Picture, at_s: float) -> Picture:
        clear = self._clear_m * (1.0 + 0.35 * math.sin(2 * math.pi * at_s / 45.0))
        share = (1.0 - np.exp(-self._distance / clear))[:, :, None]
        return cast("Picture", (picture * (1 - share) + 196.0 * share).astype(np.uint8))

    def _flake_tile(self, layer: int) -> Picture:
        rows, columns = self._shape
        rng, tile = self._rng, np.zeros((rows, columns), np.uint8)
        for _ in range(round((150, 500)[layer] * (0.4 + self._strength))):
            centre = (int(rng.integers(columns)), int(rng.integers(rows)))
            cv2.circle(
                tile, centre, int(rng.integers(1, (4, 2)[layer] + 1)), int(rng.integers(40, 150)), -1, cv2.LINE_AA
            )
        return np.tile(cv2.GaussianBlur(tile, (3, 3), 0), (2, 2))

    def _snow(self, picture: Picture, at_s: float) -> None:
        rows, columns = self._shape
        for layer, tile in enumerate(self._flakes):
            v = int(-at_s * (310, 130)[layer]) % rows
            u = int(-at_s * (90, 41)[layer] + 25 * math.sin(0.9 * at_s + layer)) % columns
            flakes = tile[v : v + rows, u : u + columns]
            cv2.add(picture, cv2.merge([flakes] * 3), dst=picture)

    # --- glass, pole, sensor

    def _insects(self, picture: Picture, at_s: float) -> Picture:
        rows, columns = self._shape
        shade = np.zeros(self._shape, np.float32)
        for k in range(1 + round(3 * self._strength)):
            period = 9.0 + 5.0 * k
            if (at_s + 3.1 * k) % period > 0.45 * period:
                continue
            t = at_s * (0.8 + 0.3 * k) + 10.0 * k
            x = (0.5 + 0.35 * math.sin(1.7 * t + k) + 0.12 * math.sin(5.3 * t)) * columns
            y = (0.5 + 0.35 * math.cos(1.3 * t + 2 * k) + 0.12 * math.sin(6.1 * t + 1)) * rows
            cv2.circle(shade, (round(x), round(y)), 4 + 5 * k, 0.75, -1)
        shade = np.asarray(cv2.GaussianBlur(shade, (0, 0), 3.0))[:, :, None]
        return cast("Picture", (picture * (1 - shade) + 45.0 * shade).astype(np.uint8))

    def _dropped(self, picture: Picture, at_s: float) -> Picture:
        """A drop runs down the glass: what is behind it is turned over and blurred."""
        rows = self._shape[0]
        since = at_s - self._drop_at_s
        y = (0.15 * rows + 14.0 * since + 9.0 * math.sin(0.8 * since)) % (rows * 1.3)
        radius = 12 + round(22 * self._strength)
        x = self._drop_x + 6.0 * math.sin(0.5 * since)
        mask = np.zeros(self._shape, np.float32)
        cv2.ellipse(mask, (round(x), round(y)), (radius, round(1.4 * radius)), 0, 0, 360, 1.0, -1)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 3.0))[:, :, None] * 0.85
        behind = cv2.add(cv2.GaussianBlur(picture[::-1], (0, 0), 7.0), np.full_like(picture, 12))
        return cast("Picture", (picture * (1 - mask) + np.asarray(behind) * mask).astype(np.uint8))

    def _shaken(self, picture: Picture, at_s: float) -> Picture:
        """A pole in the wind: a few swings of its own, stronger in gusts, and a touch of roll."""
        gust = 0.55 + 0.45 * math.sin(2 * math.pi * at_s / 17.0 + self._seed)
        reach = 3.0 * self._strength * gust
        x = sum(w * math.sin(2 * math.pi * f * at_s + p) for f, p, w in self._sway[:2]) / 1.3
        y = 0.6 * sum(w * math.sin(2 * math.pi * f * at_s + p) for f, p, w in self._sway[2:]) / 1.3
        rows, columns = self._shape
        roll = math.radians(0.12) * reach / 3.0 * math.sin(4.1 * at_s)
        c, s = math.cos(roll), math.sin(roll)
        cx, cy = columns / 2, rows / 2
        turn = np.array([[c, -s, cx - c * cx + s * cy + reach * x], [s, c, cy - s * cx - c * cy + reach * y]])
        return cast(
            "Picture", _cv.warpAffine(picture, turn, (columns, rows), None, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
        )

    def _darkened(self, picture: Picture, at_s: float, rng: np.random.Generator) -> Picture:
        """Dusk to night with lamps: less light, more gain, more noise."""
        late = at_s / self._seconds
        light = 1.0 - (0.55 + 0.35 * self._strength) * min(1.3 * late, 1.0)
        dark = picture.astype(np.float32) * light
        if at_s > self._lamps_on_s:
            if self._lamps is None:
                self._lamps = self._lamp_light()
            warm = min((at_s - self._lamps_on_s) / 0.6 + 0.4, 1.0)
            dark += picture * (warm * self._lamps.astype(np.float32) / 255.0)
        sigma = 1.0 + 7.0 * self._strength * (1.0 - light)
        noise = cv2.resize(
            rng.normal(0.0, sigma, (self._shape[0] // 2, self._shape[1] // 2)).astype(np.float32), self._shape[::-1],
            interpolation=cv2.INTER_LINEAR,
        )  # fmt: skip
        grainy = rng.normal(0.0, sigma, self._shape).astype(np.float32) + np.asarray(noise)
        return cast("Picture", np.clip(dark + grainy[:, :, None], 0, 255).astype(np.uint8))

    def _lamp_light(self) -> Picture:
        """How much the lamps give at each pixel: every 30 m along the promenade, on what is near them."""
        hits = self._hits
        to_lamp = np.hypot(np.abs((hits.along_m + 15.0) % 30.0 - 15.0), hits.offset_m + 8.0)
        share: FloatArray = 0.75 * np.exp(-((to_lamp / 9.0) ** 2)) * (hits.distance_m < 400.0)
        warm = share.reshape(self._shape)[:, :, None] * np.array([150.0, 210.0, 255.0])
        return warm.astype(np.uint8)

    def _exposed(self, picture: Picture, at_s: float) -> Picture:
        """The camera sets its exposure anew, within a second."""
        gain = 1.0
        for step_s, to in zip(self._steps, self._gains, strict=True):
            if at_s > step_s:
                gain += (to - gain) * min((at_s - step_s) / 0.8, 1.0)
        return cv2.convertScaleAbs(picture, alpha=gain)
