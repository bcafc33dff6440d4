"""What the service must not forget: incidents, decisions, commands, telemetry, settings; in SQLite."""

from flightctl.store.errors import KeyTaken, StoreUnavailable
from flightctl.store.records import CommandRecord, ExternalKey, OperatorAction, TelemetryRow
from flightctl.store.store import Store

__all__ = [
    "CommandRecord",
    "ExternalKey",
    "KeyTaken",
    "OperatorAction",
    "Store",
    "StoreUnavailable",
    "TelemetryRow",
]
