"""A simulated dock: cover, self-check, charging, weather hold and faults, behind the dock link.

It is moved by `step` and by the lines that arrive, so the same dock runs in virtual and in real time. What it
knows of its drones it senses at the pad, through `Bay`; it never asks the autopilot.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

from flightctl.clock import Clock
from flightctl.dock.protocol import (
    Ack,
    DockAction,
    DockCommand,
    DockState,
    DockStatus,
    Done,
    FailCode,
    Failed,
    Progress,
)
from sim.dock.states import TRANSITIONS, DockEvent, next_state
from sim.lines import LineServer

_REMEMBERED_COMMANDS = 256
_STATUS_PERIOD_S = 1.0
_ROUNDING_S = 1e-6
_PROGRESS_STEP_PERCENT = 10.0
_JAM_AT_PERCENT = 50.0
_WIND_MEAN_S = 5.0  # a dock's anemometer is averaged; single gusts do not close a dock
_WIND_HYSTERESIS_MPS = 1.0
_COVER_MOVES = frozenset({DockState.COVER_OPENING, DockState.COVER_CLOSING})
_MAY_FLY = frozenset(
    {DockState.READY, DockState.LAUNCHING, DockState.AIRBORNE, DockState.RETURNING, DockState.LANDING}
)


@dataclass(frozen=True, slots=True)
class BayReading:
    """What the sensors of one bay say of its drone."""

    on_pad: bool  # within reach of the centring bars and down
    approaching: bool  # above the pad and low, coming in
    armed: bool


class Bay(Protocol):
    """One drone's place in the dock."""

    @property
    def drone_id(self) -> str: ...

    def read(self) -> BayReading: ...

    def inhibit(self, inhibited: bool) -> None:
        """Keeps the drone from arming under a closed cover."""
        ...

    def charge(self, dt_s: float) -> bool:
        """Charges what stands in the bay; True when it is full."""
        ...


@dataclass(frozen=True, slots=True)
class DockWeather:
    wind_mps: float
    wind_from_deg: float
    temperature_c: float = 24.0


class WeatherStation(Protocol):
    def read(self) -> DockWeather: ...


@dataclass(slots=True)
class DockFaults:
    """Switched on and off by a scenario."""

    cover_jams: bool = False
    self_check_fails: bool = False


