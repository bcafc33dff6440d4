"""One link to one peer: its MAVLink codec and which messages it has asked for how often.

A link is silent but for heartbeats and texts until its peer asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import winch
from sim.copter.telemetry import BUILDERS, STREAM_GROUPS
from sim.copter.vehicle import Vehicle

FASTEST_US = 3125  # 80 % of the 400 Hz loop


class _Wire:
    """The file-like thing a MAVLink object writes to."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write


class Link:
    def __init__(self, write: Callable[[bytes], None], system_id: int) -> None:
        self.codec = mavlink.MAVLink(_Wire(write), srcSystem=system_id, srcComponent=1)
        self.codec.robust_parsing = True
        self._winch = mavlink.MAVLink(_Wire(write), srcSystem=system_id, srcComponent=winch.COMPONENT)
        self._period_s: dict[int, float] = {}
        self._due_s: dict[int, float] = {}
        self._default_s: dict[int, float] = {}
        self.fastest_s = math.inf
        self.next_due_s = math.inf
        self.parameters_left: list[tuple[int, str]] = []  # the rest of a PARAM_REQUEST_LIST

    def parse(self, data: bytes) -> list[mavlink.MAVLink_message]:
        return self.codec.parse_buffer(data) or []

    def send(self, message: mavlink.MAVLink_message) -> None:
        self.codec.send(message)

    def forward(self, message: mavlink.MAVLink_message) -> None:
        """As it came, with its sender."""
        self.codec.file.write(bytes(message.get_msgbuf()))

    def send_of_winch(self, message: mavlink.MAVLink_message) -> None:
        """From the winch's component, with a sequence of its own."""
        self._winch.send(message)

    def forget(self) -> None:
        """What the peer had asked for, and how many frames were sent: a reboot counts anew."""
        self.codec.seq = 0
        self._period_s.clear()
        self._due_s.clear()
        self.fastest_s = math.inf
        self.next_due_s = math.inf
        self.parameters_left.clear()

    def set_defaults(self, rates_hz: Mapping[int, float], now_s: float) -> None:
        """What a group streams until its peer asks for something else, and again when it asks for interval 0."""
        self._default_s = {
            message_id: 1.0 / rate_hz
            for group, rate_hz in rates_hz.items()
            for message_id in STREAM_GROUPS.get(group, ())
            if rate_hz > 0
        }
        for message_id in self._default_s:
            self.set_default(message_id, now_s)

    def set_default(self, message_id: int, now_s: float) -> None:
        self.set_period(message_id, self._default_s.get(message_id), now_s)

    def interval_us(self, message_id: int) -> int:
        """As MESSAGE_INTERVAL says it: -1 is off."""
        period = self._period_s.get(message_id)
        return -1 if period is None else round(period * 1e6)

    def set_period(self, message_id: int, period_s: float | None, now_s: float) -> None:
        if period_s is None:
            self._period_s.pop(message_id, None)
            self._due_s.pop(message_id, None)
        else:
            self._period_s[message_id] = period_s
            self._due_s[message_id] = now_s
        self.next_due_s = min(self._due_s.values(), default=math.inf)
        self.fastest_s = min(self._period_s.values(), default=math.inf)

    def set_group(self, group: int, rate_hz: float, now_s: float) -> None:
        """REQUEST_DATA_STREAM; group 0 is all."""
        groups = list(STREAM_GROUPS) if group == mavlink.MAV_DATA_STREAM_ALL else [group]
        for each in groups:
            for message_id in STREAM_GROUPS.get(each, ()):
                self.set_period(message_id, 1.0 / rate_hz if rate_hz > 0 else None, now_s)

    def stream(self, vehicle: Vehicle) -> None:
        """Sends what is due; a message that fell behind is sent once, not in a burst."""
        now_s = vehicle.now_s
        if now_s < self.next_due_s:
            return
        next_s = math.inf
        for message_id, due_s in self._due_s.items():
            following_s = due_s
            if now_s >= due_s:
                message = BUILDERS[message_id](vehicle)
                if isinstance(message, mavlink.MAVLink_winch_status_message):
                    self.send_of_winch(message)
                elif message is not None:
                    self.send(message)
                period_s = self._period_s[message_id]
                following_s = due_s + period_s if due_s + period_s > now_s else now_s + period_s
                self._due_s[message_id] = following_s
            next_s = min(next_s, following_s)
        self.next_due_s = next_s
