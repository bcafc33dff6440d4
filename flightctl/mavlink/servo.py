"""Servo outputs: set one and see it move.

MAVLink guide: https://mavlink.io/en/services/payload.html. An acknowledgement counts for nothing: the output itself,
in SERVO_OUTPUT_RAW, must show the pulse. The autopilot refuses an output that has a function (a motor, a gripper).
"""

from __future__ import annotations

from dataclasses import dataclass

from flightctl.mavlink.command import Command
from flightctl.mavlink.components import Components
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import NotMoved, WrongState
from flightctl.mavlink.waiting import Bell

CHANNELS = 32
_PER_PORT = 16
LEAST_US, MOST_US = 500, 2500
_TOLERANCE_US = 10
_SHOWS_S = 0.8  # from a command until the outputs heard must show it
_CONFIRM_S = 3.0
_FRESH_S = 3.0


@dataclass(frozen=True, slots=True)
class Outputs:
    """The pulses of one port of sixteen outputs, microseconds; 0 carries no signal."""

    us: tuple[int, ...]
    at_s: float


class Servos:
    """Of one vehicle."""

    def __init__(self, components: Components) -> None:
        self._autopilot = components.autopilot
        self._require_link = components.require_link
        self._clock = components.clock
        self._ports: dict[int, Outputs] = {}
        self._bell = Bell(components.clock)
        self._autopilot.talk.on(mavlink.MAVLink_servo_output_raw_message, self._take)

    def output_us(self, channel: int) -> int | None:
        """The pulse of output `channel` (from 1) as last heard; None when it is not heard now."""
        outputs = self._ports.get((channel - 1) // _PER_PORT)
        if outputs is None or self._clock.time_s() - outputs.at_s > _FRESH_S:
            return None
        return outputs.us[(channel - 1) % _PER_PORT]

    async def set(self, channel: int, pulse_us: int) -> None:
        """Returns when the output shows it. Raises NotMoved, CommandError, WrongState, LinkLost."""
        self._require_link()
        if not 1 <= channel <= CHANNELS or not LEAST_US <= pulse_us <= MOST_US:
            raise WrongState(
                f"{self._autopilot.who}: servo output {channel} cannot be set to {pulse_us} µs; outputs are 1 to "
                f"{CHANNELS}, pulses {LEAST_US} to {MOST_US} µs"
            )

        def shows() -> bool | None:
            now_us = self.output_us(channel)
            return (now_us is not None and abs(now_us - pulse_us) <= _TOLERANCE_US) or None

        async def check(sent_s: float) -> bool | None:
            def look() -> bool | None:
                return shows() or (False if self._heard_since(channel, sent_s + _SHOWS_S) else None)

            return await self._bell.until(look, _CONFIRM_S)

        await self._autopilot.commander.act(Command(mavlink.MAV_CMD_DO_SET_SERVO, (channel, pulse_us)), check)
        if await self._bell.until(shows, _CONFIRM_S) is None:
            now_us = self.output_us(channel)
            stands = "is not heard" if now_us is None else f"stands at {now_us} µs"
            raise NotMoved(f"{self._autopilot.who}: servo output {channel} {stands} and should be at {pulse_us} µs")

    def _heard_since(self, channel: int, since_s: float) -> bool:
        outputs = self._ports.get((channel - 1) // _PER_PORT)
        return outputs is not None and outputs.at_s >= since_s

    def _take(self, message: mavlink.MAVLink_servo_output_raw_message) -> None:
        us = tuple(getattr(message, f"servo{number}_raw") for number in range(1, _PER_PORT + 1))
        self._ports[message.port] = Outputs(us, self._clock.time_s())
        self._bell.ring()
