"""A site: `site.yaml`, `zones.geojson` and `river.yaml`, validated together with every error at its line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, field_validator

from flightctl.preflight_report import NEVER_OVERRIDDEN, CheckId
from geofence.position import LatLon
from geofence.text import Text
from vision.alert import AlertKind
from vision.camera import Camera

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PayloadKind(StrEnum):
    RING = "ring"  # SOLAS lifebuoy, 2.5 kg
    POD = "pod"  # self-inflating
    NONE = "none"  # observes and hails only


class Payload(_Part):
    kind: PayloadKind
    hooks: Annotated[int, Field(ge=0, le=6)]  # how many it can let go, one at a time
    mass_kg: Annotated[float, Field(ge=0, le=50)] = 0.0  # of one


class Battery(_Part):
    capacity_wh: Positive
    hover_w: Positive
    cruise_w: Positive
    reserve_percent: Annotated[float, Field(ge=5, le=80)] = 25.0


class PreflightLimits(_Part):
    """What a drone must show before it flies; a drone may have its own in place of the site's."""

    min_battery_percent: Annotated[float, Field(ge=0, le=100)] = 30.0
    min_satellites: Annotated[int, Field(ge=4, le=40)] = 8
    max_hdop: Positive = 2.5
    max_link_loss: Annotated[float, Field(ge=0, le=1)] = 0.2
    home_within_m: Positive = 30.0  # of its dock
    clock_within_s: Positive = 2.0
    read_within_s: Positive = 8.0  # for its parameters and its fence; what has not come by then counts as unknown
    fence: Literal["required", "wanted", "none"] = "wanted"
    """Whether no fence, or another fence than the site's zones, blocks, warns, or is not looked at."""
    only_warn: tuple[CheckId, ...] = ()
    """Checks that warn here where they would block."""

    @field_validator("only_warn")
    @classmethod
    def _may_be_softened(cls, checks: tuple[CheckId, ...]) -> tuple[CheckId, ...]:
        firm = sorted(check.value for check in NEVER_OVERRIDDEN.intersection(checks))
        if firm:
            raise ValueError(f"{', '.join(firm)} always blocks; take it out of the list")
        return checks


class Drone(_Part):
    id: Identifier
    name: Text
    system_id: Annotated[int, Field(ge=1, le=250)]  # MAVLink
    dock_id: Identifier
    autopilot: Literal["ardupilot", "px4"] = "ardupilot"  # what must answer; its heartbeat says what does
    payload: Payload
    cruise_mps: Positive
    climb_mps: Positive
    descent_mps: Positive
    max_wind_mps: Positive
    battery: Battery
    gimbal: bool = False  # its camera is turned to the person on scene
    speaker_range_m: Annotated[float, Field(ge=0)] = 0.0  # 0: carries no loudspeaker
    speaker_link: str = ""  # tcp:HOST:PORT of its loudspeaker's companion; empty: none
    transponders: tuple[Annotated[str, Field(min_length=1, max_length=20)], ...] = ()
    """Its own ICAO address (six hexadecimal digits) and Remote ID, so that it is not taken for other traffic."""
    preflight: PreflightLimits | None = None  # None: the site's


class Dock(_Part):
    id: Identifier
    name: Text
    position: LatLon
    height_amsl_m: float
    link: str  # tcp:HOST:PORT
    max_launch_wind_mps: Positive = 12.0
    cover_opens_s: Positive = 8.0  # what the planner expects; the dock reports the truth
    prepare_s: Positive = 3.0


class Speaker(_Part):
    id: Identifier
    name: Text
    position: LatLon
    link: str
    range_m: Positive


class LaunchPolicy(StrEnum):
    AUTO = "auto"
    CONFIRM = "confirm"
    NEVER = "never"


class DropPolicy(StrEnum):
    CONFIRM = "confirm"
    AUTO = "auto"


