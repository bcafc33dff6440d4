"""What the simulated hardware needs of a copter, whoever flies it: our own simulated one, or a SITL process.

SimulatedHardware ──► Fit ──► MakeFlyer ──► Flyer
                               ├─ built_in            sim.copter, in this process, also in virtual time
                               └─ ProcessCopters      sim.ardupilot, real time only
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from flightctl.clock import Clock
from flightctl.transport import Transports
from geofence.position import Enu, LatLon, LocalFrame
from sim.copter import Airframe, CopterState, Environment, Faults, Pack, Release, SimCopter


@dataclass(frozen=True, slots=True)
class Fit:
    """One drone as it stands in its dock."""

    drone_id: str
    system_id: int
    home: LatLon
    home_amsl_m: float
    heading_deg: float
    frame: LocalFrame
    clock: Clock
    rng: np.random.Generator
    parameters: Mapping[str, float]
    hooks: int
    loads_kg: tuple[float, ...]
    gimbal: bool
    booted_for_s: float
    pack: Pack
    airframe: Airframe
    on_release: Callable[[Release], None]


class Flyer(Protocol):
    """One copter of the site."""

    @property
    def inhibited(self) -> str:
        """Why it must not arm (a closed dock); empty when it may."""
        ...

    @inhibited.setter
    def inhibited(self, reason: str) -> None: ...

    @property
    def ready(self) -> bool:
        """Whether it is up and the story may begin."""
        ...

    @property
    def state(self) -> CopterState:
        """The truth about it."""
        ...

    @property
    def faults(self) -> Faults:
        """What is broken from outside; whoever breaks it sets these."""
        ...

    def recharge(self, percent: float = 100.0) -> None:
        """The dock charged it to `percent`."""
        ...

    async def run(
        self, transports: Transports, address: str, environment: Callable[[Enu, float], Environment]
    ) -> None:
        """Serves MAVLink to `address` (`udpout:HOST:PORT`) until cancelled."""
        ...


MakeFlyer = Callable[[Fit], Flyer]


def built_in(fit: Fit) -> SimCopter:
    """Our own copter."""
    return SimCopter(
        system_id=fit.system_id,
        home=fit.home,
        home_amsl_m=fit.home_amsl_m,
        heading_deg=fit.heading_deg,
        frame=fit.frame,
        rng=fit.rng,
        parameters=fit.parameters,
        hooks=fit.hooks,
        loads_kg=fit.loads_kg,
        gimbal=fit.gimbal,
        booted_for_s=fit.booted_for_s,
        utc=fit.clock.now,
        pack=fit.pack,
        airframe=fit.airframe,
        on_release=fit.on_release,
    )
