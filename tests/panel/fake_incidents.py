"""The story that the scripted service tells: a fall, a rescue, a trespasser, and one incident that is over."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from flightctl.api.views import DroneView, LinkView
from flightctl.dispatch.decision import Candidate, Decision, Purpose, Refusal
from flightctl.dock.protocol import DockState
from flightctl.incidents.model import Consent, Drift, Incident, IncidentState, Outcome, Priority, TimelineEntry
from flightctl.site import Text
from geofence.position import Enu, LatLon, LocalFrame
from vision.alert import Alert, AlertKind, UncertainPosition
from vision.camera import Camera

ALERT_AT = datetime(2026, 9, 28, 5, 46, 12, tzinfo=UTC)
RESCUE = UUID("01998ea0-0000-7000-8000-000000000001")
TRESPASS = UUID("01998ea0-0000-7000-8000-000000000002")
EARLIER = UUID("01998ea0-0000-7000-8000-000000000003")
WALKERS = UncertainPosition(lat=30.40207, lon=120.5433, sigma_m=1.5)
TRESPASSER = UncertainPosition(lat=30.40172, lon=120.53935, sigma_m=2.5)

COVER_OPEN_S, TAKE_OFF_S, ON_SCENE_S, ASKED_S, DROP_S, HOME_S, DOCKED_S = 7.0, 10.5, 33.0, 12.0, 44.0, 66.0, 98.0
OPEN_IN_FLIGHT = frozenset({IncidentState.AIRBORNE, IncidentState.ON_SCENE, IncidentState.ACTING})
HEIGHT_M = 30.0
ROUTE = (
    LatLon(lat=30.4025264, lon=120.5415591),
    LatLon(lat=30.40205, lon=120.54195),
    LatLon(lat=30.40165, lon=120.5437),
)


def at(seconds: float) -> datetime:
    return ALERT_AT + timedelta(seconds=seconds)


def text(names: dict[str, str]) -> Text:
    return Text(zh=names["zh"], en=names["en"])


def field_of_view(camera: Camera, frame: LocalFrame) -> tuple[LatLon, ...]:
    """A plain sector; the service projects the true one."""
    centre = frame.to_enu(camera.position)
    half = camera.lens.hfov_deg / 2
    bearings = [camera.yaw_deg - half + camera.lens.hfov_deg * step / 12 for step in range(13)]
    arc = [(math.radians(bearing), camera.range_m) for bearing in bearings]
    ring = [Enu(centre.east_m + r * math.sin(a), centre.north_m + r * math.cos(a)) for a, r in arc]
    return tuple(frame.to_wgs84(point) for point in (centre, *ring, centre))


def drifting(now: float) -> bool:
    return 0 <= now < HOME_S


def person(now: float, frame: LocalFrame, ahead_s: float = 0.0) -> UncertainPosition:
    begin = frame.to_enu(LatLon(lat=30.40185, lon=120.54315))
    seconds = max(0.0, now + ahead_s)
    place = frame.to_wgs84(Enu(begin.east_m + 1.1 * seconds, begin.north_m - 0.25 * seconds))
    return UncertainPosition(lat=place.lat, lon=place.lon, sigma_m=2.0 + 0.12 * ahead_s)


def dock_mid(now: float) -> tuple[DockState, float, bool]:
    """Its state, how far the cover is open, and whether the drone is inside."""
    if now < 1 or now >= DOCKED_S + 6:
        return DockState.IDLE, 0.0, True
    if now < COVER_OPEN_S:
        return DockState.COVER_OPENING, 100 * (now - 1) / (COVER_OPEN_S - 1), True
    if now < TAKE_OFF_S:
        return DockState.READY, 100.0, True
    if now < HOME_S:
        return DockState.AIRBORNE, 100.0, False
    if now < DOCKED_S:
        return DockState.RETURNING, 100.0, False
    return DockState.COVER_CLOSING, 100 * (1 - (now - DOCKED_S) / 6), True


def flight(parked: DroneView, now: float, frame: LocalFrame, *, dropped: bool) -> DroneView:
    """The rescuing drone in the air, at `now`."""
    if not TAKE_OFF_S <= now < DOCKED_S:
        return parked
    place, heading, height, speed = _pose(now, frame)
    earlier = [_pose(now - back, frame)[0] for back in range(60, -1, -2) if now - back >= TAKE_OFF_S]
    return parked.model_copy(
        update={
            "position": place,
            "heading_deg": heading,
            "height_m": height,
            "ground_speed_mps": speed,
            "climb_mps": 0.0,
            "battery_percent": 98.0 - 0.35 * (now - TAKE_OFF_S),
            "armed": True,
            "mode": "GUIDED" if now < HOME_S else "RTL",
            "in_dock": False,
            "hooks_loaded": 1 if dropped else 2,
            "incident_id": RESCUE,
            "trail": tuple(earlier),
            "link_loss_percent": 0.4,
            "link": LinkView(
                endpoint="udpin:0.0.0.0:14550",
                loss_percent=0.4,
                messages_per_s=34.0,
                bytes_per_s=1460.0,
                told_messages_per_s=5.0,
                told_bytes_per_s=210.0,
                round_trip_ms=38.0,
            ),
        }
    )


def _pose(now: float, frame: LocalFrame) -> tuple[LatLon, float, float, float]:
    points = [frame.to_enu(point) for point in ROUTE]
    if now >= HOME_S:
        part = 1 - min(1.0, (now - HOME_S) / (DOCKED_S - HOME_S - 8))
        height = HEIGHT_M if part > 0 else HEIGHT_M * (1 - (now - DOCKED_S + 8) / 8)
        place, heading = _along(points, part)
        return frame.to_wgs84(place), (heading + 180) % 360, max(0.0, height), 12.0 if part > 0 else 0.0
    if now < TAKE_OFF_S + 5:
        return ROUTE[0], 140.0, 6.0 * (now - TAKE_OFF_S), 0.0
    if now < ON_SCENE_S:
        place, heading = _along(points, (now - TAKE_OFF_S - 5) / (ON_SCENE_S - TAKE_OFF_S - 5))
        return frame.to_wgs84(place), heading, HEIGHT_M, 15.4
    target = person(now, frame)
    low = 8.0 if now > ON_SCENE_S + 5 else HEIGHT_M - (now - ON_SCENE_S) * 4.4
    return LatLon(lat=target.lat, lon=target.lon), 100.0, low, 1.2


def _along(points: list[Enu], part: float) -> tuple[Enu, float]:
    lengths = [a.distance_m(b) for a, b in pairwise(points)]
    left = max(0.0, min(1.0, part)) * sum(lengths)
    for (start, end), length in zip(pairwise(points), lengths, strict=True):
        if left <= length or end is points[-1]:
            share = min(1.0, left / length)
            return start + (end - start).scaled(share), start.bearing_deg(end)
        left -= length
    raise AssertionError("the route has no legs")


def incidents(now: float, consent: Consent, frame: LocalFrame, *, drop_auto: bool) -> tuple[Incident, ...]:
    """In the service's order: open ones by priority and age, then the one that is over."""
    shown = [_trespass(), _earlier()]
    if now >= 0:
        shown.insert(0, _rescue(now, consent, frame, drop_auto=drop_auto))
    return tuple(shown)