class Policy(_Part):
    """What happens by itself and what waits for a person (DESIGN §4)."""

    drop: DropPolicy = DropPolicy.CONFIRM
    hail: Literal["auto", "confirm"] = "auto"
    launch: dict[AlertKind, LaunchPolicy] = {
        AlertKind.FALL: LaunchPolicy.AUTO,
        AlertKind.PERSON_IN_WATER: LaunchPolicy.AUTO,
        AlertKind.ZONE_ENTRY: LaunchPolicy.AUTO,
    }
    hail_before_launch_s: Annotated[float, Field(ge=0, le=600)] = 25.0
    """P3 zone entry: a drone goes only when the person is still there this long after the first hail."""
    hail_before_launch_p2_s: Annotated[float, Field(ge=0, le=600)] = 12.0
    hail_repeat_s: Annotated[float, Field(gt=0, le=600)] = 15.0
    transit_height_m: Annotated[float, Field(gt=5, lt=120)] = 30.0  # above home
    drop_height_m: Annotated[float, Field(gt=2, le=15)] = 8.0  # above the water
    drop_min_height_m: Annotated[float, Field(gt=0)] = 4.0
    drop_max_height_m: Annotated[float, Field(gt=0)] = 12.0
    drop_max_wind_mps: Positive = 10.0
    drop_max_speed_mps: Positive = 2.0  # relative to the point aimed at
    drop_max_sigma_m: Positive = 8.0
    position_fresh_s: Positive = 2.0
    watch_after_drop_s: Annotated[float, Field(ge=0, le=1800)] = 15.0
    preflight: PreflightLimits = PreflightLimits()


class ShareEndpoint(_Part):
    """Where another ground station (QGroundControl, MAVProxy) is, and what it may; an address alone will do."""

    endpoint: str
    commands: bool = True  # false: it looks on
    max_bytes_per_s: Annotated[float, Field(ge=500)] | None = None
    """To each client there. Streams are thinned to it; heartbeats, answers, missions, parameters, texts are not."""


def _shared(value: object) -> object:
    return {"endpoint": value} if isinstance(value, str) else value


class MavlinkPolicy(_Part):
    endpoints: Annotated[tuple[str, ...], Field(min_length=1)] = ("udpin:127.0.0.1:14550",)
    system_id: Annotated[int, Field(ge=1, le=255)] = 255
    component_id: Annotated[int, Field(ge=1, le=255)] = 190
    signing_key_files: dict[Annotated[int, Field(ge=1, le=250)], str] = {}
    """By system id: a file with 64 hexadecimal digits, absolute or beside `site.yaml`. Such a vehicle is heard only
    signed. Keep the files out of what you share: the site says only where they are."""
    signing_link_id: Annotated[int, Field(ge=0, le=255)] = 0
    share: tuple[Annotated[ShareEndpoint, BeforeValidator(_shared)], ...] = ()
    """Other ground stations that see the same drones."""
    record_tlog: bool = False
    """Every frame into `mavlink-<start>.tlog` in the data folder, for other ground stations to replay."""


class AirspacePolicy(_Part):
    """Other aircraft, as ADS-B and Remote ID receivers on any link tell of them."""

    conflict_within_m: Positive = 250.0  # on the ground
    conflict_within_up_m: Positive = 60.0
    look_ahead_s: Positive = 45.0
    forget_after_s: Positive = 30.0
    most: Annotated[int, Field(ge=1, le=2000)] = 200
    geoid_m: Annotated[float, Field(ge=-110, le=90)] = 0.0
    """How high the sea lies above the WGS-84 ellipsoid here: heights by satellite are counted from that."""


class EvidencePolicy(_Part):
    """What is kept of each alert, and for how long. Evidence of open incidents is never deleted."""

    before_s: Annotated[float, Field(ge=0, le=60)] = 8.0  # of the clip, before its alert ...
    after_s: Annotated[float, Field(ge=1, le=120)] = 10.0  # ... and after
    keep_days: Annotated[float, Field(gt=0, le=3650)] = 30.0  # of alerts that became no incident
    keep_incident_days: Annotated[float, Field(gt=0, le=36500)] = 365.0
    max_gb: Positive = 50.0  # beyond it the oldest goes first, before its time


class Heights(_Part):
    """Heights of the walkable surfaces above mean sea level; the water's own is measured or forecast."""

    promenade: float
    foreshore: float


class SiteFile(_Part):
    """`site.yaml` as written."""

    version: Literal[1]
    id: Identifier
    name: Text
    note: Text | None = None
    crs: Literal["wgs84"]  # other datums are converted when a site is imported
    timezone: str = "Asia/Shanghai"
    simulated: bool = False
    origin: LatLon
    heights_amsl_m: Heights
    policy: Policy = Policy()
    mavlink: MavlinkPolicy = MavlinkPolicy()
    airspace: AirspacePolicy = AirspacePolicy()
    evidence: EvidencePolicy = EvidencePolicy()
    docks: Annotated[tuple[Dock, ...], Field(min_length=1)]
    drones: Annotated[tuple[Drone, ...], Field(min_length=1)]
    vision: dict[str, dict[str, StrictBool | float]] = {}
    """Thresholds of the rules for all cameras (vision/thresholds.py); a camera's own `thresholds` go before them."""
    cameras: tuple[Camera, ...] = ()
    speakers: tuple[Speaker, ...] = ()
    hails: dict[str, Text]  # message id -> what is said
