"""Two flights of the same script held against each other. Pure.

Order and words must be the same; a time may differ by two seconds and a tenth. A text that our copter says must
come from the other as well; what the other says beyond it counts from a warning upwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sim.ardupilot.flight import Flight, Step, Text

_SLACK_S, _SLACK_SHARE = 2.0, 0.1
_WARNING = 4  # MAV_SEVERITY
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NOT_FLOWN = "not flown"


@dataclass(frozen=True, slots=True)
class Row:
    step: str
    what: str
    ours: str
    theirs: str
    same: bool


def compare(ours: Flight, theirs: Flight) -> tuple[Row, ...]:
    """A row for each thing that either of them did."""
    rows: list[Row] = []
    for mine in ours.steps:
        other = theirs.step(mine.name)
        if other is None:
            rows.append(Row(mine.name, "outcome", mine.outcome, _NOT_FLOWN, same=False))
        else:
            rows += _rows(mine, other)
    flown = {step.name for step in ours.steps}
    rows += [Row(s.name, "outcome", _NOT_FLOWN, s.outcome, same=False) for s in theirs.steps if s.name not in flown]
    return tuple(rows)


def _rows(ours: Step, theirs: Step) -> Iterator[Row]:
    name = ours.name
    same = ours.failure == theirs.failure if ours.failure else ours.outcome == theirs.outcome and not theirs.failure
    yield Row(name, "outcome", _outcome(ours), _outcome(theirs), same)
    slack_s = _SLACK_S + _SLACK_SHARE * max(ours.seconds, theirs.seconds)
    near = abs(ours.seconds - theirs.seconds) <= slack_s
    yield Row(name, "time", f"{ours.seconds:.1f} s", f"{theirs.seconds:.1f} s", near)
    for what, mine, other in (
        ("modes", ours.modes, theirs.modes),
        ("answers", ours.acks, theirs.acks),
        ("transfer", ours.transfers, theirs.transfers),
        ("reached", ours.reached, theirs.reached),
    ):
        if mine or other:
            yield Row(name, what, ", ".join(mine), ", ".join(other), mine == other)
    yield from _texts(name, ours.texts, theirs.texts)


def _texts(step: str, ours: Sequence[Text], theirs: Sequence[Text]) -> Iterator[Row]:
    mine, other = _said(ours), _said(theirs)
    for key, text in mine.items():
        yield Row(step, "text", text.text, other[key].text if key in other else "", key in other)
    for key, text in other.items():
        if key not in mine and text.severity <= _WARNING:
            yield Row(step, "text", "", text.text, same=False)


def _said(texts: Sequence[Text]) -> dict[str, Text]:
    """By their words without the numbers; who they come from is no word."""
    return {_NUMBER.sub("#", text.text): text for text in texts}


def _outcome(step: Step) -> str:
    return f"{step.failure}: {step.outcome}" if step.failure else step.outcome
