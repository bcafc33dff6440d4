"""Parameters: read and set one by one, each verified by what the vehicle says it holds.

MAVLink guide: https://mavlink.io/en/services/parameter.html. ArduPilot sends numbers as floats (C-cast), gives
no answer at all for a name it does not know, and may not echo a set: then the value is read again. PX4 lays whole
numbers into the float byte by byte, and refuses a set of another type than the parameter's own.
"""

from __future__ import annotations

import asyncio
import math
import struct

from flightctl.mavlink.conversation import Conversation
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.errors import ParameterNotTaken, ParameterUnknown

_ANSWER_S = 1.2
_TRIES = 5

Value = mavlink.MAVLink_param_value_message


class Parameters:
    """The parameters of one vehicle; nothing is cached, for others change them too."""

    def __init__(self, conversation: Conversation) -> None:
        self._with = conversation
        self._lock = asyncio.Lock()
        self.bytewise = False

    async def read(self, name: str) -> float:
        """Raises ParameterUnknown."""
        async with self._lock:
            return await self._read(name)

    async def set(self, name: str, value: float) -> None:
        """Returns when the vehicle has said that it holds `value`. Raises ParameterUnknown, ParameterNotTaken."""
        async with self._lock:
            kind = (await self._value(name)).param_type if self.bytewise else mavlink.MAV_PARAM_TYPE_REAL32
            whole = self.bytewise and kind in _WHOLE
            wanted = float(round(value)) if whole else struct.unpack("<f", struct.pack("<f", value))[0]
            if whole and not _fits(round(value), kind):
                raise ParameterNotTaken(f"{self._with.who}: {name} cannot hold {value:g}; nothing was sent")
            message = mavlink.MAVLink_param_set_message(
                self._with.system_id,
                self._with.component_id,
                name.encode("ascii"),
                _laid_into_float(round(value), kind) if whole else wanted,
                kind,
            )
            await self._ask(name, message)  # this echo may be of the old value or another client's: read it
            held = await self._read(name)
        if not math.isclose(held, wanted, rel_tol=1e-6, abs_tol=1e-6):
            raise ParameterNotTaken(f"{self._with.who}: {name} was set to {wanted:g} and reads {held:g}")

    async def _read(self, name: str) -> float:
        answer = await self._value(name)
        if self.bytewise and answer.param_type in _WHOLE:
            return float(_out_of_float(answer.param_value, answer.param_type))
        return answer.param_value

    async def _value(self, name: str) -> Value:
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

    async def _ask(self, name: str, message: Message) -> Value | None:
        with self._with.expect(Value, where=lambda value: value.param_id == name) as answers:
            for _ in range(_TRIES):
                self._with.send(message)
                answer = await answers.next(_ANSWER_S)
                if answer is not None:
                    return answer
        return None


_WHOLE = {
    mavlink.MAV_PARAM_TYPE_UINT8: "<B3x",
    mavlink.MAV_PARAM_TYPE_INT8: "<b3x",
    mavlink.MAV_PARAM_TYPE_UINT16: "<H2x",
    mavlink.MAV_PARAM_TYPE_INT16: "<h2x",
    mavlink.MAV_PARAM_TYPE_UINT32: "<I",
    mavlink.MAV_PARAM_TYPE_INT32: "<i",
}


def _fits(value: int, kind: int) -> bool:
    try:
        struct.pack(_WHOLE[kind], value)
    except struct.error:
        return False
    return True


def _laid_into_float(value: int, kind: int) -> float:
    return struct.unpack("<f", struct.pack(_WHOLE[kind], value))[0]


def _out_of_float(value: float, kind: int) -> int:
    return struct.unpack(_WHOLE[kind], struct.pack("<f", value))[0]
