"""The one place that touches pymavlink: its generated message classes and its frame parser.

Only the dialect module is used. `mavutil` blocks, swallows socket errors and sends every packet to every
peer (DESIGN §7). Every constant and message class is reached as `mavlink.NAME`.
"""

from __future__ import annotations

from pymavlink.dialects.v20 import ardupilotmega as mavlink

Message = mavlink.MAVLink_message

__all__ = ["Codec", "Message", "header_of", "mavlink"]


class Codec:
    """Parser and encoder for one peer: partial frames and sequence numbers must not be shared between peers."""

    def __init__(self, system_id: int, component_id: int) -> None:
        self._mav = mavlink.MAVLink(None, srcSystem=system_id, srcComponent=component_id)
        self._mav.robust_parsing = True

    def parse(self, data: bytes) -> list[Message]:
        """Every whole message in what has come so far; noise and broken frames are left out."""
        found = self._mav.parse_buffer(data) or ()
        return [message for message in found if message.get_msgId() >= 0]

    def encode(self, message: Message) -> bytes:
        frame = message.pack(self._mav)
        self._mav.seq = (self._mav.seq + 1) % 256
        return bytes(frame)

    @property
    def broken_frames(self) -> int:
        return self._mav.total_receive_errors


def header_of(message: Message) -> tuple[int, int, int]:
    """System id, component id and sequence number of the sender."""
    header = message.get_header()
    return header.srcSystem, header.srcComponent, header.seq
