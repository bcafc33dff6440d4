"""What the service must not forget: incidents, decisions, commands, telemetry, settings; in SQLite."""

from flightctl.store.errors import StoreUnavailable
from flightctl.store.records import CommandRecord, OperatorAction, TelemetryRow
from flightctl.store.store import DATABASE_NAME, Store

__all__ = ["DATABASE_NAME", "CommandRecord", "OperatorAction", "Store", "StoreUnavailable", "TelemetryRow"]
