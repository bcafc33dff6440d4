"""Stories told in pixels: what one camera must say of them."""

from __future__ import annotations

import pytest

from geofence.position import Enu
from tests.vision.toy import FORESHORE_M, FRAME, PROMENADE_M, WATER_M, Thing, Toy
from vision.alert import AlertKind, CameraHealth, Surface


def walker(east_m: float, north_m: float = 4.0) -> Thing:
    return Thing(east_m, north_m, PROMENADE_M)


def fall(east_m: float, seconds: float) -> Thing:
    """Off the wall at `east_m`: 5.5 m down to the water in about 1.2 s, then drifting east at 1 m/s as a head."""
    dropped = min(4.905 * seconds**2, PROMENADE_M - WATER_M)
    if dropped < PROMENADE_M - WATER_M:
        return Thing(east_m, -0.2 - 1.1 * seconds, PROMENADE_M - dropped, tall_m=1.5)
    return Thing(east_m + (seconds - 1.2), -1.6, WATER_M, tall_m=0.45, wide_m=0.5)


def test_an_empty_scene_with_moving_water_raises_nothing_and_tracks_nobody() -> None:
    toy = Toy()
    toy.learn(seconds=40)
    assert toy.alerts == []
    assert all(report.tracks == () for report in toy.reports)
    assert toy.reports[-1].health is CameraHealth.OK


def test_a_walker_is_one_track_on_the_promenade_and_no_alert() -> None:
    toy = Toy()
    toy.learn()
    for step in range(40):
        toy.show(walker(20 + 0.26 * step))
    seen = [view for report in toy.reports for view in report.tracks]
    assert {view.track_id for view in seen} == {seen[0].track_id}
    assert {view.surface for view in seen} == {Surface.PROMENADE}
    assert FRAME.to_enu(seen[-1].position).distance_m(Enu(20 + 0.26 * 39, 4)) < 1.5
    assert toy.alerts == []


def test_who_stands_still_for_two_minutes_does_not_melt_into_the_background() -> None:
    toy = Toy()
    toy.learn()
    toy.learn(walker(30), seconds=120)
    assert [view.surface for view in toy.reports[-1].tracks] == [Surface.PROMENADE]


def test_feet_in_the_danger_zone_are_told_once_after_the_inertia_with_a_picture() -> None:
    toy = Toy()
    toy.learn()
    for step in range(50):
        toy.show(Thing(70 + 0.1 * step, -20, FORESHORE_M))
    assert toy.kinds() == [AlertKind.ZONE_ENTRY]
    alert = toy.alerts[0]
    assert alert.details["zone_id"] == "flat"
    assert alert.evidence.snapshot in toy.evidence
    assert alert.position is not None
    assert FRAME.to_enu(alert.position).distance_m(Enu(71, -20)) < 3 + alert.position.sigma_m
    assert toy.reports[-1].tracks[0].zone_ids == ("flat",)
    assert toy.reports[-1].tracks[0].alerting


@pytest.mark.parametrize("east_m", [25.0, 40.0, 55.0])
def test_a_fall_over_the_wall_is_told_within_two_seconds_and_the_head_is_followed(east_m: float) -> None:
    toy = Toy()
    toy.learn()
    for step in range(20):
        toy.show(walker(east_m, north_m=4 - 0.2 * step))
    fell_at = toy.at
    for step in range(60):
        toy.show(fall(east_m, step / 5))
    falls = [alert for alert in toy.alerts if alert.kind is AlertKind.FALL]
    assert len(falls) == 1
    assert (falls[0].at - fell_at).total_seconds() <= 2.0
    followed = [
        view
        for report in toy.reports[-40:]
        for view in report.tracks
        if view.track_id == falls[0].track_id and view.alerting and view.surface is Surface.WATER
    ]
    assert len(followed) >= 36
    assert FRAME.to_enu(followed[-1].position).distance_m(Enu(east_m + 10.6, -1.6)) < 4
    assert AlertKind.PERSON_IN_WATER in toy.kinds()


def test_the_same_frames_give_the_same_reports() -> None:
    def story() -> list[str]:
        toy = Toy()
        toy.learn()
        for step in range(30):
            toy.show(Thing(70 + 0.1 * step, -20, FORESHORE_M))
        return [report.model_dump_json(exclude={"preview_jpeg"}) for report in toy.reports]

    assert story() == story()
