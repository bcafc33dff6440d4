"""Message rates: asked for, watched, and asked again when they drift or after a reboot.

MAVLink guide: https://mavlink.io/en/mavgen_python/howto_requestmessages.html. An ArduPilot says nothing but
heartbeats until asked. Answers are not waited for (on serial links they do not come reliably): whether the
message arrives is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from flightctl.mavlink.command import Command, Commander
from flightctl.mavlink.dialect import mavlink

_GRACE_S = 3.0  # after asking, before a rate is judged
_WINDOW_S = 5.0
_TOO_SLOW = 0.5  # of what was asked; loss takes its share without the rate having drifted
_TOO_FAST = 2.5  # another station asked for more
_PATIENT_TRIES = 5
_PATIENT_S = 30.0  # a message that never comes is asked for at this pace


@dataclass(slots=True)
class _Stream:
    interval_s: float
    asked_s: float | None = None
    tries: int = 0
    window_from_s: float = 0.0
    seen: int = 0


class Rates:
    """The messages wanted from one vehicle, by message id."""

    def __init__(self, commander: Commander, wanted_s: dict[int, float]) -> None:
        self._commander = commander
        self._streams = {message_id: _Stream(interval_s) for message_id, interval_s in wanted_s.items()}

    def want(self, message_id: int, interval_s: float) -> None:
        """From the next tick on; asking for what is wanted already changes nothing."""
        stream = self._streams.get(message_id)
        if stream is None or stream.interval_s != interval_s:
            self._streams[message_id] = _Stream(interval_s)

    def saw(self, message_id: int) -> None:
        stream = self._streams.get(message_id)
        if stream is not None:
            stream.seen += 1

    def forget(self) -> None:
        """After a reboot: everything is to be asked anew."""
        for stream in self._streams.values():
            stream.asked_s, stream.tries = None, 0

    def tick(self, now_s: float) -> None:
        """Asks for what is missing; call it about once a second while the vehicle is heard."""
        for message_id, stream in self._streams.items():
            if stream.asked_s is None or self._drifted(stream, now_s):
                stream.asked_s, stream.seen, stream.window_from_s = now_s, 0, now_s
                stream.tries += 1
                interval_us = round(stream.interval_s * 1e6)
                command = Command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, (message_id, interval_us))
                self._commander.tell(command)

    def _drifted(self, stream: _Stream, now_s: float) -> bool:
        assert stream.asked_s is not None
        if now_s - stream.asked_s < (_GRACE_S if stream.tries < _PATIENT_TRIES else _PATIENT_S):
            return False
        elapsed_s = now_s - stream.window_from_s
        if elapsed_s < max(_GRACE_S, 3 * stream.interval_s):
            return False
        expected = elapsed_s / stream.interval_s
        drifted = stream.seen < _TOO_SLOW * expected or stream.seen > _TOO_FAST * expected + 2
        if not drifted and elapsed_s >= _WINDOW_S:
            stream.tries = 0
            stream.seen, stream.window_from_s = 0, now_s
        return drifted
