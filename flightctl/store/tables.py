"""The tables. Documents are the JSON of the contract models; columns beside them are what queries need.

Times are ISO-8601 UTC text of fixed width, so that they sort as text. A change here needs a migration.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("opened_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Index("incidents_by_state", "state"),
    Index("incidents_by_time", "opened_at", "id"),
)

timeline = Table(  # append-only
    "timeline",
    metadata,
    Column("incident_id", Text, ForeignKey("incidents.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),  # 0 is the incident's first entry
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("camera_id", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("document", Text, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("drone_id", Text),
    Column("document", Text, nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("cmd_id", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("incident_id", Text, index=True),
    Column("details", Text, nullable=False),
    Column("result", Text),
)

telemetry = Table(
    "telemetry",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("drone_id", Text, nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("height_m", Float, nullable=False),
    Column("heading_deg", Float, nullable=False),
    Column("ground_speed_mps", Float, nullable=False),
    Column("climb_mps", Float, nullable=False),
    Column("battery_percent", Float),
    Column("mode", Text, nullable=False),
    Column("armed", Boolean, nullable=False),
    Column("incident_id", Text),
    Index("telemetry_by_drone", "drone_id", "at"),
)

operator_actions = Table(
    "operator_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

external_keys = Table(
    "external_keys",
    metadata,
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False),
    UniqueConstraint("source", "key", name="one_incident_a_key"),
)


def instant(at: datetime) -> str:
    """An aware time as text that sorts."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
