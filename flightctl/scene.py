"""What vision's pipelines must know of the site: zones with the height of what one stands on, the seawall's line."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import Protocol

from flightctl.site_loading import Site, SiteInvalid
from geofence.errors import Problem
from geofence.position import Enu
from vision.alert import Surface
from vision.calibration import Projection
from vision.camera import Camera
from vision.scene import SceneContext, SceneGeometry, SceneModel, SceneZone

_LEVEL_TOLD_EVERY_S = 1.0


def scene_geometry(site: Site, *, water_amsl_m: float) -> SceneGeometry:
    """`water_amsl_m` is the level to begin with; later ones come as `SceneContext`."""
    heights = site.file.heights_amsl_m
    height_of = {
        Surface.PROMENADE: heights.promenade,
        Surface.FORESHORE: heights.foreshore,
        Surface.WATER: water_amsl_m,
    }
    zones: list[SceneZone] = []
    for zone in site.zones.zones:
        surface = zone.surface
        height_m = height_of[surface] if zone.ground_amsl_m is None else zone.ground_amsl_m
        zones.append(SceneZone(zone.id, zone.kind.value, surface, zone.ring, height_m, zone.loiter_s, zone.heading))
    return SceneGeometry(
        zones=tuple(zones),
        promenade_amsl_m=heights.promenade,
        water_amsl_m=water_amsl_m,
        crest=site.river.bank.crest,
    )


class TakesContext(Protocol):
    """Vision, as far as it wants to know of the water."""

    def set_context(self, context: SceneContext, camera_id: str | None = None) -> None: ...


async def tell_levels(
    site: Site, cameras: Iterable[Camera], water_amsl_m: Callable[[Enu], float], vision: TakesContext
) -> None:
    """Each camera hears of the forecast water level where it looks, until cancelled."""
    looked_at = {camera.id: site.frame.to_enu(camera.position) + _ahead(camera) for camera in cameras}
    while True:
        for camera_id, place in looked_at.items():
            vision.set_context(SceneContext(water_amsl_m=water_amsl_m(place)), camera_id)
        await asyncio.sleep(_LEVEL_TOLD_EVERY_S)


def _ahead(camera: Camera) -> Enu:
    """The middle of what a camera watches, from the camera."""
    yaw = math.radians(camera.yaw_deg)
    return Enu(math.sin(yaw), math.cos(yaw)).scaled(camera.range_m / 2)


def camera_scene(site: Site, camera_id: str) -> SceneModel:
    """What one camera of the site sees, at low water. Raises SiteInvalid when there is no such camera."""
    for camera in site.file.cameras:
        if camera.id == camera_id:
            geometry = scene_geometry(site, water_amsl_m=site.river.level.low_amsl_m)
            return SceneModel(Projection(camera, site.frame), geometry)
    known = ", ".join(camera.id for camera in site.file.cameras) or "none"
    raise SiteInvalid([Problem("cameras", f"there is no camera {camera_id!r}; there are: {known}", "site.yaml")])
