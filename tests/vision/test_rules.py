"""The rules beside entry and fall: crossing the wall, stopping, leaving something, crowding; and their thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from geofence.position import Enu
from geofence.zones import Heading
from tests.vision.toy import FORESHORE_M, FRAME, GEOMETRY, PROMENADE_M, Thing, Toy, camera
from vision.alert import Alert, AlertKind, Surface
from vision.camera import Lens
from vision.pipeline import PipelineConfig
from vision.scene import SceneGeometry, SceneZone
from vision.thresholds import faults, merged, with_thresholds

FPS = 5.0


def toy(thresholds: dict[str, dict[str, bool | float]] | None = None, geometry: SceneGeometry = GEOMETRY) -> Toy:
    made = Toy(camera=camera().model_copy(update={"thresholds": thresholds or {}}), geometry=geometry)
    made.learn()
    return made


def with_zone(**changes: object) -> SceneGeometry:
    """The toy's danger zone on the foreshore, otherwise."""
    zones = tuple(replace(zone, **changes) if zone.id == "flat" else zone for zone in GEOMETRY.zones)  # type: ignore[arg-type]
    return replace(GEOMETRY, zones=zones)


def on_the_flat(east_m: float, north_m: float = -20.0) -> Thing:
    return Thing(east_m, north_m, FORESHORE_M)


def told(alerts: list[Alert], seen: str) -> list[Alert]:
    return [alert for alert in alerts if alert.details.get("seen") == seen]


# --- zone entry


def walk(made: Toy, start: tuple[float, float], step: tuple[float, float], seconds: float) -> None:
    for index in range(int(seconds * FPS)):
        made.show(on_the_flat(start[0] + step[0] * index, start[1] + step[1] * index))


def test_who_only_passes_through_a_zone_for_loitering_is_not_told_of() -> None:
    made = toy(geometry=with_zone(loiter_s=12.0))
    walk(made, (66, -20), (0.2, 0.0), 10.0)
    assert made.kinds() == []
    walk(made, (76, -20), (0.0, 0.0), 6.0)
    assert made.kinds() == [AlertKind.ZONE_ENTRY]
    assert "threshold 12.0 s" in made.alerts[0].details["reason"]


@pytest.mark.parametrize(("step", "alerts"), [((0.0, -0.2), [AlertKind.ZONE_ENTRY]), ((0.0, 0.2), [])])
def test_a_zone_may_ask_only_for_who_walks_towards_the_river(
    step: tuple[float, float], alerts: list[AlertKind]
) -> None:
    made = toy(geometry=with_zone(heading=Heading(deg=180.0, within_deg=80.0)))
    walk(made, (85, -22), step, 8.0)
    assert made.kinds() == alerts


def test_a_threshold_of_the_camera_changes_the_rule_and_stands_in_the_reason() -> None:
    made = toy({"zone_entry": {"sudden_inertia_s": 6.0}})
    walk(made, (80, -20), (0.1, 0.0), 5.0)
    assert made.kinds() == []
    walk(made, (82.5, -20), (0.1, 0.0), 3.0)
    assert made.kinds() == [AlertKind.ZONE_ENTRY]
    assert made.alerts[0].details["inertia_s"] == 6.0


# --- crossing


def over_the_wall() -> Iterator[Thing]:
    """Along the promenade, over the wall and down the stairs to the foreshore."""
    for index in range(15):
        yield Thing(70.0 + 0.1 * index, 1.5, PROMENADE_M)
    for index in range(8):
        yield Thing(71.5, 1.5 - 0.2 * index, PROMENADE_M)
    for index in range(30):
        yield Thing(71.5, -0.3 * index, PROMENADE_M - (PROMENADE_M - FORESHORE_M) * index / 30)
    for _ in range(15):
        yield Thing(71.5, -9.0, FORESHORE_M)


