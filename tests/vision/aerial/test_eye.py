"""A drone's eye on rendered water: finds a swimmer, says how surely, and lets foam, gulls and buoys be."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from flightctl.scene import scene_geometry
from flightctl.site_loading import HAINING, load_site
from geofence.position import Enu
from sim.camera.aerial import Askew, Floating, Gazing, SimDroneCamera
from sim.evaluation.aerial import CAMERA, Flight, fly
from sim.scenario.stage import read_ground
from sim.world import BankPlace, BuoyKind, River, Weather, WorldView
from sim.world.view import BuoyView, PersonView, Pose
from vision.aerial.eye import AerialContext, DroneEye
from vision.alert import CameraHealth, FrameReport, Surface
from vision.frame import EncodedFrame

SITE = load_site(HAINING)
GROUND = read_ground(SITE.folder, SITE.frame)
GEOMETRY = scene_geometry(SITE, water_amsl_m=1.5)
BEGINS = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
WATER_M = 1.5
PLACE = GROUND.to_enu(BankPlace(50.0, 25.0))
ABOVE = Gazing(PLACE + Enu(-6.0, -2.0), WATER_M + 25.0, 71.6, -math.degrees(math.atan2(25.0, math.hypot(6, 2))))


def swimmer(place: Enu, at_s: float) -> PersonView:
    return PersonView("p", place, WATER_M, 40.0, Pose.SWIMMING, 2 * at_s, 1.7, (62, 58, 150), (45, 40, 38), False)


class Hover:
    """A drone that stands in the air over still water."""

    def __init__(self) -> None:
        self.eye = DroneEye("cx-1-eye", CAMERA, SITE.frame, GEOMETRY)
        self.camera = SimDroneCamera("cx-1-eye", CAMERA, GROUND, askew=Askew(), floating=Floating(foam=0))
        self.context: AerialContext | None = AerialContext(BEGINS, WATER_M, PLACE, 4.0)
        self.at_s = 0.0

    def look(self, *people: Enu, buoys: tuple[Enu, ...] = (), told: bool = True) -> FrameReport:
        self.at_s += 0.2
        at = BEGINS + timedelta(seconds=self.at_s)
        if told:
            self.eye.poses.heard_position(at, SITE.frame.to_wgs84(ABOVE.place), ABOVE.amsl_m)
            self.eye.poses.heard_attitude(at, yaw_deg=ABOVE.azimuth_deg, pitch_deg=ABOVE.pitch_deg)
        if self.context is not None:
            self.eye.set_context(replace(self.context, at=at))
        view = WorldView(
            self.at_s,
            River(ebb_mps=0.0),
            Weather(),
            Enu(0.0, 0.0),
            people=tuple(swimmer(p, self.at_s) for p in people),
            buoys=tuple(BuoyView(k, BuoyKind.RING, p, WATER_M, True) for k, p in enumerate(buoys)),
        )
        frame = self.camera.encoded(view, ABOVE, at + timedelta(seconds=CAMERA.latency_s))
        assert frame is not None
        return self.eye.process(frame)


def test_a_swimmer_is_told_with_an_honest_place() -> None:
    hover = Hover()
    him = PLACE + Enu(2.0, 3.0)
    reports = [hover.look(him) for _ in range(12)]
    (view,) = reports[-1].tracks
    assert view.alerting
    assert view.surface is Surface.WATER
    assert SITE.frame.to_enu(view.position).distance_m(him) < 0.6  # nothing is askew here
    assert 1.0 <= view.position.sigma_m < 2.0
    assert reports[-1].health is CameraHealth.OK
    assert reports[0].preview_jpeg is not None
    assert reports[-1].at == BEGINS + timedelta(seconds=hover.at_s)


def test_empty_water_and_a_lifebuoy_that_was_dropped_are_nobody() -> None:
    hover = Hover()
    assert not any(hover.look().tracks for _ in range(5))
    buoy = PLACE + Enu(1.0, 1.0)
    hover.context = AerialContext(BEGINS, WATER_M, PLACE, 4.0, lifebuoy=buoy)
    assert not any(hover.look(buoys=(buoy,)).tracks for _ in range(12))


def test_he_is_kept_when_the_lifebuoy_lands_beside_him() -> None:
    hover = Hover()
    first = [hover.look(PLACE) for _ in range(10)][-1].tracks[0].track_id
    buoy = PLACE + Enu(1.8, 0.5)
    hover.context = AerialContext(BEGINS, WATER_M, PLACE, 2.0, lifebuoy=buoy)
    reports = [hover.look(PLACE, buoys=(buoy,)) for _ in range(10)]
    assert {view.track_id for report in reports for view in report.tracks} == {first}
    assert [view.track_id for view in reports[-1].tracks] == [first]


def test_somebody_far_from_where_the_person_can_be_is_not_taken_for_him() -> None:
    hover = Hover()
    hover.context = AerialContext(BEGINS, WATER_M, PLACE, 1.0)
    reports = [hover.look(PLACE + Enu(8.5, 0.0)) for _ in range(12)]
    assert not any(view.alerting for report in reports for view in report.tracks)


def test_without_telemetry_nothing_is_told_and_the_reason_is() -> None:
    hover = Hover()
    reports = [hover.look(PLACE, told=False) for _ in range(6)]
    assert not any(report.tracks for report in reports)
    assert "no position" in reports[-1].health_reason


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "cannot be decoded"), (b"\xff\xd8 not a picture", "cannot be decoded")],
    ids=["empty", "broken"],
)
def test_a_broken_picture_is_said(data: bytes, why: str) -> None:
    eye = Hover().eye
    report = eye.process(EncodedFrame("cx-1-eye", BEGINS, data))
    assert report.health is CameraHealth.LOST
    assert why in report.health_reason


def test_before_it_is_told_of_the_water_it_waits() -> None:
    hover = Hover()
    hover.context = None
    assert hover.look(PLACE).health is CameraHealth.STARTING


def test_on_the_way_in_he_is_found_and_held() -> None:
    flown = fly(Flight(seed=101, height_m=55.0, seconds=9.0), GROUND, SITE.frame, GEOMETRY)
    assert flown.found_after_s is not None
    assert flown.found_after_s < 4.0
    assert flown.held > 0.6 * flown.looks
    assert np.median(np.divide(flown.errors_m, flown.sigmas_m)) < 2.0
    assert flown.strangers == 0


def test_foam_and_gulls_are_not_taken_for_him() -> None:
    flown = fly(Flight(seed=102, person=False, wind_mps=8.0, seconds=4.0), GROUND, SITE.frame, GEOMETRY)
    assert flown.strangers == 0
