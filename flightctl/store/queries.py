"""Reading and writing the tables, as plain functions on a connection; each write is a part of one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, func, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from flightctl.incidents.model import Incident, IncidentState
from flightctl.store import tables as t
from flightctl.store.errors import KeyTaken
from flightctl.store.records import CommandRecord, ExternalKey, OperatorAction, TelemetryRow


def write_incident(db: Connection, incident: Incident, key: ExternalKey | None) -> None:
    """The document, and the rows of what is new in it. Raises KeyTaken."""
    own = str(incident.id)
    row = {
        "id": own,
        "opened_at": t.instant(incident.opened_at),
        "state": incident.state.value,
        "priority": int(incident.priority),
        "document": incident.model_dump_json(),
    }
    db.execute(insert(t.incidents).values(row).on_conflict_do_update(index_elements=["id"], set_=row))
    if key is not None:
        _claim(db, key, incident.id)
    written = db.scalar(select(func.count()).where(t.timeline.c.incident_id == own)) or 0
    entries = [
        {
            "incident_id": own,
            "seq": seq,
            "at": t.instant(entry.at),
            "actor": entry.actor,
            "step": entry.step,
            "text": entry.text,
            "data": _json(entry.data),
        }
        for seq, entry in enumerate(incident.timeline)
        if seq >= written
    ]
    if entries:
        db.execute(insert(t.timeline), entries)
    alerts = [
        {
            "id": str(alert.id),
            "incident_id": own,
            "kind": alert.kind.value,
            "camera_id": alert.camera_id,
            "at": t.instant(alert.at),
            "document": alert.model_dump_json(),
        }
        for alert in incident.alerts
    ]
    if alerts:
        db.execute(insert(t.alerts).on_conflict_do_nothing(), alerts)
    decisions = [
        {
            "id": str(decision.id),
            "incident_id": own,
            "at": t.instant(decision.at),
            "drone_id": decision.drone_id,
            "document": decision.model_dump_json(),
        }
        for decision in incident.decisions
    ]
    if decisions:
        db.execute(insert(t.decisions).on_conflict_do_nothing(), decisions)


def _claim(db: Connection, key: ExternalKey, incident_id: UUID) -> None:
    db.execute(
        insert(t.external_keys)
        .values(source=key.source, key=key.key, incident_id=str(incident_id))
        .on_conflict_do_nothing()
    )
    owner = read_key(db, key)
    if owner is not None and owner != incident_id:
        raise KeyTaken(key.source, key.key, owner)


def read_key(db: Connection, key: ExternalKey) -> UUID | None:
    found = db.scalar(
        select(t.external_keys.c.incident_id).where(
            t.external_keys.c.source == key.source, t.external_keys.c.key == key.key
        )
    )
    return None if found is None else UUID(found)


def read_incident(db: Connection, incident_id: UUID) -> Incident | None:
    document = db.scalar(select(t.incidents.c.document).where(t.incidents.c.id == str(incident_id)))
    return None if document is None else Incident.model_validate_json(document)


def read_in_states(db: Connection, states: Collection[IncidentState]) -> tuple[Incident, ...]:
    """By priority, then the oldest first."""
    query = (
        select(t.incidents.c.document)
        .where(t.incidents.c.state.in_([state.value for state in states]))
        .order_by(t.incidents.c.priority, t.incidents.c.opened_at, t.incidents.c.id)
    )
    return tuple(Incident.model_validate_json(document) for document in db.scalars(query).all())


def read_page(db: Connection, limit: int, before: UUID | None) -> tuple[Incident, ...]:
    """The newest first."""
    place = (t.incidents.c.opened_at, t.incidents.c.id)
    query = select(t.incidents.c.document).order_by(place[0].desc(), place[1].desc()).limit(limit)
    if before is not None:
        from_row = select(*place).where(t.incidents.c.id == str(before)).subquery()
        query = query.where(tuple_(*place) < select(from_row).scalar_subquery())
    return tuple(Incident.model_validate_json(document) for document in db.scalars(query).all())


def write_command(db: Connection, record: CommandRecord) -> None:
    row = {
        "cmd_id": str(record.cmd_id),
        "at": t.instant(record.at),
        "target": record.target,
        "action": record.action,
        "incident_id": None if record.incident_id is None else str(record.incident_id),
        "details": _json(record.details),
        "result": record.result,
    }
    statement = insert(t.commands).values(row)
    db.execute(statement.on_conflict_do_update(index_elements=["cmd_id"], set_={"result": record.result}))


def read_commands(db: Connection, incident_id: UUID) -> tuple[CommandRecord, ...]:
    query = (
        select(t.commands)
        .where(t.commands.c.incident_id == str(incident_id))
        .order_by(t.commands.c.at, t.commands.c.cmd_id)
    )
    return tuple(
        CommandRecord(
            cmd_id=UUID(row.cmd_id),
            at=_time(row.at),
            target=row.target,
            action=row.action,
            incident_id=incident_id,
            details=from_json(row.details),
            result=row.result,
        )
        for row in db.execute(query).all()
    )


def write_telemetry(db: Connection, rows: Sequence[TelemetryRow]) -> None:
    db.execute(
        insert(t.telemetry),
        [
            {
                "at": t.instant(row.at),
                "drone_id": row.drone_id,
                "lat": row.lat,
                "lon": row.lon,
                "height_m": row.height_m,
                "heading_deg": row.heading_deg,
                "ground_speed_mps": row.ground_speed_mps,
                "climb_mps": row.climb_mps,
                "battery_percent": row.battery_percent,
                "mode": row.mode,
                "armed": row.armed,
                "incident_id": None if row.incident_id is None else str(row.incident_id),
            }
            for row in rows
        ],
    )


def read_telemetry(db: Connection, drone_id: str, since: datetime, until: datetime) -> tuple[TelemetryRow, ...]:
    c = t.telemetry.c
    query = (
        select(t.telemetry)
        .where(c.drone_id == drone_id, c.at >= t.instant(since), c.at <= t.instant(until))
        .order_by(c.at, c.id)
    )
    return tuple(_telemetry_row(row) for row in db.execute(query).all())


def _telemetry_row(row: Row[Any]) -> TelemetryRow:
    return TelemetryRow(
        at=_time(row.at),
        drone_id=row.drone_id,
        lat=row.lat,
        lon=row.lon,
        height_m=row.height_m,
        heading_deg=row.heading_deg,
        ground_speed_mps=row.ground_speed_mps,
        climb_mps=row.climb_mps,
        battery_percent=row.battery_percent,
        mode=row.mode,
        armed=row.armed,
        incident_id=None if row.incident_id is None else UUID(row.incident_id),
    )


def write_action(db: Connection, action: OperatorAction) -> None:
    db.execute(
        insert(t.operator_actions).values(
            at=t.instant(action.at),
            actor=action.actor,
            action=action.action,
            subject=action.subject,
            details=_json(action.details),
        )
    )


def read_actions(db: Connection, limit: int) -> tuple[OperatorAction, ...]:
    """The newest first."""
    query = select(t.operator_actions).order_by(t.operator_actions.c.id.desc()).limit(limit)
    return tuple(
        OperatorAction(
            at=_time(row.at),
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            details=from_json(row.details),
        )
        for row in db.execute(query).all()
    )


def write_setting(db: Connection, key: str, value: Any) -> None:
    statement = insert(t.settings).values(key=key, value=_json(value))
    db.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": _json(value)}))


def read_setting(db: Connection, key: str, default: Any) -> Any:
    found = db.scalar(select(t.settings.c.value).where(t.settings.c.key == key))
    return default if found is None else from_json(found)


def _json(value: Any) -> str:
    return to_json(value).decode()


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