def test_climbing_over_the_wall_is_told_once_where_no_danger_zone_lies_behind_it() -> None:
    harmless = with_zone(kind="promenade")
    silent = toy(geometry=harmless)
    for thing in over_the_wall():
        silent.show(thing)
    assert silent.kinds() == []  # until the site asks for it
    made = toy({"crossing": {"on": True}}, harmless)
    for thing in over_the_wall():
        made.show(thing)
    crossed = told(made.alerts, "crossed_seawall")
    assert [alert.kind for alert in crossed] == [AlertKind.ZONE_ENTRY]
    assert crossed[0].position is not None
    assert FRAME.to_enu(crossed[0].position).distance_m(Enu(71.5, -2)) < 2.0 + crossed[0].position.sigma_m


def test_who_already_counts_as_being_in_a_zone_is_not_told_of_again_for_crossing() -> None:
    made = toy({"crossing": {"on": True, "beyond_s": 3.0}})
    for thing in over_the_wall():
        made.show(thing)
    assert AlertKind.ZONE_ENTRY in made.kinds()
    assert told(made.alerts, "crossed_seawall") == []


# --- stopped


def test_who_stands_still_in_a_zone_is_told_of_again_once_and_walking_on_ends_it() -> None:
    made = toy({"stopped": {"still_s": 20.0}})
    walk(made, (75, -20), (0.2, 0.0), 5.0)
    walk(made, (80, -20), (0.0, 0.0), 40.0)
    stopped = told(made.alerts, "stopped")
    assert len(stopped) == 1
    assert stopped[0].track_id == made.alerts[0].track_id
    assert "threshold 20 s" in stopped[0].details["reason"]


def test_who_keeps_walking_has_not_stopped() -> None:
    made = toy({"stopped": {"still_s": 10.0}})
    walk(made, (64, -20), (0.2, 0.0), 36.0)
    assert told(made.alerts, "stopped") == []


# --- left behind


def with_a_bag(made: Toy, *, returns: bool) -> None:
    """Somebody comes, puts a bag down, and walks off; `returns`: stays beside it."""
    bag = Thing(30.0, 3.0, PROMENADE_M, tall_m=0.7, wide_m=0.7)
    for index in range(25):
        made.show(Thing(26.0 + 0.16 * index, 3.4, PROMENADE_M))
    for index in range(25):
        made.show(Thing(30.0 + (0.0 if returns else 0.22 * index), 3.4, PROMENADE_M), bag)
    for _ in range(100):
        made.show(*([Thing(30.6, 3.4, PROMENADE_M)] if returns else []), bag)


def test_a_bag_whose_owner_has_gone_is_told_of_once() -> None:
    made = toy({"left_behind": {"on": True, "after_s": 10.0}})
    with_a_bag(made, returns=False)
    assert made.kinds() == [AlertKind.LEFT_BEHIND]
    assert made.alerts[0].position is not None
    assert FRAME.to_enu(made.alerts[0].position).distance_m(Enu(30, 3)) < 1.5


def test_a_bag_that_somebody_minds_is_none() -> None:
    made = toy({"left_behind": {"on": True, "after_s": 10.0}})
    with_a_bag(made, returns=True)
    assert made.kinds() == []


# --- crowd

SQUARE = np.array([[-20.0, 0.0], [20.0, 0.0], [20.0, 30.0], [-20.0, 30.0]])


def over_the_square(thresholds: dict[str, dict[str, bool | float]]) -> Toy:
    """A camera that looks steeply down on a square behind the wall."""
    high = camera().model_copy(
        update={
            "position": FRAME.to_wgs84(Enu(0, -2)), "yaw_deg": 0.0, "pitch_deg": -52.0, "height_amsl_m": 26.0,
            "lens": Lens(width_px=640, height_px=360, hfov_deg=60), "thresholds": thresholds,
        }
    )  # fmt: skip
    square = SceneZone("square", "promenade", Surface.PROMENADE, SQUARE, PROMENADE_M)
    made = Toy(camera=high, geometry=replace(GEOMETRY, zones=(*GEOMETRY.zones, square)))
    made.learn()
    return made


def crowd(per_m2: float, seed: int = 3) -> list[Thing]:
    """People at random on a patch of nine by nine metres."""
    rng = np.random.default_rng(seed)
    places = rng.uniform([-4.5, 8.0], [4.5, 17.0], (round(per_m2 * 81), 2))
    return [
        Thing(float(e), float(n), PROMENADE_M, brightness=int(rng.integers(10, 80)))
        for e, n in sorted(places.tolist(), key=lambda place: -place[1])
    ]


