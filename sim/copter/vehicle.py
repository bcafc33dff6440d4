"""What the copter's autopilot knows and is: the state every other module of this package works on.

It holds data and the few operations all of them need; behaviour lives beside it: `arming`, `commands`,
`navigation`, `auto`, `failsafe`, `telemetry`. Times are seconds since boot.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu, LatLon, LocalFrame
from sim.copter.battery import Battery
from sim.copter.chance import Normals
from sim.copter.ekf import Ekf
from sim.copter.fence import Fence
from sim.copter.gripper import Gripper, Servos
from sim.copter.modes import TRAITS, Mode, ModeReason, ReturnPhase, refusal
from sim.copter.mount import Mount
from sim.copter.parameters import Parameters
from sim.copter.physics import Body, Demand, Surroundings
from sim.copter.places import LocalPatch, Spot
from sim.copter.plans import PlanItem, Plans
from sim.copter.return_path import ReturnPath
from sim.copter.sticks import Sticks
from sim.copter.traffic import Traffic
from sim.copter.winch import Winch

if TYPE_CHECKING:
    from sim.copter.circle import Circle
    from sim.copter.legs import Leg
    from sim.copter.payload_place import Placing
    from sim.copter.smart_return import SmartReturn
    from sim.copter.turns import Turn

BOOT_S = 2.5  # ARDUCOPTER.md: a mode set before is overwritten by the mode switch
GYROS_S = 12.0
STABILIZE_READY_S = 24.0


class Severity:
    EMERGENCY = 0
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


@dataclass(slots=True)
class Faults:
    """What is broken from outside. Scenario steps set these; nothing here resets them."""

    link_lost: bool = False
    link_lost_until_s: float = -math.inf  # loop seconds
    gripper_jam: bool = False
    gps_lost: bool = False
    motor_failed: bool = False
    battery_drain_w: float = 0.0  # drawn on top of what flying needs


@dataclass(slots=True)
class FailsafeState:
    gcs: bool = False
    battery: bool = False
    radio: bool = False
    ekf: bool = False
    ekf_acted: bool = False
    adsb: bool = False
    low_since_s: float | None = None
    critical_since_s: float | None = None
    battery_critical: bool = False

    @property
    def any(self) -> bool:
        return self.gcs or self.battery or self.radio or self.ekf or self.adsb


class GuidedKind:
    IDLE = "idle"
    TAKE_OFF = "take_off"
    PLACE = "place"
    VELOCITY = "velocity"


@dataclass(slots=True)
class Guided:
    """What GUIDED flies to."""

    kind: str = GuidedKind.IDLE
    target: Spot | None = None
    east_mps: float = 0.0
    north_mps: float = 0.0
    up_mps: float = 0.0
    at_s: float = 0.0  # when the target came
    yaw_rad: float | None = None
    yaw_rate: float = 0.0
    turn: Turn | None = None  # CONDITION_YAW
    speed_mps: float | None = None  # DO_CHANGE_SPEED


@dataclass(slots=True)
class Beacon:
    """The target of a precision landing as last measured, in the copter's own idea of the world."""

    east_m: float = 0.0
    north_m: float = 0.0
    seen_s: float = -math.inf
    since_s: float | None = None
    acquired: bool = False


@dataclass(slots=True)
class AutoState:
    """Where the mission stands."""

    index: int = 0  # the item being flown; 0: none
    started: bool = False
    complete: bool = False
    paused: bool = False
    speed_mps: float | None = None
    item_since_s: float = 0.0
    reached_s: float | None = None
    last_reached: int = 65535
    target: Spot | None = None
    landing: bool = False
    returning: bool = False
    circle: Circle | None = None
    leg: Leg | None = None
    placing: Placing | None = None
    turn: Turn | None = None  # CONDITION_YAW: until the next navigation item
    delay_s: float = 0.0
    climb_mps: float | None = None  # DO_CHANGE_SPEED
    sink_mps: float | None = None
    todo: list[tuple[int, PlanItem]] = field(default_factory=list["tuple[int, PlanItem]"])
    doing: int = 0  # the DO item or condition that has been started
    doing_since_s: float = 0.0
    jumps: dict[int, int] = field(default_factory=dict[int, int])


