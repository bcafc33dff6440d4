"""The autopilot without sockets: bytes from links in, messages to links out, and one step of flight at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geofence.position import Enu
from sim.copter import arming, commands, failsafe, guided_targets, navigation, precision, sticks, telemetry, winch
from sim.copter.mission_protocol import MissionProtocol
from sim.copter.modes import Mode, mode_of_number
from sim.copter.parameters import MAX_NAME_LENGTH, Parameter, ParameterType
from sim.copter.physics import GRAVITY_MPS2, Airframe, Limits, Thrust, step
from sim.copter.streams import Link
from sim.copter.vehicle import Severity, Vehicle
from sim.copter.weather import Breeze

HEARTBEAT_S = 1.0
TIMESYNC_S = 10.0
PREARM_TEXT_S = 30.0
PARAMETERS_AT_ONCE = 40
FLYING_STEP_S = 0.04
RESTING_STEP_S = 0.25
_LONGEST_STEP_S = 0.05
_SLOW_STREAM_S = 0.1
_PAD_RADIUS_M = 3.0
_WATCH_S = 0.12 - 1e-6  # every third step of flight
_CLEAR_MISSION_AT_BOOT = 1  # MIS_OPTIONS
_MOTORS = 0b1111
_HOVER_THRUST = 0.4  # of what a motor can give: with less, one of four cannot hold its corner up
_LEAST_MARGIN = 0.1
_THRUST_LAG_S = 0.15  # how long thrust stays what it was for a mass that is gone
_IDLE_THROTTLE = 0.08  # of hover power


@dataclass(frozen=True, slots=True)
class Environment:
    """What the world does to the copter where it is."""

    wind_east_mps: float = 0.0
    wind_north_mps: float = 0.0
    surface_amsl_m: float = 0.0  # ground or water below


@dataclass(frozen=True, slots=True)
class Release:
    """The moment a hook let go of its load."""

    hook: int
    position: Enu
    amsl_m: float
    east_mps: float
    north_mps: float
    up_mps: float


class Autopilot:
    def __init__(
        self,
        vehicle: Vehicle,
        airframe: Airframe,
        environment: Callable[[Enu, float], Environment],
        on_release: Callable[[Release], None],
    ) -> None:
        self.vehicle = vehicle
        self._airframe = airframe
        self._environment = environment
        self._on_release = on_release
        self._missions = MissionProtocol(vehicle)
        self._breeze = Breeze()
        self._limits = Limits()
        self._limits_of = -1
        self._links: list[Link] = []
        self._next_heartbeat_s = 0.0
        self._next_timesync_s = TIMESYNC_S
        self._next_prearm_text_s = PREARM_TEXT_S
        self._since_watch_s = _WATCH_S
        body = vehicle.body
        self._pad = (body.east_m, body.north_m, body.amsl_m)

    # --- links ------------------------------------------------------------------------------------------

    def add_link(self, write: Callable[[bytes], None]) -> Link:
        link = Link(write, self.vehicle.parameters.number("MAV_SYSID"))
        self._set_rates(link)
        self._links.append(link)
        return link

    def _set_rates(self, link: Link) -> None:
        """The MAV1_* rates count from the link's start or the boot; a later change waits for the next one."""
        groups = ("RAW_SENS", "EXT_STAT", "RC_CHAN", "POSITION", "EXTRA1", "EXTRA2", "EXTRA3")
        numbers = (1, 2, 3, 6, 10, 11, 12)
        link.set_defaults(
            {group: self.vehicle.parameters[f"MAV1_{name}"] for name, group in zip(groups, numbers, strict=True)},
            self.vehicle.now_s,
        )

    def drop_link(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)

    def hear(self, link: Link, data: bytes) -> None:
        """Everything in `data`, answered at once."""
        for message in link.parse(data):
            self._on_message(link, message)
        self._flush()

    @property
    def step_s(self) -> float:
        """How soon the next step is wanted: the copter at rest need not be stepped often."""
        vehicle = self.vehicle
        fastest_s = min((link.fastest_s for link in self._links), default=math.inf)
        if vehicle.armed or not vehicle.landed:
            return 2 * FLYING_STEP_S if fastest_s >= _SLOW_STREAM_S else FLYING_STEP_S  # two steps a wake-up
        if vehicle.gripper.busy or vehicle.winch.moving or any(link.parameters_left for link in self._links):
            return 2 * FLYING_STEP_S
        return max(FLYING_STEP_S, min(RESTING_STEP_S, fastest_s))

    # --- time -------------------------------------------------------------------------------------------

    def advance(self, dt: float) -> None:
        """Flies for `dt` seconds, then sends what is due."""
        vehicle = self.vehicle
        if not vehicle.armed and vehicle.landed:
            self._step(dt)
        else:
            pieces = max(1, math.ceil(dt / _LONGEST_STEP_S - 1e-9))
            for _ in range(pieces):
                self._step(dt / pieces)
        self._unasked()
        self._missions.step()
        for link in self._links:
            if link.parameters_left:
                self._send_parameters(link)
            link.stream(vehicle)
        self._flush()

    def reboot(self) -> None:
        """Back to power-up: parameters and plans stay, what links asked for is lost."""
        vehicle = self.vehicle
        vehicle.now_s = 0.0
        vehicle.reboot_asked = False
        vehicle.parameters.boot()
        if vehicle.parameters.number("MIS_OPTIONS") & _CLEAR_MISSION_AT_BOOT:
            vehicle.plans.mission.items.clear()
            vehicle.plans.mission.current = 0
            vehicle.plans.count()
        vehicle.reset()
        for link in self._links:
            self._set_rates(link)
        vehicle.gripper.boot()
        vehicle.mount.boot()
        vehicle.winch.boot()
        vehicle.fence.boot()
        self._missions.reset()
        self._next_heartbeat_s = 0.0
        self._next_timesync_s = TIMESYNC_S
        self._next_prearm_text_s = PREARM_TEXT_S

    def skip_boot(self, booted_for_s: float) -> None:
        """As if it had stood there for so long, unheard."""
        self.vehicle.now_s = booted_for_s
        self._next_heartbeat_s = booted_for_s
        self._next_timesync_s = booted_for_s + TIMESYNC_S
        self._next_prearm_text_s = booted_for_s + PREARM_TEXT_S
        self.vehicle.boot_texts_said = sum(1 for at_s, _, _ in arming.BOOT_TEXTS if at_s < booted_for_s)

    def _step(self, dt: float) -> None:
        vehicle = self.vehicle
        vehicle.now_s += dt
        self._since_watch_s += dt
        if self._since_watch_s >= _WATCH_S:
            self._watch(self._since_watch_s)
            self._since_watch_s = 0.0
        navigation.steer(vehicle)
        demand = vehicle.demand
        if vehicle.battery.empty and demand.thrust is Thrust.FLYING:
            demand.thrust = Thrust.OFF
        step(vehicle.body, demand, self._limits, self._airframe, vehicle.around, dt=dt)
        arming.idle_on_ground(vehicle)
        self._move_hooks()

    def _watch(self, dt: float) -> None:
        """What need not run at the rate of flight control: surroundings, battery, failsafes, outputs."""
        vehicle, body = self.vehicle, self.vehicle.body
        self._save_way_back()
        self._look_around(dt)
        self._take_limits()
        pack = vehicle.battery.pack
        power_w = pack.idle_w
        if vehicle.armed and not vehicle.landed and vehicle.demand.thrust is Thrust.FLYING:
            power_w = vehicle.battery.flight_power_w(
                body.airspeed_mps(vehicle.around), body.up_mps, vehicle.lifted_share
            )
        elif vehicle.armed:
            power_w = pack.hover_w * _IDLE_THROTTLE
        vehicle.battery.draw(power_w + vehicle.faults.battery_drain_w, dt)
        vehicle.winch.step(dt)
        vehicle.servos.motors(1000 if not vehicle.armed else 1150 if vehicle.landed else 1500)
        vehicle.mount.step(vehicle, dt)
        sticks.turn_switch(vehicle)
        failsafe.watch(vehicle, dt)
        precision.watch(vehicle)

    def _look_around(self, dt: float) -> None:
        vehicle, body = self.vehicle, self.vehicle.body
        around = self._environment(Enu(body.east_m, body.north_m), body.amsl_m)
        above_m = body.amsl_m - vehicle.around.ground_amsl_m
        more_east, more_north = self._breeze.blow(vehicle.parameters, vehicle.random, above_m, dt)
        vehicle.around.wind_east = around.wind_east_mps + more_east
        vehicle.around.wind_north = around.wind_north_mps + more_north
        pad_east, pad_north, pad_amsl_m = self._pad
        on_pad = math.hypot(body.east_m - pad_east, body.north_m - pad_north) <= _PAD_RADIUS_M
        vehicle.around.ground_amsl_m = pad_amsl_m if on_pad else around.surface_amsl_m

    def _save_way_back(self) -> None:
        vehicle = self.vehicle
        if not vehicle.armed:
            return
        text = vehicle.return_path.record(
            vehicle.here,
            vehicle.now_s,
            position_good=vehicle.position_good,
            saving=vehicle.mode is not Mode.SMART_RTL,
        )
        if text:
            vehicle.say(Severity.WARNING, text)

    def _move_hooks(self) -> None:
        vehicle, body = self.vehicle, self.vehicle.body
        if not vehicle.gripper.busy:
            return
        let_go, texts = vehicle.gripper.step(vehicle.now_s, jammed=vehicle.faults.gripper_jam)
        for text in texts:
            vehicle.say(Severity.INFO, text)
        for hook in let_go:
            if not body.on_ground:  # the thrust was for more mass: it hops until the control of acceleration has it
                lost_kg = vehicle.gripper.hooks[hook - 1].load_kg
                too_much = GRAVITY_MPS2 * lost_kg / (vehicle.empty_kg + vehicle.gripper.load_kg)
                body.up_mps += too_much * _THRUST_LAG_S
            position = Enu(body.east_m, body.north_m)
            self._on_release(Release(hook, position, body.amsl_m, body.east_mps, body.north_mps, body.up_mps))

    def _take_limits(self) -> None:
        """What the parameters allow, when one has changed."""
        parameters = self.vehicle.parameters
        if self._limits_of != parameters.changes:
            self._limits_of = parameters.changes
            self._limits = Limits(
                accel_mps2=max(0.5, parameters["WPNAV_ACCEL"] / 100.0),
                jerk_mps3=max(1.0, parameters["PSC_JERK_XY"]),
                accel_up_mps2=max(0.5, parameters["WPNAV_ACCEL_Z"] / 100.0),
                jerk_up_mps3=max(1.0, parameters["PSC_JERK_Z"]),
                lean_mps2=GRAVITY_MPS2 * math.tan(math.radians(min(80.0, max(10.0, parameters["ATC_ANGLE_MAX"])))),
                yaw_rate_radps=math.radians(max(5.0, parameters["ATC_SLEW_YAW"] / 100.0)),
            )
            margin = self._motors()
            if margin < 1.0:
                limits = self._limits
                limits.accel_up_mps2 *= margin
                limits.lean_mps2 *= margin
                limits.yaw_rate_radps *= margin
            asked_v = parameters["SIM_BATT_VOLTAGE"]
            self.vehicle.battery.rest_v_override = None if asked_v == self.vehicle.full_pack_v else asked_v

    def _motors(self) -> float:
        """What SIM_ENGINE_FAIL and SIM_ENGINE_MUL leave of the margin above hovering; 1 is all of it."""
        vehicle = self.vehicle
        share = max(0.0, vehicle.parameters["SIM_ENGINE_MUL"])
        failing = bool(vehicle.parameters.number("SIM_ENGINE_FAIL") & _MOTORS) and share < 1.0
        vehicle.motor_lost = failing and share < _HOVER_THRUST
        if not failing or vehicle.motor_lost:
            return 1.0
        return max(_LEAST_MARGIN, (share - _HOVER_THRUST) / (1.0 - _HOVER_THRUST))

    def _unasked(self) -> None:
        """Heartbeats, boot and pre-arm texts, time synchronisation."""
        vehicle = self.vehicle
        texts = arming.BOOT_TEXTS
        while vehicle.boot_texts_said < len(texts) and vehicle.now_s >= texts[vehicle.boot_texts_said][0]:
            _, severity, text = texts[vehicle.boot_texts_said]
            vehicle.boot_texts_said += 1
            vehicle.say(severity, text)
        if vehicle.now_s >= self._next_prearm_text_s:
            self._next_prearm_text_s = vehicle.now_s + PREARM_TEXT_S
            if not vehicle.armed:
                for reason in arming.checks(vehicle):
                    vehicle.say(Severity.CRITICAL, f"PreArm: {reason}")
        if vehicle.now_s >= self._next_heartbeat_s:
            self._next_heartbeat_s += HEARTBEAT_S
            if self._next_heartbeat_s <= vehicle.now_s:
                self._next_heartbeat_s = vehicle.now_s + HEARTBEAT_S
            vehicle.emit(telemetry.heartbeat(vehicle))
            if vehicle.winch.fitted:
                for link in self._links:
                    link.send_of_winch(vehicle.winch.heartbeat())
        if vehicle.now_s >= self._next_timesync_s:
            self._next_timesync_s = vehicle.now_s + TIMESYNC_S
            vehicle.emit(mavlink.MAVLink_timesync_message(0, _nanoseconds(vehicle)))

    def _flush(self) -> None:
        vehicle = self.vehicle
        if vehicle.heartbeat_asked:
            vehicle.heartbeat_asked = False
            vehicle.outbox.append(telemetry.heartbeat(vehicle))
        if not vehicle.outbox:
            return
        messages, vehicle.outbox = vehicle.outbox, []
        for link in self._links:
            for message in messages:
                link.send(message)

    # --- messages ---------------------------------------------------------------------------------------

    def _on_message(self, link: Link, message: mavlink.MAVLink_message) -> None:
        vehicle = self.vehicle
        target = getattr(message, "target_system", 0)
        if target not in (0, vehicle.parameters.number("MAV_SYSID")):
            return
        if self._missions.handle(link, message) or vehicle.mount.handle(vehicle, link, message):
            return
        match message:
            case mavlink.MAVLink_heartbeat_message():
                if message.get_srcSystem() == vehicle.parameters.number("MAV_GCS_SYSID"):
                    vehicle.last_gcs_heartbeat_s = vehicle.now_s
            case mavlink.MAVLink_command_long_message():
                self._command(link, message, commands.Command.of_long(message))
            case mavlink.MAVLink_command_int_message():
                self._command(link, message, commands.Command.of_int(message))
            case mavlink.MAVLink_set_mode_message():
                mode = mode_of_number(message.custom_mode)
                if mode is not None and message.base_mode & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
                    commands.change_mode(vehicle, mode)
            case mavlink.MAVLink_set_position_target_global_int_message():
                guided_targets.on_global_target(vehicle, message)
            case mavlink.MAVLink_set_position_target_local_ned_message():
                guided_targets.on_local_target(vehicle, message)
            case mavlink.MAVLink_rc_channels_override_message():
                sticks.on_override(vehicle, message)
            case mavlink.MAVLink_manual_control_message():
                sticks.on_manual_control(vehicle, message)
            case mavlink.MAVLink_adsb_vehicle_message():
                for other in self._links:
                    if other is not link:
                        other.forward(message)
                vehicle.traffic.hear(vehicle, message)
            case mavlink.MAVLink_request_data_stream_message():
                rate = message.req_message_rate if message.start_stop else 0
                link.set_group(message.req_stream_id, rate, vehicle.now_s)
            case mavlink.MAVLink_landing_target_message():
                precision.on_landing_target(vehicle, message)
            case mavlink.MAVLink_timesync_message():
                if message.tc1 == 0:
                    link.send(mavlink.MAVLink_timesync_message(_nanoseconds(vehicle), message.ts1))
            case mavlink.MAVLink_param_request_list_message():
                link.parameters_left = list(enumerate(vehicle.parameters.listed()))
                commands.send_banner(link)
            case mavlink.MAVLink_param_request_read_message():
                self._on_parameter_read(link, message)
            case mavlink.MAVLink_param_set_message():
                self._on_parameter_set(link, message)
            case _:
                pass

    def _command(
        self,
        link: Link,
        message: mavlink.MAVLink_command_long_message | mavlink.MAVLink_command_int_message,
        command: commands.Command,
    ) -> None:
        to_winch = message.target_component == winch.COMPONENT and self.vehicle.winch.fitted
        result = (commands.execute_as_winch if to_winch else commands.execute)(self.vehicle, link, command)
        (link.send_of_winch if to_winch else link.send)(
            mavlink.MAVLink_command_ack_message(
                command.number, result, 0, 0, message.get_srcSystem(), message.get_srcComponent()
            )
        )

    # --- parameters -------------------------------------------------------------------------------------

    def _on_parameter_read(self, link: Link, message: mavlink.MAVLink_param_request_read_message) -> None:
        names = self.vehicle.parameters.listed()
        if message.param_index >= 0:
            if message.param_index < len(names):
                self._send_parameter(link, names[message.param_index], message.param_index)
        else:
            self._send_parameter(link, _name(message.param_id), 65535)

    def _on_parameter_set(self, link: Link, message: mavlink.MAVLink_param_set_message) -> None:
        """The answer goes to every link; an unknown name or a value that is no number gets none."""
        parameters = self.vehicle.parameters
        name = _name(message.param_id)
        before = parameters.get(name)
        if before is None or not math.isfinite(message.param_value):
            return
        if not parameters.writable(name):
            self.vehicle.say(Severity.WARNING, f"Param write denied ({name})")
            link.send(self._value_message(before, 65535, before.type))
            return
        after = parameters.set(name, message.param_value)
        if after is None:
            return
        kind = ParameterType.REAL32 if after.value == before.value else after.type
        self.vehicle.emit(self._value_message(after, 65535, kind))
        if name == "FENCE_ENABLE":
            self.vehicle.fence.boot()

    def _send_parameters(self, link: Link) -> None:
        for index, name in link.parameters_left[:PARAMETERS_AT_ONCE]:
            self._send_parameter(link, name, index)
        del link.parameters_left[:PARAMETERS_AT_ONCE]

    def _send_parameter(self, link: Link, name: str, index: int) -> None:
        parameter = self.vehicle.parameters.get(name)
        if parameter is not None:
            link.send(self._value_message(parameter, index, parameter.type))

    def _value_message(
        self, parameter: Parameter, index: int, kind: ParameterType
    ) -> mavlink.MAVLink_param_value_message:
        count = len(self.vehicle.parameters.listed())
        return mavlink.MAVLink_param_value_message(parameter.name.encode(), parameter.value, kind, count, index)


def _name(raw: str | bytes) -> str:
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw
    return text.rstrip("\0")[:MAX_NAME_LENGTH]


def _nanoseconds(vehicle: Vehicle) -> int:
    return int(vehicle.now_s * 1e6) * 1000 + vehicle.parameters.number("MAV_SYSID")
