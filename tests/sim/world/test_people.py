"""People do what their plans say, and what the river does to them."""

from __future__ import annotations

import pytest

from geofence.position import Enu
from sim.world import (
    BankPlace,
    Bore,
    BuoyKind,
    ClimbDown,
    CrowdPlan,
    EventKind,
    FallIn,
    PersonPlan,
    Stand,
    Walk,
    Wander,
)  # fmt: skip
from sim.world.people import Body
from tests.sim.world.haining import ground, happened, world

FALLER = PersonPlan("faller", BankPlace(110.0, -3.0), (FallIn(at_s=10.0),))


def on_foreshore(heeds_after_s: float | None) -> PersonPlan:
    acts = (ClimbDown(BankPlace(-270.0, 20.0)), Wander(600.0))
    return PersonPlan("climber", BankPlace(-262.0, -4.0), acts, heeds_hail_after_s=heeds_after_s)


def test_a_walker_arrives_and_stays_on_the_promenade() -> None:
    given = world(PersonPlan("walker", BankPlace(0.0, -4.0), (Walk(BankPlace(13.0, -4.0), 1.3), Stand(5.0))))

    given.advance(9.0)
    assert given.people["walker"].place.along_m < 13.0
    given.advance(11.0)

    assert given.people["walker"].place == BankPlace(13.0, -4.0)
    assert given.events == []


def test_a_fall_happens_at_its_time_takes_about_a_second_and_ends_in_the_water() -> None:
    given = world(FALLER)

    given.advance(9.9)
    assert given.people["faller"].body is Body.ASHORE
    given.advance(15.0)

    (fell,), (splash,) = happened(given, EventKind.FELL), happened(given, EventKind.SPLASH)
    assert fell.at_s == pytest.approx(10.0, abs=0.06)
    assert 1.0 < splash.at_s - fell.at_s < 1.5  # seven metres
    assert given.people["faller"].in_water
    assert given.people["faller"].feet_amsl_m == pytest.approx(1.5)


def test_one_in_the_water_drifts_with_the_current_and_never_through_the_wall() -> None:
    given = world(FALLER)
    given.advance(12.0)
    began = given.people["faller"].place

    for second in range(13, 90):
        given.advance(second)
        assert given.people["faller"].place.offset_m >= 0.6

    assert given.people["faller"].place.along_m > began.along_m + 20.0  # the ebb runs east


def test_a_hail_brings_back_one_who_heeds_it() -> None:
    given = world(on_foreshore(heeds_after_s=3.0))
    given.advance(60.0)
    assert given.people["climber"].place.offset_m > 5.0

    reached = given.hear(ground().to_enu(BankPlace(-250.0, -5.0)), 150.0, "leave the foreshore")
    given.advance(120.0)

    assert reached == ("climber",)
    (back,) = happened(given, EventKind.WALKED_BACK)
    assert back.at_s > 63.0
    assert back.details["hailed"] == 1.0
    assert given.people["climber"].place.offset_m < 0.0


def test_a_hail_is_lost_on_one_who_ignores_it_and_on_one_too_far_away() -> None:
    given = world(on_foreshore(heeds_after_s=None))
    given.advance(60.0)

    assert given.hear(ground().to_enu(BankPlace(100.0, -5.0)), 150.0, "leave the foreshore") == ()
    assert given.hear(ground().to_enu(BankPlace(-250.0, -5.0)), 150.0, "leave the foreshore") == ("climber",)
    given.advance(120.0)

    assert len(happened(given, EventKind.HAILED)) == 1
    assert happened(given, EventKind.WALKED_BACK) == []


def test_the_bore_takes_whoever_is_on_foreshore_or_groyne_when_it_comes() -> None:
    out = PersonPlan("angler", BankPlace(331.0, -4.0), (ClimbDown(BankPlace(331.0, 50.0)), Stand(900.0)))
    given = world(on_foreshore(None), out, bore=Bore(passes_origin_s=200.0))

    given.advance(300.0)

    swept = {event.subject: event for event in happened(given, EventKind.SWEPT)}
    assert set(swept) == {"climber", "angler"}
    for event in swept.values():
        passed_s = given.river.bore.seconds_since(ground().to_bank(event.position), event.at_s)  # type: ignore[union-attr]
        assert 0.0 < passed_s < 3.0
    assert ground().to_bank(swept["climber"].position).along_m > given.people["climber"].place.along_m + 30.0


def test_one_in_the_water_reaches_a_lifebuoy_near_him() -> None:
    given = world(FALLER, wind_mps=0.0)
    given.advance(20.0)
    person = given.people["faller"].position

    given.release(person + Enu(1.0, -1.5), 9.5, (0.0, 0.0, 0.0), BuoyKind.RING)
    given.advance(40.0)

    (splash,) = happened(given, EventKind.BUOY_SPLASH)
    assert splash.details["person_id"] == "faller"
    assert 1.0 < float(splash.details["distance_m"]) < 3.0
    (reached,) = happened(given, EventKind.REACHED_BUOY)
    assert reached.at_s == given.people["faller"].reached_buoy_at_s
    assert reached.at_s > splash.at_s


def test_a_lifebuoy_out_of_reach_helps_nobody() -> None:
    given = world(FALLER, wind_mps=0.0)
    given.advance(20.0)

    given.release(given.people["faller"].position + Enu(0.0, -25.0), 9.5, (0.0, 0.0, 0.0), BuoyKind.RING)
    given.advance(60.0)

    assert happened(given, EventKind.REACHED_BUOY) == []


def test_a_crowd_keeps_to_the_promenade() -> None:
    given = world(crowds=(CrowdPlan(30, 0.0, 100.0),))
    for minute in range(1, 6):
        given.advance(60.0 * minute)
        assert all(-12.0 < person.place.offset_m < -0.9 for person in given.people.values())
    assert given.events == []


def test_the_same_seed_tells_the_same_story_however_it_is_stepped() -> None:
    once, twice = (world(FALLER, on_foreshore(None), seed=7, bore=Bore(80.0), gulls=3) for _ in range(2))
    once.advance(200.0)
    for tenth in range(1, 2001):
        twice.advance(tenth / 10)

    assert once.events == twice.events
    assert once.view() == twice.view()
