"""Frames as they are on the wire: where one begins and ends, who sent it, whether it came whole.

MAVLink guide: https://mavlink.io/en/guide/serialization.html. A fleet says far more than anybody here listens to,
and other ground stations are to get what vehicles say byte by byte. So frames are cut, checked and routed as they
are, and only what somebody listens to is decoded.
"""

from __future__ import annotations

import re
import struct
from binascii import crc_hqx
from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

MAGIC_1, MAGIC_2 = mavlink.PROTOCOL_MARKER_V1, mavlink.PROTOCOL_MARKER_V2
SIGNATURE_BYTES = 13  # link id, 48 bits of time, 48 bits of SHA-256
_SIGNED = mavlink.MAVLINK_IFLAG_SIGNED
_HEADER_1, _HEADER_2, _CHECKSUM = 6, 10, 2
MAGIC = re.compile(rb"[\xfd\xfe]")
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_EXTRA = {number: bytes([kind.crc_extra]) for number, kind in mavlink.mavlink_map.items()}


class Frame:
    """One frame that came whole; of an id that the dialect does not know the checksum cannot be told."""

    __slots__ = ("_message", "component_id", "message_id", "raw", "seq", "system_id")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._message: mavlink.MAVLink_message | None = None
        if raw[0] == MAGIC_2:
            self.seq, self.system_id, self.component_id = raw[4], raw[5], raw[6]
            self.message_id = raw[7] | raw[8] << 8 | raw[9] << 16
        else:
            self.seq, self.system_id, self.component_id, self.message_id = raw[2], raw[3], raw[4], raw[5]

    @property
    def signed(self) -> bool:
        return self.raw[0] == MAGIC_2 and bool(self.raw[2] & _SIGNED)

    @property
    def known(self) -> bool:
        return self.message_id in _EXTRA

    def message(self) -> mavlink.MAVLink_message | None:
        """Decoded when it is first asked for; None when the dialect does not know it."""
        if self._message is None and self.message_id in _EXTRA:
            self._message = _decoded(self)
        return self._message

    @property
    def target_system(self) -> int:
        """Whom it is for; 0 is everybody, and so is whatever names nobody."""
        offset = _target_offset(self.message_id)
        if offset is None or offset >= self.raw[1]:  # zeros at the end are not sent
            return 0
        return self.raw[(_HEADER_2 if self.raw[0] == MAGIC_2 else _HEADER_1) + offset]


class Cutter:
    """Cuts what comes in pieces into frames; one for each peer. Noise and broken frames are counted and left out."""

    def __init__(self) -> None:
        self.broken = 0
        self._rest = b""

    def cut(self, data: bytes) -> list[Frame]:
        size = len(data)
        if not self._rest and size > _HEADER_2 and data[0] == MAGIC_2 and size == data[1] + 12 and not data[2]:
            extra = _EXTRA.get(data[7] | data[8] << 8 | data[9] << 16)
            if extra is None or not crc_hqx((data[1:-2] + extra + data[-2:]).translate(_REVERSED), 0xFFFF):
                return [Frame(data)]  # one a datagram is the rule: no need to search for its ends
        found: list[Frame] = []
        data, at = self._rest + data, 0
        while True:
            magic = MAGIC.search(data, at)
            if magic is None or magic.start() > at:
                self.broken += at < len(data)
            if magic is None:
                self._rest = b""
                return found
            at = magic.start()
            size = size_at(data, at)
            if size is None or len(data) - at < size > 0:
                self._rest = data[at:]
                return found
            raw = data[at : at + size]
            if size and _is_one(raw, data[at + size : at + size + 1]):
                found.append(Frame(raw))
                at += size
            else:
                self.broken += 1
                at += 1  # what looked like its beginning may have been the middle of another


