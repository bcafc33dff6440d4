"""The simulated drone's camera: people, lifebuoys and the bank where its geometry says, from wherever it flies."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from geofence.position import Enu
from sim.camera.aerial import Askew, Floating, Gazing, SimDroneCamera
from sim.camera.camera import CameraFault
from sim.camera.pixels import Picture
from sim.world import BankPlace, BuoyKind, River, Weather, WorldView
from sim.world.view import BuoyView, PersonView, Pose
from tests.sim.world.haining import ground
from vision.aerial.camera import DroneCamera
from vision.camera import Lens

GROUND = ground()
CAMERA = DroneCamera(stream="http://127.0.0.1:1/eye.mjpg", lens=Lens(width_px=640, height_px=360, hfov_deg=60))
WATER_M = 1.5


@pytest.fixture(scope="module")
def eye() -> SimDroneCamera:
    return SimDroneCamera("cx-1-eye", CAMERA, GROUND, seed=4, askew=Askew(), floating=Floating(foam=0))


def view(*, people: tuple[PersonView, ...] = (), buoys: tuple[BuoyView, ...] = (), at_s: float = 3.0) -> WorldView:
    return WorldView(at_s, River(), Weather(), Enu(0.0, 0.0), people=people, buoys=buoys)


def at(along_m: float, offset_m: float) -> Enu:
    return GROUND.to_enu(BankPlace(along_m, offset_m))


def swimmer(place: Enu) -> PersonView:
    return PersonView("p", place, WATER_M, 40.0, Pose.SWIMMING, 2.0, 1.7, (40, 40, 160), (45, 40, 38), False)


def towards(place: Enu, *, from_: Enu, height_m: float) -> Gazing:
    there = place - from_
    azimuth = math.degrees(math.atan2(there.east_m, there.north_m))
    return Gazing(from_, WATER_M + height_m, azimuth, math.degrees(math.atan2(-height_m, there.length_m)))


def changed(before: Picture, after: Picture) -> tuple[float, float]:
    """The middle of what differs."""
    rows, columns = np.nonzero(cv2.absdiff(before, after).max(axis=2) > 60)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize(("height_m", "back_m"), [(10.0, 3.0), (30.0, 40.0), (60.0, 30.0)])
def test_a_swimmer_is_where_the_lens_puts_him(eye: SimDroneCamera, height_m: float, back_m: float) -> None:
    place = at(50.0, 20.0)
    gazing = towards(at(53.0, 21.0), from_=at(50.0 - back_m, 14.0), height_m=height_m)
    found = changed(eye.render(view(), gazing), eye.render(view(people=(swimmer(place),)), gazing))
    pixels, _ = eye.lens(gazing, 3.0).project(np.array([[place.east_m, place.north_m, WATER_M + 0.2]]))
    assert math.dist(found, pixels[0].tolist()) < 400.0 / height_m / 2.0  # within half a metre


def test_the_wall_lies_between_land_and_water(eye: SimDroneCamera) -> None:
    crest = at(50.0, 0.0)
    gazing = Gazing(at(50.0, 4.0), 40.0, 0.0, -90.0)
    picture = eye.render(view(), gazing)
    lens = eye.lens(gazing, 3.0)
    land, _ = lens.project(np.array([[*_pair(at(50.0, -3.0)), 8.5]]))
    water, _ = lens.project(np.array([[*_pair(at(50.0, 12.0)), WATER_M]]))
    edge, _ = lens.project(np.array([[*_pair(crest), 8.5]]))
    paving, river = colour(picture, land), colour(picture, water)
    assert abs(int(paving[0]) - int(paving[2])) < 25  # grey
    assert int(river[2]) - int(river[0]) > 25  # yellow with silt
    assert land[0, 1] < edge[0, 1] < water[0, 1]


def test_the_water_moves_under_a_still_drone_and_its_bank_does_not(eye: SimDroneCamera) -> None:
    gazing = Gazing(at(50.0, 4.0), 40.0, 0.0, -90.0)
    moved = cv2.absdiff(eye.render(view(), gazing), eye.render(view(at_s=4.0), gazing)).mean(axis=2)
    assert moved[300:].mean() > 3 * moved[:60].mean()


def test_an_askew_camera_shows_things_beside_where_telemetry_puts_them() -> None:
    askew = SimDroneCamera("e", CAMERA, GROUND, askew=Askew(pitch_deg=2.0), floating=Floating(foam=0))
    place = at(50.0, 20.0)
    gazing = towards(place, from_=at(30.0, 14.0), height_m=30.0)
    found = changed(askew.render(view(), gazing), askew.render(view(people=(swimmer(place),)), gazing))
    assert found[1] - 180.0 == pytest.approx(math.tan(math.radians(2.0)) * askew.lens(gazing, 3.0).focal_px, abs=4.0)


def test_the_lifebuoy_is_orange(eye: SimDroneCamera) -> None:
    place = at(50.0, 20.0)
    gazing = towards(place, from_=at(48.0, 20.0), height_m=8.0)
    picture = eye.render(view(buoys=(BuoyView(1, BuoyKind.RING, place, WATER_M, True),)), gazing)
    assert ((picture[:, :, 2].astype(int) - picture[:, :, 0]) > 150).sum() > 200


def test_faults(eye: SimDroneCamera) -> None:
    gazing = towards(at(50.0, 20.0), from_=at(48.0, 20.0), height_m=8.0)
    when = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
    eye.fault = CameraFault.OFF
    assert eye.encoded(view(), gazing, when) is None
    eye.fault = CameraFault.BLACK
    assert eye.render(view(), gazing).max() < 10
    eye.fault = None
    frame = eye.encoded(view(), gazing, when)
    assert frame is not None
    assert frame.data[:2] == b"\xff\xd8"


def _pair(place: Enu) -> tuple[float, float]:
    return place.east_m, place.north_m


def colour(picture: Picture, pixels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    u, v = (round(float(x)) for x in pixels[0])
    return picture[v - 2 : v + 3, u - 2 : u + 3].mean(axis=(0, 1)).tolist()
