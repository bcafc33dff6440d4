"""Rates are asked for until they come, asked again when they drift, and let be when the autopilot cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from flightctl.mavlink.dialect import mavlink
from flightctl.vehicle import Vehicle
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying

SET, GET = mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAV_CMD_GET_MESSAGE_INTERVAL
WINCH = mavlink.MAVLINK_MSG_ID_WINCH_STATUS


class Streaming:
    """Sends WINCH_STATUS as it was asked, but for what is wrong with it."""

    def __init__(self, copter: Scripted) -> None:
        self.copter = copter
        self.interval_s: float | None = None
        self.fastest_s = 0.0
        self.knows = True  # the message
        self.tells = True  # its interval, when asked
        self.deaf_times = 0
        copter.on_command[SET] = self._set
        copter.on_command[GET] = self._get

    def asked(self, command: int) -> int:
        return sum(message.param1 == WINCH for message in self.copter.commands(command))

    def _set(self, message: mavlink.MAVLink_command_long_message) -> None:
        if message.param1 != WINCH or not self.knows:
            return
        if self.deaf_times:
            self.deaf_times -= 1
            return
        self.interval_s = max(self.fastest_s, message.param2 / 1e6)

    def _get(self, message: mavlink.MAVLink_command_long_message) -> None:
        if message.param1 == WINCH and self.tells:
            kept_us = -1 if self.interval_s is None else round(self.interval_s * 1e6)
            self.copter.say(mavlink.MAVLink_message_interval_message(WINCH, kept_us if self.knows else 0))

    async def stream(self) -> None:
        while True:
            await asyncio.sleep(self.interval_s or 0.1)
            if self.interval_s is not None:
                self.copter.say(mavlink.MAVLink_winch_status_message(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 1))


def told(tale: Callable[[Streaming, Vehicle], Awaitable[None]]) -> None:
    async def story() -> None:
        copter = Scripted()
        streaming = Streaming(copter)
        async with flying(copter) as (_, vehicle):
            sending = asyncio.ensure_future(streaming.stream())
            vehicle.components.want_rate(WINCH, 0.2)
            try:
                await tale(streaming, vehicle)
            finally:
                sending.cancel()

    run_virtual(story())


def measured_hz(vehicle: Vehicle) -> float | None:
    return next(rate.measured_hz for rate in vehicle.rates if rate.message_id == WINCH)


def test_a_rate_that_comes_is_asked_for_once_and_measured() -> None:
    async def tale(streaming: Streaming, vehicle: Vehicle) -> None:
        await asyncio.sleep(60.0)
        assert (streaming.asked(SET), streaming.asked(GET)) == (1, 0)
        assert measured_hz(vehicle) == pytest.approx(5.0, abs=0.3)

    told(tale)


def test_a_lost_request_is_repeated() -> None:
    async def tale(streaming: Streaming, vehicle: Vehicle) -> None:
        streaming.deaf_times = 2
        await asyncio.sleep(20.0)
        assert measured_hz(vehicle) == pytest.approx(5.0, abs=0.3)
        assert streaming.asked(SET) == 3

    told(tale)


@pytest.mark.parametrize("drifted_s", [1.0, 0.02, None])
def test_a_rate_that_another_station_changed_is_asked_for_again(drifted_s: float | None) -> None:
    async def tale(streaming: Streaming, vehicle: Vehicle) -> None:
        await asyncio.sleep(20.0)
        streaming.interval_s = drifted_s
        await asyncio.sleep(20.0)
        assert streaming.interval_s == pytest.approx(0.2)
        assert streaming.asked(SET) == 2

    told(tale)


def test_a_message_the_autopilot_does_not_have_is_not_asked_for_ever() -> None:
    async def tale(streaming: Streaming, vehicle: Vehicle) -> None:
        streaming.knows = False
        await asyncio.sleep(30.0)
        asked = streaming.asked(SET)
        assert asked <= 4
        await asyncio.sleep(1800.0)
        assert streaming.asked(SET) == asked
        assert not next(rate.available for rate in vehicle.rates if rate.message_id == WINCH)
        streaming.knows = True  # other firmware
        streaming.copter.boot_ms = 0
        await asyncio.sleep(20.0)
        assert streaming.interval_s == pytest.approx(0.2)

    told(tale)


def test_one_that_never_comes_and_is_never_explained_is_asked_for_more_and_more_seldom() -> None:
    async def tale(streaming: Streaming, vehicle: Vehicle) -> None:
        streaming.knows = streaming.tells = False
        await asyncio.sleep(600.0)
        early = streaming.asked(SET)
        await asyncio.sleep(3600.0)
        assert early <= 12
        assert 1 <= streaming.asked(SET) - early <= 7

    told(tale)


def test_what_the_autopilot_can_do_at_most_is_taken() -> None:
    async def tale(streaming: Streaming, vehicle: Vehicle) -> None:
        streaming.fastest_s = 0.5
        await asyncio.sleep(60.0)
        asked = streaming.asked(SET)
        await asyncio.sleep(600.0)
        assert streaming.asked(SET) == asked
        assert measured_hz(vehicle) == pytest.approx(2.0, abs=0.2)

    told(tale)
