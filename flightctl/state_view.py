"""Everything that moves, gathered for clients."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from flightctl.airspace.picture import Encounter, Traffic
from flightctl.airspace.watch import AirspaceWatch
from flightctl.api.views import (
    BoreView,
    CameraView,
    DockView,
    DriftView,
    DroneView,
    EncounterView,
    EndpointView,
    FrontView,
    LinkView,
    SpeakerView,
    StateView,
    TrafficView,
    WeatherView,
)
from flightctl.cameras import CameraDesk
from flightctl.clock import Clock
from flightctl.dispatch.blocks import FlightBlock, flight_blocks
from flightctl.dispatch.dispatcher import Dispatcher
from flightctl.dock.client import DockClient
from flightctl.dock.protocol import DockState
from flightctl.drone import DroneHands
from flightctl.incidents.book import IncidentBook
from flightctl.incidents.intake import Intake
from flightctl.incidents.lifecycle import is_open
from flightctl.incidents.model import Consent, Incident, IncidentState
from flightctl.mavlink.channel import EndpointStatus
from flightctl.mavlink.share import ShareStatus
from flightctl.site import DropPolicy, Policy
from flightctl.site_loading import Site
from flightctl.speaker.client import SpeakerClient
from flightctl.surroundings import Surroundings
from flightctl.vehicle import LinkQuality
from geofence.position import Enu
from vision.alert import UncertainPosition

_DRIFT_AHEAD_S = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
_ASKS_FOR_DROP = frozenset(
    {IncidentState.DISPATCHED, IncidentState.AIRBORNE, IncidentState.ON_SCENE, IncidentState.ACTING}
)


@dataclass(frozen=True)
class Parts:
    """What the view is gathered from."""

    site: Site
    clock: Clock
    policy: Policy
    book: IncidentBook
    intake: Intake
    dispatcher: Dispatcher
    docks: Mapping[str, DockClient]
    drones: Mapping[str, DroneHands]
    speakers: Mapping[str, SpeakerClient]
    cameras: CameraDesk
    surroundings: Surroundings
    airspace: AirspaceWatch
    endpoints: tuple[EndpointStatus, ...] = ()
    shared: tuple[ShareStatus, ...] = ()


def state_view(parts: Parts, seq: int) -> StateView:
    blocks = _blocks(parts)
    return StateView(
        seq=seq,
        at=parts.clock.now(),
        hold=parts.dispatcher.hold,
        drop_policy=parts.policy.drop.value,
        weather=_weather(parts),
        bore=_bore(parts),
        docks=tuple(_dock(dock) for dock in parts.docks.values()),
        drones=tuple(_drone(parts, hands) for hands in parts.drones.values()),
        cameras=(
            *(_camera(parts, camera.id) for camera in parts.site.file.cameras),
            *(_camera(parts, drone.eye_id) for drone in parts.site.file.drones if drone.camera is not None),
        ),
        speakers=tuple(_speaker(speaker) for speaker in parts.speakers.values()),
        endpoints=(*(_endpoint(status) for status in parts.endpoints), *(_shared(status) for status in parts.shared)),
        incidents=tuple(parts.book.all()),
        drifts=_drifts(parts),
        needs=_needs(parts, {block.incident_id for block in blocks if block.overridable}),
        blocks=blocks,
        traffic=tuple(_traffic(one) for one in parts.airspace.traffic()),
        encounters=tuple(_encounter(one) for one in parts.airspace.notable()),
    )


def _weather(parts: Parts) -> WeatherView:
    if not parts.surroundings.wind_known():
        return WeatherView()
    wind = parts.surroundings.wind()
    return WeatherView(wind_mps=wind.length_m, wind_from_deg=wind.bearing_deg(Enu(0.0, 0.0)))


def _bore(parts: Parts) -> BoreView | None:
    river, frame = parts.site.river, parts.site.frame
    station = river.reference_station
    passage = parts.surroundings.passage(frame.to_enu(station.position))
    if passage is None:
        return None
    front = parts.surroundings.front()
    shown = None
    if front is not None:
        one, two = river.across(front.chainage_m)
        shown = FrontView(
            position=frame.to_wgs84(front.position),
            line=(frame.to_wgs84(one), frame.to_wgs84(two)),
            speed_mps=front.speed_mps,
            observed=front.observed,
        )
    return BoreView(
        station_id=station.id,
        eta_s=(passage.at - parts.clock.now()).total_seconds(),
        sigma_s=passage.sigma_s,
        arrives_at=passage.at,
        source=passage.source,
        front=shown,
        level_amsl_m=parts.surroundings.water_amsl_m(river.bank.to_enu(0.0, 10.0)),
    )


def _dock(dock: DockClient) -> DockView:
    status = dock.status
    if status is None:
        return DockView(id=dock.dock.id, state=dock.state, reason="no word from it")
    return DockView(
        id=dock.dock.id,
        state=status.state,
        reason=status.reason,
        cover_percent=status.cover_percent,
        drones_inside=status.drones_inside,
        wind_mps=status.wind_mps,
        temperature_c=status.temperature_c,
    )


def _drone(parts: Parts, hands: DroneHands) -> DroneView:
    drone, telemetry = hands.drone, hands.telemetry
    if telemetry is None:
        return DroneView(id=drone.id, dock_id=drone.dock_id, online=False, reason="never heard")
    dock = parts.docks[drone.dock_id].status
    return DroneView(
        id=drone.id,
        dock_id=drone.dock_id,
        online=telemetry.online,
        reason=hands.not_ready_reason() or hands.blocked_reason(parts.clock.now()),
        position=telemetry.position,
        height_m=telemetry.height_m,
        heading_deg=telemetry.heading_deg,
        ground_speed_mps=telemetry.speed_mps,
        climb_mps=telemetry.velocity_up_mps,
        battery_percent=telemetry.battery_percent,
        armed=telemetry.armed,
        mode=telemetry.mode,
        in_dock=dock is not None and drone.id in dock.drones_inside,
        hooks_loaded=len(hands.loaded_hooks()),
        incident_id=parts.dispatcher.serving(drone.id),
        trail=hands.trail(parts.clock.time_s()),
        link_loss_percent=telemetry.link_loss * 100.0,
        link=_link(hands.link),
    )


def _link(quality: LinkQuality) -> LinkView:
    rates = quality.rates
    return LinkView(
        endpoint=quality.endpoint,
        loss_percent=quality.loss * 100.0,
        messages_per_s=rates.messages_in,
        bytes_per_s=rates.bytes_in,
        told_messages_per_s=rates.messages_out,
        told_bytes_per_s=rates.bytes_out,
        round_trip_ms=None if quality.round_trip_s is None else quality.round_trip_s * 1000.0,
        dropped=quality.dropped,
    )


def _endpoint(status: EndpointStatus) -> EndpointView:
    return EndpointView(
        address=status.address,
        fault=status.fault,
        peers=status.peers,
        messages_in_per_s=status.rates.messages_in,
        bytes_in_per_s=status.rates.bytes_in,
        messages_out_per_s=status.rates.messages_out,
        bytes_out_per_s=status.rates.bytes_out,
        sent=status.traffic.messages_out,
        heard=status.traffic.messages_in,
        dropped=status.dropped,
        broken=status.broken,
    )


def _shared(status: ShareStatus) -> EndpointView:
    said = {"shared": True, "commands": status.commands, "thinned": status.thinned, "refused": status.refused}
    return _endpoint(status.endpoint).model_copy(update=said)


def _camera(parts: Parts, camera_id: str) -> CameraView:
    state = parts.cameras.state(camera_id)
    return CameraView(
        id=camera_id,
        health=state.health,
        reason=state.reason,
        frame_seq=state.frame_seq,
        at=state.at,
        tracks=state.tracks,
        water=state.water,
        vitals=state.vitals,
    )


def _speaker(speaker: SpeakerClient) -> SpeakerView:
    return SpeakerView(id=speaker.id, online=speaker.online, playing=speaker.playing, fault=speaker.fault)


def _drifts(parts: Parts) -> tuple[DriftView, ...]:
    found: list[DriftView] = []
    for incident in parts.book.open():
        casualty = parts.intake.casualties().get(incident.id)
        if casualty is None or not casualty.in_water:
            continue
        ahead = casualty.ahead((0.0, *_DRIFT_AHEAD_S))
        points = [_uncertain(parts, estimate.place, estimate.sigma_m) for estimate in ahead]
        found.append(DriftView(incident_id=incident.id, position=points[0], track=tuple(points[1:])))
    return tuple(found)


def _traffic(one: Traffic) -> TrafficView:
    course_deg: float | None = None
    speed_mps: float | None = None
    if one.velocity_mps is not None:
        east, north = one.velocity_mps
        speed_mps = math.hypot(east, north)
        course_deg = math.degrees(math.atan2(east, north)) % 360.0
    return TrafficView(
        key=one.key,
        name=one.name,
        drone=one.drone,
        position=one.position,
        amsl_m=one.amsl_m,
        course_deg=course_deg,
        ground_speed_mps=speed_mps,
        climb_mps=one.up_mps,
        age_s=one.age_s,
        emergency=one.emergency,
        simulated=one.simulated,
    )


def _encounter(one: Encounter) -> EncounterView:
    return EncounterView(
        drone_id=one.own_id,
        traffic_key=one.other.key,
        distance_m=one.distance_m,
        up_m=one.up_m,
        conflict=one.conflict,
        too_near_in_s=one.approach.enters_in_s,
        nearest_in_s=one.approach.in_s,
        nearest_m=one.approach.distance_m,
        nearest_up_m=one.approach.up_m,
    )


def _uncertain(parts: Parts, place: Enu, sigma_m: float) -> UncertainPosition:
    point = parts.site.frame.to_wgs84(place)
    return UncertainPosition(lat=point.lat, lon=point.lon, sigma_m=min(max(sigma_m, 0.01), 5000.0))


def _blocks(parts: Parts) -> tuple[FlightBlock, ...]:
    """For open incidents for which nobody flies now."""
    shut = [dock.dock.id for dock in parts.docks.values() if dock.state is DockState.WEATHER_HOLD]
    waiting = (incident for incident in parts.book.open() if parts.dispatcher.active(incident.id) is None)
    return tuple(block for incident in waiting for block in flight_blocks(incident, shut_docks=shut))


def _needs(parts: Parts, overridable: Collection[UUID]) -> tuple[str, ...]:
    """What waits for a person, the most urgent incident first; `overridable`: incidents with a drone that would fly
    on a person's word."""
    needs: list[str] = []
    for incident in parts.book.open():
        if _waits_for_drop(incident, parts.policy):
            needs.append(f"consent:{incident.id}")
        if incident.id in parts.dispatcher.waiting:
            needs.append(f"launch:{incident.id}")
        elif incident.id in overridable:
            needs.append(f"override:{incident.id}")
        if incident.state is IncidentState.ESCALATED:
            needs.append(f"escalated:{incident.id}")
    return tuple(needs)


def _waits_for_drop(incident: Incident, policy: Policy) -> bool:
    return (
        policy.drop is DropPolicy.CONFIRM
        and incident.consent is Consent.UNASKED
        and incident.state in _ASKS_FOR_DROP
        and incident.priority == 1
        and is_open(incident)
    )