def _rescue(now: float, consent: Consent, frame: LocalFrame, *, drop_auto: bool) -> Incident:
    dropped = drop_auto or consent is Consent.GIVEN
    timeline = [entry for entry in _rescue_steps(drop_auto=drop_auto, consent=consent) if entry.at <= at(now)]
    place = person(min(now, HOME_S), frame)
    outcome = None
    if now >= HOME_S:
        said = (
            "The lifebuoy met the water 1.4 m from the person, who could reach it."
            if dropped
            else "No lifebuoy was dropped."
        )
        outcome = Outcome(
            summary=said,
            buoy_distance_m=1.4 if dropped else None,
            steps_s={"cover_open": 7.0, "armed": 9.2, "airborne": 10.5, "arrived": 33.0}
            | ({"dropped": 44.0, "splash": 45.3} if dropped else {}),
        )
    return Incident(
        id=RESCUE,
        opened_at=at(0),
        priority=Priority.P1,
        state=_rescue_state(now),
        position=person(0, frame),
        zone_id=None,  # seen in the water, in no zone that was entered
        alerts=(
            _alert(1, AlertKind.FALL, "cam-3", 0, place),
            _alert(2, AlertKind.PERSON_IN_WATER, "cam-3", 1.2, place),
        ),
        drift=Drift(at=at(now), position=place, east_mps=1.1, north_mps=-0.25, observed_at=at(now - 0.4)),
        decisions=(_decision(place),) if now >= 0.8 else (),
        timeline=tuple(timeline),
        consent=consent,
        drone_id="cx-2" if 0.8 <= now < DOCKED_S else None,
        outcome=outcome,
    )


def _rescue_state(now: float) -> IncidentState:
    steps = (
        (0.4, IncidentState.DETECTED),
        (1.0, IncidentState.VERIFIED),
        (TAKE_OFF_S, IncidentState.DISPATCHED),
        (ON_SCENE_S, IncidentState.AIRBORNE),
        (DROP_S - 5, IncidentState.ON_SCENE),
        (HOME_S, IncidentState.ACTING),
    )
    return next((state for until, state in steps if now < until), IncidentState.RESOLVED)


