"""Before a flight: what speaks against it. `checks` are pure functions of one `Snapshot`."""

from flightctl.vehicle.preflight.checks import results
from flightctl.vehicle.preflight.snapshot import Asked, Readings, Snapshot

__all__ = ["Asked", "Readings", "Snapshot", "results"]
