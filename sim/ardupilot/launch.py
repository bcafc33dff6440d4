"""How one ArduCopter SITL is called: its ports and its command line. Pure; starting it is another module's part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geofence.position import LatLon

_FIRST_PORT = 5760  # SERIAL0 of instance 0; each further instance ten higher
_INSTANCE_STEP = 10


@dataclass(frozen=True, slots=True)
class Launch:
    """One instance. Give each a working folder of its own: it keeps parameters, logs and terrain there."""

    binary: Path
    instance: int
    system_id: int
    home: LatLon
    home_amsl_m: float
    heading_deg: float
    defaults: Path
    serial0: str = ""  # empty: the TCP port of the instance, on which it waits for a client

    @property
    def serial0_port(self) -> int:
        return _FIRST_PORT + _INSTANCE_STEP * self.instance

    @property
    def serial1_port(self) -> int:
        """A second client, for whoever wants to know the truth beside the ground station."""
        return self.serial0_port + 2

    def command(self) -> tuple[str, ...]:
        place = f"{self.home.lat:.7f},{self.home.lon:.7f},{self.home_amsl_m:.2f},{self.heading_deg:.1f}"
        words = (
            str(self.binary), "--model", "quad", "-I", str(self.instance), "--home", place,
            "--defaults", str(self.defaults), "--sysid", str(self.system_id),
        )  # fmt: skip
        return (*words, "--serial0", self.serial0) if self.serial0 else words