def _rescue_steps(*, drop_auto: bool, consent: Consent) -> list[TimelineEntry]:
    steps = [
        (0.0, "vision:cam-3", "alert", "fall from the seawall, confidence 0.93"),
        (0.4, "dispatch", "opened", "P1 fall from the seawall"),
        (0.6, "dispatch", "hail", "有人落水！请不要下水，救生圈马上就到，抓住救生圈！"),
        (0.8, "dispatch", "decision", "cx-2 from dock-mid: in the water in 46 s"),
        (1.0, "dock:dock-mid", "dock_prepare", ""),
        (COVER_OPEN_S, "dock:dock-mid", "cover_open", ""),
        (1.0, "dispatch", "state_dispatched", ""),
        (9.2, "drone:cx-2", "armed", ""),
        (TAKE_OFF_S, "drone:cx-2", "airborne", ""),
        (TAKE_OFF_S, "drone:cx-2", "state_airborne", ""),
        (ON_SCENE_S, "drone:cx-2", "arrived", ""),
        (33.6, "drone:cx-2", "hail_from_drone", "有人落水！请不要下水，救生圈马上就到，抓住救生圈！"),
    ]
    if consent is not Consent.UNASKED:
        step = "consent_given" if consent is Consent.GIVEN else "consent_refused"
        steps.append((ASKED_S + 2, "operator", step, ""))
    if drop_auto or consent is Consent.GIVEN:
        steps += [
            (DROP_S, "drone:cx-2", "dropped", "±1.2 m"),
            (45.3, "drone:cx-2", "splash", "reckoned 1.4 m from the person"),
            (60.0, "drone:cx-2", "watched", ""),
        ]
    steps += [(HOME_S, "drone:cx-2", "returning", ""), (DOCKED_S, "dock:dock-mid", "docked", "")]
    return sorted((TimelineEntry(at=at(s), actor=a, step=n, text=t) for s, a, n, t in steps), key=lambda e: e.at)


def _decision(place: UncertainPosition) -> Decision:
    def candidate(dock: str, drone: str, refusal: Refusal | None, why: str, *times: float) -> Candidate:
        ready, scene, water, margin = (*times, *[None] * (4 - len(times)))
        return Candidate(
            dock_id=dock,
            drone_id=drone,
            chosen=refusal is None,
            refusal=refusal,
            reason=why,
            ready_s=ready,
            on_scene_s=scene,
            in_water_s=water,
            battery_margin_percent=margin,
        )

    return Decision(
        id=UUID("01998ea0-0000-7000-8000-0000000000d1"),
        incident_id=RESCUE,
        at=at(0.8),
        purpose=Purpose.LIFEBUOY,
        dock_id="dock-mid",
        drone_id="cx-2",
        route=ROUTE,
        target=place,
        drop_point=ROUTE[-1],
        candidates=(
            candidate("dock-mid", "cx-2", None, "first there", 9.5, 32.0, 46.0, 41.0),
            candidate(
                "dock-west", "cx-1", Refusal.LATER, "in the water after 71 s, 25 s later", 9.5, 58.0, 71.0, 38.0
            ),
            candidate("dock-east", "cx-3", Refusal.WIND, "wind 12.6 m/s is above the dock's limit of 12 m/s"),
            candidate("dock-east", "cx-4", Refusal.NO_PAYLOAD, "carries no lifebuoy"),
        ),
        explanation="cx-2 brings a lifebuoy to the water in 46 s, 25 s before the next.",
    )


def _trespass() -> Incident:
    return Incident(
        id=TRESPASS,
        opened_at=at(-74),
        priority=Priority.P2,
        state=IncidentState.VERIFIED,
        position=TRESPASSER,
        zone_id="foreshore-west",
        alerts=(_alert(3, AlertKind.ZONE_ENTRY, "cam-1", -74, TRESPASSER),),
        timeline=(
            TimelineEntry(at=at(-74), actor="vision:cam-1", step="alert", text="1 person on the foreshore for 3 s"),
            TimelineEntry(
                at=at(-73), actor="dispatch", step="hail", text="潮水马上就到，请立即离开滩涂，回到海塘上来！"
            ),
        ),
    )


def _earlier() -> Incident:
    return Incident(
        id=EARLIER,
        opened_at=at(-1520),
        priority=Priority.P3,
        state=IncidentState.CLOSED,
        position=UncertainPosition(lat=30.4017, lon=120.54543, sigma_m=3.0),
        zone_id="groyne-330",
        alerts=(
            _alert(
                4, AlertKind.ZONE_ENTRY, "cam-5", -1520, UncertainPosition(lat=30.4017, lon=120.54543, sigma_m=3.0)
            ),
        ),
        timeline=(TimelineEntry(at=at(-1520), actor="vision:cam-5", step="alert", text="2 persons on the groyne"),),
        outcome=Outcome(summary="Left the groyne after the first hail."),
    )


def _alert(number: int, kind: AlertKind, camera: str, seconds: float, place: UncertainPosition) -> Alert:
    return Alert(
        id=UUID(int=RESCUE.int + 0x100 + number),
        kind=kind,
        camera_id=camera,
        at=at(seconds),
        position=place,
        track_id=17,
        confidence=0.93,
    )
