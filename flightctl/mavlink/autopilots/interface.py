"""The interface behind which autopilots differ: modes, take-off, going somewhere, missions, parameters, readiness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from flightctl.mavlink.command import Command
from flightctl.mavlink.mission import Item
from flightctl.preflight_report import CheckId, Severity
from geofence.position import LatLon


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """Parameters that must not be off before a flight."""

    check: CheckId
    names: tuple[str, ...]  # one of them being on is enough
    is_off: Callable[[float], bool]
    severity: Severity  # when all that are known are off
    text: str  # what is wrong and what to do


class Autopilot(Protocol):
    """Constants and pure functions; one object serves every vehicle that runs it."""

    @property
    def name(self) -> str:
        """As a site names it."""
        ...

    # --- modes ---

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

    @property
    def climbing(self) -> frozenset[str]:
        """The modes in which it is while a take-off is carried out."""
        ...

    @property
    def coming_down(self) -> frozenset[str]:
        """The modes that end on the ground."""
        ...

    def mode_name(self, custom_mode: int) -> str: ...

    def set_mode(self, name: str) -> Command:
        """Raises ValueError for a name it does not have."""
        ...

    # --- flying ---

    def take_off(self, height_m: float, ground_amsl_m: float) -> Command:
        """To `height_m` above the spot it stands on, which lies at `ground_amsl_m`."""
        ...

    def go_to(
        self,
        position: LatLon,
        height_m: float,
        *,
        home_amsl_m: float,
        speed_mps: float | None,
        yaw_deg: float | None,
    ) -> tuple[Command, ...]:
        """One after the other; `height_m` is above home."""
        ...

    @property
    def place_refused(self) -> tuple[str, ...]:
        """Words of a status text that takes back what the acknowledgement of `go_to` said."""
        ...

    @property
    def follows_set_points(self) -> bool:
        """Whether it flies after position targets in the guided mode; else it is sent to each place anew."""
        ...

    @property
    def servos_show_hooks(self) -> bool:
        """Whether a release shows in the outputs 9 to 14; else its final acknowledgement is all there is."""
        ...

    # --- missions and fences ---

    @property
    def home_is_item_0(self) -> bool:
        """Whether the first item of a mission is home, whatever is sent there."""
        ...

    def mission_items(self, items: Sequence[Item], here: LatLon | None) -> tuple[Item, ...]:
        """As this autopilot takes them; `here` is where the vehicle stands. Raises TransferFailed."""
        ...

    @property
    def fence_on(self) -> dict[str, float]:
        """Parameters to set when a fence is to be kept."""
        ...

    @property
    def fence_by_command(self) -> bool:
        """Whether it is switched on by DO_FENCE_ENABLE and shows in SYS_STATUS; else the parameters do it all."""
        ...

    # --- parameters and readiness ---

    @property
    def bytewise_parameters(self) -> bool:
        """Whether whole numbers are laid into the float byte by byte (PX4), or cast (ArduPilot)."""
        ...

    @property
    def estimator_message(self) -> int:
        """The id of the message with the estimator's flags, whose bits 0 to 7 mean the same everywhere."""
        ...

    def estimates_position(self, estimator_flags: int) -> bool:
        """Whether they let it fly by position."""
        ...

    @property
    def rules(self) -> tuple[ParameterRule, ...]:
        """What must not be off before a flight."""
        ...

    @property
    def preflight_parameters(self) -> tuple[str, ...]:
        """What the rules, and the fence, are judged by."""
        ...

    def fence_kept(self, in_status: bool, parameters: dict[str, float | None]) -> bool:
        """Whether a fence is on and does something."""
        ...