class SimDock:
    """One dock with its bays. Call `step` regularly with the time passed."""

    def __init__(
        self,
        dock_id: str,
        bays: tuple[Bay, ...],
        weather: WeatherStation,
        clock: Clock,
        *,
        cover_opens_s: float,
        prepare_s: float,
        max_launch_wind_mps: float,
    ) -> None:
        self.id = dock_id
        self.faults = DockFaults()
        self.state = DockState.IDLE
        self.cover_percent = 0.0
        self.link = LineServer(self._on_line, self._send_status)
        self._bays = {bay.drone_id: bay for bay in bays}
        self._weather = weather
        self._clock = clock
        self._cover_opens_s = cover_opens_s
        self._prepare_s = prepare_s
        self._max_wind_mps = max_launch_wind_mps
        self._fault: tuple[FailCode, str] | None = None
        self._command: DockCommand | None = None  # the one that moves it now
        self._answers: OrderedDict[UUID, BaseModel | None] = OrderedDict()
        self._checked_s = 0.0
        self._shown_percent = 0.0
        reading = weather.read()
        self._wind_mps = reading.wind_mps
        self._seq = 0
        self._status_due_s = 0.0
        self._inside = self._sense_inside()
        self._inhibit()

    @property
    def drones_inside(self) -> tuple[str, ...]:
        return self._inside

    @property
    def reason(self) -> str:
        """Why it cannot launch, or nothing."""
        if self.state is DockState.WEATHER_HOLD:
            return f"wind {self._wind_mps:.1f} m/s is above {self._max_wind_mps:.1f} m/s"
        if self.state is DockState.FAULT and self._fault is not None:
            return self._fault[1]
        if self.state is DockState.ESTOP:
            return "the emergency stop is pressed"
        return ""

    # --- time -----------------------------------------------------------------------------------------------

    def step(self, dt_s: float) -> None:
        """Moves the cover, the checks and the sensors on by `dt_s`."""
        self._wind_mps += (self._weather.read().wind_mps - self._wind_mps) * min(1.0, dt_s / _WIND_MEAN_S)
        self._step_sensors()
        self._step_weather()
        if self.state is DockState.PREPARING:
            self._step_self_check(dt_s)
        elif self.state in _COVER_MOVES:
            self._step_cover(dt_s)
        elif self.state is DockState.CHARGING:
            full = [self._bays[drone_id].charge(dt_s) for drone_id in self._inside]
            if all(full):
                self._apply(DockEvent.CHARGED)
        self._status_due_s -= dt_s
        if self._status_due_s <= _ROUNDING_S:
            self._send_status()

    def _step_sensors(self) -> None:
        inside = self._sense_inside()
        if inside != self._inside:
            left = set(self._inside) - set(inside)
            self._inside = inside
            if left and self.state in {DockState.READY, DockState.LAUNCHING}:
                self._apply(DockEvent.LEFT)
            self._inhibit()
            self._send_status()
        readings = [bay.read() for bay in self._bays.values()]
        armed_on_pad = any(reading.on_pad and reading.armed for reading in readings)
        approaching = any(reading.approaching for reading in readings)
        if self.state is DockState.READY and armed_on_pad:
            self._apply(DockEvent.LIFTING)
        elif self.state is DockState.LAUNCHING and not armed_on_pad:
            self._apply(DockEvent.SETTLED)
        elif self.state in {DockState.AIRBORNE, DockState.RETURNING} and approaching and not armed_on_pad:
            self._apply(DockEvent.APPROACHING)
        elif self.state is DockState.LANDING and not approaching and not inside:
            self._apply(DockEvent.DEPARTED)

    def _sense_inside(self) -> tuple[str, ...]:
        return tuple(drone_id for drone_id, bay in self._bays.items() if bay.read().on_pad)

    def _step_weather(self) -> None:
        if self.state in {DockState.IDLE, DockState.CHARGING} and self._wind_mps > self._max_wind_mps:
            self._apply(DockEvent.WIND_HIGH)
        elif self.state is DockState.WEATHER_HOLD and self._wind_mps < self._max_wind_mps - _WIND_HYSTERESIS_MPS:
            self._apply(DockEvent.WIND_LOW)

    def _step_self_check(self, dt_s: float) -> None:
        self._checked_s += dt_s
        self._show_progress("self_check", min(100.0, 100.0 * self._checked_s / self._prepare_s))
        if self._checked_s < self._prepare_s:
            return
        if self.faults.self_check_fails:
            self._fail_here(DockEvent.CHECK_FAILED, FailCode.SELF_CHECK, "the self-check failed: battery warmer")
            return
        self._shown_percent = 0.0
        self._apply(DockEvent.CHECKED)

    def _step_cover(self, dt_s: float) -> None:
        opening = self.state is DockState.COVER_OPENING
        before = self.cover_percent
        change = 100.0 * dt_s / self._cover_opens_s
        self.cover_percent = min(100.0, before + change) if opening else max(0.0, before - change)
        passes_jam = min(before, self.cover_percent) <= _JAM_AT_PERCENT <= max(before, self.cover_percent)
        if self.faults.cover_jams and passes_jam:
            self.cover_percent = _JAM_AT_PERCENT
            self._fail_here(DockEvent.JAMMED, FailCode.COVER_JAMMED, "the cover stands half open and does not move")
            return
        if opening:
            self._show_progress("cover_opening", self.cover_percent)
            if self.cover_percent >= 100.0:
                receiving = self._command is not None and self._command.action is DockAction.RECEIVE
                self._apply(DockEvent.OPEN_TO_RECEIVE if receiving else DockEvent.OPEN_TO_LAUNCH)
                self._done()
        else:
            self._show_progress("cover_closing", 100.0 - self.cover_percent)
            if self.cover_percent <= 0.0:
                self._apply(DockEvent.CLOSED)
                self._done()

    def _show_progress(self, step: str, percent: float) -> None:
        if self._command is not None and percent - self._shown_percent >= _PROGRESS_STEP_PERCENT:
            self._shown_percent = percent
            self.link.send(Progress(cmd_id=self._command.cmd_id, step=step, percent=round(percent, 1)))

    # --- commands -------------------------------------------------------------------------------------------

    def _on_line(self, line: bytes) -> None:
        try:
            command = DockCommand.model_validate_json(line)
        except ValidationError as error:
            cmd_id = _cmd_id_of(line)
            if cmd_id is not None:
                self.link.send(Failed(cmd_id=cmd_id, code=FailCode.UNSUPPORTED, reason=_first_reason(error)))
            return
        self.handle(command)

    def handle(self, command: DockCommand) -> None:
        """Answers a command; a known `cmd_id` only gets its former answer again."""
        if command.cmd_id in self._answers:
            self.link.send(Ack(cmd_id=command.cmd_id))
            former = self._answers[command.cmd_id]
            if former is not None:
                self.link.send(former)
            return
        self._answers[command.cmd_id] = None
        while len(self._answers) > _REMEMBERED_COMMANDS:
            self._answers.popitem(last=False)
        self.link.send(Ack(cmd_id=command.cmd_id))
        refusal = self._refusal(command)
        if refusal is not None:
            self._answer(Failed(cmd_id=command.cmd_id, code=refusal[0], reason=refusal[1]))
            return
        self._take(command)

    def _refusal(self, command: DockCommand) -> tuple[FailCode, str] | None:
        now: datetime = self._clock.now()
        inside = command.drone_id in self._inside
        if command.expires_at <= now:
            return FailCode.EXPIRED, f"the command expired at {command.expires_at.isoformat()}"
        if command.drone_id not in self._bays:
            return FailCode.NO_DRONE, f"{command.drone_id} has no bay in this dock"
        if self.state is DockState.ESTOP:
            return FailCode.ESTOP, "the emergency stop is pressed"
        if self.state is DockState.FAULT and self._fault is not None:
            return self._fault
        if self.state is DockState.WEATHER_HOLD and command.action is DockAction.PREPARE:
            return FailCode.WEATHER, self.reason
        if command.action in {DockAction.PREPARE, DockAction.ABORT, DockAction.SECURE} and not inside:
            return FailCode.NO_DRONE, f"{command.drone_id} is not in the dock"
        shuts = command.action in {DockAction.ABORT, DockAction.SECURE}
        if shuts and any(self._bays[drone_id].read().armed for drone_id in self._inside):
            return FailCode.WRONG_STATE, "the cover does not close over turning rotors"
        return None

    def _take(self, command: DockCommand) -> None:
        action, state = command.action, self.state
        if self._already(action):
            self._answer(Done(cmd_id=command.cmd_id))
            return
        if action is DockAction.LAUNCHED:
            if state in {DockState.READY, DockState.LAUNCHING}:
                self._apply(DockEvent.LEFT)
            if self.state is not DockState.AIRBORNE:
                self._wrong_state(command)
                return
            self._answer(Done(cmd_id=command.cmd_id))
            return
        if action is DockAction.SECURE and state is DockState.AIRBORNE:
            self._apply(DockEvent.APPROACHING)  # it landed unannounced and stands on the pad
        event = {
            DockAction.PREPARE: DockEvent.PREPARE,
            DockAction.ABORT: DockEvent.ABORT,
            DockAction.RECEIVE: DockEvent.RECEIVE,
            DockAction.SECURE: DockEvent.SECURE,
        }[action]
        if not self._can(event):
            self._wrong_state(command)
            return
        if self._command is not None:
            superseded = self._command
            self._command = None
            self._answer(Failed(cmd_id=superseded.cmd_id, code=FailCode.BUSY, reason=f"superseded by {action.value}"))
        self._checked_s = self._shown_percent = 0.0
        self._command = command
        self._apply(event)
        if action is DockAction.RECEIVE and self.state is DockState.RETURNING:
            self._done()

    def _already(self, action: DockAction) -> bool:
        """Whether the dock already stands where the command would bring it."""
        shut = self.state in {DockState.CHARGING, DockState.IDLE, DockState.WEATHER_HOLD}
        return (
            (action is DockAction.PREPARE and self.state is DockState.READY)
            or (action is DockAction.LAUNCHED and self.state in {DockState.AIRBORNE, DockState.RETURNING})
            or (action is DockAction.RECEIVE and self.state in {DockState.RETURNING, DockState.LANDING})
            or (action in {DockAction.SECURE, DockAction.ABORT} and shut)
        )

    def _wrong_state(self, command: DockCommand) -> None:
        busy = self._command is not None
        code = FailCode.BUSY if busy else FailCode.WRONG_STATE
        self._answer(
            Failed(cmd_id=command.cmd_id, code=code, reason=f"{command.action.value} while {self.state.value}")
        )

    def _can(self, event: DockEvent) -> bool:
        return event in TRANSITIONS[self.state]

    def _answer(self, answer: Done | Failed) -> None:
        self._answers[answer.cmd_id] = answer
        self.link.send(answer)

    def _done(self) -> None:
        if self._command is not None:
            command, self._command = self._command, None
            self._answer(Done(cmd_id=command.cmd_id))

    def _fail_here(self, event: DockEvent, code: FailCode, reason: str) -> None:
        self._fault = (code, reason)
        self._apply(event)
        if self._command is not None:
            command, self._command = self._command, None
            self._answer(Failed(cmd_id=command.cmd_id, code=code, reason=reason))

    # --- from outside ---------------------------------------------------------------------------------------

    def press_stop(self) -> None:
        """The red button on the dock."""
        if self._can(DockEvent.STOP):
            if self._command is not None:
                command, self._command = self._command, None
                self._answer(
                    Failed(cmd_id=command.cmd_id, code=FailCode.ESTOP, reason="the emergency stop is pressed")
                )
            self._apply(DockEvent.STOP)

    def repair(self) -> None:
        """Clears the fault; the cover closes again."""
        self.faults = DockFaults()
        if self.state is DockState.ESTOP:
            self._apply(DockEvent.RESET)
        elif self._can(DockEvent.REPAIRED):
            self._fault = None
            self._apply(DockEvent.REPAIRED)

    # --- both -----------------------------------------------------------------------------------------------

    def _apply(self, event: DockEvent) -> None:
        self.state = next_state(self.state, event)
        self._inhibit()
        self._send_status()

    def _inhibit(self) -> None:
        may_fly = self.state in _MAY_FLY and self.cover_percent >= 100.0
        for drone_id, bay in self._bays.items():
            bay.inhibit(drone_id in self._inside and not may_fly)

    def _send_status(self) -> None:
        self._status_due_s = _STATUS_PERIOD_S
        self._seq += 1
        weather = self._weather.read()
        self.link.send(
            DockStatus(
                seq=self._seq,
                at=self._clock.now(),
                state=self.state,
                reason=self.reason,
                cover_percent=round(self.cover_percent, 1),
                drones_inside=self._inside,
                wind_mps=round(self._wind_mps, 2),
                wind_from_deg=round(weather.wind_from_deg, 1),
                temperature_c=weather.temperature_c,
            )
        )


class _AnyCommand(BaseModel):
    cmd_id: UUID


_any_command: TypeAdapter[_AnyCommand] = TypeAdapter(_AnyCommand)


def _cmd_id_of(line: bytes) -> UUID | None:
    """The id in a line that is no valid command, so that it can at least be refused by name."""
    try:
        return _any_command.validate_json(line).cmd_id
    except ValidationError:
        return None


def _first_reason(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}" if place else str(detail["msg"])
