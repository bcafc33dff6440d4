"""Vehicles as the rest of the service sees them: `Fleet` finds them, a `Vehicle` is told what to do."""

from flightctl.vehicle.fleet import Fleet, LinkQuality
from flightctl.vehicle.preflight import Asked, Readings
from flightctl.vehicle.telemetry import Gps, Home, LandedState, Telemetry
from flightctl.vehicle.vehicle import Vehicle

__all__ = ["Asked", "Fleet", "Gps", "Home", "LandedState", "LinkQuality", "Readings", "Telemetry", "Vehicle"]
