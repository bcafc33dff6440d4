"""Parameters: read and set one by one, or read all together; a set is verified by what the vehicle says it holds.

MAVLink guide: https://mavlink.io/en/services/parameter.html. ArduPilot sends numbers as floats (C-cast), gives
no answer at all for a name it does not know, and may not echo a set: then the value is read again.
"""

from __future__ import annotations

import asyncio
import math
import struct

from flightctl.mavlink.conversation import Answers, Conversation
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import ParameterNotTaken, ParametersIncomplete, ParameterUnknown

_ANSWER_S = 1.2
_TRIES = 5
_PASSES = 12  # over what is missing
_ASKED_AT_ONCE = 40  # a parameter may take half of a slow link, no more (guide)

Value = mavlink.MAVLink_param_value_message


class Parameters:
    """The parameters of one vehicle; nothing is cached, for others change them too."""

    def __init__(self, conversation: Conversation) -> None:
        self._with = conversation
        self._lock = asyncio.Lock()

    async def read(self, name: str) -> float:
        """Raises ParameterUnknown."""
        async with self._lock:
            return await self._read(name)

    async def read_all(self) -> dict[str, float]:
        """The whole table. What was lost on the way is asked for by its index. Raises ParametersIncomplete."""
        async with self._lock:
            with self._with.expect(Value) as answers:
                found: dict[int, Value] = {}
                await self._take_list(answers, found)
                await self._take_missing(answers, found)
        return {value.param_id: float(value.param_value) for _, value in sorted(found.items())}

    async def _take_list(self, answers: Answers[Value], found: dict[int, Value]) -> None:
        request = mavlink.MAVLink_param_request_list_message(self._with.system_id, self._with.component_id)
        for _ in range(_TRIES):
            self._with.send(request)
            while (answer := await answers.next(_ANSWER_S)) is not None:
                if answer.param_index < answer.param_count:  # single answers carry 65535
                    found[answer.param_index] = answer
                    if len(found) == answer.param_count:
                        return
            if found:
                return
        raise ParametersIncomplete(f"{self._with.who}: no answer when asked for its parameters, {_TRIES} times")

    async def _take_missing(self, answers: Answers[Value], found: dict[int, Value]) -> None:
        count = next(iter(found.values())).param_count
        for _ in range(_PASSES):
            missing = [index for index in range(count) if index not in found]
            for start in range(0, len(missing), _ASKED_AT_ONCE):
                for index in missing[start : start + _ASKED_AT_ONCE]:
                    self._with.send(
                        mavlink.MAVLink_param_request_read_message(
                            self._with.system_id, self._with.component_id, b"", index
                        )
                    )
                wanted = set(missing[start : start + _ASKED_AT_ONCE])
                while wanted and (answer := await answers.next(_ANSWER_S)) is not None:
                    if answer.param_index < answer.param_count:
                        found[answer.param_index] = answer
                        wanted.discard(answer.param_index)
            if all(index in found for index in range(count)):
                return
        lost = count - len(found)
        raise ParametersIncomplete(
            f"{self._with.who}: {lost} of {count} parameters did not arrive, each asked for {_PASSES} times; "
            "try again when the link is better"
        )

    async def set(self, name: str, value: float) -> None:
        """Returns when the vehicle has said that it holds `value`. Raises ParameterUnknown, ParameterNotTaken."""
        wanted = struct.unpack("<f", struct.pack("<f", value))[0]
        message = mavlink.MAVLink_param_set_message(
            self._with.system_id,
            self._with.component_id,
            name.encode("ascii"),
            wanted,
            mavlink.MAV_PARAM_TYPE_REAL32,
        )
        async with self._lock:
            await self._ask(name, message)  # this echo may be of the old value or another client's: read it
            held = await self._read(name)
        if not math.isclose(held, wanted, rel_tol=1e-6, abs_tol=1e-6):
            raise ParameterNotTaken(f"{self._with.who}: {name} was set to {wanted:g} and reads {held:g}")

    async def _read(self, name: str) -> float:
        message = mavlink.MAVLink_param_request_read_message(
            self._with.system_id, self._with.component_id, name.encode("ascii"), -1
        )
        answer = await self._ask(name, message)
        if answer is None:
            raise ParameterUnknown(
                f"{self._with.who}: no answer about {name}, asked {_TRIES} times; "
                "this version may not know it, or the link is bad"
            )
        return answer

    async def _ask(self, name: str, message: Message) -> float | None:
        with self._with.expect(Value, where=lambda value: value.param_id == name) as answers:
            for _ in range(_TRIES):
                self._with.send(message)
                answer = await answers.next(_ANSWER_S)
                if answer is not None:
                    return answer.param_value
        return None
