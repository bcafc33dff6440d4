"""Round trips and clock offsets are told apart from the link's delays, and a vehicle's own question is answered."""

from __future__ import annotations

import asyncio

import pytest

from flightctl.mavlink.dialect import Message, mavlink
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying

AHEAD_NS = 5_000_000_000


def test_the_shortest_way_gives_the_offset() -> None:
    async def story() -> None:
        autopilot = Scripted()
        delays_s = iter([0.9, 0.05, 0.7, 0.6, 0.8, *[0.5] * 50])

        def answer(message: Message) -> None:
            assert isinstance(message, mavlink.MAVLink_timesync_message)
            if message.tc1 == 0:
                loop = asyncio.get_running_loop()
                delay_s = next(delays_s)
                theirs_ns = round((loop.time() + delay_s / 2) * 1e9) + AHEAD_NS
                reply = mavlink.MAVLink_timesync_message(theirs_ns, message.ts1)
                other = mavlink.MAVLink_timesync_message(1, message.ts1 + 1)  # for another station
                loop.call_later(delay_s / 2, autopilot.say, other)
                loop.call_later(delay_s, autopilot.say, reply)
                loop.call_later(delay_s, autopilot.say, reply)

        autopilot.on_message[mavlink.MAVLINK_MSG_ID_TIMESYNC] = answer
        async with flying(autopilot) as (_, vehicle):
            await asyncio.sleep(8.0)
            sample = vehicle.time_sample
            assert sample is not None
            assert sample.round_trip_s == pytest.approx(0.05, abs=1e-3)
            assert sample.offset_s == pytest.approx(5.0, abs=1e-3)
            autopilot.boot_ms = 0  # it reboots: its clock counts anew
            autopilot.on_message.clear()
            await vehicle.until(lambda: vehicle.reboots or None, 5.0)
            assert vehicle.time_sample is None

    run_virtual(story())


def test_its_own_question_comes_back_untouched() -> None:
    async def story() -> None:
        autopilot = Scripted()
        async with flying(autopilot):
            autopilot.say(mavlink.MAVLink_timesync_message(0, 123_456_001))
            await asyncio.sleep(0.5)
            answers = [m for m in autopilot.heard if isinstance(m, mavlink.MAVLink_timesync_message) and m.tc1]
            assert [answer.ts1 for answer in answers] == [123_456_001]

    run_virtual(story())
