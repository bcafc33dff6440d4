"""MAVLink frames out of a byte stream, so that what comes over TCP can go on as one datagram a frame."""

from __future__ import annotations

_MAGIC_1, _MAGIC_2 = 0xFE, 0xFD
_HEAD = 3  # magic, length, incompatibility flags
_AROUND_1, _AROUND_2, _SIGNATURE = 8, 12, 13
_SIGNED = 0x01


class FrameSplitter:
    """Feed it what came; it gives whole frames and keeps the rest. Bytes that begin no frame are left out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        rest = self._rest + data
        frames: list[bytes] = []
        at = 0
        while len(rest) - at >= _HEAD:
            if rest[at] not in (_MAGIC_1, _MAGIC_2):
                at += 1
                continue
            size = _size(rest, at)
            if len(rest) - at < size:
                break
            frames.append(rest[at : at + size])
            at += size
        self._rest = rest[at:]
        return frames


def _size(data: bytes, at: int) -> int:
    """Packet format: https://mavlink.io/en/guide/serialization.html."""
    if data[at] == _MAGIC_1:
        return data[at + 1] + _AROUND_1
    return data[at + 1] + _AROUND_2 + (_SIGNATURE if data[at + 2] & _SIGNED else 0)
