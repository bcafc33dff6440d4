"""The site as clients see it once."""

from __future__ import annotations

import json
from typing import Any, cast

from flightctl.api.views import CameraPlace, DockPlace, SiteView, SpeakerPlace, StationView
from flightctl.site import Drone, Text
from flightctl.site_loading import Site
from vision.calibration import Projection
from vision.camera import Camera


def site_view(site: Site) -> SiteView:
    file, frame = site.file, site.frame
    river = site.river
    axis = [frame.to_wgs84(river.point_at(c)) for c in _steps(river.length_m)]
    return SiteView(
        id=file.id,
        name=file.name,
        note=file.note,
        timezone=file.timezone,
        simulated=file.simulated,
        origin=file.origin,
        zones=_zones(site),
        basemap=site.basemap,
        river_axis=tuple(axis),
        stations=tuple(
            StationView(id=s.id, name=Text(zh=s.name.zh, en=s.name.en), position=s.position) for s in river.stations
        ),
        docks=tuple(DockPlace(id=d.id, name=d.name, position=d.position) for d in file.docks),
        drones=tuple(_drone(drone) for drone in file.drones),
        cameras=tuple(_camera(site, camera) for camera in file.cameras),
        speakers=tuple(
            SpeakerPlace(id=s.id, name=s.name, position=s.position, range_m=s.range_m) for s in file.speakers
        ),
        policy=file.policy,
        hails=file.hails,
    )


def _drone(drone: Drone) -> Drone:
    """Without the address of its pictures, which may carry a password."""
    if drone.camera is None:
        return drone
    return drone.model_copy(update={"camera": drone.camera.model_copy(update={"stream": ""})})


def _camera(site: Site, camera: Camera) -> CameraPlace:
    ground_amsl_m = site.file.heights_amsl_m.foreshore
    ring = Projection(camera, site.frame).field_of_view(ground_amsl_m)
    return CameraPlace(
        id=camera.id,
        name=Text(zh=camera.name["zh"], en=camera.name["en"]),
        position=camera.position,
        field_of_view=tuple(ring),
        width_px=camera.lens.width_px,
        height_px=camera.lens.height_px,
    )


def _zones(site: Site) -> dict[str, Any]:
    text = (site.folder / "zones.geojson").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _steps(length_m: float) -> list[float]:
    count = max(int(length_m // 500), 2)
    return [length_m * i / count for i in range(count + 1)]
