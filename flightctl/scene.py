"""What vision's pipelines must know of the site: zones with the height of what one stands on, the seawall's line."""

from __future__ import annotations

from flightctl.site_loading import Site
from vision.alert import Surface
from vision.scene import SceneGeometry, SceneZone


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
        surface = Surface(zone.surface.value)
        height_m = height_of[surface] if zone.ground_amsl_m is None else zone.ground_amsl_m
        zones.append(SceneZone(zone.id, zone.kind.value, surface, zone.ring, height_m))
    return SceneGeometry(
        zones=tuple(zones),
        promenade_amsl_m=heights.promenade,
        water_amsl_m=water_amsl_m,
        crest=site.river.bank.crest,
    )
