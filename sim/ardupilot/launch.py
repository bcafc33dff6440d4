"""How one ArduCopter SITL is called: its ports and its command line. Pure; starting it is `process`'s part."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from geofence.position import LatLon

_FIRST_PORT = 5760  # SERIAL0 of instance 0; each further instance ten higher
_INSTANCE_STEP = 10
_THROUGH_DRONEKIT = Path(__file__).with_name("through_dronekit.py")  # started from another folder


@dataclass(frozen=True, slots=True)
class Launch:
    """One instance. Give each a working folder of its own: it keeps parameters, logs and terrain there."""

    binary: Path | None  # None: the one that dronekit-sitl brings
    instance: int
    system_id: int
    home: LatLon
    home_amsl_m: float
    heading_deg: float
    defaults: Path
    serial0: str = ""  # empty: the TCP port of the instance, on which it waits for a client
    speedup: float = 1.0
    through_dronekit: bool = False

    @property
    def serial0_port(self) -> int:
        return _FIRST_PORT + _INSTANCE_STEP * self.instance

    @property
    def serial1_port(self) -> int:
        """A second client, for whoever wants to know the truth beside the ground station."""
        return self.serial0_port + 2

    def command(self) -> tuple[str, ...]:
        """The words of its call; dronekit-sitl adds instance, defaults and speed-up itself."""
        place = f"{self.home.lat:.7f},{self.home.lon:.7f},{self.home_amsl_m:.2f},{self.heading_deg:.1f}"
        if self.through_dronekit:
            return (
                sys.executable, "-P", str(_THROUGH_DRONEKIT), str(self.binary or ""), str(self.instance),
                str(self.defaults), f"{self.speedup:g}", f"--home={place}", "--model=quad",
            )  # fmt: skip
        words = (
            str(self.binary), "--model", "quad", "-I", str(self.instance), "--home", place,
            "--defaults", str(self.defaults), "--sysid", str(self.system_id), "--speedup", f"{self.speedup:g}",
        )  # fmt: skip
        return (*words, "--serial0", self.serial0) if self.serial0 else words
