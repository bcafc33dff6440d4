"""What each pixel of one camera shows: promenade, wall, foreshore or water, and on which height it stands.

Computed once from the site and the calibration, so that the rest of vision asks a picture-sized table instead of
doing geometry. Only the water's level changes it, and only when it floods a foreshore or climbs the wall.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, cast

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from geofence.zones import Heading, ZoneKind, ZoneSet
from geofence.zones import Surface as GroundSurface
from vision.alert import Surface
from vision.calibration import Projection

NOTHING, LAND, WALL, WATER, FIRST_FORESHORE = 0, 1, 2, 3, 4
"""Codes of the surface table; FIRST_FORESHORE + i is the i-th foreshore zone."""

_Scalar = TypeVar("_Scalar", bound=np.generic)
_TOLD_DEPTH_M = 0.5
_SEEN_DEPTH_M = 0.3  # of the water over a foreshore that the picture shows flooded
_TOLD_FOR = timedelta(seconds=60)
_LEVEL_STEP_M = 0.15  # the table is redrawn when the water has moved by this much
_COARSE = 2  # the table is computed on every second pixel and enlarged


@dataclass(frozen=True, slots=True)
class SceneZone:
    """A polygon of the site as vision needs it. `height_amsl_m` is of what one stands on there."""

    id: str
    kind: str  # "danger", "promenade", ...
    surface: Surface
    ring: FloatArray  # (n, 2) metres east and north
    height_amsl_m: float
    loiter_s: float = 0.0
    heading: Heading | None = None


@dataclass(frozen=True)
class SceneGeometry:
    """The site around the cameras: plain data, the same for all of them, and picklable for the workers."""

    zones: tuple[SceneZone, ...]
    promenade_amsl_m: float
    water_amsl_m: float  # to begin with
    crest: FloatArray | None = (
        None  # (n, 2), the river to the right of its direction; None: only zones divide land and water
    )


@dataclass(frozen=True, slots=True)
class SceneContext:
    """What the service tells vision while it runs: the water's level, and which zones are in force."""

    at: datetime | None = None
    water_amsl_m: float | None = None
    active_zone_ids: frozenset[str] | None = None  # None: all


