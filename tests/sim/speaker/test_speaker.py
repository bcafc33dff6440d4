"""What a simulated loudspeaker says, for how long, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flightctl.clock import Clock
from flightctl.speaker.protocol import (
    Say,
    SpeakerAck,
    SpeakerDone,
    SpeakerFailed,
    SpeakerReply,
    SpeakerStatus,
    Stop,
    speaker_reply,
)
from flightctl.transport import LinkUnavailable, Stream
from sim.memory_links import MemoryNetwork
from sim.speaker.speaker import SimSpeaker
from sim.speaker.speech import spoken_s
from sim.virtual_time import run_virtual

START = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
TEXT = "请立即离开滩涂"  # seven syllables


class Rig:
    def __init__(self, speaker: SimSpeaker, stream: Stream, replies: list[SpeakerReply], heard: list[str]) -> None:
        self.speaker = speaker
        self.stream = stream
        self.replies = replies
        self.heard = heard

    async def say(self, number: int, *, repeat: int = 2, valid_s: float = 30.0) -> None:
        say = Say(
            cmd_id=UUID(int=number),
            text=TEXT,
            repeat=repeat,
            issued_at=START,
            expires_at=START + timedelta(seconds=valid_s),
        )
        self.stream.write(say.model_dump_json().encode() + b"\n")
        await asyncio.sleep(0.01)

    async def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.speaker.step(0.1)
            await asyncio.sleep(0.1)

    def kinds(self, number: int) -> list[type[SpeakerReply]]:
        return [type(r) for r in self.replies if not isinstance(r, SpeakerStatus) and r.cmd_id == UUID(int=number)]


def with_rig(test: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        clock = Clock(asyncio.get_running_loop(), START)
        heard: list[str] = []
        speaker = SimSpeaker("spk-1", clock, lambda say: heard.append(say.text))
        network = MemoryNetwork()
        speaker.link.listen_memory(network, "tcp:127.0.0.1:14751")
        stream = await network.open_stream("tcp:127.0.0.1:14751")
        replies: list[SpeakerReply] = []

        async def read() -> None:
            try:
                while True:
                    replies.append(speaker_reply.validate_json(await stream.read_line()))
            except LinkUnavailable:
                return

        reader = asyncio.create_task(read())
        await test(Rig(speaker, stream, replies, heard))
        stream.close()
        await reader
        await network.close()

    run_virtual(main())


def test_speech_takes_a_quarter_second_a_syllable_in_both_languages() -> None:
    assert spoken_s(TEXT) == 7 / 4
    assert 1.5 < spoken_s("Leave the foreshore now!") < 3.0


def test_message_is_heard_as_often_as_asked_and_then_done() -> None:
    async def story(rig: Rig) -> None:
        await rig.say(1, repeat=2)
        await rig.pass_time(1.9)
        assert rig.heard == [TEXT]
        assert rig.kinds(1) == [SpeakerAck]
        await rig.pass_time(3.0)
        assert rig.heard == [TEXT, TEXT]
        assert rig.kinds(1) == [SpeakerAck, SpeakerDone]

    with_rig(story)


def test_repeated_command_is_answered_and_not_spoken_again() -> None:
    async def story(rig: Rig) -> None:
        await rig.say(1, repeat=1)
        await rig.pass_time(3.0)
        await rig.say(1, repeat=1)
        await rig.pass_time(3.0)
        assert rig.heard == [TEXT]
        assert rig.kinds(1) == [SpeakerAck, SpeakerDone, SpeakerAck, SpeakerDone]

    with_rig(story)


def test_expired_message_is_refused() -> None:
    async def story(rig: Rig) -> None:
        await rig.say(1, valid_s=-1)
        await rig.pass_time(3.0)
        assert rig.heard == []
        assert rig.kinds(1) == [SpeakerAck, SpeakerFailed]

    with_rig(story)


def test_newer_message_cuts_the_older_short() -> None:
    async def story(rig: Rig) -> None:
        await rig.say(1, repeat=5)
        await rig.pass_time(0.5)
        await rig.say(2, repeat=1)
        await rig.pass_time(3.0)
        assert rig.kinds(1) == [SpeakerAck, SpeakerFailed]
        assert rig.kinds(2) == [SpeakerAck, SpeakerDone]
        assert rig.heard == [TEXT]

    with_rig(story)


def test_stop_ends_speech() -> None:
    async def story(rig: Rig) -> None:
        await rig.say(1, repeat=5)
        await rig.pass_time(0.5)
        rig.stream.write(Stop(cmd_id=UUID(int=9)).model_dump_json().encode() + b"\n")
        await asyncio.sleep(0.01)
        await rig.pass_time(5.0)
        assert rig.heard == []
        assert rig.kinds(9) == [SpeakerAck, SpeakerDone]

    with_rig(story)


def test_broken_speaker_says_why() -> None:
    async def story(rig: Rig) -> None:
        rig.speaker.fault = "amplifier burnt out"
        await rig.say(1)
        failed = [r for r in rig.replies if isinstance(r, SpeakerFailed)]
        assert failed[0].reason == "amplifier burnt out"

    with_rig(story)
