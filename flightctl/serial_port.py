"""A serial port on the event loop, by the operating system's own terminal interface.

A library for this would bring a thread or a second event loop's habits; what a MAVLink line needs is few calls:
8 data bits, no parity, one stop bit, no flow control, bytes as they are. POSIX only.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from collections import deque

_READ_BYTES = 4096
_MAX_UNREAD_BYTES = 64 * 1024
_MAX_UNSENT_BYTES = 8 * 1024
"""More than a second at 57600 baud: what is older is not worth sending any more."""


def open_serial_port(device: str, baud: int) -> SerialPort:
    """For this program alone. Raises OSError, and ValueError for a baud rate that the system does not know."""
    speed = getattr(termios, f"B{baud}", None)
    if speed is None:
        raise ValueError(f"this system knows no rate of {baud} baud")
    fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)  # it must not wait for a carrier
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _set_raw(fd, speed)
    except termios.error as error:
        os.close(fd)
        raise OSError(error.args[0], f"{device} is no serial port ({error.args[1]})") from error
    except BlockingIOError as error:
        os.close(fd)
        raise OSError(error.errno, f"{device} is in use by another program") from error
    return SerialPort(device, fd)


def _set_raw(fd: int, speed: int) -> None:
    control = termios.CS8 | termios.CREAD | termios.CLOCAL
    characters = termios.tcgetattr(fd)[6]
    termios.tcsetattr(fd, termios.TCSANOW, [0, 0, control, 0, speed, speed, characters])
    termios.tcflush(fd, termios.TCIOFLUSH)


class SerialPort:
    """Open until closed or unplugged; then `read` raises OSError."""

    def __init__(self, device: str, fd: int) -> None:
        self.device = device
        self.dropped = 0
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._unread = bytearray()
        self._unsent: deque[bytes] = deque()
        self.unsent_bytes = 0
        self._fault: OSError | None = None
        self._news = asyncio.Event()
        self._loop.add_reader(fd, self._on_readable)

    async def read(self) -> bytes:
        """At least one byte."""
        await self._news.wait()
        if not self._unread:
            raise self._fault or OSError("the port is closed")
        data = bytes(self._unread)
        self._unread.clear()
        if self._fault is None:
            self._news.clear()
        return data

    def write(self, data: bytes) -> None:
        """Whole or not at all: when the line is slower than what is said, the oldest goes."""
        if self._fault is not None:
            return
        if not self._unsent:
            self._loop.add_writer(self._fd, self._on_writable)
        self._unsent.append(data)
        self.unsent_bytes += len(data)
        while self.unsent_bytes > _MAX_UNSENT_BYTES and len(self._unsent) > 2:
            self.unsent_bytes -= len(self._unsent[1])
            del self._unsent[1]  # the first may have gone in part
            self.dropped += 1

    def close(self) -> None:
        self._end(OSError("the port is closed"))

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        if not data:
            self._end(OSError("it was unplugged"))
            return
        self._unread += data
        del self._unread[:-_MAX_UNREAD_BYTES]
        self._news.set()

    def _on_writable(self) -> None:
        try:
            while self._unsent:
                sent = os.write(self._fd, self._unsent[0])
                self.unsent_bytes -= sent
                if sent < len(self._unsent[0]):
                    self._unsent[0] = self._unsent[0][sent:]
                    return
                self._unsent.popleft()
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        self._loop.remove_writer(self._fd)

    def _end(self, fault: OSError) -> None:
        if self._fault is None:
            self._fault = fault
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._news.set()