class SceneModel:
    """The tables of one camera, and what is known of the water."""

    def __init__(self, projection: Projection, geometry: SceneGeometry) -> None:
        self.projection = projection
        self.geometry = geometry
        self.water_amsl_m = geometry.water_amsl_m
        self.active_zone_ids: frozenset[str] | None = None
        foreshore = [zone for zone in geometry.zones if zone.surface is Surface.FORESHORE]
        self.foreshore = tuple(
            sorted(foreshore, key=lambda zone: -zone.height_amsl_m)
        )  # what is higher hides what is lower
        self.watched = tuple(
            zone for zone in geometry.zones if zone.kind == "danger" and zone.surface is not Surface.WATER
        )
        self._watched_polygons = [shapely.Polygon(zone.ring) for zone in self.watched]
        shapely.prepare(self._watched_polygons)
        self.codes: NDArray[np.uint8] = np.zeros((1, 1), np.uint8)
        self.px_per_m: NDArray[np.float32] = np.zeros((1, 1), np.float32)
        self.crest_offset_m: NDArray[np.float32] = np.zeros((1, 1), np.float32)
        self.crest_px_per_m: NDArray[np.float32] = np.zeros((1, 1), np.float32)
        self._drowned: tuple[SceneZone, ...] = ()
        self._drowned_told: tuple[SceneZone, ...] = ()
        self._told_at: datetime | None = None
        self._heard = False
        self._scales: dict[int, NDArray[np.float32]] = {}
        self._prepare_rays()
        self._flooded = np.zeros(len(self._slopes), bool)
        self._drowned = tuple(z for z in self.foreshore if self.water_amsl_m > z.height_amsl_m + _TOLD_DEPTH_M)
        self._draw()

    def apply(self, context: SceneContext) -> bool:
        """Takes over what the service says; True when the tables changed.

        A forecast that is early must not drown people who still stand there, so a told level floods a foreshore only
        when it has been well above it for a while; before that the picture decides (`flood`).
        """
        self.active_zone_ids = context.active_zone_ids
        level = context.water_amsl_m
        if level is None:
            return False
        drowned = tuple(zone for zone in self.foreshore if level > zone.height_amsl_m + _TOLD_DEPTH_M)
        if not drowned and self._drowned:
            self._flooded[:] = False  # the tide has gone out again
        if drowned != self._drowned_told:
            self._drowned_told, self._told_at = drowned, context.at
        waited = context.at is None or self._told_at is None or context.at - self._told_at >= _TOLD_FOR
        changed = abs(level - self.water_amsl_m) >= _LEVEL_STEP_M
        if (drowned != self._drowned) and (waited or not self._heard):
            self._drowned, changed = drowned, True
        self._heard = True
        if changed:
            self.water_amsl_m = level
            self._draw()
        return changed

    def flood(self, mask: NDArray[np.bool_]) -> None:
        """The picture shows that the foreshore under `mask` (of any size; it is stretched) is under water now."""
        rows, columns = self._shape
        wide = cv2.resize(mask.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST).ravel() > 0
        if (wide & ~self._flooded).any():
            self._flooded |= wide
            self._draw()

    def surface_of(self, code: int) -> Surface:
        if code == LAND:
            return Surface.PROMENADE
        return Surface.FORESHORE if code >= FIRST_FORESHORE else Surface.WATER

    def planes(self, codes: NDArray[np.uint8]) -> FloatArray:
        """The height above mean sea level of what each code stands on."""
        return self._plane_of_code[codes]

    def zones_at(self, point: Enu, surface: Surface) -> tuple[SceneZone, ...]:
        """The watched zones of that surface in force at a point."""
        return tuple(
            zone
            for zone, polygon in zip(self.watched, self._watched_polygons, strict=True)
            if zone.surface is surface
            and (self.active_zone_ids is None or zone.id in self.active_zone_ids)
            and shapely.contains_xy(polygon, point.east_m, point.north_m)
        )

    def _prepare_rays(self) -> None:
        lens, camera = self.projection.camera.lens, self.projection.camera
        us = np.arange(0, lens.width_px, _COARSE, dtype=np.float64) + (_COARSE - 1) / 2
        vs = np.arange(0, lens.height_px, _COARSE, dtype=np.float64) + (_COARSE - 1) / 2
        grid_u, grid_v = np.meshgrid(us, vs)
        self._shape = grid_u.shape
        slopes = self.projection.slopes(np.column_stack([grid_u.ravel(), grid_v.ravel()]))
        eye = np.array([self.projection.position.east_m, self.projection.position.north_m])
        self._slopes, self._eye = slopes, eye
        top, bottom = self.geometry.promenade_amsl_m, self.geometry.water_amsl_m - 3.0
        at_top = eye + slopes * (camera.height_amsl_m - top)
        self._seen = ~np.isnan(slopes[:, 0]) & (np.hypot(*(at_top - eye).T) <= camera.range_m * 1.5)
        at_top[~self._seen] = 1e7
        crest = self.geometry.crest
        if crest is None:
            land = np.zeros(len(slopes), bool)
            for zone in self.geometry.zones:
                if zone.surface is Surface.PROMENADE:
                    land |= shapely.contains_xy(shapely.Polygon(zone.ring), at_top[:, 0], at_top[:, 1])
            self._wall_amsl_m = np.full(len(slopes), -np.inf)
            over_top = np.full(len(slopes), -1e3)
            self.lens_offset_m = -1e3
        else:
            over_top = _offsets(at_top, crest)
            self.lens_offset_m = float(_offsets(eye[None], crest)[0])
            land = over_top <= 0
            at_bottom = eye + slopes * (camera.height_amsl_m - bottom)
            at_bottom[~self._seen] = 1e7
            over_bottom = _offsets(at_bottom, crest)
            with np.errstate(divide="ignore", invalid="ignore"):
                crossing = top - (top - bottom) * over_top / (over_top - over_bottom)
            self._wall_amsl_m = np.where((over_top > 0) & (over_bottom < 0), crossing, -np.inf)
        self._land = land & self._seen
        self.crest_offset_m = self._enlarged(over_top.astype(np.float32))
        self._in_foreshore: list[NDArray[np.bool_]] = []
        for zone in self.foreshore:
            places = eye + slopes * (camera.height_amsl_m - zone.height_amsl_m)
            places[~self._seen] = 1e7
            inside = shapely.contains_xy(shapely.Polygon(zone.ring), places[:, 0], places[:, 1])
            self._in_foreshore.append(np.asarray(inside) & self._seen)

    def _draw(self) -> None:
        """Paints the table: water, foreshore, wall, land, each over what it hides."""
        level = self.water_amsl_m
        codes = np.where(self._seen, WATER, NOTHING).astype(np.uint8)
        for index in range(len(self.foreshore) - 1, -1, -1):
            zone = self.foreshore[index]
            if zone in self._drowned:
                continue
            inside = self._in_foreshore[index]
            if (inside & self._flooded).any():
                level = max(level, zone.height_amsl_m + _SEEN_DEPTH_M)
            codes[inside & ~self._flooded] = FIRST_FORESHORE + index
        plane_of_code = np.full(256, self.geometry.promenade_amsl_m)
        plane_of_code[WATER] = level
        for index, zone in enumerate(self.foreshore):
            plane_of_code[FIRST_FORESHORE + index] = zone.height_amsl_m
        self._plane_of_code = plane_of_code
        codes[self._seen & (self._wall_amsl_m > plane_of_code[codes])] = WALL
        codes[self._land] = LAND
        scale = self._scale(self.geometry.promenade_amsl_m).copy()
        for code in range(WATER, FIRST_FORESHORE + len(self.foreshore)):
            here = codes == code
            scale[here] = self._scale(float(plane_of_code[code]))[here]
        self.codes = self._enlarged(codes)
        self.px_per_m = self._enlarged(scale)
        self.crest_px_per_m = self._enlarged(self._scale(self.geometry.promenade_amsl_m))

    def _scale(self, plane_amsl_m: float) -> NDArray[np.float32]:
        """Pixels per upright metre where each ray meets a plane."""
        key = round(plane_amsl_m / _LEVEL_STEP_M)
        if key not in self._scales:
            places = self._eye + self._slopes * (self.projection.camera.height_amsl_m - plane_amsl_m)
            self._scales[key] = np.nan_to_num(self.projection.height_px(places, plane_amsl_m, 1.0)).astype(np.float32)
        return self._scales[key]

    def _enlarged(self, values: NDArray[_Scalar]) -> NDArray[_Scalar]:
        lens = self.projection.camera.lens
        small = values.reshape(self._shape)
        large = cv2.resize(small, (lens.width_px, lens.height_px), interpolation=cv2.INTER_NEAREST)  # type: ignore[call-overload]
        return cast("NDArray[_Scalar]", large)


