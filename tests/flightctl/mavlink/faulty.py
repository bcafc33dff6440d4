"""A link and a vehicle that go wrong as a drawn schedule says: weather, silence, noise, strangers, reboots.

The schedule is a list of faults with the second each begins; what it does by chance comes from a drawn seed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from hypothesis import strategies as st

from flightctl.mavlink.dialect import Codec, Message, mavlink
from sim.copter import SimCopter
from sim.copter.plans import PlanKind
from sim.memory_links import MemoryNetwork
from tests.flightctl.mavlink.shaped import Shape, ShapedNetwork

GROUND = "127.0.0.1:14550"
COPTER = "out-1"
STRANGERS_PER_FAULT = 6
_STRANGERS_EVERY_S = 0.35
_OTHER_STATION = (254, 191)
_US = (255, 190)


class Kind(StrEnum):
    WEATHER = "loss, doubles, delay and overtaking from here on"
    CLEAR = "a good link from here on"
    SILENCE = "nothing passes for a while"
    CORRUPTION = "a share of the frames is changed by a bit or cut, from here on"
    NOISE_TO_GROUND = "random bytes to the ground"
    NOISE_TO_COPTER = "random bytes to the copter"
    STRANGERS = "words of other systems and components, and words for other stations, reach the ground"
    STRAYS = "words for other vehicles and of other stations reach the copter"
    REBOOT = "the vehicle restarts"
    REBOOT_EMPTY = "the vehicle restarts and has lost its plans"


REBOOTS = {Kind.REBOOT, Kind.REBOOT_EMPTY}


@dataclass(frozen=True, slots=True)
class Fault:
    at_s: float
    kind: Kind
    size: float  # 0..1


def schedules(*, reboots: bool = True) -> st.SearchStrategy[list[Fault]]:
    kinds = [kind for kind in Kind if reboots or kind not in REBOOTS]
    times = st.sampled_from((0.0, 0.1, 0.4, 1.0, 2.5, 5.0, 9.0))
    fault = st.builds(Fault, times, st.sampled_from(kinds), st.sampled_from((0.2, 0.6, 1.0)))
    return st.lists(fault, min_size=1, max_size=5)


class FaultyNetwork(ShapedNetwork):
    """Good until told otherwise."""

    def __init__(self, seed: int) -> None:
        super().__init__(Shape(), np.random.default_rng(seed))
        self.silent_until_s = 0.0
        self.silent_from_copter_until_s = 0.0
        self.corrupt = 0.0

    def weather(self, shape: Shape) -> None:
        self._shape = shape

    def deliver(self, data: bytes, sender: str, receiver: str) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self.silent_until_s or (sender == COPTER and now_s < self.silent_from_copter_until_s):
            return
        if self.corrupt and self._rng.random() < self.corrupt:
            data = self._changed(data)
        if self._shape == Shape():
            MemoryNetwork.deliver(self, data, sender, receiver)
        else:
            super().deliver(data, sender, receiver)

    def _changed(self, data: bytes) -> bytes:
        if not data:
            return data
        place, changed = int(self._rng.integers(len(data))), bytearray(data)
        if self._rng.random() < 0.3:
            return bytes(changed[:place])
        changed[place] ^= 1 << int(self._rng.integers(8))
        return bytes(changed)

    def noise(self, sender: str, receiver: str) -> None:
        data = self._rng.bytes(int(self._rng.integers(1, 300)))
        if self._rng.random() < 0.5:
            data = b"\xfd" + data  # looks like the beginning of a frame
        MemoryNetwork.deliver(self, data, sender, receiver)


def _strangers(rng: np.random.Generator, seq: int) -> list[tuple[tuple[int, int], Message]]:
    """For the ground: what it must not take for the vehicle's answers to it."""
    result = int(rng.choice((0, 2, 4)))
    number = int(rng.choice((400, 22, 300, 211, 176, 207)))
    plan = int(rng.integers(3))
    found: list[tuple[tuple[int, int], Message]] = []
    for source, target in (((1, 1), _OTHER_STATION), ((2, 1), _US), ((1, 154), _US)):
        found += [
            (source, mavlink.MAVLink_command_ack_message(number, result, 0, 0, *target)),
            (source, mavlink.MAVLink_mission_ack_message(*target, int(rng.choice((0, 1, 5, 15))), plan)),
            (source, mavlink.MAVLink_mission_request_message(*target, seq, plan)),
            (source, mavlink.MAVLink_mission_request_int_message(*target, seq, plan)),
            (source, mavlink.MAVLink_mission_count_message(*target, int(rng.integers(9)), plan)),
            (
                source,
                mavlink.MAVLink_mission_item_int_message(*target, seq, 3, 16, 0, 1, 0, 0, 0, 0, 1, 1, 99.0, plan),
            ),
        ]
        if source != (1, 1):  # parameters carry no target: the vehicle's own are true whoever asked
            name = bytes(rng.choice((b"RTL_ALT", b"FENCE_RADIUS")))
            found.append((source, mavlink.MAVLink_param_value_message(name, 1.0, 9, 3, int(rng.integers(3)))))
            found.append((source, mavlink.MAVLink_servo_output_raw_message(0, 0, *(1100,) * 16)))
    found.append(((2, 1), mavlink.MAVLink_heartbeat_message(2, 3, 0x81, 6, 5, 3)))
    found.append(((1, 154), mavlink.MAVLink_heartbeat_message(26, 8, 0, 0, 4, 3)))
    return found


