"""How a link does: what is lost on it, how much goes each way."""

from __future__ import annotations

from dataclasses import dataclass

_LOSS_WINDOW_S = 5.0
_RATE_WINDOW_S = 4.0
_RESYNC_AFTER = 8
"""This many late ones in a row: the sender counts anew, after a reboot or on another path."""


class LossMeter:
    """Lost messages by the sender's 8-bit sequence numbers; late and doubled ones are no loss.

    MAVLink guide: https://mavlink.io/en/guide/packet_loss.html. Wrong under routers that mix senders, so it is
    shown and never acted on.
    """

    def __init__(self) -> None:
        self.received = 0
        self.lost = 0
        self.ratio = 0.0
        self._last_seq: int | None = None
        self._window_from_s = 0.0
        self._window_received = 0
        self._window_lost = 0
        self._late_in_a_row = 0

    def note(self, seq: int, at_s: float) -> None:
        if self._last_seq is None:
            self._last_seq, self._window_from_s = seq, at_s
        else:
            ahead = (seq - self._last_seq) % 256
            if ahead == 0 or ahead >= 128:
                self._late_in_a_row += 1
                if self._late_in_a_row < _RESYNC_AFTER:
                    if ahead:  # it was counted as lost when a later one overtook it
                        self.lost = max(0, self.lost - 1)
                        self._window_lost = max(0, self._window_lost - 1)
                    return
            else:
                self.lost += ahead - 1
                self._window_lost += ahead - 1
            self._last_seq = seq
        self._late_in_a_row = 0
        self.received += 1
        self._window_received += 1
        if at_s - self._window_from_s >= _LOSS_WINDOW_S:
            self.ratio = self._window_lost / max(1, self._window_lost + self._window_received)
            self._window_from_s, self._window_received, self._window_lost = at_s, 0, 0


@dataclass(slots=True)
class Traffic:
    """Frames and bytes counted one by one."""

    messages_in: int = 0
    bytes_in: int = 0
    messages_out: int = 0
    bytes_out: int = 0

    def went(self, size: int) -> None:
        self.messages_out += 1
        self.bytes_out += size


@dataclass(frozen=True, slots=True)
class Rates:
    """A second."""

    messages_in: float = 0.0
    bytes_in: float = 0.0
    messages_out: float = 0.0
    bytes_out: float = 0.0


class RateMeter:
    """The rates of counted traffic over the last seconds; `tick` it about once a second."""

    def __init__(self, traffic: Traffic) -> None:
        self.rates = Rates()
        self.traffic = traffic
        self._marks: list[tuple[float, int, int, int, int]] = []

    def tick(self, now_s: float) -> None:
        counted = self.traffic
        mark = (now_s, counted.messages_in, counted.bytes_in, counted.messages_out, counted.bytes_out)
        self._marks.append(mark)
        while len(self._marks) > 2 and now_s - self._marks[1][0] >= _RATE_WINDOW_S:
            del self._marks[0]
        first = self._marks[0]
        elapsed_s = now_s - first[0]
        if elapsed_s > 0.0:
            self.rates = Rates(
                *((after - before) / elapsed_s for after, before in zip(mark[1:], first[1:], strict=True))
            )
