"""Alerts about the same person or place become one incident; others do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flightctl.incidents.merge import incident_for
from flightctl.incidents.model import Incident, IncidentState, Priority
from geofence.position import Enu, LatLon, LocalFrame
from vision.alert import Alert, AlertKind, UncertainPosition

AT = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
FRAME = LocalFrame(LatLon(lat=30.402, lon=120.542))


def at(east_m: float, north_m: float, sigma_m: float = 1.0) -> UncertainPosition:
    point = FRAME.to_wgs84(Enu(east_m, north_m))
    return UncertainPosition(lat=point.lat, lon=point.lon, sigma_m=sigma_m)


def alert(kind: AlertKind, position: UncertainPosition | None, **rest: Any) -> Alert:
    values: dict[str, Any] = {"id": UUID(int=9), "camera_id": "cam-3", "at": AT, "confidence": 0.9, **rest}
    return Alert(kind=kind, position=position, **values)


def incident(first: Alert, *, test: bool = False, number: int = 1) -> Incident:
    return Incident(
        id=UUID(int=number),
        opened_at=AT,
        priority=Priority.P1,
        state=IncidentState.DETECTED,
        position=first.position,
        alerts=(first,),
        test=test,
    )


def test_two_cameras_that_see_one_fall_open_one_incident() -> None:
    known = incident(alert(AlertKind.FALL, at(95, -1)))
    second = alert(AlertKind.FALL, at(99, -3, 2.0), camera_id="cam-4")
    assert incident_for(second, [known], FRAME) is known


def test_one_fall_placed_differently_by_two_cameras_stays_one_for_as_long_as_it_lasts() -> None:
    known = incident(alert(AlertKind.FALL, at(90, -1, 0.5)))
    seen_elsewhere = alert(AlertKind.FALL, at(110, -1, 0.5), camera_id="cam-4", at=AT + timedelta(seconds=2))
    assert incident_for(seen_elsewhere, [known], FRAME) is known
    a_minute_later = alert(AlertKind.FALL, at(110, -1, 0.5), camera_id="cam-4", at=AT + timedelta(seconds=60))
    assert incident_for(a_minute_later, [known], FRAME) is None


def test_two_people_far_apart_are_two_incidents() -> None:
    known = incident(alert(AlertKind.FALL, at(95, -1)))
    assert incident_for(alert(AlertKind.FALL, at(140, -1), camera_id="cam-4"), [known], FRAME) is None


def test_a_tracked_person_stays_one_incident_however_far_they_drift() -> None:
    known = incident(alert(AlertKind.FALL, at(0, 0), track_id=5))
    later = alert(AlertKind.PERSON_IN_WATER, at(90, -5), track_id=5)
    assert incident_for(later, [known], FRAME) is known


def test_the_nearest_of_several_incidents_takes_the_alert() -> None:
    far = incident(alert(AlertKind.FALL, at(0, 0, 5.0)), number=1)
    near = incident(alert(AlertKind.FALL, at(8, 0, 5.0)), number=2)
    assert incident_for(alert(AlertKind.FALL, at(7, 0), camera_id="cam-9"), [far, near], FRAME) is near


def test_a_camera_fault_joins_only_the_same_cameras_fault() -> None:
    fault = incident(alert(AlertKind.CAMERA_FAULT, None, camera_id="cam-1"))
    assert incident_for(alert(AlertKind.CAMERA_FAULT, None, camera_id="cam-1"), [fault], FRAME) is fault
    assert incident_for(alert(AlertKind.CAMERA_FAULT, None, camera_id="cam-2"), [fault], FRAME) is None
    assert incident_for(alert(AlertKind.FALL, at(0, 0), camera_id="cam-1"), [fault], FRAME) is None


def test_nothing_real_ever_joins_a_test() -> None:
    rehearsed = incident(alert(AlertKind.FALL, at(0, 0)), test=True)
    assert incident_for(alert(AlertKind.FALL, at(0, 0)), [rehearsed], FRAME) is None
