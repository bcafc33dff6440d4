"""Parameters: read, listed and set, each verified by what the vehicle says it holds.

MAVLink guide: https://mavlink.io/en/services/parameter.html. A vehicle gives no answer at all for a name it does
not know, and may not echo a set: then the value is read again. A list loses some of its hundreds of messages: what
is missing is asked for by index. ArduPilot sends numbers as floats (C-cast), PX4 puts the bytes of an integer into
the float's place (bytewise); which of the two is in the capabilities, else the autopilot's own way. An autopilot
that says neither (MAVSDK's servers are bytewise and do not say so) gives itself away: a whole number that was cast
is whole, and one whose bytes were laid into a float nearly never is.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

from flightctl.mavlink.conversation import Answers, Conversation
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import ParameterNotTaken, ParametersIncomplete, ParameterUnknown
from flightctl.mavlink.patience import ENOUGH_TRIES, Patience

_LISTS = 6  # askings for the whole list
_QUIET_S = 1.5  # this long without another one, the list is over
_AT_ONCE = 10  # missing ones asked for together: more would fill a narrow link
_CHECKS = 3  # an old answer may be overtaken by the set
_NO_INDEX = 65535

Value = mavlink.MAVLink_param_value_message
_FORMATS = {
    mavlink.MAV_PARAM_TYPE_UINT8: "<Bxxx",
    mavlink.MAV_PARAM_TYPE_INT8: "<bxxx",
    mavlink.MAV_PARAM_TYPE_UINT16: "<Hxx",
    mavlink.MAV_PARAM_TYPE_INT16: "<hxx",
    mavlink.MAV_PARAM_TYPE_UINT32: "<I",
    mavlink.MAV_PARAM_TYPE_INT32: "<i",
    mavlink.MAV_PARAM_TYPE_REAL32: "<f",
}
_WHOLE = frozenset(_FORMATS) - {mavlink.MAV_PARAM_TYPE_REAL32}


@dataclass(frozen=True, slots=True)
class Held:
    """A parameter as the vehicle said it."""

    value: float
    type: int  # MAV_PARAM_TYPE


def is_bytewise(capabilities: int) -> bool | None:
    """From AUTOPILOT_VERSION.capabilities; None when they say neither or, which makes no sense, both."""
    bytewise = bool(capabilities & mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_BYTEWISE)
    c_cast = bool(capabilities & mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_C_CAST)
    return None if bytewise == c_cast else bytewise


class Parameters:
    """The parameters of one vehicle; nothing is cached, for others change them too."""

    def __init__(self, conversation: Conversation) -> None:
        self.bytewise = False
        self._with = conversation
        self._lock = asyncio.Lock()
        self._patience = Patience()

    async def read(self, name: str) -> float:
        """Raises ParameterUnknown."""
        async with self._lock:
            return (await self._read(name)).value

    async def read_all(self, progress: Callable[[int, int], None] | None = None) -> dict[str, float]:
        """Every parameter by name; `progress` is told how many of how many. Raises ParametersIncomplete."""
        async with self._lock:
            with self._with.expect(Value, where=lambda value: value.param_index != _NO_INDEX) as answers:
                return await self._gather(answers, progress)

    async def set(self, name: str, value: float) -> None:
        """Returns when the vehicle has said that it holds `value`. Raises ParameterUnknown, ParameterNotTaken."""
        async with self._lock:
            bytewise = self.bytewise
            wanted, held = await self._set_as_it_takes_it(name, value)
            if not _same(held, wanted) and bytewise != self.bytewise:  # it has given itself away meanwhile
                wanted, held = await self._set_as_it_takes_it(name, value)
        if not _same(held, wanted):
            raise ParameterNotTaken(f"{self._with.who}: {name} was set to {wanted:g} and reads {held:g}")

    async def _set_as_it_takes_it(self, name: str, value: float) -> tuple[float, float]:
        """What was asked for, as its type has it, and what it holds then."""
        kind = (await self._read(name)).type if self.bytewise else mavlink.MAV_PARAM_TYPE_REAL32
        if kind != mavlink.MAV_PARAM_TYPE_REAL32 and value != round(value):
            raise ParameterNotTaken(f"{self._with.who}: {name} is a whole number, and {value:g} is not")
        wanted = _float32(value) if kind == mavlink.MAV_PARAM_TYPE_REAL32 else float(round(value))
        message = mavlink.MAVLink_param_set_message(
            self._with.system_id, self._with.component_id, name.encode("ascii"), self._encode(wanted, kind), kind
        )
        return wanted, await self._set(name, message, wanted)

    async def _set(self, name: str, message: Message, wanted: float) -> float:
        """What it holds after `message` has reached it."""
        held, bytewise = math.nan, self.bytewise
        for _ in range(_CHECKS):  # the echo may be of the old value or another client's: read it
            echo = await self._ask(name, message, tries=1)
            held = (await self._read(name)).value
            if _same(held, wanted) or bytewise != self.bytewise:
                break
            if echo is not None:
                await asyncio.sleep(self._patience.timeout_s)  # an answer from before the set may still come
        return held

    async def _read(self, name: str) -> Held:
        message = mavlink.MAVLink_param_request_read_message(
            self._with.system_id, self._with.component_id, name.encode("ascii"), -1
        )
        answer = await self._ask(name, message)
        if answer is None:
            raise ParameterUnknown(
                f"{self._with.who}: no answer about {name}, asked {ENOUGH_TRIES} times; "
                "this version may not know it, or the link is bad"
            )
        return Held(self._decode(answer), answer.param_type)

    async def _ask(self, name: str, message: Message, tries: int = ENOUGH_TRIES) -> Value | None:
        with self._with.expect(Value, where=lambda value: value.param_id == name) as answers:
            for asked in range(tries):
                sent_s = self._with.clock.time_s()
                self._with.send(message)
                answer = await answers.next(self._patience.timeout_s)
                if answer is not None:
                    if asked == 0:
                        self._patience.took(self._with.clock.time_s() - sent_s)
                    return answer
        return None

    async def _gather(self, answers: Answers[Value], progress: Callable[[int, int], None] | None) -> dict[str, float]:
        found: dict[int, Value] = {}
        count: int | None = None
        fruitless = 0
        while count is None or len(found) < count:
            before = len(found)
            if count is None:
                self._with.send(
                    mavlink.MAVLink_param_request_list_message(self._with.system_id, self._with.component_id)
                )
            else:
                missing = [index for index in range(count) if index not in found]
                for index in missing[:_AT_ONCE]:
                    self._with.send(
                        mavlink.MAVLink_param_request_read_message(
                            self._with.system_id, self._with.component_id, b"", index
                        )
                    )
            while count is None or len(found) < count:
                answer = await answers.next(_QUIET_S if count is None or not fruitless else self._patience.timeout_s)
                if answer is None:
                    break
                if count is not None and answer.param_count != count:
                    found.clear()  # a group came or went, and the indices have moved
                    before = 0
                count = answer.param_count
                if answer.param_index < count:
                    found[answer.param_index] = answer
                if progress is not None:
                    progress(len(found), count)
            fruitless = 0 if len(found) > before else fruitless + 1
            if fruitless == (_LISTS if count is None else ENOUGH_TRIES):
                known = "no answer to the list" if count is None else f"{len(found)} of {count} came"
                raise ParametersIncomplete(f"{self._with.who}: parameters: {known}; the link is bad or was lost")
        for answer in found.values():  # any of them may tell how all are written
            self._decode(answer)
        return {found[index].param_id: self._decode(found[index]) for index in sorted(found)}

    def _decode(self, message: Value) -> float:
        form = _FORMATS.get(message.param_type)
        if message.param_type in _WHOLE and not message.param_value.is_integer():
            self.bytewise = True
        if not self.bytewise or form is None:
            return message.param_value
        frame = bytes(message.get_msgbuf())  # a float that went through Python may have lost bits of an integer
        start = 10 if frame[0] == 0xFD else 6
        return float(struct.unpack(form, frame[start : start + 4])[0])

    def _encode(self, value: float, kind: int) -> float:
        form = _FORMATS.get(kind)
        if not self.bytewise or form is None or kind == mavlink.MAV_PARAM_TYPE_REAL32:
            return value
        try:
            return struct.unpack("<f", struct.pack(form, round(value)))[0]
        except struct.error:
            raise ParameterNotTaken(f"{self._with.who}: {value:g} does not fit into the parameter's type") from None


def _float32(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


def _same(held: float, wanted: float) -> bool:
    return math.isclose(held, wanted, rel_tol=1e-6, abs_tol=1e-6)
