"""The simulated copter: it flies in the simulated world and speaks MAVLink as ArduCopter does."""

from sim.copter.autopilot import Environment, Release
from sim.copter.battery import Pack
from sim.copter.copter import CopterState, HookState, SimCopter
from sim.copter.modes import Mode
from sim.copter.physics import Airframe
from sim.copter.vehicle import Faults

__all__ = ["Airframe", "CopterState", "Environment", "Faults", "HookState", "Mode", "Pack", "Release", "SimCopter"]
