"""Tracks on the water: who lasts and drifts is somebody, who flies or flashes is not; a lifebuoy is told apart."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geofence.position import Enu
from vision.aerial.anomaly import Blob
from vision.aerial.track import AerialTrack, AerialTracker, Sighting

AT = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
CURRENT = Enu(1.0, 0.0)
DARK, ORANGE = (50.0, 60.0, 70.0), (30.0, 95.0, 245.0)
STEP_S = 0.2


def sighting(
    place: Enu, *, colour: tuple[float, float, float] = DARK, strength: float = 14.0, bias_m: float = 1.5
) -> Sighting:
    blob = Blob(place, strength, 0.6, np.array(colour), colour == ORANGE)
    return Sighting(blob, np.eye(2) * 0.1**2, np.eye(2) * bias_m**2)


def run(
    tracker: AerialTracker, seconds: float, places: dict[str, tuple[Enu, Enu]], *, from_s: float = 0.0,
    seed: int = 1, colours: dict[str, tuple[float, float, float]] | None = None,
) -> list[AerialTrack]:  # fmt: skip
    """Everybody's start and velocity."""
    rng = np.random.default_rng(seed)
    tracks: list[AerialTrack] = tracker.tracks
    for k in range(round(seconds / STEP_S)):
        at_s = from_s + k * STEP_S
        seen = [
            sighting(
                start + velocity.scaled(at_s) + Enu(*(0.1 * rng.standard_normal(2)).tolist()),
                colour=(colours or {}).get(name, DARK),
            )
            for name, (start, velocity) in places.items()
        ]
        tracks = tracker.update(AT + timedelta(seconds=at_s), seen, CURRENT)
    return tracks


def test_a_swimmer_who_drifts_is_confirmed_within_two_seconds_and_his_speed_learnt() -> None:
    drift = Enu(1.3, -0.2)
    (track,) = run(AerialTracker(), 6.0, {"swimmer": (Enu(3.0, 4.0), drift)})
    assert track.confirmed
    assert track.velocity.distance_m(drift) < 0.25
    assert track.place.distance_m(Enu(3.0, 4.0) + drift.scaled(5.8)) < 0.3
    assert track.confidence > 0.8


def test_how_often_he_is_seen_does_not_make_the_satellites_surer() -> None:
    (track,) = run(AerialTracker(), 20.0, {"swimmer": (Enu(3.0, 4.0), CURRENT)})
    assert 1.5 <= track.sigma_m < 1.7


def test_what_is_seen_for_less_than_a_second_is_nobody() -> None:
    tracker = AerialTracker()
    tracks = run(tracker, 0.8, {"crest": (Enu(3.0, 4.0), CURRENT)})
    assert not any(track.confirmed for track in tracks)
    assert not run(tracker, 2.0, {}, from_s=0.8)


@pytest.mark.parametrize("heading_deg", [0.0, 120.0])
def test_a_gull_is_dropped_however_long_it_is_seen(heading_deg: float) -> None:
    turn = math.radians(heading_deg)
    velocity = Enu(7.0 * math.sin(turn), 7.0 * math.cos(turn))
    tracker = AerialTracker()
    for k in range(40):
        at = AT + timedelta(seconds=k * STEP_S)
        tracker.update(at, [sighting(velocity.scaled(k * STEP_S))], CURRENT)
        assert not any(track.confidence > 0.5 for track in tracker.tracks)


def test_he_is_the_same_person_after_five_seconds_under_the_foam() -> None:
    tracker = AerialTracker()
    (before,) = run(tracker, 5.0, {"swimmer": (Enu(3.0, 4.0), CURRENT)})
    number, sure_m = before.id, before.sigma_m
    (hidden,) = run(tracker, 5.0, {}, from_s=5.0)
    assert hidden.id == number
    assert hidden.sigma_m > sure_m + 0.5
    (again,) = run(tracker, 2.0, {"swimmer": (Enu(3.0, 4.0), CURRENT)}, from_s=10.0)
    assert again.id == number


def test_he_is_given_up_when_he_stays_away() -> None:
    tracker = AerialTracker()
    run(tracker, 5.0, {"swimmer": (Enu(3.0, 4.0), CURRENT)})
    assert not run(tracker, 14.0, {}, from_s=5.0)


def test_a_lifebuoy_beside_him_keeps_a_track_of_its_own() -> None:
    tracker = AerialTracker()
    (before,) = run(tracker, 5.0, {"swimmer": (Enu(3.0, 4.0), CURRENT)})
    number = before.id
    both = {"swimmer": (Enu(3.0, 4.0), CURRENT), "buoy": (Enu(4.2, 4.4), CURRENT)}
    tracks = run(tracker, 5.0, both, from_s=5.0, colours={"buoy": ORANGE})
    assert len(tracks) == 2
    swimmer = next(track for track in tracks if track.id == number)
    assert swimmer.orange < 0.1
    assert swimmer.place.distance_m(Enu(3.0, 4.0) + CURRENT.scaled(9.8)) < 0.4
