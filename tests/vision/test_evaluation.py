"""The arithmetic of `chaoxun eval`: who is told, what is false, how late and how far off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.position import Enu
from vision.alert import AlertKind
from vision.evaluation import Score, Told, TrueEvent, judge, poisson_bound, quantile

FALL, ENTRY, FRONT = AlertKind.FALL, AlertKind.ZONE_ENTRY, AlertKind.BORE_FRONT


def event(name: str, at_s: float, east_m: float = 0.0, kind: AlertKind = FALL, lasts_s: float = 20.0) -> TrueEvent:
    return TrueEvent(name, kind, at_s, at_s + lasts_s, ((at_s, Enu(east_m, 0.0)),))


def told(at_s: float, east_m: float = 0.0, kind: AlertKind = FALL) -> Told:
    return Told(kind, at_s, Enu(east_m, 0.0))


events_far_apart = st.lists(st.floats(0, 30), min_size=1, max_size=8).map(
    lambda times: [event(str(index), at_s, 100.0 * index) for index, at_s in enumerate(times)]
)


@given(events_far_apart)
def test_perfect_alerts_are_full_recall_with_no_latency_no_error_and_nothing_false(events: list[TrueEvent]) -> None:
    alerts = [Told(e.kind, e.at_s, e.place_at(e.at_s)) for e in events]
    score = Score()
    score.add(judge(events, alerts, watched_s=60.0))
    figures = score.figures(FALL)
    assert (figures.recall, figures.false, figures.repeats) == (1.0, 0, 0)
    assert (figures.latency_p95_s, figures.error_p95_m) == (0.0, 0.0)


@given(events_far_apart, st.floats(0, 15), st.floats(0, 20))
def test_a_shift_in_time_is_latency_and_a_shift_in_place_is_error(
    events: list[TrueEvent], late_s: float, off_m: float
) -> None:
    alerts = [Told(e.kind, e.at_s + late_s, e.place_at(e.at_s) + Enu(0.0, off_m)) for e in events]
    score = Score()
    score.add(judge(events, alerts, watched_s=60.0))
    figures = score.figures()
    assert figures.recall == 1.0
    assert figures.latency_median_s == pytest.approx(late_s)
    assert figures.error_median_m == pytest.approx(off_m)


@given(events_far_apart, st.integers(2, 4))
def test_alerts_told_twice_are_repeats_and_add_neither_recall_nor_false_alarms(
    events: list[TrueEvent], times: int
) -> None:
    alerts = [Told(e.kind, e.at_s + k, e.place_at(e.at_s)) for e in events for k in range(times)]
    verdict = judge(events, alerts, watched_s=60.0)
    assert len(verdict.hits) == len(events)
    assert len(verdict.repeats) == (times - 1) * len(events)
    assert verdict.false == ()
    assert {hit.latency_s for hit in verdict.hits} == {0.0}  # the first one counts


@given(
    st.lists(st.tuples(st.floats(0, 40), st.floats(-60, 60)), max_size=6),
    st.lists(st.tuples(st.floats(0, 60), st.floats(-60, 60)), max_size=8),
)
def test_every_event_is_told_or_missed_and_every_alert_is_hit_repeat_or_false(
    true: list[tuple[float, float]], heard: list[tuple[float, float]]
) -> None:
    events = [event(str(index), *one) for index, one in enumerate(true)]
    alerts = [told(*one) for one in heard]
    verdict = judge(events, alerts, watched_s=60.0)
    assert len(verdict.hits) + len(verdict.missed) == len(events)
    assert len(verdict.hits) + len(verdict.repeats) + len(verdict.false) == len(alerts)
    assert len({hit.event.id for hit in verdict.hits}) == len(verdict.hits)


@given(events_far_apart)
def test_more_alerts_never_lower_recall(events: list[TrueEvent]) -> None:
    alerts = [Told(e.kind, e.at_s + 1.0, e.place_at(e.at_s)) for e in events[::2]]
    fewer = judge(events, alerts, watched_s=60.0)
    more = judge(events, [*alerts, told(3.0, 50.0), told(9.0, 4000.0)], watched_s=60.0)
    assert len(more.hits) >= len(fewer.hits)


def test_two_events_close_together_are_both_told_even_if_the_first_alert_suits_either() -> None:
    events = [event("a", 10.0, 0.0), event("b", 10.0, 20.0)]
    alerts = [told(11.0, 10.0), told(12.0, -10.0)]  # the second can only be a
    verdict = judge(events, alerts, watched_s=60.0)
    assert {(hit.event.id, hit.alert.at_s) for hit in verdict.hits} == {("b", 11.0), ("a", 12.0)}


@pytest.mark.parametrize(
    ("alert", "why"),
    [
        (told(9.0), "before it happened"),
        (told(31.0), "after it was over"),
        (told(11.0, 40.0), "somewhere else"),
        (told(11.0, kind=ENTRY), "of another kind"),
    ],
)
def test_an_alert_that_does_not_fit_is_false_and_the_event_missed(alert: Told, why: str) -> None:
    verdict = judge([event("a", 10.0)], [alert], watched_s=60.0)
    assert verdict.false == (alert,), why
    assert [e.id for e in verdict.missed] == ["a"]


def test_the_error_of_somebody_who_drifts_is_measured_where_he_was_when_told() -> None:
    drifting = TrueEvent("a", FALL, 0.0, 20.0, tuple((float(s), Enu(2.0 * s, 0.0)) for s in range(20)))
    verdict = judge([drifting], [told(8.0, 17.0)], watched_s=60.0)
    assert verdict.hits[0].error_m == pytest.approx(1.0)


def test_a_front_may_be_told_before_it_is_near_and_its_speed_is_compared() -> None:
    front = TrueEvent("bore", FRONT, 40.0, 80.0, ((40.0, Enu(0.0, 0.0)),), speed_mps=6.0, since_s=0.0)
    verdict = judge([front], [Told(FRONT, 20.0, Enu(100.0, 0.0), speed_mps=5.2)], watched_s=100.0)
    assert verdict.hits[0].latency_s == -20.0
    assert verdict.hits[0].speed_error_mps == pytest.approx(0.8)


def test_what_was_hardly_in_view_is_right_when_told_and_not_missed_when_not() -> None:
    glimpsed = TrueEvent("a", FALL, 10.0, 20.0, ((10.0, Enu(0.0, 0.0)),), due=False)
    silent, heard = judge([glimpsed], [], watched_s=60.0), judge([glimpsed], [told(11.0)], watched_s=60.0)
    assert (silent.hits, silent.missed) == ((), ())
    assert (heard.hits, heard.missed, heard.false) == ((), (), ())


def test_false_alarms_are_counted_per_hour_that_a_camera_watched_and_none_seen_is_not_none_possible() -> None:
    score = Score()
    score.add(judge([], [told(5.0)], watched_s=1800.0))
    score.add(judge([], [], watched_s=1800.0))
    figures = score.figures()
    assert (figures.camera_hours, figures.false_per_h, figures.recall) == (1.0, 1.0, None)
    quiet = Score()
    quiet.add(judge([], [], watched_s=3600.0))
    assert quiet.figures().false_per_h == 0.0
    assert quiet.figures().at_most_per_h == pytest.approx(3.0, abs=0.01)  # the rule of three


def test_a_quantile_is_one_of_the_values() -> None:
    assert quantile([], 0.5) is None
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0] * 19 + [9.0], 0.95) == 1.0
    assert quantile([1.0] * 18 + [9.0] * 2, 0.95) == 9.0
    assert poisson_bound(1) == pytest.approx(4.74, abs=0.01)
