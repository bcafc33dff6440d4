"""The interface behind which autopilots differ: modes, readiness, the parameters that matter before a flight."""

from __future__ import annotations

from typing import Protocol

from flightctl.mavlink.command import Command


class Autopilot(Protocol):
    @property
    def guided(self) -> str:
        """The mode in which it flies where it is told."""
        ...

    @property
    def brake(self) -> str: ...

    @property
    def return_home(self) -> str: ...

    @property
    def land(self) -> str: ...

    @property
    def mission(self) -> str: ...

    def mode_name(self, custom_mode: int) -> str: ...

    def set_mode(self, name: str) -> Command:
        """Raises ValueError for a name it does not have."""
        ...

    def estimates_position(self, ekf_flags: int) -> bool:
        """Whether EKF_STATUS_REPORT.flags let it fly by position."""
        ...

    @property
    def preflight_parameters(self) -> tuple[str, ...]:
        """What `vehicle.preflight` reads."""
        ...
