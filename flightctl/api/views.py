"""What the panel and other clients see: the site once, the state several times a second.

`SiteView` is what does not change while the service runs, `StateView` is everything that moves. The panel
shows only what stands here.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from flightctl.dispatch.blocks import FlightBlock
from flightctl.dock.protocol import DockState
from flightctl.incidents.model import Incident
from flightctl.site import Drone, Policy, Text
from geofence.position import LatLon
from vision.alert import CameraHealth, TrackView, UncertainPosition, WaterReading
from vision.vitals import CameraVitals


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class DockPlace(_View):
    id: str
    name: Text
    position: LatLon


class CameraPlace(_View):
    id: str
    name: Text
    position: LatLon
    field_of_view: tuple[LatLon, ...]  # the ground it covers, as a closed ring
    width_px: int
    height_px: int


class SpeakerPlace(_View):
    id: str
    name: Text
    position: LatLon
    range_m: float


class StationView(_View):
    id: str
    name: Text
    position: LatLon


class SiteView(_View):
    """`GET /api/v1/site`."""

    id: str
    name: Text
    note: Text | None
    timezone: str
    simulated: bool
    origin: LatLon
    zones: dict[str, Any]  # the GeoJSON FeatureCollection; properties: id, kind, name {zh, en}
    basemap: dict[str, Any]  # GeoJSON FeatureCollection; properties.layer: "river", "foreshore", "seawall", "groyne"
    river_axis: tuple[LatLon, ...]
    stations: tuple[StationView, ...]
    docks: tuple[DockPlace, ...]
    drones: tuple[Drone, ...]
    cameras: tuple[CameraPlace, ...]
    speakers: tuple[SpeakerPlace, ...]
    policy: Policy
    hails: dict[str, Text]


class LinkView(_View):
    """How a drone is heard. Rates are over the last seconds."""

    endpoint: str  # the address of the site on which it is heard
    loss_percent: float  # of what it sent
    messages_per_s: float
    bytes_per_s: float
    told_messages_per_s: float  # by the service and by ground stations that share it
    told_bytes_per_s: float
    round_trip_ms: float | None = None
    dropped: int = 0  # on its endpoint since the start, for want of room


class EndpointView(_View):
    """One MAVLink address of the site, for drones or shared with other ground stations."""

    address: str
    shared: bool = False
    commands: bool = True  # whether who is there may command the drones
    fault: str = ""  # why it is not open
    peers: int  # drones, radios or ground stations there
    messages_in_per_s: float
    bytes_in_per_s: float
    messages_out_per_s: float
    bytes_out_per_s: float
    sent: int
    heard: int
    dropped: int  # for want of room
    broken: int  # frames that did not come whole
    thinned: int = 0  # streamed messages that newer ones replaced, to keep the endpoint's rate
    refused: int = 0  # what ground stations there said that was not passed on


class DroneView(_View):
    id: str
    dock_id: str
    online: bool
    reason: str = ""  # why it cannot fly, when it cannot
    position: LatLon | None = None
    height_m: float | None = None  # above its home
    heading_deg: float | None = None
    ground_speed_mps: float | None = None
    climb_mps: float | None = None
    battery_percent: float | None = None
    armed: bool = False
    mode: str = ""
    in_dock: bool = False
    hooks_loaded: int = 0
    incident_id: UUID | None = None
    trail: tuple[LatLon, ...] = ()  # last two minutes, oldest first
    link_loss_percent: float | None = None
    link: LinkView | None = None


class DockView(_View):
    id: str
    state: DockState
    reason: str = ""
    cover_percent: float | None = None
    drones_inside: tuple[str, ...] = ()
    wind_mps: float | None = None
    temperature_c: float | None = None


class CameraView(_View):
    id: str
    health: CameraHealth
    reason: str = ""
    frame_seq: int  # grows with each new preview; fetch /api/v1/cameras/{id}/frame.jpg?seq=N
    at: AwareDatetime | None = None
    tracks: tuple[TrackView, ...] = ()
    water: WaterReading | None = None  # None: it cannot see the water's edge
    vitals: CameraVitals | None = None  # None: not known (yet)


class SpeakerView(_View):
    id: str
    online: bool
    playing: str | None = None  # the text
    fault: str = ""


class FrontView(_View):
    """The bore's front, when it is on the site's river."""

    position: LatLon
    line: tuple[LatLon, ...]  # across the river
    speed_mps: float
    observed: bool  # seen by a camera, or only forecast


class BoreView(_View):
    """The next (or present) bore at the site's own station."""

    station_id: str
    eta_s: float  # negative when it has passed
    sigma_s: float
    arrives_at: AwareDatetime
    source: str  # "astronomy", "table", "observation"
    front: FrontView | None = None
    level_amsl_m: float | None = None


class DriftView(_View):
    incident_id: UUID
    position: UncertainPosition
    track: tuple[UncertainPosition, ...]  # reckoned for the next minute, every 10 s


class WeatherView(_View):
    wind_mps: float | None = None
    wind_from_deg: float | None = None


class TrafficView(_View):
    """Another aircraft, where it is reckoned to be now."""

    key: str  # "icao:..." or "uas:..."
    name: str  # call sign or serial number; may be empty
    drone: bool
    position: LatLon
    amsl_m: float | None = None
    course_deg: float | None = None
    ground_speed_mps: float | None = None
    climb_mps: float | None = None
    age_s: float
    emergency: bool = False
    simulated: bool = False


class EncounterView(_View):
    """One of our drones in the air and another aircraft: every predicted conflict, and each drone's nearest."""

    drone_id: str
    traffic_key: str
    distance_m: float  # on the ground, now
    up_m: float | None = None  # the other above ours, now
    conflict: bool
    too_near_in_s: float | None = None  # when it is a conflict
    nearest_in_s: float
    nearest_m: float
    nearest_up_m: float | None = None


class StateView(_View):
    """`GET /api/v1/state`, and each message of the WebSocket `/api/v1/stream`."""

    type: Literal["state"] = "state"
    version: Literal[1] = 1
    seq: int
    at: AwareDatetime
    hold: bool  # no automatic launch
    drop_policy: Literal["auto", "confirm"]
    weather: WeatherView
    bore: BoreView | None
    docks: tuple[DockView, ...]
    drones: tuple[DroneView, ...]
    cameras: tuple[CameraView, ...]
    speakers: tuple[SpeakerView, ...]
    endpoints: tuple[EndpointView, ...] = ()
    incidents: tuple[Incident, ...]  # open ones and those closed in the last hour, by priority then age
    drifts: tuple[DriftView, ...]
    traffic: tuple[TrafficView, ...] = ()
    encounters: tuple[EncounterView, ...] = ()  # the most urgent first
    needs: tuple[str, ...]  # what waits for a person: "consent:<incident id>", ...
    blocks: tuple[FlightBlock, ...] = ()  # what keeps drones from open incidents for which nobody flies
