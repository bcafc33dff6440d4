"""What cameras show: people where they are, the bore when it comes, faults; and the same view twice alike."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import cv2
import numpy as np
import pytest
import yaml

from geofence.position import Enu
from sim.camera import CameraFault, SimCamera
from sim.camera.pixels import Picture
from sim.world import (
    BankPlace,
    Bore,
    BuoyKind,
    DroneView,
    FallIn,
    Light,
    PersonPlan,
    Stand,
    Weather,
    World,
    WorldView,
)  # fmt: skip
from sim.world.water import front_bow_m
from tests.sim.world.haining import FRAME, SITE, ground, world
from vision.camera import Camera

AT = datetime(2026, 10, 11, 4, 0, tzinfo=UTC)


@cache
def described() -> dict[str, Camera]:
    cameras = yaml.safe_load((SITE / "site.yaml").read_text(encoding="utf-8"))["cameras"]
    return {camera["id"]: Camera.model_validate(camera) for camera in cameras}


@cache
def _camera(camera_id: str) -> SimCamera:
    return SimCamera(described()[camera_id], FRAME, ground(), seed=3)


@pytest.fixture
def cam3() -> SimCamera:
    camera = _camera("cam-3")
    camera.fault = None
    return camera


def view(given: World, at_s: float) -> WorldView:
    given.advance(at_s)
    return given.view()


def around(picture: Picture, camera: SimCamera, position: Enu, amsl_m: float, *, half_px: int = 12) -> Picture:
    (x, y), _ = (v[0] for v in camera.lens.project(np.array([[position.east_m, position.north_m, amsl_m]])))
    return picture[int(y) - half_px : int(y) + half_px, int(x) - half_px : int(x) + half_px].astype(np.int16)


def test_the_same_view_gives_the_same_bytes(cam3: SimCamera) -> None:
    seen = view(world(PersonPlan("p", BankPlace(80.0, -4.0), (Stand(60.0),)), gulls=4), 5.0)
    first, second = cam3.encoded(seen, AT), cam3.encoded(seen, AT)

    assert first is not None
    assert first == second
    decoded = cv2.imdecode(np.frombuffer(first.data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (360, 640, 3)


@pytest.mark.parametrize(("place", "feet_amsl_m"), [(BankPlace(80.0, -4.0), 8.5), (BankPlace(331.0, 40.0), 5.0)])
def test_a_person_is_seen_where_he_stands_and_nowhere_else(place: BankPlace, feet_amsl_m: float) -> None:
    camera = _camera("cam-3" if place.along_m < 300 else "cam-5")
    nobody, somebody = world(), world(PersonPlan("p", place, (Stand(60.0),)))
    where = ground().to_enu(place)
    without, with_him = (camera.render(view(w, 3.0)) for w in (nobody, somebody))

    changed = np.argwhere((without.astype(np.int16) != with_him).any(axis=2))
    assert len(changed) >= 8
    points = np.array([[where.east_m, where.north_m, feet_amsl_m], [where.east_m, where.north_m, feet_amsl_m + 1.7]])
    (foot, head), _ = camera.lens.project(points)
    assert changed[:, 0].min() == pytest.approx(head[1], abs=3.0)
    assert changed[:, 0].max() == pytest.approx(foot[1], abs=3.0)
    assert changed[:, 1].mean() == pytest.approx(foot[0], abs=2.0)


def test_a_faller_is_seen_on_the_way_down_and_in_the_water(cam3: SimCamera) -> None:
    nobody, given = world(), world(PersonPlan("p", BankPlace(70.0, -3.0), (FallIn(5.0),)))
    for at_s in (5.7, 20.0):
        seen = view(given, at_s)
        person = seen.people[0]
        without, with_him = (cam3.render(v) for v in (view(nobody, at_s), seen))
        parts = [around(p, cam3, person.position, person.feet_amsl_m + 0.5) for p in (without, with_him)]
        assert np.abs(parts[0] - parts[1]).max() > 40


def test_one_behind_the_groyne_is_hidden_by_it() -> None:
    camera = _camera("cam-5")
    behind = BankPlace(337.5, 30.0)
    nobody, given = world(), world(PersonPlan("p", BankPlace(331.0, 30.0), (Stand(60.0),)))
    hidden = view(given, 1.0).people[0]
    at = ground().to_enu(behind)
    low = WorldView(1.0, given.river, given.weather, given.wind, (type(hidden)(
        id="p", position=at, feet_amsl_m=1.5, heading_deg=0.0, pose=hidden.pose, phase=0.0, height_m=1.0,
        top=hidden.top, legs=hidden.legs, behind_railing=False),))  # fmt: skip

    assert np.array_equal(camera.render(low), camera.render(view(nobody, 1.0)))


def test_the_bore_front_is_a_bright_line_where_the_front_is(cam3: SimCamera) -> None:
    given = world(bore=Bore(passes_origin_s=100.0))
    for at_s in (76.0, 84.0):
        seen = view(given, at_s)
        front = given.river.bore.front_along_m(at_s)  # type: ignore[union-attr]
        ahead, behind = (ground().to_enu(BankPlace(front + front_bow_m(25.0) + d, 25.0)) for d in (-8.0, 2.0))
        picture = cam3.render(seen)
        white = np.median(around(picture, cam3, behind, 3.3, half_px=2))
        water = np.median(around(picture, cam3, ahead, 1.5, half_px=2))
        assert white > water + 30


def test_the_flood_drowns_the_foreshore() -> None:
    camera = _camera("cam-1")
    given = world(bore=Bore(passes_origin_s=20.0))
    spot = ground().to_enu(BankPlace(-330.0, 20.0))
    dry = around(camera.render(view(given, 1.0)), camera, spot, 3.0, half_px=20)
    drowned = around(camera.render(view(given, 200.0)), camera, spot, 3.0, half_px=20)

    assert drowned.mean() > dry.mean() + 5  # wet mud is darker than water under a bright sky


def test_the_water_moves_and_the_wall_does_not(cam3: SimCamera) -> None:
    given = world()
    first, second = (cam3.render(view(given, t)).astype(np.int16) for t in (1.0, 1.4))
    river, promenade = ground().to_enu(BankPlace(60.0, 15.0)), ground().to_enu(BankPlace(60.0, -7.0))

    def change(where: Enu, amsl_m: float) -> float:
        return float(np.abs(around(first, cam3, where, amsl_m) - around(second, cam3, where, amsl_m)).mean())

    assert change(river, 1.5) > 2.0 * change(promenade, 8.5)


def test_lifebuoy_and_drone_are_in_the_picture(cam3: SimCamera) -> None:
    nobody, given = world(), world()
    where = ground().to_enu(BankPlace(60.0, 12.0))
    given.release(where, 2.0, (0.0, 0.0, 0.0), BuoyKind.RING)
    given.place_drone(DroneView("cx-1", where, 10.0, 90.0))
    without, with_them = cam3.render(view(nobody, 2.0)), cam3.render(view(given, 2.0))

    buoy = around(with_them, cam3, given.view().buoys[0].position, 1.5, half_px=6)
    assert (buoy[:, :, 2] - buoy[:, :, 0]).max() > 80  # orange
    assert not np.array_equal(around(without, cam3, where, 10.0), around(with_them, cam3, where, 10.0))


def test_faults(cam3: SimCamera) -> None:
    given = world()
    clear = cam3.render(view(given, 1.0)).copy()

    cam3.fault = CameraFault.FROZEN
    assert np.array_equal(cam3.render(view(given, 3.0)), clear)
    cam3.fault = CameraFault.BLACK
    assert cam3.render(view(given, 4.0)).mean() < 8
    cam3.fault = CameraFault.OFF
    assert cam3.encoded(view(given, 5.0), AT) is None
    cam3.fault = CameraFault.DIRTY
    soiled = cam3.render(view(given, 6.0))
    cam3.fault = None
    assert cv2.Laplacian(soiled, cv2.CV_64F).std() < 0.8 * cv2.Laplacian(clear, cv2.CV_64F).std()


def test_light_and_rain_change_the_picture(cam3: SimCamera) -> None:
    rng = np.random.default_rng(1)
    calm = world()
    pictures: list[Picture] = []
    for weather in (Weather.drawn(rng), Weather.drawn(rng, light=Light.DAY), Weather.drawn(rng, rain=True)):
        seen = WorldView(1.0, calm.river, weather, calm.wind)
        pictures.append(cam3.render(seen).astype(np.int16))

    assert pictures[1].mean() > pictures[0].mean() + 3
    assert np.abs(pictures[2] - pictures[0]).max() > 8


@pytest.mark.parametrize("camera_id", ["cam-1", "cam-2", "cam-3", "cam-4", "cam-5", "cam-6"])
def test_every_camera_of_the_site_sees_land_water_and_sky(camera_id: str) -> None:
    picture = _camera(camera_id).render(view(world(), 1.0))

    assert picture.shape == (360, 640, 3)
    assert picture[:6].mean() > 150  # sky
    assert picture.std() > 15
