"""The one place that touches pymavlink: its generated message classes and its frame parser.

Only the dialect module is used. `mavutil` blocks, swallows socket errors and sends every packet to every
peer (DESIGN §7). Every constant and message class is reached as `mavlink.NAME`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymavlink.dialects.v20 import ardupilotmega as mavlink

if TYPE_CHECKING:
    from flightctl.mavlink.signing import KeyRing

Message = mavlink.MAVLink_message

__all__ = ["Codec", "Message", "mavlink"]

_MAVLINK_2 = 0xFD
_UNSIGNED_FRAME = 12  # header and checksum


class Codec:
    """Parser and encoder for one peer: partial frames and sequence numbers must not be shared between peers."""

    def __init__(self, system_id: int, component_id: int, ring: KeyRing | None = None) -> None:
        """With a key ring, what vehicles with keys say must be signed, and so is what is said to them."""
        self._signed = None if ring is None else ring.codec(system_id, component_id)
        self._mav = self._signed or mavlink.MAVLink(None, srcSystem=system_id, srcComponent=component_id)
        self._mav.robust_parsing = True

    def parse(self, data: bytes) -> list[Message]:
        """Every whole message in what has come so far; noise and broken frames are left out."""
        if (
            len(data) > 2
            and data[0] == _MAVLINK_2
            and len(data) == data[1] + _UNSIGNED_FRAME
            and not data[2]  # incompatibility flags: the other way knows which it may take
            and not self._mav.buf_len()
        ):
            try:  # one whole frame a datagram is the rule: no need to search for its ends
                found = [self._mav.decode(bytearray(data))]
            except mavlink.MAVError:
                self._mav.total_receive_errors += 1
                return []
        else:
            found = self._mav.parse_buffer(data) or ()
        return [message for message in found if message.get_msgId() >= 0]  # broken and unknown ones are negative

    def encode(self, message: Message, to_system: int | None = None) -> bytes:
        """The frame, signed if `to_system` has a key."""
        if self._signed is not None:
            self._signed.prepare(to_system)
        frame = message.pack(self._mav)
        self._mav.seq = (self._mav.seq + 1) % 256
        return bytes(frame)

    @property
    def broken_frames(self) -> int:
        return self._mav.total_receive_errors
