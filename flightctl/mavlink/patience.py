"""How long to wait for an answer before asking again, learned from how long answers take.

As TCP does it (RFC 6298 §2): smoothed round trip and four times its deviation. An answer to a question that was
asked twice may belong to either asking, so it teaches nothing (Karn). The time-out is not doubled: the links here
lose by chance and not from being full.
"""

from __future__ import annotations

FIRST_S = 1.2
LEAST_S = 0.3  # mission guide: 250 ms for plan items, and a little for a busy autopilot
MOST_S = 1.5  # mission guide: default time-out
ENOUGH_TRIES = 10  # with a fifth lost each way one question in 27 000 stays unanswered


class Patience:
    def __init__(self) -> None:
        self._smooth_s: float | None = None
        self._spread_s = 0.0

    @property
    def timeout_s(self) -> float:
        if self._smooth_s is None:
            return FIRST_S
        return min(MOST_S, max(LEAST_S, self._smooth_s + 4.0 * self._spread_s))

    def took(self, round_trip_s: float) -> None:
        """The answer to a question that was asked once."""
        if self._smooth_s is None:
            self._smooth_s, self._spread_s = round_trip_s, round_trip_s / 2
        else:
            self._spread_s += (abs(round_trip_s - self._smooth_s) - self._spread_s) / 4
            self._smooth_s += (round_trip_s - self._smooth_s) / 8
