"""A small RTSP server on loopback for the tests: one MJPEG track (RFC 2326, RFC 2435), interleaved over TCP.

Enough of the protocol for a real client to set up and play; it shares no code with the reader under test.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

_CLOCK_HZ = 90_000
_FRAGMENT = 1200


class RtspServer:
    """Serves the JPEGs that `picture(index)` gives, one each time it may; None ends the stream."""

    def __init__(self, picture: Callable[[int], bytes | None], size: tuple[int, int], fps: float = 25.0) -> None:
        self._picture, self._size, self._fps = picture, size, fps
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/camera"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        self._listener.settimeout(0.1)
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    self._talk(connection)
                except OSError:
                    continue

    def _talk(self, connection: socket.socket) -> None:
        pending = b""
        while True:
            while b"\r\n\r\n" not in pending:
                data = connection.recv(4096)
                if not data:
                    return
                pending += data
            head, _, pending = pending.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            method = lines[0].split()[0]
            fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            status, extra, body = "200 OK", "", ""
            if method == "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            elif method == "DESCRIBE":
                session = (
                    "v=0",
                    "o=- 0 0 IN IP4 127.0.0.1",
                    "s=test",
                    "t=0 0",
                    "m=video 0 RTP/AVP 26",
                    "a=control:track",
                )
                body = "\r\n".join(session) + "\r\n"
                extra = "Content-Type: application/sdp\r\n"
            elif method == "SETUP":
                if "interleaved" not in fields.get("transport", ""):
                    status = "461 Unsupported Transport"
                else:
                    extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            reply = f"RTSP/1.0 {status}\r\nCSeq: {fields.get('cseq', '0')}\r\n{extra}"
            connection.sendall(f"{reply}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            if method == "PLAY":
                self._play(connection)
                return
            if method == "TEARDOWN":
                return

    def _play(self, connection: socket.socket) -> None:
        sequence = 0
        for index in range(1_000_000):
            jpeg = self._picture(index)
            if jpeg is None or self._stop.wait(1 / self._fps):
                return
            for packet in _packets(jpeg, self._size, sequence, int(index * _CLOCK_HZ / self._fps)):
                connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                sequence += 1


def _packets(jpeg: bytes, size: tuple[int, int], sequence: int, timestamp: int) -> list[bytes]:
    """One baseline 4:2:0 JPEG as RTP packets: the scan's bytes, its quantisation tables in the first."""
    tables, at = b"", 2
    while True:
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        content = jpeg[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDB:
            while content:
                tables, content = tables + content[1:65], content[65:]
        if marker == 0xDA:
            break
    scan = jpeg[at:-2]
    packets: list[bytes] = []
    for offset in range(0, len(scan), _FRAGMENT):
        last = offset + _FRAGMENT >= len(scan)
        number = (sequence + len(packets)) & 0xFFFF
        head = struct.pack(">BBHII", 0x80, 26 | (0x80 if last else 0), number, timestamp, 1)
        head += struct.pack(">I", offset)  # type-specific 0, then 24 bits of offset
        head += struct.pack(">BBBB", 1, 255, size[0] // 8, size[1] // 8)
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        packets.append(head + scan[offset : offset + _FRAGMENT])
    return packets
