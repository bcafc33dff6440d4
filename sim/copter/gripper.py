"""The hooks and the servo outputs that drive them.

Hook i (from 1) hangs on output 8+i: GRIP_RELEASE (1100) lets go, GRIP_GRAB (1900) holds. The autopilot knows
only what it told the servo; whether the load truly left is the body's business, so a jammed hook looks
released to every client, as it would in the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.copter.parameters import Parameters

FIRST_OUTPUT = 9
OUTPUTS = 16
TRAVEL_S = 0.2  # from the command until the latch is open
REPORT_S = 0.5  # ARDUCOPTER.md: "Gripper load released" comes so much later
_MOTOR_FUNCTIONS = range(33, 41)
GRIPPER_FUNCTION = 28


@dataclass(slots=True)
class Hook:
    number: int
    load_kg: float = 0.0  # of what hangs there when it is loaded
    loaded: bool = True
    open_at_s: float | None = None
    report_at_s: float | None = None
    close_at_s: float | None = None  # GRIP_AUTOCLOSE
    report: str = ""


class Servos:
    """What SERVO_OUTPUT_RAW shows."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.pwm = [0] * OUTPUTS
        self._motor_pwm = -1

    def motors(self, pwm: int) -> None:
        """One value for all motors: their differences are below what clients look at."""
        if pwm == self._motor_pwm:
            return
        self._motor_pwm = pwm
        for channel in range(OUTPUTS):
            if self.function(channel + 1) in _MOTOR_FUNCTIONS:
                self.pwm[channel] = pwm

    def function(self, channel: int) -> int:
        return self._parameters.number(f"SERVO{channel}_FUNCTION")

    def free(self, channel: int) -> bool:
        return 1 <= channel <= OUTPUTS and self.function(channel) == 0


class Gripper:
    """Takes release and grab, moves the servo at once and the latch a moment later."""

    def __init__(self, parameters: Parameters, servos: Servos, hooks: int, loads_kg: Sequence[float] = ()) -> None:
        self._parameters = parameters
        self._servos = servos
        given = [*loads_kg[:hooks], *[0.0] * (hooks - len(loads_kg))]
        self.hooks = tuple(Hook(number, load_kg) for number, load_kg in enumerate(given, start=1))
        self.boot()

    def boot(self) -> None:
        """The driver starts only if GRIP_ENABLE was set at boot."""
        self.running = bool(self._parameters["GRIP_ENABLE"]) and self._parameters.number("GRIP_TYPE") == 1
        self._busy = False
        for hook in self.hooks:
            hook.open_at_s = hook.report_at_s = hook.close_at_s = None
            self._move(hook.number, self._parameters.number("GRIP_GRAB"))

    def command(self, number: int, *, release: bool, now_s: float) -> bool:
        """False when it cannot be done: no gripper, or no such hook."""
        if not self._parameters["GRIP_ENABLE"]:
            return False
        if not self.running:
            return True  # enabled but not rebooted: accepted, and nothing happens
        number = max(1, number)  # 0 and 1 both mean the first
        if number > len(self.hooks):
            return False
        hook = self.hooks[number - 1]
        self._move(number, self._parameters.number("GRIP_RELEASE" if release else "GRIP_GRAB"))
        hook.report_at_s = now_s + REPORT_S
        hook.report = "Gripper load released" if release else "Gripper load grabbed"
        hook.open_at_s = now_s + TRAVEL_S if release else None
        wait_s = self._parameters["GRIP_AUTOCLOSE"]
        hook.close_at_s = now_s + wait_s if release and wait_s > 0 else None
        self._busy = True
        return True

    def step(self, now_s: float, *, jammed: bool) -> tuple[list[int], list[str]]:
        """Hooks that let go of their load now, and what is to be said."""
        let_go: list[int] = []
        texts: list[str] = []
        for hook in self.hooks:
            if hook.open_at_s is not None and now_s >= hook.open_at_s:
                hook.open_at_s = None
                if hook.loaded and not jammed:
                    hook.loaded = False
                    let_go.append(hook.number)
            if hook.report_at_s is not None and now_s >= hook.report_at_s:
                hook.report_at_s = None
                texts.append(hook.report)
            if hook.close_at_s is not None and now_s >= hook.close_at_s:
                self.command(hook.number, release=False, now_s=now_s)
        self._busy = any(hook.report_at_s is not None or hook.close_at_s is not None for hook in self.hooks)
        return let_go, texts

    @property
    def busy(self) -> bool:
        return self._busy

    @property
    def load_kg(self) -> float:
        """What hangs there now."""
        return sum(hook.load_kg for hook in self.hooks if hook.loaded)

    @property
    def full_load_kg(self) -> float:
        return sum(hook.load_kg for hook in self.hooks)

    def _move(self, number: int, pwm: int) -> None:
        channel = FIRST_OUTPUT - 1 + number
        if self.running and self._servos.function(channel) == GRIPPER_FUNCTION:
            self._servos.pwm[channel - 1] = pwm
