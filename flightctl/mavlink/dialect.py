"""pymavlink's generated message classes, and one peer's way from bytes to messages and back.

Of pymavlink only the dialect module is used, here and in what this stands on (`frames`, `signing`): `mavutil`
blocks, swallows socket errors and sends every packet to every peer (DESIGN §7). Every constant and message class
is reached as `mavlink.NAME`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from flightctl.mavlink.frames import Cutter, Frame

if TYPE_CHECKING:
    from flightctl.mavlink.signing import KeyRing

Message = mavlink.MAVLink_message

__all__ = ["Codec", "Frame", "Message", "mavlink"]


class Codec:
    """Parser and encoder for one peer: partial frames and sequence numbers must not be shared between peers."""

    def __init__(self, system_id: int, component_id: int, ring: KeyRing | None = None) -> None:
        """With a key ring, what vehicles with keys say must be signed, and so is what is said to them."""
        self._ring = ring
        self._signed = None if ring is None else ring.encoder(system_id, component_id)
        self._mav = self._signed or mavlink.MAVLink(None, srcSystem=system_id, srcComponent=component_id)
        self._cutter = Cutter()

    def frames(self, data: bytes) -> list[Frame]:
        """Every whole and genuine frame in what has come so far; noise, broken and forged ones are left out."""
        found = self._cutter.cut(data)
        ring = self._ring
        return found if ring is None else [frame for frame in found if ring.admits(frame)]

    def parse(self, data: bytes) -> list[Message]:
        """Of those, the messages that the dialect knows."""
        messages = (frame.message() for frame in self.frames(data))
        return [message for message in messages if message is not None]

    def encode(self, message: Message, to_system: int | None = None) -> bytes:
        """The frame, signed if `to_system` has a key."""
        if self._signed is not None:
            self._signed.prepare(to_system)
        frame = message.pack(self._mav)
        self._mav.seq = (self._mav.seq + 1) % 256
        return bytes(frame)

    @property
    def broken_frames(self) -> int:
        return self._cutter.broken
