"""STATUSTEXT: joins the chunks of long texts and keeps the last ones, for they carry the reasons of refusals.

MAVLink common: https://mavlink.io/en/messages/common.html#STATUSTEXT. A text longer than 50 bytes comes in
chunks with one `id` and growing `chunk_seq`; the last one is the first that is not full. Chunks may be lost,
doubled or out of order: what is there after a moment is given, with a mark where a piece is missing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from flightctl.mavlink.dialect import mavlink

_CHUNK = 50
_PATIENCE_S = 1.0
_KEPT = 40


@dataclass(frozen=True, slots=True)
class StatusText:
    at_s: float  # loop time
    severity: int  # MAV_SEVERITY, 0 emergency .. 7 debug
    text: str


class _Pieces:
    def __init__(self, at_s: float, severity: int) -> None:
        self.at_s = at_s
        self.severity = severity
        self.parts: dict[int, str] = {}

    @property
    def whole(self) -> bool:
        last = next((seq for seq, part in self.parts.items() if len(part) < _CHUNK), None)
        return last is not None and all(seq in self.parts for seq in range(last + 1))

    def text(self) -> str:
        return "".join(self.parts.get(seq, "[...]") for seq in range(max(self.parts) + 1))


class TextLog:
    """The last texts of one vehicle."""

    def __init__(self) -> None:
        self._texts: deque[StatusText] = deque(maxlen=_KEPT)
        self._open: dict[int, _Pieces] = {}
        self._finished: deque[tuple[int, float]] = deque(maxlen=8)

    def add(self, message: mavlink.MAVLink_statustext_message, at_s: float) -> None:
        self.close_stale(at_s)
        if message.id == 0:
            self._texts.append(StatusText(at_s, message.severity, message.text))
            return
        if any(done == message.id and at_s - when < _PATIENCE_S for done, when in self._finished):
            return  # a doubled chunk of a text that is already whole
        pieces = self._open.setdefault(message.id, _Pieces(at_s, message.severity))
        pieces.parts[message.chunk_seq] = message.text
        if pieces.whole:
            self._finish(message.id, at_s)

    def close_stale(self, now_s: float) -> None:
        """Gives up waiting for chunks that should have come."""
        for text_id in [key for key, pieces in self._open.items() if now_s - pieces.at_s > _PATIENCE_S]:
            self._finish(text_id, now_s)

    def _finish(self, text_id: int, at_s: float) -> None:
        pieces = self._open.pop(text_id)
        self._finished.append((text_id, at_s))
        self._texts.append(StatusText(at_s, pieces.severity, pieces.text()))

    @property
    def last(self) -> tuple[StatusText, ...]:
        return tuple(self._texts)

    def reasons_since(self, at_s: float) -> tuple[str, ...]:
        """Warnings and worse since `at_s`, each once."""
        bad = (t.text for t in self._texts if t.at_s >= at_s and t.severity <= mavlink.MAV_SEVERITY_WARNING)
        return tuple(dict.fromkeys(bad))