def size_at(data: bytes, at: int) -> int | None:
    """Of the frame that begins there; None when too little is there to tell, 0 when no frame begins so."""
    if len(data) - at < 3:
        return None
    if data[at] == MAGIC_1:
        return _HEADER_1 + data[at + 1] + _CHECKSUM
    flags = data[at + 2]
    if flags & ~_SIGNED:  # guide: a receiver drops what carries a flag that it does not understand
        return 0
    return _HEADER_2 + data[at + 1] + _CHECKSUM + (SIGNATURE_BYTES if flags else 0)


def is_whole(raw: bytes) -> bool | None:
    """Whether its checksum holds; None when the dialect does not know the message.

    CRC-16/MCRF4XX is the bit-reversed twin of the one in the standard library, and ends at zero over its own value.
    """
    if raw[0] == MAGIC_2:
        extra = _EXTRA.get(raw[7] | raw[8] << 8 | raw[9] << 16)
        end = _HEADER_2 + raw[1]
    else:
        extra = _EXTRA.get(raw[5])
        end = _HEADER_1 + raw[1]
    if extra is None:
        return None
    return crc_hqx((raw[1:end] + extra + raw[end : end + 2]).translate(_REVERSED), 0xFFFF) == 0


def checksum(content: bytes, extra: int) -> bytes:
    """Of a frame's bytes between the magic and the checksum, as it stands on the wire."""
    crc = crc_hqx((content + bytes([extra])).translate(_REVERSED), 0xFFFF)
    return bytes([_REVERSED[crc >> 8], _REVERSED[crc & 0xFF]])


def _is_one(raw: bytes, following: bytes) -> bool:
    whole = is_whole(raw)
    if whole is None:  # it cannot be checked, but another one must begin where it ends
        return following in (b"", b"\xfd", b"\xfe")
    return whole


Maker = Callable[[bytes], mavlink.MAVLink_message]


@cache
def _maker(message_id: int) -> tuple[int, Maker]:
    """How many bytes the message has when none is left out, and what makes it of them."""
    kind: Any = mavlink.mavlink_map[message_id]
    unpack, orders, lengths = kind.unpacker.unpack, kind.orders, kind.lengths
    starts: list[int] = [sum(lengths[:order]) for order in orders]
    in_order: Any = itemgetter(*starts)
    sample = unpack(bytes(kind.unpacker.size))
    texts = [index for index, start in enumerate(starts) if isinstance(sample[start], bytes)]
    arrays = [
        (index, start, lengths[order])
        for index, (start, order) in enumerate(zip(starts, orders, strict=True))
        if lengths[order] > 1 and index not in texts
    ]

    def make(payload: bytes) -> mavlink.MAVLink_message:
        values = unpack(payload)
        fields = in_order(values) if len(starts) > 1 else (in_order(values),)
        if arrays or texts:
            fields = list(fields)
            for index, start, length in arrays:
                fields[index] = list(values[start : start + length])
            for index in texts:
                fields[index] = fields[index].rstrip(b"\x00")
        return kind(*fields)

    return kind.unpacker.size, make


def _decoded(frame: Frame) -> mavlink.MAVLink_message:
    """As pymavlink would, without the checks that were made when the frame was cut."""
    raw = frame.raw
    content, in_2 = raw[1], raw[0] == MAGIC_2
    size, make = _maker(frame.message_id)
    payload = raw[_HEADER_2 : _HEADER_2 + content] if in_2 else raw[_HEADER_1 : _HEADER_1 + content]
    if content != size:
        payload = payload[:size].ljust(size, b"\x00")
    message: Any = make(payload)
    header = message._header
    header.mlen, header.seq = content, frame.seq
    header.srcSystem, header.srcComponent = frame.system_id, frame.component_id
    if in_2:
        header.incompat_flags, header.compat_flags = raw[2], raw[3]
    message._msgbuf = bytearray(raw)
    return message


@cache
def _target_offset(message_id: int) -> int | None:
    kind: Any = mavlink.mavlink_map.get(message_id)
    if kind is None or "target_system" not in kind.fieldnames:
        return None
    index = kind.ordered_fieldnames.index("target_system")
    tokens = re.findall(r"\d*[a-zA-Z]", kind.unpacker.format)
    return struct.calcsize("<" + "".join(tokens[:index]))