def gather(made: Toy, people: list[Thing], seconds: float) -> None:
    """They come one after the other, then all stay until `seconds` are over."""
    order = np.random.default_rng(5).permutation(len(people))
    frames = int(seconds * FPS)
    for frame in range(frames):
        there = set(order[: 4 * frame].tolist())
        made.show(*(person for index, person in enumerate(people) if index in there))


def test_a_crowd_too_dense_is_told_once_with_its_density() -> None:
    made = over_the_square({"crowd": {"limit_per_m2": 1.5, "for_s": 4.0}})
    gather(made, crowd(2.4), seconds=26)
    crowds = [alert for alert in made.alerts if alert.kind is AlertKind.CROWD_DENSITY]
    assert len(crowds) == 1
    assert 1.5 <= crowds[0].details["density_per_m2"] <= 4.5
    assert 0.4 * 194 <= crowds[0].details["people_in_view"] <= 1.8 * 194
    assert crowds[0].position is not None
    assert FRAME.to_enu(crowds[0].position).distance_m(Enu(0, 12.5)) < 9.0


def test_people_with_room_between_them_are_no_crowd() -> None:
    made = over_the_square({"crowd": {"limit_per_m2": 1.5, "for_s": 4.0}})
    gather(made, crowd(0.4), seconds=26)
    assert AlertKind.CROWD_DENSITY not in made.kinds()


def test_a_crowd_that_passes_in_a_moment_is_none() -> None:
    made = over_the_square({"crowd": {"limit_per_m2": 1.5, "for_s": 30.0}})
    gather(made, crowd(2.4), seconds=22)
    made.learn(seconds=10)
    assert AlertKind.CROWD_DENSITY not in made.kinds()


# --- thresholds in the site file


def test_a_camera_s_thresholds_go_before_its_site_s() -> None:
    site = {"zone_entry": {"inertia_s": 2.0, "exit_s": 5.0}}
    assert merged(site, {"zone_entry": {"inertia_s": 3.0}, "fall": {"min_drop_m": 2.0}}) == {
        "zone_entry": {"inertia_s": 3.0, "exit_s": 5.0},
        "fall": {"min_drop_m": 2.0},
    }


def test_every_rule_s_thresholds_can_be_set_and_the_rest_stays() -> None:
    thresholds = {"fall": {"min_drop_m": 2}, "zone_entry": {"min_hits": 6}, "rising_water": {"rise_m": 0.3}}
    config = with_thresholds(PipelineConfig(), thresholds)
    assert config.fall.min_drop_m == 2.0
    assert isinstance(config.fall.min_drop_m, float)
    assert config.zone_entry.min_hits == 6
    assert config.river.rising_water.rise_m == 0.3
    assert config.river.front == PipelineConfig().river.front
    assert config.track == PipelineConfig().track


@pytest.mark.parametrize(
    ("thresholds", "place", "says"),
    [
        ({"zone_entri": {}}, ("zone_entri",), "there is no rule of that name; there are: "),
        ({"zone_entry": {"inertia": 1.0}}, ("zone_entry", "inertia"), "it has: exit_s, heading_m, inertia_s"),
        ({"zone_entry": {"inertia_s": -1.0}}, ("zone_entry", "inertia_s"), "from 0 upwards"),
        ({"zone_entry": {"inertia_s": float("nan")}}, ("zone_entry", "inertia_s"), "from 0 upwards"),
        ({"zone_entry": {"inertia_s": True}}, ("zone_entry", "inertia_s"), "must be a number"),
        ({"zone_entry": {"min_hits": 2.5}}, ("zone_entry", "min_hits"), "must be a whole number"),
        ({"crossing": {"on": 1.0}}, ("crossing", "on"), "must be true or false"),
    ],
)
def test_a_wrong_threshold_is_named_with_what_would_be_right(
    thresholds: dict[str, dict[str, float]], place: tuple[str, ...], says: str
) -> None:
    found = list(faults(PipelineConfig(), thresholds))
    assert [where for where, _ in found] == [place]
    assert says in found[0][1]
    with pytest.raises(ValueError, match=place[0]):
        with_thresholds(PipelineConfig(), thresholds)