class Vehicle:
    def __init__(
        self,
        *,
        parameters: Parameters,
        frame: LocalFrame,
        body: Body,
        battery: Battery,
        gripper: Gripper,
        servos: Servos,
        rng: np.random.Generator,
        utc: Callable[[], datetime],
        empty_kg: float = 4.0,
    ) -> None:
        self.parameters = parameters
        self.frame = frame
        self.patch = LocalPatch(frame, Enu(body.east_m, body.north_m))
        self.body = body
        self.battery = battery
        self.gripper = gripper
        self.servos = servos
        self.mount = Mount(parameters)
        self.winch = Winch(parameters, servos)
        self.random = Normals(rng)
        self.utc = utc
        self.empty_kg = empty_kg
        self.pad = Spot(body.east_m, body.north_m, body.amsl_m)  # where it stood at the start
        self.faults = Faults()
        self.inhibited = ""
        self.now_s = 0.0
        self.reboot_asked = False
        self.motor_lost = False  # by SIM_ENGINE_FAIL
        self.plans = Plans(parameters)
        self.fence = Fence(parameters)
        self.around = Surroundings(ground_amsl_m=body.amsl_m)
        self.demand = Demand()
        self.full_pack_v = parameters["SIM_BATT_VOLTAGE"]  # another value of the parameter overrides the pack
        self.reset()

    def reset(self) -> None:
        """As after power-up; parameters, plans and the body stay."""
        self.mode, self.mode_reason = Mode.STABILIZE, ModeReason.MODE_SWITCH
        self.mode_since_s = 0.0
        self.armed = False
        self.armed_at_s = 0.0
        self.landed_since_s: float | None = 0.0
        self.home: Spot | None = None
        self.origin: Spot | None = None
        self.home_yaw_rad = self.hold_yaw_rad = self.body.yaw_rad
        self.gps_bad_since_s: float | None = None
        self.gps_good_since_s: float | None = 0.0
        self.position_good = False
        self.boot_texts_said = 0
        self.failsafes = FailsafeState()
        self.beacon = Beacon()
        self.return_path = ReturnPath(self.parameters)
        self.smart_return: SmartReturn | None = None
        self.ekf = Ekf()
        self.guided = Guided()
        self.look_at: Spot | None = None  # the region of interest that its nose follows
        self.auto = AutoState()
        self.return_phase = ReturnPhase.CLIMB
        self.return_height_amsl_m = 0.0
        self.return_to: Spot | None = None
        self.phase_since_s = 0.0
        self.hold: Spot | None = None
        self.ever_flew = False
        self.last_gcs_heartbeat_s: float | None = None
        self.sticks = Sticks(self.parameters)
        self.traffic = Traffic()
        self.outbox: list[mavlink.MAVLink_message] = []
        self.heartbeat_asked = False
        self.text_id = 0

    # --- what it believes -------------------------------------------------------------------------------

    @property
    def east_m(self) -> float:
        return self.body.east_m + self.around.error_east

    @property
    def north_m(self) -> float:
        return self.body.north_m + self.around.error_north

    @property
    def amsl_m(self) -> float:
        return self.body.amsl_m + self.around.error_up

    @property
    def height_m(self) -> float:
        """Above home; above where it stands while there is no home."""
        return self.amsl_m - (self.home.amsl_m if self.home is not None else self.around.ground_amsl_m)

    @property
    def lifted_share(self) -> float:
        """Of the mass with all loads on: what it carries now."""
        gripper = self.gripper
        return (self.empty_kg + gripper.load_kg) / (self.empty_kg + gripper.full_load_kg)

    @property
    def landed(self) -> bool:
        return self.body.on_ground

    @property
    def boot_ms(self) -> int:
        return int(self.now_s * 1000) & 0xFFFFFFFF

    @property
    def here(self) -> Spot:
        return Spot(self.east_m, self.north_m, self.amsl_m)

    def home_distance_m(self) -> float:
        if self.home is None:
            return 0.0
        return math.hypot(self.east_m - self.home.east_m, self.north_m - self.home.north_m)

    # --- what it says -----------------------------------------------------------------------------------

    def say(self, severity: int, text: str) -> None:
        """A STATUSTEXT; longer ones go in chunks of 50 bytes."""
        data = text.encode("utf-8")
        if len(data) <= 50:
            self.outbox.append(mavlink.MAVLink_statustext_message(severity, data, 0, 0))
            return
        self.text_id = self.text_id % 65535 + 1
        for seq in range(len(data) // 50 + 1):  # a text that ends on a boundary closes with an empty chunk
            part = data[50 * seq : 50 * seq + 50]
            self.outbox.append(mavlink.MAVLink_statustext_message(severity, part, self.text_id, seq))

    def emit(self, message: mavlink.MAVLink_message) -> None:
        """To every link."""
        self.outbox.append(message)

    # --- modes ------------------------------------------------------------------------------------------

    def set_mode(self, mode: Mode, reason: ModeReason) -> bool:
        """Enters `mode` if its rule allows it (see `modes`)."""
        if mode is self.mode:
            return True
        why = refusal(
            mode,
            armed=self.armed,
            position_good=self.position_good,
            landed=self.landed,
            take_off_first=self.plans.mission.starts_with_take_off,
            way_back=self.return_path.active,
        )
        if why is not None:
            prefix = "Auto: " if why.startswith("Missing") else ""
            if prefix:
                self.say(Severity.WARNING, f"{prefix}{why}")
            self.say(Severity.WARNING, f"Mode change to {mode.name} failed: {why}")
            return False
        self.mode, self.mode_reason = mode, reason
        self.mode_since_s = self.phase_since_s = self.now_s
        self.hold = None
        self.smart_return = None
        if not self.mount.pans:  # a mount keeps its region of interest
            self.look_at = None
        self.guided = Guided(at_s=self.now_s)
        if mode in (Mode.RTL, Mode.SMART_RTL):
            self.begin_return()
        if mode is Mode.AUTO:
            self.auto.started = False
            self.auto.paused = False
        self.heartbeat_asked = True
        return True

    def begin_return(self) -> None:
        """Fixes where to return and how high (RTL_ALT within the cone, nearest rally point or home)."""
        home = self.home if self.home is not None else self.here
        goal = self.plans.nearest_rally(self.frame, home, self.here) or home
        distance = math.hypot(self.east_m - goal.east_m, self.north_m - goal.north_m)
        wanted = max(
            goal.amsl_m - home.amsl_m,
            self.parameters["RTL_ALT"] / 100.0,
            self.height_m + self.parameters["RTL_CLIMB_MIN"] / 100.0,
        )
        cone = self.parameters["RTL_CONE_SLOPE"]
        if cone > 0:
            wanted = min(wanted, max(distance * cone, self.height_m))
        self.return_to = goal
        wanted = min(wanted, self.fence.safe_height_m())
        self.return_height_amsl_m = home.amsl_m + max(wanted, self.height_m)
        self.return_phase = ReturnPhase.CLIMB
        self.phase_since_s = self.now_s

    def aim_velocity(self, east_mps: float, north_mps: float, up_mps: float) -> None:
        """For GUIDED and AVOID_ADSB, until GUID_TIMEOUT."""
        self.guided = Guided(
            kind=GuidedKind.VELOCITY, east_mps=east_mps, north_mps=north_mps, up_mps=up_mps, at_s=self.now_s
        )

    def set_home(self, spot: Spot) -> None:
        self.home = spot
        if self.origin is None:
            self.origin = spot
        self.emit(self.home_message())

    def home_message(self) -> mavlink.MAVLink_home_position_message:
        home = self.home or self.here
        origin = self.origin or home
        lat, lon = self.patch.degrees_e7(home.east_m, home.north_m)
        return mavlink.MAVLink_home_position_message(
            lat,
            lon,
            round(home.amsl_m * 1000),
            home.north_m - origin.north_m,
            home.east_m - origin.east_m,
            origin.amsl_m - home.amsl_m,
            (1.0, 0.0, 0.0, 0.0),
            0.0,
            0.0,
            0.0,
            int(self.now_s * 1e6),
        )

    def speed_mps(self, override: float | None) -> float:
        return override if override is not None else self.parameters["WPNAV_SPEED"] / 100.0

    def spot(self, point: LatLon, amsl_m: float) -> Spot:
        enu = self.frame.to_enu(point)
        return Spot(enu.east_m, enu.north_m, amsl_m)

    @property
    def autonomous(self) -> bool:
        return TRAITS[self.mode].autonomous
