"""Between SERIAL0 of a SITL and the service: the radio link that can fail, and the dock's hand on arming.

    SITL ──TCP──► frames ──► (open? not broken?) ──UDP──► service
         ◄──────────────────  inhibited? arming is answered here, as the simulated copter answers it
A SITL does not run until a client holds its SERIAL0, so the relay connects at once and opens later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from flightctl.mavlink.dialect import Codec, mavlink
from flightctl.transport import Datagrams, LinkUnavailable, Stream, Transports
from sim.ardupilot.frames import FrameSplitter

_RETRY_S = 0.1
_ARM = 1.0


class Relay:
    """`run` it until cancelled."""

    def __init__(self, system_id: int, broken: Callable[[], bool]) -> None:
        self.is_open = False  # nothing passes before the autopilot keeps the world's time
        self.inhibited = ""  # why it must not arm (a closed dock); empty when it may
        self.connected = asyncio.Event()  # once it runs; its other ports listen only then
        self._broken = broken
        self._ears = Codec(system_id, mavlink.MAV_COMP_ID_AUTOPILOT1)
        self._mouth = Codec(system_id, mavlink.MAV_COMP_ID_AUTOPILOT1)

    async def run(self, transports: Transports, serial0: str, endpoint: str) -> None:
        """Again and again: a reboot hangs up."""
        ground = await transports.open_datagrams(endpoint)
        try:
            while True:
                try:
                    stream = await transports.open_stream(serial0)
                    self.connected.set()
                    await self._carry(stream, ground)
                except LinkUnavailable:
                    await asyncio.sleep(_RETRY_S)
        finally:
            ground.close()

    async def _carry(self, autopilot: Stream, ground: Datagrams) -> None:
        up = asyncio.ensure_future(self._up(autopilot, ground))
        try:
            await self._down(autopilot, ground)
        finally:
            up.cancel()
            autopilot.close()
            await asyncio.gather(up, return_exceptions=True)

    async def _down(self, autopilot: Stream, ground: Datagrams) -> None:
        splitter = FrameSplitter()
        while True:
            for frame in splitter.feed(await autopilot.read_some()):
                self._say(ground, frame)

    async def _up(self, autopilot: Stream, ground: Datagrams) -> None:
        while True:
            data, _ = await ground.receive()
            if self._passes:
                refusal = refused_arming(self._ears, self._mouth, data, self.inhibited) if self.inhibited else ()
                for frame in refusal:
                    self._say(ground, frame)
                if not refusal:
                    autopilot.write(data)

    @property
    def _passes(self) -> bool:
        return self.is_open and not self._broken()

    def _say(self, ground: Datagrams, frame: bytes) -> None:
        if self._passes and ground.peer is not None:
            ground.send(frame, ground.peer)


def refused_arming(ears: Codec, mouth: Codec, data: bytes, reason: str) -> tuple[bytes, ...]:
    """The words of an autopilot that will not arm, when `data` asks it to; empty otherwise."""
    for message in ears.parse(data):
        if not isinstance(message, mavlink.MAVLink_command_long_message | mavlink.MAVLink_command_int_message):
            continue
        if message.command == mavlink.MAV_CMD_COMPONENT_ARM_DISARM and message.param1 == _ARM:
            header = message.get_header()
            text = f"Arm: {reason}".encode()[:50]
            return (
                mouth.encode(mavlink.MAVLink_statustext_message(mavlink.MAV_SEVERITY_CRITICAL, text)),
                mouth.encode(
                    mavlink.MAVLink_command_ack_message(
                        message.command,
                        mavlink.MAV_RESULT_FAILED,
                        target_system=header.srcSystem,
                        target_component=header.srcComponent,
                    )
                ),
            )
    return ()
