"""Free places on loopback for programs that choose their ports by convention."""

from __future__ import annotations

from sim.ardupilot import ports

_FIRST = 40  # below are those that people use by hand


def free_instance() -> int:
    """A SITL instance number none of whose ports is taken; tests at the same time begin their search apart."""
    return ports.free_instance(first=_FIRST)
