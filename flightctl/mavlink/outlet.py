"""What goes to one client of the router, no faster than it may and never waiting for it.

Of what a vehicle says again and again only the newest counts: when there is no room such a message is held, a newer
one of its kind takes its place, and those that waited longest go first when there is room again. What is said once
(acknowledgements, missions, parameters, texts) and heartbeats go at once, out of the room that streams then lack.
"""

from __future__ import annotations

from dataclasses import dataclass

from flightctl.mavlink.channel import Channel
from flightctl.mavlink.dialect import Frame, mavlink

RECURS_WITHIN_S = 2.0
"""A kind that came so lately comes again: the copy that is held back will be replaced."""
_BURST_S = 0.25
_LEAST_BURST_BYTES = 600.0  # two of the longest frames
_MOST_DEBT_S = 1.0
_SLOW_BYTES = 16 * 1024
"""So much unread at a TCP client, or on a serial line, and it gets no streams until it has caught up."""
_MOST_KINDS = 8192

_WHOLE_FAMILIES = ("MISSION_", "PARAM_", "COMMAND_", "FENCE_", "RALLY_", "LOG_", "FILE_TRANSFER_", "REMOTE_LOG_")
_WHOLE = {"HEARTBEAT", "STATUSTEXT", "AUTOPILOT_VERSION", "TIMESYNC", "HOME_POSITION", "ENCAPSULATED_DATA"}
_STREAMS = {"MISSION_CURRENT", "FENCE_STATUS", "COMMAND_INT_STAMPED", "COMMAND_LONG_STAMPED"}
NEVER_THINNED = frozenset(
    number
    for number, kind in mavlink.mavlink_map.items()
    if (kind.msgname in _WHOLE or kind.msgname.startswith(_WHOLE_FAMILIES)) and kind.msgname not in _STREAMS
)

Kind = tuple[int, int, int]


@dataclass(slots=True)
class Outflow:
    """Counted over all clients of one endpoint."""

    sent: int = 0
    sent_bytes: int = 0
    thinned: int = 0


class Outlet:
    """One client's."""

    def __init__(self, channel: Channel, max_bytes_per_s: float | None, counts: Outflow, now_s: float) -> None:
        self.channel = channel
        self._rate = max_bytes_per_s
        self._counts = counts
        self._room = 0.0 if max_bytes_per_s is None else self._burst(max_bytes_per_s)
        self._room_s = now_s
        self._seen_s: dict[Kind, float] = {}
        self._held: dict[Kind, bytes] = {}  # in the order in which they began to wait

    def offer(self, frame: Frame, now_s: float) -> None:
        kind = (frame.system_id, frame.component_id, frame.message_id)
        seen_s = self._seen_s.get(kind)
        if seen_s is None and len(self._seen_s) >= _MOST_KINDS:
            self._seen_s.clear()
        self._seen_s[kind] = now_s
        recurs = seen_s is not None and now_s - seen_s < RECURS_WITHIN_S and frame.message_id not in NEVER_THINNED
        if not recurs or (not self._held and self._has_room(len(frame.raw), now_s)):
            self._send(frame.raw, now_s)
        else:
            if kind in self._held:
                self._counts.thinned += 1
            self._held[kind] = frame.raw

    def flush(self, now_s: float) -> None:
        """Sends of what waits as much as there is room for."""
        while self._held:
            kind = next(iter(self._held))
            if not self._has_room(len(self._held[kind]), now_s):
                return
            self._send(self._held.pop(kind), now_s)

    def _send(self, raw: bytes, now_s: float) -> None:
        if self._rate is not None:
            self._earn(now_s)
            self._room = max(self._room - len(raw), -_MOST_DEBT_S * self._rate)
        self.channel.forward(raw)
        self._counts.sent += 1
        self._counts.sent_bytes += len(raw)

    def _has_room(self, size: int, now_s: float) -> bool:
        if self.channel.unsent_bytes() > _SLOW_BYTES:
            return False
        if self._rate is None:
            return True
        self._earn(now_s)
        return self._room >= size

    def _earn(self, now_s: float) -> None:
        assert self._rate is not None
        self._room = min(self._burst(self._rate), self._room + self._rate * (now_s - self._room_s))
        self._room_s = now_s

    @staticmethod
    def _burst(rate: float) -> float:
        return max(_LEAST_BURST_BYTES, _BURST_S * rate)
