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
from flightctl.store.records import CommandRecord, OperatorAction, TelemetryRow

_IDS_AT_ONCE = 500  # SQLite bounds the parameters of a statement


def write_incident(db: Connection, incident: Incident) -> None:
    """The document, and the rows of what is new in it."""
    own = str(incident.id)
    row = {
        "id": own,
        "opened_at": t.instant(incident.opened_at),
        "state": incident.state.value,
        "priority": int(incident.priority),
        "document": incident.model_dump_json(),
    }
    db.execute(insert(t.incidents).values(row).on_conflict_do_update(index_elements=["id"], set_=row))
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
        statement = insert(t.alerts)
        document = statement.excluded.document  # its evidence comes later
        db.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"document": document}), alerts)
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


def claim_key(db: Connection, source: str, key: str, incident_id: UUID) -> UUID:
    """Binds the key unless it is bound; answers what it is bound to."""
    statement = insert(t.external_keys).values(source=source, key=key, incident_id=str(incident_id))
    db.execute(statement.on_conflict_do_nothing())
    return read_key(db, source, key) or incident_id


def read_key(db: Connection, source: str, key: str) -> UUID | None:
    c = t.external_keys.c
    found = db.scalar(select(c.incident_id).where(c.source == source, c.key == key))
    return None if found is None else UUID(found)


def read_incident(db: Connection, incident_id: UUID) -> Incident | None:
    document = db.scalar(select(t.incidents.c.document).where(t.incidents.c.id == str(incident_id)))
    return None if document is None else Incident.model_validate_json(document)


def read_alert_incidents(db: Connection, alert_ids: Collection[UUID]) -> dict[UUID, IncidentState]:
    """The state of the incident of each of these alerts; what is no incident's is left out."""
    found: dict[UUID, IncidentState] = {}
    wanted = [str(alert_id) for alert_id in alert_ids]
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        query = (
            select(t.alerts.c.id, t.incidents.c.state)
            .join(t.incidents, t.incidents.c.id == t.alerts.c.incident_id)
            .where(t.alerts.c.id.in_(wanted[start : start + _IDS_AT_ONCE]))
        )
        found.update({UUID(row.id): IncidentState(row.state) for row in db.execute(query).all()})
    return found


def read_in_states(db: Connection, states: Collection[IncidentState]) -> list[Incident]:
    """By priority, then the oldest first."""
    query = (
        select(t.incidents.c.document)
        .where(t.incidents.c.state.in_([state.value for state in states]))
        .order_by(t.incidents.c.priority, t.incidents.c.opened_at, t.incidents.c.id)
    )
    return [Incident.model_validate_json(document) for document in db.scalars(query).all()]


def read_page(db: Connection, limit: int, before: UUID | None) -> list[Incident]:
    """The newest first."""
    place = (t.incidents.c.opened_at, t.incidents.c.id)
    query = select(t.incidents.c.document).order_by(place[0].desc(), place[1].desc()).limit(limit)
    if before is not None:
        from_row = select(*place).where(t.incidents.c.id == str(before)).subquery()
        query = query.where(tuple_(*place) < select(from_row).scalar_subquery())
    return [Incident.model_validate_json(document) for document in db.scalars(query).all()]


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
                "speed_mps": row.speed_mps,
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
        speed_mps=row.speed_mps,
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
            details=from_json(row.details),
        )
        for row in db.execute(query).all()
    )


def write_setting(db: Connection, key: str, value: Any) -> None:
    statement = insert(t.settings).values(key=key, value=_json(value))
    db.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": _json(value)}))


def read_setting(db: Connection, key: str) -> Any:
    found = db.scalar(select(t.settings.c.value).where(t.settings.c.key == key))
    return None if found is None else from_json(found)


def _json(value: Any) -> str:
    return to_json(value).decode()


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
