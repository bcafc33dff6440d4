"""What differs between autopilots, behind one small interface."""

from flightctl.mavlink.autopilots.ardupilot import ArduCopter
from flightctl.mavlink.autopilots.interface import Autopilot

__all__ = ["ArduCopter", "Autopilot"]
