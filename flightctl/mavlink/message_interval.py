"""Message rates: asked for, measured, and asked again when they drift or after a reboot.

MAVLink guide: https://mavlink.io/en/mavgen_python/howto_requestmessages.html. An ArduPilot says nothing but
heartbeats until asked. Acknowledgements are not waited for (on serial links they do not come reliably, and they say
not for which message they are): whether the message arrives is the answer. Where it does not, the autopilot is
asked what interval it keeps: MESSAGE_INTERVAL 0 means that it has no such message, which is then left alone until a
reboot; another interval than asked, kept twice, is what it can do.
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
_INQUIRES_AFTER = 2  # tries without effect, and it is asked what it keeps
_PATIENT_S = 30.0  # then a message that never comes is asked for at this pace, half as often each time
_MOST_PATIENT_S = 600.0
_DISABLED, _UNAVAILABLE = -1, 0  # MESSAGE_INTERVAL.interval_us


@dataclass(frozen=True, slots=True)
class Rate:
    """One message, for people who wonder what a link carries."""

    message_id: int
    wanted_hz: float
    measured_hz: float | None  # None: not measured yet
    available: bool


@dataclass(slots=True)
class _Stream:
    interval_s: float
    asked_s: float | None = None
    tries: int = 0
    window_from_s: float = 0.0
    seen: int = 0
    kept_s: float | None = None  # the autopilot's own interval, when it insists on another
    other_s: float | None = None  # said once
    unavailable: bool = False
    measured_hz: float | None = None

    @property
    def expected_s(self) -> float:
        return self.interval_s if self.kept_s is None else self.kept_s

    @property
    def patience_s(self) -> float:
        """How long to wait after the last asking."""
        if self.tries < _PATIENT_TRIES:
            return _GRACE_S
        return min(_MOST_PATIENT_S, _PATIENT_S * 2.0 ** (self.tries - _PATIENT_TRIES))


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
            stream.unavailable = False

    def answered(self, message: mavlink.MAVLink_message_interval_message) -> None:
        """What the autopilot says it keeps."""
        stream = self._streams.get(message.message_id)
        if stream is None:
            return
        if message.interval_us == _UNAVAILABLE:
            stream.unavailable = stream.seen == 0
        elif message.interval_us != _DISABLED:
            said_s = message.interval_us / 1e6
            differs = abs(said_s - stream.interval_s) > 0.1 * stream.interval_s
            if differs and stream.other_s == said_s:
                stream.kept_s = said_s  # asked again since it said so first, and it keeps to it
            stream.other_s = said_s if differs else None
            stream.kept_s = stream.kept_s if differs else None

    def forget(self) -> None:
        """After a reboot: everything is to be asked anew."""
        for message_id, stream in self._streams.items():
            self._streams[message_id] = _Stream(stream.interval_s)

    def tick(self, now_s: float) -> None:
        """Asks for what is missing; call it about once a second while the vehicle is heard."""
        for message_id, stream in self._streams.items():
            if stream.asked_s is None or self._drifted(stream, now_s):
                stream.asked_s, stream.seen, stream.window_from_s = now_s, 0, now_s
                stream.tries += 1
                interval_us = round(stream.interval_s * 1e6)
                command = Command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, (message_id, interval_us))
                self._commander.tell(command)
                if stream.tries > _INQUIRES_AFTER:
                    self._commander.tell(Command(mavlink.MAV_CMD_GET_MESSAGE_INTERVAL, (message_id,)))

    def measured(self) -> tuple[Rate, ...]:
        return tuple(
            Rate(message_id, 1.0 / stream.interval_s, stream.measured_hz, not stream.unavailable)
            for message_id, stream in self._streams.items()
        )

    def _drifted(self, stream: _Stream, now_s: float) -> bool:
        assert stream.asked_s is not None
        if stream.unavailable or now_s - stream.asked_s < stream.patience_s:
            return False
        elapsed_s = now_s - stream.window_from_s
        if elapsed_s < max(_GRACE_S, 3 * stream.expected_s):
            return False
        expected = elapsed_s / stream.expected_s
        drifted = stream.seen < _TOO_SLOW * expected or stream.seen > _TOO_FAST * expected + 2
        if drifted or elapsed_s >= _WINDOW_S:
            stream.measured_hz = stream.seen / elapsed_s
        if not drifted and elapsed_s >= _WINDOW_S:
            stream.tries = 0
            stream.seen, stream.window_from_s = 0, now_s
        return drifted
