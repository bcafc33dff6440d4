"""Commands: COMMAND_LONG and COMMAND_INT, their acknowledgements, and when they may be repeated.

MAVLink guide: https://mavlink.io/en/services/command.html. Two kinds of asking:

- `request` for what does no harm twice (messages, intervals): repeated freely, the confirmation counted up;
- `act` for what moves something (arm, take-off, release): before each repetition the vehicle's own state, heard
  after the command went out, must show that it was not done. When the state cannot be told it is not repeated.

"Accepted" means begun. Whoever asked watches for the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from flightctl.mavlink.conversation import Answers, Conversation
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import CommandError, CommandTimedOut, refusal
from flightctl.mavlink.statustext import TextLog
from geofence.position import LatLon

ANSWER_S = 1.5  # for one sending; a radio or mobile link may take 0.6 s there and back
PROGRESS_S = 10.0  # between two IN_PROGRESS
REASON_S = 0.4  # the status text with the reason may come after the refusal
REQUEST_TRIES = 5
ACT_TRIES = 4

Ack = mavlink.MAVLink_command_ack_message
Check = Callable[[float], Awaitable[bool | None]]
"""Given when the command was last sent: True it is done, False it surely is not, None it cannot be told."""


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

    def message(self, system_id: int, component_id: int, confirmation: int) -> Message:
        if self.place is not None:
            p1, p2, p3, p4 = _filled(self.params, 4)
            return mavlink.MAVLink_command_int_message(
                system_id,
                component_id,
                self.frame,
                self.number,
                0,
                0,
                p1,
                p2,
                p3,
                p4,
                round(self.place.lat * 1e7),
                round(self.place.lon * 1e7),
                self.height_m,
            )
        p1, p2, p3, p4, p5, p6, p7 = _filled(self.params, 7)
        return mavlink.MAVLink_command_long_message(
            system_id, component_id, self.number, confirmation, p1, p2, p3, p4, p5, p6, p7
        )


def _filled(params: tuple[float, ...], count: int) -> tuple[float, ...]:
    return (*params, *(0.0,) * count)[:count]


class Commander:
    """Sends commands to one vehicle; of each command one at a time, for an acknowledgement carries no number."""

    def __init__(self, conversation: Conversation, texts: TextLog) -> None:
        self._with = conversation
        self._texts = texts
        self._locks: dict[int, asyncio.Lock] = {}

    def tell(self, command: Command) -> None:
        """Sends once and waits for nothing: whether it worked is seen otherwise."""
        self._with.send(command.message(self._with.system_id, self._with.component_id, 0))

    async def request(self, command: Command, *, tries: int = REQUEST_TRIES) -> None:
        """For what does no harm twice. Raises CommandError."""
        await self._exchange(command, tries, None)

    async def act(self, command: Command, check: Check, *, tries: int = ACT_TRIES) -> None:
        """For what moves something. Returns when it is accepted or `check` shows it done. Raises CommandError."""
        await self._exchange(command, tries, check)

    async def _exchange(self, command: Command, tries: int, check: Check | None) -> None:
        async with self._locks.setdefault(command.number, asyncio.Lock()):
            with self._with.expect(Ack, where=lambda ack: self._is_mine(ack, command.number)) as answers:
                await self._attempts(command, tries, check, answers)

    async def _attempts(self, command: Command, tries: int, check: Check | None, answers: Answers[Ack]) -> None:
        first_s = sent_s = self._with.clock.time_s()
        for attempt in range(tries):
            if attempt > 0 and check is not None:
                done = await check(sent_s)
                if done is True:
                    return
                ack = await answers.next(0)  # an answer that came late, while the state was looked at
                if ack is not None:
                    await self._judge(command, ack, check, first_s, answers)
                    return
                if done is None:
                    raise self._timed_out(command, "was not answered, and its state is not heard; not repeated")
            sent_s = self._with.clock.time_s()
            self._with.send(command.message(self._with.system_id, self._with.component_id, attempt))
            ack = await answers.next(ANSWER_S)
            if ack is not None:
                await self._judge(command, ack, check if attempt > 0 else None, first_s, answers)
                return
        if check is not None and await check(sent_s) is True:
            return
        raise self._timed_out(command, f"was not answered, sent {tries} times")

    async def _judge(
        self, command: Command, ack: Ack, check: Check | None, first_s: float, answers: Answers[Ack]
    ) -> None:
        while ack.result == mavlink.MAV_RESULT_IN_PROGRESS:
            following = await answers.next(PROGRESS_S)
            if following is None:
                raise self._timed_out(command, f"stopped at {ack.progress} % and said nothing more")
            ack = following
        if ack.result == mavlink.MAV_RESULT_ACCEPTED:
            return
        # A repeated command is refused when the first one, whose answer was lost, is being carried out.
        if check is not None and await check(first_s) is True:
            return
        await asyncio.sleep(REASON_S)
        raise refusal(self._with.who, command.name, ack.result, self._texts.reasons_since(first_s))

    def _timed_out(self, command: Command, words: str) -> CommandError:
        return CommandTimedOut(self._with.who, command.name, words)

    def _is_mine(self, ack: Ack, number: int) -> bool:
        return (
            ack.command == number
            and ack.target_system in {0, self._with.our_system_id}
            and ack.target_component in {0, self._with.our_component_id}
        )
