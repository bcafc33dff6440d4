"""Free places on loopback for programs that choose their ports by convention."""

from __future__ import annotations

import contextlib
import os
import socket

_FIRST, _LAST = 40, 250


def free_instance() -> int:
    """A SITL instance number none of whose ports is taken; tests at the same time begin their search apart."""
    span = _LAST - _FIRST
    start = os.getpid() % span
    for step in range(span):
        number = _FIRST + (start + step) % span
        if all(_is_free(5760 + 10 * number + offset) for offset in (0, 2, 3)):
            return number
    raise OSError("no free SITL instance on loopback")


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
