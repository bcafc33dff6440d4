"""Free places on loopback for programs that choose their ports by convention."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection

from sim.ardupilot.errors import SitlFailed

_LAST = 250
_FIRST_TCP, _FIRST_RC_UDP, _APART = 5760, 5501, 10
_SERIALS = (0, 2, 3)


def free_instance(taken: Collection[int] = (), first: int = 0) -> int:
    """A SITL instance number from `first` whose ports are free; searches at the same time begin apart."""
    span = _LAST - first
    start = os.getpid() % span
    for step in range(span):
        number = first + (start + step) % span
        if number not in taken and _is_free_instance(number):
            return number
    raise SitlFailed(f"no SITL instance from {first} to {_LAST} has its TCP ports free on this machine")


def _is_free_instance(number: int) -> bool:
    tcp = all(_is_free(_FIRST_TCP + _APART * number + offset, socket.SOCK_STREAM) for offset in _SERIALS)
    return tcp and _is_free(_FIRST_RC_UDP + _APART * number, socket.SOCK_DGRAM)


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with contextlib.closing(socket.socket(type=kind)) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
