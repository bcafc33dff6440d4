"""A simulated loudspeaker, on the bank or under a drone: speaks for as long as the words take and is heard.

A newer message cuts a running one short; a repeated `cmd_id` is answered again and not spoken again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from pydantic import ValidationError

from flightctl.clock import Clock
from flightctl.speaker.protocol import (
    Say,
    SpeakerAck,
    SpeakerDone,
    SpeakerFailed,
    SpeakerStatus,
    Stop,
    speaker_command,
)
from sim.lines import LineServer
from sim.speaker.speech import spoken_s

_REMEMBERED_COMMANDS = 256
_STATUS_PERIOD_S = 1.0
_ROUNDING_S = 1e-6
_PAUSE_BETWEEN_REPEATS_S = 0.8

OnSpoken = Callable[[Say], None]
"""Called once for every time the message has been said in full."""


class SimSpeaker:
    """Call `step` regularly; `on_spoken` tells the world, which knows who stands within earshot."""

    def __init__(self, speaker_id: str, clock: Clock, on_spoken: OnSpoken) -> None:
        self.id = speaker_id
        self.fault = ""  # while it is not empty nothing is said
        self.link = LineServer(self._on_line, self._send_status)
        self._clock = clock
        self._on_spoken = on_spoken
        self._playing: Say | None = None
        self._left_s = 0.0  # of the present repetition
        self._repeats_left = 0
        self._answers: OrderedDict[UUID, SpeakerDone | SpeakerFailed | None] = OrderedDict()
        self._status_due_s = 0.0

    @property
    def playing(self) -> Say | None:
        return self._playing

    def step(self, dt_s: float) -> None:
        """Goes on speaking for `dt_s`."""
        if self._playing is not None:
            if self.fault:
                self._end(SpeakerFailed(cmd_id=self._playing.cmd_id, reason=self.fault))
            else:
                self._speak(self._playing, dt_s)
        self._status_due_s -= dt_s
        if self._status_due_s <= _ROUNDING_S:
            self._send_status()

    def _speak(self, say: Say, dt_s: float) -> None:
        before_s = self._left_s
        self._left_s -= dt_s
        if before_s > 0 >= self._left_s:
            self._on_spoken(say)
            self._repeats_left -= 1
            if self._repeats_left == 0:
                self._end(SpeakerDone(cmd_id=say.cmd_id))
        elif self._left_s <= -_PAUSE_BETWEEN_REPEATS_S:
            self._left_s = spoken_s(say.text)

    def _on_line(self, line: bytes) -> None:
        try:
            command = speaker_command.validate_json(line)
        except ValidationError:
            return  # the link has no answer for a line without a command in it
        if isinstance(command, Stop):
            self.stop(command)
        else:
            self.say(command)

    def say(self, say: Say) -> None:
        """Begins to speak, unless the message is old, known, or the speaker broken."""
        if say.cmd_id in self._answers:
            self.link.send(SpeakerAck(cmd_id=say.cmd_id))
            former = self._answers[say.cmd_id]
            if former is not None:
                self.link.send(former)
            return
        self._remember(say.cmd_id, None)
        self.link.send(SpeakerAck(cmd_id=say.cmd_id))
        if say.expires_at <= self._clock.now():
            self._answer(SpeakerFailed(cmd_id=say.cmd_id, reason=f"expired at {say.expires_at.isoformat()}"))
            return
        if self.fault:
            self._answer(SpeakerFailed(cmd_id=say.cmd_id, reason=self.fault))
            return
        if self._playing is not None:
            self._end(SpeakerFailed(cmd_id=self._playing.cmd_id, reason="cut short by a newer message"))
        self._playing = say
        self._left_s = spoken_s(say.text)
        self._repeats_left = say.repeat
        self._send_status()

    def stop(self, stop: Stop) -> None:
        self.link.send(SpeakerAck(cmd_id=stop.cmd_id))
        if self._playing is not None:
            self._end(SpeakerFailed(cmd_id=self._playing.cmd_id, reason="stopped"))
        self.link.send(SpeakerDone(cmd_id=stop.cmd_id))

    def _end(self, answer: SpeakerDone | SpeakerFailed) -> None:
        self._playing = None
        self._answer(answer)
        self._send_status()

    def _answer(self, answer: SpeakerDone | SpeakerFailed) -> None:
        self._remember(answer.cmd_id, answer)
        self.link.send(answer)

    def _remember(self, cmd_id: UUID, answer: SpeakerDone | SpeakerFailed | None) -> None:
        self._answers[cmd_id] = answer
        while len(self._answers) > _REMEMBERED_COMMANDS:
            self._answers.popitem(last=False)

    def _send_status(self) -> None:
        self._status_due_s = _STATUS_PERIOD_S
        playing = None if self._playing is None else self._playing.cmd_id
        self.link.send(SpeakerStatus(at=self._clock.now(), playing=playing, fault=self.fault))
