"""Commands: COMMAND_LONG and COMMAND_INT, their acknowledgements, and when they may be repeated.

MAVLink guide: https://mavlink.io/en/services/command.html. Two kinds of asking:

- `request` for what does no harm twice (messages, intervals): repeated freely, the confirmation counted up;
- `act` for what moves something (arm, take-off, release): before each repetition the vehicle's own state, heard
  after the command went out, must show that it was not done. When the state cannot be told it is not repeated,
  nor after `ACT_WINDOW_S`: an arming that works long after it was asked for hurts people.

An acknowledgement carries no number. So of each command one is in flight at a time; the next one waits until
echoes of the last must have come; and a refusal of an act is believed only when the state does not show it done,
for a network that doubles packets brings "accepted" and, for the second copy, "failed".

"Accepted" means begun. Whoever asked watches for the end. COMMAND_CANCEL is left out: ArduPilot's dialect has no
such message.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

from flightctl.mavlink.conversation import Answers, Conversation
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import UNSUPPORTED_FRAME, CommandError, CommandTimedOut, refusal
from flightctl.mavlink.statustext import TextLog
from geofence.position import LatLon

ANSWER_S = 1.5  # for one sending; a radio or mobile link may take 0.6 s there and back
PROGRESS_S = 10.0  # between two IN_PROGRESS
REASON_S = 0.4  # the status text with the reason may come after the refusal
REQUEST_TRIES = 8  # with a fifth lost each way one in 3500 fails
ACT_WINDOW_S = 8.0  # from the first sending to the last
INSIST_WINDOW_S = 30.0  # for what makes it safer the later it comes: return, land, stop
_ECHO_S = 0.5  # after an answer, for its doubles on the network

Ack = mavlink.MAVLink_command_ack_message
Check = Callable[[float], Awaitable[bool | None]]
"""Given when the command was last sent: True it is done, False it surely is not, None it cannot be told."""
Progress = Callable[[int | None], None]
"""Told the percentage at each IN_PROGRESS; None when the vehicle does not know it."""
_PROGRESS_UNKNOWN = 255
_OLD_FRAMES = {
    mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT: mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT,
    mavlink.MAV_FRAME_GLOBAL_INT: mavlink.MAV_FRAME_GLOBAL,
}


class Form(Enum):
    """How a command travels. The guide asks for the other one when the vehicle says so."""

    LONG = "COMMAND_LONG"
    INT = "COMMAND_INT"
    INT_OLD_FRAME = "COMMAND_INT, frame without _INT"


@dataclass(frozen=True, slots=True)
class Command:
    """One MAV_CMD with its values; with a place it goes as COMMAND_INT."""

    number: int
    params: tuple[float, ...] = ()
    place: LatLon | None = None
    height_m: float = 0.0  # above home, with a place, unless `frame` says otherwise
    frame: int = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT

    @property
    def name(self) -> str:
        entry = mavlink.enums["MAV_CMD"].get(self.number)
        return entry.name.removeprefix("MAV_CMD_") if entry is not None else f"command {self.number}"

    @property
    def usual_form(self) -> Form:
        return Form.LONG if self.place is None else Form.INT

    def message(self, system_id: int, component_id: int, confirmation: int, form: Form | None = None) -> Message:
        form = form or self.usual_form
        if form is Form.LONG:
            p1, p2, p3, p4, p5, p6, p7 = self._seven()
            return mavlink.MAVLink_command_long_message(
                system_id, component_id, self.number, confirmation, p1, p2, p3, p4, p5, p6, p7
            )
        p1, p2, p3, p4, p5, p6, p7 = self._seven()
        if self.place is not None:
            p5, p6 = self.place.lat * 1e7, self.place.lon * 1e7
        new_frame = form is Form.INT and self.place is not None
        return mavlink.MAVLink_command_int_message(
            system_id,
            component_id,
            self.frame if new_frame else _OLD_FRAMES[self.frame],
            self.number,
            0,
            0,
            p1,
            p2,
            p3,
            p4,
            round(p5),
            round(p6),
            p7,
        )

    def other_form(self, form: Form, result: int) -> Form | None:
        """What to try when the vehicle refuses `form` for being that form; None when nothing is left."""
        if result == mavlink.MAV_RESULT_COMMAND_LONG_ONLY and form is not Form.LONG:
            return Form.LONG
        if result == mavlink.MAV_RESULT_COMMAND_INT_ONLY and form is Form.LONG and self._fits_int:
            return Form.INT
        if result == UNSUPPORTED_FRAME and form is Form.INT and self.place is not None:
            return Form.INT_OLD_FRAME
        return None

    @property
    def _fits_int(self) -> bool:
        return self.place is not None or all(math.isfinite(p) and p == round(p) for p in self._seven()[4:6])

    def _seven(self) -> tuple[float, float, float, float, float, float, float]:
        p1, p2, p3, p4, p5, p6, p7 = (*self.params, *(0.0,) * 7)[:7]
        if self.place is not None:
            p5, p6, p7 = self.place.lat, self.place.lon, self.height_m
        return p1, p2, p3, p4, p5, p6, p7


@dataclass(slots=True)
class _Exchange:
    """One command on its way."""

    command: Command
    check: Check | None
    progress: Progress | None
    form: Form
    first_s: float
    sent_s: float
    sendings: int = 0
    confirmation: int = 0
    heard_s: float | None = None
    tried: set[Form] = field(default_factory=set[Form])

    @property
    def echoes_until_s(self) -> float:
        """When no answer to it can come any more."""
        if self.heard_s is not None and self.sendings == 1:
            return self.heard_s + _ECHO_S
        return self.sent_s + ANSWER_S


class Commander:
    """Sends commands to one vehicle; of each command one at a time, for an acknowledgement carries no number."""

    def __init__(self, conversation: Conversation, texts: TextLog) -> None:
        self._with = conversation
        self._texts = texts
        self._locks: dict[int, asyncio.Lock] = {}
        self._echoes_until_s: dict[int, float] = {}
        self._forms: dict[int, Form] = {}  # what this vehicle wanted otherwise than usual

    def tell(self, command: Command) -> None:
        """Sends once and waits for nothing: whether it worked is seen otherwise."""
        form = self._forms.get(command.number)
        self._with.send(command.message(self._with.system_id, self._with.component_id, 0, form))

    async def request(
        self, command: Command, *, tries: int = REQUEST_TRIES, progress: Progress | None = None
    ) -> None:
        """For what does no harm twice. Raises CommandError."""
        await self._run(command, None, progress, tries, math.inf)

    async def act(
        self, command: Command, check: Check, *, window_s: float = ACT_WINDOW_S, progress: Progress | None = None
    ) -> None:
        """For what moves something. Returns when it is accepted or `check` shows it done. Raises CommandError."""
        await self._run(command, check, progress, None, window_s)

    async def _run(
        self, command: Command, check: Check | None, progress: Progress | None, tries: int | None, window_s: float
    ) -> None:
        number, clock = command.number, self._with.clock
        async with self._locks.setdefault(number, asyncio.Lock()):
            await asyncio.sleep(max(0.0, self._echoes_until_s.get(number, 0.0) - clock.time_s()))
            now_s = clock.time_s()
            exchange = _Exchange(command, check, progress, self._forms.get(number, command.usual_form), now_s, now_s)
            with self._with.expect(Ack, where=lambda ack: self._is_mine(ack, number)) as answers:
                try:
                    await self._attempts(exchange, tries, window_s, answers)
                finally:
                    self._echoes_until_s[number] = exchange.echoes_until_s

    async def _attempts(self, x: _Exchange, tries: int | None, window_s: float, answers: Answers[Ack]) -> None:
        clock = self._with.clock
        surely_not_done = True
        while True:
            if not surely_not_done:
                if x.check is not None:
                    done = await x.check(x.sent_s)
                    if done is True:
                        return
                    ack = await answers.next(0)  # an answer that came late, while the state was looked at
                    if ack is not None and await self._settles(x, ack, answers):
                        return
                    if ack is None and done is None:
                        raise self._timed_out(x, "was not answered, and its state is not heard; not repeated")
                if x.sendings == tries or clock.time_s() - x.first_s > window_s:
                    raise self._timed_out(x, f"was not answered, sent {x.sendings} times")
            x.sent_s = clock.time_s()
            to = self._with
            to.send(x.command.message(to.system_id, to.component_id, x.confirmation % 256, x.form))
            x.sendings, x.confirmation = x.sendings + 1, x.confirmation + 1
            ack = await answers.next(ANSWER_S)
            if ack is not None and await self._settles(x, ack, answers):
                return
            surely_not_done = ack is not None  # it asked for the other form

    async def _settles(self, x: _Exchange, ack: Ack, answers: Answers[Ack]) -> bool:
        """True when it is done or begun, False when it is to be sent in another form. Raises CommandError."""
        while True:
            x.heard_s = self._with.clock.time_s()
            other = x.command.other_form(x.form, ack.result)
            if other is not None and other not in x.tried:
                x.tried.add(x.form)
                x.form = self._forms[x.command.number] = other
                x.confirmation = 0
                return False
            if ack.result == mavlink.MAV_RESULT_ACCEPTED:
                return True
            if ack.result != mavlink.MAV_RESULT_IN_PROGRESS:
                return await self._survives(x, ack.result)
            percent = None if ack.progress == _PROGRESS_UNKNOWN else ack.progress
            if x.progress is not None:
                x.progress(percent)
            following = await answers.next(PROGRESS_S)
            if following is None:
                if x.check is not None and await x.check(x.first_s) is True:
                    return True
                at = "in progress" if percent is None else f"at {percent} %"
                raise self._timed_out(x, f"stopped {at} and said nothing more")
            ack = following

    async def _survives(self, x: _Exchange, result: int) -> bool:
        """True when it is done all the same: a second copy is refused while the first is being carried out."""
        if x.check is not None and await x.check(x.first_s) is True:
            return True
        await asyncio.sleep(REASON_S)
        raise refusal(self._with.who, x.command.name, result, self._texts.reasons_since(x.first_s))

    def _timed_out(self, x: _Exchange, words: str) -> CommandError:
        return CommandTimedOut(self._with.who, x.command.name, words)

    def _is_mine(self, ack: Ack, number: int) -> bool:
        return (
            ack.command == number
            and ack.target_system in {0, self._with.our_system_id}
            and ack.target_component in {0, self._with.our_component_id}
        )
