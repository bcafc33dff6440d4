"""What the simulated dock does with commands, wind and faults, as its link tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.clock import Clock
from flightctl.dock.protocol import (
    Ack,
    DockAction,
    DockCommand,
    DockReply,
    DockState,
    DockStatus,
    Done,
    FailCode,
    Failed,
    Progress,
    dock_reply,
)
from flightctl.transport import LinkUnavailable, SocketTransports, Stream
from sim.dock.dock import BayReading, DockWeather, SimDock
from sim.dock.states import TRANSITIONS, DockEvent, ImpossibleDockEvent, next_state
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
ADDRESS = "tcp:127.0.0.1:14702"
STEP_S = 0.1


class FakeBay:
    def __init__(self, drone_id: str) -> None:
        self.drone_id = drone_id
        self.reading = BayReading(on_pad=True, approaching=False, armed=False)
        self.inhibited = False
        self.missing_wh = 0.0

    def read(self) -> BayReading:
        return self.reading

    def inhibit(self, inhibited: bool) -> None:
        self.inhibited = inhibited

    def charge(self, dt_s: float) -> bool:
        self.missing_wh = max(0.0, self.missing_wh - dt_s)
        return self.missing_wh == 0.0


class FakeWeather:
    wind_mps = 3.0

    def read(self) -> DockWeather:
        return DockWeather(wind_mps=self.wind_mps, wind_from_deg=120.0)


@dataclass
class Rig:
    dock: SimDock
    bay: FakeBay
    second: FakeBay
    weather: FakeWeather
    clock: Clock
    stream: Stream
    replies: list[DockReply]
    sent: int = 0

    def command(self, action: DockAction, *, drone_id: str = "cx-2", valid_s: float = 30.0) -> DockCommand:
        self.sent += 1
        now = self.clock.now()
        return DockCommand(
            cmd_id=UUID(int=self.sent),
            action=action,
            drone_id=drone_id,
            issued_at=now,
            expires_at=now + timedelta(seconds=valid_s),
        )

    async def say(self, command: DockCommand) -> None:
        self.stream.write(command.model_dump_json().encode() + b"\n")
        await asyncio.sleep(0.01)

    async def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.dock.step(STEP_S)
            await asyncio.sleep(STEP_S)

    async def send(self, action: DockAction, *, drone_id: str = "cx-2", then_s: float = 0.2) -> DockCommand:
        command = self.command(action, drone_id=drone_id)
        await self.say(command)
        await self.pass_time(then_s)
        return command

    async def launch(self) -> None:
        await self.send(DockAction.PREPARE, then_s=9.0)
        self.bay.reading = BayReading(on_pad=True, approaching=False, armed=True)
        await self.pass_time(0.5)
        self.bay.reading = BayReading(on_pad=False, approaching=False, armed=True)
        await self.pass_time(0.5)

    def answers(self, command: DockCommand) -> list[DockReply]:
        return [r for r in self.replies if not isinstance(r, DockStatus) and r.cmd_id == command.cmd_id]

    def states(self) -> list[DockState]:
        seen: list[DockState] = []
        for reply in self.replies:
            if isinstance(reply, DockStatus) and (not seen or seen[-1] is not reply.state):
                seen.append(reply.state)
        return seen


def with_rig(test: Callable[[Rig], Awaitable[None]], wind_mps: float = 3.0) -> None:
    async def main() -> None:
        clock = Clock(asyncio.get_running_loop(), START)
        weather = FakeWeather()
        weather.wind_mps = wind_mps
        bay, second = FakeBay("cx-2"), FakeBay("cx-5")
        dock = SimDock(
            "dock-mid", (bay, second), weather, clock, cover_opens_s=6.0, prepare_s=2.0, max_launch_wind_mps=12.0
        )
        network = MemoryNetwork()
        dock.link.listen_memory(network, ADDRESS)
        stream = await network.open_stream(ADDRESS)
        replies: list[DockReply] = []

        async def read() -> None:
            try:
                while True:
                    replies.append(dock_reply.validate_json(await stream.read_line()))
            except LinkUnavailable:
                return

        reader = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        await test(Rig(dock, bay, second, weather, clock, stream, replies))
        stream.close()
        await reader
        await network.close()

    run_virtual(main())


def test_prepare_checks_opens_the_cover_with_progress_and_is_done_when_ready() -> None:
    async def story(rig: Rig) -> None:
        assert rig.bay.inhibited
        command = await rig.send(DockAction.PREPARE, then_s=9.0)
        answers = rig.answers(command)
        assert isinstance(answers[0], Ack)
        assert isinstance(answers[-1], Done)
        steps = [(a.step, a.percent) for a in answers if isinstance(a, Progress)]
        assert {step for step, _ in steps} == {"self_check", "cover_opening"}
        assert steps == sorted(steps, key=lambda s: (s[0] != "self_check", s[1]))
        assert rig.states() == [DockState.IDLE, DockState.PREPARING, DockState.COVER_OPENING, DockState.READY]
        assert not rig.bay.inhibited

    with_rig(story)


def test_whole_flight_ends_in_the_dock_with_a_full_battery() -> None:
    async def story(rig: Rig) -> None:
        await rig.launch()
        await rig.send(DockAction.LAUNCHED)
        assert rig.dock.state is DockState.AIRBORNE
        assert rig.dock.drones_inside == ("cx-5",)
        await rig.send(DockAction.RECEIVE)
        rig.bay.reading = BayReading(on_pad=False, approaching=True, armed=True)
        await rig.pass_time(0.2)
        rig.bay.reading = BayReading(on_pad=True, approaching=False, armed=True)
        rig.bay.missing_wh = 2.0
        await rig.pass_time(0.2)
        early = await rig.send(DockAction.SECURE)
        assert isinstance(rig.answers(early)[-1], Failed)
        rig.bay.reading = BayReading(on_pad=True, approaching=False, armed=False)
        secure = await rig.send(DockAction.SECURE, then_s=12.0)
        assert isinstance(rig.answers(secure)[-1], Done)
        assert rig.states()[-8:] == [
            DockState.READY,
            DockState.LAUNCHING,
            DockState.AIRBORNE,
            DockState.RETURNING,
            DockState.LANDING,
            DockState.COVER_CLOSING,
            DockState.CHARGING,
            DockState.IDLE,
        ]
        assert rig.bay.inhibited

    with_rig(story)


def test_jammed_cover_stops_half_open_and_says_so() -> None:
    async def story(rig: Rig) -> None:
        rig.dock.faults.cover_jams = True
        command = await rig.send(DockAction.PREPARE, then_s=9.0)
        failed = rig.answers(command)[-1]
        assert isinstance(failed, Failed)
        assert failed.code is FailCode.COVER_JAMMED
        assert rig.dock.state is DockState.FAULT
        assert rig.dock.cover_percent == 50.0
        assert rig.bay.inhibited
        again = await rig.send(DockAction.PREPARE)
        refused = rig.answers(again)[-1]
        assert isinstance(refused, Failed)
        assert refused.code is FailCode.COVER_JAMMED
        rig.dock.repair()
        await rig.pass_time(5.0)
        assert rig.dock.state in {DockState.CHARGING, DockState.IDLE}

    with_rig(story)


def test_failed_self_check_leaves_the_cover_shut() -> None:
    async def story(rig: Rig) -> None:
        rig.dock.faults.self_check_fails = True
        command = await rig.send(DockAction.PREPARE, then_s=4.0)
        failed = rig.answers(command)[-1]
        assert isinstance(failed, Failed)
        assert failed.code is FailCode.SELF_CHECK
        assert rig.dock.cover_percent == 0.0

    with_rig(story)


def test_repeated_command_does_nothing_and_is_answered_again() -> None:
    async def story(rig: Rig) -> None:
        command = await rig.send(DockAction.PREPARE, then_s=9.0)
        before = rig.states()
        await rig.say(command)
        assert [type(a) for a in rig.answers(command)[-2:]] == [Ack, Done]
        assert rig.states() == before
        await rig.send(DockAction.ABORT, then_s=8.0)
        await rig.say(command)
        await rig.pass_time(3.0)
        assert rig.dock.cover_percent == 0.0

    with_rig(story)


def test_expired_command_does_nothing() -> None:
    async def story(rig: Rig) -> None:
        command = rig.command(DockAction.PREPARE, valid_s=-1.0)
        await rig.say(command)
        failed = rig.answers(command)[-1]
        assert isinstance(failed, Failed)
        assert failed.code is FailCode.EXPIRED
        assert rig.dock.state is DockState.IDLE

    with_rig(story)


def test_wind_above_the_limit_holds_launches_but_still_receives() -> None:
    async def story(rig: Rig) -> None:
        await rig.launch()
        rig.weather.wind_mps = 14.0
        await rig.pass_time(20.0)
        assert rig.dock.state is DockState.AIRBORNE
        rig.second.reading = BayReading(on_pad=True, approaching=False, armed=False)
        await rig.send(DockAction.SECURE, drone_id="cx-5", then_s=10.0)
        assert rig.dock.state is DockState.WEATHER_HOLD
        assert "14" in rig.dock.reason or "13." in rig.dock.reason
        refused = await rig.send(DockAction.PREPARE, drone_id="cx-5")
        answer = rig.answers(refused)[-1]
        assert isinstance(answer, Failed)
        assert answer.code is FailCode.WEATHER
        receive = await rig.send(DockAction.RECEIVE, then_s=8.0)
        assert isinstance(rig.answers(receive)[-1], Done)
        assert rig.dock.state is DockState.RETURNING

    with_rig(story)


def test_offline_dock_hangs_up_and_takes_no_calls() -> None:
    async def story(rig: Rig) -> None:
        rig.dock.link.set_online(False)
        await asyncio.sleep(0.1)
        count = len(rig.replies)
        await rig.pass_time(3.0)
        assert len(rig.replies) == count

    with_rig(story)


def test_line_that_is_no_command_is_refused_by_its_id_and_the_link_lives_on() -> None:
    async def story(rig: Rig) -> None:
        rig.stream.write(b"not json\n")
        rig.stream.write(b'{"cmd_id": "00000000-0000-0000-0000-00000000abcd", "action": "explode"}\n')
        await asyncio.sleep(0.1)
        failed = [r for r in rig.replies if isinstance(r, Failed)]
        assert [f.code for f in failed] == [FailCode.UNSUPPORTED]
        command = await rig.send(DockAction.PREPARE)
        assert isinstance(rig.answers(command)[0], Ack)

    with_rig(story)


def test_status_comes_once_a_second_with_the_wind() -> None:
    async def story(rig: Rig) -> None:
        rig.replies.clear()
        await rig.pass_time(5.0)
        statuses = [r for r in rig.replies if isinstance(r, DockStatus)]
        assert 5 <= len(statuses) <= 6
        assert statuses[-1].wind_mps == 3.0
        assert [s.seq for s in statuses] == sorted({s.seq for s in statuses})

    with_rig(story)


def test_emergency_stop_fails_what_is_under_way() -> None:
    async def story(rig: Rig) -> None:
        command = await rig.send(DockAction.PREPARE, then_s=4.0)
        rig.dock.press_stop()
        await rig.pass_time(5.0)
        failed = rig.answers(command)[-1]
        assert isinstance(failed, Failed)
        assert failed.code is FailCode.ESTOP
        assert 0.0 < rig.dock.cover_percent < 100.0

    with_rig(story)


def test_speaks_over_a_real_socket() -> None:
    async def main() -> None:
        clock = Clock(asyncio.get_running_loop(), START)
        dock = SimDock(
            "dock-mid", (FakeBay("cx-2"),), FakeWeather(), clock,
            cover_opens_s=6.0, prepare_s=2.0, max_launch_wind_mps=12.0,
        )  # fmt: skip
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        server = await dock.link.listen_tcp(f"tcp:127.0.0.1:{port}")
        stream = await SocketTransports().open_stream(f"tcp:127.0.0.1:{port}")
        greeting = dock_reply.validate_json(await stream.read_line())
        assert isinstance(greeting, DockStatus)
        dock.link.set_online(False)
        with pytest.raises(LinkUnavailable):
            await stream.read_line()
        stream.close()
        server.close()
        await server.wait_closed()

    asyncio.run(main())


@given(state=st.sampled_from(DockState), event=st.sampled_from(DockEvent))
def test_no_transition_happens_outside_the_table(state: DockState, event: DockEvent) -> None:
    if event in TRANSITIONS[state]:
        assert next_state(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(ImpossibleDockEvent):
            next_state(state, event)


@given(
    actions=st.lists(
        st.tuples(st.sampled_from(DockAction), st.sampled_from(["cx-2", "cx-5"]), st.integers(0, 90)), max_size=25
    ),
    jams=st.booleans(),
)
def test_a_drone_inside_never_may_arm_under_a_cover_that_is_not_open(
    actions: list[tuple[DockAction, str, int]], jams: bool
) -> None:
    async def main() -> None:
        clock = Clock(asyncio.get_running_loop(), START)
        bays = (FakeBay("cx-2"), FakeBay("cx-5"))
        dock = SimDock("d", bays, FakeWeather(), clock, cover_opens_s=6.0, prepare_s=2.0, max_launch_wind_mps=12.0)
        dock.faults.cover_jams = jams
        for number, (action, drone_id, steps) in enumerate(actions):
            before = dock.state
            dock.handle(
                DockCommand(cmd_id=UUID(int=number), action=action, drone_id=drone_id,
                            issued_at=START, expires_at=START + timedelta(hours=1))
            )  # fmt: skip
            assert dock.state is before or dock.state in DockState
            for _ in range(steps):
                dock.step(STEP_S)
                assert all(bay.inhibited for bay in bays) or dock.cover_percent == 100.0

    run_virtual(main())
