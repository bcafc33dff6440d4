"""What flies the drones of a scenario: our own copter, or a SITL in a process of its own."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from geofence.errors import ChaoxunError
from sim.backend import MakeFlyer, built_in

TimeMode = Literal["virtual", "real"]


class BackendInvalid(ChaoxunError):
    """The backend cannot be used as asked."""


class Kind(StrEnum):
    SIM = "sim"
    DRONEKIT_SITL = "dronekit-sitl"
    ARDUPILOT = "ardupilot"


@dataclass(frozen=True, slots=True)
class Backend:
    kind: Kind = Kind.SIM
    binary: Path | None = None

    def flyers(self, folder: Path) -> MakeFlyer:
        """Its processes work below `folder`."""
        if self.kind is Kind.SIM:
            return built_in
        from sim.ardupilot.copter import BOOT_SPEEDUP, ProcessCopters

        by_dronekit = self.kind is Kind.DRONEKIT_SITL
        # the binaries that it downloads are too old to be slowed down again
        boot_speedup = 1.0 if by_dronekit and self.binary is None else BOOT_SPEEDUP
        return ProcessCopters(self.binary, folder, through_dronekit=by_dronekit, boot_speedup=boot_speedup)


def chosen(name: str, binary: Path | None, time_mode: TimeMode | None) -> tuple[Backend, TimeMode]:
    """The backend and the time it runs in. Raises BackendInvalid."""
    kind = Kind(name)
    if kind is Kind.SIM:
        if binary is not None:
            raise BackendInvalid(f"--binary {binary} needs --backend {Kind.ARDUPILOT} or {Kind.DRONEKIT_SITL}")
        return Backend(), time_mode or "virtual"
    if time_mode == "virtual":
        raise BackendInvalid(f"--backend {kind}: a SITL keeps its own time and cannot jump; use --time real")
    if kind is Kind.ARDUPILOT and binary is None:
        raise BackendInvalid(f"--backend {kind} needs --binary PATH of an ArduCopter SITL")
    if kind is Kind.DRONEKIT_SITL and importlib.util.find_spec("dronekit_sitl") is None:
        raise BackendInvalid(f"--backend {kind}: dronekit-sitl is not installed; install chaoxun[sitl]")
    if binary is not None and not binary.is_file():
        raise BackendInvalid(f"--binary {binary}: there is no such file")
    return Backend(kind, binary), "real"
