"""Where vision says somebody is, how sure it says it is, and whom it must not tell of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geofence.position import Enu
from sim.world import BankPlace, BoatPlan, Bore, ClimbDown, FallIn, PersonPlan, Stand, Walk, Wander
from tests.vision.test_rendered import Story
from tests.vision.toy import FORESHORE_M, FRAME, PROMENADE_M, WATER_M, Thing, Toy
from vision.alert import AlertKind, Surface
from vision.scene import SceneContext


def test_feet_beyond_the_cameras_range_raise_nothing_and_are_not_reported() -> None:
    person = PersonPlan("far", BankPlace(-205, -4), (Stand(4), ClimbDown(BankPlace(-188, 14)), Stand(60)))
    story = Story("cam-1", people=(person,))  # its lens hangs 240 m away and sees 175 m
    story.run(25)
    assert story.told() == []
    assert all(report.tracks == () for report in story.reports)


def test_the_alert_and_the_tracks_of_who_comes_down_the_stairs_are_as_sure_as_they_say() -> None:
    person = PersonPlan("p", BankPlace(-186, -3), (Stand(4), ClimbDown(BankPlace(-184, 14)), Stand(60)))
    story = Story("cam-2", people=(person,))
    off_sigmas: list[float] = []
    for step in range(24 * 5):
        story.run_frame(step)
        truth = story.world.people["p"].position
        for view in story.reports[-1].tracks:
            if view.surface is Surface.FORESHORE:
                off_m = story.frame.to_enu(view.position).distance_m(truth)
                off_sigmas.append(off_m / view.position.sigma_m)
        for alert in story.reports[-1].alerts:
            assert alert.position is not None
            off_m = story.frame.to_enu(alert.position).distance_m(truth)
            assert off_m < 2.5 * alert.position.sigma_m + 1.0
            assert off_m < 10.0
    assert [kind for kind, _ in story.told()] == [AlertKind.ZONE_ENTRY]
    assert math.sqrt(sum(x * x for x in off_sigmas) / len(off_sigmas)) < 2.5


@pytest.mark.parametrize("camera_id", ["cam-3", "cam-4"])
def test_a_fall_is_placed_where_the_person_left_the_edge(camera_id: str) -> None:

    person = PersonPlan("p", BankPlace(88, -4), (Walk(BankPlace(95, -1.2)), FallIn(12.0)))
    story = Story(camera_id, people=(person,))
    story.run(16)
    alert = next(a for r in story.reports for a in r.alerts if a.kind is AlertKind.FALL)
    assert alert.position is not None
    left_at = story.ground.to_enu(BankPlace(95.0, 0.0))
    assert story.frame.to_enu(alert.position).distance_m(left_at) < 2.0 * alert.position.sigma_m
    assert alert.position.sigma_m < 6.0


def test_a_boat_that_passes_behind_the_groynes_tip_enters_no_zone() -> None:
    story = Story("cam-5", boats=(BoatPlan(BankPlace(300, 84), 3.0),))
    story.run(30)
    assert story.told() == []


@pytest.mark.timeout(180)
def test_the_front_makes_no_people_and_a_casualty_in_it_never_leaps() -> None:
    person = PersonPlan("p", BankPlace(-180, 18), (Walk(BankPlace(-184, 20)), Wander(300)))
    story = Story("cam-2", bore=Bore(passes_origin_s=-14.0), people=(person,))
    story.run(45)
    told = [kind for kind, _ in story.told()]
    assert told.count(AlertKind.ZONE_ENTRY) == 1
    assert told.count(AlertKind.PERSON_IN_WATER) == 1
    last: dict[int, tuple[float, Enu]] = {}
    leaps_m: list[float] = []
    for index, report in enumerate(story.reports):
        for view in report.tracks:
            place = story.frame.to_enu(view.position)
            if view.surface is Surface.WATER:
                if view.track_id in last:
                    since_s = index / 5 - last[view.track_id][0]
                    leaps_m.append(place.distance_m(last[view.track_id][1]) - 6.0 * since_s)
                last[view.track_id] = (index / 5, place)
    assert leaps_m
    assert max(leaps_m) < 2.0
    alerting = [view for report in story.reports for view in report.tracks if view.alerting]
    assert {view.track_id for view in alerting if view.surface is Surface.WATER} == set(last)


def test_who_left_while_the_scene_was_learnt_leaves_no_ghost() -> None:
    toy = Toy()
    toy.learn(Thing(80, -20, FORESHORE_M), seconds=4)
    toy.learn(seconds=20)
    assert toy.alerts == []
    assert toy.reports[-1].tracks == ()


def test_a_place_on_the_promenade_is_not_surer_than_the_calibration() -> None:
    toy = Toy()
    toy.learn()
    for step in range(60):
        toy.show(Thing(15 + 0.1 * step, 4, PROMENADE_M))
    view = toy.reports[-1].tracks[0]
    assert view.position.sigma_m >= 0.5
    assert FRAME.to_enu(view.position).distance_m(Enu(20.9, 4)) < 2.5 * view.position.sigma_m


@pytest.mark.parametrize("level_amsl_m", [WATER_M, 4.0, 6.0])
def test_somebody_in_the_water_is_placed_on_its_measured_level(level_amsl_m: float) -> None:
    """On the plane of another level the same pixel would lie metres away."""
    toy = Toy()
    toy.pipeline.set_context(SceneContext(water_amsl_m=level_amsl_m))
    toy.learn()
    east_m, drop_m = 40.0, PROMENADE_M - level_amsl_m
    for step in range(20):
        toy.show(Thing(east_m, 4 - 0.2 * step, PROMENADE_M))
    for step in range(50):
        sunk_m = 4.905 * (step / 5) ** 2
        if sunk_m < drop_m:
            toy.show(Thing(east_m, -0.8, PROMENADE_M - sunk_m))
        else:
            toy.show(Thing(east_m + step / 5, -1.6, level_amsl_m, tall_m=0.45, wide_m=0.5))
    (alert,) = [alert for alert in toy.alerts if alert.kind is AlertKind.FALL]
    view = next(v for v in toy.reports[-1].tracks if v.track_id == alert.track_id)
    truth = Enu(east_m + 49 / 5, -1.6)
    assert view.surface is Surface.WATER
    off_m = FRAME.to_enu(view.position).distance_m(truth)
    assert off_m < 2.0
    pixel = toy.projection.pixels(np.array([[truth.east_m, truth.north_m]]), level_amsl_m)
    other_m = WATER_M if level_amsl_m > 3 else 6.0
    elsewhere = toy.projection.ground(pixel, other_m).enu[0]
    assert math.hypot(elsewhere[0] - truth.east_m, elsewhere[1] - truth.north_m) > 2 * off_m
