"""A condition with hysteresis in seconds.

off ──bad for begin_s──► on ──good for end_s──► off      no word for more than gap_s: the waiting starts again
"""

from __future__ import annotations


class Latch:
    def __init__(self, begin_s: float, end_s: float, gap_s: float = 60.0) -> None:
        self._begin_s, self._end_s, self._gap_s = begin_s, end_s, gap_s
        self.on = False
        self._since_s: float | None = None  # since when the evidence is against the present state
        self._heard_s: float | None = None

    def update(self, bad: bool | None, now_s: float) -> bool:
        """Takes the evidence of now, None when there is none; True when the state turned."""
        if bad is None:
            return False
        heard_s, self._heard_s = self._heard_s, now_s
        if bad == self.on:
            self._since_s = None
            return False
        if self._since_s is None or heard_s is None or now_s - heard_s > self._gap_s:
            self._since_s = now_s
        if now_s - self._since_s < (self._end_s if self.on else self._begin_s):
            return False
        self.on, self._since_s = bad, None
        return True
