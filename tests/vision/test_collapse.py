"""A fall on land by posture: what is one, and all that only looks a little like it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.vision.moving import FPS, Pose, draw
from vision.commotion import Commotion
from vision.rules.collapse import Collapse, CollapseRule

Story = Callable[[float], Pose | None]  # what he does at a second


def told(story: Story, *, seconds: float = 8.0, fps: float = FPS, empty_scene_known: bool = False) -> list[Collapse]:
    rng = np.random.default_rng(5)
    commotion, rule = Commotion(), CollapseRule()
    falls: list[Collapse] = []
    nobody = draw(None, np.random.default_rng(1)).astype(np.int16)
    for index in range(round(seconds * fps)):
        gray = draw(story(index / fps), rng)
        commotion.step(gray, index / fps)
        foreground = None
        if empty_scene_known:
            foreground = ((np.abs(gray.astype(np.int16) - nobody) > 14) * 255).astype(np.uint8)
        falls += rule.step(commotion, gray, index / fps, foreground=foreground, known_since_s=0.0)
    return falls


def _between(at_s: float, begin_s: float, end_s: float) -> float:
    return min(max((at_s - begin_s) / (end_s - begin_s), 0.0), 1.0)


def _standing(at_s: float) -> Pose:
    """Nobody stands like a post."""
    return Pose(foot_x=160 + 2 * np.sin(5 * at_s), swing=np.sin(9 * at_s))


def falls_sideways(at_s: float, began_s: float = 3.0, took_s: float = 0.8) -> Pose:
    stands = _standing(at_s)
    gone = _between(at_s, began_s, began_s + took_s)
    return Pose(foot_x=stands.foot_x, lean_deg=86 * gone * gone, swing=stands.swing * (1 - gone))


@pytest.mark.parametrize("fps", [4.0, 5.0, 10.0])
def test_who_falls_over_sideways_is_told_once_within_three_seconds(fps: float) -> None:
    (fall,) = told(falls_sideways, fps=fps)
    assert fall.dropped >= 0.45
    assert fall.took_s <= 1.5
    assert fall.lying.w > fall.lying.h


def test_he_may_be_there_and_fall_in_the_very_first_second() -> None:
    assert len(told(lambda at_s: falls_sideways(at_s, began_s=0.5))) == 1


def test_who_sinks_down_in_a_heap_and_lies_is_told() -> None:
    def story(at_s: float) -> Pose:
        if at_s < 3.0:
            return _standing(at_s)
        sunk = _between(at_s, 3.0, 3.6)
        return Pose(length=130 - 60 * sunk, lean_deg=80 * _between(at_s, 3.3, 3.9))

    assert len(told(story)) == 1


def _squats(at_s: float) -> Pose:
    down = _between(at_s, 3.0, 3.6) - _between(at_s, 5.4, 6.0)
    return Pose(length=130 - 60 * down, swing=np.sin(9 * at_s))


def _picks_up(at_s: float) -> Pose:
    down = _between(at_s, 3.0, 3.6) - _between(at_s, 4.0, 4.6)
    return Pose(length=130 - 40 * down, lean_deg=75 * down)


def _sits_down(at_s: float) -> Pose:
    down = _between(at_s, 3.0, 4.0)
    return Pose(length=130 - 36 * down, swing=np.sin(6 * at_s))


def _lies_down_slowly(at_s: float) -> Pose:
    return Pose(lean_deg=86 * _between(at_s, 2.0, 6.0), swing=np.sin(9 * at_s))


def _walks_away(at_s: float) -> Pose:
    return Pose(foot_x=60 + 45 * at_s, swing=np.sin(9 * at_s))


def _stands_and_then_taps_a_foot(at_s: float) -> Pose:
    if at_s < 2.5:
        return Pose(foot_x=160 + 6 * np.sin(9 * at_s), swing=np.sin(9 * at_s))
    return Pose(swing=0.0)


@pytest.mark.parametrize(
    "story", [_standing, _squats, _picks_up, _sits_down, _lies_down_slowly, _walks_away, _stands_and_then_taps_a_foot]
)
def test_everyday_movements_are_no_falls(story: Story) -> None:
    assert told(story) == []


def test_who_walks_out_of_the_lower_edge_has_not_fallen_where_the_empty_scene_is_known() -> None:
    def story(at_s: float) -> Pose:
        return Pose(foot_y=210 + 110 * _between(at_s, 2.0, 3.6), swing=np.sin(9 * at_s))

    assert told(story, empty_scene_known=True) == []
    assert len(told(falls_sideways, empty_scene_known=True)) == 1


def test_in_a_moving_crowd_nobodys_posture_is_judged() -> None:
    rng, others = np.random.default_rng(5), np.random.default_rng(6)
    places = others.uniform(0, 300, (25, 2))
    commotion, rule = Commotion(), CollapseRule()
    falls: list[Collapse] = []
    for index in range(40):
        gray = draw(falls_sideways(index / FPS), rng)
        for x, y in places + others.uniform(-12, 12, places.shape):
            gray[int(y) % 200 : int(y) % 200 + 36, int(abs(x)) : int(abs(x)) + 12] = 200
        commotion.step(gray, index / FPS)
        falls += rule.step(commotion, gray, index / FPS)
    assert falls == []


def test_only_who_is_known_for_a_person_is_told_where_that_is_asked() -> None:
    rng = np.random.default_rng(5)
    commotion, rule = Commotion(), CollapseRule()
    for index in range(40):
        gray = draw(falls_sideways(index / FPS), rng)
        commotion.step(gray, index / FPS)
        assert rule.step(commotion, gray, index / FPS, person=lambda _actor, _moment: False) == []


def test_light_that_changes_everywhere_begins_no_actor() -> None:
    commotion = Commotion()
    rng = np.random.default_rng(5)
    for index in range(20):
        gray = draw(None, rng)
        commotion.step(gray if index % 2 else (gray // 2), index / FPS)
    assert commotion.actors == []
