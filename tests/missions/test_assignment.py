"""Several incidents and drones: the sum of weighted times is least, the gravest first, and the reason is told."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.assignment import UNSERVED_S, WEIGHTS, Task, assign

Seconds = dict[tuple[str, str], float]


def brute_force(tasks: list[Task], drones: list[str], seconds: Seconds, reserve: int) -> float:
    able = {d for t in tasks for d in drones if math.isfinite(seconds[t.incident_id, d])}
    best = math.inf
    for choice in itertools.product([None, *drones], repeat=len(tasks)):
        used = [drone for drone in choice if drone is not None]
        if len(used) != len(set(used)):
            continue
        lesser = sum(d is not None and t.priority > 1 for t, d in zip(tasks, choice, strict=True))
        if lesser > max(0, len(able) - reserve):
            continue
        cost = 0.0
        for task, drone in zip(tasks, choice, strict=True):
            cost += WEIGHTS[task.priority] * (UNSERVED_S if drone is None else seconds[task.incident_id, drone])
        best = min(best, cost)
    return best


@given(data=st.data())
def test_it_is_as_good_as_trying_everything(data: st.DataObject) -> None:
    tasks = [Task(f"i{n}", data.draw(st.integers(1, 4))) for n in range(data.draw(st.integers(0, 3)))]
    drones = [f"d{n}" for n in range(data.draw(st.integers(0, 4)))]
    times = st.one_of(st.just(math.inf), st.floats(10.0, 900.0))
    seconds = {(task.incident_id, drone): data.draw(times) for task in tasks for drone in drones}
    reserve = data.draw(st.integers(0, 2))
    found = assign(tasks, drones, seconds, reserve=reserve)
    assert found.cost == pytest.approx(brute_force(tasks, drones, seconds, reserve))
    sent = [one.drone_id for one in found.sent]
    assert len(sent) == len(set(sent))
    assert {one.incident_id for one in found.sent} | {i for i, _ in found.unserved} == {t.incident_id for t in tasks}
    assert all(reason for _, reason in found.unserved)


def test_the_nearest_drone_is_left_to_whom_it_helps_more() -> None:
    tasks = [Task("swimmer", 1), Task("walker", 3)]
    seconds = {("swimmer", "a"): 60.0, ("swimmer", "b"): 90.0, ("walker", "a"): 50.0, ("walker", "b"): 200.0}
    found = assign(tasks, ["a", "b"], seconds)
    assert [(one.incident_id, one.drone_id) for one in found.sent] == [("swimmer", "a"), ("walker", "b")]
    assert "needed more for swimmer (P1)" in found.of("walker")[0].reason


def test_a_drone_is_kept_for_people_in_the_water_and_used_for_them() -> None:
    walker, swimmer = Task("walker", 3), Task("swimmer", 1)
    seconds = {(task, "a"): 60.0 for task in ("walker", "swimmer")}
    kept = assign([walker], ["a"], seconds, reserve=1)
    assert kept.sent == ()
    assert kept.unserved == (("walker", "1 kept back for people in the water"),)
    assert [one.incident_id for one in assign([walker, swimmer], ["a"], seconds, reserve=1).sent] == ["swimmer"]


def test_a_worse_incident_takes_the_drone_that_is_under_way_to_a_lesser_one() -> None:
    under_way = Task("walker", 3, drone_id="a")
    seconds = {("walker", "a"): 10.0, ("swimmer", "a"): 70.0}
    found = assign([under_way, Task("swimmer", 1)], ["a"], seconds)
    assert [one.incident_id for one in found.sent] == ["swimmer"]
    assert found.unserved == (("walker", "a goes to swimmer (P1)"),)


def test_a_drone_under_way_is_not_turned_round_for_a_second() -> None:
    seconds = {("x", "a"): 41.0, ("x", "b"): 40.0}
    assert assign([Task("x", 1, drone_id="a")], ["a", "b"], seconds).sent[0].drone_id == "a"
    seconds["x", "b"] = 20.0
    assert assign([Task("x", 1, drone_id="a")], ["a", "b"], seconds).sent[0].drone_id == "b"


def test_an_unsure_first_drone_gets_a_second_unless_somebody_else_needs_it() -> None:
    unsure = Task("x", 1, success=0.4)
    seconds = {(task, drone): 60.0 for task in ("x", "y") for drone in ("a", "b")}
    both = assign([unsure], ["a", "b"], seconds)
    assert [one.second for one in both.sent] == [False, True]
    assert "40 %" in both.sent[1].reason
    shared = assign([unsure, Task("y", 1)], ["a", "b"], seconds)
    assert {one.incident_id for one in shared.sent} == {"x", "y"}
    assert len(assign([Task("x", 1, success=0.9)], ["a", "b"], seconds).sent) == 1