def _offsets(points: FloatArray, crest: FloatArray) -> FloatArray:
    """(n,) signed distance to a polyline continued straight at both ends, positive to the right of its direction."""
    best = np.full(len(points), np.inf)
    signed = np.zeros(len(points))
    last = len(crest) - 2
    for index in range(last + 1):
        start, along = crest[index], crest[index + 1] - crest[index]
        length = float(np.hypot(*along))
        unit = along / length
        relative = points - start
        forward = relative @ unit
        right = relative[:, 0] * unit[1] - relative[:, 1] * unit[0]
        beyond = np.maximum(forward - length, 0.0) if index < last else np.zeros(len(points))
        before = np.maximum(-forward, 0.0) if index > 0 else np.zeros(len(points))
        distance = np.hypot(right, beyond + before)
        nearer = distance < best
        best[nearer] = distance[nearer]
        signed[nearer] = right[nearer]
    return signed


def geometry_of_site(
    zones: ZoneSet, crest: FloatArray | None, *, promenade_amsl_m: float, foreshore_amsl_m: float, water_amsl_m: float
) -> SceneGeometry:
    """What vision needs of a site's zones; `crest` is the seawall's edge in metres, the river on its right."""
    heights = {
        GroundSurface.PROMENADE: promenade_amsl_m,
        GroundSurface.FORESHORE: foreshore_amsl_m,
        GroundSurface.WATER: water_amsl_m,
    }
    wanted = [zone for zone in zones.zones if zone.kind in {ZoneKind.DANGER, ZoneKind.PROMENADE}]
    return SceneGeometry(
        zones=tuple(
            SceneZone(
                id=zone.id,
                kind=zone.kind.value,
                surface=zone.surface,
                ring=zone.ring,
                height_amsl_m=heights[zone.surface] if zone.ground_amsl_m is None else zone.ground_amsl_m,
                loiter_s=zone.loiter_s,
                heading=zone.heading,
            )
            for zone in wanted
        ),
        promenade_amsl_m=promenade_amsl_m,
        water_amsl_m=water_amsl_m,
        crest=crest,
    )
