"""Time sync: how far a vehicle's clock is from ours and how long a message takes there and back.

MAVLink guide: https://mavlink.io/en/services/timesync.html. The sample with the shortest way of the last few is
the most honest one: what delays a packet only ever makes the round trip longer. The dialect's message carries no
target, so answers are told apart by the time asked, which no other station shares.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from flightctl.mavlink.conversation import Conversation
from flightctl.mavlink.dialect import mavlink

_EVERY_S = 10.0
_FIRST_EVERY_S = 1.0
_FIRST_SAMPLES = 4
_WINDOW = 12
_TOO_LATE_S = 5.0


@dataclass(frozen=True, slots=True)
class TimeSample:
    round_trip_s: float
    offset_s: float  # the vehicle's clock minus ours, at the middle of the round trip


class TimeSync:
    """With one vehicle."""

    def __init__(self, conversation: Conversation) -> None:
        self._with = conversation
        self._samples: deque[TimeSample] = deque(maxlen=_WINDOW)
        self._asked_ns: int | None = None
        self._asked_s = float("-inf")
        conversation.on(mavlink.MAVLink_timesync_message, self._take)

    @property
    def best(self) -> TimeSample | None:
        """The sample with the shortest round trip among the latest; None before the first answer."""
        return min(self._samples, key=lambda sample: sample.round_trip_s, default=None)

    def forget(self) -> None:
        """After a reboot its clock counts anew."""
        self._samples.clear()
        self._asked_ns = None

    def tick(self, now_s: float) -> None:
        """Call it about once a second while the vehicle is heard."""
        every_s = _FIRST_EVERY_S if len(self._samples) < _FIRST_SAMPLES else _EVERY_S
        if now_s - self._asked_s >= every_s:
            self._asked_s = now_s
            self._asked_ns = self._now_ns()
            self._with.send(mavlink.MAVLink_timesync_message(0, self._asked_ns))

    def _take(self, message: mavlink.MAVLink_timesync_message) -> None:
        if message.tc1 == 0:  # it asks; what it put into ts1 comes back untouched
            self._with.send(mavlink.MAVLink_timesync_message(self._now_ns(), message.ts1))
        elif self._asked_ns is not None and message.ts1 == self._asked_ns:
            now_ns = self._now_ns()
            round_trip_s = (now_ns - self._asked_ns) / 1e9
            if 0.0 <= round_trip_s <= _TOO_LATE_S:
                offset_s = (message.tc1 - (now_ns + self._asked_ns) / 2) / 1e9
                self._samples.append(TimeSample(round_trip_s, offset_s))
            self._asked_ns = None  # a doubled answer says nothing new

    def _now_ns(self) -> int:
        return round(self._with.clock.time_s() * 1e9) + 1  # 0 would mean a question
