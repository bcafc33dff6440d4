"""Draws any message of the dialect with any values: extremes, numbers that are none, and now and then sense."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import commands
from sim.copter.parameters import Parameters
from sim.copter.plans import DO_COMMANDS, NAV_COMMANDS

HANDLED: tuple[type[mavlink.MAVLink_message], ...] = (
    mavlink.MAVLink_command_long_message,
    mavlink.MAVLink_command_int_message,
    mavlink.MAVLink_mission_count_message,
    mavlink.MAVLink_mission_item_int_message,
    mavlink.MAVLink_mission_item_message,
    mavlink.MAVLink_mission_request_list_message,
    mavlink.MAVLink_mission_request_int_message,
    mavlink.MAVLink_mission_request_message,
    mavlink.MAVLink_mission_clear_all_message,
    mavlink.MAVLink_mission_set_current_message,
    mavlink.MAVLink_mission_ack_message,
    mavlink.MAVLink_set_mode_message,
    mavlink.MAVLink_set_position_target_global_int_message,
    mavlink.MAVLink_set_position_target_local_ned_message,
    mavlink.MAVLink_rc_channels_override_message,
    mavlink.MAVLink_request_data_stream_message,
    mavlink.MAVLink_timesync_message,
    mavlink.MAVLink_param_request_list_message,
    mavlink.MAVLink_param_request_read_message,
    mavlink.MAVLink_param_set_message,
    mavlink.MAVLink_heartbeat_message,
)
_DIALECT = tuple(mavlink.mavlink_map.values())
_BITS = {"int8_t": 8, "int16_t": 16, "int32_t": 32, "int64_t": 64}
_NUMBERS = (0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 21196.0, 20.0, -1.0, 0.5, 1e-38, 1e9, 3.4e38, -3.4e38, 7200.0, 30.4017)
_NONE = (math.nan, math.inf, -math.inf)
_NAMES = tuple(sorted(Parameters().every()))
_FENCE = range(mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT, mavlink.MAV_CMD_NAV_FENCE_CIRCLE_EXCLUSION + 1)
_COMMANDS = (
    *sorted(commands._HANDLERS),  # pyright: ignore[reportPrivateUsage] - all that it carries out
    *sorted(NAV_COMMANDS | DO_COMMANDS),
    *_FENCE,
    mavlink.MAV_CMD_NAV_RALLY_POINT,
    65535,
)
_LAT_E7, _LON_E7 = 304_017_000, 1_205_480_000
_SENSE: dict[str, st.SearchStrategy[Any]] = {
    "target_system": st.sampled_from((1, 1, 1, 0, 2, 255)),
    "target_component": st.sampled_from((0, 1, 2, 190)),
    "command": st.sampled_from(_COMMANDS),
    "frame": st.integers(0, 21),
    "coordinate_frame": st.integers(0, 21),
    "mission_type": st.sampled_from((0, 0, 0, 1, 1, 2, 3, 255)),
    "current": st.sampled_from((0, 0, 0, 1, 2, 3, 255)),
    "seq": st.sampled_from((0, 0, 1, 1, 2, 3, 650, 65535)),
    "count": st.sampled_from((0, 1, 2, 3, 4, 650, 651, 65535)),
    "param_index": st.sampled_from((-1, 0, 5, 32767, -32768)),
    "param_id": st.one_of(
        st.sampled_from(_NAMES).map(str.encode), st.binary(max_size=16), st.just(b"MAV_SYSID\0\xff\xfe")
    ),
    "type_mask": st.sampled_from((0, 0b110111111000, 0b110111000111, 0b110111000000, 0xFFFF, 0b000111000111)),
    "target": st.sampled_from((0, 1, 2, 255)),
    "x": st.sampled_from((0, 1, _LAT_E7, _LAT_E7 + 2000, 900_000_001, -(2**31), 2**31 - 1)),
    "y": st.sampled_from((0, 1, _LON_E7, _LON_E7 - 3000, 1_800_000_001, -(2**31), 2**31 - 1)),
    "lat_int": st.sampled_from((0, _LAT_E7, _LAT_E7 + 2000, -(2**31))),
    "lon_int": st.sampled_from((0, _LON_E7, _LON_E7 - 3000, 2**31 - 1)),
}


def _value(name: str, kind: str, length: int, sense: bool) -> st.SearchStrategy[Any]:
    if (
        sense
        and name in _SENSE
        and (length == 0 or kind == "char")
        and not (name in {"x", "y"} and kind != "int32_t")
    ):
        if kind in {"char", "float"}:
            return _SENSE[name]
        least, most = _range(kind)
        return _SENSE[name].map(lambda value: min(most, max(least, value)))
    if kind == "char":
        return st.binary(max_size=length)
    if kind in {"float", "double"}:
        one: st.SearchStrategy[Any] = st.sampled_from(_NUMBERS if sense else _NUMBERS + _NONE)
    else:
        least, most = _range(kind)
        one = st.sampled_from(sorted({least, max(least, -1), 0, 1, 4, 6, most // 2, most}))
    return st.lists(one, min_size=length, max_size=length) if length else one


def _range(kind: str) -> tuple[int, int]:
    bits = _BITS[kind.removeprefix("u")]
    return (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def messages(
    draw: Callable[[st.SearchStrategy[Any]], Any], handled: tuple[type[mavlink.MAVLink_message], ...] = HANDLED
) -> mavlink.MAVLink_message:
    """Most are of the kinds that are acted on; a third of them has nothing but extremes in it."""
    kind: Any = draw(st.one_of(st.sampled_from(handled), st.sampled_from(handled), st.sampled_from(_DIALECT)))
    sense = draw(st.integers(0, 2)) > 0
    types = dict(zip(kind.fieldnames, kind.fieldtypes, strict=True))
    lengths = dict(zip(kind.ordered_fieldnames, kind.array_lengths, strict=True))
    values: list[Any] = []
    for name in kind.fieldnames:
        makes_sense = sense and draw(st.integers(0, 7)) > 0
        values.append(draw(_value(name, types[name], lengths[name], makes_sense)))
    return kind(*values)


@st.composite
def conversations(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[mavlink.MAVLink_message]:
    """What leads somewhere: a plan uploaded item by item with any values in it, parameters set, a mission started."""
    said: list[mavlink.MAVLink_message] = []
    for name in draw(st.lists(st.sampled_from(_NAMES), max_size=3)):
        value = draw(st.sampled_from(_NUMBERS + _NONE))
        said.append(mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9))
    plan = draw(st.sampled_from((0, 0, 0, 1, 2)))
    commands_of = {0: tuple(sorted(NAV_COMMANDS | DO_COMMANDS)), 1: tuple(_FENCE), 2: (5100,)}[plan]
    size = draw(st.integers(1, 6))
    said.append(mavlink.MAVLink_mission_count_message(1, 1, size, plan))
    numbers = st.one_of(st.sampled_from(_NUMBERS), st.sampled_from(_NUMBERS), st.sampled_from(_NONE))
    for seq in range(size):
        command = mavlink.MAV_CMD_NAV_TAKEOFF if plan == 0 and seq == 1 else draw(st.sampled_from(commands_of))
        p1, p2, p3, p4, height_m = (draw(numbers) for _ in range(5))
        said.append(
            mavlink.MAVLink_mission_item_int_message(
                *(1, 1, seq, draw(st.sampled_from((0, 3, 3, 6, 10))), command, 0, 1, p1, p2, p3, p4),
                *(draw(_SENSE["x"]), draw(_SENSE["y"]), 10.0 if seq == 1 else height_m, plan),
            )
        )
    if plan == 0:
        for number, first in (
            (mavlink.MAV_CMD_DO_SET_MODE, (1.0, 4.0)),
            (mavlink.MAV_CMD_COMPONENT_ARM_DISARM, (1.0, 0.0)),
            (mavlink.MAV_CMD_MISSION_START, (0.0, 0.0)),
        ):
            said.append(mavlink.MAVLink_command_long_message(1, 1, number, 0, *first, 0.0, 0.0, 0.0, 0.0, 0.0))
    else:
        kinds = draw(st.sampled_from((0.0, 4.0, 15.0)))
        number = mavlink.MAV_CMD_DO_FENCE_ENABLE
        said.append(mavlink.MAVLink_command_long_message(1, 1, number, 0, 1.0, kinds, 0.0, 0.0, 0.0, 0.0, 0.0))
    return said
