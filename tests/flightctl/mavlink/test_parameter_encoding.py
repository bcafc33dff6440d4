"""Whole parameters of an autopilot that does not say how it writes them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightctl.mavlink.dialect import Message, mavlink
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying


@pytest.mark.parametrize("bytewise", [True, False])
@settings(deadline=None, derandomize=True, max_examples=25, database=None)
@given(before=st.integers(1, 2**24 - 1), wanted=st.integers(-(2**23), 2**23))
def test_a_whole_parameter_is_read_and_set_in_the_vehicles_own_way(bytewise: bool, before: int, wanted: int) -> None:
    async def story() -> None:
        drone, held = Scripted(), {"COUNT": before}

        def answer() -> None:
            value = struct.unpack("<f", struct.pack("<i", held["COUNT"]))[0] if bytewise else float(held["COUNT"])
            drone.say(mavlink.MAVLink_param_value_message(b"COUNT", value, 6, 1, 0))

        def asked(message: Message) -> None:
            answer()

        def told(message: Message) -> None:
            assert isinstance(message, mavlink.MAVLink_param_set_message)
            frame = bytes(message.get_msgbuf())
            if not bytewise:
                held["COUNT"] = round(message.param_value)
            elif message.param_type == 6:  # another type is refused, as MAVSDK does
                held["COUNT"] = struct.unpack("<i", frame[10:14])[0]
            answer()

        drone.on_message[mavlink.MAVLINK_MSG_ID_PARAM_REQUEST_READ] = asked
        drone.on_message[mavlink.MAVLINK_MSG_ID_PARAM_REQUEST_LIST] = asked
        drone.on_message[mavlink.MAVLINK_MSG_ID_PARAM_SET] = told
        async with flying(drone) as (_, vehicle):
            assert await vehicle.read_parameters(["COUNT"]) == {"COUNT": float(before)}
            await vehicle.set_parameters({"COUNT": wanted})
            assert held["COUNT"] == wanted
            assert await vehicle.read_all_parameters() == {"COUNT": float(wanted)}

    run_virtual(story())
