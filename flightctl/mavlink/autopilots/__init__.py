"""What differs between autopilots, behind one small interface; which one a vehicle runs is in its heartbeat."""

from __future__ import annotations

from flightctl.mavlink.autopilots.ardupilot import ArduCopter
from flightctl.mavlink.autopilots.interface import Autopilot, ParameterRule
from flightctl.mavlink.autopilots.px4 import Px4
from flightctl.mavlink.dialect import mavlink

__all__ = ["ARDUCOPTER", "PX4", "ArduCopter", "Autopilot", "ParameterRule", "Px4", "autopilot_of"]

ARDUCOPTER = ArduCopter()
PX4 = Px4()


def autopilot_of(mav_autopilot: int) -> Autopilot:
    """By HEARTBEAT.autopilot; a generic one is spoken to like ArduCopter, which is nearest to the bare protocol."""
    return PX4 if mav_autopilot == mavlink.MAV_AUTOPILOT_PX4 else ARDUCOPTER