def _strays(rng: np.random.Generator, seq: int) -> list[tuple[tuple[int, int], Message]]:
    """For the copter: commands for another vehicle, and another station's questions, which change nothing."""
    plan = int(rng.integers(3))
    item = (*(seq, 3, 16, 0, 1, 0, 0, 0, 0, 1, 1), 99.0, plan)
    return [
        (_US, mavlink.MAVLink_command_long_message(2, 1, 400, 0, float(rng.integers(2)), 21196.0, 0, 0, 0, 0, 0)),
        (_US, mavlink.MAVLink_command_long_message(2, 1, 211, 0, 1.0, 0.0, 0, 0, 0, 0, 0)),
        (_US, mavlink.MAVLink_set_mode_message(2, 1, 9)),
        (_US, mavlink.MAVLink_param_set_message(2, 1, b"RTL_ALT", 9.0, 9)),
        (_US, mavlink.MAVLink_mission_clear_all_message(2, 1, plan)),
        (_US, mavlink.MAVLink_mission_item_int_message(2, 1, *item)),
        (_OTHER_STATION, mavlink.MAVLink_mission_item_int_message(1, 1, *item)),
        (_OTHER_STATION, mavlink.MAVLink_mission_request_list_message(1, 1, plan)),
        (_OTHER_STATION, mavlink.MAVLink_mission_request_int_message(1, 1, seq, plan)),
        (_OTHER_STATION, mavlink.MAVLink_mission_ack_message(1, 1, 15, plan)),
        (_OTHER_STATION, mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_ALT", -1)),
        (_OTHER_STATION, mavlink.MAVLink_param_request_list_message(1, 1)),
    ]


class Trouble:
    """Brings the faults of a schedule on, each in its second."""

    def __init__(self, network: FaultyNetwork, copter: SimCopter, faults: Sequence[Fault], seed: int) -> None:
        self.last_empty_s: float | None = None
        self.reboots = 0
        self._network = network
        self._copter = copter
        self._faults = sorted(faults, key=lambda fault: fault.at_s)
        self._rng = np.random.default_rng(seed + 1)
        self._codecs: dict[tuple[int, int], Codec] = {}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        async with asyncio.TaskGroup() as group:
            for fault in self._faults:
                await asyncio.sleep(max(0.0, start_s + fault.at_s - loop.time()))
                following = self._bring_on(fault)
                if following is not None:
                    group.create_task(following)

    def end(self) -> None:
        self._network.weather(Shape())
        self._network.corrupt = self._network.silent_until_s = 0.0

    def _bring_on(self, fault: Fault) -> Coroutine[Any, Any, None] | None:
        network, size = self._network, fault.size
        match fault.kind:
            case Kind.WEATHER:
                network.weather(Shape(0.3 * size, 0.3 * size, 0.6 * size, 0.4 * size))
            case Kind.CLEAR:
                self.end()
            case Kind.SILENCE:
                network.silent_until_s = asyncio.get_running_loop().time() + 8.0 * size
            case Kind.CORRUPTION:
                network.corrupt = 0.3 * size
            case Kind.NOISE_TO_GROUND:
                return self._repeat(lambda: network.noise(COPTER, GROUND))
            case Kind.NOISE_TO_COPTER:
                return self._repeat(lambda: network.noise(GROUND, COPTER))
            case Kind.STRANGERS:
                return self._repeat(lambda: self._say(_strangers, COPTER, GROUND))
            case Kind.STRAYS:
                return self._repeat(lambda: self._say(_strays, GROUND, COPTER))
            case Kind.REBOOT | Kind.REBOOT_EMPTY:
                return self._reboot(empty=fault.kind is Kind.REBOOT_EMPTY)
        return None

    async def _repeat(self, what: Callable[[], None]) -> None:
        for _ in range(STRANGERS_PER_FAULT):
            what()
            await asyncio.sleep(_STRANGERS_EVERY_S)

    def _say(
        self,
        words: Callable[[np.random.Generator, int], list[tuple[tuple[int, int], Message]]],
        sender: str,
        receiver: str,
    ) -> None:
        for source, message in words(self._rng, int(self._rng.integers(12))):
            codec = self._codecs.setdefault(source, Codec(*source))
            MemoryNetwork.deliver(self._network, codec.encode(message), sender, receiver)

    async def _reboot(self, *, empty: bool) -> None:
        vehicle = self._copter._vehicle  # pyright: ignore[reportPrivateUsage] - nobody on the link asked for it
        vehicle.reboot_asked = True
        self.reboots += 1
        if empty:
            self.last_empty_s = asyncio.get_running_loop().time()
            for kind in PlanKind:
                vehicle.plans.items(kind).clear()
            vehicle.fence.shapes = ()
            vehicle.plans.count()
