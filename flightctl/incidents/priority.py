"""How urgent an incident is (DESIGN §4). Pure.

Priority rises by itself as the bore nears and falls only by a person's hand.
"""

from __future__ import annotations

from collections.abc import Iterable

from flightctl.incidents.model import Priority
from vision.alert import AlertKind

BORE_NEAR_S = 30 * 60.0
BORE_PASSED_S = 60 * 60.0  # the turn-back bore and the fast following current (RIVER.md §7.10)

_P1 = frozenset({AlertKind.FALL, AlertKind.PERSON_IN_WATER})


def priority_of(kinds: Iterable[AlertKind], bore_eta_s: float | None) -> Priority:
    """The priority of an incident with alerts of these kinds.

    `bore_eta_s` is the time until the front reaches the place, negative after it has passed; None when no bore
    is forecast.
    """
    seen = set(kinds)
    if seen & _P1:
        return Priority.P1
    if AlertKind.ZONE_ENTRY in seen:
        near = bore_eta_s is not None and -BORE_PASSED_S <= bore_eta_s <= BORE_NEAR_S
        return Priority.P2 if near else Priority.P3
    if AlertKind.RISING_WATER in seen:
        return Priority.P3
    return Priority.P4


def raised(present: Priority, computed: Priority) -> Priority:
    """The more urgent of the two."""
    return min(present, computed)
