"""One track for each aircraft: newest word, whoever told it; stale, far and own ones left out; never too many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flightctl.airspace.picture import AirPicture, Own
from flightctl.mavlink.adsb import HeightAbove, Sighting
from geofence.position import Enu, LatLon, LocalFrame

FRAME = LocalFrame(LatLon(lat=30.402, lon=120.542))
OURS = Own("cx-1", Enu(0.0, 0.0), 40.0, (0.0, 0.0), 0.0)


def seen(
    key: str = "icao:78123a",
    east_m: float = 1000.0,
    north_m: float = 0.0,
    *,
    at_s: float = 0.0,
    height_m: float = 90.0,
) -> Sighting:
    return Sighting(
        key=key,
        drone=key.startswith("uas"),
        name="",
        at_s=at_s,
        position=FRAME.to_wgs84(Enu(east_m, north_m)),
        height_m=height_m,
        height_above=HeightAbove.SEA,
        velocity_mps=(-40.0, 0.0),
        up_mps=0.0,
    )


def picture(most: int = 50, **more: object) -> AirPicture:
    return AirPicture(FRAME, forget_after_s=30.0, most=most, **more)  # type: ignore[arg-type]


def test_the_newest_word_counts_whoever_told_it_and_in_whatever_order() -> None:
    air = picture()
    air.take(seen(at_s=5.0, east_m=800.0), 5.0)
    air.take(seen(at_s=3.0, east_m=880.0), 5.5)  # through another drone, later
    air.take(replace(seen(at_s=5.2), position=None, name="B-1234"), 5.6)
    (one,) = air.traffic(6.0)
    assert one.place.east_m == pytest.approx(800.0 - 40.0, abs=0.5)  # it flew on for a second
    assert (one.name, one.age_s) == ("B-1234", pytest.approx(1.0))


def test_the_stale_are_forgotten_and_old_words_make_no_track() -> None:
    air = picture()
    air.take(seen(at_s=0.0), 0.0)
    air.take(seen("icao:000001", at_s=-40.0), 0.0)
    assert len(air) == 1
    assert air.traffic(29.0)
    assert not air.traffic(31.0)
    air.expire(31.0)
    assert len(air) == 0


def test_what_is_on_another_continent_is_left_out() -> None:
    air = picture()
    air.take(replace(seen(), position=LatLon(lat=51.5, lon=0.1)), 0.0)
    assert len(air) == 0


def test_a_flood_of_far_ones_does_not_push_out_the_near_one() -> None:
    air = picture(most=10)
    for number in range(200):
        air.take(seen(f"icao:{number:06x}", 5000.0 + 10 * number), 0.1)
        if number == 100:
            air.take(seen("icao:aaaaaa", 300.0), 0.1)
    assert len(air) == 10
    assert "icao:aaaaaa" in {one.key for one in air.traffic(0.2)}


def test_our_own_transponders_are_no_traffic() -> None:
    air = picture(our_keys={"uas:CX0001"})
    air.take(seen("mac:0a0b"), 0.0)
    air.take(replace(seen("uas:CX0001"), former_key="mac:0a0b"), 0.1)
    assert not air.traffic(0.2)


def test_what_was_always_on_top_of_ours_is_taken_for_it_until_it_is_not() -> None:
    air = picture()
    air.take(seen("mac:77", 5.0, 5.0, height_m=45.0), 0.0, [OURS])
    assert not air.traffic(0.1)
    moved = replace(OURS, place=Enu(300.0, 0.0))
    air.take(seen("mac:77", 290.0, 0.0, at_s=10.0), 10.0, [moved])
    assert not air.traffic(10.1)
    air.take(seen("mac:77", 200.0, 0.0, at_s=12.0), 12.0, [moved])
    assert len(air.traffic(12.1)) == 1


def test_an_intruder_that_comes_near_stays_an_intruder() -> None:
    air = picture()
    for second in range(26):
        air.take(seen(east_m=1000.0 - 40.0 * second, at_s=float(second)), float(second), [OURS])
    assert len(air.traffic(25.1)) == 1


def test_one_that_names_itself_later_stays_one_track() -> None:
    air = picture()
    air.take(seen("mac:0a"), 0.0)
    air.take(replace(seen("uas:1581F", at_s=1.0), former_key="mac:0a"), 1.0)
    assert [one.key for one in air.traffic(1.0)] == ["uas:1581F"]


@pytest.mark.parametrize(
    ("above", "amsl_m"), [(HeightAbove.SEA, 90.0), (HeightAbove.ELLIPSOID, 79.0), (HeightAbove.STANDARD, None)]
)
def test_heights_are_brought_to_sea_level_or_are_not_known(above: HeightAbove, amsl_m: float | None) -> None:
    air = picture(geoid_m=11.0)
    air.take(replace(seen(), height_above=above), 0.0)
    (one,) = air.traffic(0.0)
    assert one.amsl_m == amsl_m


def test_encounters_are_sorted_by_urgency_and_the_parked_meet_nobody() -> None:
    air = picture()
    air.take(seen("icao:000001", 3000.0), 0.0)  # arrives in 68 s
    air.take(seen("icao:000002", 1250.0), 0.0)  # in 25 s
    air.take(seen("icao:000003", 800.0, height_m=900.0), 0.0)  # far above
    air.take(replace(seen("icao:000004", 100.0), on_ground=True), 0.0)
    found = air.encounters([OURS], 0.0, within_m=250.0, within_up_m=60.0, ahead_s=45.0)
    assert [encounter.other.key for encounter in found] == ["icao:000002", "icao:000003", "icao:000001"]
    assert [encounter.conflict for encounter in found] == [True, False, False]
    assert found[0].approach.enters_in_s == pytest.approx(25.0, abs=0.1)
    assert found[0].up_m == pytest.approx(50.0)
