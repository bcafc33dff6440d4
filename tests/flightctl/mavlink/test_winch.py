"""A winch is believed when its own report shows the line, at component 169 or behind the autopilot."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import (
    CommandFailed,
    CommandTimedOut,
    LinkLost,
    NotFitted,
    NotMoved,
)
from flightctl.vehicle import Vehicle
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.scripted import Scripted, flying
from tests.flightctl.mavlink.shaped import Shape, ShapedNetwork

WINCH = mavlink.MAV_CMD_DO_WINCH
HEALTHY, RETRACTED, MOVING = 1, 2, 4


class LineOnASpool:
    """A winch that turns at 1 m/s and reports five times a second, as `component`."""

    def __init__(self, copter: Scripted, component: int) -> None:
        self.copter = copter
        self.component = component
        self.length_m = 0.0
        self.goal_m: float | None = None
        self.rate_mps = 0.0
        self.jams_at_m = math.inf
        self.silent = False
        self.deaf_times = 0  # commands it does not hear
        self.mute_times = 0  # commands it carries out without an answer
        self.refuse_with: int | None = None
        self.taken: list[tuple[float, ...]] = []
        copter.on_command[WINCH] = self.command

    def command(self, message: mavlink.MAVLink_command_long_message) -> None:
        assert message.target_component == self.component
        if self.deaf_times:
            self.deaf_times -= 1
            return
        if self.refuse_with is not None:
            self.say(mavlink.MAVLink_statustext_message(3, b"Winch: line is caught", 0, 0))
            self.say(mavlink.MAVLink_command_ack_message(WINCH, self.refuse_with, 0, 0, 255, 190))
            return
        self.taken.append((message.param2, message.param3, message.param4))
        if message.param2 == mavlink.WINCH_RELATIVE_LENGTH_CONTROL:
            self.goal_m = self.length_m + message.param3
        elif message.param2 == mavlink.WINCH_RATE_CONTROL:
            self.goal_m, self.rate_mps = None, message.param4
        elif message.param2 == mavlink.WINCH_RETRACT:
            self.goal_m = 0.0
        if self.mute_times:
            self.mute_times -= 1
        else:
            self.say(mavlink.MAVLink_command_ack_message(WINCH, mavlink.MAV_RESULT_ACCEPTED, 0, 0, 255, 190))

    def say(self, message: mavlink.MAVLink_message) -> None:
        if self.component == 1:
            self.copter.say(message)
        else:
            self.copter.say_as(self.component, message)

    async def turn(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            step_m = 0.2 * self.rate_mps
            if self.goal_m is not None:
                step_m = max(-0.2, min(0.2, self.goal_m - self.length_m))
            if self.length_m + step_m > self.jams_at_m:
                step_m = 0.0
            self.length_m += step_m
            flags = HEALTHY | (MOVING if abs(step_m) > 1e-6 else 0) | (RETRACTED if self.length_m < 0.01 else 0)
            if not self.silent:
                self.say(
                    mavlink.MAVLink_winch_status_message(0, self.length_m, step_m / 0.2, 1.5, 12.0, 0.5, 30, flags)
                )


Tale = Callable[[LineOnASpool, Vehicle], Awaitable[None]]


def told(component: int, tale: Tale, network: Callable[[], MemoryNetwork] | None = None) -> None:
    """Runs `tale(winch, vehicle)` with a spool behind this component."""

    async def story() -> None:
        copter = Scripted()
        spool = LineOnASpool(copter, component)
        async with flying(copter, network=network() if network else None) as (_, vehicle):
            turning = asyncio.ensure_future(spool.turn())
            try:
                await tale(spool, vehicle)
            finally:
                turning.cancel()

    run_virtual(story())


@pytest.mark.parametrize("component", [1, 169])
def test_line_is_out_when_the_winch_reports_its_length(component: int) -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        done = await vehicle.winch.wind(6.0, 1.0)
        assert done.length_m == pytest.approx(6.0, abs=0.15)
        assert (done.standing, done.healthy) == (True, True)
        assert done.tension_kg == pytest.approx(1.5)
        back = await vehicle.winch.wind_to(2.0)
        assert back.length_m == pytest.approx(2.0, abs=0.15)
        assert [round(length_m) for _, length_m, _ in spool.taken] == [6, -4]
        assert (await vehicle.winch.retract()).retracted

    told(component, tale)


def test_a_vehicle_without_a_winch_says_so_and_is_sent_nothing_to_move() -> None:
    async def story() -> None:
        copter = Scripted()
        async with flying(copter) as (_, vehicle):
            with pytest.raises(NotFitted, match="has no winch"):
                await vehicle.winch.wind(1.0)
            assert not copter.commands(WINCH)

    run_virtual(story())


def test_a_line_that_stops_short_is_an_error_and_not_paid_out_twice() -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        spool.jams_at_m = 2.0
        with pytest.raises(NotMoved, match=r"stopped with 2\.0 m"):
            await vehicle.winch.wind(6.0)
        assert len(spool.taken) == 1

    told(169, tale)


def test_a_winch_that_works_without_answering_is_not_told_twice() -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        spool.mute_times = 1
        assert (await vehicle.winch.wind(3.0)).length_m == pytest.approx(3.0, abs=0.15)
        assert len(spool.taken) == 1

    told(169, tale)


def test_a_command_the_winch_did_not_hear_is_sent_again_once_the_line_is_seen_to_stand() -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        await vehicle.winch.find()
        spool.deaf_times = 1
        assert (await vehicle.winch.wind(3.0)).length_m == pytest.approx(3.0, abs=0.15)
        assert len(spool.taken) == 1

    told(169, tale)


def test_nothing_is_repeated_while_the_winch_is_not_seen() -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        await vehicle.winch.find()
        spool.silent, spool.deaf_times = True, 9
        with pytest.raises(CommandTimedOut, match="not repeated"):
            await vehicle.winch.wind(3.0)
        assert len(spool.copter.commands(WINCH)) == 1

    told(169, tale)


def test_a_winch_that_falls_silent_on_the_way_ends_in_an_error() -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        asyncio.get_running_loop().call_later(3.0, setattr, spool, "silent", True)
        with pytest.raises(LinkLost, match="no longer heard"):
            await vehicle.winch.wind(20.0)

    told(169, tale)


def test_a_refusal_carries_the_winchs_own_reason() -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        await vehicle.winch.find()
        spool.refuse_with = mavlink.MAV_RESULT_FAILED
        with pytest.raises(CommandFailed, match="line is caught"):
            await vehicle.winch.wind(3.0)

    told(169, tale)


def test_rate_hold_and_relax() -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        await vehicle.winch.run(0.5)
        await asyncio.sleep(2.0)
        running = vehicle.winch.status
        assert running is not None
        assert running.speed_mps == pytest.approx(0.5)
        await vehicle.winch.hold()
        await asyncio.sleep(1.0)
        assert spool.length_m == pytest.approx(running.length_m, abs=0.5)
        await vehicle.winch.relax()
        assert spool.taken[-1][0] == mavlink.WINCH_RELAXED

    told(169, tale)


@pytest.mark.parametrize("seed", range(6))
def test_on_a_bad_link_the_line_is_paid_out_once_or_it_ends_in_an_error(seed: int) -> None:
    async def tale(spool: LineOnASpool, vehicle: Vehicle) -> None:
        try:
            await vehicle.winch.wind(5.0)
        except (CommandTimedOut, NotFitted, LinkLost):
            assert len(spool.taken) <= 1
        else:
            await asyncio.sleep(3.0)
            assert spool.length_m == pytest.approx(5.0, abs=0.15)

    shape = Shape(loss=0.2, doubled=0.0, latency_s=0.15, jitter_s=0.15)
    told(169, tale, lambda: ShapedNetwork(shape, np.random.default_rng(seed)))
