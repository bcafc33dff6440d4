"""The simulated copter before clients that send whatever they like: it never raises and never holds a NaN."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import SimCopter
from sim.copter.autopilot import Autopilot
from sim.copter.telemetry import BUILDERS
from sim.copter.vehicle import Vehicle
from tests.sim.copter.anything import conversations, messages
from tests.sim.copter.ground import FRAME, HOME, HOME_AMSL_M

CALM = settings(
    deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow], database=None
)


class Desk:
    """An autopilot on the desk: no loop and no sockets, bytes in by hand."""

    def __init__(self, *, flying: bool) -> None:
        copter = SimCopter(
            system_id=1,
            home=HOME,
            home_amsl_m=HOME_AMSL_M,
            heading_deg=180.0,
            frame=FRAME,
            rng=np.random.default_rng(1),
            hooks=2,
            booted_for_s=60.0,
        )
        self.autopilot: Autopilot = copter._autopilot  # pyright: ignore[reportPrivateUsage] - past its sockets
        self.sent_bytes = 0
        self.link = self.autopilot.add_link(self._count)
        self._mav = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
        self.advance(1.0)
        for message_id in BUILDERS:
            self.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1e6)
        if flying:
            self.command(mavlink.MAV_CMD_DO_SET_MODE, 1.0, 4.0)
            self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1.0)
            self.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 10.0)
            self.advance(12.0)
            assert self.vehicle.height_m > 9.0

    @property
    def vehicle(self) -> Vehicle:
        return self.autopilot.vehicle

    def _count(self, data: bytes) -> None:
        self.sent_bytes += len(data)

    def command(self, number: int, *params: float) -> None:
        p1, p2, p3, p4, p5, p6, p7 = (*params, *(0.0,) * 7)[:7]
        self.hear(mavlink.MAVLink_command_long_message(1, 1, number, 0, p1, p2, p3, p4, p5, p6, p7))

    def hear(self, message: mavlink.MAVLink_message) -> None:
        self.hear_bytes(self.frame(message))

    def hear_bytes(self, data: bytes) -> None:
        self.autopilot.hear(self.link, data)

    def frame(self, message: mavlink.MAVLink_message) -> bytes:
        frame = bytes(message.pack(self._mav))
        self._mav.seq = (self._mav.seq + 1) % 256
        return frame

    def advance(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / 0.08))):
            self.autopilot.advance(0.08)

    def check(self) -> None:
        bad = [path for path, value in numbers_in(self.vehicle, "vehicle") if math.isnan(value)]
        body = self.vehicle.body
        bad += [path for path, value in numbers_in(body, "body") if not math.isfinite(value)]
        assert not bad, bad
        assert len(self.autopilot.vehicle.outbox) == 0


def numbers_in(thing: Any, path: str, depth: int = 5) -> Iterator[tuple[str, float]]:
    """Every float that hangs on `thing`, with the way to it."""
    if isinstance(thing, float):
        yield path, thing
    elif depth == 0 or isinstance(thing, str | bytes | int) or callable(thing):
        return
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from numbers_in(value, f"{path}[{key}]", depth - 1)
    elif isinstance(thing, list | tuple | set):
        for index, value in enumerate(thing):
            yield from numbers_in(value, f"{path}[{index}]", depth - 1)
    elif dataclasses.is_dataclass(thing):
        for each in dataclasses.fields(thing):
            yield from numbers_in(getattr(thing, each.name), f"{path}.{each.name}", depth - 1)
    elif type(thing).__module__.startswith("sim."):
        for name, value in vars(thing).items():
            yield from numbers_in(value, f"{path}.{name}", depth - 1)


@CALM
@given(
    flying=st.booleans(),
    said=st.lists(st.tuples(messages(), st.sampled_from((0.0, 0.0, 0.1, 1.5))), min_size=1, max_size=20),
)
def test_any_messages_with_any_values_never_raise_and_leave_no_nan(
    flying: bool, said: list[tuple[mavlink.MAVLink_message, float]]
) -> None:
    desk = Desk(flying=flying)
    for message, then_s in said:
        desk.hear(message)
        if then_s:
            desk.advance(then_s)
    desk.advance(3.0)
    desk.check()


@CALM
@given(
    flying=st.booleans(),
    said=conversations(),
    meanwhile=st.lists(messages(), max_size=4),
    flown_s=st.sampled_from((2.0, 20.0)),
)
def test_any_plan_and_any_parameters_are_flown_without_raising(
    flying: bool, said: list[mavlink.MAVLink_message], meanwhile: list[mavlink.MAVLink_message], flown_s: float
) -> None:
    desk = Desk(flying=flying)
    for message in said:
        desk.hear(message)
    desk.advance(flown_s)
    for message in meanwhile:
        desk.hear(message)
        desk.advance(0.5)
    desk.command(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH)
    desk.advance(4.0)
    desk.check()


@CALM
@given(
    said=st.lists(messages(), min_size=1, max_size=6),
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 7)), max_size=12),
    noise=st.binary(max_size=64),
    cut=st.integers(1, 97),
)
def test_broken_frames_and_noise_do_no_harm(
    said: list[mavlink.MAVLink_message], flips: list[tuple[int, int]], noise: bytes, cut: int
) -> None:
    desk = Desk(flying=False)
    data = bytearray(b"".join(desk.frame(message) for message in said) + noise)
    for place, bit in flips:
        data[place % len(data)] ^= 1 << bit
    for start in range(0, len(data), cut):
        desk.hear_bytes(bytes(data[start : start + cut]))
        desk.advance(0.08)
    desk.advance(1.0)
    desk.check()


@CALM
@given(requests=st.lists(st.sampled_from(range(400)), min_size=1, max_size=6))
def test_it_answers_no_more_than_its_streams_allow(requests: list[int]) -> None:
    """Whatever is asked for: the fastest rate there is bounds what it sends."""
    desk = Desk(flying=False)
    for message_id in requests:
        desk.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 3125.0)
    before = desk.sent_bytes
    desk.advance(2.0)
    assert desk.sent_bytes - before <= len(requests) * 280 * (2.0 / 0.003125) + 4000


@pytest.mark.parametrize(
    "said",
    [
        [mavlink.MAVLink_param_set_message(1, 1, b"MAV_SYSID", 1e9, 9)],
        [mavlink.MAVLink_param_set_message(1, 1, b"SIM_BATT_VOLTAGE", 3.4e38, 9)],
        [
            mavlink.MAVLink_mission_count_message(1, 1, 1, 2),
            mavlink.MAVLink_mission_item_int_message(1, 1, 0, 3, 5100, 0, 1, 0, 0, 0, 0, 0, 0, 20.0, 2),
            mavlink.MAVLink_command_long_message(1, 1, 20, 0, 0, 0, 0, 0, 0, 0, 0),
        ],
        [
            mavlink.MAVLink_mission_count_message(1, 1, 2, 0),
            mavlink.MAVLink_mission_item_message(1, 1, 0, 0, 16, 0, 1, 0, 0, 0, 0, math.nan, math.nan, math.nan, 0),
            mavlink.MAVLink_mission_item_message(1, 1, 1, 3, 16, 0, 1, 0, 0, 0, 0, math.nan, math.inf, math.nan, 0),
        ],
        [
            mavlink.MAVLink_set_position_target_local_ned_message(
                0, 1, 1, 1, 0, math.nan, 0, 0, 0, 0, 0, 0, 0, 0, math.nan, 0
            ),
        ],
    ],
    ids=["a system id beyond a byte", "volts beyond a field", "rally point nowhere", "no numbers", "target nowhere"],
)
def test_what_once_brought_it_down(said: list[mavlink.MAVLink_message]) -> None:
    desk = Desk(flying=True)
    for message in said:
        desk.hear(message)
    desk.advance(3.0)
    desk.check()
